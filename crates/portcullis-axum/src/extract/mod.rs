//! The extractors: the caller, and the caller who meets a requirement.

mod jwt;
mod require;
mod role;

pub use self::jwt::Jwt;
pub use self::require::Require;
pub use self::role::Role;

//! The layer that verifies: [`JwtLayer`], its service and its future.

mod future;
mod gate;
mod jwt;
mod service;
#[cfg(feature = "tokio")]
mod timeout;

pub use self::future::ResponseFuture;
pub use self::jwt::JwtLayer;
pub use self::service::JwtService;
#[cfg(feature = "tokio")]
pub use self::timeout::Timeout;

//! What an issuer serves over HTTP: its keys and what it says about itself. These are services of
//! tower, for any framework.

mod body;
mod document;
mod jwks;
mod metadata;

pub use body::Body;
pub use jwks::JwksService;
pub use metadata::{MetadataService, ServerMetadata};

//! What the client gets to see of a [`Rejection`]: the status, the challenge, a short body.

mod body;
mod challenge;
mod custom;
mod grpc;
mod log;
mod pending;
mod problem;
mod render;

pub use self::body::ResponseBody;
pub use self::custom::ResponseForRejection;
pub(crate) use self::grpc::GrpcKind;
pub(crate) use self::render::{Renderer, pass};

#![doc = include_str!("../README.md")]
//!
//! # Rules
//!
//! | In a handler | Gives | Without a credential |
//! |---|---|---|
//! | [`Jwt<C>`](Jwt) | the caller | 401 |
//! | `Option<Jwt<C>>` | the caller, or `None` | `None`, if the layer is [optional](JwtLayer::optional) or the path [exempt](JwtLayer::exempt) |
//! | [`Role<R, C>`](Role) | the caller, who has the role; else 403 | 401 |
//! | [`Require<R, C>`](Require) | the caller, who meets the requirement; else 403 | 401 |
//!
//! - All of them deref to the claims `C`, none takes anything away: a handler may have several.
//! - `Option` is about credentials that were not sent. A bad one is a 401 before the handler is asked.
//! - An extractor without its layer, or inside a layer for other claims, is a 500; the log says which
//!   claims it looked for, and which the layer has. It is never a pass.
//! - The answer to a refusal is rendered by the layer, so the realm, the body and the challenge are
//!   the same whoever refused.
//!
//! # Caveats
//!
//! - Order matters: `Router::layer` guards the routes that were added **before** it. Routes added
//!   after it are open, and an extractor in one of them is a 500.
//! - `Router::layer` also guards the fallback: an unknown path is a 401 to a stranger.
//!   `Router::route_layer` leaves it open, and then a 404 tells them which paths exist.
//! - A nested router sees paths without its prefix, so [exempt](JwtLayer::exempt) paths of a layer
//!   inside have to leave it out.
//! - A CORS layer belongs outside of the [`JwtLayer`]: added after it.

mod extract;
mod rejection;

#[doc(inline)]
pub use portcullis::*;

pub use self::extract::{Jwt, Require, Role};
pub use self::rejection::JwtRejection;

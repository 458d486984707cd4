//! The world that is attacked: a verifier, a server in front of a service, and what must be true of
//! every refusal.

mod answer;
mod log;
mod panics;
mod server;
mod world;

pub(crate) use answer::Answer;
pub(crate) use log::Log;
pub(crate) use panics::panics_of_this_thread;
pub(crate) use server::{Carrier, Server, request};
pub(crate) use world::{World, hmac_signed, row};

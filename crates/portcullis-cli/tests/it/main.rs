//! The command as a person or a script runs it: its output, its exit code, and the gate over sockets.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod configuration;
mod doctor;
mod explain;
mod gate;
mod help;
mod inspect;
mod keygen;
mod mint;
mod support;

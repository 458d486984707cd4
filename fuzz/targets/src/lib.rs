//! What the fuzz targets do. Each is a function of bytes that panics where something is wrong: in the
//! code under test, or in what it answered. `fuzz/` links them with libFuzzer; a test of this package
//! replays their corpora without it.
//!
//! What was accepted is read once more by a reader that shares no code with the library:
//! `json.rs` and `base64url.rs`. Where the two disagree, the target panics.
#![allow(clippy::missing_panics_doc, reason = "to panic is what they are for")]

pub mod answer;
mod base64url;
pub mod claims;
pub mod credential;
mod fixture;
mod json;
pub mod jwk_set;
mod log;
pub mod token;

/// A target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is that of its corpus too.
    pub name: &'static str,
    /// What it does with an input.
    pub run: fn(&[u8]),
}

/// Every target.
pub const ALL: [Target; 5] = [
    Target { name: "answer", run: answer::run },
    Target { name: "claims", run: claims::run },
    Target { name: "credential", run: credential::run },
    Target { name: "jwk_set", run: jwk_set::run },
    Target { name: "token", run: token::run },
];

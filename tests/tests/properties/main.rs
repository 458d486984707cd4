//! Properties: whatever bytes come, nothing panics, nothing is a 5xx, and what is refused is refused for
//! a stated reason; what was signed verifies; and no restriction lets more pass than there was.
//!
//! The cases are the same at every run. `PORTCULLIS_CASES` asks for more of them.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod bytes;
mod monotone;
mod payloads;
mod round_trip;

use proptest::test_runner::{Config, RngSeed};

/// So many cases, always the same.
fn config(cases: u32) -> Config {
    let asked = std::env::var("PORTCULLIS_CASES").ok().and_then(|cases| cases.parse().ok());
    Config {
        cases: asked.unwrap_or(cases),
        rng_seed: RngSeed::Fixed(20_261),
        failure_persistence: None,
        ..Config::default()
    }
}

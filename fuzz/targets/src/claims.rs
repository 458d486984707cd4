//! Payloads: what follows is signed, so that nothing stands between it and the reading of claims.

use crate::fixture::{ask_all, fixture};

/// Runs the target.
pub fn run(data: &[u8]) {
    let fixture = fixture();
    let header = br#"{"alg":"HS256","kid":"hs"}"#;
    let token = fixture.sign(&fixture.hs, header, data);
    // what came of it is compared with what an independent reader finds
    let _ = ask_all(token.as_bytes());
}

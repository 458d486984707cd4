//! How each defect is made. Where a careless issuer could have signed it, it is signed: then nothing
//! but the check that it is for can refuse the token.

mod claims;
mod header;
mod text;

use super::{Defect, TestToken};

/// The token with this defect; `None` if its algorithm can't have it.
pub(super) fn forge(token: &TestToken, defect: Defect) -> Option<String> {
    let spoilt = claims::spoil(token, defect).or_else(|| header::spoil(token, defect));
    match spoilt {
        Some(token) => Some(token.mint()),
        None => text::spoil(token, defect),
    }
}

/// A JSON object with one more member at its end.
fn spliced(object: &[u8], member: &str) -> Vec<u8> {
    let inside = object.strip_suffix(b"}").unwrap_or(object);
    [inside, b",", member.as_bytes(), b"}"].concat()
}

/// The same JSON with spaces after it, so that its base64url does not come out even.
fn uneven(mut json: Vec<u8>) -> Vec<u8> {
    while json.len().is_multiple_of(3) {
        json.push(b' ');
    }
    json
}

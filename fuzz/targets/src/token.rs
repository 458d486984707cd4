//! Tokens: any bytes, headers and payloads that are signed as they are, and good tokens with a few bytes
//! changed.
//!
//! The first byte says which, modulo 4: `h` and `e` sign what follows by HS256 or ES256 (header, line
//! feed, payload); `r` is any text; `c` changes a good token, by three bytes a change: where, and into
//! what.

use portcullis::jws::{self, Jws};
use portcullis_issuer::SigningKey;

use crate::base64url;
use crate::fixture::{Fixture, GOOD, ask_all, assert_good_rejection, fixture};
use crate::json::Json;

/// Parameters that no accepted header has.
const FORBIDDEN: [&str; 8] = ["crit", "b64", "jwk", "jku", "x5c", "x5u", "enc", "zip"];

/// Runs the target.
pub fn run(data: &[u8]) {
    let Some((&mode, rest)) = data.split_first() else { return };
    let fixture = fixture();
    match mode % 4 {
        0 => check(&signed(fixture, &fixture.hs, rest)),
        1 => check(&signed(fixture, &fixture.es, rest)),
        2 => check(rest),
        _ => check_changed(rest),
    }
}

fn signed(fixture: &Fixture, key: &SigningKey, data: &[u8]) -> Vec<u8> {
    let at = data.iter().position(|&b| b == b'\n').unwrap_or(data.len());
    let (header, payload) = data.split_at(at);
    let payload = payload.strip_prefix(b"\n").unwrap_or(GOOD.as_bytes());
    fixture.sign(key, header, payload).into_bytes()
}

fn check(token: &[u8]) {
    let verified = jws::verify(token, &fixture().keys);
    match &verified {
        Ok(jws) => check_accepted(token, jws),
        Err(rejection) => assert_good_rejection(rejection, token),
    }
    let claims = ask_all(token);
    assert!(claims.is_err() || verified.is_ok(), "the verifier takes what is no JWS");
}

/// Reads once more what was accepted.
fn check_accepted(token: &[u8], jws: &Jws) {
    let parts: Vec<_> = token.split(|&b| b == b'.').collect();
    let [header, payload, signature] = parts.as_slice() else { panic!("{} parts", parts.len()) };
    let header = base64url::decode(header).expect("the header is canonical");
    let payload = base64url::decode(payload).expect("the payload is canonical");
    assert!(!base64url::decode(signature).expect("the signature is canonical").is_empty());
    assert_eq!(payload, jws.payload());
    // at most 127 levels, so it is never too deep
    let header = Json::read(&header).expect("the header is JSON");
    assert!(header.members().is_some() && header.has_distinct_names_throughout());
    assert!(FORBIDDEN.iter().all(|name| header.get(name).is_none()));
    let alg = header.get("alg").and_then(Json::text);
    assert_eq!(alg, Some(jws.key().algorithm().name()));
    if let Some(kid) = header.get("kid") {
        assert_eq!(kid.text(), jws.key().key_id());
        assert_eq!(kid.text(), jws.header().key_id());
    }
    assert_eq!(header.get("typ").and_then(Json::text), jws.header().typ());
}

/// HMAC has one signature and base64url one spelling, so a good token has no other form.
fn check_changed(changes: &[u8]) {
    let good = fixture().good();
    let mut token = good.clone().into_bytes();
    for change in changes.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % token.len();
        token[at] = change[2];
    }
    check(&token);
    let accepted = fixture().any.verify(&token).is_ok();
    assert_eq!(accepted, token == good.as_bytes(), "{}", String::from_utf8_lossy(&token));
}

//! `mint`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::support::World;

fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn a_token_holds_what_was_said_and_no_more() {
    let world = World::with_key();
    world.write("claims.json", r#"{"team": "blue", "sub": "eve"}"#);
    let token = world.mint(&[
        "--subject",
        "bob",
        "--audience",
        "other",
        "--role",
        "admin",
        "--role",
        "reader",
        "--scope",
        "pay look",
        "--lifetime",
        "15m",
        "--typ",
        "at+jwt",
        "--claims-file",
        "claims.json",
        "--claim",
        "level:=3",
        "--claim",
        "jti:=null",
    ]);
    assert_eq!(part(&token, 0)["typ"], "at+jwt");
    let mut claims = part(&token, 1);
    let (iat, exp) = (claims["iat"].take(), claims["exp"].take());
    assert_eq!(exp.as_i64().unwrap() - iat.as_i64().unwrap(), 900);
    let expected = serde_json::json!({
        "iss": "https://me.example", "aud": ["payroll", "other"], "sub": "eve", "iat": null,
        "exp": null, "roles": ["admin", "reader"], "scope": "pay look", "team": "blue", "level": 3,
    });
    assert_eq!(claims, expected);
    let other = world.mint(&[]);
    assert_ne!(part(&other, 1)["jti"], part(&world.mint(&[]), 1)["jti"]);
}

#[test]
fn it_says_that_it_is_for_tests() {
    let world = World::with_key();
    let mint = ["mint", "--key", "key.pem", "--issuer", "https://me.example"];
    let loud = world.run(&mint).check(0);
    assert!(loud.err.contains("for tests"), "{loud:?}");
    assert_eq!(world.run(&[&mint[..], &["-q"]].concat()).check(0).err, "");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let world = World::with_key();
    let mint = ["mint", "--issuer", "https://me.example"];
    for (args, words) in [
        (&["--key", "key.pem", "--lifetime", "2d"][..], &["--lifetime", "a day"][..]),
        (&["--key", "key.pem", "--claim", "x"], &["--claim", "NAME=TEXT"]),
        (&["--key", "key.pem", "--claims-file", "key.pem"], &["key.pem", "no JSON object"]),
        (&["--key", "jwks.json"], &["jwks.json", "public key"]),
        (&["--key", "key.pem", "--secret-file", "key.pem"], &["--secret-file"]),
        (&[], &["--key"]),
    ] {
        world.run(&[&mint, args].concat()).check_error(words);
    }
    world.write("weak", "password");
    let weak = world.run(&[&mint[..], &["--secret-file", "weak"]].concat());
    assert!(!weak.err.contains("password"), "{weak:?}");
    weak.check_error(&["weak", "32"]);
}

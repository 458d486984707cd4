//! `inspect`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::support::World;

fn token(header: &str, payload: &str) -> String {
    format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

#[test]
fn it_shows_what_is_there_and_says_that_nothing_is_verified() {
    let world = World::new();
    let text =
        token(r#"{"alg":"none"}"#, r#"{"sub":"bob","exp":1,"n":12345678901234567890,"sub":"eve"}"#);
    for input in [text.clone(), format!("Authorization: Bearer {text}\n")] {
        let ran = world.run_with(&["inspect", "-"], &[], &input).check(0);
        assert!(ran.out.starts_with("NOT VERIFIED") && ran.err.contains("NOT VERIFIED"), "{ran:?}");
        assert!(ran.err.contains("\"sub\" is there twice"), "{ran:?}");
        for line in [
            "\"alg\": \"none\"",
            "\"n\": 12345678901234567890",
            "\"sub\": \"bob\"",
            "\"sub\": \"eve\"",
        ] {
            assert!(ran.out.contains(line), "{line}: {ran:?}");
        }
        assert!(ran.out.contains("exp       1970-01-01T00:00:01Z") && ran.out.contains("expired"));
        assert!(!ran.err.contains("argument"));
    }
    // as an argument it works, and is advised against
    let ran = world.run(&["inspect", &text]).check(0);
    assert!(ran.err.contains("standard input"), "{ran:?}");
}

#[test]
fn what_the_token_says_does_nothing_to_the_terminal() {
    let world = World::new();
    let payload = "{\"a\u{202e}\":\"\u{7f}\u{9b}31m\u{200b}\\u001b[31m\"}";
    for args in [&["inspect", "-"][..], &["inspect", "--json", "-"]] {
        let ran = world.run_with(args, &[], &token(r#"{"alg":"HS256"}"#, payload)).check(0);
        let plain = |c: char| c == '\n' || matches!(c, ' '..='~');
        assert!(ran.out.chars().all(plain) && ran.err.chars().all(plain), "{ran:?}");
        assert!(ran.out.contains("\\u202e") && ran.out.contains("\\u009b"), "{ran:?}");
    }
}

#[test]
fn scripts_get_json() {
    let world = World::new();
    let ran = world.run_with(
        &["inspect", "--json", "-"],
        &[],
        &token(r#"{"alg":"ES256"}"#, r#"{"sub":"b"}"#),
    );
    let json: serde_json::Value = serde_json::from_str(&ran.check(0).out).unwrap();
    let expected =
        serde_json::json!({"verified": false, "header": {"alg": "ES256"}, "payload": {"sub": "b"}});
    assert_eq!(json, expected);
}

#[test]
fn what_is_no_token_is_told_for_what_it_is() {
    let world = World::new();
    for (input, word) in [
        ("", "empty"),
        ("6f1c9b", "opaque"),
        ("a.b", "three parts"),
        ("!.b.c", "no base64url"),
        ("_w.e30.", "no UTF-8"),
    ] {
        world.run_with(&["inspect", "-"], &[], input).check_error(&[word]);
    }
    // of an encrypted token the header can be read
    let jwe =
        format!("{}.a.b.c.d", URL_SAFE_NO_PAD.encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#));
    let ran = world.run_with(&["inspect", "-"], &[], &jwe).check(0);
    assert!(ran.err.contains("JWE") && ran.out.contains("A256GCM"), "{ran:?}");
}

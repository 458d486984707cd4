//! The hazards of the library that most of us started with, one test each: what it lets through, or
//! does, and that Portcullis does not.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, Validation, decode};
use portcullis::RejectionKind::{
    self, AlgorithmNotAllowed, DuplicateClaim, Expired, ForbiddenHeader, InvalidClaim,
    InvalidSignature, IssuedInFuture, MalformedToken, MissingClaim, NotYetValid, TokenTooLarge,
    WrongType,
};
use portcullis::keys::{KeySet, VerificationKey};
use portcullis::{Algorithm, Issuer, Keys, Timestamp, Verifier, jws};
use portcullis_testing::{TestClock, TestIssuer, TestToken};
use serde_json::{Value, json};

use crate::support::{World, hmac_signed, row};

const NOW: i64 = TestIssuer::NOW;

fn issuer() -> TestIssuer {
    TestIssuer::new(Algorithm::HS256)
}

fn kind(trusted: Issuer, clock: TestClock, token: &TestToken) -> Option<RejectionKind> {
    let verifier: Verifier<Value> =
        Verifier::builder().trust(trusted).clock(clock).build().unwrap();
    verifier.verify(token.mint()).err().map(|rejection| rejection.kind())
}

/// Refused with the usual settings.
fn refused(token: &TestToken) -> Option<RejectionKind> {
    kind(issuer().trusted(), issuer().clock(), token)
}

/// True if the other library takes it; its settings are as strict as most users write them.
fn they_accept(token: &str, secret: &[u8]) -> bool {
    let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.set_issuer(&["https://issuer.test"]);
    validation.set_audience(&["api"]);
    // the test issuer lives in 2023
    validation.validate_exp = false;
    decode::<Value>(token, &DecodingKey::from_secret(secret), &validation).is_ok()
}

fn secret() -> Vec<u8> {
    issuer().key().to_private_bytes().unwrap().as_ref().to_vec()
}

#[test]
fn hazard_01_crit_and_other_parameters_are_not_ignored() {
    let critical = issuer().token().header("crit", ["exp"]).header("exp", 1);
    assert!(they_accept(&critical.mint(), &secret()));
    for (name, value, expected) in [
        ("crit", json!(["exp"]), ForbiddenHeader),
        ("crit", json!(["x"]), ForbiddenHeader),
        ("zip", json!("DEF"), ForbiddenHeader),
        ("enc", json!("A128GCM"), ForbiddenHeader),
        ("b64", json!(false), ForbiddenHeader),
        ("cty", json!("JWT"), WrongType),
        ("typ", json!("logout+jwt"), WrongType),
    ] {
        assert_eq!(refused(&issuer().token().header(name, value)), Some(expected), "{name}");
    }
}

#[test]
fn hazard_02_what_a_jwk_says_of_its_use_is_obeyed() {
    let jwk = TestIssuer::new(Algorithm::EdDSA).key().public_jwk().unwrap();
    let jwk: Value = serde_json::from_str(&jwk).unwrap();
    for (name, value) in [
        ("alg", json!("ES256")),
        ("use", json!("enc")),
        ("key_ops", json!(["sign"])),
        ("crv", json!("P-256")),
        ("crv", json!("X25519")),
    ] {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        assert!(VerificationKey::from_jwk(jwk.to_string()).is_err(), "{name}");
    }
    // of two keys with one name both are tried, not the first only
    let (one, two) = (issuer(), TestIssuer::stranger(Algorithm::HS256));
    let named = |issuer: &TestIssuer| issuer.key().clone().with_key_id("k").verification_key();
    for keys in [[named(&one), named(&two)], [named(&two), named(&one)]] {
        let trusted = one.trusted().keys(Keys::new(keys).unwrap());
        assert_eq!(kind(trusted, one.clock(), &one.token().header("kid", "k")), None);
    }
}

#[test]
fn hazard_03_weak_keys_are_refused_when_they_are_loaded() {
    let good = issuer().token().mint();
    let payload = URL_SAFE_NO_PAD.decode(good.split('.').nth(1).unwrap()).unwrap();
    let empty = hmac_signed("HS256", b"", br#"{"alg":"HS256"}"#, &payload);
    assert!(they_accept(&empty, b""));
    assert!(Keys::from_secret(Algorithm::HS256, b"").is_err());
    assert!(Keys::from_secret(Algorithm::HS256, b"thirty-one bytes are not enough").is_err());

    let rsa = TestIssuer::new(Algorithm::RS256).key().public_jwk().unwrap();
    let mut rsa: Value = serde_json::from_str(&rsa).unwrap();
    rsa["e"] = "Aw".into();
    assert!(Keys::from_jwk(rsa.to_string()).is_err());

    let small = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode([0; 32])});
    assert!(Keys::from_jwk(small.to_string()).is_err());
}

#[test]
fn hazard_04_a_claim_of_the_wrong_type_skips_no_check() {
    let array = issuer().token().claim("iss", ["https://issuer.test"]).mint();
    assert!(they_accept(&array, &secret()));
    let mistyped = issuer().token().claim("aud", 5).mint();
    assert!(they_accept(&mistyped, &secret()));
    for name in ["iss", "aud", "sub"] {
        for value in [json!(5), json!({"x": "api"}), json!(null), json!(true), json!([["api"]])] {
            let token = issuer().token().claim(name, &value);
            assert_eq!(refused(&token), Some(InvalidClaim), "{name} {value}");
        }
    }
    assert_eq!(
        refused(&issuer().token().claim("iss", ["https://issuer.test"])),
        Some(InvalidClaim)
    );
}

#[test]
fn hazard_05_every_claim_can_be_required_and_times_are_checked() {
    for name in ["jti", "iat", "tenant", "sub", "nbf"] {
        let trusted = issuer().trusted().require_claim(name);
        let token = issuer().token().without(name);
        assert_eq!(kind(trusted, issuer().clock(), &token), Some(MissingClaim), "{name}");
    }
    assert_eq!(refused(&issuer().token().claim("iat", NOW + 61)), Some(IssuedInFuture));
    assert_eq!(refused(&issuer().token().claim("nbf", NOW + 61)), Some(NotYetValid));
}

#[test]
fn hazard_06_times_are_compared_as_they_are_and_not_rounded() {
    let exact = |exp: Value| {
        let trusted = issuer().trusted().leeway(Duration::ZERO);
        kind(trusted, issuer().clock(), &issuer().token().claim("exp", exp))
    };
    assert_eq!(exact(json!(NOW)), Some(Expired), "RFC 7519 §4.1.4: on or after");
    assert_eq!(exact(json!(NOW + 1)), None);
    assert_eq!(exact(json!(NOW as f64 + 0.4)), None);
    assert_eq!(exact(json!(NOW as f64 - 0.4)), Some(Expired));
    let clock = TestClock::new(Timestamp::from_millis(NOW * 1000 + 500));
    let trusted = issuer().trusted().leeway(Duration::ZERO);
    let token = issuer().token().claim("exp", NOW as f64 + 0.4);
    assert_eq!(kind(trusted, clock, &token), Some(Expired), "neither to 0 nor to 1");
}

#[test]
fn hazard_07_no_time_overflows() {
    let ends = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    for now in ends {
        for time in ends {
            let clock = TestClock::new(Timestamp::from_secs(now));
            let trusted = issuer()
                .trusted()
                .leeway(Duration::from_secs(300))
                .max_age(Duration::MAX)
                .max_lifetime(Duration::MAX);
            let token = issuer().token().claim("exp", time).claim("iat", time).claim("nbf", time);
            let expected = match i128::from(now) - i128::from(time) {
                300.. => Some(Expired),
                ..-300 => Some(NotYetValid),
                _ => None,
            };
            // `exp` at the end of time never comes
            let expected = expected.filter(|kind| *kind != Expired || time < i64::MAX - 300);
            assert_eq!(kind(trusted, clock, &token), expected, "{time} at {now}");
        }
    }
}

#[test]
fn hazard_08_a_repeated_member_is_refused_whatever_its_name() {
    let twice =
        issuer().token().repeat_claim("role", "reader").repeat_claim("role", "admin").mint();
    assert!(they_accept(&twice, &secret()));
    for name in ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "role", ""] {
        let token = issuer().token().repeat_claim(name, 1).repeat_claim(name, 1);
        assert_eq!(refused(&token), Some(DuplicateClaim), "{name}");
    }
    for name in ["alg", "kid", "typ", "x"] {
        let token = issuer().token().header(name, "x").repeat_header(name, "x");
        assert_eq!(refused(&token), Some(MalformedToken), "{name}");
    }
}

#[test]
fn hazard_09_no_array_stands_for_an_object_and_no_object_for_a_name() {
    #[derive(serde::Deserialize)]
    struct Positional {
        #[expect(dead_code, reason = "it is to be filled by position")]
        iss: String,
    }
    let array = json!(["https://issuer.test", "api", "alice", NOW, NOW + 3600]).to_string();
    let token = issuer().token().raw_payload(array).mint();
    let verifier: Verifier<Positional> =
        Verifier::builder().trust(issuer().trusted()).clock(issuer().clock()).build().unwrap();
    assert_eq!(verifier.verify(token).err().map(|r| r.kind()), Some(MalformedToken));

    let object = issuer().token().header("alg", json!({"HS256": null}));
    assert!(they_accept(&object.mint(), &secret()));
    assert_eq!(refused(&object), Some(MalformedToken));
}

#[test]
fn hazard_10_size_is_looked_at_before_anything_is_parsed() {
    let world = World::new(&issuer());
    // neither of these is base64url, let alone JSON: only the size was looked at
    let header = format!("{}.e30.AAAA", "!".repeat(6_000));
    world.refuses([
        row("a header of 100 KB", format!("{}.e30.AAAA", "A".repeat(100_000)), TokenTooLarge),
        row("a token of 100 KB", "!".repeat(100_000), TokenTooLarge)
            .carried_as(RejectionKind::MalformedCredential),
        row("a header over 4 KiB", header, TokenTooLarge)
            .carried_as(RejectionKind::MalformedCredential),
    ]);
}

#[test]
fn hazard_11_no_provider_is_asked_or_installed() {
    // the whole proof needs a process of its own: `beside` is one
    for algorithm in Algorithm::ALL {
        let issuer = TestIssuer::new(algorithm);
        assert!(jws::verify(issuer.token().mint(), &issuer.keys()).is_ok(), "{algorithm}");
    }
}

#[test]
fn hazard_12_what_a_stranger_wrote_is_repeated_escaped_and_secrets_are_not() {
    let world = World::new(&issuer());
    let text = "x\r\nINFO portcullis: forged\u{1b}[2K\u{202e}";
    world.refuses([
        row("`alg`", issuer().token().header("alg", text).mint(), AlgorithmNotAllowed),
        row("`kid`", issuer().token().header("kid", text).mint(), RejectionKind::UnknownKey),
        row("`typ`", issuer().token().header("typ", text).mint(), WrongType),
        row("`iss`", issuer().token().claim("iss", text).mint(), RejectionKind::UntrustedIssuer),
        row("`aud`", issuer().token().claim("aud", text).mint(), RejectionKind::WrongAudience),
        row(
            "a repeated name",
            issuer().token().repeat_claim(text, 1).repeat_claim(text, 2).mint(),
            DuplicateClaim,
        ),
    ]);
    let k = URL_SAFE_NO_PAD.encode("canary: nobody is to read this..");
    let set = json!({"keys": [{"kty": "oct", "alg": "HS256", "k": k}, {"kty": "oct", "k": k}]});
    let set = KeySet::from_jwk_set(set.to_string()).unwrap();
    assert!(!format!("{set:?}").contains(&k) && !format!("{set:?}").contains("canary"));
}

#[test]
fn hazard_13_junk_for_a_key_is_no_key_and_no_bad_signature() {
    for junk in [&b""[..], b"junk", &[0x30, 0x82, 0x01, 0x22], &[0xff; 294]] {
        assert!(Keys::from_der(junk).is_err());
        assert!(Keys::from_pem(junk).is_err());
    }
    // the other library takes it, and says `InvalidSignature` at every token
    let _taken = DecodingKey::from_rsa_der(b"junk");
    let jwk = json!({"kty": "RSA", "alg": "RS256", "n": "AAAA", "e": "AQAB"});
    assert!(Keys::from_jwk(jwk.to_string()).is_err());
}

#[test]
fn hazard_14_one_bad_entry_spoils_no_set() {
    let good: Value =
        serde_json::from_str(&TestIssuer::new(Algorithm::ES256).key().public_jwk().unwrap())
            .unwrap();
    for bad in [
        json!(null),
        json!({"kty": "EC", "kid": 7}),
        json!({"kty": "RSA", "n": "AQAB", "e": "AQAB", "key_ops": "verify"}),
        json!([]),
        json!("key"),
    ] {
        let set = json!({"keys": [bad, good, bad]}).to_string();
        assert!(serde_json::from_str::<jsonwebtoken::jwk::JwkSet>(&set).is_err(), "{bad}");
        let set = KeySet::from_jwk_set(&set).unwrap();
        assert_eq!((set.keys().count(), set.skipped().len()), (1, 2), "{bad}");
    }
}

#[test]
fn hazard_15_a_key_is_shared_between_threads_and_parsed_once() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<VerificationKey>();
    shared::<Keys>();
    shared::<Verifier<Value>>();
    let issuer = TestIssuer::new(Algorithm::RS256);
    let keys = issuer.keys();
    let token = issuer.token().mint();
    // the key that signed is the one in the set, and no clone of it
    let set = keys.snapshot();
    let first = set.keys().next().unwrap();
    let verified = jws::verify(&token, &keys).unwrap();
    assert!(std::ptr::eq(first, verified.key()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(jws::verify(&token, &keys).is_ok()));
        }
    });
    let (input, _) = token.rsplit_once('.').unwrap();
    let empty = jws::verify(format!("{input}."), &keys).unwrap_err();
    assert_eq!(empty.kind(), InvalidSignature);
}

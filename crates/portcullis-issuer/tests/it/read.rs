//! Private keys that other tools wrote: PEM and DER by OpenSSL, JWKs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis::{Algorithm, Keys, jws};
use portcullis_issuer::{IssuerErrorKind, JwsHeader, SigningKey};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Good {
    name: String,
    algorithm: String,
    pem: String,
    public: String,
}

#[derive(Deserialize)]
struct Bad {
    name: String,
    pem: String,
    says: String,
}

fn lines<T: for<'a> Deserialize<'a>>(text: &str) -> Vec<T> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The DER in the last block.
fn der(pem: &str) -> Vec<u8> {
    let block = &pem[pem.rfind("-----BEGIN").unwrap()..];
    let body: String = block.lines().filter(|line| !line.contains("-----")).collect();
    STANDARD.decode(body).unwrap()
}

#[test]
fn pem_and_der_of_openssl_are_read() {
    let cases: Vec<Good> = lines(include_str!("good.jsonl"));
    assert_eq!(cases.len(), 12);
    for case in cases {
        let algorithm: Algorithm = case.algorithm.parse().unwrap();
        let from_pem = SigningKey::from_pem(&case.pem).expect(&case.name);
        let from_der = SigningKey::from_der(der(&case.pem)).expect(&case.name);
        for key in [from_pem, from_der] {
            assert_eq!(key.algorithm(), algorithm, "{}", case.name);
            // OpenSSL derived the public half
            assert_eq!(key.public_pem().unwrap(), case.public, "{}", case.name);
            let token = key.sign(&JwsHeader::new(), "paid").unwrap();
            let keys = Keys::from_pem(&case.public).unwrap();
            assert!(jws::verify(token, &keys).is_ok(), "{}", case.name);
        }
    }
}

#[test]
fn what_can_not_be_used_is_refused_with_a_reason() {
    for case in lines::<Bad>(include_str!("bad.jsonl")) {
        let error = SigningKey::from_pem(&case.pem).expect_err(&case.name);
        assert_eq!(error.kind(), IssuerErrorKind::InvalidKey, "{}", case.name);
        assert!(error.to_string().contains(&case.says), "{}: {error}", case.name);
    }
    for der in [&b""[..], b"\x30\x00", b"not DER", &[0xff; 2000]] {
        assert!(SigningKey::from_der(der).is_err());
    }
}

/// RFC 7515 §A.3.1.
fn p256() -> Value {
    json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    })
}

/// RFC 8037 §A.1.
fn ed25519() -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    })
}

fn secret() -> Value {
    json!({"kty": "oct", "alg": "HS256", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"})
}

/// The JWK with one member set, or taken out where the value is `None`.
fn with(mut jwk: Value, name: &str, value: Option<Value>) -> Value {
    let members = jwk.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    jwk
}

fn read(jwk: &Value) -> Result<SigningKey, String> {
    SigningKey::from_jwk(jwk.to_string()).map_err(|error| error.to_string())
}

#[test]
fn private_jwks_are_read() {
    for (jwk, algorithm) in
        [(p256(), Algorithm::ES256), (ed25519(), Algorithm::EdDSA), (secret(), Algorithm::HS256)]
    {
        let key = read(&jwk).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        assert_eq!(key.key_id(), key.thumbprint());
        let marked = with(with(jwk, "use", Some("sig".into())), "kid", Some("k1".into()));
        let marked = with(marked, "key_ops", Some(json!(["sign", "verify"])));
        assert_eq!(read(&marked).unwrap().key_id(), "k1");
    }
}

#[test]
fn a_jwk_that_is_not_for_signing_is_refused() {
    let check = |jwk: Value, says: &str| {
        let error = read(&jwk).unwrap_err();
        assert!(error.contains(says), "{jwk}: {error}");
    };
    for jwk in [p256(), ed25519(), secret()] {
        check(with(jwk.clone(), "use", Some("enc".into())), "`use`");
        check(with(jwk.clone(), "key_ops", Some(json!(["verify"]))), "`key_ops`");
        check(with(jwk.clone(), "alg", Some("none".into())), "`alg`");
        check(with(jwk.clone(), "alg", Some("RS256".into())), "RS256");
        check(with(jwk.clone(), "kty", Some("DSA".into())), "`kty`");
        check(with(jwk, "kty", None), "RFC 7517");
    }
    check(with(p256(), "d", None), "no private part");
    check(with(ed25519(), "d", None), "no private part");
    check(with(secret(), "k", None), "no private part");
    check(with(secret(), "alg", None), "HS256");
    check(with(secret(), "k", Some("c2hvcnQ".into())), "at least 32");
}

#[test]
fn a_jwk_whose_parts_disagree_is_refused() {
    let other = json!("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LA");
    assert!(read(&with(p256(), "d", Some(other.clone()))).is_err());
    assert!(read(&with(p256(), "crv", Some("secp256k1".into()))).is_err());
    assert!(read(&with(p256(), "crv", Some("P-384".into()))).is_err());
    assert!(read(&with(p256(), "d", Some("AQ".into()))).unwrap_err().contains("32 octets"));
    assert!(read(&with(p256(), "d", Some("A+/=".into()))).is_err());
    assert!(read(&with(ed25519(), "d", Some(other))).is_err());
    assert!(read(&with(ed25519(), "d", Some("AQ".into()))).unwrap_err().contains("32 octets"));
    assert!(read(&with(ed25519(), "crv", Some("X25519".into()))).is_err());
    assert!(read(&with(ed25519(), "crv", Some("P-256".into()))).is_err());
    let twice = p256().to_string().replacen('{', r#"{"d":"AQ","#, 1);
    assert!(SigningKey::from_jwk(twice).is_err());
}

#[test]
fn the_reason_does_not_repeat_the_secret() {
    let broken = r#"{"kty":"oct","alg":"HS256","k":"c2VjcmV0IHNlY3JldA==","#;
    for text in [broken.to_owned(), with(p256(), "d", Some("c2VjcmV0=".into())).to_string()] {
        let error = SigningKey::from_jwk(text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("c2Vj"), "{shown}");
    }
}

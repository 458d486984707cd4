//! What `Debug` and `Display` show of everything that holds a secret, a token or claims.

use std::fmt::Debug;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::keys::{KeySet, VerificationKey};
use portcullis::{
    Algorithm, AllowlistWriter, Denylist, Entry, IatCutoff, Issuer, JwtLayer, KeyError, Keys,
    MemoryStore, Revocation, Revoke, Target, Verifier, jws,
};
use portcullis_axum::Jwt;
use portcullis_issuer::{SigningKey, SigningKeys, TokenIssuer};
use portcullis_sqlite::SqliteStore;
use portcullis_testing::{TestClock, TestIssuer, block_on};
use serde_json::{Value, json};
use tower::Layer;

use super::canary::{CLAIM, NAME, SECRET, SUBJECT, assert_silent};

#[track_caller]
fn silent(shown: &dyn Debug, token: &str, what: &str) {
    assert_silent(&format!("{shown:?}"), token, what);
    assert_silent(&format!("{shown:#?}"), token, what);
}

fn oct() -> Value {
    json!({"kty": "oct", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode(SECRET)})
}

fn issuer() -> TestIssuer {
    let key = SigningKey::from_secret(Algorithm::HS256, SECRET).unwrap();
    TestIssuer::new(Algorithm::HS256).with_key(key)
}

fn token() -> String {
    issuer().token().subject(SUBJECT).claim(NAME, CLAIM).claim("jti", "7").mint()
}

#[test]
fn keys_show_no_secret() {
    let keys = Keys::from_secret(Algorithm::HS256, SECRET).unwrap();
    let set = KeySet::from_jwk_set(json!({"keys": [oct(), {"kty": "oct"}]}).to_string()).unwrap();
    let key = VerificationKey::from_jwk(oct().to_string()).unwrap();
    silent(&keys, "", "Keys");
    silent(&keys.snapshot(), "", "KeySet");
    silent(&set, "", "KeySet of a JWK Set");
    silent(&key, "", "VerificationKey");
    assert_silent(key.thumbprint(), "", "a thumbprint");
    silent(&jws::verify(token(), &issuer().keys()).unwrap(), &token(), "Jws");
    silent(&issuer(), "", "TestIssuer");
    let signing = SigningKey::from_secret(Algorithm::HS256, SECRET).unwrap();
    silent(&signing, "", "SigningKey");
    assert_silent(signing.key_id(), "", "the name of a signing key");
    silent(&signing.to_private_bytes().unwrap(), "", "SecretBytes");
    let ring = SigningKeys::new(signing);
    silent(&ring, "", "SigningKeys");
    assert_silent(&ring.jwk_set(), "", "the published set");
    let issuer = TokenIssuer::builder("https://issuer.test", ring)
        .audience("api")
        .client_id("web")
        .build()
        .unwrap();
    silent(&issuer, "", "TokenIssuer");
    let minted = issuer.mint(&json!({"sub": SUBJECT, NAME: CLAIM})).unwrap();
    silent(&minted, minted.token(), "Minted");
}

#[test]
fn errors_of_keys_show_no_secret() {
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        URL_SAFE_NO_PAD.encode(SECRET)
    );
    let mut short = oct();
    short["k"] = URL_SAFE_NO_PAD.encode("canary").into();
    let mut odd = oct();
    odd["alg"] = "RS256".into();
    let mut broken = oct();
    broken["k"] = format!("{SECRET} not base64").into();
    let member = json!({"kty": "oct", "k": [SECRET]});
    let twice = format!(r#"{{"kty":"oct","k":"{SECRET}","k":"{SECRET}"}}"#);
    let errors: [Result<(), KeyError>; 10] = [
        Keys::from_secret(Algorithm::HS256, "canary").map(drop),
        Keys::from_secret(Algorithm::RS256, SECRET).map(drop),
        Keys::from_pem(&pem).map(drop),
        Keys::from_pem(SECRET).map(drop),
        Keys::from_der(SECRET).map(drop),
        Keys::from_jwk(short.to_string()).map(drop),
        Keys::from_jwk(odd.to_string()).map(drop),
        Keys::from_jwk(broken.to_string()).map(drop),
        Keys::from_jwk(member.to_string()).map(drop),
        Keys::from_jwk(&twice).map(drop),
    ];
    for error in errors {
        let error = error.unwrap_err();
        assert_silent(&format!("{error} {error:?}"), "", "KeyError");
    }
    for set in [
        SECRET.to_owned(),
        format!("{{\"keys\":[\"{SECRET}\"]}}"),
        format!("{{\"keys\":[{twice}]}}"),
    ] {
        let error = Keys::from_jwk_set(&set).unwrap_err();
        assert_silent(&format!("{error} {error:?}"), "", "the error of a set");
    }
    for error in [
        SigningKey::from_secret(Algorithm::HS256, "canary").unwrap_err(),
        SigningKey::from_pem(&pem).unwrap_err(),
        SigningKey::from_jwk(broken.to_string()).unwrap_err(),
        SigningKey::from_jwk(&twice).unwrap_err(),
    ] {
        assert_silent(&format!("{error} {error:?}"), "", "IssuerError");
    }
    let refused =
        Verifier::from_secret::<Value>("https://me.example", "api", "canary").unwrap_err();
    assert_silent(&format!("{refused} {refused:?}"), "", "BuildError");
}

#[test]
fn verifiers_and_layers_show_no_secret_and_no_claim() {
    let trusted: Issuer = issuer().trusted();
    silent(&trusted, "", "Issuer");
    let builder = Verifier::builder().trust(trusted).clock(issuer().clock());
    silent(&builder, "", "VerifierBuilder");
    let verifier: Verifier<Value> = builder.build().unwrap();
    let authentic = verifier.verify(token()).unwrap();
    // remembered now
    let _again = (verifier.verify(token()).unwrap(), verifier.verify(token()).unwrap());
    silent(&verifier, &token(), "Verifier");
    silent(&authentic, &token(), "Authentic");
    let verified = authentic.without_revocation();
    silent(&verified, &token(), "Verified");
    silent(&Jwt(verified), &token(), "Jwt");

    let rule = Denylist::new(MemoryStore::new()).and(IatCutoff::new(MemoryStore::new()));
    silent(&rule, "", "rules");
    let layer = JwtLayer::new(verifier).with_revocation(rule);
    silent(&layer, &token(), "JwtLayer");
    silent(&layer.layer(()), &token(), "JwtService");
}

#[test]
fn stores_show_no_identifier() {
    let folder = std::env::temp_dir().join(format!("portcullis-leaks-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let sqlite = SqliteStore::builder(folder.join("revocations.db"))
        .with_clock(TestClock::at(TestIssuer::NOW))
        .open()
        .unwrap();
    let memory = MemoryStore::builder().with_clock(TestClock::at(TestIssuer::NOW)).build();
    let id = Target::token("https://issuer.test", SUBJECT);
    let entries =
        [Entry::deny(id), Entry::not_before_now(Target::subject("https://issuer.test", SUBJECT))];
    for entry in entries {
        block_on(memory.revoke(entry.clone())).unwrap();
        block_on(sqlite.revoke(entry)).unwrap();
    }
    block_on(memory.allow(id, Some(SUBJECT), None)).unwrap();
    block_on(sqlite.allow(id, Some(SUBJECT), None)).unwrap();
    silent(&memory, "", "MemoryStore");
    silent(&sqlite, "", "SqliteStore");
    drop(sqlite);
    std::fs::remove_dir_all(&folder).unwrap();
}

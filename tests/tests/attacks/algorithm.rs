//! Attacks on the choice of the algorithm.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis::RejectionKind::{
    AlgorithmNotAllowed, InvalidSignature, MalformedToken, UnknownKey,
};
use portcullis::keys::VerificationKey;
use portcullis::{Algorithm, Keys};
use portcullis_issuer::SigningKey;
use portcullis_testing::TestIssuer;
use serde_json::{Value, json};

use crate::support::{World, hmac_signed, row};

const CLASSES: [Algorithm; 4] =
    [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// Good claims, as they are signed.
fn payload(issuer: &TestIssuer) -> Vec<u8> {
    let token = issuer.token().mint();
    URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()
}

#[test]
fn claims_that_the_token_needs_no_signature() {
    let spellings = [
        "none",
        "None",
        "NONE",
        "nOnE",
        "NoNe",
        " none",
        "none ",
        "none\0",
        "\u{feff}none",
        "n\u{43e}ne",
        "null",
        "",
        "unsecured",
        "plain",
        "NULL",
        "false",
    ];
    for algorithm in CLASSES {
        let issuer = TestIssuer::new(algorithm);
        let world = World::new(&issuer);
        let good = issuer.token().mint();
        let (_, signature) = good.rsplit_once('.').unwrap();
        for spelling in spellings {
            let token = issuer.token().header("alg", spelling);
            let minted = token.mint();
            let (input, _) = minted.rsplit_once('.').unwrap();
            let tries = |how: &str| format!("{algorithm}: `alg` {spelling:?} with {how}");
            world.refuses([
                row(tries("no signature"), format!("{input}."), AlgorithmNotAllowed),
                row(tries("a signature over it"), &*minted, AlgorithmNotAllowed),
                row(
                    tries("another's signature"),
                    format!("{input}.{signature}"),
                    AlgorithmNotAllowed,
                ),
                row(tries("junk"), format!("{input}.AAAA"), AlgorithmNotAllowed),
            ]);
        }
    }
}

#[test]
fn leaves_the_signature_out() {
    for algorithm in CLASSES {
        let issuer = TestIssuer::new(algorithm);
        let good = issuer.token().mint();
        let (input, _) = good.rsplit_once('.').unwrap();
        let without_kid = issuer.token().without_header("kid").mint();
        let (nameless, _) = without_kid.rsplit_once('.').unwrap();
        World::new(&issuer).refuses([
            row("an empty signature", format!("{input}."), InvalidSignature),
            row("an empty signature and no `kid`", format!("{nameless}."), InvalidSignature),
            row("no last part at all", input, MalformedToken),
        ]);
    }
}

#[test]
fn signs_with_the_public_key_as_an_hmac_secret() {
    for algorithm in [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA] {
        let issuer = TestIssuer::new(algorithm);
        let world = World::new(&issuer);
        let pem = issuer.key().public_pem().unwrap();
        let jwk = issuer.key().public_jwk().unwrap();
        let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let members: Value = serde_json::from_str(&jwk).unwrap();
        let number = members.get("n").or(members.get("x")).unwrap().as_str().unwrap();
        let secrets = [
            ("the PEM", pem.clone().into_bytes()),
            ("the PEM without its last newline", pem.trim_end().into()),
            ("the PEM with CRLF", pem.replace('\n', "\r\n").into_bytes()),
            ("the DER", STANDARD.decode(&lines).unwrap()),
            ("the DER in base64", lines.clone().into_bytes()),
            ("the JWK", jwk.clone().into_bytes()),
            ("the modulus or coordinate", URL_SAFE_NO_PAD.decode(number).unwrap()),
            ("the modulus or coordinate in base64url", number.into()),
            ("an empty secret", Vec::new()),
        ];
        for (name, secret) in &secrets {
            for hmac in ["HS256", "HS384", "HS512"] {
                for kid in [Some(issuer.key().key_id()), None] {
                    let mut header = json!({"alg": hmac, "typ": "JWT"});
                    if let Some(kid) = kid {
                        header["kid"] = kid.into();
                    }
                    let header = header.to_string();
                    let forged = hmac_signed(hmac, secret, header.as_bytes(), &payload(&issuer));
                    let tries = format!("{algorithm}: {hmac} by {name}, kid {kid:?}");
                    world.refuses([row(tries, forged, AlgorithmNotAllowed)]);
                }
            }
        }
    }
}

#[test]
fn signs_with_the_public_key_where_the_issuer_has_a_secret_too() {
    let public = TestIssuer::new(Algorithm::ES256);
    let secret = TestIssuer::new(Algorithm::HS256);
    let key = secret.key().clone().with_key_id("secret").verification_key();
    let keys = Keys::new([public.key().verification_key(), key]).unwrap();
    let world = World::of([public.trusted().keys(keys)], public.clock());
    world.accepts(&public.token().mint());
    world.accepts(&secret.token().header("kid", "secret").mint());

    let pem = public.key().public_pem().unwrap();
    let forged = |kid: &str| {
        let header = json!({"alg": "HS256", "kid": kid}).to_string();
        hmac_signed("HS256", pem.as_bytes(), header.as_bytes(), &payload(&public))
    };
    world.refuses([
        row("by the `kid` of the public key", forged(public.key().key_id()), UnknownKey),
        row("by the `kid` of the secret", forged("secret"), InvalidSignature),
    ]);
}

#[test]
fn writes_the_algorithm_in_another_way() {
    let issuer = TestIssuer::new(Algorithm::ES256);
    let world = World::new(&issuer);
    for name in
        ["es256", "Es256", "ES256 ", " ES256", "ES-256", "ES256\0", "ECDSA", "SHA256withECDSA"]
    {
        let token = issuer.token().header("alg", name).mint();
        world.refuses([row(format!("`alg` {name:?}"), token, AlgorithmNotAllowed)]);
    }
    let odd = [json!(null), json!(256), json!(true), json!(["ES256"]), json!({"ES256": null})];
    for value in odd {
        let token = issuer.token().header("alg", &value).mint();
        world.refuses([row(format!("`alg` {value}"), token, MalformedToken)]);
    }
    let absent = issuer.token().without_header("alg").mint();
    world.refuses([row("no `alg`", absent, MalformedToken)]);
}

#[test]
fn uses_a_key_with_another_algorithm_of_its_family() {
    let families: [&[Algorithm]; 2] = [
        &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        &[Algorithm::ES256, Algorithm::ES256K, Algorithm::ES384, Algorithm::ES512],
    ];
    for family in families {
        for &bound in family {
            let issuer = TestIssuer::new(bound);
            let world = World::new(&issuer);
            for &other in family.iter().filter(|&&other| other != bound) {
                // an RSA key really signs for the other; a key on a curve signs what it can
                let key = issuer.key().clone().with_algorithm(other);
                let key = key.unwrap_or_else(|_| issuer.key().clone());
                let token = issuer.token().header("alg", other.name()).sign_with(&key).mint();
                world.refuses([row(
                    format!("{other} by a key for {bound}"),
                    token,
                    AlgorithmNotAllowed,
                )]);
            }
        }
    }
}

#[test]
fn signs_by_a_secret_for_another_hash() {
    let secret = b"sixty-four bytes of secret, which is enough for any of the three";
    let key = |alg| SigningKey::from_secret(alg, secret).unwrap().with_key_id("s");
    for bound in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let issuer = TestIssuer::new(bound).with_key(key(bound));
        let world = World::new(&issuer);
        for other in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            if other != bound {
                let token =
                    issuer.token().header("alg", other.name()).sign_with(&key(other)).mint();
                world.refuses([row(
                    format!("{other} by a secret for {bound}"),
                    token,
                    AlgorithmNotAllowed,
                )]);
            }
        }
    }
}

#[test]
fn uses_a_good_key_that_is_outside_of_the_issuers_list() {
    let ours = TestIssuer::new(Algorithm::ES256);
    let other = TestIssuer::new(Algorithm::EdDSA);
    let keys = Keys::new([
        ours.key().verification_key(),
        other.key().clone().with_key_id("other").verification_key(),
    ])
    .unwrap();
    let listed = ours.trusted().keys(keys).algorithms([Algorithm::ES256]);
    let world = World::of([listed], ours.clock());
    world.accepts(&ours.token().mint());
    world.refuses([row(
        "EdDSA, whose key is in the set",
        other.token().header("kid", "other").mint(),
        AlgorithmNotAllowed,
    )]);
}

#[test]
fn relies_on_a_jwk_that_does_not_say_what_it_is_for() {
    // a secret must say it, or it is not loaded
    let oct = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode([7; 64])}).to_string();
    assert!(Keys::from_jwk(&oct).is_err());
    assert!(Keys::from_jwk_set(format!(r#"{{"keys":[{oct}]}}"#)).is_err());

    // an RSA key without `alg` is for RS256 and nothing else
    let issuer = TestIssuer::new(Algorithm::RS256);
    let mut jwk: Value = serde_json::from_str(&issuer.key().public_jwk().unwrap()).unwrap();
    jwk.as_object_mut().unwrap().remove("alg");
    let key = VerificationKey::from_jwk(jwk.to_string()).unwrap();
    let world = World::of([issuer.trusted().keys(key)], issuer.clock());
    world.accepts(&issuer.token().mint());
    for other in [Algorithm::RS512, Algorithm::PS256] {
        let key = issuer.key().clone().with_algorithm(other).unwrap();
        let token = issuer.token().header("alg", other.name()).sign_with(&key).mint();
        world.refuses([row(format!("{other} by a key without `alg`"), token, AlgorithmNotAllowed)]);
    }
}

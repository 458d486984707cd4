//! Attacks by which the token chooses the key, or brings it.

use portcullis::RejectionKind::{
    ForbiddenHeader, InvalidSignature, MalformedToken, TokenTooLarge, UnknownKey, UntrustedIssuer,
};
use portcullis::keys::VerificationKey;
use portcullis::{Algorithm, Keys};
use portcullis_testing::TestIssuer;
use serde_json::{Value, json};

use crate::support::{World, row};

#[test]
fn brings_a_key_of_his_own() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let issuer = TestIssuer::new(algorithm);
        let world = World::new(&issuer);
        let stranger = TestIssuer::stranger(algorithm);
        let jwk: Value = serde_json::from_str(&stranger.key().public_jwk().unwrap()).unwrap();
        let mut ours_by_name = jwk.clone();
        ours_by_name["kid"] = issuer.key().key_id().into();
        let forged = |name: &str, value: &Value| {
            issuer.token().header(name, value).sign_with(stranger.key()).mint()
        };
        for (name, value) in [
            ("jwk", jwk),
            ("jwk", ours_by_name),
            ("jwk", json!(null)),
            ("jwk", json!([])),
            ("jku", json!("https://stranger.test/jwks.json")),
            ("jku", json!("https://issuer.test@stranger.test/jwks.json")),
            ("jku", json!("http://169.254.169.254/latest/meta-data")),
            ("jku", json!("file:///etc/passwd")),
            ("x5u", json!("https://stranger.test/cert.pem")),
            ("x5u", json!("http://localhost:8080/")),
            ("x5c", json!(["MIIB"])),
            ("x5c", json!([])),
        ] {
            let tries = format!("{algorithm}: `{name}` {value}");
            world.refuses([row(tries, forged(name, &value), ForbiddenHeader)]);
        }
        // and no less where the token is otherwise good: what a header says must be understood
        let signed = issuer.token().header("jku", "https://issuer.test/jwks.json").mint();
        world.refuses([row("`jku` of the issuer itself", signed, ForbiddenHeader)]);
        // a thumbprint names a certificate and brings none: it does not choose a key either
        let thumbprint = issuer.token().header("x5t", "AAAA").header("x5t#S256", "AAAA");
        world.accepts(&thumbprint.mint());
        let forged = thumbprint.sign_with(stranger.key()).mint();
        world.refuses([row("`x5t` of his own", forged, InvalidSignature)]);
    }
}

#[test]
fn injects_through_the_name_of_the_key() {
    let issuer = TestIssuer::new(Algorithm::ES256);
    let world = World::new(&issuer);
    let names = [
        "../../../../../../dev/null",
        "/etc/passwd",
        "..\\..\\windows\\win.ini",
        "file:///dev/null",
        "https://stranger.test/key.pem",
        "http://169.254.169.254/latest/meta-data",
        "' OR '1'='1",
        "x' UNION SELECT 'secret' --",
        "'; DROP TABLE keys; --",
        "${jndi:ldap://stranger.test/a}",
        "$(touch /tmp/x)",
        "`id`",
        "| id",
        "test-key\0",
        "test-key\n",
        "test-key ",
        " test-key",
        "TEST-KEY",
        "test-key/",
        "test%2Dkey",
        "x\r\nINFO portcullis: forged line",
        "\u{1b}[31mred\u{1b}[0m\u{7}",
        "\u{202e}yek-tset",
        "t\u{435}st-key",
        "{{7*7}}",
        "%s%n%x",
        "",
    ];
    for name in names {
        let token = issuer.token().header("kid", name).mint();
        world.refuses([row(format!("`kid` {name:?}"), token, UnknownKey)]);
    }
    let long = issuer.token().header("kid", "k".repeat(2_000)).mint();
    world.refuses([row("a very long `kid`", long, UnknownKey)]);
    let longer = issuer.token().header("kid", "k".repeat(4_096)).mint();
    world.refuses([row("a `kid` larger than a header may be", longer, TokenTooLarge)]);
    for value in
        [json!(null), json!(1), json!(["test-key"]), json!({"kid": "test-key"}), json!(true)]
    {
        let token = issuer.token().header("kid", &value).mint();
        world.refuses([row(format!("`kid` {value}"), token, MalformedToken)]);
    }
    let twice = issuer.token().repeat_header("kid", "other").mint();
    world.refuses([row("`kid` twice", twice, MalformedToken)]);
}

/// Keys of one issuer by ES256: their names, and who can sign with them.
fn es256(names: &[Option<&str>]) -> (Vec<portcullis_issuer::SigningKey>, Keys) {
    let signing: Vec<_> = names
        .iter()
        .map(|_| portcullis_issuer::SigningKey::generate(Algorithm::ES256).unwrap())
        .collect();
    let keys = signing.iter().zip(names).map(|(key, name)| {
        let public = key.public_pem().unwrap();
        let key = VerificationKey::from_pem(public).unwrap();
        match name {
            Some(name) => key.with_key_id(*name),
            None => key,
        }
    });
    let keys = Keys::new(keys).unwrap();
    (signing, keys)
}

#[test]
fn leaves_the_name_out_or_shares_it() {
    let issuer = TestIssuer::new(Algorithm::ES256);
    let stranger = TestIssuer::stranger(Algorithm::ES256);
    let (signing, keys) = es256(&[Some("a"), Some("b"), Some("twin"), Some("twin")]);
    let world = World::of([issuer.trusted().keys(keys)], issuer.clock());
    let signed = |kid: Option<&str>, key: &portcullis_issuer::SigningKey| {
        let token = issuer.token().without_header("kid").sign_with(key);
        match kid {
            Some(kid) => token.header("kid", kid).mint(),
            None => token.mint(),
        }
    };
    // a missing name is looked for among all, a shared one among those who share it
    for key in &signing {
        world.accepts(&signed(None, key));
    }
    world.accepts(&signed(Some("twin"), &signing[2]));
    world.accepts(&signed(Some("twin"), &signing[3]));
    world.refuses([
        row("no `kid`, a strange key", signed(None, stranger.key()), InvalidSignature),
        row(
            "a shared `kid`, a strange key",
            signed(Some("twin"), stranger.key()),
            InvalidSignature,
        ),
        row("the `kid` of another good key", signed(Some("a"), &signing[1]), InvalidSignature),
        row(
            "a shared `kid`, a good key without it",
            signed(Some("twin"), &signing[0]),
            InvalidSignature,
        ),
        row("an unknown `kid`, a good key", signed(Some("c"), &signing[0]), UnknownKey),
    ]);
}

#[test]
fn uses_the_key_of_another_issuer() {
    let one = TestIssuer::new(Algorithm::ES256);
    let two = TestIssuer::stranger(Algorithm::ES256);
    // both call their key the same
    let named =
        |issuer: &TestIssuer| issuer.clone().with_key(issuer.key().clone().with_key_id("k"));
    let (one, two) = (named(&one), named(&two));
    let trust = [one.trusted().may_assert_anything(), two.trusted().may_assert_nothing()];
    let world = World::of(trust, one.clock());
    world.accepts(&one.token().mint());
    world.accepts(&two.token().mint());
    world.refuses([
        row(
            "the second issuer signs in the name of the first",
            one.token().sign_with(two.key()).mint(),
            InvalidSignature,
        ),
        row(
            "the first issuer signs in the name of the second",
            two.token().sign_with(one.key()).mint(),
            InvalidSignature,
        ),
        row("in nobody's name", one.token().without("iss").mint(), UntrustedIssuer),
        row(
            "in a stranger's name",
            one.token().claim("iss", "https://x.test").mint(),
            UntrustedIssuer,
        ),
        row(
            "in both names",
            one.token().claim("iss", [one.name(), two.name()]).mint(),
            UntrustedIssuer,
        ),
    ]);
}

#[test]
fn has_more_keys_tried_than_four() {
    let issuer = TestIssuer::new(Algorithm::ES256);
    let (signing, keys) = es256(&[None, None, None, None, None]);
    let world = World::of([issuer.trusted().keys(keys)], issuer.clock());
    let nameless = |at: usize| issuer.token().without_header("kid").sign_with(&signing[at]).mint();
    world.accepts(&nameless(3));
    world.refuses([row("signed by the fifth of nameless keys", nameless(4), InvalidSignature)]);
}

//! Each preset on claim shapes as its issuer's documentation shows them (made up, no real token is among them): the
//! good token passes and is read, and what it is mistaken for is refused with a diagnosis that says what it is.

mod cases;
mod fetching;
mod key_issuer;
mod settings;

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use portcullis::{
    AccessClaims, Algorithm, Authentic, Keys, Rejection, RejectionKind, Source, TargetKind,
    Verified, Verifier, roles,
};
use portcullis_issuer::SigningKey;
use portcullis_testing::TestIssuer;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::cases::{Case, SECRET, cases};

type Object = Map<String, Value>;

/// A shape on file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    header: Object,
    claims: Object,
    expect: Expect,
    look_alikes: Vec<LookAlike>,
}

/// What the good token is read as. Only what is there is compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    roles: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    client: Option<String>,
    token_id: Option<String>,
    session: Option<String>,
    subject: Option<String>,
    issuer: Option<String>,
    /// A role that the token must not give, and what the log says about it.
    no_role: Option<String>,
    because: Option<String>,
}

/// A token that is mistaken for the good one: what differs (null takes it out), and how it is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LookAlike {
    what: String,
    kind: String,
    says: String,
    #[serde(default)]
    header: Object,
    #[serde(default)]
    claims: Object,
    /// Sent as a bearer token, and not in the place of the preset.
    at: Option<String>,
    /// Not a token of the issuer at all.
    text: Option<String>,
}

fn read(case: &Case) -> Shape {
    serde_json::from_str(case.shape).unwrap_or_else(|error| panic!("{}: {error}", case.name))
}

/// Somebody with keys of the algorithm that the shape names.
fn signer(shape: &Shape) -> TestIssuer {
    let algorithm = shape.header["alg"].as_str().and_then(Algorithm::from_name).unwrap();
    let issuer = TestIssuer::new(algorithm);
    match algorithm {
        Algorithm::HS256 => issuer.with_key(SigningKey::from_secret(algorithm, SECRET).unwrap()),
        _ => issuer,
    }
}

fn verifier(case: &Case, signer: &TestIssuer) -> Verifier<AccessClaims> {
    let issuer = (case.trusted)(signer.keys()).unwrap();
    Verifier::builder().trust(issuer).clock(signer.clock()).build().unwrap()
}

fn changed(object: &Object, changes: &Object) -> Object {
    let mut object = object.clone();
    for (name, value) in changes {
        object.insert(name.clone(), value.clone());
    }
    object.retain(|_, value| !value.is_null());
    object
}

/// A token with this header and these claims, padded where the load balancer's are.
fn mint(case: &Case, signer: &TestIssuer, header: &Object, claims: &Object) -> String {
    let mut header = header.clone();
    header.insert("kid".to_owned(), json!(signer.key().key_id()));
    let (header, claims) =
        (Value::from(header).to_string(), Value::from(claims.clone()).to_string());
    if case.name != "aws_alb" {
        return signer.token().raw_header(header).raw_payload(claims).mint();
    }
    let input = format!("{}.{}", URL_SAFE.encode(header), URL_SAFE.encode(claims));
    let signature = signer.key().sign_bytes(input.as_bytes()).unwrap();
    format!("{input}.{}", URL_SAFE.encode(signature))
}

fn good(case: &Case, shape: &Shape, signer: &TestIssuer) -> String {
    mint(case, signer, &shape.header, &shape.claims)
}

roles! {
    Admin = "admin";
    Root = "root";
}

#[test]
fn the_good_token_passes_and_is_read() {
    for case in cases() {
        let shape = read(&case);
        let signer = signer(&shape);
        let token = good(&case, &shape, &signer);
        let verified = verifier(&case, &signer).verify_from(&case.place, &token);
        let verified = verified.unwrap_or_else(|refused| panic!("{}: {refused}", case.name));
        let v = verified.without_revocation();
        let e = &shape.expect;
        let name = case.name;
        let same = |expected: &Option<String>, found: Option<&str>, what: &str| {
            if expected.is_some() {
                assert_eq!(expected.as_deref(), found, "{name}: {what}");
            }
        };
        same(&e.client, Verified::client(&v), "client");
        same(&e.client, v.client(), "client in the claims");
        same(&e.token_id, Verified::token_id(&v), "token id");
        same(&e.session, Verified::session(&v), "session");
        same(&e.subject, Verified::subject(&v), "subject");
        same(&e.issuer, Some(Verified::issuer(&v)), "issuer");
        if let Some(roles) = &e.roles {
            assert_eq!(v.roles(), roles, "{name}");
        }
        if let Some(scopes) = &e.scopes {
            assert_eq!(v.scopes(), scopes, "{name}");
        }
        if let (Some(role), Some(because)) = (&e.no_role, &e.because) {
            let refused = match role.as_str() {
                "admin" => Verified::require::<Admin>(&v),
                "root" => Verified::require::<Root>(&v),
                other => panic!("{name}: {other}"),
            };
            let refused = refused.unwrap_err();
            assert_eq!(refused.kind(), RejectionKind::InsufficientScope, "{name}");
            assert!(refused.to_string().contains(because), "{name}: {refused}");
        }
        // a denylist always has something to go by
        let id = Verified::target(&v, TargetKind::Token);
        let fingerprint = Verified::target(&v, TargetKind::Fingerprint);
        assert!(id.is_some() != fingerprint.is_some(), "{name}: {id:?} {fingerprint:?}");
        assert_eq!(id.is_some(), Verified::token_id(&v).is_some(), "{name}");
        assert_eq!(
            id.or(fingerprint).map(|target| target.to_owned()),
            Some(Verified::token_target(&v))
        );
    }
}

#[test]
fn what_is_mistaken_for_it_is_refused_and_told_for_what_it_is() {
    let mut seen = 0;
    for case in cases() {
        let shape = read(&case);
        let signer = signer(&shape);
        let verifier = verifier(&case, &signer);
        for alike in &shape.look_alikes {
            let header = changed(&shape.header, &alike.header);
            let claims = changed(&shape.claims, &alike.claims);
            let token = match &alike.text {
                Some(text) => text.clone(),
                None => mint(&case, &signer, &header, &claims),
            };
            let place = match alike.at.as_deref() {
                Some("bearer") => Source::bearer(),
                Some(other) => panic!("{}: {other}", case.name),
                None => case.place.clone(),
            };
            let found: Result<Authentic<AccessClaims>, Rejection> =
                verifier.verify_from(&place, &token);
            let told = format!("{}: {}", case.name, alike.what);
            let refused = found.err().unwrap_or_else(|| panic!("{told} passes"));
            assert_eq!(refused.kind().code(), alike.kind, "{told}: {refused}");
            assert!(refused.to_string().contains(&alike.says), "{told}: {refused}");
            assert_eq!(refused.kind().status(), 401, "{told}");
            seen += 1;
        }
    }
    assert!(seen > 70, "{seen}");
}

#[test]
fn a_token_that_somebody_else_signed_passes_nowhere() {
    for case in cases() {
        let shape = read(&case);
        let signer = signer(&shape);
        let stranger = TestIssuer::stranger(signer.key().algorithm());
        let forged = stranger.key().clone().with_key_id(signer.key().key_id());
        let forged = TestIssuer::new(signer.key().algorithm()).with_key(forged);
        let token = good(&case, &shape, &forged);
        let refused = verifier(&case, &signer).verify_from(&case.place, &token).unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::InvalidSignature, "{}: {refused}", case.name);
        // an HMAC made with what everybody can read
        if shape.header["alg"] != "HS256" {
            let mut header = shape.header.clone();
            header.insert("alg".into(), json!("HS256"));
            let token = mint(&case, &signer, &header, &shape.claims);
            let refused = verifier(&case, &signer).verify_from(&case.place, &token).unwrap_err();
            let kind = refused.kind();
            assert_eq!(kind, RejectionKind::AlgorithmNotAllowed, "{}: {refused}", case.name);
        }
    }
}

#[test]
fn no_preset_but_the_one_that_says_so_takes_a_shared_secret() {
    let secret = Keys::from_secret(Algorithm::HS256, SECRET).unwrap();
    for case in cases() {
        let issuer = (case.trusted)(secret.clone()).unwrap();
        let built = Verifier::builder().trust(issuer).build::<AccessClaims>();
        let open = [
            "supabase_hs256",
            "keycloak",
            "kubernetes",
            "kubernetes_namespaces",
            "openid",
            "oauth",
        ];
        // those that leave the algorithm to the keys never get a secret from the network
        assert_eq!(built.is_ok(), open.contains(&case.name), "{}", case.name);
    }
}

#[test]
fn all_of_them_may_be_trusted_at_once() {
    // a service in front of which everything stands; shapes of one issuer are there once
    let mut names = HashSet::new();
    let cases: Vec<_> = cases()
        .into_iter()
        .filter(|case| {
            let twice = [
                "_bare",
                "_rfc9068",
                "_emails",
                "_service",
                "_namespaces",
                "_repository",
                "_hs256",
                "_any_origin",
                "cognito_id_token",
                "oauth",
            ];
            !twice.iter().any(|end| case.name.ends_with(end)) && names.insert(case.name)
        })
        .collect();
    let issuers = cases.iter().map(|case| {
        let signer = signer(&read(case));
        (case.trusted)(signer.keys()).unwrap().may_assert_anything()
    });
    let clock = TestIssuer::new(Algorithm::RS256).clock();
    let all = Verifier::builder().trust_all(issuers).clock(clock).build::<AccessClaims>().unwrap();
    for case in &cases {
        let shape = read(case);
        let token = good(case, &shape, &signer(&shape));
        let verified = all.verify_from(&case.place, &token);
        assert!(verified.is_ok(), "{}: {verified:?}", case.name);
        // each in its own place only
        let elsewhere = match case.place == Source::bearer() {
            true => Source::header("x-amzn-oidc-data").unwrap(),
            false => Source::bearer(),
        };
        assert!(all.verify_from(&elsewhere, &token).is_err(), "{}", case.name);
    }
}

#[test]
fn the_padding_of_the_load_balancer_is_taken_from_its_header_and_from_nowhere_else() {
    for case in cases().into_iter().filter(|case| case.name != "aws_alb") {
        let shape = read(&case);
        let signer = signer(&shape);
        let token = good(&case, &shape, &signer);
        let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
        for part in &mut parts {
            let bytes = URL_SAFE_NO_PAD.decode(&*part).unwrap();
            *part = URL_SAFE.encode(bytes);
        }
        let padded = parts.join(".");
        if padded == token {
            continue;
        }
        let refused = verifier(&case, &signer).verify_from(&case.place, padded).unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::MalformedToken, "{}", case.name);
    }
}

//! Each preset on claim shapes as its issuer's documentation shows them (made up, no real token is among them): the
//! good token passes and is read, and what it is mistaken for is refused with a diagnosis that says what it is.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use http::{Request, Response};
use portcullis::keys::KeySet;
use portcullis::{
    AccessClaims, Algorithm, Authentic, BuildError, Issuer, Keys, Rejection, RejectionKind, Source,
    TargetKind, Verified, Verifier, roles,
};
use portcullis_issuer::SigningKey;
use portcullis_oidc::presets::{self, Preset};
use portcullis_oidc::{Fetch, Refresher};
use portcullis_testing::TestIssuer;
use serde::Deserialize;
use serde_json::{Map, Value, json};

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

/// A preset as a service would use it.
struct Case {
    name: &'static str,
    shape: &'static str,
    trusted: Box<dyn Fn(Keys) -> Result<Issuer, BuildError>>,
    place: Source,
}

fn case(name: &'static str, shape: &'static str, preset: Preset) -> Case {
    let trusted = Box::new(move |keys: Keys| preset.clone().issuer_with(keys));
    Case { name, shape, trusted, place: Source::bearer() }
}

impl Case {
    fn at(self, header: &str) -> Self {
        Self { place: Source::header(header).unwrap().ambient(), ..self }
    }
}

macro_rules! shape {
    ($name:literal, $preset:expr) => {
        case($name, include_str!(concat!("shapes/", $name, ".json")), $preset)
    };
}

const TENANT: &str = "8f0d1b6a-5a4d-4b0e-9f64-3a6d6e6d2b11";
const ARN: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188";
const SECRET: &str = "a secret that is shared, of 32 bytes or more";
const POOL: &str = "eu-west-1_AbCdEfGhI";
const CLUSTER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE";
const PROJECT: &str = "abcdefghijklmnopqrst";
const CLERK: &str = "https://clerk.example.com";

fn cases() -> Vec<Case> {
    let auth0 = || presets::auth0("tenant.eu.auth0.com").audience("https://api.example.com");
    let google = || {
        let domain = presets::google_id_token().hosted_domain("example.com");
        domain.audience("1-app.apps.googleusercontent.com")
    };
    let cloudflare =
        || presets::cloudflare_access("acme").audience("32eafc7626e974616deaf0dc3ce63d7b");
    let cf = "cf-access-jwt-assertion";
    let account = presets::google_service_accounts(["nightly@my-project.iam.gserviceaccount.com"])
        .audience("https://payroll.example.com/")
        .into_vec()
        .remove(0);
    vec![
        shape!(
            "okta",
            presets::okta("https://dev-1.okta.com/oauth2/default").audience("api://default")
        ),
        shape!("auth0", auth0()),
        shape!("auth0_rfc9068", auth0()),
        shape!(
            "entra",
            presets::entra().tenant(TENANT).audience("1d2c3b4a-0000-4000-8000-000000000001")
        ),
        shape!("entra_v1", presets::entra_v1().tenant(TENANT).audience("api://payroll")),
        shape!("google_id_token", google()),
        shape!("google_id_token_bare", google()),
        shape!(
            "google_emails",
            presets::google_id_token()
                .emails(["nightly@p.iam.gserviceaccount.com"])
                .audience("https://payroll.example.com")
        ),
        shape!("google_service_accounts", account),
        shape!("google_iap", presets::google_iap("/projects/1234/global/backendServices/5678"))
            .at("x-goog-iap-jwt-assertion"),
        shape!("firebase", presets::firebase("my-project").roles_from("roles")),
        shape!("cognito", presets::cognito(POOL, ["1example23456789"])),
        shape!("cognito_id_token", presets::cognito_id_token(POOL).audience("1example23456789")),
        shape!("aws_alb", presets::aws_alb(ARN, "https://idp.example.com", "1example23456789"))
            .at("x-amzn-oidc-data"),
        shape!("cloudflare_access", cloudflare()).at(cf),
        shape!("cloudflare_service", cloudflare()).at(cf),
        shape!(
            "keycloak",
            presets::keycloak("https://id.example.com/realms/staff")
                .audience("payroll")
                .roles_from(["resource_access", "payroll", "roles"])
        ),
        shape!(
            "kubernetes",
            presets::kubernetes(CLUSTER)
                .service_accounts([("jobs", "nightly")])
                .audience("payroll")
        ),
        shape!(
            "kubernetes_namespaces",
            presets::kubernetes(CLUSTER).namespaces(["jobs"]).audience("payroll")
        ),
        shape!(
            "github_actions",
            presets::github_actions().owner_id("65").audience("https://deploy.example.com")
        ),
        shape!(
            "github_repository",
            presets::github_actions().repository_id("74").audience("https://deploy.example.com")
        ),
        shape!("supabase", presets::supabase(PROJECT)),
        Case {
            name: "supabase_hs256",
            shape: include_str!("shapes/supabase_hs256.json"),
            // it has its secret, and needs no other keys
            trusted: Box::new(|_| presets::supabase_hs256(PROJECT, SECRET)),
            place: Source::bearer(),
        },
        shape!("clerk", presets::clerk(CLERK, ["https://app.example.com"])),
        shape!("clerk_any_origin", presets::clerk_any_origin(CLERK)),
        shape!("openid", presets::openid("https://idp.example.com/t/1").audience("payroll")),
        shape!(
            "oauth",
            presets::oauth("https://idp.example.com/t/1")
                .audience("payroll")
                .configure(Issuer::access_token_profile)
        ),
    ]
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

/// What is given to a preset and makes no sense, and what the error names.
#[test]
fn what_makes_no_sense_fails_and_is_named() {
    let keys = || Keys::from(KeySet::default());
    let fails = |preset: Preset, says: &str| {
        let error = preset.issuer_with(keys()).unwrap_err().to_string();
        assert!(error.starts_with("presets::") && error.contains(says), "{says}: {error}");
    };
    fails(presets::okta("https://dev-1.okta.com"), "no custom authorization server");
    fails(presets::okta("https://dev-1.okta.com/oauth2/default/"), "slash");
    fails(presets::auth0("https://tenant.eu.auth0.com/"), "no host name");
    fails(presets::auth0("tenant.eu.auth0.com/x"), "no host name");
    fails(presets::entra().tenants(Vec::<String>::new()), "at least one");
    for tenant in ["common", "contoso.onmicrosoft.com", "8F0D1B6A-5A4D-4B0E-9F64-3A6D6E6D2B11", ""]
    {
        fails(presets::entra().tenant(tenant), "must be a GUID in small letters");
        fails(presets::entra_v1().tenant(tenant), "must be a GUID in small letters");
    }
    let google = presets::google_id_token;
    fails(google().hosted_domains(Vec::<String>::new()), "hosted_domains");
    fails(google().hosted_domain(""), "hosted_domains");
    fails(google().emails(Vec::<String>::new()), "emails");
    fails(google().subjects(Vec::<String>::new()), "subjects");
    fails(presets::google_iap("https://payroll.example.com"), "none of IAP");
    fails(presets::firebase("my/project"), "the project");
    for email in [
        "bob@gmail.com",
        "a@b@p.iam.gserviceaccount.com",
        "../x@p.iam.gserviceaccount.com",
        "a/b@p.iam.gserviceaccount.com",
    ] {
        let account = presets::google_service_accounts([email]).into_vec().remove(0);
        fails(account, "no address of a service account");
    }
    fails(presets::cognito(POOL, Vec::<String>::new()), "clients");
    fails(presets::cognito("AbCdEfGhI", ["c"]), "pool");
    fails(presets::cognito("eu-west-1_../x", ["c"]), "pool");
    for arn in [
        "",
        "arn:aws:iam::123456789012:role/x",
        "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:loadbalancer/app/a/b",
        "arn:aws:elasticloadbalancing:evil.example/:123456789012:loadbalancer/app/a/b",
    ] {
        fails(presets::aws_alb(arn, "https://idp.example.com", "c"), "the signer");
    }
    fails(presets::aws_alb(ARN, "https://idp.example.com", ""), "the client");
    fails(presets::cloudflare_access("acme.cloudflareaccess.com"), "the team");
    fails(presets::keycloak("https://id.example.com"), "/realms/");
    let realm = || presets::keycloak("https://id.example.com/realms/staff");
    fails(realm().audience("account"), "audience mapper");
    fails(realm().audience("payroll").audience("account"), "audience mapper");
    let cluster = || presets::kubernetes(CLUSTER);
    fails(cluster().namespaces(Vec::<String>::new()), "namespaces");
    fails(cluster().service_accounts(Vec::<(String, String)>::new()), "service_accounts");
    fails(presets::kubernetes("cluster.local").any_service_account(), "https://");
    for number in ["octo-org", "", "065"] {
        fails(presets::github_actions().owner_id(number), "the owner");
        fails(presets::github_actions().repository_id(number), "the repository");
    }
    fails(presets::github_actions().owner_ids(Vec::<String>::new()), "the owner");
    fails(presets::supabase("a.b"), "the project");
    assert!(presets::supabase_hs256(PROJECT, "short").is_err());
    fails(presets::clerk(CLERK, Vec::<String>::new()), "origins");
    fails(presets::clerk_any_origin("clerk.example.com"), "https://");
}

#[test]
fn keys_are_fetched_from_where_the_documentation_says() {
    let at = |preset: Preset| preset.keys_url();
    for (preset, url) in [
        (presets::okta("https://d.okta.com/oauth2/x"), "https://d.okta.com/oauth2/x/v1/keys"),
        (presets::auth0("t.auth0.com"), "https://t.auth0.com/.well-known/jwks.json"),
        (
            presets::entra().tenant(TENANT),
            "https://login.microsoftonline.com/8f0d1b6a-5a4d-4b0e-9f64-3a6d6e6d2b11/discovery/v2.0/keys",
        ),
        (
            presets::entra().any_tenant(),
            "https://login.microsoftonline.com/common/discovery/v2.0/keys",
        ),
        (
            presets::entra_v1().any_tenant(),
            "https://login.microsoftonline.com/common/discovery/keys",
        ),
        (
            presets::google_id_token().any_google_account(),
            "https://www.googleapis.com/oauth2/v3/certs",
        ),
        (
            presets::google_iap("/projects/1/apps/x"),
            "https://www.gstatic.com/iap/verify/public_key-jwk",
        ),
        (
            presets::firebase("p"),
            "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
        ),
        (
            presets::cognito(POOL, ["c"]),
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI/.well-known/jwks.json",
        ),
        (
            presets::aws_alb(ARN, "https://idp.example.com", "c"),
            "https://public-keys.auth.elb.eu-west-1.amazonaws.com/{kid}",
        ),
        (presets::cloudflare_access("a"), "https://a.cloudflareaccess.com/cdn-cgi/access/certs"),
        (
            presets::keycloak("https://k/realms/r"),
            "https://k/realms/r/protocol/openid-connect/certs",
        ),
        (presets::kubernetes("https://c").any_service_account(), "https://c/openid/v1/jwks"),
        (
            presets::github_actions().any_repository(),
            "https://token.actions.githubusercontent.com/.well-known/jwks",
        ),
        (presets::supabase("p"), "https://p.supabase.co/auth/v1/.well-known/jwks.json"),
        (presets::clerk(CLERK, ["o"]), "https://clerk.example.com/.well-known/jwks.json"),
        (presets::openid("https://i"), "https://i/.well-known/openid-configuration"),
        (presets::oauth("https://i/t"), "https://i/.well-known/oauth-authorization-server/t"),
        (presets::openid("https://i").keys_at("https://mirror/keys"), "https://mirror/keys"),
    ] {
        assert_eq!(at(preset), url);
    }
    let accounts = ["a@p.iam.gserviceaccount.com", "b@p.iam.gserviceaccount.com"];
    let urls: Vec<_> = presets::google_service_accounts(accounts)
        .into_vec()
        .iter()
        .map(Preset::keys_url)
        .collect();
    assert_eq!(
        urls,
        accounts.map(|a| format!("https://www.googleapis.com/service_accounts/v1/jwk/{a}"))
    );
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

/// A network in which these documents are at these addresses, and nothing ever answers elsewhere.
#[derive(Default)]
struct Network {
    documents: HashMap<String, String>,
    asked: Mutex<Vec<String>>,
}

impl Network {
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The test holds one as well.
struct Client(Arc<Network>);

impl Fetch for Client {
    type Body = String;
    type Error = Infallible;

    async fn fetch(&self, request: Request<()>) -> Result<Response<String>, Infallible> {
        let url = request.uri().to_string();
        let document = self.0.documents.get(&url).cloned();
        self.0.asked.lock().unwrap().push(url);
        match document {
            Some(document) => Ok(Response::new(document)),
            None => std::future::pending().await,
        }
    }
}

fn network(documents: impl IntoIterator<Item = (String, String)>) -> (Arc<Network>, Refresher) {
    let documents = documents.into_iter().collect();
    let network = Arc::new(Network { documents, ..Network::default() });
    let refresher = Refresher::spawn(Client(Arc::clone(&network)));
    (network, refresher)
}

fn jwk_set(signer: &TestIssuer) -> String {
    format!(r#"{{"keys":[{}]}}"#, signer.key().public_jwk().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hanging_keys_of_one_account_are_nobody_elses() {
    let (a, b) = ("a@p.iam.gserviceaccount.com", "b@p.iam.gserviceaccount.com");
    let signer = TestIssuer::new(Algorithm::RS256);
    let at = |email: &str| format!("https://www.googleapis.com/service_accounts/v1/jwk/{email}");
    let (network, refresher) = network([(at(a), jwk_set(&signer))]);
    let issuers = presets::google_service_accounts([a, b])
        .audience("https://payroll.example.com/")
        .may_assert_nothing()
        .add_to(&refresher)
        .unwrap();
    let verifier = Verifier::builder().trust_all(issuers).clock(signer.clock());
    let verifier = verifier.build::<AccessClaims>().unwrap();
    let of = |email: &str| {
        let aud = "https://payroll.example.com/";
        signer.token().claim("iss", email).claim("sub", email).claim("aud", aud).mint()
    };
    verifier.verify_async(of(a)).await.unwrap();
    let refused = verifier.verify(of(b)).unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::KeysUnavailable, "{refused}");
    verifier.verify(of(a)).unwrap();
    // an account that is not listed has its keys fetched from nowhere
    let stranger = verifier.verify_async(of("c@p.iam.gserviceaccount.com")).await.unwrap_err();
    assert_eq!(stranger.kind(), RejectionKind::UntrustedIssuer);
    assert!(
        network.asked().iter().all(|url| *url == at(a) || *url == at(b)),
        "{:?}",
        network.asked()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_load_balancer_is_fetched_by_a_uuid_and_by_nothing_else() {
    let case = cases().into_iter().find(|case| case.name == "aws_alb").unwrap();
    let shape = read(&case);
    let kid = "0a1b2c3d-0000-4111-8222-abcdefabcdef";
    let signer = signer(&shape);
    let signer = signer.clone().with_key(signer.key().clone().with_key_id(kid));
    let at = format!("https://public-keys.auth.elb.eu-west-1.amazonaws.com/{kid}");
    let (network, refresher) = network([(at.clone(), signer.key().public_pem().unwrap())]);
    let alb = presets::aws_alb(ARN, "https://idp.example.com", "1example23456789");
    let issuer = alb.add_to(&refresher).unwrap();
    let verifier = Verifier::builder().trust(issuer).clock(signer.clock());
    let verifier = verifier.build::<AccessClaims>().unwrap();
    for kid in ["../evil", "0a1b2c3d-0000-4111-8222-abcdefabcde/", "evil.example/x", ""] {
        let named = signer.clone().with_key(signer.key().clone().with_key_id(kid));
        let token = good(&case, &shape, &named);
        let refused = verifier.verify_async_from(&case.place, token).await.unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::UnknownKey, "{kid}: {refused}");
    }
    assert_eq!(network.asked(), Vec::<String>::new());
    let token = good(&case, &shape, &signer);
    verifier.verify_async_from(&case.place, &token).await.unwrap();
    assert_eq!(network.asked(), [at]);
}

#[test]
fn nobody_is_trusted_by_an_empty_list() {
    let (refresher, _driver) = Refresher::new(Client(Arc::default()));
    let error = presets::google_service_accounts(Vec::<String>::new()).add_to(&refresher);
    assert!(error.unwrap_err().to_string().contains("the list is empty"));
}

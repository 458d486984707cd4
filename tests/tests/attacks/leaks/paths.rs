//! Every kind of rejection, provoked by a token that is full of canaries.

use std::collections::HashSet;
use std::convert::Infallible;
use std::error::Error;
use std::fmt::Debug;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use portcullis::{
    AccessClaims, Algorithm, ClaimRule, Denylist, DenylistStore, Entry, Issuer, JwtLayer, Keys,
    MemoryStore, Rejection, RejectionKind as K, RequireLayer, Revocation, Revoke, Source, Target,
    Verifier, roles,
};
use portcullis_testing::{TestClock, block_on};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower::{Layer, Service, ServiceExt};

use super::canary::{CLAIM, NAME, SECRET, SUBJECT, assert_silent};
use crate::support::{Log, hmac_signed, panics_of_this_thread};

const NOW: i64 = 1_700_000_000;
const ISSUER: &str = "https://idp.example";

roles! { Admin = "admin"; }

type Body = Full<Bytes>;

fn issuer() -> Issuer {
    Issuer::new(ISSUER).audience("api").keys(Keys::from_secret(Algorithm::HS256, SECRET).unwrap())
}

fn layer_of<C: DeserializeOwned + Send + Sync + 'static>(issuer: Issuer) -> JwtLayer<C> {
    JwtLayer::new(Verifier::builder().trust(issuer).clock(TestClock::at(NOW)).build().unwrap())
}

fn layer() -> JwtLayer<Value> {
    layer_of(issuer())
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "api", "sub": SUBJECT, "jti": "7", "iat": NOW, "exp": NOW + 600,
        NAME: CLAIM, "email": CLAIM, "nested": {NAME: [CLAIM, {"x": CLAIM}]}, "roles": [CLAIM],
    })
}

fn token(changes: Value) -> String {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    signed(&json!({"alg": "HS256", NAME: CLAIM}), &claims.to_string())
}

fn signed(header: &Value, payload: &str) -> String {
    hmac_signed("HS256", SECRET.as_bytes(), header.to_string().as_bytes(), payload.as_bytes())
}

fn with_header(name: &str, value: Value) -> String {
    let mut header = json!({"alg": "HS256"});
    header[name] = value;
    signed(&header, &claims().to_string())
}

fn bearer(token: &str) -> Request<Body> {
    request("GET", &[("authorization", &format!("Bearer {token}"))])
}

fn request(method: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let builder = Request::builder().method(method).uri("/");
    headers
        .iter()
        .fold(builder, |b, (name, value)| b.header(*name, *value))
        .body(Body::default())
        .unwrap()
}

/// All that the outside gets to see of a refusal, and what the extensions keep for the inside.
struct Seen {
    answer: String,
    rejection: Rejection,
}

fn send<C, R>(layer: JwtLayer<C, R>, request: Request<Body>) -> Seen
where
    C: DeserializeOwned + Send + Sync + 'static,
    R: Revocation,
{
    ask(
        layer.layer(tower::service_fn(async |_: Request<Body>| Ok(Response::new(Body::default())))),
        request,
    )
}

fn ask<S, B>(service: S, request: Request<Body>) -> Seen
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body<Data = Bytes, Error: Debug> + Debug,
{
    let response = block_on(service.oneshot(request)).unwrap();
    let debug = format!("{response:?}");
    let (parts, body) = response.into_parts();
    let body = block_on(body.collect()).unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let rejection = parts.extensions.get::<Rejection>().cloned().expect("it is refused");
    Seen { answer: format!("{debug} {:?} {:?} {text}", parts.headers, parts.extensions), rejection }
}

/// Through the layer to a service behind a guard.
fn guarded<R, C, G>(layer: JwtLayer<C>, guard: RequireLayer<R, G>, token: &str) -> Seen
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let service = tower::service_fn(async |_: Request<Body>| Ok(Response::new(Body::default())));
    ask(layer.layer(guard.layer(service)), bearer(token))
}

struct Gone;

impl DenylistStore for Gone {
    type Error = &'static str;

    async fn is_denied(&self, _: &Target<'_>) -> Result<bool, &'static str> {
        Err("connection refused")
    }
}

/// Claims that do not fit.
#[derive(Deserialize)]
struct Number {
    #[serde(rename = "email")]
    _email: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Few {}

#[derive(Deserialize)]
struct Choice {
    #[serde(rename = "email")]
    _email: OneOf,
}

#[derive(Deserialize)]
enum OneOf {
    A,
}

/// A type whose error repeats what it read, as the errors of many parsers do.
struct Chatty;

impl<'de> Deserialize<'de> for Chatty {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = std::collections::BTreeMap::<String, Value>::deserialize(deserializer)?;
        let email = all["email"].as_str().unwrap_or_default();
        Err(serde::de::Error::custom(format!("can't make sense of {email}")))
    }
}

/// The token of each attempt and what was seen of it.
fn refusals() -> Vec<(String, Seen)> {
    let layer_with = |change: fn(Issuer) -> Issuer| layer_of::<Value>(change(issuer()));
    let hour = Duration::from_secs(3_600);
    let of_token = |token: String| {
        let seen = send(layer(), bearer(&token));
        (token, seen)
    };
    let good = || token(json!({}));
    let (input, _) = good().rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let revoked = MemoryStore::builder().with_clock(TestClock::at(NOW)).build();
    block_on(revoked.revoke(Entry::deny(Target::token(ISSUER, "7")))).unwrap();
    let mut seen = vec![
        // no token where one is looked for
        (good(), send(layer(), request("GET", &[("authorization", &good())]))),
        (good(), send(layer(), request("GET", &[("x-other", &good())]))),
        (good(), send(layer(), request("GET", &[("authorization", &format!("Basic {}", good()))]))),
        (good(), {
            let value = format!("Bearer {}", good());
            send(layer(), request("GET", &[("authorization", &*value), ("authorization", &*value)]))
        }),
        (good(), send(layer(), bearer(&format!("\"{}\"", good())))),
        (good(), send(layer(), bearer(&format!("{CLAIM} {}", good())))),
        (good(), {
            let layer = layer().source(Source::cookie("s").unwrap());
            send(layer, request("POST", &[("cookie", &format!("s={}", good()))]))
        }),
        // tokens that are not good
        of_token(format!("{}{}", good(), "A".repeat(20_000))),
        of_token(input.clone()),
        of_token(format!("{input}.=")),
        of_token(signed(&json!({"alg": "HS256"}), &format!("{{\"{NAME}\":\"{CLAIM}\""))),
        of_token(signed(&json!({"alg": "HS256"}), CLAIM)),
        of_token(with_header("crit", json!([CLAIM]))),
        of_token(with_header("jwk", json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET)}))),
        of_token(with_header("alg", json!("none"))),
        of_token(with_header("alg", json!({CLAIM: SECRET}))),
        of_token(with_header("typ", json!("logout+jwt"))),
        of_token(token(json!({"iss": "https://other.example"}))),
        of_token(format!("{input}.AAAA")),
        of_token(format!("{input}.")),
        of_token(token(json!({"aud": null}))),
        of_token(token(json!({"exp": CLAIM}))),
        of_token(token(json!({"sub": {NAME: CLAIM}}))),
        of_token(token(json!({"aud": [CLAIM, 1]}))),
        of_token(token(json!({"exp": NOW - 300}))),
        of_token(token(json!({"nbf": NOW + 300}))),
        of_token(token(json!({"iat": NOW + 300}))),
        of_token(token(json!({"aud": "other"}))),
        of_token(token(json!({"cnf": {"jkt": CLAIM}}))),
        of_token(token(json!({"events": {CLAIM: {}}}))),
        (
            good(),
            send(
                layer_with(|i| i.max_age(Duration::from_secs(1))),
                bearer(&token(json!({"iat": NOW - 99}))),
            ),
        ),
        (good(), send(layer_of::<Value>(issuer().max_lifetime(hour / 60)), bearer(&good()))),
        (good(), send(layer_with(|i| i.require_claim("tenant")), bearer(&good()))),
        (good(), send(layer_with(|i| i.generation_claim("email")), bearer(&good()))),
        (
            good(),
            send(
                layer_with(|i| i.check_claim(ClaimRule::one_of("email", ["other"]))),
                bearer(&good()),
            ),
        ),
        // claims that the service can't use
        (good(), send(layer_of::<Number>(issuer()), bearer(&good()))),
        (good(), send(layer_of::<Choice>(issuer()), bearer(&good()))),
        (good(), send(layer_of::<Few>(issuer()), bearer(&good()))),
        (good(), send(layer_of::<Chatty>(issuer()), bearer(&good()))),
        (good(), send(layer_of::<Vec<String>>(issuer()), bearer(&good()))),
        (good(), send(layer_of::<AccessClaims>(issuer().roles_from("nested")), bearer(&good()))),
        // and those that are good, and refused all the same
        (good(), send(layer().with_revocation(Denylist::new(revoked)), bearer(&good()))),
        (good(), send(layer().with_revocation(Denylist::new(Gone)), bearer(&good()))),
        (
            good(),
            guarded(
                layer_of::<AccessClaims>(issuer()),
                RequireLayer::<Admin, AccessClaims>::new(),
                &good(),
            ),
        ),
        (good(), {
            let guard = RequireLayer::<(), AccessClaims>::signed_in().with_check(|_| false);
            guarded(layer_of::<AccessClaims>(issuer()), guard, &good())
        }),
        (good(), guarded(layer(), RequireLayer::<(), AccessClaims>::signed_in(), &good())),
        (good(), {
            let service = tower::service_fn(async |_: Request<Body>| {
                Ok(Rejection::new(K::KeysUnavailable).into_refusal::<Body>())
            });
            ask(layer().layer(service), bearer(&good()))
        }),
    ];
    // claims that are written like what serde says of types
    for odd in [
        format!("x, expected {CLAIM}"),
        format!("x, expected u32 {CLAIM} at line 1"),
        format!("missing field `{CLAIM}`"),
        format!("invalid type: x, expected {CLAIM}"),
    ] {
        let odd = token(json!({"email": odd}));
        for seen_of in [
            send(layer_of::<Number>(issuer()), bearer(&odd)),
            send(layer_of::<Choice>(issuer()), bearer(&odd)),
            send(layer_of::<Chatty>(issuer()), bearer(&odd)),
        ] {
            seen.push((odd.clone(), seen_of));
        }
    }
    let plain = claims().to_string();
    let plain = format!("{},\"x\":\"{CLAIM}\",\"x\":\"{CLAIM}\"}}", &plain[..plain.len() - 1]);
    seen.push(of_token(signed(&json!({"alg": "HS256"}), &plain)));
    let named_key = issuer().keys(
        portcullis::keys::VerificationKey::from_secret(Algorithm::HS256, SECRET)
            .unwrap()
            .with_key_id("k"),
    );
    seen.push((
        good(),
        send(layer_of::<Value>(named_key), bearer(&with_header("kid", json!("other")))),
    ));
    seen
}

#[test]
fn no_refusal_lets_a_canary_out() {
    let (log, _logging) = Log::capture();
    let panics = panics_of_this_thread();
    let refusals = refusals();
    assert_eq!(panics_of_this_thread(), panics);
    let kinds: HashSet<_> = refusals.iter().map(|(_, seen)| seen.rejection.kind()).collect();
    for kind in K::ALL {
        assert!(kinds.contains(kind), "{kind:?} was not provoked");
    }
    let lines = log.take().join("\n");
    assert!(lines.lines().count() >= refusals.len());
    for (token, Seen { answer, rejection }) in &refusals {
        let kind = format!("{:?}", rejection.kind());
        assert_silent(answer, token, &kind);
        assert_silent(&rejection.to_string(), token, &kind);
        assert_silent(&format!("{rejection:?} {rejection:#?}"), token, &kind);
        let mut source: Option<&dyn Error> = rejection.source();
        while let Some(cause) = source {
            assert_silent(&format!("{cause} {cause:?}"), token, &kind);
            source = cause.source();
        }
        assert_silent(&lines, token, "the log");
    }
}

//! A request for each kind of rejection: what a service that is set up as in the guide would refuse.

use std::convert::Infallible;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use portcullis::{
    AccessClaims, Algorithm, ClaimRule, Denylist, Entry, Issuer, JwtLayer, Keys, MemoryStore,
    Outage, Rejection, RejectionKind, RequireLayer, Revocation, Revoke, Source, Target, TokenView,
    Verdict, Verifier, roles,
};
use portcullis_issuer::SigningKey;
use portcullis_testing::TestClock;
use serde::Deserialize;
use serde_json::{Value, json};
use tower::{Layer, ServiceExt};

const ISSUER: &str = "https://idp.example.com";
const NOW: i64 = 1_760_000_000;

#[derive(Debug, Deserialize)]
struct Payroll {
    #[expect(dead_code, reason = "only its type matters")]
    department: u32,
}

roles! { Admin = "admin"; }

fn key(kid: &str, secret: &str) -> SigningKey {
    SigningKey::from_secret(Algorithm::HS256, secret).unwrap().with_key_id(kid)
}

fn ours() -> SigningKey {
    key("2025-10", "the secret of the issuer, 32 bytes or more")
}

fn issuer() -> Issuer {
    Issuer::new(ISSUER).audience("payroll").keys(Keys::from(ours().verification_key()))
}

fn layer_of<C: serde::de::DeserializeOwned + Send + Sync + 'static>(issuer: Issuer) -> JwtLayer<C> {
    let verifier = Verifier::builder().trust(issuer).clock(TestClock::at(NOW)).build().unwrap();
    JwtLayer::new(verifier)
}

fn layer() -> JwtLayer<AccessClaims> {
    layer_of(issuer())
}

/// A good token with these claims changed; `null` leaves one out.
fn token(changes: Value) -> String {
    let mut claims = json!({
        "iss": ISSUER, "aud": "payroll", "sub": "bob", "jti": "7f1c",
        "iat": NOW - 60, "exp": NOW + 840,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    signed(&json!({"alg": "HS256", "kid": "2025-10"}).to_string(), &claims.to_string())
}

fn with_header(header: Value) -> String {
    signed(&header.to_string(), &json!({"iss": ISSUER}).to_string())
}

fn signed(header: &str, payload: &str) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = ours().sign_bytes(input.as_bytes()).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

type Body = Full<Bytes>;

fn bearer(token: &str) -> Request<Body> {
    request("GET", &[("authorization", &format!("Bearer {token}"))])
}

fn request(method: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri("/payments");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::default()).unwrap()
}

/// Sends the request through the layer to a service that answers everything.
async fn send<C, R>(layer: JwtLayer<C, R>, request: Request<Body>) -> Bytes
where
    C: serde::de::DeserializeOwned + Send + Sync + 'static,
    R: Revocation,
{
    let service = tower::service_fn(async |_: Request<Body>| Ok(Response::new(Body::default())));
    answer(layer.layer(service), request).await
}

async fn answer<S, B>(service: S, request: Request<Body>) -> Bytes
where
    S: tower::Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body<Data = Bytes, Error: std::fmt::Debug>,
{
    service.oneshot(request).await.unwrap().into_body().collect().await.unwrap().to_bytes()
}

/// A rule whose store is gone.
struct Gone;

impl Revocation for Gone {
    fn peek(&self, _: &TokenView<'_>) -> Option<Verdict> {
        None
    }

    async fn check(&self, _: &TokenView<'_>) -> Verdict {
        Verdict::Unavailable(Outage::new("denylist", "connection refused"))
    }
}

/// Has a request refused for this reason, and gives the body of the answer.
pub(crate) async fn provoke(kind: RejectionKind) -> Bytes {
    use RejectionKind as K;
    match kind {
        K::MissingCredential => send(layer(), request("GET", &[])).await,
        K::MultipleCredentials => {
            let good = format!("Bearer {}", token(json!({})));
            let twice = [("authorization", &*good), ("authorization", &*good)];
            send(layer(), request("GET", &twice)).await
        }
        K::MalformedCredential => {
            send(layer(), request("GET", &[("authorization", "Bearer \"quoted\"")])).await
        }
        K::CrossOrigin => {
            let layer = layer().source(Source::cookie("__Host-session").unwrap());
            let cookie = format!("__Host-session={}", token(json!({})));
            let headers = [("cookie", &*cookie), ("origin", "https://evil.example")];
            send(layer, request("POST", &headers)).await
        }
        K::TokenTooLarge => send(layer(), bearer(&"a".repeat(20_000))).await,
        K::MalformedToken => send(layer(), bearer("ya29.opaque")).await,
        K::ForbiddenHeader => {
            let header = json!({"alg": "HS256", "jku": "https://evil.example/keys"});
            send(layer(), bearer(&with_header(header))).await
        }
        K::AlgorithmNotAllowed => send(layer(), bearer(&with_header(json!({"alg": "none"})))).await,
        K::UntrustedIssuer => {
            send(layer(), bearer(&token(json!({"iss": format!("{ISSUER}/")})))).await
        }
        K::UnknownKey => {
            let header = json!({"alg": "HS256", "kid": "2024-01"});
            send(layer(), bearer(&with_header(header))).await
        }
        K::InvalidSignature => {
            let theirs = key("2025-10", "a secret of somebody else, 32 bytes or more");
            let keys = Keys::from(theirs.verification_key());
            send(layer_of::<AccessClaims>(issuer().keys(keys)), bearer(&token(json!({})))).await
        }
        K::WrongType => {
            let header = json!({"alg": "HS256", "typ": "logout+jwt"});
            send(layer(), bearer(&with_header(header))).await
        }
        K::MissingClaim => send(layer(), bearer(&token(json!({"aud": null})))).await,
        K::InvalidClaim => send(layer(), bearer(&token(json!({"exp": "tomorrow"})))).await,
        K::WrongClaim => {
            let rule = ClaimRule::one_of("token_use", ["access"])
                .recognise("id", "this is an ID token, which is for the client and not for an API");
            let layer = layer_of::<AccessClaims>(issuer().check_claim(rule));
            send(layer, bearer(&token(json!({"token_use": "id"})))).await
        }
        K::DuplicateClaim => {
            let payload = format!(r#"{{"iss":"{ISSUER}","sub":"bob","sub":"alice"}}"#);
            send(layer(), bearer(&signed(r#"{"alg":"HS256"}"#, &payload))).await
        }
        K::Expired => send(layer(), bearer(&token(json!({"exp": NOW - 300})))).await,
        K::NotYetValid => send(layer(), bearer(&token(json!({"nbf": NOW + 300})))).await,
        K::IssuedInFuture => send(layer(), bearer(&token(json!({"iat": NOW + 300})))).await,
        K::TooOld => {
            let layer = layer_of::<AccessClaims>(issuer().max_age(Duration::from_secs(600)));
            send(layer, bearer(&token(json!({"iat": NOW - 3600})))).await
        }
        K::LifetimeTooLong => {
            let layer = layer_of::<AccessClaims>(issuer().max_lifetime(Duration::from_secs(900)));
            send(layer, bearer(&token(json!({"exp": NOW + 86_400})))).await
        }
        K::WrongAudience => send(layer(), bearer(&token(json!({"aud": ["billing"]})))).await,
        K::BoundToken => {
            let bound = json!({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}});
            send(layer(), bearer(&token(bound))).await
        }
        K::InvalidClaims => send(layer_of::<Payroll>(issuer()), bearer(&token(json!({})))).await,
        K::Revoked => {
            let store = MemoryStore::builder().with_clock(TestClock::at(NOW)).build();
            store.revoke(Entry::deny(Target::token(ISSUER, "7f1c"))).await.unwrap();
            send(layer().with_revocation(Denylist::new(store)), bearer(&token(json!({})))).await
        }
        K::InsufficientScope => {
            let guard = RequireLayer::<Admin, AccessClaims>::new();
            let service = guard.layer(tower::service_fn(async |_: Request<Body>| {
                Ok(Response::new(Body::default()))
            }));
            answer(layer().layer(service), bearer(&token(json!({"roles": ["reader"]})))).await
        }
        K::CheckFailed => {
            let guard = RequireLayer::<(), AccessClaims>::signed_in().with_check(|_| false);
            let service = guard.layer(tower::service_fn(async |_: Request<Body>| {
                Ok(Response::new(Body::default()))
            }));
            answer(layer().layer(service), bearer(&token(json!({})))).await
        }
        // a source of keys says so itself
        K::KeysUnavailable => {
            let service = tower::service_fn(async |_: Request<Body>| {
                let rejection = Rejection::new(K::KeysUnavailable);
                let refusal = rejection.with_source("https://idp.example.com/keys: timed out");
                Ok(refusal.into_refusal::<Body>())
            });
            answer(layer().layer(service), bearer(&token(json!({})))).await
        }
        K::RevocationUnavailable => {
            send(layer().with_revocation(Gone), bearer(&token(json!({})))).await
        }
        K::NotConfigured => {
            let guard = RequireLayer::<(), Payroll>::signed_in();
            let service = guard.layer(tower::service_fn(async |_: Request<Body>| {
                Ok(Response::new(Body::default()))
            }));
            answer(layer().layer(service), bearer(&token(json!({})))).await
        }
        other => panic!("{other:?} needs a request here and a section in docs/errors.md"),
    }
}

//! An endpoint with a client, what is sent to it, and what is expected of its answers.

use std::fs;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use portcullis::Algorithm;
use portcullis_issuer::token_endpoint::{ClientDirectory, TokenEndpoint, TokenEndpointBuilder};
use portcullis_issuer::{JwsHeader, SigningKey, SigningKeys, TokenIssuer};
use portcullis_testing::TestClock;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower_service::Service as _;

pub(super) const ISSUER: &str = "https://id.example";
pub(super) const API: &str = "https://api.example";
pub(super) const NOW: i64 = 1_800_000_000;
pub(super) const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// An endpoint with one client, whose key is an EC key.
pub(super) struct Setup {
    pub(super) endpoint: TokenEndpoint<ClientDirectory>,
    pub(super) clients: TempDir,
    pub(super) key: SigningKey,
    pub(super) keys: SigningKeys,
    pub(super) clock: TestClock,
}

impl Setup {
    pub(super) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(super) fn with(
        set: impl FnOnce(TokenEndpointBuilder<ClientDirectory>) -> TokenEndpointBuilder<ClientDirectory>,
    ) -> Self {
        let clock = TestClock::at(NOW);
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let keys = SigningKeys::builder()
            .clock(clock.clone())
            .key(SigningKey::generate(Algorithm::ES256).unwrap())
            .build()
            .unwrap();
        let issuer = TokenIssuer::builder(ISSUER, keys.clone())
            .audience(API)
            .lifetime(Duration::from_secs(3600))
            .build()
            .unwrap();
        let clients = tempfile::tempdir().unwrap();
        fs::write(clients.path().join("nightly.pem"), key.public_pem().unwrap()).unwrap();
        let builder = TokenEndpoint::builder(issuer, ClientDirectory::new(clients.path()))
            .scopes(|_| vec!["read".into(), "write".into()]);
        Self { endpoint: set(builder).build().unwrap(), clients, key, keys, clock }
    }

    /// What the client signs, but for these claims.
    pub(super) fn assertion(&self, change: Value) -> String {
        self.typed("JWT", change)
    }

    pub(super) fn typed(&self, typ: &str, change: Value) -> String {
        self.signed(&JwsHeader::new().with_typ(typ), change)
    }

    pub(super) fn untyped(&self, change: Value) -> String {
        self.signed(&JwsHeader::new(), change)
    }

    fn signed(&self, header: &JwsHeader, change: Value) -> String {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let id = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut claims = json!({
            "iss": "nightly", "sub": "nightly", "aud": ISSUER, "exp": NOW + 300, "jti": id.to_string(),
        });
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        self.key.sign(header, claims.to_string()).unwrap()
    }

    pub(super) async fn post(&self, parameters: &[(&str, &str)]) -> Answer {
        let mut form = form_urlencoded::Serializer::new(String::new());
        let form = form.extend_pairs(parameters).finish();
        self.send(request().body(Full::from(form)).unwrap()).await
    }

    pub(super) async fn send(&self, request: Request<Full<bytes::Bytes>>) -> Answer {
        Answer(self.endpoint.clone().call(request).await.unwrap())
    }

    /// By `client_credentials`.
    pub(super) async fn authenticate(&self, assertion: &str) -> Answer {
        self.post(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", CLIENT_ASSERTION),
            ("client_assertion", assertion),
        ])
        .await
    }

    /// By the JWT bearer grant.
    pub(super) async fn grant(&self, assertion: &str) -> Answer {
        self.post(&[("grant_type", JWT_BEARER), ("assertion", assertion)]).await
    }

    /// Both, which differ in the error only.
    pub(super) async fn refused(&self, change: Value, why: &str) {
        let reply = self.authenticate(&self.assertion(change.clone())).await;
        reply.expect(401, "invalid_client", why);
        self.grant(&self.assertion(change)).await.expect(400, "invalid_grant", why);
    }
}

pub(super) fn request() -> http::request::Builder {
    Request::post("/token").header("content-type", "application/x-www-form-urlencoded")
}

#[derive(Debug)]
pub(super) struct Answer(pub(super) Response<String>);

impl Answer {
    pub(super) fn value(&self) -> Value {
        serde_json::from_str(self.0.body()).unwrap()
    }

    #[track_caller]
    pub(super) fn expect(&self, status: u16, error: &str, why: &str) {
        assert_eq!(self.0.status(), status, "{self:?}");
        let body = self.value();
        assert_eq!(body["error"], error, "{self:?}");
        let description = body["error_description"].as_str().unwrap();
        assert!(description.contains(why), "{why}: {self:?}");
        // RFC 6749 §5.2
        let legal = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(description.bytes().all(legal), "{self:?}");
        assert_eq!(self.0.headers().contains_key("www-authenticate"), status == 401, "{self:?}");
        assert_eq!(self.0.headers().contains_key("retry-after"), status == 503, "{self:?}");
        self.expect_private();
    }

    #[track_caller]
    pub(super) fn expect_token(&self) -> String {
        assert_eq!(self.0.status(), StatusCode::OK, "{self:?}");
        self.expect_private();
        let body = self.value();
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 3600);
        body["access_token"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(super) fn expect_private(&self) {
        assert_eq!(self.0.headers()["content-type"], "application/json");
        assert_eq!(self.0.headers()["cache-control"], "no-store");
        assert_eq!(self.0.headers()["pragma"], "no-cache");
    }
}

//! An issuer under control, and a service that trusts it.

use std::convert::Infallible;
use std::time::Duration;

use http::{Request, Response};
use portcullis::{Algorithm, Issuer, JwtLayer, Keys, RejectionKind, Verified, Verifier};
use portcullis_issuer::SigningKey;
use portcullis_oidc::{FetchErrorKind, HttpClient, RemoteKeys, RemoteKeysBuilder};
use portcullis_testing::{IssuerServer, TestClock, TestIssuer};
use tower::{Layer, ServiceExt};

pub(crate) const KEYS: &str = "/keys";
pub(crate) const METADATA: &str = "/.well-known/openid-configuration";
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// An issuer, its keys as they were fetched, and a verifier that trusts it.
pub(crate) struct World {
    pub(crate) server: IssuerServer,
    pub(crate) issuer: TestIssuer,
    /// The clock of the keys. That of the verifier stands still.
    pub(crate) clock: TestClock,
    pub(crate) keys: RemoteKeys,
    pub(crate) verifier: Verifier,
}

/// An answer of the service.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) kind: Option<RejectionKind>,
    pub(crate) retry_after: bool,
}

pub(crate) const OK: Told = Told { status: 200, kind: None, retry_after: false };
pub(crate) const OUT: Told =
    Told { status: 503, kind: Some(RejectionKind::KeysUnavailable), retry_after: true };
pub(crate) const UNKNOWN: Told =
    Told { status: 401, kind: Some(RejectionKind::UnknownKey), retry_after: false };

/// A key of its own, under this name.
pub(crate) fn key(kid: &str) -> SigningKey {
    SigningKey::generate(Algorithm::ES256).unwrap().with_key_id(kid)
}

pub(crate) fn client() -> HttpClient {
    HttpClient::new().unwrap()
}

/// Answers that do come may take their time on a busy machine: [`soon`] is what ends a test.
fn patient(builder: RemoteKeysBuilder) -> RemoteKeysBuilder {
    builder.timeout(HOUR).max_wait(HOUR)
}

/// An issuer that publishes the key `first`.
pub(crate) fn server() -> (IssuerServer, TestIssuer) {
    let server = IssuerServer::start().unwrap();
    let issuer = TestIssuer::new(Algorithm::ES256).with_name(server.url()).with_key(key("first"));
    server.publish([issuer.key()]);
    (server, issuer)
}

impl World {
    /// An issuer that publishes its key, which nobody has fetched yet.
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// As [`new`](Self::new), with these settings.
    pub(crate) fn with(set: impl FnOnce(RemoteKeysBuilder) -> RemoteKeysBuilder) -> Self {
        let (server, issuer) = server();
        Self::of(server, issuer, set)
    }

    pub(crate) fn of(
        server: IssuerServer,
        issuer: TestIssuer,
        set: impl FnOnce(RemoteKeysBuilder) -> RemoteKeysBuilder,
    ) -> Self {
        let builder = patient(RemoteKeys::from_jwk_set_url(server.keys_url()));
        Self::from(server, issuer, set(builder))
    }

    /// Found by its metadata.
    pub(crate) fn discovered(set: impl FnOnce(RemoteKeysBuilder) -> RemoteKeysBuilder) -> Self {
        let (server, issuer) = server();
        let builder = patient(RemoteKeys::discover(server.url()));
        Self::from(server, issuer, set(builder))
    }

    fn from(server: IssuerServer, issuer: TestIssuer, builder: RemoteKeysBuilder) -> Self {
        let clock = TestClock::at(0);
        let keys = builder.clock(clock.clone()).spawn_with(client()).unwrap();
        let verifier = verifier(&issuer, keys.keys());
        Self { server, issuer, clock, keys, verifier }
    }

    /// As [`new`](Self::new), and the key was fetched.
    pub(crate) async fn ready() -> Self {
        Self::new().fetched().await
    }

    pub(crate) async fn fetched(self) -> Self {
        soon(self.keys.ready()).await.unwrap();
        self
    }

    /// A good token of the key that is current.
    pub(crate) fn token(&self) -> String {
        self.issuer.token().mint()
    }

    /// A good token of this key.
    pub(crate) fn token_of(&self, key: &SigningKey) -> String {
        self.issuer.clone().with_key(key.clone()).token().mint()
    }

    pub(crate) async fn ask(&self, token: &str) -> Told {
        ask(&self.verifier, token).await
    }

    /// Lets time go by, for the keys only.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.keys.look_at_the_clock();
    }

    /// Fetches, which must fail like this.
    pub(crate) async fn fails_by(&self, kind: FetchErrorKind) {
        let error = soon(self.keys.refresh()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert_eq!(self.keys.status().last_error().unwrap().kind(), kind);
    }

    pub(crate) async fn refresh(&self) {
        soon(self.keys.refresh()).await.unwrap();
    }
}

pub(crate) fn verifier(issuer: &TestIssuer, keys: Keys) -> Verifier {
    let trusted = Issuer::new(issuer.name()).audience(issuer.audience()).keys(keys);
    Verifier::builder().trust(trusted).clock(issuer.clock()).build().unwrap()
}

/// Sends a request with this token through the layer.
pub(crate) async fn ask(verifier: &Verifier, token: &str) -> Told {
    let service = tower::service_fn(|request: Request<String>| async move {
        assert!(request.extensions().get::<Verified<()>>().is_some());
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let request = Request::get("/").header("authorization", format!("Bearer {token}"));
    let service = JwtLayer::new(verifier.clone()).layer(service);
    let response = soon(service.oneshot(request.body(String::new()).unwrap())).await.unwrap();
    Told {
        status: response.status().as_u16(),
        kind: response.extensions().get::<portcullis::Rejection>().map(|r| r.kind()),
        retry_after: response.headers().contains_key("retry-after"),
    }
}

/// Waits for what must happen, and not for ever.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, future).await.expect("it did not happen in a minute")
}

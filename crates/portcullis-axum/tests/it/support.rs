//! A test issuer, the claims of a payroll service, and a client that is a function call.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use portcullis_axum::{
    Algorithm, HasRoles, HasScopes, JwtLayer, Rejection, RejectionKind, ScopeName, Verifier, roles,
};
use portcullis_testing::TestIssuer;
use serde::Deserialize;
use tower::ServiceExt;

#[derive(Debug, Deserialize)]
pub(crate) struct Payroll {
    pub(crate) sub: String,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    scope: String,
}

impl HasRoles for Payroll {
    fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|r| r == role)
    }
}

impl HasScopes for Payroll {
    fn has_scope(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|s| s == scope)
    }
}

roles! {
    pub(crate) Admin = "admin";
    pub(crate) Reader = "reader" granted_by Admin;
}

pub(crate) struct Pay;
impl ScopeName for Pay {
    const NAME: &'static str = "payments:write";
}

/// An issuer, and tokens of bob, a reader, and alice, an admin.
pub(crate) struct Idp {
    issuer: TestIssuer,
    pub(crate) bob: String,
    pub(crate) alice: String,
}

impl Idp {
    pub(crate) fn new() -> Self {
        let issuer = TestIssuer::new(Algorithm::ES256);
        let bob = issuer.token().subject("bob").roles(&["reader"]).mint();
        let alice = issuer.token().subject("alice").roles(&["admin"]);
        let alice = alice.claim("scope", "payments:write").mint();
        Self { issuer, bob, alice }
    }

    pub(crate) fn layer(&self) -> JwtLayer<Payroll> {
        JwtLayer::new(self.verifier())
    }

    pub(crate) fn verifier<C: serde::de::DeserializeOwned + Send + Sync + 'static>(
        &self,
    ) -> Verifier<C> {
        let builder = Verifier::builder().trust(self.issuer.trusted()).clock(self.issuer.clock());
        builder.build().unwrap()
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) challenge: Option<String>,
    pub(crate) body: String,
    pub(crate) rejection: Option<Rejection>,
}

impl Answer {
    pub(crate) fn kind(&self) -> Option<RejectionKind> {
        self.rejection.as_ref().map(Rejection::kind)
    }

    #[track_caller]
    pub(crate) fn assert_ok(&self, body: &str) {
        assert_eq!(
            (self.status, self.body.as_str()),
            (StatusCode::OK, body),
            "{:?}",
            self.rejection
        );
    }

    #[track_caller]
    pub(crate) fn assert_refused(&self, kind: RejectionKind) {
        assert_eq!((self.status, self.kind()), (kind.status(), Some(kind)), "{}", self.body);
    }
}

/// `GET`s a path, with a token or without.
pub(crate) async fn get(app: &Router, path: &str, token: Option<&str>) -> Answer {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let challenge = response.headers().get("www-authenticate");
    Answer {
        status: response.status(),
        challenge: challenge.map(|value| value.to_str().unwrap().to_owned()),
        rejection: response.extensions().get().cloned(),
        body: String::from_utf8(to_bytes(response.into_body(), 10_000).await.unwrap().to_vec())
            .unwrap(),
    }
}

//! Answers of the user's own.

use http::{HeaderValue, Response, StatusCode};
use portcullis::{Rejection, RejectionKind, RequireLayer, ResponseForRejection};
use tower::Layer;

use crate::support::{Admin, Payroll, ask, bearer, bob, get, layer, request, send, who_service};

#[tokio::test]
async fn a_closure_replaces_the_body_and_keeps_the_challenge() {
    let layer = layer().with_rejection_response(|rejection: &Rejection, standard: Response<_>| {
        let mut response = standard.map(|_| format!("no: {}", rejection.kind().code()));
        response.headers_mut().insert("content-type", HeaderValue::from_static("text/plain"));
        response
    });
    let answer = ask(&layer, get(&[])).await;
    assert_eq!(answer.body, "no: missing-credential");
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="api""#));
    answer.assert_refused(RejectionKind::MissingCredential);

    let guarded = layer.layer(RequireLayer::<Admin, Payroll>::new().layer(who_service()));
    let answer = send(guarded, bearer(&bob())).await;
    assert_eq!(answer.body, "no: insufficient-scope");
    assert_eq!(answer.kind(), Some(RejectionKind::InsufficientScope));
}

#[derive(Clone)]
struct ToSignIn;

impl ResponseForRejection for ToSignIn {
    fn response_for_rejection(
        &self,
        rejection: &Rejection,
        standard: Response<bytes::Bytes>,
    ) -> Response<bytes::Bytes> {
        if rejection.kind() != RejectionKind::MissingCredential {
            return standard;
        }
        let mut response = Response::new(bytes::Bytes::new());
        *response.status_mut() = StatusCode::SEE_OTHER;
        response.headers_mut().insert("location", HeaderValue::from_static("/signin"));
        response.headers_mut().append("vary", HeaderValue::from_static("cookie"));
        response.headers_mut().append("vary", HeaderValue::from_static("authorization"));
        response
    }
}

#[tokio::test]
async fn a_type_replaces_everything() {
    let layer = layer().with_rejection_response(ToSignIn);
    let answer = ask(&layer, get(&[])).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header("location"), Some("/signin"));
    assert_eq!(answer.headers.get_all("vary").iter().count(), 2);
    assert_eq!(answer.header("www-authenticate"), None);
    assert_eq!(answer.kind(), Some(RejectionKind::MissingCredential));
    ask(&layer, bearer("x")).await.assert_refused(RejectionKind::MalformedToken);
}

#[tokio::test]
async fn grpc_keeps_its_form() {
    let layer = layer().with_rejection_response(ToSignIn);
    let answer = ask(&layer, request("POST", "/", &[("content-type", "application/grpc")])).await;
    assert_eq!((answer.status, answer.header("grpc-status")), (StatusCode::OK, Some("16")));
}

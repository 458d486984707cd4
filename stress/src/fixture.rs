//! Issuers, tokens and a service, as the cases need them.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use portcullis::keys::KeySet;
use portcullis::{Algorithm, Issuer, JwtLayer, Keys, Revocation, Verifier};
use portcullis_issuer::SigningKey;
use serde::Deserialize;
use tower::{Layer, Service};

pub(crate) const ISSUER: &str = "https://idp.example.com";
pub(crate) const AUDIENCE: &str = "payroll";

/// Claims as a service has them.
#[derive(Debug, Deserialize)]
pub(crate) struct Payroll {
    #[expect(dead_code, reason = "only reading it matters")]
    pub(crate) sub: String,
    #[serde(default)]
    #[expect(dead_code, reason = "only reading them matters")]
    pub(crate) roles: Vec<String>,
}

pub(crate) fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).expect("there is randomness")
}

pub(crate) fn issuer(keys: &[SigningKey]) -> Issuer {
    let set = KeySet::new(keys.iter().map(SigningKey::verification_key));
    Issuer::new(ISSUER).audience(AUDIENCE).keys(Keys::from(set))
}

pub(crate) fn layer(issuer: Issuer) -> JwtLayer<Payroll> {
    let verifier = Verifier::builder().trust(issuer).build().expect("settings that make sense");
    JwtLayer::new(verifier)
}

/// A compact JWS of these very bytes.
pub(crate) fn sign(key: &SigningKey, header: &str, payload: &str) -> String {
    let input = unsigned(header, payload);
    let signature = key.sign_bytes(input.as_bytes()).expect("the key can sign");
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Header and payload without a signature.
pub(crate) fn unsigned(header: &str, payload: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

/// Good claims, of a token that is told from others by this.
pub(crate) fn claims(jti: &str) -> String {
    format!(
        r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"bob","jti":"{jti}","iat":1700000000,"exp":4000000000,"roles":["reader"],"scope":"payments:read"}}"#
    )
}

pub(crate) type Body = Empty<Bytes>;

/// The innermost service: it does nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nothing;

impl Service<Request<Body>> for Nothing {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        std::future::ready(Ok(Response::new(Empty::new())))
    }
}

/// Sends a request through the layer to a service that does nothing; the answer is there at once.
pub(crate) fn ask<R: Revocation>(
    layer: &JwtLayer<Payroll, R>,
) -> impl Fn(Request<Body>) -> Response<portcullis::ResponseBody<Body>> + Clone + use<R> {
    let service = layer.layer(Nothing);
    move |request| {
        // as axum does for each request
        let mut service = service.clone();
        let answer = pin!(service.call(request));
        match answer.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(answer)) => answer,
            Poll::Ready(Err(never)) => match never {},
            Poll::Pending => unreachable!("nothing here has to wait"),
        }
    }
}

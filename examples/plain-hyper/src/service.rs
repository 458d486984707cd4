//! The guarded service: the layer around everything, one more guard around what only admins may do.

use std::convert::Infallible;

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::{Bytes, Incoming};
use portcullis::{BuildError, Issuer, JwtLayer, Rejection, RequireLayer, Verified, Verifier};
use portcullis_issuer::TokenIssuer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::issuer::{AUDIENCE, Admin, Claims};

type Body = BoxBody<Bytes, Infallible>;

/// The service as hyper can serve it.
pub(crate) fn guarded(
    issuer: &TokenIssuer,
) -> Result<
    impl Service<
        Request<Incoming>,
        Response = Response<portcullis::ResponseBody<Body>>,
        Error = Infallible,
        Future: Send,
    > + Clone
    + Send
    + 'static,
    BuildError,
> {
    let trusted =
        Issuer::new(issuer.name()).audience(AUDIENCE).keys(issuer.keys().verification_keys());
    let verifier = Verifier::builder().trust(trusted).build::<Claims>()?;
    let layer = JwtLayer::new(verifier).exempt("/healthz")?.realm("plain-hyper")?;
    Ok(ServiceBuilder::new().layer(layer).service(service_fn(route)))
}

/// What a framework's router would do. Whoever gets here has shown a good token, but for `/healthz`.
async fn route(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/healthz") => Ok(text(StatusCode::OK, "well\n")),
        (&Method::GET, "/me") => Ok(me(&request).unwrap_or_else(Rejection::into_refusal)),
        (&Method::DELETE, "/cache") => {
            let admins = RequireLayer::<Admin, Claims>::new().layer(service_fn(clear));
            // refusals of the guard are rendered by the layer around, so that all answers look alike
            Ok(admins.oneshot(request).await?.map(BodyExt::boxed))
        }
        _ => Ok(text(StatusCode::NOT_FOUND, "no such thing\n")),
    }
}

/// Anybody who is signed in.
fn me(request: &Request<Incoming>) -> Result<Response<Body>, Rejection> {
    let caller = Verified::<Claims>::from_extensions(request.extensions())?;
    Ok(text(StatusCode::OK, &format!("{} {:?}\n", caller.sub, caller.roles)))
}

/// Admins only: the guard has seen to it.
async fn clear(_: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    Ok(text(StatusCode::NO_CONTENT, ""))
}

fn text(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(text.to_owned().boxed());
    *response.status_mut() = status;
    response
}

//! A real tonic server behind the layer, called by a real tonic client: what is refused arrives as the
//! status that gRPC has for it.
//!
//! The service is written by hand, with a codec that sends text, so that no compiler of protocols is
//! needed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use http::uri::PathAndQuery;
use http::{Request, Response};
use portcullis::{
    AccessClaims, Algorithm, Denylist, DenylistStore, Entry, JwtLayer, MemoryStore, NoRevocation,
    RequireLayer, Revocation, Revoke, Target, Verified, Verifier, roles,
};
use portcullis_testing::{TestIssuer, TestToken};
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{NamedService, UnaryService};
use tonic::transport::{Channel, Server};
use tonic::{Code, Status};
use tower::Service;

roles! { Admin = "admin"; }

/// Messages of plain text.
#[derive(Clone, Copy, Default)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, text: String, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(buffer, text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = bytes::Buf::copy_to_bytes(buffer, bytes::Buf::remaining(buffer));
        String::from_utf8(bytes.to_vec()).map(Some).map_err(|_| Status::internal("no text"))
    }
}

/// `pay.Payroll/Who`: greets the caller by name.
#[derive(Clone)]
struct Payroll;

impl NamedService for Payroll {
    const NAME: &'static str = "pay.Payroll";
}

struct Who;

impl UnaryService<String> for Who {
    type Response = String;
    type Future = std::future::Ready<Result<tonic::Response<String>, Status>>;

    fn call(&mut self, request: tonic::Request<String>) -> Self::Future {
        let caller = Verified::<AccessClaims>::from_extensions(request.extensions());
        let name = caller.map(|caller| caller.subject().unwrap_or("?").to_owned());
        std::future::ready(match name {
            Ok(name) => Ok(tonic::Response::new(format!("{} {name}", request.get_ref()))),
            Err(rejection) => Err(Status::internal(rejection.to_string())),
        })
    }
}

impl Service<Request<Body>> for Payroll {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future =
        std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(async move { Ok(tonic::server::Grpc::new(Text).unary(Who, request).await) })
    }
}

fn issuer() -> TestIssuer {
    TestIssuer::new(Algorithm::ES256)
}

fn layer() -> JwtLayer<AccessClaims, NoRevocation> {
    let issuer = issuer();
    JwtLayer::new(
        Verifier::builder().trust(issuer.trusted()).clock(issuer.clock()).build().unwrap(),
    )
}

/// A server on a port of its own.
async fn serve<R: Revocation>(layer: JwtLayer<AccessClaims, R>) -> SocketAddr {
    let guard = RequireLayer::<Admin, AccessClaims>::new();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let router = Server::builder().layer(layer).layer(guard).add_service(Payroll);
    tokio::spawn(router.serve_with_incoming(incoming));
    address
}

async fn call(address: SocketAddr, token: Option<&str>) -> Result<String, Status> {
    let channel =
        Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let mut request = tonic::Request::new("hello".to_owned());
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    let path = PathAndQuery::from_static("/pay.Payroll/Who");
    client.unary(request, path, Text).await.map(tonic::Response::into_inner)
}

async fn refused(address: SocketAddr, token: Option<String>, code: Code, message: &str) {
    let status = call(address, token.as_deref()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (code, message));
    assert!(status.details().is_empty());
    if let Some(token) = token {
        assert!(!format!("{status} {status:?}").contains(&token), "{status:?}");
    }
}

fn admin() -> TestToken {
    issuer().token().roles(&["admin"])
}

#[tokio::test]
async fn who_may_is_served() {
    let address = serve(layer()).await;
    assert_eq!(call(address, Some(&admin().mint())).await.unwrap(), "hello alice");
}

#[tokio::test]
async fn who_is_nobody_is_unauthenticated() {
    let address = serve(layer()).await;
    refused(address, None, Code::Unauthenticated, "a credential is required").await;
    for (defect, forged) in admin().forgeries() {
        // what can stand in a header at all; the whole table is in `forgeries`
        let legal = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'%';
        if !forged.bytes().all(legal) || forged.len() > 8_000 {
            continue;
        }
        let status = call(address, Some(&forged)).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{defect}: {status:?}");
    }
    let expired = admin().claim("exp", 1).mint();
    refused(address, Some(expired), Code::Unauthenticated, "the token is expired").await;
    refused(
        address,
        Some("\"a quoted token\"".into()),
        Code::Unauthenticated,
        "the credential is malformed",
    )
    .await;
}

#[tokio::test]
async fn who_may_not_is_denied() {
    let address = serve(layer()).await;
    let reader = issuer().token().roles(&["reader"]).mint();
    refused(address, Some(reader), Code::PermissionDenied, "the token does not grant this").await;
}

#[tokio::test]
async fn who_was_signed_out_is_unauthenticated() {
    let store = MemoryStore::builder().with_clock(issuer().clock()).build();
    let address = serve(layer().with_revocation(Denylist::new(store.clone()))).await;
    let token = admin().claim("jti", "7");
    assert!(call(address, Some(&token.mint())).await.is_ok());
    store.revoke(Entry::deny(Target::token(issuer().name(), "7"))).await.unwrap();
    refused(address, Some(token.mint()), Code::Unauthenticated, "the token was revoked").await;
}

/// Is never there.
struct Gone;

impl DenylistStore for Gone {
    type Error = &'static str;

    async fn is_denied(&self, _: &Target<'_>) -> Result<bool, &'static str> {
        Err("connection refused")
    }
}

#[tokio::test]
async fn an_outage_is_unavailable() {
    let address = serve(layer().with_revocation(Denylist::new(Gone))).await;
    let message = "revocations cannot be checked at the moment";
    refused(address, Some(admin().mint()), Code::Unavailable, message).await;
}

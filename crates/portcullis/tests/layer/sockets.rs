//! Over a real socket, with hyper and no framework.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use portcullis::{RequireLayer, Verified};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceBuilder;

use crate::support::{Admin, Answer, Payroll, alice, bob, layer};

async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match Verified::<Payroll>::from_extensions(request.extensions()) {
        Ok(caller) => Response::new(Full::from(format!("hello, {}", caller.sub))),
        Err(rejection) => rejection.into_refusal(),
    })
}

#[tokio::test]
async fn hyper_serves_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = ServiceBuilder::new()
            .layer(layer())
            .layer(RequireLayer::<Admin, Payroll>::new())
            .service_fn(hello);
        let service = TowerToHyperService::new(service);
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await
            .unwrap();
    });

    let stream = TcpStream::connect(address).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    for (method, token, status, body) in [
        ("GET", Some(alice()), 200, "hello, alice"),
        ("GET", Some(bob()), 403, "insufficient-scope"),
        ("GET", None, 401, "missing-credential"),
        ("HEAD", None, 401, ""),
        ("GET", Some(alice()), 200, "hello, alice"),
    ] {
        let mut request = Request::builder().method(method).uri("/").header("host", "pay.example");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response =
            client.send_request(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap();
        let answer = Answer::read(response).await;
        assert_eq!(answer.status, status);
        assert!(answer.body.contains(body), "{}", answer.body);
        assert!(answer.header("content-length").is_some());
        if method == "HEAD" {
            assert_eq!(answer.body, "");
        }
    }
    drop(client);
    connection.await.unwrap().unwrap();
    server.await.unwrap();
}

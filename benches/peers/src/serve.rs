//! Serves a peer over HTTP/1.1, on one thread.

use std::convert::Infallible;
use std::future::{Ready, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Layer, Service, service_fn};

use crate::{Setting, layers};

pub(crate) fn serve(name: &str, algorithm: &str, setting: &Setting) {
    match name {
        "oauth-resource-server" => run(layers::oauth_resource_server(algorithm, setting)
            .layer(service_fn(end::<Empty<Bytes>>))),
        "jwt-authorizer" => {
            run(layers::jwt_authorizer(algorithm, setting)
                .layer(service_fn(end::<axum07::body::Body>)))
        }
        "tower-oauth2-resource-server" => {
            run(layers::tower_oauth2_resource_server(algorithm, setting)
                .layer(service_fn(end::<Empty<Bytes>>)))
        }
        "axum-jwt-auth" => {
            let state = layers::axum_jwt_auth(algorithm, setting);
            run(service_fn(move |request: Request<Incoming>| {
                let state = state.clone();
                async move {
                    let (status, _) = layers::extract(request.into_parts().0, &state).await;
                    let mut response = Response::new(Empty::<Bytes>::new());
                    *response.status_mut() = status;
                    Ok::<_, Infallible>(response)
                }
            }))
        }
        _ => panic!("there is no peer {name}"),
    }
}

fn end<B: Default>(_: Request<Incoming>) -> Ready<Result<Response<B>, Infallible>> {
    ready(Ok(Response::new(B::default())))
}

fn run<S, B>(service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + 'static,
    B: Body + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    let runtime = layers::runtime();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("an address"));
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let _ = stream.set_nodelay(true);
            let service = TowerToHyperService::new(service.clone());
            tokio::task::spawn_local(
                http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
}

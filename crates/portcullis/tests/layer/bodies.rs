//! Bodies of every kind go through untouched.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use portcullis::ResponseBody;
use tower::{Layer, ServiceExt};

use crate::support::{Body, bearer, bob, get, layer};

/// The answer of a service with this body, to a good request and to a bad one.
async fn through<B>(body: B) -> [Response<ResponseBody<B>>; 2]
where
    B: http_body::Body<Data = Bytes> + Clone,
{
    let service = tower::service_fn(move |_: Request<Body>| {
        let response = Response::new(body.clone());
        async move { Ok::<_, Infallible>(response) }
    });
    let service = layer().layer(service);
    let good = service.clone().oneshot(bearer(&bob())).await.unwrap();
    [good, service.oneshot(get(&[])).await.unwrap()]
}

#[tokio::test]
async fn the_hints_of_the_inner_body_are_kept() {
    let [good, bad] = through(Full::from("hello")).await;
    assert_eq!(good.body().size_hint().exact(), Some(5));
    assert!(!good.body().is_end_stream());
    assert_eq!(good.into_body().collect().await.unwrap().to_bytes(), "hello");
    let length = bad.body().size_hint().exact().unwrap();
    assert!(!bad.body().is_end_stream());
    let text = bad.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(text.len() as u64, length);
    assert!(text.starts_with(b"{\"type\":"));

    let [good, _] = through(Empty::new()).await;
    assert!(good.body().is_end_stream());
    assert_eq!(good.body().size_hint().exact(), Some(0));
}

#[tokio::test]
async fn an_own_body_ends_after_its_text() {
    let [_, bad] = through(Empty::<Bytes>::new()).await;
    let mut body = bad.into_body();
    assert!(body.frame().await.unwrap().unwrap().is_data());
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_stream_passes_frame_by_frame_with_its_trailers() {
    let service = tower::service_fn(|_: Request<Body>| async {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        let frames = [
            Ok(Frame::data(Bytes::from_static(b"a"))),
            Ok(Frame::data(Bytes::from_static(b"b"))),
            Ok(Frame::trailers(trailers)),
            Err("broken"),
        ];
        let body = StreamBody::new(futures_util::stream::iter(frames));
        Ok::<_, Infallible>(Response::new(body))
    });
    let response = layer().layer(service).oneshot(bearer(&bob())).await.unwrap();
    let mut body = response.into_body();
    assert_eq!(body.size_hint().exact(), None);
    for expected in ["a", "b"] {
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), expected);
    }
    let trailers = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    assert_eq!(body.frame().await.unwrap().unwrap_err(), "broken");
}

#[tokio::test]
async fn there_is_a_default_where_the_inner_body_has_one() {
    let body = ResponseBody::<Full<Bytes>>::default();
    assert!(body.collect().await.unwrap().to_bytes().is_empty());
}

//! Whatever an issuer sends: an answer or a failure, and no panic.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use portcullis_oidc::{Fetch, RemoteKeys};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Answers by what it is given.
struct Scripted(Arc<Mutex<(u16, HeaderMap, Vec<u8>)>>);

impl Fetch for Scripted {
    type Body = http_body_util::Full<bytes::Bytes>;
    type Error = Infallible;

    async fn fetch(&self, _: Request<()>) -> Result<Response<Self::Body>, Infallible> {
        let (status, headers, body) = self.0.lock().unwrap().clone();
        let mut response = Response::new(http_body_util::Full::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        *response.headers_mut() = headers;
        Ok(response)
    }
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let set = format!(r#"{{"keys":[{jwk}]}}"#);
    let spoilt = (Just(set.clone()), any::<prop::sample::Index>(), any::<u8>()).prop_map(
        |(set, at, byte)| {
            let mut bytes = set.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        },
    );
    let cut = (Just(set), any::<prop::sample::Index>()).prop_map(|(set, at)| {
        let at = at.index(set.len());
        set.into_bytes()[..at].to_vec()
    });
    prop_oneof![prop::collection::vec(any::<u8>(), 0..200), spoilt, cut]
}

#[test]
fn any_answer_is_read_without_a_panic() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let script = Arc::new(Mutex::new((200, HeaderMap::new(), b"{\"keys\":[]}".to_vec())));
    let keys = runtime.block_on(async {
        let url = "https://idp.example.com/keys";
        RemoteKeys::from_jwk_set_url(url).spawn_with(Scripted(Arc::clone(&script))).unwrap()
    });
    const NAMES: [&str; 5] = ["cache-control", "age", "etag", "retry-after", "content-encoding"];
    let header = (prop::sample::select(&NAMES[..]), prop::collection::vec(any::<u8>(), 0..20));
    let answers = (
        prop_oneof![5 => Just(200u16), 1 => Just(304), 1 => 100u16..1000],
        prop::collection::vec(header, 0..3),
        body(),
    );
    let mut runner =
        TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let ran = runner.run(&answers, |(status, headers, body)| {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                map.insert(HeaderName::from_static(name), value);
            }
        }
        *script.lock().unwrap() = (status, map, body.clone());
        let result = runtime.block_on(keys.refresh());
        if let Err(error) = &result {
            prop_assert!(!error.to_string().contains("panicked"), "{error}");
        }
        if status != 200 && status != 304 {
            prop_assert!(result.is_err());
        }
        Ok(())
    });
    ran.unwrap();
    assert!(keys.status().is_ready());
}

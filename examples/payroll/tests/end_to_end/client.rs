//! A client that shows what was answered, and nothing cleverer.

use std::net::{IpAddr, SocketAddr};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};

/// Somebody who sends requests, with a token or without.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    from: Option<IpAddr>,
    token: Option<String>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, from: None, token: None }
    }

    /// Connecting from that address of this machine.
    pub(crate) fn from(self, address: &str) -> Self {
        Self { from: Some(address.parse().unwrap()), ..self }
    }

    pub(crate) fn with_token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    /// Without a body.
    pub(crate) async fn post(&self, path: &str) -> Reply {
        self.send(self.request(Method::POST, path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn json(&self, method: Method, path: &str, body: Value) -> Reply {
        self.raw(method, path, Some("application/json"), body.to_string()).await
    }

    pub(crate) async fn raw(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = self.request(method, path);
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn pay(&self, amount_cents: i64) -> Reply {
        let order = serde_json::json!({"worker_id": 1, "amount_cents": amount_cents});
        self.json(Method::POST, "/payments", order).await
    }

    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Reply {
        let body = serde_json::json!({"username": name, "password": password});
        self.json(Method::POST, "/signin", body).await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string());
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        self.try_send(request).await.unwrap()
    }

    /// An error if there is nobody, or if they hang up.
    pub(crate) async fn try_send(&self, request: Request<Body>) -> Result<Reply, String> {
        let stream = self.connect().await.map_err(|error| error.to_string())?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let (parts, body) = response.into_parts();
        let body =
            to_bytes(Body::new(body), usize::MAX).await.map_err(|error| error.to_string())?;
        connection.abort();
        Ok(Reply { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    async fn connect(&self) -> std::io::Result<TcpStream> {
        let Some(from) = self.from else {
            return TcpStream::connect(self.address).await;
        };
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect(self.address).await
    }
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// As `expect`, and it explains itself as RFC 9457 says.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16) -> Self {
        let reply = self.expect(status);
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        assert_eq!(reply.value()["status"], status);
        // a 403 has a challenge only where it is about the token
        if status != 403 {
            let challenged = reply.header("www-authenticate").is_some();
            assert_eq!(challenged, status == 401, "{reply:?}");
        }
        assert_eq!(reply.header("retry-after").is_some(), matches!(status, 429 | 503), "{reply:?}");
        reply
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }
}

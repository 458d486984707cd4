//! Over a real socket, through `axum::serve`.

use axum::Router;
use axum::routing;
use portcullis_axum::{Jwt, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Admin, Idp, Payroll};

/// Writes a request as it is on the wire, and reads the answer to the end.
async fn exchange(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.replace('\n', "\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn axum_serves_it() {
    async fn me(Jwt(me): Jwt<Payroll>) -> String {
        me.sub.clone()
    }
    async fn pay(admin: Role<Admin, Payroll>) -> String {
        format!("paid by {}", admin.sub)
    }
    let idp = Idp::new();
    let app = Router::new()
        .route("/me", routing::get(me))
        .route("/pay", routing::post(pay))
        .layer(idp.layer().realm("payroll").unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let rest = "Host: pay.example\nConnection: close\nContent-Length: 0\n\n";
    let (bob, alice) = (&idp.bob, &idp.alice);
    for (request, status, contains) in [
        (format!("GET /me HTTP/1.1\nAuthorization: bearer   {bob}\n"), "200", "bob"),
        (format!("POST /pay HTTP/1.1\nAuthorization: Bearer {alice}\n"), "200", "paid by alice"),
        (
            format!("POST /pay HTTP/1.1\nAuthorization: Bearer {bob}\n"),
            "403",
            r#"www-authenticate: Bearer realm="payroll", error="insufficient_scope""#,
        ),
        (
            format!("GET /me?access_token={bob} HTTP/1.1\n"),
            "401",
            "\r\nwww-authenticate: Bearer realm=\"payroll\"\r\n",
        ),
        (
            format!(
                "GET /me HTTP/1.1\nAuthorization: Bearer {bob}\nAuthorization: Bearer {alice}\n"
            ),
            "400",
            r#"error="invalid_request""#,
        ),
        ("GET /me HTTP/1.1\nAuthorization: Bearer \n".to_owned(), "400", r#""status":400"#),
        ("HEAD /me HTTP/1.1\n".to_owned(), "401", "application/problem+json"),
    ] {
        let answer = exchange(address, &(request.clone() + rest)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}{answer}");
        assert!(answer.contains(contains), "{request}{answer}");
        if request.starts_with("HEAD") {
            assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        }
    }
    server.abort();
}

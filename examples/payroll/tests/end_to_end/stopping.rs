//! The end of the service: what is under way is finished, what is new is not begun.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::client::Client;
use crate::server::{ALICE, Server};

const ORDER: (&str, &str) = (r#"{"worker_id":1,"#, r#""amount_cents":77}"#);

/// Half a payment, whose handler has begun.
fn begin_to_pay(server: &Server, client: &Client) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let head = format!(
        "POST /payments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\nAuthorization: Bearer {}\r\n\r\n",
        ORDER.0.len() + ORDER.1.len(),
        client.token(),
    );
    stream.write_all(head.as_bytes()).unwrap();
    // the body is asked for when the handler wants it
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&go_on));
    stream.write_all(ORDER.0.as_bytes()).unwrap();
    stream
}

#[tokio::test]
async fn requests_under_way_are_finished() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start();
        let alice = server.sign_in(ALICE).await;
        let mut paying = begin_to_pay(&server, &alice);
        server.signal(signal);
        server.log.wait_for("stopping");
        while TcpStream::connect(server.address()).is_ok() {
            std::thread::yield_now();
        }
        paying.write_all(ORDER.1.as_bytes()).unwrap();
        let mut reply = String::new();
        paying.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with("HTTP/1.1 201 "), "{reply}");
        assert!(server.wait().success());
    }
}

#[test]
fn an_idle_connection_holds_nothing_up() {
    let mut server = Server::start();
    let mut idle = TcpStream::connect(server.address()).unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut reply = [0; 15];
    idle.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"HTTP/1.1 200 OK");
    server.signal("TERM");
    assert!(server.wait().success());
    assert!(!server.log.end().contains("giving up"));
}

#[tokio::test]
async fn told_twice_it_does_not_wait() {
    let mut server = Server::start();
    let alice = server.sign_in(ALICE).await;
    let mut paying = begin_to_pay(&server, &alice);
    server.signal("TERM");
    server.log.wait_for("stopping");
    server.signal("TERM");
    assert!(server.wait().success());
    let mut reply = String::new();
    // reset or closed, but not answered
    let _ = paying.read_to_string(&mut reply);
    assert_eq!(reply, "");
}

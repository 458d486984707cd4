//! What it costs to receive a request: hyper, a service that does nothing, a loopback socket. Counted is
//! the processor time of the server's thread, from the read to the answer, the system's part included;
//! what the client and the network card do is not, which makes every ratio to it look worse.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use crate::thread_time::ThreadTime;

/// A server on a thread of its own, which lives as long as the process.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    time: ThreadTime,
}

impl Server {
    pub(crate) fn start() -> Self {
        let (sender, started) = mpsc::channel();
        std::thread::spawn(move || {
            let time = ThreadTime::of_this_thread();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime starts").block_on(serve(|address| {
                // whoever started it waits for this
                let _ = sender.send((address, time));
            }));
        });
        let (address, time) = started.recv().expect("the server starts");
        Self { address, time }
    }

    /// A connection that is kept alive.
    pub(crate) fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket without delay");
        Connection { stream, time: self.time.clone() }
    }
}

async fn serve(started: impl FnOnce(SocketAddr)) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    started(listener.local_addr().expect("an address"));
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(async move {
            let service = service_fn(async |_: Request<Incoming>| {
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            });
            // the client going away is no error of ours
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// A client that sends one request after the other.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    time: ThreadTime,
}

impl Connection {
    /// What the server's thread spends on that many of these requests.
    pub(crate) fn spend(&mut self, request: &[u8], times: u64) -> Duration {
        let before = self.time.so_far();
        for _ in 0..times {
            self.stream.write_all(request).expect("the server reads");
            self.read_answer();
        }
        self.time.so_far().saturating_sub(before)
    }

    /// The answer has no body.
    fn read_answer(&mut self) {
        let (mut answer, mut len) = ([0; 1024], 0);
        while !answer[..len].ends_with(b"\r\n\r\n") {
            let read = self.stream.read(&mut answer[len..]).expect("the server answers");
            assert!(read > 0, "the server hung up");
            len += read;
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{:?}", answer[..len].escape_ascii());
    }
}

//! One connection: a request is read, noted, and answered or not.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::time::Duration;

use super::{Fault, ServedRequest, Shared};

/// How large the head of a request may be.
const MAX_HEAD: usize = 64 * 1024;

/// Between two bytes of a drip, and between two looks whether a held client is still there. Nothing is decided by it.
const PAUSE: Duration = Duration::from_millis(5);

/// Serves one request and closes.
pub(super) fn serve(mut stream: impl Read + Write, shared: &Shared) -> io::Result<()> {
    let request = read_head(&mut stream)?;
    let path = request.path.clone();
    let (fault, document, headers, tags) = shared.change(|script| {
        script.requests.push(request.clone());
        (
            script.faults.get(&path).cloned(),
            script.documents.get(&path).cloned(),
            script.headers.get(&path).cloned().unwrap_or_default(),
            script.tags,
        )
    });
    let mut head = String::from("connection: close\r\n");
    for (name, value) in &headers {
        head += &format!("{name}: {value}\r\n");
    }
    if let Some(fault) = fault {
        return fail(stream, &path, fault, &head, shared);
    }
    let Some(body) = document else {
        return write!(stream, "HTTP/1.1 404 Not Found\r\n{head}content-length: 0\r\n\r\n");
    };
    if tags {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let tag = format!("\"{:x}\"", hasher.finish());
        head += &format!("etag: {tag}\r\n");
        if request.header("if-none-match") == Some(&tag) {
            return write!(stream, "HTTP/1.1 304 Not Modified\r\n{head}\r\n");
        }
    }
    write!(
        stream,
        "HTTP/1.1 200 OK\r\n{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)?;
    stream.flush()
}

fn fail(
    mut stream: impl Read + Write,
    path: &str,
    fault: Fault,
    head: &str,
    shared: &Shared,
) -> io::Result<()> {
    const ENDLESS: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    match fault {
        Fault::Status(status) => {
            write!(stream, "HTTP/1.1 {status} Fault\r\n{head}content-length: 0\r\n\r\n")
        }
        Fault::Redirect(to) => write!(
            stream,
            "HTTP/1.1 302 Found\r\n{head}location: {to}\r\ncontent-length: 0\r\n\r\n"
        ),
        Fault::NotModified => write!(stream, "HTTP/1.1 304 Not Modified\r\n{head}\r\n"),
        Fault::Close => Ok(()),
        Fault::BreakOff => {
            write!(stream, "HTTP/1.1 200 OK\r\n{head}content-length: 1000\r\n\r\n{{\"keys\":[")
        }
        Fault::Hang => held(shared, path, || match stream.read(&mut [0]) {
            Ok(0) => false,
            // the time to read ran out: the client is still there
            Err(error) => is_pause(&error),
            Ok(_) => true,
        }),
        Fault::Drip => {
            stream.write_all(ENDLESS.as_bytes())?;
            held(shared, path, || {
                // the pause between two bytes is the fault
                std::thread::sleep(PAUSE);
                stream.write_all(b" ").and_then(|()| stream.flush()).is_ok()
            })
        }
        Fault::Endless => {
            stream.write_all(ENDLESS.as_bytes())?;
            let block = [b' '; 16 * 1024];
            held(shared, path, || stream.write_all(&block).is_ok())
        }
    }
}

/// Goes on until the client is gone or the fault is healed.
fn held(shared: &Shared, path: &str, mut go_on: impl FnMut() -> bool) -> io::Result<()> {
    shared.change(|script| script.held += 1);
    while go_on() {
        let script = shared.script();
        if script.over || !script.faults.contains_key(path) {
            break;
        }
    }
    shared.change(|script| script.held -= 1);
    Ok(())
}

/// True if the time to read ran out.
fn is_pause(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

fn read_head(stream: &mut impl Read) -> io::Result<ServedRequest> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) if head.len() < MAX_HEAD => head.push(byte[0]),
            Ok(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
            // slow is not gone
            Err(error) if is_pause(&error) => {}
            Err(error) => return Err(error),
        }
    }
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.lines();
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    Ok(ServedRequest { path, headers })
}

//! A proxy on the loopback interface that can lose a connection without anybody being told.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Passes connections on to a port, until it is told to [stall](Self::stall) or to [cut](Self::cut).
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    target: u16,
    stalled: bool,
    ended: bool,
    connections: Vec<TcpStream>,
    accepted: usize,
}

impl Proxy {
    /// Starts one in front of this port of the loopback interface.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub fn start(target: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let state =
            State { target, stalled: false, ended: false, connections: Vec::new(), accepted: 0 };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.lock().ended {
                    return;
                }
                // a connection that can't be made is one that is refused
                let _ = client.and_then(|client| accepting.connect(client));
            }
        });
        Ok(Self { port, shared })
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops passing bytes on, in both directions, while the connections stay open: as after a cable was pulled, nobody learns
    /// of it. New connections are accepted and get no answer either.
    pub fn stall(&self) {
        self.shared.lock().stalled = true;
    }

    /// Passes on again, what was held back first.
    pub fn resume(&self) {
        self.shared.lock().stalled = false;
        self.shared.changed.notify_all();
    }

    /// Closes every connection that there is.
    pub fn cut(&self) {
        for connection in self.shared.lock().connections.drain(..) {
            // it may be closed already
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Passes new connections on to another port, as an address that follows a failover does.
    pub fn point_to(&self, target: u16) {
        self.shared.lock().target = target;
    }

    /// How many connections there were so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.shared.lock().accepted
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
        // wakes the thread that waits for connections
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let target = {
            let mut state = self.lock();
            state.accepted += 1;
            state.connections.push(client.try_clone()?);
            state.target
        };
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target))?;
        self.lock().connections.push(server.try_clone()?);
        for (from, to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
            from.set_nodelay(true)?;
            let shared = Arc::clone(self);
            thread::spawn(move || shared.pump(from, to));
        }
        Ok(())
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let stalled = |state: &mut State| state.stalled && !state.ended;
            let waited = self.changed.wait_while(self.lock(), stalled);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
            if to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        // the other direction ends with this one
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut copy = stream.try_clone().unwrap();
                thread::spawn(move || io::copy(&mut stream, &mut copy));
            }
        });
        port
    }

    #[test]
    fn passes_on_stalls_without_a_word_and_cuts() {
        let proxy = Proxy::start(echo()).unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut byte = [0];
        let mut ask = |client: &mut TcpStream| {
            client.write_all(b"x")?;
            client.read_exact(&mut byte)
        };
        ask(&mut client).unwrap();

        proxy.stall();
        client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let error = ask(&mut client).unwrap_err();
        assert!(
            matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
            "nobody is told: {error:?}"
        );
        proxy.resume();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        client.read_exact(&mut [0]).unwrap();

        proxy.cut();
        assert!(crate::wait_until(|| client.write_all(b"x").is_err()));
        assert_eq!(proxy.accepted(), 1);
    }
}

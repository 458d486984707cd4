//! Ports for programs that must be told theirs before they start.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

#[cfg(target_os = "linux")]
use socket2::{Domain, Socket, Type};

/// A port of the loopback interface on which nothing listens, kept for the program that is told it.
///
/// As long as the value lives the operating system gives the port to nobody who asks for any port: neither to a listener of
/// another test nor, as its own end, to a client. A program that asks for this very port gets it, and gets it again after it was
/// ended and started anew. Until then whoever connects to it is refused.
///
/// This is how Linux treats a socket that is bound with `SO_REUSEADDR` and does not listen. Elsewhere the port was free a
/// moment ago, and no more than that. Programs that can be told port 0 need none of this.
#[derive(Debug)]
pub struct Port {
    number: u16,
    #[cfg(target_os = "linux")]
    _kept: Socket,
}

impl Port {
    /// Finds one.
    ///
    /// # Errors
    ///
    /// If there is none.
    #[cfg(target_os = "linux")]
    pub fn keep() -> io::Result<Self> {
        let kept = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        kept.set_reuse_address(true)?;
        kept.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = kept.local_addr()?.as_socket();
        let number = address.ok_or_else(|| io::Error::other("an address without a port"))?.port();
        Ok(Self { number, _kept: kept })
    }

    /// Finds one.
    ///
    /// # Errors
    ///
    /// If there is none.
    #[cfg(not(target_os = "linux"))]
    pub fn keep() -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        Ok(Self { number: listener.local_addr()?.port() })
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn nobody_answers_until_somebody_listens_who_may_come_again() {
        let port = Port::keep().unwrap();
        let address = (Ipv4Addr::LOCALHOST, port.number());
        for _ in 0..3 {
            let refused = TcpStream::connect(address).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
            let listener = TcpListener::bind(address).unwrap();
            let client = TcpStream::connect(address).unwrap();
            // the server's end is closed first, as when it is killed: the port is not free for everybody at once
            drop((listener.accept().unwrap(), listener));
            drop(client);
        }
    }

    /// One in sixty of the system's ports is kept: asked a thousand times, it would give away some of them.
    #[cfg(target_os = "linux")]
    #[test]
    fn nobody_who_asks_for_any_port_is_given_one_that_is_kept() {
        let kept: Vec<_> = (0..500).map(|_| Port::keep().unwrap()).collect();
        let mut numbers: Vec<_> = kept.iter().map(Port::number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), kept.len(), "each is kept once");
        let is_kept = |address: SocketAddr| numbers.binary_search(&address.port()).is_ok();
        for _ in 0..500 {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let address = listener.local_addr().unwrap();
            let client = TcpStream::connect(address).unwrap();
            assert!(!is_kept(address) && !is_kept(client.local_addr().unwrap()));
        }
    }
}

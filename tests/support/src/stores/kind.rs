//! A kind of server, and the kind of store that is on it.

use std::io;
use std::time::Duration;

use portcullis_core::feed::Feed;
use portcullis_core::{
    AllowlistStore, AllowlistWriter, CutoffStore, DenylistStore, GenerationStore, Revoke,
};
use portcullis_testing::suite::Setup;

use crate::{PostgresServer, RedisServer};

/// A server of a test's own, whatever its kind. Its types have methods of the same names.
pub trait Server: Sized {
    /// Starts one with these settings.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    fn start(settings: &[&str]) -> io::Result<Self>;

    /// The port that it listens on.
    fn port(&self) -> u16;

    /// The URL of such a server at this port: of a proxy before it, say.
    fn url_at(port: u16) -> String;

    /// Freezes it: connections stay open, nothing is answered.
    ///
    /// # Errors
    ///
    /// If the signal can't be sent.
    fn freeze(&self) -> io::Result<()>;

    /// Lets it go on.
    ///
    /// # Errors
    ///
    /// If the signal can't be sent.
    fn thaw(&self) -> io::Result<()>;
}

/// By the methods of the types.
macro_rules! server {
    ($type:ty) => {
        impl Server for $type {
            fn start(settings: &[&str]) -> io::Result<Self> {
                Self::start(settings)
            }

            fn port(&self) -> u16 {
                self.port()
            }

            fn url_at(port: u16) -> String {
                Self::url_at(port)
            }

            fn freeze(&self) -> io::Result<()> {
                self.freeze()
            }

            fn thaw(&self) -> io::Result<()> {
                self.thaw()
            }
        }
    };
}

server!(RedisServer);
server!(PostgresServer);

/// A kind of store on a server, as its tests make one.
pub trait Kind: 'static {
    /// What it is on.
    type Server: Server;

    /// What is put to the test.
    type Store: CutoffStore
        + DenylistStore
        + AllowlistStore
        + GenerationStore
        + Revoke
        + AllowlistWriter
        + Feed
        + Clone;

    /// The settings of a server that does nothing but what the test asks of it.
    const SETTINGS: &'static [&'static str];

    /// An empty store beside all others on the server of this URL, which obeys the setup and waits so long for the server.
    /// It is made by one that waits longer: only what is asked of it later is under that limit.
    fn empty(
        url: &str,
        setup: Setup,
        patience: Duration,
    ) -> impl Future<Output = Self::Store> + Send;
}

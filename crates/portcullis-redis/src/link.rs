//! A connection that is made again when it is lost, and never waited for longer than the limit.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_core::{StoreError, StoreErrorKind};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, RedisError, ScriptInvocation,
    ServerErrorKind,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::address::Address;
use crate::error::{ends_connection, is_cut_off, redis_error, unavailable};
use crate::route::{Node, Route};
use crate::server::{self, Checks};

/// How to reach the server.
pub(crate) struct Target {
    pub(crate) address: Address,
    pub(crate) checks: Checks,
    /// How long anything may take.
    pub(crate) limit: Duration,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<tokio_rustls::TlsConnector>,
    pub(crate) route: Route,
}

/// One connection, shared by all that use it at the same time.
pub(crate) struct Link {
    target: Arc<Target>,
    slot: Mutex<Option<Connection>>,
    /// Held while a connection is being made, so that it is made once.
    connecting: tokio::sync::Mutex<()>,
    made: AtomicU64,
}

#[derive(Clone)]
struct Connection {
    number: u64,
    node: Node,
    shared: MultiplexedConnection,
    driver: Arc<Driver>,
}

/// The task that moves the bytes of a connection. It ends with the last of those who use it, whatever the peer does.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An attempt to connect. Where it comes to nothing, because it fails or because nobody waits for it any longer, the next is at
/// another server.
struct Attempt<'a> {
    route: &'a Route,
    node: Node,
    done: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.route.avoid(&self.node);
        }
    }
}

/// How often a question is put to another server of a cluster before it is given up.
const DETOURS: u32 = 5;

/// What can be asked.
#[derive(Clone, Copy)]
pub(crate) enum Question<'a> {
    Command(&'a Cmd),
    Script(&'a ScriptInvocation<'a>),
}

impl Question<'_> {
    async fn ask<T: FromRedisValue>(
        self,
        connection: &mut MultiplexedConnection,
    ) -> Result<T, RedisError> {
        match self {
            Self::Command(command) => command.query_async(connection).await,
            // loads it first where the server does not know it
            Self::Script(script) => script.invoke_async(connection).await,
        }
    }
}

impl Link {
    pub(crate) fn new(target: Arc<Target>) -> Self {
        Self {
            target,
            slot: Mutex::new(None),
            connecting: tokio::sync::Mutex::new(()),
            made: AtomicU64::new(0),
        }
    }

    /// Asks the server, for as long as the limit allows and `more`. To connect may take no more than the limit.
    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        what: &'static str,
        more: Duration,
        question: Question<'_>,
    ) -> Result<T, StoreError> {
        let mut used = None;
        let asked = async {
            // A connection that was at rest may have been closed by the server in the meantime: once more, on a new one. A
            // cluster may send us elsewhere, or its server be gone. Everything that is written may be written twice.
            let (mut again, mut detours) = (true, DETOURS);
            loop {
                let (mut connection, new) = match self.connection_in_time(what).await {
                    Ok(connection) => connection,
                    Err(error) if self.may_ask_another(&error) && detours > 0 => {
                        detours -= 1;
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                used = Some(connection.clone());
                let error = match question.ask(&mut connection.shared).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                };
                let elsewhere = self.is_elsewhere(&error, &connection.node);
                if ends_connection(&error) || elsewhere {
                    self.discard(connection.number);
                    if elsewhere && detours > 0 {
                        detours -= 1;
                        continue;
                    }
                    if !new && again {
                        again = false;
                        continue;
                    }
                }
                return Err(redis_error(what, error));
            }
        };
        match timeout(self.target.limit.saturating_add(more), asked).await {
            Ok(result) => result,
            Err(_) => {
                let Some(connection) = used else { return Err(self.no_connection(what)) };
                // it may be half-open: the peer is gone and nobody told us
                self.target.route.avoid(&connection.node);
                self.discard(connection.number);
                Err(unavailable(format!("{what}: the server did not answer in time")))
            }
        }
    }

    /// Gives the connection up: the next question makes another.
    pub(crate) fn reset(&self) {
        if let Some(connection) = self.lock().take() {
            self.target.route.avoid(&connection.node);
        }
    }

    fn discard(&self, number: u64) {
        self.lock().take_if(|connection| connection.number == number);
    }

    /// True if another server of a cluster may answer where this one could not be connected to.
    fn may_ask_another(&self, error: &StoreError) -> bool {
        error.kind() == StoreErrorKind::Unavailable && self.target.route.has_others()
    }

    /// True if the answer is to be had from another server of a cluster, which the next connection leads to.
    ///
    /// While a slot is on its way from one server to another, both refuse (`ASK`, `TRYAGAIN`): that is an outage for as long as it
    /// takes, because the keys of a store are then in two places.
    fn is_elsewhere(&self, error: &RedisError, asked: &Node) -> bool {
        let route = &self.target.route;
        if error.kind() == ErrorKind::Server(ServerErrorKind::Moved) {
            let node = error.redirect_node().and_then(|(node, _)| Node::parse(node, &asked.host));
            node.is_some_and(|node| {
                route.send_to(node);
                true
            })
        } else if is_cut_off(error) {
            route.avoid(asked);
            route.has_others()
        } else {
            false
        }
    }

    fn no_connection(&self, what: &'static str) -> StoreError {
        // a server that does not expect TLS says nothing to it
        let kind = if self.target.address.tls { " with TLS" } else { "" };
        unavailable(format!("{what}: no connection{kind} was made in time"))
    }

    async fn connection_in_time(
        &self,
        what: &'static str,
    ) -> Result<(Connection, bool), StoreError> {
        let made = timeout(self.target.limit, self.connection(what)).await;
        made.unwrap_or_else(|_| Err(self.no_connection(what)))
    }

    /// The connection, and whether it is new.
    async fn connection(&self, what: &'static str) -> Result<(Connection, bool), StoreError> {
        if let Some(connection) = self.usable() {
            return Ok((connection, false));
        }
        let _one = self.connecting.lock().await;
        if let Some(connection) = self.usable() {
            return Ok((connection, true));
        }
        let connection = self.connect(what).await?;
        *self.lock() = Some(connection.clone());
        Ok((connection, true))
    }

    fn usable(&self) -> Option<Connection> {
        let slot = self.lock();
        slot.as_ref().filter(|connection| !connection.driver.0.is_finished()).cloned()
    }

    async fn connect(&self, what: &'static str) -> Result<Connection, StoreError> {
        let target = &*self.target;
        let mut attempt = Attempt { route: &target.route, node: target.route.next(), done: false };
        let Node { host, port } = &attempt.node;
        let connected = async {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            #[cfg(feature = "tls")]
            if let Some(tls) = &target.tls {
                return self.open(crate::tls::connect(tls, host, stream).await?).await;
            }
            self.open(stream).await
        };
        let (mut shared, driver) = connected.await.map_err(|error| redis_error(what, error))?;
        let others = server::check(&mut shared, host, target.checks).await?;
        attempt.done = true;
        if !others.is_empty() {
            target.route.learn(others);
        }
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        Ok(Connection { number, node: attempt.node.clone(), shared, driver })
    }

    async fn open<S>(&self, stream: S) -> Result<(MultiplexedConnection, Arc<Driver>), RedisError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // the limit is ours
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let session = &self.target.address.session;
        let (shared, driver) =
            MultiplexedConnection::new_with_config(session, stream, config).await?;
        Ok((shared, Arc::new(Driver(tokio::spawn(driver)))))
    }

    /// A panic while the lock was held leaves what is behind it whole.
    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

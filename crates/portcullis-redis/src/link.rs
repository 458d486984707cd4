//! A connection that is made again when it is lost, and never waited for longer than the limit.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_core::StoreError;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, RedisError, ScriptInvocation};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::address::Address;
use crate::error::{ends_connection, redis_error, unavailable};
use crate::server::{self, Checks};

/// How to reach the server.
pub(crate) struct Target {
    pub(crate) address: Address,
    pub(crate) checks: Checks,
    /// How long anything may take.
    pub(crate) limit: Duration,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<tokio_rustls::TlsConnector>,
    /// Where a cluster has sent us, if that is not the address.
    pub(crate) moved: Mutex<Option<(String, u16)>>,
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

    /// Asks the server, for as long as the limit allows and `more`.
    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        what: &'static str,
        more: Duration,
        question: Question<'_>,
    ) -> Result<T, StoreError> {
        let mut used = None;
        let asked = async {
            // A connection that was at rest may have been closed by the server in the meantime, and a cluster may send us
            // elsewhere: once more, on a new one. Everything that is written may be written twice.
            let mut again = true;
            loop {
                let (mut connection, new) = self.connection(what).await?;
                used = Some(connection.number);
                let error = match question.ask(&mut connection.shared).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                };
                let moved = self.follow(&error);
                if ends_connection(&error) || moved {
                    self.discard(connection.number);
                    if again && (moved || !new) {
                        again = false;
                        continue;
                    }
                }
                return Err(redis_error(what, error));
            }
        };
        match timeout(self.target.limit + more, asked).await {
            Ok(result) => result,
            Err(_) => {
                // it may be half-open: the peer is gone and nobody told us
                if let Some(number) = used {
                    self.discard(number);
                }
                Err(unavailable(format!("{what}: the server did not answer in time")))
            }
        }
    }

    /// Gives the connection up: the next question makes another.
    pub(crate) fn reset(&self) {
        self.lock().take();
    }

    fn discard(&self, number: u64) {
        self.lock().take_if(|connection| connection.number == number);
    }

    /// True if a cluster says that the keys are on another of its servers.
    fn follow(&self, error: &RedisError) -> bool {
        let Some((node, _)) = error.redirect_node() else { return false };
        let Some((host, port)) = node.rsplit_once(':') else { return false };
        let Ok(port) = port.parse() else { return false };
        // an empty host is the one that we have asked
        let host = if host.is_empty() { &self.target.address.host } else { host };
        *lock(&self.target.moved) = Some((host.to_owned(), port));
        true
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
        let moved = lock(&target.moved).clone();
        let (host, port) = moved.unwrap_or((target.address.host.clone(), target.address.port));
        let stream = TcpStream::connect((host.as_str(), port)).await;
        let connected = async {
            let stream = stream?;
            stream.set_nodelay(true)?;
            #[cfg(feature = "tls")]
            if let Some(tls) = &target.tls {
                return self.open(crate::tls::connect(tls, &host, stream).await?).await;
            }
            self.open(stream).await
        };
        let opened = connected.await.map_err(|error| {
            // the next attempt starts from the address that was given
            lock(&target.moved).take();
            redis_error(what, error)
        });
        let (mut shared, driver) = opened?;
        server::check(&mut shared, target.checks).await?;
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        Ok(Connection { number, shared, driver })
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

    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        lock(&self.slot)
    }
}

/// A panic while one of these locks was held leaves what is behind it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

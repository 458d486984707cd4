//! Connections of the store's own: a few, each shared by all that use it at the same time, made again when they are lost.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_core::StoreError;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Notification, Socket};

use crate::error::postgres_error;

/// How to reach the server.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) config: Config,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<tokio_postgres_rustls::MakeRustlsConnect>,
    pub(crate) limit: Duration,
}

/// For how long the server works on a page of a snapshot, at the least.
const LONGEST_PAGE: Duration = Duration::from_secs(600);

pub(crate) struct Own {
    address: Address,
    slots: Box<[Slot]>,
    next: AtomicUsize,
    made: AtomicU64,
}

#[derive(Default)]
struct Slot {
    connection: Mutex<Option<Arc<Link>>>,
    /// Held while a connection is being made, so that it is made once.
    connecting: tokio::sync::Mutex<()>,
}

/// A client, and the task that moves its bytes, which ends with it.
pub(crate) struct Link {
    number: u64,
    client: Client,
    task: JoinHandle<()>,
}

impl Link {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Own {
    pub(crate) fn new(address: Address, connections: usize) -> Self {
        let slots = (0..connections.max(1)).map(|_| Slot::default()).collect();
        Self { address, slots, next: AtomicUsize::new(0), made: AtomicU64::new(0) }
    }

    /// One of the connections.
    pub(crate) async fn connection(&self, what: &'static str) -> Result<Arc<Link>, StoreError> {
        let slot = &self.slots[self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len()];
        if let Some(link) = slot.usable() {
            return Ok(link);
        }
        let _one = slot.connecting.lock().await;
        if let Some(link) = slot.usable() {
            return Ok(link);
        }
        let link = Arc::new(self.connect(what).await?);
        *slot.lock() = Some(Arc::clone(&link));
        Ok(link)
    }

    /// A connection that nobody else has.
    pub(crate) async fn connect(&self, what: &'static str) -> Result<Link, StoreError> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let (client, task) = self.address.open(what, |_| {}).await?;
        Ok(Link { number, client, task })
    }

    pub(crate) fn discard(&self, number: u64) {
        for slot in &self.slots {
            slot.lock().take_if(|link| link.number == number);
        }
    }

    pub(crate) fn reset(&self) {
        for slot in &self.slots {
            slot.lock().take();
        }
    }
}

impl Slot {
    fn usable(&self) -> Option<Arc<Link>> {
        self.lock().as_ref().filter(|link| !link.client.is_closed()).cloned()
    }

    /// A panic while the lock was held leaves what is behind it whole.
    fn lock(&self) -> MutexGuard<'_, Option<Arc<Link>>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Address {
    /// A connection that is set up, and the task that moves its bytes and hands on its notifications.
    pub(crate) async fn open(
        &self,
        what: &'static str,
        heard: impl FnMut(&Notification) + Send + 'static,
    ) -> Result<(Client, JoinHandle<()>), StoreError> {
        let failed = |error| postgres_error(what, error);
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let (client, connection) = self.config.connect(tls.clone()).await.map_err(failed)?;
            return self
                .set_up(client, tokio::spawn(drive(connection, heard)))
                .await
                .map_err(failed);
        }
        let (client, connection) =
            self.config.connect(tokio_postgres::NoTls).await.map_err(failed)?;
        self.set_up(client, tokio::spawn(drive(connection, heard))).await.map_err(failed)
    }

    /// The server gives up what we no longer wait for.
    async fn set_up(
        &self,
        client: Client,
        task: JoinHandle<()>,
    ) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
        let millis = self.limit.as_millis().clamp(1, 100_000_000);
        let settings = format!(
            "SET statement_timeout = {}; SET lock_timeout = {millis}; SET default_transaction_isolation = 'read committed'",
            (10 * millis).max(LONGEST_PAGE.as_millis())
        );
        match client.batch_execute(&settings).await {
            Ok(()) => Ok((client, task)),
            Err(error) => {
                task.abort();
                Err(error)
            }
        }
    }
}

/// Moves the bytes of a connection until it ends.
async fn drive<S>(
    mut connection: Connection<Socket, S>,
    mut heard: impl FnMut(&Notification) + Send,
) where
    S: tokio_postgres::tls::TlsStream + Unpin,
{
    // whoever waits for an answer is told by the client what ended it
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notification(notification) = message {
            heard(&notification);
        }
    }
}

//! Setting a store up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::state::Limits;
use portcullis_core::{Clock, Retention, StoreError};
use redis::Script;

use crate::RedisStore;
use crate::address::{Address, invalid};
use crate::keys::Keys;
use crate::link::{Link, Target};
use crate::listen::Listener;
use crate::reading::Seen;
use crate::route::{Node, Route};
use crate::server::Checks;
use crate::store::Inner;

/// Sets up a [`RedisStore`]. Made by [`RedisStore::builder`].
#[must_use]
pub struct RedisStoreBuilder {
    url: String,
    prefix: String,
    limits: Limits,
    retention: Retention,
    clock: Option<Arc<dyn Clock>>,
    timeout: Duration,
    log_length: usize,
    page: usize,
    any_eviction_policy: bool,
    #[cfg(feature = "tls")]
    roots: Option<Vec<u8>>,
}

impl RedisStoreBuilder {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            prefix: "portcullis".to_owned(),
            limits: Limits::default(),
            retention: Retention::default(),
            clock: None,
            timeout: Duration::from_secs(1),
            log_length: 100_000,
            page: 5_000,
            any_eviction_policy: false,
            #[cfg(feature = "tls")]
            roots: None,
        }
    }

    /// What the names of all keys begin with, in braces: `portcullis`, unless set. Several stores on one
    /// server have a prefix each.
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How many entries the store may hold: a million in each room, unless set. An entry takes about
    /// 300 bytes of the server's memory. Services that share the store should set the same.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long entries are kept. Services that share the store should set the same.
    pub fn with_retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// A clock in place of the server's, for tests: what stamps cutoffs and tells what has expired is the
    /// clock of the server, unless set.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// For how long to wait for the server before it is an outage: one second, unless set. It covers all
    /// of a question, connecting included. How long a page of a snapshot may take is up to whoever follows.
    pub fn with_timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// About how many writes the log keeps for replicas that fall behind: 100,000, unless set. One
    /// that falls further behind takes a new snapshot.
    pub fn with_log_length(mut self, writes: usize) -> Self {
        self.log_length = writes;
        self
    }

    /// About how many entries a replica is given at a time: 5,000, unless set. The server does nothing else
    /// while it collects them, for some milliseconds.
    pub fn with_page(mut self, entries: usize) -> Self {
        self.page = entries;
        self
    }

    /// Takes a server that evicts keys when its memory is full. **Revoked tokens will work again** when it
    /// does.
    pub fn insecure_accept_any_eviction_policy(mut self) -> Self {
        self.any_eviction_policy = true;
        self
    }

    /// The certificates in PEM of the authorities that may vouch for the server, for a `rediss://` URL: those
    /// that the operating system trusts, unless set.
    #[cfg(feature = "tls")]
    pub fn with_roots(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots = Some(pem.into());
        self
    }

    /// Connects, and checks that the server is a primary which does not evict. It must run within a
    /// tokio runtime: each connection has a task there, which ends with the connection, and at the latest with
    /// the store.
    ///
    /// A store that nobody has [initialised](RedisStore::initialise) connects, and answers nothing.
    ///
    /// # Errors
    ///
    /// [`Invalid`](portcullis_core::StoreErrorKind::Invalid) for a URL that is none, a limit of zero, or a
    /// server that may evict; [`Unavailable`](portcullis_core::StoreErrorKind::Unavailable) if the server
    /// can't be reached, refuses the password, or is a replica.
    pub async fn connect(self) -> Result<RedisStore, StoreError> {
        let address = Address::parse(&self.url)?;
        if self.prefix.is_empty() || self.prefix.contains(['{', '}']) {
            return Err(invalid("the prefix of the keys is empty or has braces"));
        }
        if self.timeout.is_zero() || self.log_length == 0 || self.page == 0 {
            return Err(invalid(
                "the timeout, the length of the log and of a page must not be zero",
            ));
        }
        #[cfg(not(feature = "tls"))]
        if address.tls {
            return Err(invalid("rediss:// needs the feature `tls` of portcullis-redis"));
        }
        let target = Arc::new(Target {
            #[cfg(feature = "tls")]
            tls: address.tls.then(|| crate::tls::connector(self.roots.as_deref())).transpose()?,
            route: Route::new(Node { host: address.host.clone(), port: address.port }),
            address,
            checks: Checks { any_eviction_policy: self.any_eviction_policy },
            limit: self.timeout,
        });
        let store = RedisStore::from_inner(Inner {
            keys: Keys::new(&self.prefix),
            limits: self.limits,
            retention: self.retention,
            clock: self.clock,
            log_length: self.log_length,
            page: self.page,
            write_script: Script::new(include_str!("write.lua")),
            read_script: Script::new(include_str!("read.lua")),
            requests: Link::new(Arc::clone(&target)),
            following: Link::new(Arc::clone(&target)),
            listener: Listener::new(target),
            seen: Seen::default(),
        });
        store.usage().await?;
        Ok(store)
    }
}

/// Without the URL, which may hold a password.
impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("prefix", &self.prefix)
            .field("limits", &self.limits)
            .field("retention", &self.retention)
            .field("timeout", &self.timeout)
            .field("log_length", &self.log_length)
            .finish_non_exhaustive()
    }
}

//! Setting a store up.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::state::Limits;
use portcullis_core::{Clock, Retention, StoreError, StoreErrorKind};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

use crate::PostgresStore;
use crate::error::{corrupt, invalid};
use crate::listen::Listener;
use crate::own::{Address, Own};
#[cfg(feature = "tokio-postgres")]
use crate::pool::Pool;
use crate::reading::{Seen, get};
use crate::source::{Clients, Source};
use crate::sql::{Sql, VERSION};
use crate::store::Inner;

/// Sets up a [`PostgresStore`]. Made by [`PostgresStore::builder`].
#[must_use]
pub struct PostgresStoreBuilder {
    reach: Reach,
    listen_on: Option<String>,
    schema: String,
    limits: Limits,
    retention: Retention,
    clock: Option<Arc<dyn Clock>>,
    timeout: Duration,
    connections: usize,
    page: u32,
    migrate: bool,
    #[cfg(feature = "tls")]
    roots: Option<Vec<u8>>,
}

enum Reach {
    Url(String),
    #[cfg(feature = "tokio-postgres")]
    Pool(Arc<dyn Pool>),
}

impl PostgresStoreBuilder {
    pub(crate) fn new(url: String) -> Self {
        Self::reaching(Reach::Url(url))
    }

    #[cfg(feature = "tokio-postgres")]
    pub(crate) fn through(pool: Arc<dyn Pool>) -> Self {
        Self::reaching(Reach::Pool(pool))
    }

    fn reaching(reach: Reach) -> Self {
        Self {
            reach,
            listen_on: None,
            schema: "portcullis".to_owned(),
            limits: Limits::default(),
            retention: Retention::default(),
            clock: None,
            timeout: Duration::from_secs(1),
            connections: 4,
            page: 10_000,
            migrate: true,
            #[cfg(feature = "tls")]
            roots: None,
        }
    }

    /// The schema with the tables: `portcullis`, unless set. Several stores in one database have one each.
    pub fn with_schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// How many entries the store may hold: a million in each room, unless set. As many more as are being written at the
    /// same time may slip in. Services that share the store should set the same.
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

    /// For how long to wait for the server before it is an outage: one second, unless set. It covers all of a
    /// question, connecting or waiting for the pool included. How long a page of a snapshot may take is up to whoever follows.
    pub fn with_timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// How many connections of its own the store has, at least one, if it is not through a pool: four, unless set.
    pub fn with_connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// A URL to listen at, where the store is through a pool, which lends no connection for that: without it,
    /// replicas see a write at their next regular read. It must not lead through a pooler that hands connections on.
    pub fn with_listening_on(mut self, url: impl Into<String>) -> Self {
        self.listen_on = Some(url.into());
        self
    }

    /// How many entries a replica is given at a time for a snapshot: 10,000, unless set.
    pub fn with_page(mut self, entries: u32) -> Self {
        self.page = entries;
        self
    }

    /// Never creates or changes tables: they were made by hand, from [`PostgresStore::SCHEMA`]. Unless set, they are made if
    /// they are not there, which needs the right to.
    pub fn without_migrations(mut self) -> Self {
        self.migrate = false;
        self
    }

    /// The certificates in PEM of the authorities that may vouch for the server: those that the operating system
    /// trusts, unless set. TLS is used, and insisted on, with `sslmode=require`; without it the connection is in the clear.
    #[cfg(feature = "tls")]
    pub fn with_roots(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots = Some(pem.into());
        self
    }

    /// Connects, and makes the tables if they are not there. It must run within a tokio runtime: each connection of the
    /// store's own has a task there, which ends with the connection, and at the latest with the store.
    ///
    /// A store that nobody has [initialised](PostgresStore::initialise) connects, and answers nothing.
    ///
    /// # Errors
    ///
    /// [`Invalid`](StoreErrorKind::Invalid) for an address that is none, a limit of zero, or tables of another version;
    /// [`Uninitialised`](StoreErrorKind::Uninitialised) for missing tables that are not to be made;
    /// [`Unavailable`](StoreErrorKind::Unavailable) if the server can't be reached or refuses us.
    pub async fn connect(self) -> Result<PostgresStore, StoreError> {
        let sql = Sql::new(&self.schema)?;
        if self.timeout.is_zero() || self.page == 0 {
            return Err(invalid("the timeout and the length of a page must not be zero"));
        }
        let own = match &self.reach {
            Reach::Url(url) => Some(self.address(url)?),
            #[cfg(feature = "tokio-postgres")]
            Reach::Pool(_) => None,
        };
        let listen_on = match &self.listen_on {
            Some(url) => Some(self.address(url)?),
            None => own.clone(),
        };
        let clients = match (own, &self.reach) {
            (Some(address), _) => Clients::Own(Box::new(Own::new(address, self.connections))),
            #[cfg(feature = "tokio-postgres")]
            (None, Reach::Pool(pool)) => Clients::Pool(Arc::clone(pool)),
            (None, Reach::Url(_)) => return Err(invalid("there is no address")),
        };
        let store = PostgresStore::from_inner(Inner {
            source: Source { clients, limit: self.timeout },
            listener: Listener::new(listen_on, sql.listen()),
            sql,
            limits: self.limits,
            retention: self.retention,
            clock: self.clock,
            page: i64::from(self.page),
            seen: Seen::default(),
        });
        prepare(store.inner(), self.migrate).await?;
        Ok(store)
    }

    fn address(&self, url: &str) -> Result<Address, StoreError> {
        // the cause may repeat the URL, and with it the password
        let mut config = Config::from_str(url).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            invalid(match cause.is_some_and(|cause| cause.contains("`sslmode`")) {
                true => "sslmode is neither disable nor require; sslmode=require checks the certificate and the name in it",
                false => "the address of the server is not one like postgres://user@host/database",
            })
        })?;
        config.connect_timeout(self.timeout);
        if config.get_application_name().is_none() {
            config.application_name("portcullis");
        }
        let tls = config.get_ssl_mode() == SslMode::Require;
        // `prefer` would go on in the clear where somebody in between says that there is no TLS
        if !tls {
            config.ssl_mode(SslMode::Disable);
        }
        #[cfg(not(feature = "tls"))]
        if tls {
            return Err(invalid("sslmode=require needs the feature `tls` of portcullis-postgres"));
        }
        Ok(Address {
            config,
            #[cfg(feature = "tls")]
            tls: tls.then(|| crate::tls::connector(self.roots.as_deref())).transpose()?,
            limit: self.timeout,
        })
    }
}

/// That the tables are of the version that this crate writes; makes them if need be.
async fn prepare(inner: &Inner, migrate: bool) -> Result<(), StoreError> {
    let mut made = false;
    loop {
        let rows = inner.source.query("can't look at the tables", &inner.sql.version, &[]).await;
        let version: i32 = match rows {
            Ok(rows) => {
                let row = rows.first().ok_or_else(|| corrupt("the tables have no version"))?;
                get(row, 0)?
            }
            Err(error) if error.kind() == StoreErrorKind::Uninitialised && migrate && !made => 0,
            Err(error) => return Err(error),
        };
        if version == VERSION {
            return Ok(());
        }
        if version > VERSION || made || !migrate {
            let message = format!("the tables are of version {version}, not {VERSION}");
            return Err(StoreError::new(StoreErrorKind::Invalid, message));
        }
        made = true;
        let ran = inner.source.run("can't make the tables", &inner.sql.migration(version)).await;
        // whoever was faster has made them: what is there now decides
        if let Err(error) = ran {
            let rows =
                inner.source.query("can't look at the tables", &inner.sql.version, &[]).await;
            if rows.is_err() {
                return Err(error);
            }
        }
    }
}

/// Without the URL, which may hold a password.
impl fmt::Debug for PostgresStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStoreBuilder")
            .field("schema", &self.schema)
            .field("limits", &self.limits)
            .field("retention", &self.retention)
            .field("timeout", &self.timeout)
            .field("connections", &self.connections)
            .field("page", &self.page)
            .finish_non_exhaustive()
    }
}

//! A server behind a proxy: it can freeze, be killed and started again, and be out of reach without a word.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use portcullis::{DenylistStore, Target};
use portcullis_postgres::PostgresStore;
use portcullis_redis::RedisStore;
use portcullis_support::{PostgresServer, Proxy, RedisServer};

use super::opened;
use crate::args::Kind;
use crate::revoker::{ISSUER, jti};

/// As a process opens it, which soon notices harm.
pub(crate) const HASTY: Duration = Duration::from_millis(400);
/// As the rig opens it, which only asks while there is no harm, of a machine that may be busy.
const PATIENT: Duration = Duration::from_secs(30);

/// The store, which waits so long for the server.
pub(crate) async fn open_redis(address: &str, limit: Duration) -> Result<RedisStore> {
    opened(async || RedisStore::builder(address).with_timeout(limit).connect().await).await
}

/// The store, which waits so long for the server.
pub(crate) async fn open_postgres(address: &str, limit: Duration) -> Result<PostgresStore> {
    opened(async || PostgresStore::builder(address).with_timeout(limit).connect().await).await
}

enum Server {
    Redis(RedisServer),
    Postgres(PostgresServer),
}

pub(crate) struct Rig {
    /// There is one until it is given on to be started again.
    server: Option<Server>,
    proxy: Proxy,
    runtime: tokio::runtime::Runtime,
}

const FREEZES: &str = "the server is stopped by a signal";
const DIES: &str = "the server is killed, and started again on its data";
const UNREACHABLE: &str = "the connections to the server are half-open";

impl Rig {
    pub(crate) fn start(kind: Kind) -> Result<Self> {
        let (server, port) = match kind {
            Kind::Redis => {
                let server = RedisServer::start(&["appendonly yes", "appendfsync always"])?;
                let port = server.port();
                (Server::Redis(server), port)
            }
            Kind::Postgres => {
                let server = PostgresServer::start(&[])?;
                let port = server.port();
                (Server::Postgres(server), port)
            }
            Kind::Sqlite => bail!("SQLite has no server"),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(1).enable_all().build()?;
        let rig = Self { server: Some(server), proxy: Proxy::start(port)?, runtime };
        let address = super::Rig::address(&rig);
        rig.runtime.block_on(async {
            match kind {
                Kind::Postgres => {
                    let store = open_postgres(&address, PATIENT).await?;
                    store.insecure_initialise_trusting_all_tokens().await?;
                }
                _ => {
                    let store = open_redis(&address, PATIENT).await?;
                    store.insecure_initialise_trusting_all_tokens().await?;
                }
            }
            anyhow::Ok(())
        })?;
        Ok(rig)
    }
}

/// Which of these tokens a store does not deny.
async fn not_denied<S>(store: S, numbers: &[u64]) -> Result<Vec<u64>>
where
    S: DenylistStore<Error = portcullis::StoreError>,
{
    let mut forgotten = Vec::new();
    for &number in numbers {
        if !store.is_denied(&Target::token(ISSUER, &jti(number))).await? {
            forgotten.push(number);
        }
    }
    Ok(forgotten)
}

impl super::Rig for Rig {
    fn address(&self) -> String {
        let port = self.proxy.port();
        match &self.server {
            Some(Server::Postgres(_)) => format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            _ => format!("redis://127.0.0.1:{port}"),
        }
    }

    fn faults(&self) -> Vec<&'static str> {
        vec![FREEZES, DIES, UNREACHABLE]
    }

    fn harm(&mut self, fault: &str) -> Result<()> {
        match (fault, &mut self.server) {
            (UNREACHABLE, _) => self.proxy.stall(),
            (FREEZES, Some(Server::Redis(server))) => server.freeze()?,
            (FREEZES, Some(Server::Postgres(server))) => server.freeze()?,
            (_, Some(Server::Redis(server))) => server.kill()?,
            (_, Some(Server::Postgres(server))) => server.kill()?,
            (_, None) => bail!("the server did not start again"),
        }
        Ok(())
    }

    fn mend(&mut self, fault: &str) -> Result<()> {
        match fault {
            UNREACHABLE => self.proxy.resume(),
            FREEZES => match &self.server {
                Some(Server::Redis(server)) => server.thaw()?,
                Some(Server::Postgres(server)) => server.thaw()?,
                None => bail!("the server did not start again"),
            },
            _ => {
                self.server = Some(match self.server.take().context("there is no server")? {
                    Server::Redis(server) => Server::Redis(server.restart()?),
                    Server::Postgres(server) => Server::Postgres(server.restart()?),
                });
            }
        }
        Ok(())
    }

    fn forgotten(&self, numbers: &[u64]) -> Result<Vec<u64>> {
        let address = self.address();
        self.runtime.block_on(async {
            match &self.server {
                Some(Server::Postgres(_)) => {
                    not_denied(open_postgres(&address, PATIENT).await?, numbers).await
                }
                _ => not_denied(open_redis(&address, PATIENT).await?, numbers).await,
            }
        })
    }
}

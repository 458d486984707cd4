//! The store's server: one that runs already, or one of our own that can be stopped.

use anyhow::{Context, bail};
use clap::ValueEnum;
use portcullis_support::{PostgresServer, Program, RedisServer};

/// What keeps the revocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Redis or Valkey.
    Redis,
    /// PostgreSQL.
    Postgres,
}

/// A server.
pub(crate) enum Server {
    Redis(RedisServer),
    Postgres(PostgresServer),
    Elsewhere(String),
}

impl Server {
    pub(crate) fn new(kind: Kind, url: Option<String>) -> anyhow::Result<Self> {
        if let Some(url) = url {
            return Ok(Self::Elsewhere(url));
        }
        let program = match kind {
            Kind::Redis => Program::REDIS,
            Kind::Postgres => Program::POSTGRES,
        };
        if program.find().is_none() {
            bail!("{} is not installed: install it, or name a server by --url", program.name);
        }
        let failed = "the server did not start";
        Ok(match kind {
            Kind::Redis => Self::Redis(
                RedisServer::start(&["appendonly yes", "appendfsync always"]).context(failed)?,
            ),
            Kind::Postgres => Self::Postgres(PostgresServer::start(&[]).context(failed)?),
        })
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Redis(server) => server.url(),
            Self::Postgres(server) => server.url(),
            Self::Elsewhere(url) => url.clone(),
        }
    }

    /// Stops it, if it is ours; true if it is.
    pub(crate) fn stop(&mut self) -> std::io::Result<bool> {
        match self {
            Self::Redis(server) => server.kill()?,
            Self::Postgres(server) => server.kill()?,
            Self::Elsewhere(_) => return Ok(false),
        }
        Ok(true)
    }
}

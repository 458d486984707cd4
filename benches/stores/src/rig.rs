//! A server, and what is asked of it beside the store.

use anyhow::Result;
use portcullis::state::Limits;
use portcullis::{Retention, Revoke, feed::Feed};
use portcullis_postgres::PostgresStore;
use portcullis_redis::RedisStore;
use portcullis_support::{PostgresServer, Proxy, RedisServer};

/// A server of one kind.
pub(crate) trait Rig: Sync {
    type Store: Feed + Revoke + Clone;

    /// A store with connections of its own, which can be cut.
    async fn connect(&self) -> Result<Self::Store>;
    /// Cuts all connections of stores.
    fn cut(&self);
    /// Fills the store with so many denials, faster than by writing them one by one where that can be done.
    async fn fill(&self, entries: usize) -> Result<()>;
    /// How many commands or transactions the server has done so far.
    async fn work(&self) -> Result<u64>;
}

pub(crate) struct Redis {
    server: RedisServer,
    proxy: Proxy,
    limits: Limits,
}

/// Room for what the writes leave and for a snapshot.
fn limits(entries: usize) -> Limits {
    Limits::default().denials(entries.saturating_mul(2).saturating_add(10_000_000))
}

impl Redis {
    pub(crate) async fn start(entries: usize) -> Result<Self> {
        let server = RedisServer::start(&["appendonly yes", "appendfsync always"])?;
        let proxy = Proxy::start(server.port())?;
        let rig = Self { server, proxy, limits: limits(entries) };
        rig.connect().await?.insecure_initialise_trusting_all_tokens().await?;
        Ok(rig)
    }
}

impl Rig for Redis {
    type Store = RedisStore;

    async fn connect(&self) -> Result<RedisStore> {
        let url = format!("redis://127.0.0.1:{}", self.proxy.port());
        let builder = RedisStore::builder(url).with_limits(self.limits);
        Ok(builder.with_retention(Retention::default()).connect().await?)
    }

    fn cut(&self) {
        self.proxy.cut();
    }

    async fn fill(&self, entries: usize) -> Result<()> {
        let client = redis::Client::open(self.server.url())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        for first in (0..entries).step_by(10_000) {
            let mut command = redis::cmd("HSET");
            command.arg("{portcullis}:denials");
            for n in first..entries.min(first + 10_000) {
                let issuer = crate::measure::ISSUER;
                command.arg(format!("djti:{}:{issuer}{n:036}", issuer.len())).arg(";");
            }
            let () = command.query_async(&mut connection).await?;
        }
        Ok(())
    }

    async fn work(&self) -> Result<u64> {
        let client = redis::Client::open(self.server.url())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let info: String = redis::cmd("INFO").arg("stats").query_async(&mut connection).await?;
        let line = info.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
        Ok(line.unwrap_or_default().trim().parse()?)
    }
}

pub(crate) struct Postgres {
    server: PostgresServer,
    proxy: Proxy,
    limits: Limits,
}

impl Postgres {
    pub(crate) async fn start(entries: usize) -> Result<Self> {
        let server = PostgresServer::start(&["shared_buffers=512MB", "max_connections=300"])?;
        let proxy = Proxy::start(server.port())?;
        let rig = Self { server, proxy, limits: limits(entries) };
        rig.connect().await?.insecure_initialise_trusting_all_tokens().await?;
        Ok(rig)
    }

    async fn client(&self) -> Result<tokio_postgres::Client> {
        let url = self.server.url();
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }
}

impl Rig for Postgres {
    type Store = PostgresStore;

    async fn connect(&self) -> Result<PostgresStore> {
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", self.proxy.port());
        let builder = PostgresStore::builder(url).with_limits(self.limits);
        Ok(builder.with_retention(Retention::default()).connect().await?)
    }

    fn cut(&self) {
        self.proxy.cut();
    }

    async fn fill(&self, entries: usize) -> Result<()> {
        let issuer = crate::measure::ISSUER;
        let fill = format!(
            "INSERT INTO portcullis.facts (key, rule, kind, issuer, id, value, keep_until, room)
             SELECT portcullis.fact_key('denied', 'jti', '{issuer}', id), 'denied', 'jti', '{issuer}', id,
                 -9223372036854775808, 9223372036854775807, 0
             FROM (SELECT convert_to(lpad(n::text, 36, '0'), 'UTF8') AS id
                   FROM generate_series(0, {entries} - 1) n) ids;
             ANALYZE portcullis.facts"
        );
        Ok(self.client().await?.batch_execute(&fill).await?)
    }

    async fn work(&self) -> Result<u64> {
        let client = self.client().await?;
        // what others have done is told with a delay of up to a second
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        let sql = "SELECT sum(xact_commit)::bigint FROM pg_stat_database";
        let row = client.query_one(sql, &[]).await?;
        Ok(u64::try_from(row.get::<_, i64>(0))?)
    }
}

//! A server, or a file, and what is asked of it beside the store.

use anyhow::Result;
use portcullis::state::Limits;
use portcullis::{Revoke, feed::Feed};
use portcullis_postgres::PostgresStore;
use portcullis_redis::RedisStore;
use portcullis_sqlite::SqliteStore;
use portcullis_support::{PostgresServer, Proxy, RedisServer};

use crate::measure::ISSUER;

/// A store of one kind.
pub(crate) trait Rig: Sync {
    type Store: Feed + Revoke + Clone;

    /// What it is called on the command line.
    const NAME: &str;

    /// Where another process finds it.
    fn address(&self) -> String;
    /// A store with connections of its own, which can be cut.
    async fn connect(&self) -> Result<Self::Store>;
    /// Cuts all connections of stores.
    fn cut(&self);
    /// Fills the store with so many denials, faster than by writing them one by one.
    async fn fill(&self, entries: usize) -> Result<()>;
    /// Begins another epoch.
    async fn become_another(&self) -> Result<()>;
    /// How many commands or transactions the server has done so far.
    async fn work(&self) -> Result<u64>;
}

/// Room for what the writes leave and for a snapshot.
fn limits() -> Limits {
    Limits::unlimited()
}

pub(crate) struct Redis {
    server: RedisServer,
    proxy: Proxy,
}

pub(crate) async fn open_redis(address: &str) -> Result<RedisStore> {
    Ok(RedisStore::builder(address).with_limits(limits()).connect().await?)
}

impl Redis {
    pub(crate) async fn start() -> Result<Self> {
        let server = RedisServer::start(&["appendonly yes", "appendfsync always"])?;
        let proxy = Proxy::start(server.port())?;
        let rig = Self { server, proxy };
        rig.connect().await?.insecure_initialise_trusting_all_tokens().await?;
        Ok(rig)
    }

    async fn connection(&self) -> Result<redis::aio::MultiplexedConnection> {
        // a server that is being filled takes its time
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let client = redis::Client::open(self.server.url())?;
        Ok(client.get_multiplexed_async_connection_with_config(&config).await?)
    }
}

impl Rig for Redis {
    type Store = RedisStore;

    const NAME: &str = "redis";

    fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.proxy.port())
    }

    async fn connect(&self) -> Result<RedisStore> {
        open_redis(&self.address()).await
    }

    fn cut(&self) {
        self.proxy.cut();
    }

    async fn fill(&self, entries: usize) -> Result<()> {
        let mut connection = self.connection().await?;
        for first in (0..entries).step_by(10_000) {
            let mut command = redis::cmd("HSET");
            command.arg("{portcullis}:denials");
            for n in first..entries.min(first + 10_000) {
                command.arg(format!("djti:{}:{ISSUER}{n:036}", ISSUER.len())).arg(";");
            }
            let () = command.query_async(&mut connection).await?;
        }
        Ok(())
    }

    async fn become_another(&self) -> Result<()> {
        let mut command = redis::cmd("HSET");
        command.arg("{portcullis}:meta").arg("epoch").arg("another");
        Ok(command.query_async(&mut self.connection().await?).await?)
    }

    async fn work(&self) -> Result<u64> {
        let mut command = redis::cmd("INFO");
        let command = command.arg("stats");
        let info: String = command.query_async(&mut self.connection().await?).await?;
        let line = info.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
        Ok(line.unwrap_or_default().trim().parse()?)
    }
}

pub(crate) struct Postgres {
    server: PostgresServer,
    proxy: Proxy,
}

pub(crate) async fn open_postgres(address: &str) -> Result<PostgresStore> {
    Ok(PostgresStore::builder(address).with_limits(limits()).connect().await?)
}

impl Postgres {
    pub(crate) async fn start() -> Result<Self> {
        let settings = ["shared_buffers=512MB", "max_connections=300", "max_wal_size=8GB"];
        let server = PostgresServer::start(&settings)?;
        let proxy = Proxy::start(server.port())?;
        let rig = Self { server, proxy };
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

    const NAME: &str = "postgres";

    fn address(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.proxy.port())
    }

    async fn connect(&self) -> Result<PostgresStore> {
        open_postgres(&self.address()).await
    }

    fn cut(&self) {
        self.proxy.cut();
    }

    async fn fill(&self, entries: usize) -> Result<()> {
        // indexes that are made afterwards are made much faster, and are the same
        let fill = format!(
            "SET maintenance_work_mem = '1GB'; SET search_path = portcullis;
             ALTER TABLE facts DROP CONSTRAINT facts_pkey;
             DROP INDEX facts_xid, facts_keep, facts_subject;
             INSERT INTO facts (key, rule, kind, issuer, id, value, keep_until, room)
             SELECT fact_key('denied', 'jti', '{ISSUER}', id), 'denied', 'jti', '{ISSUER}', id,
                 -9223372036854775808, 9223372036854775807, 0
             FROM (SELECT convert_to(lpad(n::text, 36, '0'), 'UTF8') AS id
                   FROM generate_series(0, {entries} - 1) n) ids;
             ALTER TABLE facts ADD PRIMARY KEY (key);
             CREATE INDEX facts_xid ON facts (xid);
             CREATE INDEX facts_keep ON facts (keep_until) WHERE keep_until < 9223372036854775807;
             CREATE INDEX facts_subject ON facts (subject) WHERE subject IS NOT NULL;
             ANALYZE facts"
        );
        Ok(self.client().await?.batch_execute(&fill).await?)
    }

    async fn become_another(&self) -> Result<()> {
        let another = "UPDATE portcullis.meta SET epoch = gen_random_uuid()";
        Ok(self.client().await?.batch_execute(another).await?)
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

pub(crate) struct Sqlite {
    folder: tempfile::TempDir,
    store: SqliteStore,
}

pub(crate) fn open_sqlite(path: &str) -> Result<SqliteStore> {
    Ok(SqliteStore::builder(path).with_limits(limits()).waive_initial_cutoff().open()?)
}

impl Sqlite {
    pub(crate) fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = open_sqlite(&folder.path().join("revocations").display().to_string())?;
        Ok(Self { folder, store })
    }

    fn connection(&self) -> Result<rusqlite::Connection> {
        Ok(rusqlite::Connection::open(self.address())?)
    }
}

impl Rig for Sqlite {
    type Store = SqliteStore;

    const NAME: &str = "sqlite";

    fn address(&self) -> String {
        self.folder.path().join("revocations").display().to_string()
    }

    /// One for the whole process, as it is meant to be used.
    async fn connect(&self) -> Result<SqliteStore> {
        Ok(self.store.clone())
    }

    fn cut(&self) {}

    async fn fill(&self, entries: usize) -> Result<()> {
        let connection = self.connection()?;
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE;
             WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {entries})
             INSERT INTO portcullis_denials
             SELECT 'jti', '{ISSUER}', printf('%036d', n), NULL, -9223372036854775808, 9223372036854775807, 0
             FROM numbers;
             UPDATE portcullis_meta SET value = value + {entries} WHERE name = 'denials';
             COMMIT"
        ))?;
        Ok(())
    }

    async fn become_another(&self) -> Result<()> {
        let another = "UPDATE portcullis_meta SET value = random() WHERE name = 'epoch'";
        self.connection()?.execute(another, [])?;
        Ok(())
    }

    async fn work(&self) -> Result<u64> {
        anyhow::bail!("a file does nothing by itself")
    }
}

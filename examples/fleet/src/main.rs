//! Three instances of a payroll service on one store of revocations.
//!
//! `cargo run -p fleet` starts a Redis (or, with `--store postgres`, a PostgreSQL) in a temporary folder, or takes one by its
//! `--url`. It signs bob out on the first instance and prints when each other refuses his token; then it stops the store and
//! prints what each instance does about it. `instance.rs` is the service, `server.rs` the store, `story.rs` what happens.

mod client;
mod instance;
mod server;
mod story;

use clap::Parser;
use portcullis::{AfterStale, Algorithm, FailurePolicy, Revoke, feed::Feed};
use portcullis_issuer::{SigningKey, SigningKeys, TokenIssuer};
use portcullis_postgres::PostgresStore;
use portcullis_redis::RedisStore;

use crate::instance::{AUDIENCE, ISSUER, Instance, LIFETIME};
use crate::server::{Kind, Server};

/// Three payroll instances on one store of revocations.
#[derive(Parser)]
struct Arguments {
    /// What keeps the revocations.
    #[arg(long, value_enum, default_value_t = Kind::Redis)]
    store: Kind,
    /// A server that runs already; it is not stopped.
    #[arg(long)]
    url: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { store: kind, url } = Arguments::parse();
    let server = Server::new(kind, url)?;
    let keys = SigningKeys::new(SigningKey::generate(Algorithm::ES256)?);
    let issuer = TokenIssuer::builder(ISSUER, keys)
        .audience(AUDIENCE)
        .client_id("fleet")
        .lifetime(LIFETIME)
        .build()?;
    // each instance connects by itself, as one on another machine would
    let fleet = match kind {
        Kind::Redis => {
            let connect = async || {
                let builder = RedisStore::builder(server.url());
                anyhow::Ok(builder.with_retention(instance::retention()).connect().await?)
            };
            let first = connect().await?;
            story::initialised(first.initialise().await?).await;
            start([first, connect().await?, connect().await?], &issuer).await?
        }
        Kind::Postgres => {
            let connect = async || {
                let builder = PostgresStore::builder(server.url());
                anyhow::Ok(builder.with_retention(instance::retention()).connect().await?)
            };
            let first = connect().await?;
            story::initialised(first.initialise().await?).await;
            start([first, connect().await?, connect().await?], &issuer).await?
        }
    };
    story::tell(server, &issuer, &fleet).await
}

/// The three, each with a policy of its own for when the store is gone.
async fn start<S: Feed + Revoke + Clone>(
    stores: [S; 3],
    issuer: &TokenIssuer,
) -> anyhow::Result<[Instance; 3]> {
    let stale = FailurePolicy::Stale { max: instance::STALE, then: AfterStale::Closed };
    let keys = || issuer.keys().verification_keys();
    let [a, b, c] = stores;
    Ok([
        Instance::start("first", "closed", FailurePolicy::Closed, a, keys()).await?,
        Instance::start("second", "open", FailurePolicy::Open, b, keys()).await?,
        Instance::start("third", "stale", stale, c, keys()).await?,
    ])
}

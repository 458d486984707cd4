//! Where clients come from: connections of the store's own, or a pool that the user already has.

#[cfg(feature = "tokio-postgres")]
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::StoreError;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
#[cfg(feature = "tokio-postgres")]
use tokio_postgres::{Client, Error};

use crate::error::{ends_connection, is_conflict, postgres_error, unavailable};
use crate::own::Own;
#[cfg(feature = "tokio-postgres")]
use crate::pool::Pool;

/// A parameter and its type.
pub(crate) type Param<'a> = (&'a (dyn ToSql + Sync), Type);

pub(crate) struct Source {
    pub(crate) clients: Clients,
    /// How long anything may take.
    pub(crate) limit: Duration,
}

pub(crate) enum Clients {
    Own(Box<Own>),
    #[cfg(feature = "tokio-postgres")]
    Pool(Arc<dyn Pool>),
}

impl Source {
    /// One statement, which is a transaction of its own, and its rows.
    ///
    /// Nothing is prepared, so that it works through poolers that hand a connection to somebody else after each
    /// transaction.
    pub(crate) async fn query(
        &self,
        what: &'static str,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        self.query_for(self.limit, what, sql, params).await
    }

    /// As [`query`](Self::query), for as long as whoever asks is willing to wait. Only to get a client may take no more than the
    /// limit.
    pub(crate) async fn query_patiently(
        &self,
        what: &'static str,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        self.query_for(Duration::MAX, what, sql, params).await
    }

    async fn query_for(
        &self,
        patience: Duration,
        what: &'static str,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let late = || unavailable(format!("{what}: the server did not answer in time"));
        match &self.clients {
            Clients::Own(own) => {
                let mut used = None;
                let asked = async {
                    // A connection that was at rest may have been closed by the server in the meantime: once more, on a
                    // new one. Everything that is written may be written twice.
                    let mut again = true;
                    loop {
                        let connection = timeout(self.limit, own.connection(what));
                        let connection = connection.await.unwrap_or_else(|_| Err(late()))?;
                        used = Some(connection.number());
                        let error = match connection.client().query_typed(sql, params).await {
                            Ok(rows) => return Ok(rows),
                            Err(error) => error,
                        };
                        let ended = ends_connection(&error);
                        if ended {
                            own.discard(connection.number());
                        }
                        if !again || !(ended || is_conflict(&error)) {
                            return Err(postgres_error(what, error));
                        }
                        again = false;
                    }
                };
                match timeout(patience, asked).await {
                    Ok(answer) => answer,
                    Err(_) => {
                        // it may be half-open: the peer is gone and nobody told us
                        if let Some(number) = used {
                            own.discard(number);
                        }
                        Err(late())
                    }
                }
            }
            #[cfg(feature = "tokio-postgres")]
            Clients::Pool(pool) => {
                let asked = async {
                    // gives a client that has not answered by the end up to be discarded
                    let held = timeout(self.limit, pool.hold_one(what)).await;
                    let mut held = held.unwrap_or_else(|_| Err(late()))?;
                    let mut answer = ask(held.client(), sql, params).await;
                    if answer.as_ref().is_err_and(is_conflict) {
                        answer = ask(held.client(), sql, params).await;
                    }
                    held.give_back();
                    answer.map_err(|error| postgres_error(what, error))
                };
                timeout(patience, asked).await.unwrap_or_else(|_| Err(late()))
            }
        }
    }

    /// Statements without parameters, one transaction after the other, on a connection that nobody else uses meanwhile.
    pub(crate) async fn run(&self, what: &'static str, sql: &str) -> Result<(), StoreError> {
        // whatever is made takes its time, and another may be making it
        let limit = self.limit.saturating_mul(10);
        let late = || unavailable(format!("{what}: the server did not answer in time"));
        let failed = |error| postgres_error(what, error);
        let ran = async {
            match &self.clients {
                Clients::Own(own) => {
                    let connection = own.connect(what).await?;
                    connection.client().batch_execute(sql).await.map_err(failed)
                }
                #[cfg(feature = "tokio-postgres")]
                Clients::Pool(pool) => {
                    // a client whose transaction failed is not given back
                    let mut held = pool.hold_one(what).await?;
                    held.client().batch_execute(sql).await.map_err(failed)?;
                    held.give_back();
                    Ok(())
                }
            }
        };
        timeout(limit, ran).await.unwrap_or_else(|_| Err(late()))
    }

    /// Gives the connections up: the next question makes others.
    pub(crate) fn reset(&self) {
        match &self.clients {
            Clients::Own(own) => own.reset(),
            #[cfg(feature = "tokio-postgres")]
            Clients::Pool(_) => {}
        }
    }
}

#[cfg(feature = "tokio-postgres")]
async fn ask(client: &Client, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, Error> {
    client.query_typed(sql, params).await
}

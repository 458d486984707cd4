//! Clients of a pool that the user already has.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use portcullis_core::{BoxError, StoreError, StoreErrorKind};
use tokio_postgres::Client;

/// A pool that lends clients of `tokio-postgres`.
///
/// It is implemented for `deadpool_postgres::Pool` behind the feature `deadpool-postgres`; for another it
/// takes a few lines. Nothing is left behind in a session, and everything is one statement, so that poolers which
/// hand a connection on after each transaction may stand in between.
///
/// # Example
///
/// A pool of one:
///
/// ```
/// use std::convert::Infallible;
/// use std::sync::Arc;
/// use portcullis_postgres::{BoxError, Clients};
///
/// struct One(Arc<tokio_postgres::Client>);
///
/// impl Clients for One {
///     type Client = Arc<tokio_postgres::Client>;
///
///     async fn client(&self) -> Result<Self::Client, BoxError> {
///         Ok(Arc::clone(&self.0))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a pool of clients of tokio-postgres",
    note = "implement `Clients`, or turn on the feature `deadpool-postgres`"
)]
pub trait Clients: Send + Sync + 'static {
    /// A client on loan. Dropping it gives it back.
    type Client: Deref<Target: AsClient> + Send + Sync + 'static;

    /// Lends a client.
    ///
    /// # Errors
    ///
    /// If there is none: the store takes that for an outage.
    fn client(&self) -> impl Future<Output = Result<Self::Client, BoxError>> + Send;

    /// Takes back a client that did not answer in time, and must not be lent to anybody: its peer may be gone.
    /// Gives it back as any other, unless overridden.
    fn discard(&self, client: Self::Client) {
        drop(client);
    }
}

/// What is, in the end, a client.
pub trait AsClient {
    /// The client.
    fn as_client(&self) -> &Client;
}

impl AsClient for Client {
    fn as_client(&self) -> &Client {
        self
    }
}

#[cfg(feature = "deadpool-postgres")]
impl AsClient for deadpool_postgres::ClientWrapper {
    fn as_client(&self) -> &Client {
        self
    }
}

#[cfg(feature = "deadpool-postgres")]
impl Clients for deadpool_postgres::Pool {
    type Client = deadpool_postgres::Object;

    async fn client(&self) -> Result<Self::Client, BoxError> {
        Ok(self.get().await?)
    }

    fn discard(&self, client: Self::Client) {
        drop(deadpool_postgres::Object::take(client));
    }
}

/// The future of a loan.
type Loan = Pin<Box<dyn Future<Output = Result<Box<dyn Hold>, StoreError>> + Send>>;

/// A pool, whatever its type.
pub(crate) trait Pool: Send + Sync {
    fn hold(self: Arc<Self>, what: &'static str) -> Loan;
}

/// A client on loan, which is discarded unless it is given back.
pub(crate) trait Hold: Send + Sync {
    fn client(&self) -> &Client;
    fn give_back(&mut self);
}

impl dyn Pool {
    pub(crate) async fn hold_one(
        self: &Arc<Self>,
        what: &'static str,
    ) -> Result<Box<dyn Hold>, StoreError> {
        Arc::clone(self).hold(what).await
    }
}

/// The only implementor: any pool of a user.
pub(crate) struct Lender<C>(pub(crate) C);

struct Held<C: Clients> {
    lender: Arc<Lender<C>>,
    /// There is one until it is given back.
    client: Option<C::Client>,
}

impl<C: Clients> Pool for Lender<C> {
    fn hold(self: Arc<Self>, what: &'static str) -> Loan {
        Box::pin(async move {
            let client = self.0.client().await.map_err(|error| {
                let message = format!("{what}: the pool has no client");
                StoreError::new(StoreErrorKind::Unavailable, message).with_source(error)
            })?;
            Ok(Box::new(Held { lender: self, client: Some(client) }) as Box<dyn Hold>)
        })
    }
}

impl<C: Clients> Hold for Held<C> {
    fn client(&self) -> &Client {
        let client = self.client.as_ref().expect("it is only given back when nobody asks any more");
        client.as_client()
    }

    fn give_back(&mut self) {
        self.client.take();
    }
}

impl<C: Clients> Drop for Held<C> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            self.lender.0.discard(client);
        }
    }
}

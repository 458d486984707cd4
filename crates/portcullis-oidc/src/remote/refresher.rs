//! One task that keeps the keys of many issuers fresh, as users have it: [`Refresher`] and its [`Driver`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use portcullis::BuildError;

use super::driver::Drive;
use super::hub::Hub;
use super::{RemoteKeys, RemoteKeysBuilder};
use crate::by_kid::{KeysByKid, KeysByKidBuilder};
use crate::fetch::{Fetch, FetchDocument};

/// Keeps the keys of any number of issuers fresh, by one task. Clones are the same.
///
/// Where there is one issuer, or a few, [`RemoteKeysBuilder::spawn`] is shorter.
///
/// # Rules
///
/// - Issuers are fetched from at the same time, 64 at most. Those that failed last, or never answered yet, get half
///   of these places at most: issuers that hang don't delay those that answer.
/// - An issuer is dropped when nobody holds its keys any more: no verifier, no [`RemoteKeys`]. The task ends
///   when the last issuer and the last `Refresher` are gone, or at [`shutdown`](Self::shutdown).
/// - When the task is dropped or aborted, keys stay good for as long as they are trusted.
///
/// # Example
///
/// ```
/// use portcullis::{Issuer, Verifier};
/// use portcullis_oidc::{Fetch, Refresher, RemoteKeys};
///
/// # struct Tenant { issuer: String }
/// fn trust(tenants: &[Tenant], client: impl Fetch) -> Result<Verifier, portcullis::BuildError> {
///     let (refresher, driver) = Refresher::new(client);
///     let mut verifier = Verifier::builder();
///     for tenant in tenants {
///         let keys = refresher.add(RemoteKeys::discover(&tenant.issuer))?;
///         let issuer = Issuer::new(&tenant.issuer).audience("payroll").may_assert_nothing();
///         verifier = verifier.trust(issuer.keys(keys.keys()));
///     }
///     // the one task
///     tokio::spawn(driver);
///     verifier.build()
/// }
/// ```
#[derive(Clone)]
pub struct Refresher {
    handle: Arc<Handle>,
}

struct Handle {
    hub: Arc<Hub>,
    fetch: Arc<dyn FetchDocument>,
}

/// The future that fetches. It does nothing unless it is polled: spawn it on a tokio runtime with its time
/// turned on. It is done when there is nothing left to do; see [`Refresher`].
#[must_use = "nothing is fetched unless it is spawned or awaited"]
pub struct Driver(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Refresher {
    /// A refresher that fetches by this client, and the future to spawn.
    pub fn new(fetch: impl Fetch) -> (Self, Driver) {
        let hub = Arc::new(Hub::default());
        let driver = Driver(Box::pin(Drive::new(Arc::clone(&hub)).run()));
        (Self { handle: Arc::new(Handle { hub, fetch: Arc::new(fetch) }) }, driver)
    }

    /// A refresher that fetches by this client, in a task on the present tokio runtime.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn spawn(fetch: impl Fetch) -> Self {
        let (refresher, driver) = Self::new(fetch);
        tokio::spawn(driver);
        refresher
    }

    /// Keeps the keys of one more issuer fresh, from now on. It may be called at any time.
    ///
    /// # Errors
    ///
    /// If a setting makes no sense.
    pub fn add(&self, keys: RemoteKeysBuilder) -> Result<RemoteKeys, BuildError> {
        keys.build(self)
    }

    /// Fetches keys that are published one by one, as they are asked for. See [`add`](Self::add).
    ///
    /// # Errors
    ///
    /// If a setting makes no sense.
    pub fn add_by_kid(&self, keys: KeysByKidBuilder) -> Result<KeysByKid, BuildError> {
        keys.build(self)
    }

    /// Ends the task. Fetches that are under way are broken off. Keys stay good for as long as they are
    /// trusted, and are then refused with 503.
    pub fn shutdown(&self) {
        self.handle.hub.shut_down();
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.handle.hub
    }

    pub(crate) fn fetch(&self) -> &Arc<dyn FetchDocument> {
        &self.handle.fetch
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.hub.close();
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Refresher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refresher").finish_non_exhaustive()
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

//! One task that keeps the keys of many issuers fresh, as users have it: [`Refresher`] and its [`Driver`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use portcullis::BuildError;

use super::driver::Drive;
use super::hub::Hub;
use super::shared::Shared;
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
///   of these places at most: issuers that hang don't delay those that answer. Looks for [`KeysByKid`] have 32 places of
///   their own.
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
    added: Mutex<Added>,
}

/// Whose keys were added, as long as somebody holds them.
#[derive(Default)]
struct Added {
    sets: Vec<Weak<Shared>>,
    /// How many there may be until those that are gone are looked for: twice as many as were left then.
    full: usize,
}

impl Added {
    fn note(&mut self, keys: &RemoteKeys) {
        if self.sets.len() >= self.full {
            self.sets.retain(|set| set.strong_count() > 0);
            self.full = 2 * self.sets.len() + 16;
        }
        self.sets.push(Arc::downgrade(&keys.shared));
    }
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
        let handle = Handle { hub, fetch: Arc::new(fetch), added: Mutex::default() };
        (Self { handle: Arc::new(handle) }, driver)
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
        let keys = keys.build(self)?;
        // nothing panics while the lock is held
        self.handle.added.lock().unwrap_or_else(PoisonError::into_inner).note(&keys);
        Ok(keys)
    }

    /// The keys of the issuers that were [added](Self::add) and that somebody holds, in that order: for a health check,
    /// metrics, or to wait at the start. What is returned holds them as well. Keys that are published one by one
    /// ([`add_by_kid`](Self::add_by_kid)) are not among them, since they are fetched when a token names one.
    ///
    /// ```
    /// # use portcullis::BuildError;
    /// use portcullis_oidc::{Fetch, Refresher, presets};
    ///
    /// # async fn f(client: impl Fetch) -> Result<(), BuildError> {
    /// let refresher = Refresher::spawn(client);
    /// let auth0 = presets::auth0("tenant.eu.auth0.com").audience("https://api.example.com");
    /// let issuer = auth0.add_to(&refresher)?;
    ///
    /// let ready = refresher.remote_keys().iter().all(|keys| keys.status().is_ready());
    /// # let _ = (issuer, ready);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn remote_keys(&self) -> Vec<RemoteKeys> {
        let added = self.handle.added.lock().unwrap_or_else(PoisonError::into_inner);
        let held = added.sets.iter().filter_map(Weak::upgrade);
        held.map(|shared| RemoteKeys { shared }).collect()
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

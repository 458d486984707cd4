//! One task that keeps the keys of many issuers fresh: [`Refresher`] and its [`Driver`].

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use portcullis::BuildError;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::shared::{Attempt, Made, Shared};
use super::{RemoteKeys, RemoteKeysBuilder};
use crate::by_kid::{KeysByKid, KeysByKidBuilder};
use crate::fetch::{Fetch, FetchDocument};

/// How many fetches are under way at once. Issuers that failed last, or never answered, get half of them at
/// most, so that however many hang, one that answers does not wait for them.
const CONCURRENCY: usize = 64;

/// How long the driver sleeps at most. Timers and the clock may be of two minds after a suspend.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

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
        self.handle.hub.inbox().shut_down = true;
        self.handle.hub.wake.notify_one();
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
        self.hub.inbox().closed = true;
        self.hub.wake.notify_one();
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

/// A piece of work that is done once, by the driver.
pub(crate) type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where the driver is told what there is to do.
#[derive(Default)]
pub(crate) struct Hub {
    inbox: Mutex<Inbox>,
    wake: Notify,
    ids: AtomicU64,
}

#[derive(Default)]
struct Inbox {
    added: Vec<Weak<Shared>>,
    /// Sources about which something changed: when they are due, or whether they are there at all.
    poked: HashSet<u64>,
    jobs: Vec<Job>,
    /// How many there are who may still bring jobs.
    bringing: usize,
    /// No refresher is left, so nothing will be added.
    closed: bool,
    shut_down: bool,
    /// The driver is gone.
    ended: bool,
}

impl Hub {
    /// Nothing panics while the lock is held.
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn add(&self, source: &Arc<Shared>) {
        let mut inbox = self.inbox();
        if inbox.ended || inbox.shut_down {
            drop(inbox);
            return source.stop();
        }
        inbox.added.push(Arc::downgrade(source));
        drop(inbox);
        self.wake.notify_one();
    }

    pub(super) fn poke(&self, id: u64) {
        let mut inbox = self.inbox();
        if !inbox.ended {
            // a set, so that a driver that is never polled leaves no heap of notes
            inbox.poked.insert(id);
        }
        drop(inbox);
        self.wake.notify_one();
    }

    /// Notes that there is one more who may bring jobs, or one less.
    pub(crate) fn brings_jobs(&self, yes: bool) {
        let mut inbox = self.inbox();
        inbox.bringing = if yes { inbox.bringing + 1 } else { inbox.bringing.saturating_sub(1) };
        drop(inbox);
        self.wake.notify_one();
    }

    /// Has the driver do this. Where there is no driver any more it is dropped.
    pub(crate) fn bring(&self, job: Job) {
        let mut inbox = self.inbox();
        if !inbox.ended && !inbox.shut_down {
            inbox.jobs.push(job);
            drop(inbox);
            self.wake.notify_one();
        }
    }
}

/// What is under way.
type Flight = Pin<Box<dyn Future<Output = Landed> + Send>>;

enum Landed {
    Job,
    Attempt {
        id: u64,
        number: u64,
        unproven: bool,
        /// `None` if it was broken off because nobody holds the keys any more.
        made: Option<Result<Box<Made>, Panicked>>,
    },
}

struct Panicked;

/// The driver at work.
struct Drive {
    hub: Arc<Hub>,
    sources: HashMap<u64, Place>,
    /// Who is to be fetched from next: those whose last attempt succeeded, and the others.
    queues: [BTreeSet<(Instant, u64)>; 2],
    jobs: Vec<Job>,
    flights: FuturesUnordered<Flight>,
    unproven_flights: usize,
    /// When to compare our timers with the clocks of all sources.
    next_look: Instant,
}

struct Place {
    source: Weak<Shared>,
    /// Where it stands in the queues.
    queued: Option<(usize, Instant)>,
}

impl Drive {
    fn new(hub: Arc<Hub>) -> Self {
        Self {
            hub,
            sources: HashMap::new(),
            queues: [BTreeSet::new(), BTreeSet::new()],
            jobs: Vec::new(),
            flights: FuturesUnordered::new(),
            unproven_flights: 0,
            next_look: Instant::now() + LONGEST_SLEEP,
        }
    }

    async fn run(mut self) {
        loop {
            if self.take_inbox() {
                return;
            }
            if self.next_look <= Instant::now() {
                self.look_at_all_clocks();
            }
            self.take_off();
            let hub = Arc::clone(&self.hub);
            let until = self.next_due().map_or(self.next_look, |due| due.min(self.next_look));
            tokio::select! {
                Some(landed) = self.flights.next() => self.land(landed),
                () = hub.wake.notified() => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    /// Reads what the driver was told; true if it is to end.
    fn take_inbox(&mut self) -> bool {
        let (added, poked, jobs, end, idle) = {
            let mut inbox = self.hub.inbox();
            let idle = inbox.closed && inbox.bringing == 0;
            (
                std::mem::take(&mut inbox.added),
                std::mem::take(&mut inbox.poked),
                std::mem::take(&mut inbox.jobs),
                inbox.shut_down,
                idle,
            )
        };
        for source in added {
            let Some(id) = source.upgrade().map(|source| source.id) else { continue };
            self.sources.insert(id, Place { source, queued: None });
            self.queue(id);
        }
        for id in poked {
            self.queue(id);
        }
        self.jobs.extend(jobs);
        let done = self.sources.is_empty() && self.flights.is_empty() && self.jobs.is_empty();
        end || (idle && done)
    }

    /// Puts a source where it belongs in the queues, or takes it out if nobody holds it any more.
    fn queue(&mut self, id: u64) {
        let Some(place) = self.sources.get_mut(&id) else { return };
        if let Some((queue, at)) = place.queued.take() {
            self.queues[queue].remove(&(at, id));
        }
        let Some(source) = place.source.upgrade().filter(|source| !source.is_stopped()) else {
            self.sources.remove(&id);
            return;
        };
        // none while an attempt is under way: it is queued again when that lands
        let Some(pause) = source.due_in() else { return };
        let queue = usize::from(source.is_unproven());
        let at = Instant::now() + pause;
        place.queued = Some((queue, at));
        self.queues[queue].insert((at, id));
    }

    /// Begins what is due, as far as there is room.
    fn take_off(&mut self) {
        while self.flights.len() < CONCURRENCY
            && let Some(job) = self.jobs.pop()
        {
            // a panic in it is its own affair
            let job = AssertUnwindSafe(job).catch_unwind();
            self.flights.push(Box::pin(job.map(|_| Landed::Job)));
        }
        for queue in [PROVEN, UNPROVEN] {
            while self.has_room(queue)
                && let Some(&(at, id)) = self.queues[queue].first()
                && at <= Instant::now()
            {
                let source = self.sources.get(&id).and_then(|place| place.source.upgrade());
                match source.and_then(|source| source.begin()) {
                    Some(attempt) => self.fly(id, queue == UNPROVEN, attempt),
                    // its clock is behind our timer, or it is gone
                    None => {
                        self.queue(id);
                        continue;
                    }
                }
                self.queue(id);
            }
        }
    }

    fn has_room(&self, queue: usize) -> bool {
        self.flights.len() < CONCURRENCY
            && (queue == PROVEN || self.unproven_flights < CONCURRENCY / 2)
    }

    fn fly(&mut self, id: u64, unproven: bool, attempt: Attempt) {
        let (number, gone) = (attempt.number, Arc::clone(&attempt.gone));
        self.unproven_flights += usize::from(unproven);
        self.flights.push(Box::pin(async move {
            let making = AssertUnwindSafe(attempt.make()).catch_unwind();
            let made = tokio::select! {
                made = making => Some(made.map(Box::new).map_err(|_| Panicked)),
                () = gone.notified() => None,
            };
            Landed::Attempt { id, number, unproven, made }
        }));
    }

    fn land(&mut self, landed: Landed) {
        let Landed::Attempt { id, number, unproven, made } = landed else { return };
        self.unproven_flights -= usize::from(unproven);
        let source = self.sources.get(&id).and_then(|place| place.source.upgrade());
        if let Some(source) = source {
            match made {
                Some(Ok(made)) => source.end(*made),
                Some(Err(Panicked)) => source.broke(number),
                None => {}
            }
        }
        self.queue(id);
    }

    /// When there is something to do next that there is room for.
    fn next_due(&self) -> Option<Instant> {
        let due = [PROVEN, UNPROVEN]
            .into_iter()
            .filter(|&queue| self.has_room(queue))
            .filter_map(|queue| self.queues[queue].first());
        due.map(|&(at, _)| at).min()
    }

    /// The clocks of the sources may be ahead of our timers: they go on while the machine is suspended.
    fn look_at_all_clocks(&mut self) {
        self.next_look = Instant::now() + LONGEST_SLEEP;
        let ids: Vec<_> = self.sources.keys().copied().collect();
        for id in ids {
            self.queue(id);
        }
    }
}

/// Places in `Drive::queues`.
const PROVEN: usize = 0;
const UNPROVEN: usize = 1;

/// Whoever waits is told, however the driver came to its end.
impl Drop for Drive {
    fn drop(&mut self) {
        let (added, jobs) = {
            let mut inbox = self.hub.inbox();
            inbox.ended = true;
            (std::mem::take(&mut inbox.added), std::mem::take(&mut inbox.jobs))
        };
        // not under the lock: what is dropped may speak to the hub
        drop(jobs);
        let placed = self.sources.drain().map(|(_, place)| place.source);
        for source in placed.chain(added).filter_map(|source| source.upgrade()) {
            source.stop();
        }
    }
}

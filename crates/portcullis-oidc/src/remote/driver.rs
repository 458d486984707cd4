//! The task at work: it begins attempts as they are due, and does jobs, as far as there is room.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::Instant;

use super::hub::{Hub, Job, News};
use super::shared::{Attempt, Made, Shared};

/// How many fetches are under way at once. Issuers that failed last, or never answered, get half of them at
/// most, so that however many hang, one that answers does not wait for them.
const CONCURRENCY: usize = 64;

/// How many jobs are done at once, beside the fetches: those of one issuer, if they hang, take no place of others.
const JOBS: usize = 32;

/// How long the driver sleeps at most. Timers and the clock may be of two minds after a suspend.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

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
pub(super) struct Drive {
    hub: Arc<Hub>,
    sources: HashMap<u64, Place>,
    /// Who is to be fetched from next: those whose last attempt succeeded, and the others.
    queues: [BTreeSet<(Instant, u64)>; 2],
    jobs: Vec<Job>,
    flights: FuturesUnordered<Flight>,
    /// How many of the flights are jobs.
    job_flights: usize,
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
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self {
            hub,
            sources: HashMap::new(),
            queues: [BTreeSet::new(), BTreeSet::new()],
            jobs: Vec::new(),
            flights: FuturesUnordered::new(),
            job_flights: 0,
            unproven_flights: 0,
            next_look: Instant::now() + LONGEST_SLEEP,
        }
    }

    pub(super) async fn run(mut self) {
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
                () = hub.told() => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    /// Reads what the driver was told; true if it is to end.
    fn take_inbox(&mut self) -> bool {
        let News { added, poked, jobs, shut_down, idle } = self.hub.take();
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
        shut_down || (idle && done)
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
        while self.job_flights < JOBS
            && let Some(job) = self.jobs.pop()
        {
            self.job_flights += 1;
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
        self.flights.len() - self.job_flights < CONCURRENCY
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
        let Landed::Attempt { id, number, unproven, made } = landed else {
            self.job_flights -= 1;
            return;
        };
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
        let (added, jobs) = self.hub.end();
        // not under the lock: what is dropped may speak to the hub
        drop(jobs);
        let placed = self.sources.drain().map(|(_, place)| place.source);
        for source in placed.chain(added).filter_map(|source| source.upgrade()) {
            source.stop();
        }
    }
}

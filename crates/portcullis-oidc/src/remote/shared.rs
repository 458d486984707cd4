//! What the handles, the verifiers and the driver share about one issuer.

use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis::Keys;
use portcullis::keys::{KeySource, KeyWait, Seek, WantedKey};
use portcullis_core::{BoxError, Clock, Timestamp};
use tokio::sync::{Notify, watch};

use super::attempt::{Fetched, Memory, Plan};
use super::hub::Hub;
use super::schedule::{Advice, Schedule};
use super::settings::Pace;
use super::status::KeyStatus;
use super::waiting::{MAX_WAITING, Waiting};
use crate::error::{FetchError, FetchErrorKind};

pub(super) struct Shared {
    pub(super) id: u64,
    /// The set, by a handle without a source: the source must not hold itself.
    pub(super) keys: Keys,
    clock: Arc<dyn Clock>,
    pace: Pace,
    max_wait: Duration,
    plan: Arc<Plan>,
    /// Until when the set is trusted, in milliseconds of [`Clock::elapsed`]. 0 before the first success.
    trusted_until: AtomicU64,
    waiting: Waiting,
    state: Mutex<State>,
    ended: watch::Sender<Ended>,
    /// Told when nobody holds the keys any more.
    gone: Arc<Notify>,
    hub: Arc<Hub>,
    hasher: RandomState,
}

struct State {
    schedule: Schedule,
    /// `None` while an attempt has it.
    memory: Option<Memory>,
    last_success: Option<Timestamp>,
    last_error: Option<FetchError>,
    metadata_error: Option<FetchError>,
    /// How many entries of the last set could not be used.
    skipped: usize,
    stopped: bool,
    draws: u64,
}

/// Which attempt ended last, and how.
#[derive(Clone, Debug, Default)]
pub(super) struct Ended {
    number: u64,
    error: Option<FetchError>,
    /// True once one succeeded.
    pub(super) fetched: bool,
    stopped: bool,
}

impl Ended {
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }
}

/// An attempt that is to be made.
pub(super) struct Attempt {
    plan: Arc<Plan>,
    memory: Memory,
    began: Duration,
    pub(super) number: u64,
    pub(super) gone: Arc<Notify>,
}

/// One that was made.
pub(super) struct Made {
    memory: Memory,
    began: Duration,
    number: u64,
    result: Result<Fetched, FetchError>,
}

impl Attempt {
    pub(super) async fn make(mut self) -> Made {
        let result = self.plan.attempt(&mut self.memory, self.began).await;
        Made { memory: self.memory, began: self.began, number: self.number, result }
    }
}

impl Shared {
    pub(super) fn new(
        id: u64,
        hub: Arc<Hub>,
        clock: Arc<dyn Clock>,
        pace: Pace,
        max_wait: Duration,
        plan: Plan,
    ) -> Self {
        let now = clock.elapsed();
        Self {
            id,
            keys: Keys::from(portcullis::keys::KeySet::default()),
            clock,
            pace,
            max_wait,
            plan: Arc::new(plan),
            trusted_until: AtomicU64::new(0),
            waiting: Waiting::default(),
            state: Mutex::new(State {
                schedule: Schedule::new(pace, now),
                memory: Some(Memory::default()),
                last_success: None,
                last_error: None,
                metadata_error: None,
                skipped: 0,
                stopped: false,
                draws: 0,
            }),
            ended: watch::Sender::default(),
            gone: Arc::default(),
            hub,
            hasher: RandomState::new(),
        }
    }

    /// Nothing panics while the lock is held; a state that was half written would be one attempt too many.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the log and errors call it.
    pub(super) fn address(&self) -> impl fmt::Display + '_ {
        self.plan.place.url()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Ended> {
        self.ended.subscribe()
    }

    /// How long until the next attempt, by the clock; `None` while one is under way or after a shutdown.
    pub(super) fn due_in(&self) -> Option<Duration> {
        let state = self.state();
        let due = state.schedule.due().filter(|_| !state.stopped)?;
        Some(due.saturating_sub(self.clock.elapsed()))
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// True if the last attempt failed or none has ended: nothing says that this issuer answers in time.
    pub(super) fn is_unproven(&self) -> bool {
        let state = self.state();
        state.schedule.failures() > 0 || state.last_success.is_none()
    }

    /// The attempt that is due, if one is.
    pub(super) fn begin(&self) -> Option<Attempt> {
        let now = self.clock.elapsed();
        let mut state = self.state();
        if state.stopped || !state.schedule.begin(now) {
            return None;
        }
        let memory = state.memory.take().unwrap_or_default();
        let (plan, gone) = (Arc::clone(&self.plan), Arc::clone(&self.gone));
        Some(Attempt { plan, memory, began: now, number: state.schedule.number(), gone })
    }

    /// Takes in what an attempt brought.
    pub(super) fn end(&self, made: Made) {
        let Made { memory, began, number, result } = made;
        let mut state = self.state();
        state.memory = Some(memory);
        let error = match result {
            Ok(fetched) => {
                self.accept(&mut state, began, fetched);
                None
            }
            Err(error) => {
                self.refuse(&mut state, error.clone());
                Some(error)
            }
        };
        drop(state);
        self.ended.send_modify(|ended| {
            ended.number = number;
            ended.fetched |= error.is_none();
            ended.error = error;
        });
    }

    /// An attempt broke off without a result: the client panicked.
    pub(super) fn broke(&self, number: u64) {
        let message = "the client that fetches panicked";
        let error = FetchError::new(FetchErrorKind::Transport, self.address(), message);
        let result = Err(error);
        self.end(Made { memory: Memory::default(), began: Duration::ZERO, number, result });
    }

    fn accept(&self, state: &mut State, began: Duration, fetched: Fetched) {
        let address = self.address();
        if let Some(set) = &fetched.set {
            state.skipped = set.skipped().len();
        }
        let changed =
            fetched.set.filter(|set| !set.has_same_keys(&self.keys.snapshot())).map(|set| {
                let counts = (set.keys().count(), set.skipped().len());
                self.keys.replace(set);
                counts
            });
        if let Some(error) = &fetched.metadata_error {
            let error: &dyn std::error::Error = error;
            tracing::warn!(target: "portcullis", error, "the metadata could not be fetched; the address of the keys that is known serves");
        }
        // it is as old as the question, not as the answer
        let until = began.saturating_add(self.pace.trust).as_millis();
        self.trusted_until.store(u64::try_from(until).unwrap_or(u64::MAX), Ordering::Release);
        let (now, jitter) = (self.clock.elapsed(), self.draw(state));
        let set = self.keys.snapshot();
        let has =
            |wanted: u64| set.keys().any(|key| self.hash(key.key_id(), key.algorithm()) == wanted);
        state.schedule.succeeded(now, fetched.freshness, jitter, has);
        state.last_success = Some(self.clock.now());
        state.last_error = None;
        // now that it is so: whoever reads it may rely on the keys
        match changed {
            Some((0, skipped)) => {
                tracing::warn!(target: "portcullis", %address, skipped, "the issuer has no keys any more");
            }
            Some((keys, skipped)) => {
                tracing::info!(target: "portcullis", %address, keys, skipped, "keys were fetched");
            }
            None => tracing::debug!(target: "portcullis", %address, "the keys are the same"),
        }
        state.metadata_error = fetched.metadata_error;
    }

    fn refuse(&self, state: &mut State, error: FetchError) {
        let (now, jitter) = (self.clock.elapsed(), self.draw(state));
        state.schedule.failed(now, error.retry_after(), jitter);
        let failures = state.schedule.failures();
        let logged: &dyn std::error::Error = &error;
        tracing::warn!(target: "portcullis", error = logged, failures, "keys could not be fetched");
        state.last_error = Some(error);
    }

    /// From 0 to 1, evenly.
    fn draw(&self, state: &mut State) -> f64 {
        state.draws += 1;
        (self.hasher.hash_one(state.draws) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn hash(&self, kid: Option<&str>, algorithm: portcullis::Algorithm) -> u64 {
        self.hasher.hash_one((kid, algorithm.name()))
    }

    pub(super) fn poke(&self) {
        self.hub.poke(self.id);
    }

    /// Asks for an attempt now, and gives what waits for its end.
    pub(super) fn request(&self) -> impl Future<Output = Result<(), FetchError>> + Send + 'static {
        let number = self.state().schedule.request();
        self.hub.poke(self.id);
        self.ended_with(number)
    }

    fn ended_with(
        &self,
        number: u64,
    ) -> impl Future<Output = Result<(), FetchError>> + Send + 'static {
        let mut ended = self.subscribe();
        let stopped = self.stopped_error();
        async move {
            let ended = ended.wait_for(|ended| ended.number >= number || ended.stopped).await;
            match ended {
                Ok(ended) if ended.number >= number => ended.error.clone().map_or(Ok(()), Err),
                _ => Err(stopped),
            }
        }
    }

    pub(super) fn stopped_error(&self) -> FetchError {
        let message = "nothing fetches keys any more: the task was shut down or never started";
        FetchError::new(FetchErrorKind::Stopped, self.address(), message)
    }

    /// No attempt is made any more. The present set is good until its time is over.
    pub(super) fn stop(&self) {
        self.state().stopped = true;
        self.gone.notify_one();
        self.ended.send_modify(|ended| ended.stopped = true);
        self.hub.poke(self.id);
    }

    pub(super) fn is_trusted(&self) -> bool {
        let until = Duration::from_millis(self.trusted_until.load(Ordering::Acquire));
        self.clock.elapsed() < until
    }

    /// Why the keys can't be relied on.
    #[cold]
    fn untrusted(&self) -> FetchError {
        let state = self.state();
        let fetched = state.last_success.is_some();
        let (kind, message) = if fetched {
            let message = format!(
                "the keys were not confirmed for longer than the {:?} that they are trusted",
                self.pace.trust
            );
            (FetchErrorKind::TrustExpired, message)
        } else {
            (FetchErrorKind::NotFetchedYet, "the keys were not fetched yet".to_owned())
        };
        match &state.last_error {
            Some(error) => {
                FetchError::caused(kind, self.address(), message, Box::new(error.clone()))
            }
            None if state.stopped => self.stopped_error(),
            None => FetchError::new(kind, self.address(), message),
        }
    }

    pub(super) fn status(&self) -> KeyStatus {
        let now = self.clock.elapsed();
        let set = self.keys.snapshot();
        let until = Duration::from_millis(self.trusted_until.load(Ordering::Acquire));
        let state = self.state();
        KeyStatus {
            address: self.address().to_string(),
            keys: set.keys().count(),
            skipped: state.skipped,
            generation: self.keys.generation(),
            trusted_for: until.saturating_sub(now),
            last_success: state.last_success,
            last_error: state.last_error.clone(),
            metadata_error: state.metadata_error.clone(),
            failures: state.schedule.failures(),
            next_refresh: (!state.stopped)
                .then(|| state.schedule.due())
                .flatten()
                .map(|due| due.saturating_sub(now)),
            stopped: state.stopped,
        }
    }
}

impl KeySource for Shared {
    fn check(&self) -> Result<(), BoxError> {
        if self.is_trusted() { Ok(()) } else { Err(self.untrusted().into()) }
    }

    fn seek(&self, wanted: &WantedKey<'_>) -> Seek {
        let key = self.hash(wanted.untrusted_key_id(), wanted.untrusted_algorithm());
        let now = self.clock.elapsed();
        let mut state = self.state();
        if state.stopped {
            return Seek::Unavailable(self.stopped_error().into());
        }
        let number = match state.schedule.seek(key, now) {
            Advice::NotThere => return Seek::NotThere,
            Advice::Unknown => {
                let error = state.last_error.clone().unwrap_or_else(|| self.stopped_error());
                return Seek::Unavailable(error.into());
            }
            Advice::WaitFor(number) => number,
        };
        drop(state);
        self.hub.poke(self.id);
        let Some(place) = self.waiting.place() else {
            let message = format!("more than {MAX_WAITING} requests wait for the keys already");
            let error = FetchError::new(FetchErrorKind::Timeout, self.address(), message);
            return Seek::Unavailable(error.into());
        };
        let (ended, limit) = (self.ended_with(number), self.max_wait);
        let too_late = FetchError::new(
            FetchErrorKind::Timeout,
            self.address(),
            format!("the issuer was not done answering within the {limit:?} that a request waits"),
        );
        Seek::Wait(KeyWait::new(async move {
            let _place = place;
            let ended = tokio::time::timeout(limit, ended).await;
            ended.unwrap_or(Err(too_late)).map_err(BoxError::from)
        }))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.gone.notify_one();
        self.hub.poke(self.id);
    }
}

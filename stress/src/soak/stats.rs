//! What was counted: answers by kind, and how long they took.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use super::log::LastLine;

/// Counts that all clients share.
#[derive(Debug)]
pub(crate) struct Stats {
    counts: Mutex<Counts>,
    log: LastLine,
}

/// The counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// By what the client did and what it was answered.
    pub(crate) answers: BTreeMap<(&'static str, String), u64>,
    /// While all was well.
    pub(crate) calm: Histogram,
    /// While a fault was on, or had just been.
    pub(crate) faulty: Histogram,
    /// The first answers that nothing explains.
    pub(crate) unexplained: Vec<String>,
    pub(crate) unexplained_count: u64,
}

impl Stats {
    pub(crate) fn new(log: LastLine) -> Self {
        Self { counts: Mutex::default(), log }
    }

    /// Counts one answer.
    pub(crate) fn add(&self, action: &'static str, answer: String, took: Duration, calm: bool) {
        self.with(|counts| {
            *counts.answers.entry((action, answer)).or_default() += 1;
            if calm { &mut counts.calm } else { &mut counts.faulty }.add(took);
        });
    }

    /// Notes an answer that nothing explains.
    pub(crate) fn unexplained(&self, what: String) {
        self.with(|counts| {
            counts.unexplained_count += 1;
            if counts.unexplained.len() < 10 {
                counts.unexplained.push(format!("{what}\n    the log: {}", self.log.get()));
            }
        });
    }

    /// The counts so far.
    pub(crate) fn counts(&self) -> Counts {
        self.with(|counts| counts.clone())
    }

    fn with<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Counts {
    /// How many answers there were whose text begins so.
    pub(crate) fn answered(&self, prefix: &str) -> u64 {
        let some = self.answers.iter().filter(|((_, answer), _)| answer.starts_with(prefix));
        some.map(|(_, count)| count).sum()
    }
}

/// Times, in buckets that are 6 % wide: it does not grow.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    worst: Duration,
}

/// Buckets to the doubling.
const STEPS: f64 = 12.0;

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; 400], worst: Duration::ZERO }
    }
}

impl Histogram {
    fn add(&mut self, time: Duration) {
        let micros = time.as_secs_f64() * 1e6;
        let at = (micros.max(1.0).log2() * STEPS) as usize;
        let last = self.buckets.len() - 1;
        self.buckets[at.min(last)] += 1;
        self.worst = self.worst.max(time);
    }

    /// The time that this share of all is within.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let total: u64 = self.buckets.iter().sum();
        let mut left = (total as f64 * share) as u64;
        for (at, &count) in self.buckets.iter().enumerate() {
            if count > left {
                return Duration::from_secs_f64(((at as f64 + 1.0) / STEPS).exp2() / 1e6);
            }
            left -= count;
        }
        self.worst
    }

    pub(crate) const fn worst(&self) -> Duration {
        self.worst
    }
}

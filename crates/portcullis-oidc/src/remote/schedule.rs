//! When to fetch next: a state machine without clock or network. Times are those of
//! [`Clock::elapsed`](portcullis_core::Clock::elapsed), which nobody sets.

use std::collections::HashMap;
use std::time::Duration;

use super::settings::Pace;
use crate::freshness::Freshness;

/// How many keys that are not there are remembered. Each was asked for while a fetch was under way, so
/// strangers fill this no faster than the cooldown lets them.
const MAX_MISSING: usize = 1024;

/// Where in its life an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    /// There is none; the next one begins when it is due.
    Idle,
    /// It is to begin as soon as there is room.
    Queued,
    UnderWay,
}

/// What is to be done about a key that is not in the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// Wait for the attempt of this number, which is under way or will be.
    WaitFor(u64),
    /// The issuer was asked: it does not have it.
    NotThere,
    /// The issuer could not be asked.
    Unknown,
}

/// The schedule of one issuer.
#[derive(Debug)]
pub(super) struct Schedule {
    pace: Pace,
    attempt: Attempt,
    /// When the next attempt begins, unless one is under way.
    due: Duration,
    /// The number of the attempt that is queued or under way, else of the last one. The first is 1.
    number: u64,
    /// How many attempts have failed in a row.
    failures: u32,
    /// Until when no unknown key causes an attempt.
    cooldown_until: Duration,
    /// What is being looked for by the attempt under way.
    sought: Vec<u64>,
    /// What the issuer was asked for and does not have.
    missing: HashMap<u64, Missing>,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    /// Until when it is not asked for again.
    until: Duration,
    times: u32,
}

impl Schedule {
    /// The first attempt is due at once.
    pub(super) fn new(pace: Pace, now: Duration) -> Self {
        Self {
            pace,
            attempt: Attempt::Idle,
            due: now,
            number: 0,
            failures: 0,
            cooldown_until: Duration::ZERO,
            sought: Vec::new(),
            missing: HashMap::new(),
        }
    }

    /// When the next attempt begins; `None` while one is under way.
    pub(super) fn due(&self) -> Option<Duration> {
        match self.attempt {
            Attempt::Idle => Some(self.due),
            Attempt::Queued => Some(Duration::ZERO),
            Attempt::UnderWay => None,
        }
    }

    /// The number of the attempt that is queued or under way, else of the last one.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// How many attempts have failed in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// True if the attempt that is due may begin now. It is then under way.
    pub(super) fn begin(&mut self, now: Duration) -> bool {
        match self.attempt {
            Attempt::UnderWay => return false,
            Attempt::Idle if now < self.due => return false,
            Attempt::Idle => self.number += 1,
            Attempt::Queued => {}
        }
        self.attempt = Attempt::UnderWay;
        true
    }

    /// Asks for an attempt as soon as possible, and gives the number of the one to wait for.
    pub(super) fn request(&mut self) -> u64 {
        if self.attempt == Attempt::Idle {
            self.attempt = Attempt::Queued;
            self.number += 1;
        }
        self.number
    }

    /// A token names this key, which is not in the set.
    pub(super) fn seek(&mut self, key: u64, now: Duration) -> Advice {
        if self.missing.get(&key).is_some_and(|missing| now < missing.until) {
            return Advice::NotThere;
        }
        if self.attempt == Attempt::Idle {
            if now < self.cooldown_until {
                // the set is as old as the cooldown at most, unless the issuer is out of reach
                return if self.failures == 0 { Advice::NotThere } else { Advice::Unknown };
            }
            // counts from here, so that it holds whatever becomes of the attempt
            self.cooldown_until = now.saturating_add(self.pace.cooldown);
        }
        if self.sought.len() < MAX_MISSING && !self.sought.contains(&key) {
            self.sought.push(key);
        }
        Advice::WaitFor(self.request())
    }

    /// The attempt brought a set, of which `has` says what is in it.
    pub(super) fn succeeded(
        &mut self,
        now: Duration,
        freshness: Freshness,
        jitter: f64,
        has: impl Fn(u64) -> bool,
    ) {
        self.attempt = Attempt::Idle;
        self.failures = 0;
        self.due = now.saturating_add(self.pace.interval(freshness, jitter));
        let sought = std::mem::take(&mut self.sought);
        for key in sought.into_iter().filter(|key| !has(*key)) {
            self.note_missing(key, now);
        }
    }

    /// The attempt failed. `retry_after` is when the issuer wants to be asked again, if it said so.
    pub(super) fn failed(&mut self, now: Duration, retry_after: Option<Duration>, jitter: f64) {
        self.attempt = Attempt::Idle;
        self.failures = self.failures.saturating_add(1);
        self.due = now.saturating_add(self.pace.backoff(self.failures, retry_after, jitter));
        self.sought.clear();
    }

    /// A key that is missed again and again is asked for ever less often.
    fn note_missing(&mut self, key: u64, now: Duration) {
        if self.missing.len() >= MAX_MISSING && !self.missing.contains_key(&key) {
            self.missing.retain(|_, missing| now < missing.until);
            if self.missing.len() >= MAX_MISSING {
                return;
            }
        }
        let missing = self.missing.entry(key).or_insert(Missing { until: now, times: 0 });
        missing.times = missing.times.saturating_add(1);
        missing.until = now.saturating_add(self.pace.absence(missing.times));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const COOLDOWN: Duration = Duration::from_secs(30);

    fn schedule() -> Schedule {
        Schedule::new(Pace::default(), SECOND)
    }

    /// One that has just fetched, at one second.
    fn fetched() -> Schedule {
        let mut schedule = schedule();
        assert!(schedule.begin(SECOND));
        schedule.succeeded(SECOND, Freshness::Unsaid, 0.0, |_| true);
        schedule
    }

    #[test]
    fn begins_at_once_and_then_when_it_is_due() {
        let mut schedule = schedule();
        assert_eq!(schedule.due(), Some(SECOND));
        assert!(!schedule.begin(Duration::ZERO));
        assert!(schedule.begin(SECOND));
        assert_eq!(schedule.due(), None);
        assert!(!schedule.begin(10 * SECOND), "one at a time");
        schedule.succeeded(2 * SECOND, Freshness::For(100 * SECOND), 0.0, |_| true);
        let due = schedule.due().unwrap();
        assert!(due > 2 * SECOND && due < 102 * SECOND, "{due:?}");
        assert!(!schedule.begin(due - Duration::from_nanos(1)));
        assert!(schedule.begin(due));
    }

    #[test]
    fn an_unknown_key_is_one_attempt_for_all_who_ask() {
        let mut schedule = fetched();
        let now = 40 * SECOND;
        assert_eq!(schedule.seek(1, now), Advice::WaitFor(2));
        assert_eq!(schedule.seek(1, now), Advice::WaitFor(2));
        assert_eq!(schedule.seek(2, now), Advice::WaitFor(2));
        assert!(schedule.begin(now));
        assert_eq!(schedule.seek(3, now), Advice::WaitFor(2));
        schedule.succeeded(now, Freshness::Unsaid, 0.0, |key| key == 1);
        for missing in [2, 3] {
            assert_eq!(schedule.seek(missing, now), Advice::NotThere);
        }
    }

    #[test]
    fn the_cooldown_holds_whatever_becomes_of_the_attempt() {
        for succeeds in [true, false] {
            let mut schedule = fetched();
            let now = 40 * SECOND;
            schedule.seek(1, now);
            assert!(schedule.begin(now));
            let expected = if succeeds {
                schedule.succeeded(now, Freshness::For(3600 * SECOND), 0.0, |_| false);
                Advice::NotThere
            } else {
                // so long that no attempt of the schedule comes between
                schedule.failed(now, Some(50 * SECOND), 0.0);
                Advice::Unknown
            };
            let last = now + COOLDOWN - Duration::from_nanos(1);
            for key in 100..10_100 {
                assert_eq!(schedule.seek(key, last), expected);
            }
            assert!(!schedule.begin(last), "none of them caused an attempt");
            assert_eq!(schedule.seek(7, now + COOLDOWN), Advice::WaitFor(3));
        }
    }

    #[test]
    fn a_key_that_is_not_there_is_asked_for_ever_less_often() {
        let mut schedule = fetched();
        let mut now = 40 * SECOND;
        let mut pauses = Vec::new();
        for _ in 0..8 {
            assert!(matches!(schedule.seek(1, now), Advice::WaitFor(_)));
            assert!(schedule.begin(now));
            schedule.succeeded(now, Freshness::For(100_000 * SECOND), 0.0, |_| false);
            let began = now;
            while schedule.seek(1, now) == Advice::NotThere {
                now += SECOND;
            }
            schedule.begin(now);
            schedule.succeeded(now, Freshness::For(100_000 * SECOND), 0.0, |_| true);
            // another may be sought meanwhile
            now += COOLDOWN;
            pauses.push((now - COOLDOWN - began).as_secs());
        }
        assert_eq!(&pauses[..4], [60, 120, 240, 480]);
        assert_eq!(pauses[7], Pace::default().max.as_secs());
    }

    #[test]
    fn a_failure_says_nothing_about_the_keys_that_were_sought() {
        let mut schedule = fetched();
        let now = 40 * SECOND;
        schedule.seek(1, now);
        schedule.begin(now);
        schedule.failed(now, None, 0.0);
        // the schedule's own attempt succeeds later, and was not for it
        assert!(schedule.begin(now + 10 * SECOND));
        schedule.succeeded(now + 10 * SECOND, Freshness::Unsaid, 0.0, |_| false);
        assert_eq!(schedule.seek(1, now + COOLDOWN), Advice::WaitFor(4));
    }

    #[test]
    fn failures_are_tried_again_after_ever_longer_pauses() {
        let mut schedule = schedule();
        let mut now = SECOND;
        let mut pauses = Vec::new();
        for n in 1..=10 {
            assert!(schedule.begin(now));
            schedule.failed(now, None, 1.0);
            assert_eq!(schedule.failures(), n);
            let due = schedule.due().unwrap();
            pauses.push((due - now).as_secs());
            now = due;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
        schedule.begin(now);
        schedule.succeeded(now, Freshness::Unsaid, 0.0, |_| true);
        assert_eq!(schedule.failures(), 0);
    }

    #[test]
    fn a_request_joins_what_is_under_way() {
        let mut schedule = fetched();
        assert_eq!(schedule.request(), 2);
        assert_eq!(schedule.request(), 2);
        assert_eq!(schedule.due(), Some(Duration::ZERO));
        assert!(schedule.begin(SECOND));
        assert_eq!(schedule.request(), 2);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut schedule = fetched();
        for round in 0..5u64 {
            let now = (round * 100 + 40) as u32 * SECOND;
            for key in 0..5_000 {
                schedule.seek(round * 10_000 + key, now);
                assert!(schedule.sought.len() <= MAX_MISSING);
            }
            assert!(schedule.begin(now));
            schedule.succeeded(now, Freshness::For(100_000 * SECOND), 0.0, |_| false);
            assert!(schedule.missing.len() <= MAX_MISSING && schedule.sought.is_empty());
        }
        // the old ones made room
        assert!(schedule.missing.keys().all(|key| *key >= 30_000));
    }

    #[test]
    fn what_is_not_there_is_remembered_of_so_many_keys_and_no_more() {
        let mut schedule = fetched();
        for (now, first) in [(40 * SECOND, 0), (71 * SECOND, 10_000)] {
            for key in first..first + 2_000 {
                schedule.seek(key, now);
            }
            assert!(schedule.begin(now));
            schedule.succeeded(now, Freshness::For(100_000 * SECOND), 0.0, |_| false);
            assert_eq!(schedule.missing.len(), MAX_MISSING);
        }
        // those that are remembered still stay, and can be missed again
        assert!(schedule.missing.keys().all(|key| *key < 10_000));
    }

    #[test]
    fn many_who_miss_one_key_miss_it_once() {
        let mut schedule = fetched();
        let now = 40 * SECOND;
        for _ in 0..100 {
            schedule.seek(1, now);
        }
        schedule.begin(now);
        schedule.succeeded(now, Freshness::Unsaid, 0.0, |_| false);
        assert_eq!(schedule.seek(1, now + 60 * SECOND - Duration::from_nanos(1)), Advice::NotThere);
        assert_eq!(schedule.seek(1, now + 60 * SECOND), Advice::WaitFor(3));
    }

    proptest! {
        /// However tokens come and whatever the issuer does: one attempt at a time, and between two that
        /// unknown keys cause lies the cooldown.
        #[test]
        fn unknown_keys_cause_at_most_one_attempt_a_cooldown(
            steps in proptest::collection::vec((0u64..40_000, 0u64..6, 0u8..4), 1..200),
        ) {
            let mut schedule = fetched();
            let mut now = SECOND;
            let mut caused: Vec<Duration> = Vec::new();
            for (millis, key, what) in steps {
                now += Duration::from_millis(millis);
                let due = schedule.due();
                match what {
                    0 | 1 => {
                        let before = schedule.number;
                        let advice = schedule.seek(key, now);
                        if schedule.number > before {
                            prop_assert_eq!(advice, Advice::WaitFor(before + 1));
                            if let Some(last) = caused.last() {
                                prop_assert!(now - *last >= COOLDOWN);
                            }
                            caused.push(now);
                        }
                    }
                    2 => prop_assert_eq!(schedule.begin(now), due.is_some_and(|due| due <= now)),
                    _ if due.is_none() && key < 3 => schedule.failed(now, None, 0.5),
                    _ if due.is_none() => schedule.succeeded(now, Freshness::Unsaid, 0.5, |_| false),
                    _ => {}
                }
            }
        }
    }
}

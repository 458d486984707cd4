//! What is known of each `kid`: a state machine without clock or network.

use std::collections::HashMap;
use std::time::Duration;

use portcullis::keys::{KeySet, VerificationKey};
use tokio::sync::watch;

use crate::error::FetchError;
use crate::remote::Pace;

/// How many new names may be looked for at once. One more is allowed in each tenth of the cooldown. A name that had
/// a key is not new: strangers can invent names, and must not keep the keys that are in use from being renewed.
const BURST: u32 = 10;

/// How many names without a key are remembered. Each cost one of the looks above.
const MAX_OTHERS: usize = 1024;

/// How a look for a key ended; `None` while it goes on.
pub(super) type Outcome = Option<Result<(), FetchError>>;

/// What is known of all names.
pub(super) struct Book {
    pace: Pace,
    max_keys: usize,
    entries: HashMap<Box<str>, Entry>,
    /// From when on there is room for [`BURST`] looks.
    full_at: Duration,
}

enum Entry {
    Held {
        key: VerificationKey,
        until: Duration,
    },
    /// It had a key, whose time is over.
    Lapsed {
        since: Duration,
    },
    Absent {
        until: Duration,
    },
    Failed {
        error: FetchError,
        failures: u32,
        until: Duration,
        lapsed: Option<Duration>,
    },
    Looking {
        failures: u32,
        outcome: watch::Sender<Outcome>,
        lapsed: Option<Duration>,
    },
}

impl Entry {
    /// Until when its key is or was good, for a name that had one.
    fn known_until(&self) -> Option<Duration> {
        match self {
            Self::Held { until, .. } => Some(*until),
            Self::Lapsed { since } => Some(*since),
            Self::Failed { lapsed, .. } | Self::Looking { lapsed, .. } => *lapsed,
            Self::Absent { .. } => None,
        }
    }
}

/// What to do about a name that is not in the set.
pub(super) enum Advice {
    /// Look for it. The receiver hears the outcome.
    Look(watch::Receiver<Outcome>),
    /// Somebody does.
    Join(watch::Receiver<Outcome>),
    NotThere,
    Failed(FetchError),
    /// Too many new names.
    TooMany,
}

/// What those who wait are to be told.
pub(super) struct Told {
    outcome: watch::Sender<Outcome>,
    result: Result<(), FetchError>,
}

impl Told {
    pub(super) fn tell(self) {
        self.outcome.send_replace(Some(self.result));
    }
}

impl Book {
    pub(super) fn new(trust: Duration, cooldown: Duration, max_keys: usize, now: Duration) -> Self {
        let pace = Pace { trust, cooldown, ..Pace::default() };
        Self { pace, max_keys, entries: HashMap::new(), full_at: now }
    }

    pub(super) fn seek(&mut self, kid: &str, now: Duration) -> Advice {
        let entry = self.entries.get(kid);
        let failures = match entry {
            // in the set, and still no key for this token: it is for another algorithm
            Some(Entry::Held { until, .. }) if now < *until => return Advice::NotThere,
            Some(Entry::Absent { until }) if now < *until => return Advice::NotThere,
            Some(Entry::Failed { error, until, .. }) if now < *until => {
                return Advice::Failed(error.clone());
            }
            Some(Entry::Looking { outcome, .. }) => return Advice::Join(outcome.subscribe()),
            Some(Entry::Failed { failures, .. }) => *failures,
            _ => 0,
        };
        let lapsed = entry.and_then(Entry::known_until);
        if lapsed.is_none() && (!self.make_room(now) || !self.allow(now)) {
            return Advice::TooMany;
        }
        let (outcome, receiver) = watch::channel(None);
        self.entries.insert(kid.into(), Entry::Looking { failures, outcome, lapsed });
        Advice::Look(receiver)
    }

    /// A bucket of looks: each moves the time at which it is full a tenth of the cooldown away.
    fn allow(&mut self, now: Duration) -> bool {
        let each = self.pace.cooldown / BURST;
        let full_at = self.full_at.max(now) + each;
        let allowed = full_at <= now + each * BURST;
        if allowed {
            self.full_at = full_at;
        }
        allowed
    }

    /// True if there is room for one more name.
    fn make_room(&mut self, now: Duration) -> bool {
        if self.entries.len() < self.max_keys + MAX_OTHERS {
            return true;
        }
        self.entries.retain(|_, entry| match entry {
            Entry::Absent { until } | Entry::Failed { until, lapsed: None, .. } => now < *until,
            // of these there are as many as keys may be held
            Entry::Held { .. } | Entry::Lapsed { .. } | Entry::Failed { .. } => true,
            Entry::Looking { .. } => true,
        });
        self.entries.len() < self.max_keys + MAX_OTHERS
    }

    /// A look ended: with a key, with the word that there is none, or without an answer. Who waits is told by
    /// the [`Told`] once the set has the key.
    #[must_use]
    pub(super) fn found(
        &mut self,
        kid: &str,
        result: Result<Option<VerificationKey>, FetchError>,
        began: Duration,
        now: Duration,
    ) -> Option<Told> {
        let Some(Entry::Looking { failures, outcome, lapsed }) = self.entries.remove(kid) else {
            return None;
        };
        let entry = match &result {
            Ok(Some(key)) => {
                self.evict(now);
                Entry::Held { key: key.clone(), until: began + self.pace.trust }
            }
            Ok(None) => Entry::Absent { until: now + self.pace.cooldown },
            Err(error) => {
                let failures = failures.saturating_add(1);
                let pause = self.pace.backoff(failures, error.retry_after(), 1.0);
                Entry::Failed { error: error.clone(), failures, until: now + pause, lapsed }
            }
        };
        self.entries.insert(kid.into(), entry);
        Some(Told { outcome, result: result.map(|_| ()) })
    }

    /// The name whose key was fetched first makes room for another, unless somebody looks for it.
    fn evict(&mut self, now: Duration) {
        self.drop_expired(now);
        while self.entries.values().filter_map(Entry::known_until).count() >= self.max_keys {
            let idle = self.entries.iter().filter(|(_, e)| !matches!(e, Entry::Looking { .. }));
            let oldest = idle.filter_map(|(kid, entry)| Some((entry.known_until()?, kid)));
            let Some(kid) = oldest.min().map(|(_, kid)| kid.clone()) else { return };
            self.entries.remove(&kid);
        }
    }

    /// Drops the keys whose time is over.
    pub(super) fn drop_expired(&mut self, now: Duration) {
        for entry in self.entries.values_mut() {
            if let Entry::Held { until, .. } = *entry
                && until <= now
            {
                *entry = Entry::Lapsed { since: until };
            }
        }
    }

    /// The keys that are held, and when the first of them has to go.
    pub(super) fn set(&self) -> (KeySet, Option<Duration>) {
        let held = self.entries.values().filter_map(|entry| match entry {
            Entry::Held { key, until } => Some((key.clone(), *until)),
            _ => None,
        });
        let (keys, times): (Vec<_>, Vec<_>) = held.unzip();
        (KeySet::new(keys), times.into_iter().min())
    }
}

#[cfg(test)]
mod tests {
    use portcullis::Algorithm;

    use super::*;
    use crate::error::FetchErrorKind;

    const SECOND: Duration = Duration::from_secs(1);

    fn book() -> Book {
        Book::new(100 * SECOND, 30 * SECOND, 2, Duration::ZERO)
    }

    fn key(kid: &str) -> VerificationKey {
        VerificationKey::from_secret(Algorithm::HS256, [7u8, 8].repeat(32))
            .unwrap()
            .with_key_id(kid)
    }

    fn failure() -> FetchError {
        FetchError::new(FetchErrorKind::Timeout, "here", "late")
    }

    fn found(
        book: &mut Book,
        kid: &str,
        result: Result<Option<VerificationKey>, FetchError>,
        began: Duration,
        now: Duration,
    ) {
        book.found(kid, result, began, now).expect("it is looked for").tell();
    }

    #[track_caller]
    fn look(book: &mut Book, kid: &str, now: Duration) -> watch::Receiver<Outcome> {
        match book.seek(kid, now) {
            Advice::Look(outcome) => outcome,
            _ => panic!("{kid} is not looked for"),
        }
    }

    fn kids(book: &Book) -> Vec<String> {
        let mut kids: Vec<_> =
            book.set().0.keys().map(|key| key.key_id().unwrap().to_owned()).collect();
        kids.sort();
        kids
    }

    #[test]
    fn one_look_for_all_who_ask_and_all_hear_the_outcome() {
        let mut book = book();
        let first = look(&mut book, "a", SECOND);
        let Advice::Join(second) = book.seek("a", SECOND) else { panic!("joins") };
        assert!(first.borrow().is_none());
        found(&mut book, "a", Ok(Some(key("a"))), SECOND, 2 * SECOND);
        for outcome in [first, second] {
            assert!(matches!(*outcome.borrow(), Some(Ok(()))));
        }
        assert_eq!(kids(&book), ["a"]);
        assert_eq!(book.set().1, Some(101 * SECOND), "counted from the question");
        // the set has it, so the token wants another algorithm
        assert!(matches!(book.seek("a", 3 * SECOND), Advice::NotThere));
    }

    #[test]
    fn what_is_not_there_is_not_asked_for_again_for_a_while() {
        let mut book = book();
        look(&mut book, "a", SECOND);
        found(&mut book, "a", Ok(None), SECOND, SECOND);
        assert!(matches!(book.seek("a", 30 * SECOND), Advice::NotThere));
        look(&mut book, "a", 31 * SECOND);
    }

    #[test]
    fn a_failure_is_tried_again_after_ever_longer_pauses() {
        let mut book = book();
        let mut now = SECOND;
        for pause in [1, 2, 4, 8] {
            look(&mut book, "a", now);
            found(&mut book, "a", Err(failure()), now, now);
            now += pause * SECOND;
            assert!(matches!(book.seek("a", now - SECOND / 2), Advice::Failed(_)), "{pause}");
        }
    }

    #[test]
    fn new_names_are_looked_for_ten_at_once_and_then_slowly() {
        let mut book = book();
        for n in 0..10 {
            look(&mut book, &format!("k{n}"), SECOND);
        }
        for n in 10..10_000 {
            assert!(matches!(book.seek(&format!("k{n}"), SECOND), Advice::TooMany), "{n}");
        }
        look(&mut book, "later", 4 * SECOND);
        assert!(matches!(book.seek("another", 4 * SECOND), Advice::TooMany));
    }

    #[test]
    fn keys_are_bounded_in_number_and_time() {
        let mut book = book();
        for (at, kid) in [(1, "a"), (2, "b"), (3, "c")] {
            look(&mut book, kid, at * SECOND);
            found(&mut book, kid, Ok(Some(key(kid))), at * SECOND, at * SECOND);
        }
        assert_eq!(kids(&book), ["b", "c"]);
        assert_eq!(book.set().1, Some(102 * SECOND), "when the first has to go");
        book.drop_expired(102 * SECOND - Duration::from_nanos(1));
        assert_eq!(kids(&book), ["b", "c"]);
        book.drop_expired(102 * SECOND);
        assert_eq!(kids(&book), ["c"]);
        look(&mut book, "b", 102 * SECOND);
    }

    #[test]
    fn a_name_that_had_a_key_is_looked_for_whatever_strangers_do() {
        let mut book = book();
        look(&mut book, "a", SECOND);
        found(&mut book, "a", Ok(Some(key("a"))), SECOND, SECOND);
        let mut now = 101 * SECOND;
        // whether or not it was seen that its time is over
        for dropped in [false, true] {
            if dropped {
                book.drop_expired(now);
                assert_eq!(kids(&book), [""; 0]);
            }
            // as many as come, and no room for another
            let mut strangers = 0;
            while !matches!(book.seek(&format!("{now:?} {strangers}"), now), Advice::TooMany) {
                strangers += 1;
            }
            look(&mut book, "a", now);
            assert!(matches!(book.seek("a", now), Advice::Join(_)));
            // nor does a failure make it a stranger
            found(&mut book, "a", Err(failure()), now, now);
            assert!(matches!(book.seek("a", now), Advice::Failed(_)));
            assert!(!book.allow(now + SECOND), "the strangers have had it all");
            look(&mut book, "a", now + SECOND);
            found(&mut book, "a", Ok(Some(key("a"))), now, now + SECOND);
            assert_eq!(kids(&book), ["a"]);
            now += 101 * SECOND;
        }
        // one that was withdrawn is nobody any more
        look(&mut book, "a", now);
        found(&mut book, "a", Ok(None), now, now);
        while book.allow(now + 30 * SECOND) {}
        assert!(matches!(book.seek("a", now + 30 * SECOND), Advice::TooMany));
    }

    #[test]
    fn a_name_that_somebody_looks_for_makes_room_for_none() {
        let mut book = book();
        for kid in ["a", "b"] {
            look(&mut book, kid, SECOND);
            found(&mut book, kid, Ok(Some(key(kid))), SECOND, SECOND);
        }
        let now = 200 * SECOND;
        for kid in ["a", "b", "c"] {
            look(&mut book, kid, now);
        }
        found(&mut book, "c", Ok(Some(key("c"))), now, now);
        // whoever waits for these hears of them
        found(&mut book, "a", Ok(Some(key("a"))), now, now);
        found(&mut book, "b", Ok(Some(key("b"))), now + SECOND, now + SECOND);
        assert_eq!(book.set().0.keys().count(), 2);
    }

    #[test]
    fn names_that_had_a_key_are_as_many_as_keys_may_be_held() {
        let mut book = book();
        for n in 1..200u32 {
            let (kid, now) = (n.to_string(), n * 101 * SECOND);
            look(&mut book, &kid, now);
            found(&mut book, &kid, Ok(Some(key(&kid))), now, now);
            assert_eq!(kids(&book), [kid.as_str()]);
            assert!(book.entries.len() <= 2, "{}", book.entries.len());
        }
        // also those for which somebody looks, or that can't be had
        for (now, result) in [(30_000, Ok(Some(key("x")))), (40_000, Err(failure()))] {
            let now = now * SECOND;
            book.drop_expired(now);
            book.full_at = now;
            let lapsed: Vec<_> = book.entries.keys().cloned().collect();
            for kid in &lapsed {
                look(&mut book, kid, now);
                found(&mut book, kid, result.clone(), now, now);
            }
            assert!(book.entries.len() <= 2);
        }
    }

    #[test]
    fn names_without_a_key_are_bounded() {
        let mut book = book();
        look(&mut book, "known", Duration::ZERO);
        found(&mut book, "known", Ok(Some(key("known"))), Duration::ZERO, Duration::ZERO);
        book.drop_expired(100 * SECOND);
        for n in 0..5_000u32 {
            let now = 4 * n * SECOND;
            // without this they would all be forgotten in time
            book.pace.cooldown = 30 * SECOND;
            if let Advice::Look(_) = book.seek(&n.to_string(), now) {
                book.pace.cooldown = Duration::from_secs(1_000_000);
                found(&mut book, &n.to_string(), Ok(None), now, now);
            }
        }
        assert_eq!(book.entries.len(), 2 + MAX_OTHERS);
        assert!(matches!(book.seek("new", 50_000 * SECOND), Advice::TooMany));
        // a name that had a key has its place among them
        let now = 2_000_000 * SECOND;
        assert!(matches!(book.seek("new", now), Advice::Look(_)));
        assert_eq!(book.entries.len(), 2, "the others were forgotten in time");
        look(&mut book, "known", now);
    }
}

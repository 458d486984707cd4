//! Slows repeated failures to sign in.
//!
//! Failures are counted per account *and* address, so that nobody can lock alice out by failing in
//! her name from somewhere else; and per address over all accounts, so that nobody can try one
//! password on every account. An account that signed in from an address before has nothing to fear
//! from the other accounts that are tried there.
//!
//! Each count is a leaky bucket, of which only the moment is kept at which it will be empty. Memory
//! is bounded: when a table is full, the emptiest bucket makes room.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex as Gate, MutexGuard as GateGuard};

/// Five wrong passwords at once, then one every half minute.
const PER_PAIR: Bucket = Bucket { burst: 5, interval: Duration::from_secs(30) };
/// A hundred at once, then one every two seconds: an office behind one address has many typists.
const PER_ADDRESS: Bucket = Bucket { burst: 100, interval: Duration::from_secs(2) };
/// How long an account is known at an address after it signed in there.
const KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
/// The size of each table, in entries.
const CAPACITY: usize = 10_000;
/// How many pairs of account and address are told apart while they wait for their turn.
const GATES: usize = 256;

/// The counts of failures.
pub(crate) struct Slowdown {
    seed: RandomState,
    counts: Mutex<Counts>,
    gates: Box<[Gate<()>]>,
}

impl Slowdown {
    pub(crate) fn new() -> Self {
        Self {
            seed: RandomState::new(),
            counts: Mutex::new(Counts::default()),
            gates: (0..GATES).map(|_| Gate::new(())).collect(),
        }
    }

    /// Whose turn it is: attempts of one pair go one after the other. Otherwise many at once would
    /// all pass before the first has failed, or good ones would count as failures to the others.
    pub(crate) async fn turn(&self, account: &str, address: IpAddr) -> Turn<'_> {
        let address = network(address);
        let keys = Keys {
            pair: self.seed.hash_one((account, address)),
            address: self.seed.hash_one(address),
        };
        let gate = &self.gates[keys.pair as usize % GATES];
        Turn { keys, slowdown: self, _gate: gate.lock().await }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // the counts are consistent between any two statements
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to try once.
pub(crate) struct Turn<'a> {
    keys: Keys,
    slowdown: &'a Slowdown,
    _gate: GateGuard<'a, ()>,
}

impl<'a> Turn<'a> {
    /// Counts a failure ahead, so that an attempt that is broken off counts too. If too many failed,
    /// returns the time to wait.
    pub(crate) fn begin(self) -> Result<Attempt<'a>, Duration> {
        self.slowdown.counts().begin(self.keys, Instant::now())?;
        Ok(Attempt(self))
    }
}

/// An attempt that has failed unless it is told otherwise.
pub(crate) struct Attempt<'a>(Turn<'a>);

impl Attempt<'_> {
    /// The password was right.
    pub(crate) fn succeeded(self) {
        self.0.slowdown.counts().succeeded(self.0.keys, Instant::now());
    }

    /// Nobody knows whether the password was right: it was not looked at.
    pub(crate) fn forgive(self) {
        self.0.slowdown.counts().forgive(self.0.keys);
    }
}

/// What is one customer as far as addresses go: an IPv6 customer is given a /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

/// Names are kept as keyed hashes: short, and nothing to read in a memory dump.
#[derive(Clone, Copy)]
struct Keys {
    pair: u64,
    address: u64,
}

#[derive(Default)]
struct Counts {
    pairs: HashMap<u64, Instant>,
    addresses: HashMap<u64, Instant>,
    /// Pairs that signed in, until when that is remembered.
    known: HashMap<u64, Instant>,
}

impl Counts {
    fn begin(&mut self, keys: Keys, now: Instant) -> Result<(), Duration> {
        let pair = PER_PAIR.wait(self.pairs.get(&keys.pair), now);
        let address = PER_ADDRESS.wait(self.addresses.get(&keys.address), now);
        let known = self.known.get(&keys.pair).is_some_and(|until| *until > now);
        let wait = if known { pair } else { pair.max(address) };
        if wait > Duration::ZERO {
            return Err(wait);
        }
        PER_PAIR.add(&mut self.pairs, keys.pair, now);
        PER_ADDRESS.add(&mut self.addresses, keys.address, now);
        Ok(())
    }

    fn succeeded(&mut self, keys: Keys, now: Instant) {
        self.pairs.remove(&keys.pair);
        // one good password wipes out no other failures of the address
        PER_ADDRESS.take(&mut self.addresses, keys.address);
        insert(&mut self.known, keys.pair, now + KNOWN_FOR, now);
    }

    fn forgive(&mut self, keys: Keys) {
        PER_PAIR.take(&mut self.pairs, keys.pair);
        PER_ADDRESS.take(&mut self.addresses, keys.address);
    }
}

/// A bucket that holds `burst` failures and loses one every `interval`. An entry is the moment at
/// which it is empty.
struct Bucket {
    burst: u32,
    interval: Duration,
}

impl Bucket {
    /// How long until there is room for one more.
    fn wait(&self, empty_at: Option<&Instant>, now: Instant) -> Duration {
        let full = self.interval * (self.burst - 1);
        empty_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now).saturating_sub(full))
    }

    fn add(&self, table: &mut HashMap<u64, Instant>, key: u64, now: Instant) {
        let empty_at = table.get(&key).map_or(now, |at| now.max(*at));
        insert(table, key, empty_at + self.interval, now);
    }

    fn take(&self, table: &mut HashMap<u64, Instant>, key: u64) {
        if let Some(empty_at) = table.get_mut(&key) {
            *empty_at = empty_at.checked_sub(self.interval).unwrap_or(*empty_at);
        }
    }
}

/// Inserts, having made room: what is over goes, and if nothing is, then what will be over first.
fn insert(table: &mut HashMap<u64, Instant>, key: u64, until: Instant, now: Instant) {
    if table.len() >= CAPACITY && !table.contains_key(&key) {
        table.retain(|_, until| *until > now);
        if table.len() >= CAPACITY
            && let Some(first) = table.iter().min_by_key(|(_, until)| **until).map(|(key, _)| *key)
        {
            table.remove(&first);
        }
    }
    table.insert(key, until);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE_HERE: Keys = Keys { pair: 1, address: 100 };
    const ALICE_THERE: Keys = Keys { pair: 2, address: 200 };
    const BOB_HERE: Keys = Keys { pair: 3, address: 100 };

    fn fail(counts: &mut Counts, keys: Keys, times: u32, now: Instant) {
        for n in 0..times {
            assert!(counts.begin(keys, now).is_ok(), "attempt {n}");
        }
    }

    #[test]
    fn the_sixth_failure_of_a_pair_waits_and_no_other_pair_does() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        fail(&mut counts, ALICE_HERE, 5, now);
        let wait = counts.begin(ALICE_HERE, now).unwrap_err();
        assert_eq!(wait, PER_PAIR.interval);
        assert!(counts.begin(ALICE_THERE, now).is_ok());
        assert!(counts.begin(BOB_HERE, now).is_ok());
        // refused attempts make nothing worse
        assert_eq!(counts.begin(ALICE_HERE, now), Err(wait));
        assert!(counts.begin(ALICE_HERE, now + wait).is_ok());
        assert!(counts.begin(ALICE_HERE, now + wait).is_err());
    }

    #[test]
    fn a_success_clears_the_pair() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        fail(&mut counts, ALICE_HERE, 5, now);
        counts.succeeded(ALICE_HERE, now);
        fail(&mut counts, ALICE_HERE, 5, now);
    }

    #[test]
    fn what_is_forgiven_does_not_count() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        for _ in 0..1000 {
            fail(&mut counts, ALICE_HERE, 1, now);
            counts.forgive(ALICE_HERE);
        }
    }

    #[test]
    fn an_address_cannot_try_every_account() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        counts.succeeded(ALICE_HERE, now);
        for pair in 0..u64::from(PER_ADDRESS.burst) {
            fail(&mut counts, Keys { pair: 1000 + pair, address: 100 }, 1, now);
        }
        assert!(counts.begin(BOB_HERE, now).is_err());
        assert!(counts.begin(ALICE_THERE, now).is_ok());
        // alice is known here
        assert!(counts.begin(ALICE_HERE, now).is_ok());
    }

    #[test]
    fn a_success_does_not_wipe_out_the_failures_of_an_address() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        for pair in 0..u64::from(PER_ADDRESS.burst) {
            fail(&mut counts, Keys { pair: 1000 + pair, address: 100 }, 1, now);
            if counts.begin(BOB_HERE, now).is_ok() {
                counts.succeeded(BOB_HERE, now);
            }
        }
        assert!(counts.begin(Keys { pair: 5000, address: 100 }, now).is_err());
    }

    #[test]
    fn memory_is_bounded_and_the_fullest_bucket_stays() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        fail(&mut counts, ALICE_HERE, 5, now);
        for n in 0..CAPACITY as u64 + 10 {
            fail(&mut counts, Keys { pair: 1000 + n, address: 1000 + n }, 1, now);
        }
        assert_eq!(counts.pairs.len(), CAPACITY);
        assert_eq!(counts.addresses.len(), CAPACITY);
        assert!(counts.begin(ALICE_HERE, now).is_err());
    }

    #[test]
    fn an_ipv6_customer_is_one_address() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}

//! `memory/revocations/…` and `peek/…`: what revocations in memory take, and what asking them costs.

use std::hint::black_box;
use std::pin::pin;
use std::process::Command;
use std::task::{Context, Poll, Waker};

use anyhow::{Context as _, Result, bail};
use portcullis::{
    Denylist, Entry, MemoryStore, Revocation, Revoke, Target, Timestamp, TokenHash, TokenView,
};
use portcullis_core::state::Limits;

use crate::case::{Case, Contestant, Counter, Outcome};
use crate::world::{ISSUER, World};

/// How many, what it is called, and the most bytes that it may take.
const SIZES: [(usize, &str, f64); 2] = [(1_000_000, "1M", 48e6), (10_000_000, "10M", 400e6)];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (count, name, most) in SIZES {
        let case = format!("memory/revocations/{name}");
        cases.push(Case::fixed(case, move |world| memory(world, count, most)));
    }
    cases.push(Case::new("peek/views", |_| Ok(Views::new(10_000_000))));
    for (count, name, _) in SIZES {
        for (what, present) in [("absent", false), ("present", true)] {
            for (suffix, at_work) in [("", true), ("/cold", false)] {
                let make = move |world: &World| Ok(Peek::new(world, count, present, at_work));
                let case = Case::new(format!("peek/{what}/{name}{suffix}"), make);
                cases.push(case.minus("peek/views"));
            }
        }
    }
    cases
}

/// A store with this many denied tokens.
pub(crate) fn filled(count: usize) -> MemoryStore {
    let store = MemoryStore::builder().with_limits(Limits::unlimited()).build();
    let exp = Timestamp::from_secs(4_000_000_000);
    let mut id = Id::new();
    for n in 0..count {
        let entry = Entry::deny(Target::token(ISSUER, id.write(n))).expiring_at(exp);
        let done = pin!(store.revoke(entry)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(done, Poll::Ready(Ok(_))), "memory is written at once");
    }
    store
}

/// A `jti`, as long as a UUID. It is written over the one before: a server has just read it from a request.
struct Id([u8; 36]);

impl Id {
    fn new() -> Self {
        Self(*b"xxxxxxxx-7c1e-4b52-9f60-xxxxxxxxxxxx")
    }

    fn write(&mut self, n: usize) -> &str {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = |to: std::ops::Range<usize>, mut number: usize| {
            for place in self.0[to].iter_mut().rev() {
                *place = DIGITS[number & 15];
                number >>= 4;
            }
        };
        hex(0..8, n);
        hex(24..36, n.wrapping_mul(0x9e37_79b9));
        std::str::from_utf8(&self.0).expect("digits and hyphens")
    }
}

/// Numbers below a limit, as good as random (splitmix64).
struct Random {
    state: u64,
    below: usize,
}

impl Random {
    fn next(&mut self) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((u128::from(z) * self.below as u128) >> 64) as usize
    }
}

/// Makes the views that the others ask about, and asks nothing. Each has the hash of its identifier, as that of a token
/// that was asked about before has.
///
/// Identifiers are written some time before they are asked about. A processor can't read at once as a word what it
/// has just written as bytes: each question would wait until the one before is done with.
struct Views {
    // with their views they leave room in the nearest cache
    room: [Id; 64],
    random: Random,
}

impl Views {
    fn new(below: usize) -> Self {
        Self { room: std::array::from_fn(|_| Id::new()), random: Random { state: 0, below } }
    }

    /// Does this with so many views of random identifiers, from that of this number on.
    fn each(&mut self, count: usize, first: usize, mut ask: impl FnMut(&TokenView<'_>)) {
        let Self { room, random } = self;
        for done in (0..count).step_by(room.len()) {
            let tokens = room.each_mut().map(|id| {
                let id = id.write(first + random.next());
                (id, TokenHash::of(ISSUER, id))
            });
            let view = |(id, hash)| TokenView::new(ISSUER).with_token_id(id).with_token_hash(hash);
            let views = tokens.each_ref().map(|(id, hash)| view((id, hash)));
            black_box(&views).iter().take(count - done).for_each(&mut ask);
        }
    }
}

impl Contestant for Views {
    fn run(&mut self, operations: usize) {
        self.each(operations, 0, |view| {
            black_box(view);
        });
    }
}

/// Fills a store in the counting binary, which is a process of its own.
fn memory(world: &World, count: usize, most: f64) -> Result<Outcome> {
    let Some(counting) = &world.counting else { return Ok(Outcome::default()) };
    let count = world.many(count);
    let output = Command::new(counting).args(["fill", &count.to_string()]).output()?;
    if !output.status.success() {
        bail!("filling: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    let (kept, peak) = text.trim().split_once('\t').context("two numbers")?;
    let (kept, peak): (f64, f64) = (kept.parse()?, peak.parse()?);
    Ok(Outcome {
        ratio: Some(kept / most),
        note: format!(
            "{:.1} MB, {:.1} bytes an entry, {:.1} MB at most while it was filled",
            kept / 1e6,
            kept / count as f64,
            peak / 1e6
        ),
        ..Outcome::default()
    })
}

/// Prints the bytes that a store of so many entries keeps, and the most that it had.
pub(crate) fn fill(count: usize, counter: Counter) {
    let mut store = None;
    let counted = counter(&mut || store = Some(filled(count)));
    println!("{}\t{}", counted.bytes, counted.most_bytes);
}

struct Peek {
    rule: Denylist<MemoryStore>,
    /// The first number of an identifier that is asked about: of those that are denied, or beyond them.
    first: usize,
    present: bool,
    views: Views,
    /// The store is asked all the time. Otherwise what other cases do in between has taken the processor's
    /// caches when a slice begins.
    at_work: bool,
}

impl Peek {
    fn new(world: &World, count: usize, present: bool, at_work: bool) -> Self {
        let count = world.many(count);
        let first = if present { 0 } else { count };
        let rule = Denylist::new(world.filled(count));
        let views = Views::new(count);
        Self { rule, first, present, views, at_work }
    }
}

impl Contestant for Peek {
    fn prepare(&mut self) {
        if self.at_work {
            // enough to come by all of the filter's memory
            self.run(self.views.random.below.min(1 << 18));
        }
    }

    fn run(&mut self, operations: usize) {
        let Self { rule, first, present, views, .. } = self;
        views.each(operations, *first, |view| {
            let verdict = black_box(rule.peek(view)).expect("memory knows");
            assert_ne!(verdict.is_allowed(), *present);
        });
    }
}

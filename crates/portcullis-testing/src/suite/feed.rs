//! Stores that can be followed through [`Feed`].

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use portcullis_core::feed::{Changes, Epoch, Feed, FeedError};
use portcullis_core::state::{Limits, State};
use portcullis_core::{
    Clock, Entry, Position, Revoke, StoreErrorKind, Target, Timestamp, TokenView,
};

use super::{
    ISSUER, LOOKALIKES, MAX_LIFETIME, OTHER_ISSUER, SLACK, START, Setup, assert_refused, done,
    token,
};

cases! {
    $
    /// Tests a store that is a [`Feed`](portcullis_core::feed::Feed) and can be written to through
    /// [`Revoke`](portcullis_core::Revoke): `feed_tests!(make)` with an
    /// `async fn make(setup: Setup) -> S` that makes one that is initialised and empty: without the
    /// cutoff for everything that a new store begins with.
    ///
    /// See [`suite`](crate::suite).
    feed_tests, feed, make: (Setup) -> S: (Feed + Revoke) {
        a_snapshot_holds_everything_that_was_written_before_it,
        a_round_returns_everything_that_was_acknowledged_before_it,
        a_round_without_writes_is_complete_and_empty,
        a_snapshot_of_many_pages_is_whole,
        a_round_of_many_reads_is_whole_and_ends,
        what_is_written_while_a_snapshot_is_read_is_in_the_log_after_it,
        reading_again_from_the_same_place_returns_the_same_again,
        two_readers_do_not_disturb_each_other,
        lookalikes_are_told_apart,
        times_survive_to_the_millisecond,
        an_entry_is_to_be_kept_until_its_tokens_are_dead,
        what_was_merged_in_the_store_is_as_strict_in_the_copy,
        too_many_denials_of_a_subject_arrive_as_a_cutoff,
        a_write_that_was_refused_does_not_arrive,
        a_wake_up_comes_only_before_there_is_something_to_read,
    }
}

/// A copy made of nothing but what the feed returns.
pub(super) struct Copy<S: Feed> {
    pub(super) state: State,
    pub(super) epoch: Epoch,
    pub(super) cursor: S::Cursor,
    pub(super) position: Option<Position>,
    now: Timestamp,
}

impl<S: Feed> Copy<S> {
    /// A snapshot, and no log yet.
    pub(super) async fn of(store: &S, setup: &Setup) -> Self {
        let mut copy = Self::begin(store, setup).await;
        copy.take_snapshot(store).await;
        copy
    }

    async fn begin(store: &S, setup: &Setup) -> Self {
        let (epoch, cursor) = told(store.start().await).into_parts();
        let state = State::new(Limits::unlimited());
        Self { state, epoch, cursor, position: None, now: setup.clock.now() }
    }

    async fn take_snapshot(&mut self, store: &S) {
        let mut page = None;
        loop {
            let chunk = told(store.snapshot(page.as_ref()).await);
            for change in chunk.changes().iter() {
                done(self.state.apply(&change, self.now));
            }
            page = chunk.next().cloned();
            if page.is_none() {
                break;
            }
        }
    }

    /// One read; true if its round is complete.
    pub(super) async fn try_read(&mut self, store: &S) -> Result<bool, FeedError> {
        let batch = store.read(&self.cursor).await?;
        for change in batch.changes().iter() {
            done(self.state.apply(&change, self.now));
        }
        assert_eq!(*batch.epoch(), self.epoch, "the epoch stays");
        assert!(self.position <= Some(batch.position()), "positions do not go back");
        self.position = Some(batch.position());
        self.cursor = batch.cursor().clone();
        Ok(!batch.has_more())
    }

    pub(super) async fn round(&mut self, store: &S) {
        while !told(self.try_read(store).await) {}
    }

    pub(super) fn denies(&self, target: &Target<'_>) -> bool {
        self.state.is_denied(target, || self.now)
    }
}

pub(super) fn told<T>(result: Result<T, FeedError>) -> T {
    result.unwrap_or_else(|error| panic!("the feed failed: {error:?}"))
}

/// Whether a copy knows an entry.
type Knows = fn(&State) -> bool;

/// One entry of each kind.
fn every_entry() -> Vec<(Entry, Knows)> {
    const BOB: Target<'static> = Target::subject(ISSUER, "bob");
    const NARROW: [Target<'static>; 3] = [
        Target::token(ISSUER, "1"),
        Target::fingerprint(ISSUER, "1"),
        Target::session(ISSUER, "1"),
    ];
    let later = START.saturating_add(Duration::from_secs(60));
    vec![
        (Entry::deny(NARROW[0]).of_subject("bob"), |s| s.is_denied(&NARROW[0], || START)),
        (Entry::deny(NARROW[1]).expiring_at(later), |s| s.is_denied(&NARROW[1], || START)),
        (Entry::deny(NARROW[2]), |s| s.is_denied(&NARROW[2], || START)),
        (Entry::deny(Target::subject(ISSUER, "eve")), |s| {
            s.is_denied(&Target::subject(ISSUER, "eve"), || START)
        }),
        (Entry::deny(Target::client(ISSUER, "app")), |s| {
            s.is_denied(&Target::client(ISSUER, "app"), || START)
        }),
        (Entry::deny(Target::key(ISSUER, "stolen")), |s| {
            s.is_denied(&Target::key(ISSUER, "stolen"), || START)
        }),
        (Entry::deny(Target::issuer_wide(OTHER_ISSUER)), |s| {
            s.is_denied(&Target::issuer_wide(OTHER_ISSUER), || START)
        }),
        (Entry::deny_from(Target::token(ISSUER, "graced"), later), |s| {
            let graced = Target::token(ISSUER, "graced");
            !s.is_denied(&graced, || START)
                && s.is_denied(&graced, || START.saturating_add(Duration::from_secs(60)))
        }),
        (Entry::not_before_now(BOB), |s| s.cutoff(&BOB) == Some(START)),
        (Entry::not_before(Target::session(ISSUER, "2"), later), |s| {
            s.cutoff(&Target::session(ISSUER, "2")) > Some(START)
        }),
        (Entry::not_before_now(Target::issuer_wide(ISSUER)), |s| {
            s.cutoff(&Target::issuer_wide(ISSUER)) == Some(START)
        }),
        (Entry::not_before_now(Target::everything()), |s| {
            s.cutoff(&Target::everything()) == Some(START)
        }),
        (Entry::min_generation(BOB, 7), |s| s.min_generation(&BOB) == Some(7)),
        (Entry::min_generation(Target::subject(ISSUER, "max"), u64::MAX), |s| {
            s.min_generation(&Target::subject(ISSUER, "max")) == Some(u64::MAX)
        }),
    ]
}

/// Of every kind.
pub async fn a_snapshot_holds_everything_that_was_written_before_it<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    for (entry, is_known) in every_entry() {
        let before = Copy::of(&store, &setup).await;
        assert!(!is_known(&before.state), "nobody wrote {entry:?} yet");
        done(store.revoke(entry.clone()).await);
        let copy = Copy::of(&store, &setup).await;
        assert!(is_known(&copy.state), "{entry:?} is not in the snapshot");
    }
}

/// Of every kind, with the positions of their receipts.
pub async fn a_round_returns_everything_that_was_acknowledged_before_it<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let mut copy = Copy::of(&store, &setup).await;
    let mut last = None;
    for (entry, is_known) in every_entry() {
        let receipt = done(store.revoke(entry.clone()).await);
        assert!(last < Some(receipt.position()), "positions grow");
        last = Some(receipt.position());
        copy.round(&store).await;
        assert!(is_known(&copy.state), "{entry:?} was not returned");
        assert!(
            copy.position >= Some(receipt.position()),
            "at {:?} after {:?} was returned",
            copy.position,
            receipt.position(),
        );
    }
}

/// And takes one read.
pub async fn a_round_without_writes_is_complete_and_empty<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let mut copy = Copy::of(&store, &setup).await;
    for n in 0..3 {
        for _ in 0..2 {
            let batch = told(store.read(&copy.cursor).await);
            assert!(batch.changes().is_empty() && !batch.has_more(), "{:?}", batch.changes());
            assert!(told(copy.try_read(&store).await), "nothing is left");
        }
        done(store.revoke(Entry::deny(Target::token(ISSUER, &n.to_string()))).await);
        copy.round(&store).await;
    }
}

async fn write_many<S: Revoke>(store: &S, names: &[String]) {
    for (n, name) in names.iter().enumerate() {
        done(
            store
                .revoke(match n % 3 {
                    0 => Entry::deny(Target::token(ISSUER, name)),
                    1 => Entry::not_before_now(Target::subject(ISSUER, name)),
                    _ => Entry::min_generation(Target::subject(ISSUER, name), 1),
                })
                .await,
        );
    }
}

#[track_caller]
fn assert_knows_all<S: Feed>(copy: &Copy<S>, names: &[String]) {
    for (n, name) in names.iter().enumerate() {
        let subject = Target::subject(ISSUER, name);
        let known = match n % 3 {
            0 => copy.denies(&Target::token(ISSUER, name)),
            1 => copy.state.cutoff(&subject).is_some(),
            _ => copy.state.min_generation(&subject).is_some(),
        };
        assert!(known, "{name} of {} is missing", names.len());
    }
}

fn many() -> Vec<String> {
    (0..100).map(|n| format!("user {n}")).collect()
}

/// However they are cut.
pub async fn a_snapshot_of_many_pages_is_whole<S: Feed + Revoke>(make: &impl AsyncFn(Setup) -> S) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let names = many();
    write_many(&store, &names).await;
    assert_knows_all(&Copy::of(&store, &setup).await, &names);
}

/// Even though others go on writing.
pub async fn a_round_of_many_reads_is_whole_and_ends<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let mut copy = Copy::of(&store, &setup).await;
    let names = many();
    write_many(&store, &names).await;
    let mut reads = 0;
    while !told(copy.try_read(&store).await) {
        // for each read there is more to read than before, so chasing the end would never end
        for n in 0..2 * setup.page {
            let name = format!("later {reads} {n}");
            done(store.revoke(Entry::deny(Target::token(ISSUER, &name))).await);
        }
        reads += 1;
        assert!(reads <= names.len(), "a round does not end while others write");
    }
    assert_knows_all(&copy, &names);
}

/// A snapshot need not be of one moment.
pub async fn what_is_written_while_a_snapshot_is_read_is_in_the_log_after_it<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    write_many(&store, &many()).await;
    let mut copy = Copy::begin(&store, &setup).await;
    let mut page = None;
    let mut written = 0;
    loop {
        // one that sorts before all others and one after
        for name in [format!("! {written}"), format!("~ {written}")] {
            done(store.revoke(Entry::deny(Target::token(ISSUER, &name))).await);
        }
        written += 1;
        let chunk = told(store.snapshot(page.as_ref()).await);
        for change in chunk.changes().iter() {
            done(copy.state.apply(&change, START));
        }
        page = chunk.next().cloned();
        // a snapshot that follows the writer for ever is none
        assert!(written <= 1_000, "a snapshot does not end while others write");
        if page.is_none() {
            break;
        }
    }
    copy.round(&store).await;
    assert_knows_all(&copy, &many());
    for n in 0..written {
        for name in [format!("! {n}"), format!("~ {n}")] {
            assert!(copy.denies(&Target::token(ISSUER, &name)), "{name} was lost");
        }
    }
}

/// After a call that was given up on.
pub async fn reading_again_from_the_same_place_returns_the_same_again<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let start = Copy::of(&store, &setup).await.cursor;
    let names = many();
    write_many(&store, &names).await;
    for _ in 0..2 {
        let mut copy = Copy::begin(&store, &setup).await;
        copy.cursor = start.clone();
        copy.round(&store).await;
        assert_knows_all(&copy, &names);
    }
}

/// Each has everything, however slow the other is.
pub async fn two_readers_do_not_disturb_each_other<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let names = many();
    let mut slow = Copy::of(&store, &setup).await;
    let mut quick = Copy::of(&store, &setup).await;
    for (n, name) in names.iter().enumerate() {
        done(store.revoke(Entry::deny(Target::token(ISSUER, name))).await);
        quick.round(&store).await;
        if n % 40 == 0 {
            told(slow.try_read(&store).await);
        }
    }
    // the round that it was in the middle of, and one that begins now
    slow.round(&store).await;
    slow.round(&store).await;
    for name in &names {
        for copy in [&slow, &quick] {
            assert!(copy.denies(&Target::token(ISSUER, name)), "{name} is missing");
        }
    }
}

/// On both ways.
pub async fn lookalikes_are_told_apart<S: Feed + Revoke>(make: &impl AsyncFn(Setup) -> S) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let mut log = Copy::of(&store, &setup).await;
    for (n, jti) in LOOKALIKES.into_iter().enumerate() {
        done(store.revoke(Entry::deny(Target::token(ISSUER, jti))).await);
        log.round(&store).await;
        let snapshot = Copy::of(&store, &setup).await;
        for copy in [&log, &snapshot] {
            for (m, jti) in LOOKALIKES.into_iter().enumerate() {
                assert_eq!(copy.denies(&Target::token(ISSUER, jti)), m <= n, "{jti:?}");
                assert!(!copy.denies(&Target::token(OTHER_ISSUER, jti)), "{jti:?}");
                assert!(!copy.denies(&Target::session(ISSUER, jti)), "{jti:?}");
            }
        }
    }
}

/// On both ways.
pub async fn times_survive_to_the_millisecond<S: Feed + Revoke>(make: &impl AsyncFn(Setup) -> S) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let mut log = Copy::of(&store, &setup).await;
    let base = START.as_millis();
    let offsets = [-1_001, -1, 0, 1, 499, 999, 1_000, 86_400_000];
    let name = |offset: i64| format!("at {offset}");
    for offset in offsets {
        let time = Timestamp::from_millis(base + offset);
        done(store.revoke(Entry::not_before(Target::subject(ISSUER, &name(offset)), time)).await);
        done(store.revoke(Entry::deny_from(Target::token(ISSUER, &name(offset)), time)).await);
    }
    log.round(&store).await;
    let snapshot = Copy::of(&store, &setup).await;
    for copy in [&log, &snapshot] {
        for offset in offsets {
            let time = Timestamp::from_millis(base + offset);
            assert_eq!(copy.state.cutoff(&Target::subject(ISSUER, &name(offset))), Some(time));
            let name = name(offset);
            let token = Target::token(ISSUER, &name);
            let before = Timestamp::from_millis(base + offset - 1);
            assert!(copy.state.is_denied(&token, || time.max(START)), "{offset}");
            assert_eq!(copy.state.is_denied(&token, || before), offset <= 0, "{offset}");
        }
    }
}

/// As the store's retention says, by the exp where it is known.
pub async fn an_entry_is_to_be_kept_until_its_tokens_are_dead<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let start = told(store.start().await);
    let exp = START.saturating_add(Duration::from_secs(500));
    let entries = [
        (Entry::deny(Target::token(ISSUER, "exp")).expiring_at(exp), Some(exp)),
        (Entry::deny(Target::token(ISSUER, "no exp")), Some(START.saturating_add(MAX_LIFETIME))),
        (
            Entry::not_before_now(Target::subject(ISSUER, "cutoff")),
            Some(START.saturating_add(MAX_LIFETIME)),
        ),
        (Entry::deny(Target::key(ISSUER, "for ever")), None),
        (Entry::min_generation(Target::subject(ISSUER, "generation"), 1), None),
    ];
    for (entry, _) in &entries {
        done(store.revoke(entry.clone()).await);
    }
    let mut log = Changes::new();
    let mut cursor = start.cursor().clone();
    loop {
        let batch = told(store.read(&cursor).await);
        log.extend(batch.changes().iter());
        if !batch.has_more() {
            break;
        }
        cursor = batch.cursor().clone();
    }
    let mut snapshot = Changes::new();
    let mut page = None;
    loop {
        let chunk = told(store.snapshot(page.as_ref()).await);
        snapshot.extend(chunk.changes().iter());
        page = chunk.next().cloned();
        if page.is_none() {
            break;
        }
    }
    for changes in [&log, &snapshot] {
        for (entry, dead) in &entries {
            let change = changes
                .iter()
                .find(|change| change.target() == entry.target())
                .unwrap_or_else(|| panic!("{entry:?} is missing"));
            match (dead, change.keep_until()) {
                (_, None) => {}
                (Some(dead), Some(kept)) => {
                    assert!(kept >= dead.saturating_add(SLACK), "{entry:?} only until {kept}");
                }
                (None, Some(kept)) => panic!("{entry:?} only until {kept}"),
            }
        }
    }
}

/// Whichever of them comes last.
pub async fn what_was_merged_in_the_store_is_as_strict_in_the_copy<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let mut log = Copy::of(&store, &setup).await;
    let bob = Target::subject(ISSUER, "bob");
    let jti = Target::token(ISSUER, "1");
    let at = |secs| START.saturating_add(Duration::from_secs(secs));
    for secs in [50, 90, 70] {
        done(store.revoke(Entry::not_before(bob, at(secs))).await);
        done(store.revoke(Entry::min_generation(bob, secs)).await);
    }
    for secs in [70, 50, 90] {
        done(store.revoke(Entry::deny_from(jti, at(secs))).await);
    }
    log.round(&store).await;
    for copy in [&log, &Copy::of(&store, &setup).await] {
        assert_eq!(copy.state.cutoff(&bob), Some(at(90)));
        assert_eq!(copy.state.min_generation(&bob), Some(90));
        assert!(!copy.state.is_denied(&jti, || at(49)) && copy.state.is_denied(&jti, || at(50)));
    }
}

/// And not as a denial that nobody has room for.
pub async fn too_many_denials_of_a_subject_arrive_as_a_cutoff<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new().with_limits(Limits::default().denials_per_subject(2));
    let store = make(setup.clone()).await;
    let mut log = Copy::of(&store, &setup).await;
    for jti in ["1", "2", "3"] {
        done(store.revoke(Entry::deny(Target::token(ISSUER, jti)).of_subject("bob")).await);
    }
    log.round(&store).await;
    let next = token("bob", "4", START);
    let target = Target::token(ISSUER, "4");
    for copy in [&log, &Copy::of(&store, &setup).await] {
        let denies = |token: &TokenView<'_>| copy.state.is_any_denied(token, &[target], || START);
        assert!(denies(&next), "all of bob's are signed out");
        assert!(!denies(&token("alice", "4", START)), "nobody else's");
        let later = START.saturating_add(Duration::from_secs(1));
        assert!(!denies(&token("bob", "4", later)), "a new one works");
    }
}

/// And what is acknowledged after it does.
pub async fn a_write_that_was_refused_does_not_arrive<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new().with_limits(Limits::default().denials(1));
    let store = make(setup.clone()).await;
    let mut log = Copy::of(&store, &setup).await;
    let (one, two) = (Target::token(ISSUER, "1"), Target::token(ISSUER, "2"));
    let bob = Target::subject(ISSUER, "bob");
    done(store.revoke(Entry::deny(one)).await);
    let full = store.revoke(Entry::deny(two)).await;
    assert_refused(full, StoreErrorKind::Full, "there is room for one");
    let odd = store.revoke(Entry::not_before_now(two)).await;
    assert_refused(odd, StoreErrorKind::Invalid, "no rule honours a cutoff for a token");
    done(store.revoke(Entry::not_before_now(bob)).await);
    log.round(&store).await;
    for copy in [&log, &Copy::of(&store, &setup).await] {
        assert!(copy.denies(&one) && !copy.denies(&two));
        assert!(copy.state.cutoff(&bob).is_some() && copy.state.cutoff(&two).is_none());
    }
}

/// A feed without wake-ups passes; so does one that wakes too often, as long as it does so for
/// somebody who has read everything not at once.
pub async fn a_wake_up_comes_only_before_there_is_something_to_read<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let mut copy = Copy::of(&store, &setup).await;
    copy.round(&store).await;
    let cursor = copy.cursor.clone();
    let mut changed = pin!(store.changed(&cursor));
    let poll = changed.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(poll, Poll::Pending, "there is nothing to read");
    done(store.revoke(Entry::deny(Target::token(ISSUER, "1"))).await);
    copy.round(&store).await;
    assert!(copy.denies(&Target::token(ISSUER, "1")), "nobody waited for the wake-up");
}

/// Waits for the wake-up of a store that has them: writes, and does not return before it comes. To be
/// called with a limit of time, by a test of a store whose [`changed`](Feed::changed) is overridden.
pub async fn wake_up<S: Feed + Revoke>(make: impl AsyncFn(Setup) -> S) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let mut copy = Copy::of(&store, &setup).await;
    for n in 0..3 {
        copy.round(&store).await;
        let cursor = copy.cursor.clone();
        let mut changed = pin!(store.changed(&cursor));
        let poll = changed.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(poll, Poll::Pending, "there is nothing to read");
        let jti = n.to_string();
        done(store.revoke(Entry::deny(Target::token(ISSUER, &jti))).await);
        changed.await;
        // also where the write came before anybody waited
        store.changed(&cursor).await;
    }
}

//! Snapshots and rounds of reads are whole: nothing is missing from them, and they end.

use std::time::Duration;

use portcullis_core::feed::Feed;
use portcullis_core::{Entry, Revoke, Target};

use super::super::{ISSUER, MAX_LIFETIME, SLACK, START, Setup, done};
use super::entries::{assert_knows_all, every_entry, many, write_many};
use super::{Copy, told};

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

/// Whoever has read it in its first form learns of the other.
pub async fn a_fact_that_grows_stricter_arrives_again<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let mut copy = Copy::of(&store, &setup).await;
    let (bob, token) = (Target::subject(ISSUER, "bob"), Target::token(ISSUER, "1"));
    for n in 1..4 {
        let cutoff = START.saturating_add(Duration::from_secs(n));
        done(store.revoke(Entry::not_before(bob, cutoff)).await);
        done(store.revoke(Entry::min_generation(bob, n)).await);
        // others have been read before
        copy.round(&store).await;
        assert_eq!(copy.state.cutoff(&bob), Some(cutoff));
        assert_eq!(copy.state.min_generation(&bob), Some(n));
    }
    let later = START.saturating_add(Duration::from_secs(60));
    done(store.revoke(Entry::deny_from(token, later)).await);
    copy.round(&store).await;
    assert!(!copy.denies(&token));
    for _ in 0..2 {
        done(store.revoke(Entry::deny(token)).await);
        copy.round(&store).await;
        assert!(copy.denies(&token));
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

/// However they are cut.
pub async fn a_snapshot_of_many_pages_is_whole<S: Feed + Revoke>(make: &impl AsyncFn(Setup) -> S) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let names = many();
    write_many(&store, &names).await;
    assert_knows_all(&Copy::of(&store, &setup).await, &names);
}

/// A copy that is made shortly before has to refuse as long as the others.
pub async fn a_snapshot_holds_everything_until_it_is_over<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let (bob, token) = (Target::subject(ISSUER, "bob"), Target::token(ISSUER, "1"));
    done(store.revoke(Entry::not_before_now(bob)).await);
    done(store.revoke(Entry::deny(token)).await);
    let to_the_end = MAX_LIFETIME + SLACK - Duration::from_secs(1);
    setup.clock.set(START.saturating_add(to_the_end));
    let copy = Copy::of(&store, &setup).await;
    assert_eq!(copy.state.cutoff(&bob), Some(START));
    assert!(copy.denies(&token));
}

/// Whoever waits until a write has arrived waits for its position.
pub async fn a_part_of_a_round_tells_no_position_beyond_it<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let mut copy = Copy::of(&store, &setup).await;
    let mut written = Vec::new();
    for n in 0..3 * setup.page {
        let jti = n.to_string();
        let receipt = done(store.revoke(Entry::deny(Target::token(ISSUER, &jti))).await);
        written.push((jti, receipt.position()));
    }
    let mut is_whole = false;
    while !is_whole {
        is_whole = told(copy.try_read(&store).await);
        for (jti, position) in &written {
            let reached = copy.position >= Some(*position);
            assert!(!reached || copy.denies(&Target::token(ISSUER, jti)), "{jti} has not arrived");
            assert!(reached || !is_whole, "{jti} is not said to have arrived");
        }
    }
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

//! A revocation that was acknowledged counts from the next question on, however the threads interleave.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use portcullis_models::state::{Limits, State};
use portcullis_models::{Entry, Position, Retention, Target, Timestamp, TokenView};
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::thread;

const ISSUER: &str = "https://idp.example.com";
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const TOKEN: Target<'static> = Target::token(ISSUER, "7f1c");
const BOB: Target<'static> = Target::subject(ISSUER, "bob");

/// How many schedules are tried: random ones, and such that switch threads rarely but badly.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let model = Arc::new(model);
    let random = Arc::clone(&model);
    shuttle::check_random(move || random(), 150);
    shuttle::check_pct(move || model(), 150, 3);
}

fn revoke(state: &State, entry: &Entry) {
    state.revoke(entry, &Retention::default(), NOW).unwrap();
}

fn is_denied(state: &State) -> bool {
    let token = TokenView::new(ISSUER).with_token_id("7f1c").with_subject("bob");
    state.is_any_denied(&token, &[TOKEN, BOB], || NOW)
}

/// One thread revokes and says so; the others ask, and must not be told otherwise after it has.
fn acknowledged(entry: impl Fn() -> Entry, is_revoked: fn(&State) -> bool) {
    let state = Arc::new(State::new(Limits::default()));
    let done = Arc::new(AtomicBool::new(false));
    let askers: Vec<_> = (0..2)
        .map(|_| {
            let (state, done) = (Arc::clone(&state), Arc::clone(&done));
            thread::spawn(move || {
                let mut before = false;
                for _ in 0..3 {
                    let was_done = done.load(Ordering::SeqCst);
                    let now = is_revoked(&state);
                    assert!(now || !was_done, "acknowledged, and not in force");
                    assert!(now || !before, "it was in force and is no more");
                    before = now;
                }
            })
        })
        .collect();
    revoke(&state, &entry());
    done.store(true, Ordering::SeqCst);
    for asker in askers {
        asker.join().unwrap();
    }
    assert!(is_revoked(&state));
}

#[test]
fn a_denied_token() {
    check(|| acknowledged(|| Entry::deny(TOKEN), is_denied));
}

#[test]
fn a_denied_subject() {
    check(|| acknowledged(|| Entry::deny(BOB), is_denied));
}

#[test]
fn a_cutoff() {
    check(|| acknowledged(|| Entry::not_before_now(BOB), |state| state.cutoff(&BOB).is_some()));
}

#[test]
fn a_generation() {
    let is_revoked = |state: &State| state.min_generation(&BOB) == Some(7);
    check(move || acknowledged(|| Entry::min_generation(BOB, 7), is_revoked));
}

/// What a cache relies on that keeps an answer for as long as the version stays.
#[test]
fn an_answer_from_before_a_revocation_has_another_version() {
    check(|| {
        let state = Arc::new(State::new(Limits::default()));
        let done = Arc::new(AtomicBool::new(false));
        let asker = {
            let (state, done) = (Arc::clone(&state), Arc::clone(&done));
            thread::spawn(move || {
                let kept = (state.version(|| NOW), is_denied(&state));
                let was_done = done.load(Ordering::SeqCst);
                let still_good = kept.0.is_some() && kept.0 == state.version(|| NOW);
                assert!(!(was_done && still_good) || kept.1, "a kept pass outlives a revocation");
            })
        };
        revoke(&state, &Entry::deny(TOKEN));
        done.store(true, Ordering::SeqCst);
        asker.join().unwrap();
    });
}

#[test]
fn two_writers_and_the_later_cutoff_stays() {
    check(|| {
        let state = Arc::new(State::new(Limits::default()));
        let times = [NOW, Timestamp::from_secs(1_700_000_500)];
        let writers = times.map(|time| {
            let state = Arc::clone(&state);
            thread::spawn(move || {
                revoke(&state, &Entry::not_before(BOB, time));
                assert!(state.cutoff(&BOB) >= Some(time));
            })
        });
        for writer in writers {
            writer.join().unwrap();
        }
        assert_eq!(state.cutoff(&BOB), Some(times[1]));
    });
}

#[test]
fn a_removal_from_the_allowlist_beats_an_addition_that_is_on_its_way() {
    check(|| {
        let state = Arc::new(State::new(Limits::default()));
        let adding = {
            let state = Arc::clone(&state);
            thread::spawn(move || {
                let retention = Retention::default();
                state.allow(TOKEN, Some("bob"), None, Position::new(1), &retention, NOW).unwrap();
            })
        };
        state.remove(TOKEN, Position::new(2), &Retention::default(), NOW).unwrap();
        assert!(!state.is_allowed(&TOKEN));
        adding.join().unwrap();
        assert!(!state.is_allowed(&TOKEN));
    });
}

#[test]
fn purging_what_has_expired_takes_nothing_else_and_a_full_room_stays_within_its_limit() {
    check(|| {
        let state = Arc::new(State::new(Limits::default().denials(2)));
        let expired = Entry::deny(Target::token(ISSUER, "old")).expiring_at(NOW);
        let before = Timestamp::from_secs(1_699_000_000);
        state.revoke(&expired, &Retention::default(), before).unwrap();
        revoke(&state, &Entry::deny(TOKEN));
        let purging = {
            let state = Arc::clone(&state);
            // far enough for the leeway that retention adds
            thread::spawn(move || state.purge(Timestamp::from_secs(1_700_050_000)))
        };
        let writing = {
            let state = Arc::clone(&state);
            thread::spawn(move || {
                let another = Entry::deny(Target::token(ISSUER, "another"));
                // refused if it comes before the purge
                let _ = state.revoke(&another, &Retention::default(), NOW);
            })
        };
        assert!(is_denied(&state));
        purging.join().unwrap();
        writing.join().unwrap();
        assert!(is_denied(&state));
        assert!(state.usage().denials <= 2);
    });
}

/// Tokens that are kept in one shard, which the top byte of the low 32 bits of their hash chooses.
fn tokens_of_one_shard(count: usize) -> Vec<String> {
    let shard = |id: &str| Target::token(ISSUER, id).hash128() as u32 >> 24;
    let ids = (0..).map(|n: u32| n.to_string());
    ids.filter(|id| shard(id) == shard("0")).take(count).collect()
}

fn deny(state: &State, id: &str) {
    revoke(state, &Entry::deny(Target::token(ISSUER, id)));
}

fn is_denied_by_id(state: &State, id: &str) -> bool {
    state.is_denied(&Target::token(ISSUER, id), || NOW)
}

#[test]
fn a_filter_that_is_made_anew_as_its_table_grows_misses_nothing() {
    check(|| {
        // three fit into the smallest table
        let ids = Arc::new(tokens_of_one_shard(5));
        let state = Arc::new(State::new(Limits::default()));
        ids[..3].iter().for_each(|id| deny(&state, id));
        let writers: Vec<_> = [3, 4]
            .map(|new| {
                let (state, ids) = (Arc::clone(&state), Arc::clone(&ids));
                thread::spawn(move || {
                    deny(&state, &ids[new]);
                    assert!(is_denied_by_id(&state, &ids[new]), "acknowledged, and not in force");
                })
            })
            .into();
        for _ in 0..3 {
            assert!(is_denied_by_id(&state, &ids[0]), "it was in force before");
        }
        for writer in writers {
            writer.join().unwrap();
        }
        assert!(ids.iter().all(|id| is_denied_by_id(&state, id)));
    });
}

#[test]
fn a_filter_that_is_made_anew_by_a_purge_misses_nothing() {
    check(|| {
        let ids = tokens_of_one_shard(3);
        let state = Arc::new(State::new(Limits::default()));
        let before = Timestamp::from_secs(1_699_000_000);
        let expired = Entry::deny(Target::token(ISSUER, &ids[0])).expiring_at(NOW);
        state.revoke(&expired, &Retention::default(), before).unwrap();
        deny(&state, &ids[1]);
        let purging = {
            let state = Arc::clone(&state);
            thread::spawn(move || state.purge(Timestamp::from_secs(1_700_050_000)))
        };
        deny(&state, &ids[2]);
        assert!(is_denied_by_id(&state, &ids[1]) && is_denied_by_id(&state, &ids[2]));
        purging.join().unwrap();
        assert!(is_denied_by_id(&state, &ids[1]) && is_denied_by_id(&state, &ids[2]));
        assert_eq!(state.usage().denials, 2);
    });
}

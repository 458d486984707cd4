//! Asking a state, and the rules over it, about a token without a list of its targets.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_core::revocation::is_cut_off;
use portcullis_core::state::{CUTOFF_KINDS, Change, DENIAL_KINDS, Fact, Limits, State};
use portcullis_core::{
    CutoffStore, Denylist, DenylistStore, IatCutoff, Revocation, Target, TargetKind, Timestamp,
    TokenView,
};
use portcullis_testing::block_on;
use proptest::prelude::*;

use crate::fake::{ISSUER, NOW, token};

/// More than a state keeps the keys of, and most of one length.
const ISSUERS: [&str; 6] = ["a.example", "b.example", "c.example", "d.example", "e.exa", "f.exa"];
const IDS: [&str; 2] = ["x", "y"];

/// What a token has; the same text stands for different things.
#[derive(Clone, Debug)]
struct Token {
    issuer: &'static str,
    ids: [Option<&'static str>; 6],
    issued: Option<i64>,
}

impl Token {
    fn view(&self) -> TokenView<'static> {
        let with: [fn(TokenView<'static>, &'static str) -> TokenView<'static>; 6] = [
            TokenView::with_token_id,
            TokenView::with_fingerprint,
            TokenView::with_session,
            TokenView::with_subject,
            TokenView::with_client,
            TokenView::with_key,
        ];
        let parts = with.into_iter().zip(self.ids);
        let view = parts.fold(TokenView::new(self.issuer), |view, (with, id)| match id {
            Some(id) => with(view, id),
            None => view,
        });
        self.issued.map_or(view, |secs| view.with_issued_at(after(secs)))
    }
}

fn after(secs: i64) -> Timestamp {
    Timestamp::from_secs(NOW.as_secs() + secs)
}

fn tokens() -> impl Strategy<Value = Vec<Token>> {
    let id = || prop::option::of(prop::sample::select(&IDS[..]));
    let ids = [id(), id(), id(), id(), id(), id()];
    let issuer = prop::sample::select(&ISSUERS[..]);
    let token = (issuer, ids, prop::option::of(-3..3i64));
    prop::collection::vec(
        token.prop_map(|(issuer, ids, issued)| Token { issuer, ids, issued }),
        1..24,
    )
}

fn log() -> impl Strategy<Value = Vec<(Target<'static>, Fact<'static>)>> {
    let target = (
        prop::sample::select(&TargetKind::ALL[..]),
        prop::sample::select(&ISSUERS[..]),
        prop::sample::select(&IDS[..]),
    )
        .prop_map(|(kind, issuer, id)| Target::from_parts(kind, issuer, id));
    let fact = prop_oneof![
        3 => prop::option::of(-2..3i64)
            .prop_map(|at| Fact::Denied { effective_at: at.map(after) }),
        2 => (-3..3i64).prop_map(|at| Fact::NotBefore(after(at))),
        1 => (-3..3i64).prop_map(|at| Fact::Collapsed(after(at))),
    ];
    let row =
        (target, fact).prop_filter("no store writes this down", |(target, fact)| match fact {
            Fact::NotBefore(_) => CUTOFF_KINDS.contains(&target.kind()),
            Fact::Collapsed(_) => target.kind() == TargetKind::Subject,
            _ => true,
        });
    prop::collection::vec(row, 0..12)
}

fn targets(token: &TokenView<'static>, kinds: &[TargetKind]) -> Vec<Target<'static>> {
    kinds.iter().filter_map(|&kind| token.target(kind)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn it_is_as_denied_as_its_targets(log in log(), tokens in tokens()) {
        let state = State::new(Limits::default());
        for (target, fact) in &log {
            // some are pending then, and in force when they are asked about
            state.apply(&Change::new(*target, *fact, None), after(-2)).unwrap();
        }
        for token in &tokens {
            let view = token.view();
            let denied = targets(&view, DENIAL_KINDS);
            let expected = log.iter().any(|(target, fact)| match fact {
                Fact::Denied { effective_at } => {
                    denied.contains(target) && effective_at.is_none_or(|at| at <= NOW)
                }
                Fact::Collapsed(cutoff) => {
                    denied.contains(target)
                        && view.issued_at().is_none_or(|issued| is_cut_off(issued, *cutoff))
                }
                _ => false,
            });
            prop_assert_eq!(state.is_token_denied(&view, || NOW), expected, "{:?}", token);
            prop_assert_eq!(state.is_any_denied(&view, &denied, || NOW), expected, "{:?}", token);
        }
    }

    #[test]
    fn its_cutoff_is_the_latest_of_its_targets(log in log(), tokens in tokens()) {
        let state = State::new(Limits::default());
        for (target, fact) in &log {
            state.apply(&Change::new(*target, *fact, None), NOW).unwrap();
        }
        for token in &tokens {
            let view = token.view();
            let cut_off = targets(&view, CUTOFF_KINDS);
            let told = log.iter().filter(|(target, _)| cut_off.contains(target));
            let latest = told.filter_map(|(_, fact)| match fact {
                Fact::NotBefore(cutoff) | Fact::Collapsed(cutoff) => Some(*cutoff),
                _ => None,
            });
            let expected = latest.max();
            prop_assert_eq!(state.token_cutoff(&view), expected, "{:?}", token);
            let each = cut_off.iter().filter_map(|target| state.cutoff(target)).max();
            prop_assert_eq!(each, expected, "{:?}", token);
        }
    }
}

#[test]
fn a_cutoff_of_a_kind_that_has_none_is_not_looked_at() {
    let (state, one) = (State::new(Limits::default()), Target::token(ISSUER, "7f1c"));
    state.apply(&Change::new(one, Fact::NotBefore(NOW), None), NOW).unwrap();
    let view = TokenView::new(ISSUER).with_token_id("7f1c");
    assert_eq!((state.cutoff(&one), state.token_cutoff(&view)), (Some(NOW), None));
}

#[test]
fn threads_that_ask_about_many_issuers_at_once_are_told_of_their_own() {
    for _ in 0..64 {
        let state = State::new(Limits::default());
        for (n, issuer) in ISSUERS.iter().enumerate() {
            let denied = Target::token(issuer, IDS[n % 2]);
            state
                .apply(&Change::new(denied, Fact::Denied { effective_at: None }, None), NOW)
                .unwrap();
        }
        let start = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for first in 0..4 {
                let (state, start) = (&state, &start);
                scope.spawn(move || {
                    start.wait();
                    for at in 0..2 * ISSUERS.len() {
                        let n = (first + at) % ISSUERS.len();
                        for (which, id) in IDS.iter().enumerate() {
                            let view = TokenView::new(ISSUERS[n]).with_token_id(id);
                            let denied = state.is_token_denied(&view, || NOW);
                            assert_eq!(denied, which == n % 2, "{view:?}");
                        }
                    }
                });
            }
        });
    }
}

/// A store that is asked about a token by what it has, by a list of targets, or not at all.
#[derive(Debug, Default)]
struct Asked {
    by_token: AtomicUsize,
    by_list: AtomicUsize,
    knows: bool,
}

impl Asked {
    fn so_often(&self) -> (usize, usize) {
        (self.by_token.load(Ordering::Relaxed), self.by_list.load(Ordering::Relaxed))
    }
}

impl DenylistStore for Asked {
    type Error = Infallible;

    async fn is_denied(&self, _: &Target<'_>) -> Result<bool, Infallible> {
        unreachable!("memory knows")
    }

    fn peek_token_denied(&self, _: &TokenView<'_>) -> Option<bool> {
        self.by_token.fetch_add(1, Ordering::Relaxed);
        self.knows.then_some(false)
    }

    fn peek_denied(&self, _: &TokenView<'_>, targets: &[Target<'_>]) -> Option<bool> {
        self.by_list.fetch_add(1, Ordering::Relaxed);
        Some(targets.iter().any(|target| target.kind() == TargetKind::Fingerprint))
    }
}

impl CutoffStore for Asked {
    type Error = Infallible;

    async fn cutoff(&self, _: &Target<'_>) -> Result<Option<Timestamp>, Infallible> {
        unreachable!("memory knows")
    }

    fn peek_token_cutoff(&self, _: &TokenView<'_>) -> Option<Option<Timestamp>> {
        self.by_token.fetch_add(1, Ordering::Relaxed);
        self.knows.then_some(Some(NOW))
    }

    fn peek_cutoff(&self, _: &[Target<'_>]) -> Option<Option<Timestamp>> {
        self.by_list.fetch_add(1, Ordering::Relaxed);
        Some(None)
    }
}

#[test]
fn a_denylist_asks_by_the_token_first_but_only_where_its_id_is_what_is_asked_about() {
    for knows in [false, true] {
        let listed = usize::from(!knows);
        let store = || std::sync::Arc::new(Asked { knows, ..Asked::default() });
        let check = |rule: Denylist<_>, view: TokenView<'static>, allowed| {
            let verdict = rule.peek(&view).unwrap();
            assert_eq!(verdict.is_allowed(), allowed, "{view:?}");
            assert_eq!(block_on(rule.check(&view)).is_allowed(), allowed, "{view:?}");
        };
        let (with_id, without) = (store(), store());
        check(Denylist::new(with_id.clone()), token().with_token_id("1"), true);
        assert_eq!(with_id.so_often(), (2, 2 * listed));

        // without one it is refused whatever the store says, or the fingerprint is in its place
        check(Denylist::new(without.clone()), TokenView::new(ISSUER), false);
        assert_eq!(without.so_often(), (0, 0));
        let rule = Denylist::new(without.clone()).fingerprint_without_jti();
        check(rule, TokenView::new(ISSUER).with_fingerprint("f"), false);
        assert_eq!(without.so_often(), (0, 2));
    }
}

#[test]
fn a_cutoff_is_asked_for_by_the_token_first() {
    for knows in [false, true] {
        let store = std::sync::Arc::new(Asked { knows, ..Asked::default() });
        let rule = IatCutoff::new(store.clone());
        let view = TokenView::new(ISSUER).with_subject("bob").with_issued_at(NOW);
        assert_eq!(rule.peek(&view).unwrap().is_allowed(), !knows);
        assert_eq!(store.so_often(), (1, usize::from(!knows)));
        // what it needs is needed all the same
        assert!(rule.peek(&TokenView::new(ISSUER).with_subject("bob")).unwrap().is_denied());
        assert!(rule.peek(&TokenView::new(ISSUER).with_issued_at(NOW)).unwrap().is_denied());
        assert_eq!(store.so_often(), (1, usize::from(!knows)));
    }
}

//! The state in memory: logs that are permuted and repeated fold into what a naive model says.

use std::collections::BTreeSet;

use portcullis_core::revocation::is_cut_off;
use portcullis_core::state::{Change, Fact, Limits, State};
use portcullis_core::{Position, Retention, Target, TargetBuf, TargetKind, Timestamp, TokenView};
use proptest::prelude::*;

use crate::fake::{ISSUER, NOW};

/// A fact, owned.
#[derive(Clone, Debug)]
enum Told {
    Denied(Option<Timestamp>),
    NotBefore(Timestamp),
    Collapsed(Timestamp),
    MinGeneration(u64),
    Allowed(u64, Option<&'static str>),
    Removed(u64),
}

#[derive(Clone, Debug)]
struct Row {
    target: TargetBuf,
    told: Told,
    keep_until: Option<Timestamp>,
}

impl Row {
    fn change(&self) -> Change<'_> {
        let fact = match self.told {
            Told::Denied(effective_at) => Fact::Denied { effective_at },
            Told::NotBefore(cutoff) => Fact::NotBefore(cutoff),
            Told::Collapsed(cutoff) => Fact::Collapsed(cutoff),
            Told::MinGeneration(minimum) => Fact::MinGeneration(minimum),
            Told::Allowed(position, subject) => {
                Fact::Allowed { position: Position::new(position), subject }
            }
            Told::Removed(position) => Fact::Removed { position: Position::new(position) },
        };
        Change::new(self.target.as_target(), fact, self.keep_until)
    }
}

/// Milliseconds.
const STEP: i64 = 250;

const ISSUERS: [&str; 2] = ["https://a.example", "https://b.example"];
const NAMES: [&str; 3] = ["x", "y", "z"];

fn targets() -> Vec<TargetBuf> {
    let mut targets = BTreeSet::new();
    for kind in TargetKind::ALL {
        for issuer in ISSUERS {
            for name in NAMES {
                targets.insert(Target::from_parts(kind, issuer, name).to_owned());
            }
        }
    }
    targets.into_iter().collect()
}

/// A moment within some seconds of now, in steps so wide that many are the same.
fn moment() -> impl Strategy<Value = Timestamp> {
    (-12..12i64).prop_map(|steps| Timestamp::from_millis(NOW.as_millis() + steps * STEP))
}

fn row() -> impl Strategy<Value = Row> {
    let keep_until = proptest::option::of(
        (1..100i64).prop_map(|secs| Timestamp::from_secs(NOW.as_secs() + secs)),
    );
    let told = prop_oneof![
        proptest::option::of(moment()).prop_map(Told::Denied),
        moment().prop_map(Told::NotBefore),
        moment().prop_map(Told::Collapsed),
        (0..9u64).prop_map(Told::MinGeneration),
        (1..20u64, proptest::option::of(proptest::sample::select(&NAMES[..])))
            .prop_map(|(position, subject)| Told::Allowed(position, subject)),
        (1..20u64).prop_map(Told::Removed),
    ];
    (proptest::sample::select(targets()), told, keep_until).prop_filter_map(
        "no store writes this down",
        |(target, told, keep_until)| {
            use TargetKind as K;
            let fits = match (&told, target.as_target().kind()) {
                (Told::Allowed(..), K::Token | K::Fingerprint) => true,
                (Told::Collapsed(_) | Told::MinGeneration(_), K::Subject) => true,
                (Told::NotBefore(_), K::Token | K::Fingerprint) => false,
                (Told::Removed(_), K::Session | K::Client | K::Key) => false,
                (Told::Denied(_) | Told::NotBefore(_) | Told::Removed(_), _) => true,
                _ => false,
            };
            fits.then_some(Row { target, told, keep_until })
        },
    )
}

/// A log as a store writes it: no two writes have the same position.
fn log() -> impl Strategy<Value = Vec<Row>> {
    proptest::collection::vec(row(), 0..40).prop_map(|mut rows| {
        let mut next = 0;
        for row in &mut rows {
            if let Told::Allowed(position, _) | Told::Removed(position) = &mut row.told {
                next += 1;
                *position = next;
            }
        }
        rows
    })
}

/// The rules as one would say them, over the whole log at every question.
struct Model<'a>(&'a [Row]);

impl Model<'_> {
    fn about<'b>(&'b self, target: &'b Target<'_>) -> impl Iterator<Item = &'b Told> {
        self.0.iter().filter(|row| row.target.as_target() == *target).map(|row| &row.told)
    }

    fn is_denied(&self, target: &Target<'_>, now: Timestamp) -> bool {
        self.about(target).any(|told| match told {
            Told::Denied(effective_at) => effective_at.is_none_or(|at| at <= now),
            _ => false,
        })
    }

    fn cutoff(&self, target: &Target<'_>) -> Option<Timestamp> {
        self.about(target)
            .filter_map(|told| match told {
                Told::NotBefore(cutoff) | Told::Collapsed(cutoff) => Some(*cutoff),
                _ => None,
            })
            .max()
    }

    fn is_collapsed(&self, subject: &Target<'_>, issued: Option<Timestamp>) -> bool {
        self.about(subject).any(|told| match told {
            Told::Collapsed(cutoff) => issued.is_none_or(|issued| is_cut_off(issued, *cutoff)),
            _ => false,
        })
    }

    fn min_generation(&self, target: &Target<'_>) -> Option<u64> {
        self.about(target)
            .filter_map(|told| match told {
                Told::MinGeneration(minimum) => Some(*minimum),
                _ => None,
            })
            .max()
    }

    fn is_allowed(&self, token: &Target<'_>) -> bool {
        // what counts is when it was listed first, and for whom
        let first = self
            .about(token)
            .filter_map(|told| match told {
                Told::Allowed(position, subject) => Some((*position, *subject)),
                _ => None,
            })
            .min();
        let Some((listed, subject)) = first else { return false };
        let removed_after = |target: &Target<'_>| {
            self.about(target).any(|told| matches!(told, Told::Removed(at) if *at > listed))
        };
        let removed_ever = self.about(token).any(|told| matches!(told, Told::Removed(_)));
        let subject = subject.map(|subject| Target::subject(token.issuer(), subject));
        !removed_ever
            && !subject.is_some_and(|subject| removed_after(&subject))
            && !removed_after(&Target::issuer_wide(token.issuer()))
            && !removed_after(&Target::everything())
    }
}

fn check(state: &State, model: &Model<'_>, now: Timestamp) {
    for target in &targets() {
        let target = target.as_target();
        assert_eq!(state.is_denied(&target, || now), model.is_denied(&target, now), "{target:?}");
        assert_eq!(state.cutoff(&target), model.cutoff(&target), "{target:?}");
        assert_eq!(state.min_generation(&target), model.min_generation(&target), "{target:?}");
        if matches!(target.kind(), TargetKind::Token | TargetKind::Fingerprint) {
            assert_eq!(state.is_allowed(&target), model.is_allowed(&target), "{target:?}");
        }
        if target.kind() != TargetKind::Subject {
            continue;
        }
        for issued in [None, Some(NOW), Some(Timestamp::from_millis(NOW.as_millis() + 1_500))] {
            let mut view = TokenView::new(target.issuer()).with_subject(target.id());
            if let Some(issued) = issued {
                view = view.with_issued_at(issued);
            }
            let expected = model.is_denied(&target, now) || model.is_collapsed(&target, issued);
            assert_eq!(state.is_any_denied(&view, &[target], || now), expected, "{view:?}");
        }
    }
}

fn fold(rows: &[Row], limits: Limits) -> State {
    let state = State::new(limits);
    for row in rows {
        state.apply(&row.change(), NOW).unwrap();
    }
    state
}

proptest! {
    #[test]
    fn permuted_and_repeated_logs_fold_into_the_same(
        (log, shuffled, repeats) in log().prop_flat_map(|log| {
            let repeats = proptest::collection::vec(0..log.len().max(1), 0..10);
            (Just(log.clone()), Just(log).prop_shuffle(), repeats)
        }),
        steps in 0..16i64,
    ) {
        let mut repeated = shuffled;
        for n in repeats {
            if let Some(row) = log.get(n) {
                repeated.push(row.clone());
            }
        }
        let model = Model(&log);
        let later = Timestamp::from_millis(NOW.as_millis() + steps * STEP);
        for state in [fold(&log, Limits::default()), fold(&repeated, Limits::unlimited())] {
            check(&state, &model, NOW);
            check(&state, &model, later);
        }
        prop_assert_eq!(
            fold(&log, Limits::default()).usage().allowed,
            fold(&repeated, Limits::default()).usage().allowed,
        );
    }

    #[test]
    fn purging_drops_nothing_that_must_still_be_kept(
        log in log(),
        after in 0..120i64,
    ) {
        let state = fold(&log, Limits::default());
        let later = Timestamp::from_secs(NOW.as_secs() + after);
        state.purge(later);
        let kept: Vec<_> = log
            .iter()
            .filter(|row| row.keep_until.is_none_or(|until| until > later))
            .cloned()
            .collect();
        let model = Model(&kept);
        for target in &targets() {
            let target = target.as_target();
            if model.is_denied(&target, later) {
                prop_assert!(state.is_denied(&target, || later), "{target:?}");
            }
            prop_assert!(state.cutoff(&target) >= model.cutoff(&target), "{target:?}");
            prop_assert!(state.min_generation(&target) >= model.min_generation(&target));
        }
        // and of what need not be kept nothing is left
        if kept.is_empty() {
            prop_assert_eq!(state.usage(), State::new(Limits::default()).usage());
        }
    }
}

#[test]
fn many_denials_are_found_and_others_are_not() {
    let state = State::new(Limits::default().denials(200_000));
    let name = |n: u32| format!("token {n}");
    for n in 0..200_000 {
        let name = name(n);
        let fact = Fact::Denied { effective_at: None };
        let change = Change::new(Target::token(ISSUERS[0], &name), fact, None);
        state.apply(&change, NOW).unwrap();
    }
    assert_eq!(state.usage().denials, 200_000);
    for n in (0..400_000).step_by(7) {
        let name = name(n);
        let denied = state.is_denied(&Target::token(ISSUERS[0], &name), || NOW);
        assert_eq!(denied, n < 200_000, "{n}");
    }
}

#[test]
fn a_removal_takes_what_was_listed_up_to_its_position() {
    let token = Target::token(ISSUER, "1");
    for target in
        [Target::subject(ISSUER, "bob"), Target::issuer_wide(ISSUER), Target::everything()]
    {
        for (removed, allowed) in [(4, true), (5, false), (6, false)] {
            let state = State::new(Limits::default());
            let retention = Retention::default();
            let at = Position::new;
            state.allow(token, Some("bob"), None, at(5), &retention, NOW).unwrap();
            state.remove(target, at(removed), &retention, NOW).unwrap();
            assert_eq!(state.is_allowed(&token), allowed, "{target:?} {removed}");
        }
    }
}

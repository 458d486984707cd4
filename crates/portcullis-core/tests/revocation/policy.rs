//! What happens while a store can't be asked, and for how long an answer is reused: the rules are
//! run against a script, and a naive model of what may be known decides what they may say.

use std::time::Duration;

use portcullis_core::{
    AfterStale, Allowlist, Denylist, FailurePolicy, IatCutoff, MinGeneration, Revocation, Verdict,
};
use portcullis_testing::{TestClock, block_on};
use proptest::prelude::*;

use crate::fake::{Answer, NOW, Script, token};

const SECOND: Duration = Duration::from_secs(1);

/// Every rule over a script, as one type.
enum AnyRule {
    Cutoff(IatCutoff<Script>),
    Denylist(Denylist<Script>),
    Allowlist(Allowlist<Script>),
    Generation(MinGeneration<Script>),
}

use AnyRule as R;

impl AnyRule {
    fn check(&self) -> Verdict {
        let token = &token();
        match self {
            R::Cutoff(rule) => block_on(rule.check(token)),
            R::Denylist(rule) => block_on(rule.check(token)),
            R::Allowlist(rule) => block_on(rule.check(token)),
            R::Generation(rule) => block_on(rule.check(token)),
        }
    }

    fn peek(&self) -> Option<Verdict> {
        let token = &token();
        match self {
            R::Cutoff(rule) => rule.peek(token),
            R::Denylist(rule) => rule.peek(token),
            R::Allowlist(rule) => rule.peek(token),
            R::Generation(rule) => rule.peek(token),
        }
    }

    fn unchecked(&self) -> u64 {
        match self {
            R::Cutoff(rule) => rule.unchecked(),
            R::Denylist(rule) => rule.unchecked(),
            R::Allowlist(rule) => rule.unchecked(),
            R::Generation(rule) => rule.unchecked(),
        }
    }

    fn is_allowlist(&self) -> bool {
        matches!(self, R::Allowlist(_))
    }
}

struct Case {
    clock: TestClock,
    script: Script,
    rule: AnyRule,
}

/// Each of the four rules with this policy and cache.
fn rules(policy: FailurePolicy, cache_for: Duration) -> Vec<Case> {
    macro_rules! case {
        ($variant:ident, $rule:ident) => {{
            let clock = TestClock::new(NOW);
            let script = Script::on(&clock);
            let rule = $rule::new(script.clone())
                .on_outage(policy)
                .cache_for(cache_for)
                .with_clock(clock.clone());
            Case { clock, script, rule: R::$variant(rule) }
        }};
    }
    vec![
        case!(Cutoff, IatCutoff),
        case!(Denylist, Denylist),
        case!(Allowlist, Allowlist),
        case!(Generation, MinGeneration),
    ]
}

#[track_caller]
fn assert_allowed(verdict: &Verdict) {
    assert!(matches!(verdict, Verdict::Allowed), "{verdict:?}");
}

#[track_caller]
fn assert_unavailable(verdict: &Verdict) {
    match verdict {
        Verdict::Unavailable(outage) => {
            let source = std::error::Error::source(outage).expect("the cause is kept");
            assert_eq!(source.to_string(), "it is down");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn closed_is_the_default_and_refuses_to_answer() {
    let script = Script::default();
    script.then(Answer::Down);
    assert_unavailable(&block_on(Denylist::new(script).check(&token())));
    for Case { script, rule, .. } in rules(FailurePolicy::Closed, Duration::ZERO) {
        script.then(Answer::Good).then(Answer::Down);
        assert_allowed(&rule.check());
        assert_unavailable(&rule.check());
        assert_eq!(rule.unchecked(), 0);
    }
}

#[test]
fn open_lets_pass_and_says_and_counts_it() {
    for Case { script, rule, .. } in rules(FailurePolicy::Open, Duration::ZERO) {
        script.then(Answer::Down).then(Answer::Down);
        for n in 1..=2 {
            let verdict = rule.check();
            assert!(matches!(verdict, Verdict::AllowedUnchecked(_)), "{verdict:?}");
            assert_eq!(rule.unchecked(), n);
        }
    }
}

#[test]
fn stale_answers_count_from_when_they_were_asked_for() {
    let max = 10 * SECOND;
    let policy = FailurePolicy::Stale { max, then: AfterStale::Closed };
    for Case { clock, script, rule } in rules(policy, Duration::ZERO) {
        // the answer takes four seconds: at its arrival it is four seconds old
        script.then_after(Answer::Good, 4 * SECOND);
        assert_allowed(&rule.check());
        clock.advance(6 * SECOND);
        script.then(Answer::Down);
        assert_allowed(&rule.check());
        clock.advance(Duration::from_millis(1));
        script.then(Answer::Down);
        assert_unavailable(&rule.check());
    }
    let policy = FailurePolicy::Stale { max, then: AfterStale::Open };
    for Case { clock, script, rule } in rules(policy, Duration::ZERO) {
        script.then(Answer::Good).then(Answer::Down);
        assert_allowed(&rule.check());
        clock.advance(11 * SECOND);
        assert!(matches!(rule.check(), Verdict::AllowedUnchecked(_)));
    }
}

#[test]
fn a_slow_outage_does_not_stretch_a_stale_answer() {
    let policy = FailurePolicy::Stale { max: 10 * SECOND, then: AfterStale::Closed };
    for Case { script, rule, .. } in rules(policy, Duration::ZERO) {
        script.then(Answer::Good);
        assert_allowed(&rule.check());
        // the question times out after eleven seconds: what was known is too old by then
        script.then_after(Answer::Down, 11 * SECOND);
        assert_unavailable(&rule.check());
    }
}

#[test]
fn a_known_denial_is_one_under_every_policy_for_as_long_as_the_outage_lasts() {
    let stale = |then| FailurePolicy::Stale { max: SECOND, then };
    for policy in [
        FailurePolicy::Closed,
        FailurePolicy::Open,
        stale(AfterStale::Closed),
        stale(AfterStale::Open),
    ] {
        for cache_for in [Duration::ZERO, SECOND] {
            for Case { clock, script, rule } in rules(policy, cache_for) {
                if rule.is_allowlist() {
                    continue; // that a token is not listed is never remembered
                }
                script.then(Answer::Revoked);
                assert!(rule.check().is_denied());
                clock.advance(100_000 * SECOND);
                script.then(Answer::Down);
                assert!(rule.check().is_denied(), "{policy:?}");
                // the store has the last word
                script.then(Answer::Good).then(Answer::Down);
                assert_allowed(&rule.check());
                clock.advance(2 * SECOND);
                assert!(!rule.check().is_denied(), "{policy:?}");
            }
        }
    }
}

#[test]
fn nothing_is_reused_unless_it_is_asked_for() {
    for Case { script, rule, .. } in rules(FailurePolicy::Closed, Duration::ZERO) {
        for n in 1..=3 {
            script.then(Answer::Good);
            assert!(rule.peek().is_none());
            assert_allowed(&rule.check());
            assert_eq!(script.asked(), n);
        }
    }
}

#[test]
fn an_answer_is_reused_for_so_long_from_when_it_was_asked_for() {
    for Case { clock, script, rule } in rules(FailurePolicy::Closed, 10 * SECOND) {
        script.then_after(Answer::Good, 4 * SECOND);
        assert_allowed(&rule.check());
        clock.advance(6 * SECOND);
        assert_allowed(&rule.peek().expect("it is ten seconds old"));
        assert_allowed(&rule.check());
        assert_eq!(script.asked(), 1);
        clock.advance(Duration::from_millis(1));
        assert!(rule.peek().is_none(), "it is more than ten seconds old");
        script.then(Answer::Revoked);
        assert!(rule.check().is_denied());
        assert_eq!(script.asked(), 2);
    }
}

#[test]
fn the_time_of_day_does_not_age_answers() {
    for Case { clock, script, rule } in rules(FailurePolicy::Closed, 10 * SECOND) {
        script.then(Answer::Good);
        assert_allowed(&rule.check());
        clock.advance(11 * SECOND);
        clock.set(NOW);
        assert!(rule.peek().is_none());
    }
}

#[test]
fn that_a_token_is_not_listed_is_never_reused() {
    for policy in [
        FailurePolicy::Closed,
        FailurePolicy::Stale { max: 100 * SECOND, then: AfterStale::Closed },
    ] {
        for Case { script, rule, .. } in rules(policy, 100 * SECOND) {
            if !rule.is_allowlist() {
                continue;
            }
            script.then(Answer::Revoked);
            assert!(rule.check().is_denied());
            assert!(rule.peek().is_none());
            script.then(Answer::Down);
            assert_unavailable(&rule.check());
            // it was listed a moment later
            script.then(Answer::Good);
            assert_allowed(&rule.check());
            assert_allowed(&rule.peek().expect("a positive is reused"));
        }
    }
}

/// What may happen.
#[derive(Clone, Copy, Debug)]
enum Step {
    Wait(u32),
    Check { answer: Answer, takes: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    let answer = prop_oneof![
        3 => Just(Answer::Good),
        2 => Just(Answer::Revoked),
        3 => Just(Answer::Down),
    ];
    prop_oneof![
        (0..12u32).prop_map(Step::Wait),
        (answer, 0..4u32).prop_map(|(answer, takes)| Step::Check { answer, takes }),
    ]
}

fn policy() -> impl Strategy<Value = FailurePolicy> {
    prop_oneof![
        Just(FailurePolicy::Closed),
        Just(FailurePolicy::Open),
        (0..15u32, prop_oneof![Just(AfterStale::Closed), Just(AfterStale::Open)])
            .prop_map(|(max, then)| FailurePolicy::Stale { max: max * SECOND, then }),
    ]
}

/// The policies as one would say them, over the whole history of answers.
struct Model {
    policy: FailurePolicy,
    cache_for: u32,
    allowlist: bool,
    now: u32,
    /// When the last answer was asked for, and what it was.
    last: Option<(u32, Answer)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Allowed,
    Unchecked,
    Denied,
    Unavailable,
}

impl Model {
    /// The verdict, and whether the store is asked.
    fn check(&mut self, answer: Answer, takes: u32) -> (Expected, bool) {
        let remembered = self.last.filter(|(_, last)| !self.allowlist || *last == Answer::Good);
        if let Some((asked, last)) = remembered
            && self.cache_for > 0
            && self.now - asked <= self.cache_for
        {
            return (verdict(last), false);
        }
        let asked = self.now;
        self.now += takes;
        if answer != Answer::Down {
            self.last = Some((asked, answer));
            return (verdict(answer), true);
        }
        let (max, opens) = match self.policy {
            FailurePolicy::Stale { max, then } => {
                (Some(u32::try_from(max.as_secs()).unwrap()), then == AfterStale::Open)
            }
            policy => (None, policy == FailurePolicy::Open),
        };
        let expected = match remembered {
            Some((_, Answer::Revoked)) => Expected::Denied,
            Some((asked, Answer::Good)) if max.is_some_and(|max| self.now - asked <= max) => {
                Expected::Allowed
            }
            _ if opens => Expected::Unchecked,
            _ => Expected::Unavailable,
        };
        (expected, true)
    }
}

fn verdict(answer: Answer) -> Expected {
    if answer == Answer::Good { Expected::Allowed } else { Expected::Denied }
}

proptest! {
    #[test]
    fn every_history_is_as_the_policies_say(
        policy in policy(),
        cache_for in prop_oneof![Just(0), 1..10u32],
        steps in proptest::collection::vec(step(), 1..25),
    ) {
        for Case { clock, script, rule } in rules(policy, cache_for * SECOND) {
            let allowlist = rule.is_allowlist();
            let mut model = Model { policy, cache_for, allowlist, now: 0, last: None };
            for step in &steps {
                let (answer, takes) = match *step {
                    Step::Wait(secs) => {
                        clock.advance(secs * SECOND);
                        model.now += secs;
                        continue;
                    }
                    Step::Check { answer, takes } => (answer, takes),
                };
                let asked_before = script.asked();
                let peeked = rule.peek();
                let (expected, asks) = model.check(answer, takes);
                if asks {
                    script.then_after(answer, takes * SECOND);
                }
                let found = match rule.check() {
                    Verdict::Allowed => Expected::Allowed,
                    Verdict::AllowedUnchecked(_) => Expected::Unchecked,
                    Verdict::Denied(_) => Expected::Denied,
                    _ => Expected::Unavailable,
                };
                prop_assert_eq!(found, expected);
                prop_assert_eq!(script.asked() - asked_before, usize::from(asks));
                prop_assert_eq!(peeked.is_some(), !asks, "memory is what spares the question");
            }
        }
    }
}

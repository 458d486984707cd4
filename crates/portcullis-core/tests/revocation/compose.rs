//! Rules composed: a denial beats an outage, an outage beats a pass, and a peek agrees with a check.

use std::sync::Arc;

use portcullis_core::{
    Denial, DenialReason, NoRevocation, OptionalRule, Outage, Revocation, TokenView, Verdict,
};
use portcullis_testing::block_on;

use crate::fake::token;

/// A rule that says this, from memory or only when it is awaited.
#[derive(Clone, Copy, Debug)]
struct Says {
    what: What,
    from_memory: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Pass,
    Unchecked,
    Outage,
    Denial,
}

const ALL: [What; 4] = [What::Pass, What::Unchecked, What::Outage, What::Denial];

impl Says {
    fn verdict(self) -> Verdict {
        match self.what {
            What::Pass => Verdict::Allowed,
            What::Unchecked => Verdict::AllowedUnchecked(Outage::new("rule", "it is down")),
            What::Outage => Verdict::Unavailable(Outage::new("rule", "it is down")),
            What::Denial => Verdict::Denied(Denial::new(DenialReason::Denylisted)),
        }
    }
}

impl Revocation for Says {
    fn peek(&self, _: &TokenView<'_>) -> Option<Verdict> {
        self.from_memory.then(|| self.verdict())
    }

    async fn check(&self, _: &TokenView<'_>) -> Verdict {
        self.verdict()
    }
}

fn what(verdict: &Verdict) -> What {
    match verdict {
        Verdict::Allowed => What::Pass,
        Verdict::AllowedUnchecked(_) => What::Unchecked,
        Verdict::Unavailable(_) => What::Outage,
        Verdict::Denied(_) => What::Denial,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_stricter_verdict_stands_and_peek_agrees_with_check() {
    for a in ALL {
        for b in ALL {
            for (a_in_memory, b_in_memory) in
                [(true, true), (true, false), (false, true), (false, false)]
            {
                let rule = Says { what: a, from_memory: a_in_memory }
                    .and(Says { what: b, from_memory: b_in_memory });
                let expected = a.max(b);
                let case = format!("{a:?} ({a_in_memory}) and {b:?} ({b_in_memory})");
                assert_eq!(what(&block_on(rule.check(&token()))), expected, "{case}");
                match rule.peek(&token()) {
                    Some(peeked) => assert_eq!(what(&peeked), expected, "{case}"),
                    None => assert!(!(a_in_memory && b_in_memory), "{case} is known"),
                }
                // one denial from memory settles it without waiting for the other side
                let settled =
                    (a == What::Denial && a_in_memory) || (b == What::Denial && b_in_memory);
                if settled {
                    assert!(rule.peek(&token()).is_some(), "{case}");
                }
            }
        }
    }
}

/// A rule that must not be awaited.
#[derive(Debug)]
struct NeverAsked;

impl Revocation for NeverAsked {
    fn peek(&self, _: &TokenView<'_>) -> Option<Verdict> {
        None
    }

    async fn check(&self, _: &TokenView<'_>) -> Verdict {
        panic!("a denial was known")
    }
}

#[test]
fn a_denial_from_memory_spares_the_question_to_the_other_side() {
    let denial = Says { what: What::Denial, from_memory: true };
    assert!(block_on(denial.and(NeverAsked).check(&token())).is_denied());
    assert!(block_on(NeverAsked.and(denial).check(&token())).is_denied());
}

#[test]
fn of_two_outages_the_first_is_told_and_a_pass_is_either_pass() {
    let outage = |rule| Verdict::Unavailable(Outage::new(rule, "it is down"));
    match outage("denylist").and(outage("cutoff")) {
        Verdict::Unavailable(outage) => assert_eq!(outage.rule(), "denylist"),
        other => panic!("{other:?}"),
    }
    for what in ALL {
        let verdict = Says { what, from_memory: true }.verdict();
        assert_eq!(verdict.is_allowed(), what <= What::Unchecked, "{what:?}");
    }
}

#[test]
fn three_rules_stand_in_any_grouping() {
    for a in ALL {
        for b in ALL {
            for c in ALL {
                let says = |what| Says { what, from_memory: false };
                let left = says(a).and(says(b)).and(says(c));
                let right = says(a).and(says(b).and(says(c)));
                let expected = a.max(b).max(c);
                assert_eq!(what(&block_on(left.check(&token()))), expected);
                assert_eq!(what(&block_on(right.check(&token()))), expected);
            }
        }
    }
}

#[test]
fn rules_may_be_absent_or_shared() {
    let denial = Says { what: What::Denial, from_memory: true };
    let check = |rule: &dyn Fn() -> (Option<Verdict>, Verdict), expected| {
        let (peeked, checked) = rule();
        assert_eq!(peeked.as_ref().map(what), Some(expected));
        assert_eq!(what(&checked), expected);
    };
    let none = OptionalRule::<Says>::new(None);
    check(&|| (none.peek(&token()), block_on(none.check(&token()))), What::Pass);
    let some = OptionalRule::new(Some(denial));
    check(&|| (some.peek(&token()), block_on(some.check(&token()))), What::Denial);
    let shared = Arc::new(denial);
    check(&|| (shared.peek(&token()), block_on(shared.check(&token()))), What::Denial);
    let no = NoRevocation;
    check(&|| (no.peek(&token()), block_on(no.check(&token()))), What::Pass);
    let both = NoRevocation.and(denial);
    check(&|| (both.peek(&token()), block_on(both.check(&token()))), What::Denial);
}

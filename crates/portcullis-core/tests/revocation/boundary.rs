//! The cutoff rule: nothing issued at or before the cutoff's second survives, anything issued in a
//! later second passes; fractions are compared in milliseconds.

use portcullis_core::revocation::is_cut_off;
use portcullis_core::state::{Limits, State};
use portcullis_core::{CutoffStore, Entry, StoreError, Timestamp, Verdict};
use portcullis_core::{Denial, DenialReason, IatCutoff, Retention, Revocation, Target, TokenView};
use proptest::prelude::*;

use crate::fake::{ISSUER, NOW};

/// The rule as one would say it, over nanoseconds of wide integers.
fn survives(issued_nanos: i128, cutoff_nanos: i128) -> bool {
    const SECOND: i128 = 1_000_000_000;
    const MILLI: i128 = 1_000_000;
    if issued_nanos.rem_euclid(SECOND) == 0 {
        issued_nanos.div_euclid(SECOND) > cutoff_nanos.div_euclid(SECOND)
    } else {
        issued_nanos.div_euclid(MILLI) > cutoff_nanos.div_euclid(MILLI)
    }
}

fn timestamp(nanos: i128) -> Timestamp {
    let secs = i64::try_from(nanos.div_euclid(1_000_000_000)).unwrap();
    let rest = u64::try_from(nanos.rem_euclid(1_000_000_000)).unwrap();
    Timestamp::from_secs(secs).saturating_add(std::time::Duration::from_nanos(rest))
}

struct Fixed(Option<Timestamp>);

impl CutoffStore for Fixed {
    type Error = StoreError;

    async fn cutoff(&self, _: &Target<'_>) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.0)
    }
}

#[track_caller]
fn check(issued_nanos: i128, cutoff_nanos: i128) {
    let (issued, cutoff) = (timestamp(issued_nanos), timestamp(cutoff_nanos));
    let survives = survives(issued_nanos, cutoff_nanos);
    assert_eq!(is_cut_off(issued, cutoff), !survives, "issued {issued}, cutoff {cutoff}");

    let view = TokenView::new(ISSUER).with_subject("bob").with_issued_at(issued);
    let verdict = portcullis_testing::block_on(IatCutoff::new(Fixed(Some(cutoff))).check(&view));
    match verdict {
        Verdict::Allowed => assert!(survives, "issued {issued}, cutoff {cutoff}"),
        Verdict::Denied(denial) => {
            assert!(!survives, "issued {issued}, cutoff {cutoff}");
            let reason = DenialReason::CutOff { cutoff, issued };
            assert_eq!(denial, Denial::new(reason));
        }
        other => panic!("{other:?}"),
    }

    // a store keeps milliseconds, and that changes nothing
    let state = State::new(Limits::default());
    let bob = Target::subject(ISSUER, "bob");
    state.revoke(&Entry::not_before(bob, cutoff), &Retention::default(), NOW).unwrap();
    let kept = state.cutoff(&bob).unwrap();
    assert_eq!(is_cut_off(issued, kept), !survives, "issued {issued}, cutoff {cutoff}");
}

#[test]
fn every_pair_around_the_borders_of_seconds_and_milliseconds() {
    const STEPS: [i128; 15] = [
        -1_000_000_001,
        -1_000_000_000,
        -999_999_999,
        -1_000_000,
        -1,
        0,
        1,
        999_999,
        1_000_000,
        1_000_001,
        500_000_000,
        999_999_999,
        1_000_000_000,
        1_000_000_001,
        2_000_000_000,
    ];
    for base in [0, 1_700_000_000_000_000_000, -5_000_000_000] {
        for issued in STEPS {
            for cutoff in STEPS {
                check(base + issued, base + cutoff);
            }
        }
    }
}

proptest! {
    #[test]
    fn nothing_issued_up_to_the_cutoffs_second_survives_and_all_later_seconds_pass(
        cutoff in 0..4_000_000_000_000_000_000i128,
        apart in -3_000_000_000..3_000_000_000i128,
        whole in any::<bool>(),
    ) {
        let mut issued = cutoff + apart;
        if whole {
            issued -= issued.rem_euclid(1_000_000_000);
            let (second, cutoff_second) = (issued / 1_000_000_000, cutoff.div_euclid(1_000_000_000));
            prop_assert_eq!(survives(issued, cutoff), second > cutoff_second);
        }
        check(issued, cutoff);
        // whatever its form: what was issued before the cutoff does not survive
        prop_assert!(issued > cutoff || is_cut_off(timestamp(issued), timestamp(cutoff)));
    }
}

#[test]
fn a_refusal_in_the_second_of_the_cutoff_names_the_rule() {
    let half = Timestamp::from_millis(NOW.as_millis() + 500);
    let says = |issued| Denial::new(DenialReason::CutOff { cutoff: half, issued }).to_string();
    assert!(says(NOW).contains("whole-second"), "{}", says(NOW));
    let earlier = Timestamp::from_secs(NOW.as_secs() - 1);
    assert!(!says(earlier).contains("whole-second"), "{}", says(earlier));
}

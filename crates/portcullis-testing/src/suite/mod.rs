//! The suite that every store of revocations must pass, ours or your own.
//!
//! It comes by capability. A store that you only read from (a table that some other part of your
//! service writes) is tested with a function that makes one holding given rows; one that implements
//! [`Revoke`] or [`AllowlistWriter`] with a function that makes an empty one for a [`Setup`].
//!
//! | the store implements | one `#[test]` a case | all in one call |
//! |---|---|---|
//! | [`CutoffStore`] | [`cutoff_rows_tests!`] | [`cutoff_rows::all`] |
//! | [`DenylistStore`] | [`denylist_rows_tests!`] | [`denylist_rows::all`] |
//! | [`AllowlistStore`] | [`allowlist_rows_tests!`] | [`allowlist_rows::all`] |
//! | [`CutoffStore`] and [`Revoke`] | [`cutoffs_tests!`] | [`cutoffs::all`] |
//! | [`DenylistStore`] and [`Revoke`] | [`denials_tests!`] | [`denials::all`] |
//! | both of these | [`limits_tests!`], [`collapse_tests!`] | [`limits::all`], [`collapse::all`] |
//! | [`GenerationStore`] and [`Revoke`] | [`generations_tests!`] | [`generations::all`] |
//! | [`AllowlistStore`] and [`AllowlistWriter`] | [`listings_tests!`] | [`listings::all`] |
//! | [`Feed`] and [`Revoke`] | [`feed_tests!`] | [`feed::all`], [`feed::wake_up`] |
//! | [`FeedFaults`] | [`feed_faults_tests!`] | [`feed_faults::all`] |
//! | `RefreshStore` of portcullis-issuer | `refresh_store_tests!` | `refresh_store::all` |
//! | anything | | [`outage`], [`concurrency`] |
//!
//! [`every_store_test!`] is all of the macros for stores that can be written to. A macro expands to a
//! module of tests with readable names and calls your `async fn`; it runs them on
//! [`block_on`](crate::block_on), or on an executor of yours:
//! `cutoffs_tests!(make, block_on = on_tokio)`. No case sleeps or depends on timing: the clock of the
//! setup stands still until a case moves it.
//!
//! # Example
//!
//! ```
//! use std::collections::BTreeMap;
//! use portcullis_core::{CutoffStore, Target, TargetBuf, Timestamp};
//!
//! struct Users(BTreeMap<TargetBuf, Timestamp>);
//!
//! impl CutoffStore for Users {
//!     type Error = std::convert::Infallible;
//!
//!     async fn cutoff(&self, target: &Target<'_>) -> Result<Option<Timestamp>, Self::Error> {
//!         Ok(self.0.get(&target.to_owned()).copied())
//!     }
//! }
//!
//! async fn users(rows: Vec<(TargetBuf, Timestamp)>) -> Users {
//!     Users(rows.into_iter().collect())
//! }
//!
//! portcullis_testing::cutoff_rows_tests!(users);
//! # portcullis_testing::block_on(portcullis_testing::suite::cutoff_rows::all(users));
//! ```
//!
//! [`Feed`]: portcullis_core::feed::Feed
//! [`FeedFaults`]: feed_faults::FeedFaults
//! [`Revoke`]: portcullis_core::Revoke
//! [`AllowlistWriter`]: portcullis_core::AllowlistWriter
//! [`CutoffStore`]: portcullis_core::CutoffStore
//! [`DenylistStore`]: portcullis_core::DenylistStore
//! [`AllowlistStore`]: portcullis_core::AllowlistStore
//! [`GenerationStore`]: portcullis_core::GenerationStore
//! [`cutoff_rows_tests!`]: crate::cutoff_rows_tests
//! [`denylist_rows_tests!`]: crate::denylist_rows_tests
//! [`allowlist_rows_tests!`]: crate::allowlist_rows_tests
//! [`cutoffs_tests!`]: crate::cutoffs_tests
//! [`denials_tests!`]: crate::denials_tests
//! [`limits_tests!`]: crate::limits_tests
//! [`collapse_tests!`]: crate::collapse_tests
//! [`generations_tests!`]: crate::generations_tests
//! [`listings_tests!`]: crate::listings_tests
//! [`feed_tests!`]: crate::feed_tests
//! [`feed_faults_tests!`]: crate::feed_faults_tests
//! [`every_store_test!`]: crate::every_store_test

#![expect(clippy::missing_panics_doc, reason = "panicking is how a test fails")]

use std::time::Duration;

use portcullis_core::state::Limits;
use portcullis_core::{
    Clock, Denial, Retention, Revocation, StoreError, StoreErrorKind, Timestamp, TokenView, Verdict,
};

use crate::TestClock;

/// Writes the function that runs all cases of a module, and the macro that makes a test of each.
macro_rules! cases {
    (
        $d:tt $(#[$doc:meta])* $macro:ident, $module:ident,
        $make:ident: ($argument:ty) -> $store:ident: ($($bound:tt)*)
        { $($case:ident,)* }
    ) => {
        /// Runs every case of this module.
        pub async fn all<$store: $($bound)*>($make: impl AsyncFn($argument) -> $store) {
            $($case(&$make).await;)*
        }

        $(#[$doc])*
        #[macro_export]
        macro_rules! $macro {
            ($d make:ident) => {
                mod $module {
                    $(
                        #[test]
                        fn $case() {
                            $crate::block_on($crate::suite::$module::$case(&super::$d make));
                        }
                    )*
                }
            };
            ($d make:ident, block_on = $d block_on:path) => {
                mod $module {
                    use super::*;

                    $(
                        #[test]
                        fn $case() {
                            $d block_on($crate::suite::$module::$case(&super::$d make));
                        }
                    )*
                }
            };
        }
    };
}

pub mod allowlist_rows;
pub mod collapse;
mod concurrent;
pub mod cutoff_rows;
pub mod cutoffs;
pub mod denials;
pub mod denylist_rows;
pub mod feed;
pub mod feed_faults;
pub mod generations;
pub mod limits;
pub mod listings;
mod outages;
#[cfg(feature = "issuer")]
pub mod refresh_store;

pub use concurrent::concurrency;
pub use outages::outage;

/// Every test for a store that can be written to and implements all of the traits.
///
/// See [`suite`](crate::suite).
#[macro_export]
macro_rules! every_store_test {
    ($make:ident) => {
        $crate::cutoffs_tests!($make);
        $crate::denials_tests!($make);
        $crate::limits_tests!($make);
        $crate::collapse_tests!($make);
        $crate::generations_tests!($make);
        $crate::listings_tests!($make);
    };
    ($make:ident, block_on = $block_on:path) => {
        $crate::cutoffs_tests!($make, block_on = $block_on);
        $crate::denials_tests!($make, block_on = $block_on);
        $crate::limits_tests!($make, block_on = $block_on);
        $crate::collapse_tests!($make, block_on = $block_on);
        $crate::generations_tests!($make, block_on = $block_on);
        $crate::listings_tests!($make, block_on = $block_on);
    };
}

/// What a store under test is to be made with. Make an empty one that obeys all of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Setup {
    /// The store's only clock.
    pub clock: TestClock,
    /// How long it keeps entries.
    pub retention: Retention,
    /// How many it may hold.
    pub limits: Limits,
    /// How many entries a page of its [`Feed`](portcullis_core::feed::Feed) has. A store that has no
    /// such setting may leave it alone; the cases are then less sharp.
    pub page: usize,
}

/// When the clocks of the cases start.
const START: Timestamp = Timestamp::from_secs(1_700_000_000);

/// What `exp` is exceeded by before an entry may be dropped, in the setups of the cases.
const SLACK: Duration = Duration::from_secs(30);

/// The longest lifetime of a token in the setups of the cases.
const MAX_LIFETIME: Duration = Duration::from_secs(3_600);

const ISSUER: &str = "https://idp.example.com";
const OTHER_ISSUER: &str = "https://idp.example.com/";

/// Identifiers that careless stores take for one another: by case, by width, by padding, as patterns,
/// as parts of a key that is glued together, or cut at a zero byte.
const LOOKALIKES: [&str; 14] = [
    "bob",
    "Bob",
    "bob ",
    " bob",
    "bo",
    "bobb",
    "b%b",
    "b_b",
    "b*b",
    "bob\0",
    "bob'--",
    "bob:jti",
    "böb",
    "bo\u{308}b",
];

/// As the cases have it.
impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    fn new() -> Self {
        let retention = Retention::default()
            .leeway(SLACK / 3)
            .clock_error(SLACK / 3)
            .margin(SLACK / 3)
            .max_lifetime(MAX_LIFETIME);
        Self { clock: TestClock::new(START), retention, limits: Limits::default(), page: 7 }
    }

    fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    fn after(&self, by: Duration) -> Timestamp {
        self.clock.now().saturating_add(by)
    }
}

/// A token of the issuer of the cases.
fn token<'a>(subject: &'a str, jti: &'a str, issued: Timestamp) -> TokenView<'a> {
    TokenView::new(ISSUER).with_subject(subject).with_token_id(jti).with_issued_at(issued)
}

/// The verdict; that a peek, where there is one, says the same.
async fn judge(rule: &impl Revocation, token: &TokenView<'_>) -> Verdict {
    let peeked = rule.peek(token);
    let checked = rule.check(token).await;
    if let Some(peeked) = peeked {
        assert_eq!(
            (peeked.is_allowed(), peeked.is_denied()),
            (checked.is_allowed(), checked.is_denied()),
            "peek says {peeked:?}, check says {checked:?} of {token:?}",
        );
    }
    checked
}

async fn assert_passes(rule: &impl Revocation, token: &TokenView<'_>, because: &str) {
    let verdict = judge(rule, token).await;
    assert!(matches!(verdict, Verdict::Allowed), "{because}: {verdict:?} for {token:?}");
}

async fn assert_denied(rule: &impl Revocation, token: &TokenView<'_>, because: &str) -> Denial {
    match judge(rule, token).await {
        Verdict::Denied(denial) => denial,
        other => panic!("{because}: {other:?} for {token:?}"),
    }
}

fn done<T>(result: Result<T, StoreError>) -> T {
    result.unwrap_or_else(|error| panic!("a write failed: {error:?}"))
}

fn assert_refused<T>(result: Result<T, StoreError>, kind: StoreErrorKind, because: &str) {
    match result {
        Ok(_) => panic!("{because}: the write was accepted"),
        Err(error) => assert_eq!(error.kind(), kind, "{because}: {error:?}"),
    }
}

/// Cutoffs and times of issue, in milliseconds of one day, around the borders of seconds, and whether
/// such a token survives such a cutoff. The rule is written out here, apart from the code under test.
fn boundary_grid() -> Vec<(Timestamp, Timestamp, bool)> {
    let base = START.as_millis();
    let offsets = [-1_001, -1_000, -999, -1, 0, 1, 499, 500, 501, 999, 1_000, 1_001, 1_999, 2_000];
    let mut grid = Vec::new();
    for cutoff in offsets {
        for issued in offsets {
            let (cutoff, issued) = (base + cutoff, base + issued);
            let survives =
                if issued % 1_000 == 0 { issued / 1_000 > cutoff / 1_000 } else { issued > cutoff };
            grid.push((Timestamp::from_millis(cutoff), Timestamp::from_millis(issued), survives));
        }
    }
    grid
}

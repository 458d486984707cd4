//! Waiting out the second of a cutoff, so that a sign-in right after a sign-out works at once.
//!
//! A whole-second `iat` stands for any moment of its second, so a cutoff refuses every token of its own
//! second, also one that is minted after it. An `iat` in the future would be no way out: a second cutoff
//! within that second would miss the token. So the issuer waits, at most for the rest of a second and
//! only where the subject has such a cutoff.
//!
//! A service that only has a denylist needs it too: a store collapses the many denials of one subject into
//! a cutoff.

use std::future::Future;
use std::time::Duration;

use portcullis_core::revocation::is_cut_off;
use portcullis_core::{
    BoxError, Clock, CutoffStore, GenerationStore, Target, TargetKind, Timestamp,
};

use crate::BoxFuture;
use crate::error::{IssuerError, IssuerErrorKind};

/// The longest wait. A cutoff may lie a little ahead where its store has another clock, and a newer one
/// may appear meanwhile; beyond this a person would rather be told.
const LONGEST: Duration = Duration::from_secs(5);

/// How long to wait from `now` on until a token with a whole-second `iat` escapes this cutoff; zero if
/// it does already.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use portcullis::Timestamp;
/// use portcullis_issuer::delay_past;
///
/// let cutoff = Timestamp::from_millis(7_200);
/// assert_eq!(delay_past(cutoff, Timestamp::from_millis(7_900)), Duration::from_millis(100));
/// assert_eq!(delay_past(cutoff, Timestamp::from_millis(8_000)), Duration::ZERO);
/// ```
#[must_use]
pub fn delay_past(cutoff: Timestamp, now: Timestamp) -> Duration {
    if !is_cut_off(Timestamp::from_secs(now.as_secs()), cutoff) {
        return Duration::ZERO;
    }
    let next = Timestamp::from_secs(cutoff.as_secs()).saturating_add(Duration::from_secs(1));
    next.saturating_since(now)
}

/// Waits until a token that is minted now escapes the cutoff of the subject, sleeping with `sleep`.
///
/// The store is asked again after each wait, because a newer cutoff may have appeared. Most subjects
/// have no cutoff in the current second and don't wait at all. `clock` must be the one that the tokens
/// are minted by.
///
/// Call it with the store of the denylist where that is the only rule: when somebody signs out again and
/// again, the store collapses their denials into a cutoff, which refuses what is minted within its second.
///
/// # Errors
///
/// If the store can't be asked ([`IssuerErrorKind::StoreUnavailable`]), or if it would take longer than
/// five seconds in all ([`IssuerErrorKind::CutoffAhead`]).
pub async fn wait_past_cutoff_with<S, F>(
    store: &S,
    issuer: &str,
    subject: &str,
    clock: &(impl Clock + ?Sized),
    sleep: impl FnMut(Duration) -> F,
) -> Result<(), IssuerError>
where
    S: CutoffStore,
    F: Future<Output = ()>,
{
    wait_past(store, &[Target::subject(issuer, subject)], clock, sleep).await
}

/// Waits until a token that is minted now escapes the latest cutoff of these targets.
pub(crate) async fn wait_past<F: Future<Output = ()>>(
    store: &(impl Cutoffs + ?Sized),
    targets: &[Target<'_>],
    clock: &(impl Clock + ?Sized),
    mut sleep: impl FnMut(Duration) -> F,
) -> Result<(), IssuerError> {
    let started = clock.elapsed();
    loop {
        let Some(cutoff) = store.latest(targets).await? else { return Ok(()) };
        let delay = delay_past(cutoff, clock.now());
        if delay.is_zero() {
            return Ok(());
        }
        let waited = clock.elapsed().saturating_sub(started);
        if waited.saturating_add(delay) > LONGEST {
            return Err(IssuerError::new(
                IssuerErrorKind::CutoffAhead,
                "the cutoff of the subject lies ahead of the clock: tokens that are minted now would be \
                 refused",
            ));
        }
        sleep(delay).await;
    }
}

/// A store of cutoffs, whatever its type.
pub(crate) trait Cutoffs: Send + Sync {
    fn latest<'a>(
        &'a self,
        targets: &'a [Target<'_>],
    ) -> BoxFuture<'a, Result<Option<Timestamp>, IssuerError>>;

    fn kinds(&self) -> &'static [TargetKind];
}

impl<S: CutoffStore> Cutoffs for S {
    fn latest<'a>(
        &'a self,
        targets: &'a [Target<'_>],
    ) -> BoxFuture<'a, Result<Option<Timestamp>, IssuerError>> {
        Box::pin(async {
            let latest = self.latest_cutoff(targets).await;
            latest.map_err(|error| unavailable("the cutoff of the subject can't be read", error))
        })
    }

    fn kinds(&self) -> &'static [TargetKind] {
        CutoffStore::kinds(self)
    }
}

/// A store of generations, whatever its type.
pub(crate) trait Generations: Send + Sync {
    fn min_generation<'a>(
        &'a self,
        target: Target<'a>,
    ) -> BoxFuture<'a, Result<Option<u64>, IssuerError>>;
}

impl<S: GenerationStore> Generations for S {
    fn min_generation<'a>(
        &'a self,
        target: Target<'a>,
    ) -> BoxFuture<'a, Result<Option<u64>, IssuerError>> {
        Box::pin(async move {
            let least = GenerationStore::min_generation(self, &target).await;
            least.map_err(|error| unavailable("the generation of the subject can't be read", error))
        })
    }
}

fn unavailable(what: &str, error: impl Into<BoxError>) -> IssuerError {
    IssuerError::new(IssuerErrorKind::StoreUnavailable, what).with_source(error)
}

/// [`wait_past_cutoff_with`] on tokio's clock.
///
/// # Errors
///
/// As [`wait_past_cutoff_with`].
///
/// # Example
///
/// ```
/// use portcullis::{CutoffStore, SystemClock};
/// use portcullis_issuer::{IssuerError, wait_past_cutoff};
///
/// async fn sign_in(cutoffs: &impl CutoffStore) -> Result<(), IssuerError> {
///     wait_past_cutoff(cutoffs, "https://payroll.example.com", "bob", &SystemClock::new()).await?;
///     // mint the token
/// #   Ok(())
/// }
/// ```
#[cfg(feature = "tokio")]
pub async fn wait_past_cutoff(
    store: &impl CutoffStore,
    issuer: &str,
    subject: &str,
    clock: &(impl Clock + ?Sized),
) -> Result<(), IssuerError> {
    wait_past_cutoff_with(store, issuer, subject, clock, tokio::time::sleep).await
}

#[cfg(feature = "tokio")]
impl crate::TokenIssuer {
    /// Waits until a token that is minted now escapes the cutoff of the subject. See
    /// [`wait_past_cutoff`].
    ///
    /// # Errors
    ///
    /// As [`wait_past_cutoff`].
    pub async fn wait_past_cutoff(
        &self,
        store: &impl CutoffStore,
        subject: &str,
    ) -> Result<(), IssuerError> {
        wait_past_cutoff(store, self.name(), subject, self.clock()).await
    }
}

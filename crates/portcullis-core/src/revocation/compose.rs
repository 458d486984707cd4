//! Rules composed: two together, an optional one, none at all.

use std::sync::Arc;

use futures_util::future::join;

use super::{Revocation, Verdict};
use crate::TokenView;

/// Two rules, both of which a token must pass. Made by [`Revocation::and`].
#[derive(Clone, Copy, Debug)]
pub struct And<A, B> {
    a: A,
    b: B,
}

impl<A, B> And<A, B> {
    pub(super) const fn new(a: A, b: B) -> Self {
        Self { a, b }
    }
}

impl<A: Revocation, B: Revocation> Revocation for And<A, B> {
    fn peek(&self, token: &TokenView<'_>) -> Option<Verdict> {
        match (self.a.peek(token), self.b.peek(token)) {
            (Some(a), Some(b)) => Some(a.and(b)),
            // one denial is enough, whatever the other side would say
            (Some(known), None) | (None, Some(known)) if known.is_denied() => Some(known),
            _ => None,
        }
    }

    async fn check(&self, token: &TokenView<'_>) -> Verdict {
        match (self.a.peek(token), self.b.peek(token)) {
            (Some(a), Some(b)) => a.and(b),
            (Some(known), None) if !known.is_denied() => known.and(self.b.check(token).await),
            (None, Some(known)) if !known.is_denied() => self.a.check(token).await.and(known),
            (Some(denied), None) | (None, Some(denied)) => denied,
            (None, None) => {
                let (a, b) = join(self.a.check(token), self.b.check(token)).await;
                a.and(b)
            }
        }
    }

    fn version(&self) -> Option<u64> {
        // neither ever goes back, so their sum stays the same only if both do
        Some(self.a.version()?.wrapping_add(self.b.version()?))
    }
}

/// No revocation at all: every token passes.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRevocation;

impl Revocation for NoRevocation {
    fn peek(&self, _: &TokenView<'_>) -> Option<Verdict> {
        Some(Verdict::Allowed)
    }

    async fn check(&self, _: &TokenView<'_>) -> Verdict {
        Verdict::Allowed
    }

    fn version(&self) -> Option<u64> {
        Some(0)
    }
}

/// A rule that may be switched off by configuration: without one, every token passes.
///
/// It is a type of its own and not `Option`, because an `Option` has an `and` of its own, which would
/// drop the first of two rules without a word.
///
/// # Example
///
/// ```
/// # use portcullis_core::{Denylist, DenylistStore, IatCutoff, CutoffStore, Target, Timestamp};
/// # #[derive(Clone)] struct Store;
/// # impl CutoffStore for Store {
/// #     type Error = std::convert::Infallible;
/// #     async fn cutoff(&self, _: &Target<'_>) -> Result<Option<Timestamp>, Self::Error> { Ok(None) }
/// # }
/// # impl DenylistStore for Store {
/// #     type Error = std::convert::Infallible;
/// #     async fn is_denied(&self, _: &Target<'_>) -> Result<bool, Self::Error> { Ok(false) }
/// # }
/// use portcullis_core::{OptionalRule, Revocation};
///
/// fn rules(cutoffs: bool, denylist: bool, store: Store) -> impl Revocation {
///     let cutoffs = OptionalRule::new(cutoffs.then(|| IatCutoff::new(store.clone())));
///     let denylist = OptionalRule::new(denylist.then(|| Denylist::new(store)));
///     cutoffs.and(denylist)
/// }
/// # let _ = rules(true, true, Store);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OptionalRule<R> {
    rule: Option<R>,
}

impl<R> OptionalRule<R> {
    /// This rule, or none.
    #[must_use]
    pub const fn new(rule: Option<R>) -> Self {
        Self { rule }
    }
}

impl<R> From<Option<R>> for OptionalRule<R> {
    fn from(rule: Option<R>) -> Self {
        Self::new(rule)
    }
}

impl<R: Revocation> Revocation for OptionalRule<R> {
    fn peek(&self, token: &TokenView<'_>) -> Option<Verdict> {
        match &self.rule {
            Some(rule) => rule.peek(token),
            None => Some(Verdict::Allowed),
        }
    }

    fn version(&self) -> Option<u64> {
        self.rule.as_ref().map_or(Some(0), R::version)
    }

    async fn check(&self, token: &TokenView<'_>) -> Verdict {
        match &self.rule {
            Some(rule) => rule.check(token).await,
            None => Verdict::Allowed,
        }
    }
}

impl<R: Revocation> Revocation for Arc<R> {
    fn peek(&self, token: &TokenView<'_>) -> Option<Verdict> {
        (**self).peek(token)
    }

    async fn check(&self, token: &TokenView<'_>) -> Verdict {
        (**self).check(token).await
    }

    fn version(&self) -> Option<u64> {
        (**self).version()
    }
}

//! Names of roles and scopes as types, the claims that hold them, and which of them an issuer may
//! assert.

use std::sync::Arc;

/// A role as a type, so that a handler's signature says who may call it.
///
/// Write it by hand or with [`roles!`](crate::roles!).
///
/// # Example
///
/// ```
/// use portcullis_core::RoleName;
///
/// struct Admin;
/// impl RoleName for Admin {
///     const NAME: &'static str = "admin";
/// }
///
/// struct Reader;
/// impl RoleName for Reader {
///     const NAME: &'static str = "reader";
///     // an admin is also a reader
///     const GRANTED_BY: &'static [&'static str] = &[Admin::NAME];
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the name of a role",
    label = "expected a type that implements `RoleName`",
    note = "declare it with `portcullis::roles! {{ pub {Self} = \"…\"; }}`, or write `impl RoleName for {Self}`"
)]
pub trait RoleName: 'static {
    /// The role as tokens spell it, compared code point by code point.
    const NAME: &'static str;

    /// Other roles whose holders have this one too. The list is taken as it is and not followed
    /// further: name the grand-parents as well.
    const GRANTED_BY: &'static [&'static str] = &[];
}

/// A scope as a type.
///
/// # Example
///
/// ```
/// use portcullis_core::ScopeName;
///
/// struct ReadPayments;
/// impl ScopeName for ReadPayments {
///     const NAME: &'static str = "payments:read";
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the name of a scope",
    label = "expected a type that implements `ScopeName`",
    note = "write `impl ScopeName for {Self} {{ const NAME: &'static str = \"…\"; }}`"
)]
pub trait ScopeName: 'static {
    /// The scope as tokens spell it: a `scope-token` of
    /// [RFC 6749 §3.3](https://www.rfc-editor.org/rfc/rfc6749#section-3.3), checked when it is first
    /// used in a challenge.
    const NAME: &'static str;
}

/// Claims that can say whether their subject has a role.
///
/// Answering `true` wrongly lets somebody in who must stay out; answering `false` wrongly is a 403.
///
/// # Example
///
/// ```
/// use portcullis_core::HasRoles;
///
/// struct Payroll { roles: Vec<String> }
/// impl HasRoles for Payroll {
///     fn has_role(&self, role: &str) -> bool {
///         self.roles.iter().any(|r| r == role)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the claims `{Self}` do not say which roles their subject has",
    label = "a role guard needs `HasRoles` here",
    note = "write `impl HasRoles for {Self} {{ fn has_role(&self, role: &str) -> bool {{ … }} }}`, or use the ready-made `AccessClaims`"
)]
pub trait HasRoles {
    /// True if the claims hold exactly this role.
    fn has_role(&self, role: &str) -> bool;
}

/// Claims that can say whether their token was granted a scope.
///
/// Answering `true` wrongly lets a client do more than it was granted; answering `false` wrongly is
/// a 403.
#[diagnostic::on_unimplemented(
    message = "the claims `{Self}` do not say which scopes they were granted",
    label = "a scope guard needs `HasScopes` here",
    note = "write `impl HasScopes for {Self} {{ fn has_scope(&self, scope: &str) -> bool {{ … }} }}`, or use the ready-made `AccessClaims`"
)]
pub trait HasScopes {
    /// True if the token was granted exactly this scope.
    fn has_scope(&self, scope: &str) -> bool;
}

/// The roles and scopes that an issuer may assert. Whatever else its tokens claim is as if it were
/// not there.
#[derive(Clone, Debug, Default)]
pub struct Assertable {
    roles: Limit,
    scopes: Limit,
}

#[derive(Clone, Debug, Default)]
enum Limit {
    #[default]
    Nothing,
    Listed(Arc<[Box<str>]>),
    Anything,
}

impl Limit {
    fn allows(&self, name: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Listed(names) => names.iter().any(|n| **n == *name),
            Self::Anything => true,
        }
    }

    fn listed<S: Into<Box<str>>>(names: impl IntoIterator<Item = S>) -> Self {
        Self::Listed(names.into_iter().map(Into::into).collect())
    }
}

impl Assertable {
    /// No role and no scope.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Every role and every scope.
    #[must_use]
    pub fn anything() -> Self {
        Self { roles: Limit::Anything, scopes: Limit::Anything }
    }

    /// With these roles and no others.
    #[must_use]
    pub fn with_roles<S: Into<Box<str>>>(mut self, roles: impl IntoIterator<Item = S>) -> Self {
        self.roles = Limit::listed(roles);
        self
    }

    /// With these scopes and no others.
    #[must_use]
    pub fn with_scopes<S: Into<Box<str>>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = Limit::listed(scopes);
        self
    }

    /// True if the issuer may assert this role.
    #[must_use]
    pub fn role(&self, role: &str) -> bool {
        self.roles.allows(role)
    }

    /// True if the issuer may assert this scope.
    #[must_use]
    pub fn scope(&self, scope: &str) -> bool {
        self.scopes.allows(scope)
    }
}

/// Declares marker types for roles.
///
/// Each line is `visibility Type = "name";`, with `granted_by` and the types whose holders have the
/// role too.
///
/// # Example
///
/// ```
/// use portcullis_core::{RoleName, roles};
///
/// roles! {
///     /// May pay and change.
///     pub Admin = "admin";
///     /// May look.
///     pub Reader = "reader" granted_by Admin;
/// }
/// assert_eq!(Reader::NAME, "reader");
/// assert_eq!(Reader::GRANTED_BY, ["admin"]);
/// ```
#[macro_export]
macro_rules! roles {
    ($($(#[$attr:meta])* $vis:vis $role:ident = $name:literal $(granted_by $($by:ty),+)?;)*) => {
        $(
            $(#[$attr])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            $vis struct $role;

            impl $crate::RoleName for $role {
                const NAME: &'static str = $name;
                $(const GRANTED_BY: &'static [&'static str] =
                    &[$(<$by as $crate::RoleName>::NAME),+];)?
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_asserts_what_it_was_given_and_nothing_else() {
        let none = Assertable::nothing();
        assert!(!none.role("admin") && !none.scope("read"));
        let all = Assertable::anything();
        assert!(all.role("admin") && all.scope("read"));
        let some = Assertable::nothing().with_roles(["reader"]);
        assert!(some.role("reader") && !some.role("admin") && !some.scope("reader"));
        let some = Assertable::anything().with_scopes(["read"]);
        assert!(some.role("admin") && some.scope("read") && !some.scope("write"));
    }
}

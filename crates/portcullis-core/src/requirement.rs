//! Requirements composed as types: one type drives the check, the 403 challenge and what is listed
//! as metadata.

use std::fmt;
use std::marker::PhantomData;

use crate::{Assertable, HasRoles, HasScopes, RoleName, ScopeName};

/// Something that claims of type `C` must fulfil: a role, a [`Scope`], [`AnyOf`] or [`AllOf`] of
/// these.
///
/// # Example
///
/// ```
/// use portcullis_core::{AllOf, AnyOf, Requirement, Scope, ScopeName, roles};
///
/// roles! {
///     Admin = "admin";
///     Reader = "reader";
/// }
/// struct Pay;
/// impl ScopeName for Pay {
///     const NAME: &'static str = "payments:write";
/// }
///
/// type MayPay = AllOf<(Admin, Scope<Pay>)>;
/// type MayLook = AnyOf<(Reader, Admin)>;
/// # use portcullis_core::AccessClaims;
/// # assert_eq!(<MayPay as Requirement<AccessClaims>>::info().challenge_scopes(), ["payments:write"]);
/// # assert!(<MayLook as Requirement<AccessClaims>>::info().challenge_scopes().is_empty());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a requirement that claims of type `{C}` can meet",
    label = "expected a role, `Scope<S>`, `AnyOf<(…)>` or `AllOf<(…)>`",
    note = "a role needs `{Self}: RoleName` and `{C}: HasRoles`; a scope needs `{C}: HasScopes`"
)]
pub trait Requirement<C: ?Sized>: 'static {
    /// True if the claims fulfil this, counting only what their issuer may assert.
    fn is_met(claims: &C, assertable: &Assertable) -> bool;

    /// What is required, in words and in scopes.
    fn info() -> RequirementInfo;
}

/// What a [`Requirement`] asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequirementInfo {
    text: String,
    challenge: Vec<&'static str>,
    scopes: Vec<&'static str>,
    roles: Vec<&'static str>,
}

impl RequirementInfo {
    /// The scopes to name in a 403 challenge: all of them under [`AllOf`], those of the first
    /// alternative under [`AnyOf`]. A role is never a scope.
    #[must_use]
    pub fn challenge_scopes(&self) -> &[&'static str] {
        &self.challenge
    }

    /// Every scope that is mentioned.
    #[must_use]
    pub fn scopes(&self) -> &[&'static str] {
        &self.scopes
    }

    /// Every role that is mentioned.
    #[must_use]
    pub fn roles(&self) -> &[&'static str] {
        &self.roles
    }

    fn join(mut parts: Vec<Self>, word: &str, challenge_of: impl Fn(&[Self]) -> usize) -> Self {
        let text = parts.iter().map(|p| p.text.as_str()).collect::<Vec<_>>().join(word);
        let count = challenge_of(&parts);
        let union = |lists: Vec<Vec<&'static str>>| {
            let mut all: Vec<&'static str> = Vec::new();
            for name in lists.into_iter().flatten() {
                if !all.contains(&name) {
                    all.push(name);
                }
            }
            all
        };
        let challenge = parts.iter_mut().take(count).map(|p| std::mem::take(&mut p.challenge));
        let challenge = union(challenge.collect());
        let scopes = union(parts.iter_mut().map(|p| std::mem::take(&mut p.scopes)).collect());
        let roles = union(parts.iter_mut().map(|p| std::mem::take(&mut p.roles)).collect());
        Self { text: format!("({text})"), challenge, scopes, roles }
    }
}

/// For logs: ``(role `admin` and scope `pay`)``.
impl fmt::Display for RequirementInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<R: RoleName, C: HasRoles + ?Sized> Requirement<C> for R {
    fn is_met(claims: &C, assertable: &Assertable) -> bool {
        std::iter::once(&R::NAME)
            .chain(R::GRANTED_BY)
            .any(|role| assertable.role(role) && claims.has_role(role))
    }

    fn info() -> RequirementInfo {
        RequirementInfo {
            text: format!("role `{}`", R::NAME),
            challenge: Vec::new(),
            scopes: Vec::new(),
            roles: vec![R::NAME],
        }
    }
}

/// Requires nothing beyond a verified token.
impl<C: ?Sized> Requirement<C> for () {
    fn is_met(_: &C, _: &Assertable) -> bool {
        true
    }

    fn info() -> RequirementInfo {
        RequirementInfo {
            text: "a verified token".to_owned(),
            challenge: Vec::new(),
            scopes: Vec::new(),
            roles: Vec::new(),
        }
    }
}

/// Requires a scope.
#[derive(Debug)]
pub struct Scope<S>(PhantomData<fn() -> S>);

impl<S: ScopeName, C: HasScopes + ?Sized> Requirement<C> for Scope<S> {
    fn is_met(claims: &C, assertable: &Assertable) -> bool {
        assertable.scope(S::NAME) && claims.has_scope(S::NAME)
    }

    fn info() -> RequirementInfo {
        RequirementInfo {
            text: format!("scope `{}`", S::NAME),
            challenge: vec![S::NAME],
            scopes: vec![S::NAME],
            roles: Vec::new(),
        }
    }
}

/// Requires at least one of a tuple of requirements. The first is what the challenge suggests.
#[derive(Debug)]
pub struct AnyOf<T>(PhantomData<fn() -> T>);

/// Requires every one of a tuple of requirements.
#[derive(Debug)]
pub struct AllOf<T>(PhantomData<fn() -> T>);

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<C: ?Sized, $($name: Requirement<C>),+> Requirement<C> for AnyOf<($($name,)+)> {
            fn is_met(claims: &C, assertable: &Assertable) -> bool {
                false $(|| $name::is_met(claims, assertable))+
            }

            fn info() -> RequirementInfo {
                RequirementInfo::join(vec![$($name::info()),+], " or ", |_| 1)
            }
        }

        impl<C: ?Sized, $($name: Requirement<C>),+> Requirement<C> for AllOf<($($name,)+)> {
            fn is_met(claims: &C, assertable: &Assertable) -> bool {
                true $(&& $name::is_met(claims, assertable))+
            }

            fn info() -> RequirementInfo {
                RequirementInfo::join(vec![$($name::info()),+], " and ", <[_]>::len)
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B D);
tuples!(A B D E);
tuples!(A B D E F);
tuples!(A B D E F G);
tuples!(A B D E F G H);
tuples!(A B D E F G H I);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles;

    roles! {
        Admin = "admin";
        Reader = "reader" granted_by Admin;
        Auditor = "auditor" granted_by Reader, Admin;
    }

    struct Look;
    impl ScopeName for Look {
        const NAME: &'static str = "look";
    }
    struct Pay;
    impl ScopeName for Pay {
        const NAME: &'static str = "pay";
    }

    struct Claims(&'static str);
    impl HasRoles for Claims {
        fn has_role(&self, role: &str) -> bool {
            self.0.split(' ').any(|r| r == role)
        }
    }
    impl HasScopes for Claims {
        fn has_scope(&self, scope: &str) -> bool {
            self.0.split(' ').any(|s| s == scope)
        }
    }

    fn met<R: Requirement<Claims>>(claims: &'static str) -> bool {
        R::is_met(&Claims(claims), &Assertable::anything())
    }

    #[test]
    fn a_role_is_held_or_granted_by_another() {
        assert!(met::<Reader>("reader") && met::<Reader>("admin"));
        assert!(!met::<Admin>("reader") && !met::<Reader>("read") && !met::<Reader>("Reader"));
        assert!(met::<Auditor>("reader") && met::<Auditor>("admin") && !met::<Auditor>("look"));
    }

    #[test]
    fn alternatives_and_unions() {
        assert!(met::<AnyOf<(Admin, Scope<Pay>)>>("pay"));
        assert!(met::<AnyOf<(Admin, Scope<Pay>)>>("admin"));
        assert!(!met::<AnyOf<(Admin, Scope<Pay>)>>("reader look"));
        assert!(met::<AllOf<(Admin, Scope<Pay>)>>("pay admin"));
        assert!(!met::<AllOf<(Admin, Scope<Pay>)>>("pay"));
        assert!(!met::<AllOf<(Admin, Scope<Pay>)>>("admin"));
        assert!(met::<AllOf<(AnyOf<(Admin, Reader)>, Scope<Look>)>>("reader look"));
    }

    #[test]
    fn what_the_issuer_may_not_assert_is_not_there() {
        let only_reader = Assertable::nothing().with_roles(["reader"]).with_scopes(["look"]);
        let claims = Claims("admin reader look pay");
        assert!(!Admin::is_met(&claims, &only_reader));
        assert!(Reader::is_met(&claims, &only_reader));
        // an admin that this issuer may not make does not grant the reader either
        assert!(!Reader::is_met(&Claims("admin"), &only_reader));
        assert!(Scope::<Look>::is_met(&claims, &only_reader));
        assert!(!Scope::<Pay>::is_met(&claims, &only_reader));
    }

    #[test]
    fn the_challenge_is_the_union_or_the_first_alternative() {
        type Both = AllOf<(Scope<Pay>, Admin, Scope<Look>, Scope<Pay>)>;
        let both = <Both as Requirement<Claims>>::info();
        assert_eq!(both.challenge_scopes(), ["pay", "look"]);
        assert_eq!(both.roles(), ["admin"]);
        assert_eq!(
            both.to_string(),
            "(scope `pay` and role `admin` and scope `look` and scope `pay`)"
        );

        let either = <AnyOf<(Scope<Look>, Scope<Pay>)> as Requirement<Claims>>::info();
        assert_eq!(either.challenge_scopes(), ["look"]);
        assert_eq!(either.scopes(), ["look", "pay"]);
        let role_first = <AnyOf<(Admin, Scope<Pay>)> as Requirement<Claims>>::info();
        assert!(role_first.challenge_scopes().is_empty());
        assert_eq!(role_first.scopes(), ["pay"]);
    }
}

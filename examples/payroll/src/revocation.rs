//! How tokens stop working: the rules that the layer asks, and what signing out writes.

use std::fmt;
use std::path::Path;

use axum::http::StatusCode;
use portcullis_axum::{
    Allowlist, AllowlistWriter as _, DenialReason, Denylist, Entry, IatCutoff, OptionalRule,
    Retention, Revocation, Revoke as _, StoreError, Target, TokenView, Verdict, Verified,
};
use portcullis_issuer::Minted;
use portcullis_sqlite::SqliteStore;

use crate::auth::{ISSUER, LEEWAY, LIFETIME, Payroll};
use crate::db::BUSY_TIMEOUT;
use crate::problem::Problem;

/// Which rules are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) cutoff: bool,
    pub(crate) denylist: bool,
    pub(crate) allowlist: bool,
}

impl Rules {
    /// Whether a single token can be signed out.
    pub(crate) const fn sign_out(self) -> bool {
        self.denylist || self.allowlist
    }

    /// Whether a user can be signed out everywhere.
    pub(crate) const fn sign_out_everywhere(self) -> bool {
        self.cutoff || self.allowlist
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules =
            [(self.cutoff, "cutoff"), (self.denylist, "denylist"), (self.allowlist, "allowlist")];
        let on: Vec<_> = rules.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
        f.write_str(&on.join(", "))
    }
}

/// What was revoked, in the service's own database.
pub(crate) struct Revocations {
    store: SqliteStore,
    rules: Rules,
}

impl Revocations {
    pub(crate) fn open(file: &Path, rules: Rules) -> Result<Self, StoreError> {
        // the verifier refuses tokens that live longer
        let retention = Retention::default().leeway(LEEWAY).max_lifetime(LIFETIME);
        let store = SqliteStore::builder(file)
            .with_retention(retention)
            .with_busy_timeout(BUSY_TIMEOUT)
            // the users are in the same file: where it is new, nobody was handed a token before
            .waive_initial_cutoff()
            .open()?;
        Ok(Self { store, rules })
    }

    /// What the layer asks about every token. The users named are refused whatever their tokens say.
    pub(crate) fn rule(&self, refused: Vec<String>) -> impl Revocation + use<> {
        let store = |on: bool| on.then(|| self.store.clone());
        RefusedUsers(refused)
            .and(OptionalRule::new(store(self.rules.cutoff).map(IatCutoff::new)))
            .and(OptionalRule::new(store(self.rules.denylist).map(Denylist::new)))
            .and(OptionalRule::new(store(self.rules.allowlist).map(Allowlist::new)))
    }

    /// Ends this token.
    pub(crate) async fn sign_out(&self, me: &Verified<Payroll>) -> Result<(), Problem> {
        if !self.rules.sign_out() {
            return Err(missing("signing out one token", "denylist"));
        }
        let token = Verified::token_target(me);
        if self.rules.denylist {
            let mut entry = Entry::deny(token.as_target()).of_subject(&*me.sub);
            if let Some(exp) = Verified::expires_at(me) {
                entry = entry.expiring_at(exp);
            }
            self.store.revoke(entry).await?;
        }
        if self.rules.allowlist {
            self.store.remove(token.as_target()).await?;
        }
        Ok(())
    }

    /// Ends every token of this user.
    pub(crate) async fn sign_out_everywhere(&self, name: &str) -> Result<(), Problem> {
        if !self.rules.sign_out_everywhere() {
            return Err(missing("signing out everywhere", "cutoff"));
        }
        let user = Target::subject(ISSUER, name);
        if self.rules.cutoff {
            self.store.revoke(Entry::not_before_now(user)).await?;
        }
        if self.rules.allowlist {
            self.store.remove(user).await?;
        }
        Ok(())
    }

    /// Takes note of a token that is about to be handed out.
    pub(crate) async fn listed(&self, minted: &Minted, name: &str) -> Result<(), StoreError> {
        if self.rules.allowlist {
            let token = Target::token(ISSUER, minted.id());
            self.store.allow(token, Some(name), Some(minted.expires_at())).await?;
        }
        Ok(())
    }

    /// Where the cutoffs are.
    pub(crate) fn store(&self) -> &SqliteStore {
        &self.store
    }
}

fn missing(what: &str, rule: &str) -> Problem {
    let detail = format!(
        "{what} needs the rule `{rule}` or `allowlist`, and neither is on: start payroll with \
         `--revocation {rule}`"
    );
    Problem::new(StatusCode::CONFLICT, detail)
}

/// A rule of this service's own: users who may not come in here, however good their token is.
struct RefusedUsers(Vec<String>);

impl Revocation for RefusedUsers {
    fn peek(&self, token: &TokenView<'_>) -> Option<Verdict> {
        let refused = token.subject().is_some_and(|name| self.0.iter().any(|n| n == name));
        Some(if refused {
            DenialReason::Other("a demo user, beyond loopback".into()).into()
        } else {
            Verdict::Allowed
        })
    }

    async fn check(&self, token: &TokenView<'_>) -> Verdict {
        // memory always knows
        self.peek(token).unwrap_or(Verdict::Allowed)
    }
}

//! Writing: a change is drafted here, and merged, counted, stamped and logged by one script on the server.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use portcullis_core::state::{Draft, DraftFact, is_broad};
use portcullis_core::{
    AllowlistWriter, Clock, Entry, Position, Revoke, Revoked, StoreError, StoreErrorKind, Target,
    Timestamp,
};

use crate::error::{corrupt, uninitialised};
use crate::link::Question;
use crate::rows::{Class, count_field, field, generation, millis, moment};
use crate::store::{Inner, RedisStore};

impl Inner {
    async fn write(&self, draft: &Draft<'_>, entry: Option<&Entry>) -> Result<Revoked, StoreError> {
        let target = draft.target();
        let class = Class::of(draft.fact(), target.kind()).ok_or_else(|| {
            StoreError::new(StoreErrorKind::Invalid, "this store is too old for that")
        })?;
        let subject = match (draft.fact(), entry.and_then(Entry::subject)) {
            (DraftFact::Denied { .. }, Some(subject)) if !is_broad(target.kind()) => {
                count_field(&Target::subject(target.issuer(), subject))
            }
            (DraftFact::Allowed { subject: Some(subject) }, _) => {
                field(Class::RemovedWidely, &Target::subject(target.issuer(), subject))
            }
            _ => String::new(),
        };
        let collapsed = match class {
            Class::Denied => entry.and_then(|entry| Draft::collapsed(entry, &self.retention)),
            _ => None,
        };

        let mut script = self.write_script.prepare_invoke();
        for key in self.keys.all() {
            script.key(key);
        }
        script.arg(nonce()).arg(self.now_or_servers()).arg(self.log_length);
        script.arg(self.limits.max_denials_per_subject()).arg(subject);
        for (class, draft) in [(class, Some(draft)), (Class::Collapsed, collapsed.as_ref())] {
            let Some(draft) = draft else { continue };
            let [fixed, after] = said(draft.fact());
            let [keep_fixed, keep_after] = moment(draft.keep_until());
            script.arg(field(class, &draft.target())).arg(self.room(class));
            script.arg(fixed).arg(after).arg(keep_fixed).arg(keep_after);
        }
        let what = "can't write to the store";
        let said: Vec<String> =
            self.requests.ask(what, Duration::ZERO, Question::Script(&script)).await?;
        let said: Vec<&str> = said.iter().map(String::as_str).collect();
        match said[..] {
            ["ok", position, cutoff] => {
                let unreadable = || corrupt("the script says something else than a position");
                let position = position.parse().map_err(|_| unreadable())?;
                let cutoff: Option<i64> = match cutoff {
                    "" => None,
                    millis => Some(millis.parse().map_err(|_| unreadable())?),
                };
                Ok(Revoked::new(Position::new(position), cutoff.map(Timestamp::from_millis)))
            }
            ["uninitialised"] => Err(uninitialised()),
            ["full", rows] => Err(full(format!("the store is full: it holds {rows} such entries"))),
            ["subject"] => {
                let limit = self.limits.max_denials_per_subject();
                Err(full(format!("the subject has {limit} denied tokens and sessions already")))
            }
            _ => Err(corrupt("the script says what it never says")),
        }
    }

    /// How many rows there may be where facts of this class go.
    fn room(&self, class: Class) -> usize {
        match class {
            Class::Denied => self.limits.max_denials(),
            Class::Listed => self.limits.max_allowed(),
            _ => self.limits.max_cutoffs(),
        }
    }

    /// The time of a clock that was set, for the script; empty for the server's.
    pub(crate) fn now_or_servers(&self) -> String {
        self.clock.as_ref().map_or_else(String::new, |clock| clock.now().as_millis().to_string())
    }
}

/// What a fact says, for the script.
fn said(fact: DraftFact<'_>) -> [String; 2] {
    match fact {
        DraftFact::Denied { effective_at } => {
            [effective_at.map(millis).unwrap_or_default(), String::new()]
        }
        DraftFact::NotBefore(cutoff) | DraftFact::Collapsed(cutoff) => moment(Some(cutoff)),
        DraftFact::MinGeneration(minimum) => [generation(minimum), String::new()],
        DraftFact::Allowed { .. } => ["listed".to_owned(), String::new()],
        _ => Default::default(),
    }
}

/// A number that no other entry has, to know an entry again by.
pub(crate) fn nonce() -> String {
    // each of these states is keyed anew
    let number = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", number(), number())
}

fn full(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Full, message)
}

impl Revoke for RedisStore {
    async fn revoke(&self, entry: Entry) -> Result<Revoked, StoreError> {
        let inner = self.inner();
        let draft = Draft::of_entry(&entry, &inner.retention)?;
        inner.write(&draft, Some(&entry)).await
    }
}

impl AllowlistWriter for RedisStore {
    async fn allow(
        &self,
        token: Target<'_>,
        subject: Option<&str>,
        expires_at: Option<Timestamp>,
    ) -> Result<Position, StoreError> {
        let inner = self.inner();
        let draft = Draft::listing(token, subject, expires_at, &inner.retention)?;
        Ok(inner.write(&draft, None).await?.position())
    }

    async fn remove(&self, target: Target<'_>) -> Result<Position, StoreError> {
        let inner = self.inner();
        let draft = Draft::removal(target, &inner.retention)?;
        Ok(inner.write(&draft, None).await?.position())
    }
}

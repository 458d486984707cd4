//! Giving a store its epoch.

use std::time::Duration;

use portcullis_core::state::Draft;
use portcullis_core::{Entry, StoreError, Target};
use redis::Script;

use crate::RedisStore;
use crate::link::Question;
use crate::rows::{Class, field, moment};
use crate::writing::nonce;

impl RedisStore {
    /// Gives the store an epoch, unless it has one, and refuses all tokens that were issued so far: nobody knows
    /// what the store before it held. True if it was done now.
    ///
    /// Until this is done, by any service, the store answers nothing: an empty Redis is one that has never
    /// been used or one that has lost everything, and nobody can tell which. Calling it at every start is safe,
    /// and signs everybody out after such a loss.
    ///
    /// # Errors
    ///
    /// As [`Revoke::revoke`](portcullis_core::Revoke::revoke).
    pub async fn initialise(&self) -> Result<bool, StoreError> {
        self.initialise_with(Some(&Entry::not_before_now(Target::everything()))).await
    }

    /// As [`initialise`](Self::initialise), but tokens that were issued so far go on working. **If the store has lost
    /// revocations, those tokens work again.** For the first time ever, before anything was revoked.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn insecure_initialise_trusting_all_tokens(&self) -> Result<bool, StoreError> {
        self.initialise_with(None).await
    }

    async fn initialise_with(&self, entry: Option<&Entry>) -> Result<bool, StoreError> {
        let inner = self.inner();
        let draft = entry.map(|entry| Draft::of_entry(entry, &inner.retention)).transpose()?;
        let script = Script::new(include_str!("initialise.lua"));
        let mut script = script.prepare_invoke();
        for key in inner.keys.all() {
            script.key(key);
        }
        script.arg(nonce()).arg(nonce()).arg(inner.now_or_servers());
        match draft {
            Some(draft) => {
                let after = match draft.fact() {
                    portcullis_core::state::DraftFact::NotBefore(cutoff) => moment(Some(cutoff)),
                    _ => Default::default(),
                };
                script.arg(field(Class::NotBefore, &draft.target())).arg(&after[1]);
                script.arg(&moment(draft.keep_until())[1]);
            }
            None => {
                script.arg("").arg("").arg("");
            }
        }
        let (what, script) = ("can't initialise the store", Question::Script(&script));
        let done: i64 = inner.requests.ask(what, Duration::ZERO, script).await?;
        Ok(done == 1)
    }
}

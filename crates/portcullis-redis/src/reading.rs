//! Reading: the rows that a question needs, and whether the store that they come from is still the one that was written to, in
//! one look at the server.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_core::{Clock, StoreError, Timestamp};
use redis::{FromRedisValue, Value, from_redis_value};

use crate::error::{corrupt, redis_error, uninitialised};
use crate::link::{self, Link};
use crate::server::{confirm_primary, parse};
use crate::store::Inner;

/// The fields of each hash that a question needs.
#[derive(Default)]
pub(crate) struct Question {
    pub(crate) denials: Vec<String>,
    pub(crate) cutoffs: Vec<String>,
    pub(crate) allowed: Vec<String>,
}

/// The rows, in the order of the fields.
pub(crate) struct Answer {
    pub(crate) now: Timestamp,
    pub(crate) denials: Vec<Option<String>>,
    pub(crate) cutoffs: Vec<Option<String>>,
    pub(crate) allowed: Vec<Option<String>>,
}

/// The highest position that this process has seen, and in which epoch. A store that is behind it has lost writes.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<(String, u64)>);

impl Seen {
    pub(crate) fn get(&self) -> (String, u64) {
        self.lock().clone()
    }

    /// Takes note of an answer to a question that was sent when `before` was seen.
    pub(crate) fn confirm(
        &self,
        before: (String, u64),
        epoch: String,
        position: u64,
    ) -> Result<(), StoreError> {
        let (known, reached) = before;
        if known == epoch && position < reached {
            return Err(corrupt(format!(
                "the store went back from position {reached} to {position}: it has lost what it had acknowledged"
            )));
        }
        let mut seen = self.lock();
        if seen.0 == epoch {
            seen.1 = seen.1.max(position);
        } else {
            *seen = (epoch, position);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, (String, u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Commands that only read, to be run as of one moment.
#[derive(Default)]
pub(crate) struct Commands(Vec<String>);

impl Commands {
    pub(crate) fn add<'a>(&mut self, words: impl IntoIterator<Item = &'a str>) -> &mut Self {
        let at = self.0.len();
        self.0.push(String::new());
        self.0.extend(words.into_iter().map(str::to_owned));
        self.0[at] = (self.0.len() - at - 1).to_string();
        self
    }
}

impl Inner {
    /// Has the server run commands, and tells what each of them says.
    pub(crate) async fn run(
        &self,
        link: &Link,
        what: &'static str,
        commands: &Commands,
    ) -> Result<Vec<Value>, StoreError> {
        let mut script = self.read_script.prepare_invoke();
        for key in self.keys.all() {
            script.key(key);
        }
        script.arg(&commands.0);
        link.ask(what, Duration::ZERO, link::Question::Script(&script)).await
    }

    /// Asks the primary, which answers as of one moment.
    pub(crate) async fn look(&self, question: &Question) -> Result<Answer, StoreError> {
        let what = "can't read the revocations";
        let before = self.seen.get();
        let mut commands = Commands::default();
        commands.add(["INFO", "replication"]).add(["TIME"]);
        commands.add(["HMGET", &self.keys.meta, "epoch", "position"]);
        let parts = [
            (&self.keys.denials, &question.denials),
            (&self.keys.cutoffs, &question.cutoffs),
            (&self.keys.allowed, &question.allowed),
        ];
        for (key, fields) in parts.iter().filter(|(_, fields)| !fields.is_empty()) {
            commands.add(["HMGET", key].into_iter().chain(fields.iter().map(String::as_str)));
        }
        let mut values = self.run(&self.requests, what, &commands).await?.into_iter();
        confirm_primary(&parse(&parsed::<String>(what, values.next())?))?;
        let (secs, micros): (i64, i64) = parsed(what, values.next())?;
        let (epoch, position): (Option<String>, Option<u64>) = parsed(what, values.next())?;
        let epoch = epoch.ok_or_else(uninitialised)?;
        self.seen.confirm(before, epoch, position.unwrap_or(0))?;
        let mut rows = |fields: &Vec<String>| match fields.is_empty() {
            true => Ok(Vec::new()),
            false => parsed(what, values.next()),
        };
        let server = Timestamp::from_millis(secs * 1_000 + micros / 1_000);
        Ok(Answer {
            now: self.clock.as_ref().map_or(server, |clock| clock.now()),
            denials: rows(&question.denials)?,
            cutoffs: rows(&question.cutoffs)?,
            allowed: rows(&question.allowed)?,
        })
    }
}

/// What a part of an answer says.
pub(crate) fn parsed<T: FromRedisValue>(
    what: &'static str,
    value: Option<Value>,
) -> Result<T, StoreError> {
    let value = value.ok_or_else(|| corrupt("the server left a question unanswered"))?;
    from_redis_value(value).map_err(|error| redis_error(what, error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_was_overtaken_is_none_of_a_store_that_went_back() {
        let seen = Seen::default();
        let epoch = || "1".to_owned();
        let before = seen.get();
        seen.confirm(before.clone(), epoch(), 7).unwrap();
        // asked before the other was answered
        seen.confirm(before, epoch(), 5).unwrap();
        assert_eq!(seen.get(), (epoch(), 7), "what was seen stays seen");
        assert!(seen.confirm(seen.get(), epoch(), 6).is_err());
        seen.confirm(seen.get(), "2".to_owned(), 1).unwrap();
        assert_eq!(seen.get(), ("2".to_owned(), 1));
    }
}

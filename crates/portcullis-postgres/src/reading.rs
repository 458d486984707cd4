//! Reading: the facts that a question needs, and whether the store that they come from is still the one that was written to, in
//! one statement.

use std::sync::{Mutex, MutexGuard, PoisonError};

use portcullis_core::{StoreError, Target, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::error::{corrupt, standby, uninitialised};
use crate::store::Inner;

const WHAT: &str = "can't read the revocations";

/// A rule as it is named in the tables, and a target.
pub(crate) type Asked<'a> = (&'static str, Target<'a>);

/// What is known.
pub(crate) struct Answer {
    pub(crate) now: Timestamp,
    pub(crate) facts: Vec<(String, i64)>,
}

/// The last transaction that this process has seen, and in which epoch. A store that is behind it has lost writes.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<(String, i64)>);

impl Seen {
    fn get(&self) -> (String, i64) {
        self.lock().clone()
    }

    /// Takes note of an answer to a question that was sent when `before` was seen.
    fn confirm(&self, before: (String, i64), epoch: String, last: i64) -> Result<(), StoreError> {
        let (known, reached) = before;
        if known == epoch && last < reached {
            return Err(corrupt(format!(
                "the store went back from transaction {reached} to {last}: it has lost what it had acknowledged"
            )));
        }
        let mut seen = self.lock();
        if seen.0 == epoch {
            seen.1 = seen.1.max(last);
        } else {
            *seen = (epoch, last);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, (String, i64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Asks the primary, which answers as of one moment.
    pub(crate) async fn look(&self, asked: &[Asked<'_>]) -> Result<Answer, StoreError> {
        let before = self.seen.get();
        let rules: Vec<_> = asked.iter().map(|(rule, _)| *rule).collect();
        let kinds: Vec<_> = asked.iter().map(|(_, target)| target.kind().as_str()).collect();
        let issuers: Vec<_> = asked.iter().map(|(_, target)| target.issuer().as_bytes()).collect();
        let ids: Vec<_> = asked.iter().map(|(_, target)| target.id().as_bytes()).collect();
        let rows = self
            .source
            .query(
                WHAT,
                &self.sql.facts,
                &[
                    (&self.told_now(), Type::INT8),
                    (&rules, Type::TEXT_ARRAY),
                    (&kinds, Type::TEXT_ARRAY),
                    (&issuers, Type::BYTEA_ARRAY),
                    (&ids, Type::BYTEA_ARRAY),
                ],
            )
            .await?;
        let now = self.confirm(before, rows.first())?;
        let mut facts = Vec::new();
        for row in &rows {
            if let Some(rule) = get::<Option<String>>(row, 5)? {
                facts.push((rule, get(row, 6)?));
            }
        }
        Ok(Answer { now, facts })
    }

    /// Asks whether a token is listed.
    pub(crate) async fn look_for_listing(&self, token: &Target<'_>) -> Result<bool, StoreError> {
        let before = self.seen.get();
        let (kind, issuer, id) = (token.kind().as_str(), token.issuer(), token.id());
        let rows = self
            .source
            .query(
                WHAT,
                &self.sql.is_allowed,
                &[
                    (&self.told_now(), Type::INT8),
                    (&kind, Type::TEXT),
                    (&issuer.as_bytes(), Type::BYTEA),
                    (&id.as_bytes(), Type::BYTEA),
                ],
            )
            .await?;
        self.confirm(before, rows.first())?;
        rows.first().map_or(Ok(false), |row| get(row, 5))
    }

    /// That the answer is that of the primary of an initialised store that has lost nothing; and its time.
    fn confirm(&self, before: (String, i64), row: Option<&Row>) -> Result<Timestamp, StoreError> {
        let row = row.ok_or_else(|| corrupt("the server left a question unanswered"))?;
        if get(row, 0)? {
            return Err(standby());
        }
        let epoch: Option<String> = get(row, 2)?;
        let Some(epoch) = epoch.filter(|_| get(row, 1).unwrap_or(false)) else {
            return Err(uninitialised());
        };
        self.seen.confirm(before, epoch, get::<Option<i64>>(row, 3)?.unwrap_or(0))?;
        Ok(Timestamp::from_millis(get(row, 4)?))
    }

    /// The time of a clock that was set; without one the server's counts.
    pub(crate) fn told_now(&self) -> Option<i64> {
        self.clock.as_ref().map(|clock| portcullis_core::Clock::now(clock).as_millis())
    }
}

/// A column of a row.
pub(crate) fn get<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a Row,
    column: usize,
) -> Result<T, StoreError> {
    row.try_get(column)
        .map_err(|error| corrupt("a column is not what it was made as").with_source(error))
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

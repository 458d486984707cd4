//! Stores of a few lines, as the documentation shows them, pass the suite for what is only read.

use std::collections::BTreeMap;
use std::convert::Infallible;

use portcullis_core::{AllowlistStore, CutoffStore, DenylistStore, Target, TargetBuf, Timestamp};

/// A user's table of when each user signed out everywhere.
struct Users(BTreeMap<(String, String), i64>);

impl CutoffStore for Users {
    type Error = Infallible;

    async fn cutoff(&self, subject: &Target<'_>) -> Result<Option<Timestamp>, Infallible> {
        let key = (subject.issuer().to_owned(), subject.id().to_owned());
        Ok(self.0.get(&key).copied().map(Timestamp::from_millis))
    }
}

async fn users(rows: Vec<(TargetBuf, Timestamp)>) -> Users {
    let row = |(subject, cutoff): (TargetBuf, Timestamp)| {
        let subject = subject.as_target();
        ((subject.issuer().to_owned(), subject.id().to_owned()), cutoff.as_millis())
    };
    Users(rows.into_iter().map(row).collect())
}

/// A user's table of tokens: signed out, or of sessions.
struct Tokens(Vec<TargetBuf>);

impl DenylistStore for Tokens {
    type Error = Infallible;

    async fn is_denied(&self, token: &Target<'_>) -> Result<bool, Infallible> {
        Ok(self.0.iter().any(|row| row.as_target() == *token))
    }
}

impl AllowlistStore for Tokens {
    type Error = Infallible;

    async fn is_allowed(&self, token: &Target<'_>) -> Result<bool, Infallible> {
        Ok(self.0.iter().any(|row| row.as_target() == *token))
    }
}

async fn tokens(rows: Vec<TargetBuf>) -> Tokens {
    Tokens(rows)
}

portcullis_testing::cutoff_rows_tests!(users);
portcullis_testing::denylist_rows_tests!(tokens);
portcullis_testing::allowlist_rows_tests!(tokens);

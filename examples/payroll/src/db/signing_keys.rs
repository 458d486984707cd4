//! The keys that sign tokens, and those that did and are still good for verifying.

use std::time::Duration;

use rusqlite::params;

use super::{Db, DbError};

/// A key as it is kept.
pub(crate) struct StoredKey {
    /// PKCS #8.
    pub(crate) private: Vec<u8>,
    /// Seconds since 1970.
    pub(crate) created_at: i64,
    /// Seconds since 1970; `None` for the one that signs.
    pub(crate) retired_at: Option<i64>,
}

/// What happens to the earlier keys when there is a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Earlier {
    /// They still verify, until this long after they signed for the last time.
    Keep { overlap: Duration },
    /// They are withdrawn: their tokens stop working.
    Withdraw,
}

impl Db {
    /// The keys, the oldest first.
    pub(crate) async fn signing_keys(&self) -> Result<Vec<StoredKey>, DbError> {
        self.call(|db| {
            db.prepare("SELECT private, created_at, retired_at FROM signing_keys ORDER BY id")?
                .query_map([], |row| {
                    Ok(StoredKey {
                        private: row.get(0)?,
                        created_at: row.get(1)?,
                        retired_at: row.get(2)?,
                    })
                })?
                .collect()
        })
        .await
    }

    /// Puts a new key in the place of the one that signs, `now` in seconds since 1970.
    pub(crate) async fn add_signing_key(
        &self,
        private: Vec<u8>,
        now: i64,
        earlier: Earlier,
    ) -> Result<(), DbError> {
        self.write(move |db| {
            match earlier {
                Earlier::Keep { overlap } => {
                    let over = now.saturating_sub_unsigned(overlap.as_secs());
                    db.execute("DELETE FROM signing_keys WHERE retired_at < ?", [over])?;
                    let retire = "UPDATE signing_keys SET retired_at = ? WHERE retired_at IS NULL";
                    db.execute(retire, [now])?;
                }
                Earlier::Withdraw => {
                    db.execute("DELETE FROM signing_keys", [])?;
                }
            }
            let insert = "INSERT INTO signing_keys (private, created_at) VALUES (?, ?)";
            db.execute(insert, params![private, now])?;
            Ok(())
        })
        .await
    }
}

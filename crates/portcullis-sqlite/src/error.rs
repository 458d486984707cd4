//! From what SQLite says to what a store says. The cause is kept, its type is not shown.

use portcullis_core::{StoreError, StoreErrorKind};
use rusqlite::ErrorCode;

/// An error of SQLite while doing `what`.
pub(crate) fn sqlite(what: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| StoreError::new(kind_of(&error), what).with_source(error)
}

/// What the file holds is not what this crate wrote.
pub(crate) fn corrupt(what: impl Into<Box<str>>) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, what)
}

/// The store can't be asked at the moment.
pub(crate) fn unavailable(what: impl Into<Box<str>>) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, what)
}

/// True for refusals of one write, which leave the rest of its transaction as it is.
pub(crate) fn is_refusal(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Full | StoreErrorKind::Invalid)
}

/// True if somebody else holds a lock on the file.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn kind_of(error: &rusqlite::Error) -> StoreErrorKind {
    use rusqlite::Error as E;
    match error {
        E::SqliteFailure(failure, _) => match failure.code {
            // `Unknown` is SQLITE_ERROR: a table or column of ours is missing
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown => {
                StoreErrorKind::Corrupt
            }
            _ => StoreErrorKind::Unavailable,
        },
        E::SqlInputError { .. }
        | E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::InvalidColumnType(..)
        | E::QueryReturnedNoRows
        | E::Utf8Error(..) => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Unavailable,
    }
}

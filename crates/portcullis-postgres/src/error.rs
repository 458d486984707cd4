//! From what PostgreSQL says to what a store says. The cause is kept, its type is not shown.

use portcullis_core::{StoreError, StoreErrorKind};
use tokio_postgres::Error;
use tokio_postgres::error::{Severity, SqlState};

/// An error of PostgreSQL while doing `what`.
pub(crate) fn postgres_error(what: &'static str, error: Error) -> StoreError {
    StoreError::new(kind_of(&error), what).with_source(error)
}

/// What the server holds is not what this crate wrote.
pub(crate) fn corrupt(what: impl Into<Box<str>>) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, what)
}

/// The store can't be asked at the moment.
pub(crate) fn unavailable(what: impl Into<Box<str>>) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, what)
}

pub(crate) fn invalid(what: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, what)
}

/// Nobody has initialised the store, or it has lost everything.
pub(crate) fn uninitialised() -> StoreError {
    StoreError::new(
        StoreErrorKind::Uninitialised,
        "the store has no epoch: it was never initialised here, or it was lost",
    )
}

pub(crate) fn standby() -> StoreError {
    unavailable("the server is a standby, which may lack what its primary has acknowledged")
}

fn kind_of(error: &Error) -> StoreErrorKind {
    let Some(code) = error.code() else {
        // the connection, or an answer that can't be read
        return match error.to_string().contains("deserializing") {
            true => StoreErrorKind::Corrupt,
            false => StoreErrorKind::Unavailable,
        };
    };
    match code {
        // the tables are not there: nobody made them, or somebody dropped them
        c if [
            SqlState::UNDEFINED_TABLE,
            SqlState::UNDEFINED_FUNCTION,
            SqlState::UNDEFINED_COLUMN,
            SqlState::INVALID_SCHEMA_NAME,
        ]
        .contains(c) =>
        {
            StoreErrorKind::Uninitialised
        }
        c if *c == SqlState::DISK_FULL => StoreErrorKind::Full,
        // numbers and texts that are out of bounds
        c if c.code().starts_with("22") => StoreErrorKind::Invalid,
        // a wrong password too: it is rotated while services run
        _ => StoreErrorKind::Unavailable,
    }
}

/// True if two transactions got in each other's way, and the one that was given up may be tried again.
pub(crate) fn is_conflict(error: &Error) -> bool {
    let conflicts = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
    error.code().is_some_and(|code| conflicts.contains(code))
}

/// True if the connection is of no use any more: it is closed, or the server has said that it is about to close it, as it does when
/// it is shut down or its administrator ends a session.
pub(crate) fn ends_connection(error: &Error) -> bool {
    let severity = error.as_db_error().and_then(|error| error.parsed_severity());
    error.is_closed() || matches!(severity, Some(Severity::Fatal | Severity::Panic))
}

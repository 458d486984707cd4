//! From what Redis says to what a store says. The cause is kept, its type is not shown.

use portcullis_core::{StoreError, StoreErrorKind};
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// An error of Redis while doing `what`.
pub(crate) fn redis_error(what: &'static str, error: RedisError) -> StoreError {
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

/// Nobody has initialised the store, or it has lost everything.
pub(crate) fn uninitialised() -> StoreError {
    StoreError::new(
        StoreErrorKind::Uninitialised,
        "the store has no epoch: it was never initialised, or it has lost everything",
    )
}

fn kind_of(error: &RedisError) -> StoreErrorKind {
    // `maxmemory` is reached and nothing may be evicted
    let full = error.code() == Some("OOM") || error.to_string().contains("OOM command not allowed");
    match error.kind() {
        _ if full => StoreErrorKind::Full,
        _ if error.code() == Some("WRONGTYPE") => StoreErrorKind::Corrupt,
        ErrorKind::InvalidClientConfig => StoreErrorKind::Invalid,
        ErrorKind::Server(ServerErrorKind::CrossSlot) => StoreErrorKind::Invalid,
        ErrorKind::UnexpectedReturnType | ErrorKind::Parse => StoreErrorKind::Corrupt,
        // a wrong password too: it is rotated while services run
        _ => StoreErrorKind::Unavailable,
    }
}

/// True if a connection that says this is of no use any more.
pub(crate) fn ends_connection(error: &RedisError) -> bool {
    let server =
        matches!(error.kind(), ErrorKind::Server(kind) if kind != ServerErrorKind::ReadOnly);
    let told = matches!(error.kind(), ErrorKind::Extension);
    !(server || told) || error.is_unrecoverable_error()
}

/// True if a server of a cluster says that it can't serve, where another may.
pub(crate) fn is_cut_off(error: &RedisError) -> bool {
    let cut_off = [ServerErrorKind::ClusterDown, ServerErrorKind::MasterDown];
    matches!(error.kind(), ErrorKind::Server(kind) if cut_off.contains(&kind))
}

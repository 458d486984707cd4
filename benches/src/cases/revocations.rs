//! `memory/revocations/…` and `peek/…`: what revocations in memory take, and what asking them costs.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use portcullis::{Entry, MemoryStore, Revoke, Target, Timestamp};
use portcullis_core::state::Limits;

use crate::case::Case;
use crate::world::ISSUER;

pub(super) fn cases() -> Vec<Case> {
    Vec::new()
}

/// A store with this many denied tokens.
pub(crate) fn filled(count: usize) -> MemoryStore {
    let store = MemoryStore::builder().with_limits(Limits::unlimited()).build();
    let exp = Timestamp::from_secs(4_000_000_000);
    for n in 0..count {
        let id = id(n);
        let entry = Entry::deny(Target::token(ISSUER, &id)).expiring_at(exp);
        let done = pin!(store.revoke(entry)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(done, Poll::Ready(Ok(_))), "memory is written at once");
    }
    store
}

/// The `jti` of a denied token, as long as a UUID.
fn id(n: usize) -> String {
    format!("{n:08x}-7c1e-4b52-9f60-{:012x}", n.wrapping_mul(0x9e37_79b9) & 0xffff_ffff_ffff)
}

//! Assertions work once: the trait, and a store in memory.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_core::{BoxError, Timestamp};

/// Remembers which assertions were used ([RFC 7523 §3](https://www.rfc-editor.org/rfc/rfc7523#section-3), rule 7).
///
/// A false `true` lets somebody who saw an assertion use it again; a false `false` refuses a client, which then signs
/// another one. Of any number of calls with one client and `jti`, at most one may be told `true`, on whatever instance it
/// runs. In Redis it is `SET key 1 NX EXAT until`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not remember which assertions were used",
    note = "implement `ReplayStore`: one async method"
)]
pub trait ReplayStore: Send + Sync + 'static {
    /// What it can fail with.
    type Error: Into<BoxError> + Send;

    /// Notes that this client has used the assertion of this `jti`; true if it had not before. It may be forgotten after
    /// `until`, when the assertion is no good any more.
    ///
    /// # Errors
    ///
    /// If that could not be noted. The client gets no token then.
    fn first_use(
        &self,
        client: &str,
        jti: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send;
}

/// What was used, in memory: for one instance, and until it ends. Clones share it.
///
/// Assertions live for minutes, so what a restart forgets is little; where that is too much, or several instances share
/// clients, use a store of your own. What has expired is swept away whenever the number has doubled since the last time.
#[derive(Clone, Debug)]
pub struct MemoryReplayStore {
    table: Arc<Mutex<Table>>,
    most: usize,
}

#[derive(Debug, Default)]
struct Table {
    used: HashMap<Box<[u8]>, Timestamp>,
    swept: usize,
}

/// How many there are before the first sweep.
const FIRST_SWEEP: usize = 1_024;

impl Default for MemoryReplayStore {
    fn default() -> Self {
        Self::with_capacity(100_000)
    }
}

impl MemoryReplayStore {
    /// An empty one, for 100,000 assertions at a time.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty one for so many assertions at a time. When that many are unexpired, further ones are an outage: only
    /// trusted clients get here, and forgetting one would let it be used again.
    #[must_use]
    pub fn with_capacity(most: usize) -> Self {
        Self { table: Arc::default(), most }
    }
}

impl ReplayStore for MemoryReplayStore {
    type Error = BoxError;

    async fn first_use(
        &self,
        client: &str,
        jti: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, BoxError> {
        // nothing that could panic runs under this lock
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        // no client's name has this byte, since it is no UTF-8
        let key: Box<[u8]> = [client.as_bytes(), &[0xff], jti.as_bytes()].concat().into();
        if table.used.get(&key).is_some_and(|until| now <= *until) {
            return Ok(false);
        }
        if table.used.len() >= (2 * table.swept).max(FIRST_SWEEP).min(self.most) {
            table.used.retain(|_, until| now <= *until);
            table.swept = table.used.len();
        }
        if table.used.len() >= self.most {
            return Err("too many assertions are in use".into());
        }
        table.used.insert(key, until);
        Ok(true)
    }
}

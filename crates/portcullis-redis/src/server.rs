//! What is asked of a server before it is trusted with revocations.

use std::collections::HashMap;

use portcullis_core::{StoreError, StoreErrorKind};
use redis::aio::MultiplexedConnection;

use crate::error::{redis_error, unavailable};
use crate::route::{Node, nodes};

/// What to insist on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checks {
    /// Take a server that forgets denials when its memory is full.
    pub(crate) any_eviction_policy: bool,
}

/// That the server is a primary, and forgets nothing that it has acknowledged to make room. Tells where all servers of its
/// cluster are, if it is in one: there a replica will do, since it sends whoever asks it on to its primary.
pub(crate) async fn check(
    connection: &mut MultiplexedConnection,
    host: &str,
    checks: Checks,
) -> Result<Vec<Node>, StoreError> {
    let info = info(connection).await?;
    let clustered = info.get("cluster_enabled").is_some_and(|enabled| enabled == "1");
    if !clustered {
        confirm_primary(&info)?;
    }
    let policy = info.get("maxmemory_policy").map_or("unknown", String::as_str);
    if policy != "noeviction" && !checks.any_eviction_policy {
        return Err(StoreError::new(
            StoreErrorKind::Invalid,
            format!(
                "the maxmemory-policy of the server is {policy}, so it may forget revocations; set it to noeviction"
            ),
        ));
    }
    if !clustered {
        return Ok(Vec::new());
    }
    // who may not ask this knows one server of the cluster
    let slots = redis::cmd("CLUSTER").arg("SLOTS").query_async(connection).await;
    Ok(slots.map_or_else(|_| Vec::new(), |slots| nodes(&slots, host)))
}

async fn info(
    connection: &mut MultiplexedConnection,
) -> Result<HashMap<String, String>, StoreError> {
    let what = "can't ask the server what it is";
    // one section at a time, as old servers have it
    let mut all = HashMap::new();
    for section in ["replication", "memory", "cluster"] {
        let answer = redis::cmd("INFO").arg(section).query_async::<String>(connection).await;
        all.extend(parse(&answer.map_err(|error| redis_error(what, error))?));
    }
    Ok(all)
}

/// The lines of `INFO`.
pub(crate) fn parse(info: &str) -> HashMap<String, String> {
    let pairs = info.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (name.to_owned(), value.trim_end().to_owned())).collect()
}

/// That the server says that it is a primary.
pub(crate) fn confirm_primary(info: &HashMap<String, String>) -> Result<(), StoreError> {
    match info.get("role").map(String::as_str) {
        Some("master") => Ok(()),
        _ => Err(not_primary()),
    }
}

pub(crate) fn not_primary() -> StoreError {
    unavailable("the server is a replica, which may lack what its primary has acknowledged")
}

//! Listening: a task that is told of writes, on a connection of its own, and wakes whoever follows.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::own::Address;

/// After how long to try again if the server can't be reached. Nothing but the delay depends on it.
const RETRY: Duration = Duration::from_millis(200);

/// How many of the last writes are kept in mind: a wake-up needs one.
const RECENT: usize = 64;

pub(crate) struct Listener {
    /// Where there is none, nobody is woken: a pool lends no connection to listen on.
    address: Option<Address>,
    listen: String,
    task: Mutex<Option<JoinHandle<()>>>,
    recent: watch::Sender<VecDeque<u64>>,
}

impl Listener {
    pub(crate) fn new(address: Option<Address>, listen: String) -> Self {
        let recent = watch::Sender::new(VecDeque::new());
        Self { address, listen, task: Mutex::new(None), recent }
    }

    /// Done when there was a write that is not among those that were seen. Starts the task if it does not run.
    pub(crate) async fn changed(&self, is_seen: impl Fn(u64) -> bool) {
        let Some(address) = &self.address else { return std::future::pending().await };
        let mut recent = self.recent.subscribe();
        {
            let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
            if task.as_ref().is_none_or(JoinHandle::is_finished) {
                let (address, sql) = (address.clone(), self.listen.clone());
                *task = Some(tokio::spawn(listen(address, sql, self.recent.clone())));
            }
        }
        // the sender lives as long as this
        let _ = recent.wait_for(|recent| recent.iter().any(|xid| !is_seen(*xid))).await;
    }

    /// The feed begins anew, maybe in a log with smaller numbers.
    pub(crate) fn forget(&self) {
        self.recent.send_modify(VecDeque::clear);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.abort();
        }
    }
}

/// Ends a task with what it works for.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn listen(address: Address, sql: String, recent: watch::Sender<VecDeque<u64>>) {
    let recent = Arc::new(recent);
    loop {
        let telling = Arc::clone(&recent);
        let heard = move |told: &tokio_postgres::Notification| {
            // a payload of somebody else's wakes nobody
            if let Ok(xid) = told.payload().parse() {
                telling.send_modify(|recent| {
                    recent.truncate(RECENT - 1);
                    recent.push_front(xid);
                });
            }
        };
        let listening = async {
            let (client, task) = address.open("can't listen", heard).await?;
            let task = AbortOnDrop(task);
            let listened = client.batch_execute(&sql).await;
            listened.map_err(|error| crate::error::postgres_error("can't listen", error))?;
            Ok::<_, portcullis_core::StoreError>((client, task))
        };
        if let Ok(Ok((client, mut task))) = tokio::time::timeout(address.limit, listening).await {
            // until the connection ends, or does not answer any more: a dead one is silent, as an idle one is
            loop {
                let wait = tokio::time::timeout(Duration::from_secs(5), &mut task.0).await;
                let alive = tokio::time::timeout(address.limit, client.check_connection());
                if wait.is_ok() || !matches!(alive.await, Ok(Ok(()))) {
                    break;
                }
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}

//! Listening: a task that waits for the next entry of the log, on a connection of its own, and wakes whoever follows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::link::{Link, Question, Target};

/// For how long the server holds a question back while nothing is written.
const HELD: Duration = Duration::from_secs(2);

/// After how long to try again if the server can't be asked. Nothing but the delay depends on it.
const RETRY: Duration = Duration::from_millis(200);

pub(crate) struct Listener {
    target: Arc<Target>,
    task: Mutex<Option<JoinHandle<()>>>,
    latest: watch::Sender<u64>,
    /// Up to where the feed was read: what it has is nothing to wake anybody for.
    read: Arc<AtomicU64>,
}

impl Listener {
    pub(crate) fn new(target: Arc<Target>) -> Self {
        Self {
            target,
            task: Mutex::new(None),
            latest: watch::Sender::new(0),
            read: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Takes note of how far the feed was read.
    pub(crate) fn note(&self, position: u64) {
        self.read.fetch_max(position, Ordering::Relaxed);
    }

    /// The feed begins anew, maybe in a log with smaller numbers.
    pub(crate) fn forget(&self, position: u64) {
        self.read.store(position, Ordering::Relaxed);
        self.latest.send_replace(position);
    }

    /// Done when there may be something in the log after this place. Starts the task if it does not run.
    pub(crate) async fn changed(&self, log: &str, after: u64) {
        let mut latest = self.latest.subscribe();
        {
            let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
            if task.as_ref().is_none_or(JoinHandle::is_finished) {
                let link = Link::new(Arc::clone(&self.target));
                let (log, latest) = (log.to_owned(), self.latest.clone());
                *task = Some(tokio::spawn(listen(link, log, latest, Arc::clone(&self.read))));
            }
        }
        // the sender lives as long as this
        let _ = latest.wait_for(|latest| *latest > after).await;
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

async fn listen(link: Link, log: String, latest: watch::Sender<u64>, read: Arc<AtomicU64>) {
    loop {
        let after = (*latest.borrow()).max(read.load(Ordering::Relaxed));
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(1).arg("BLOCK").arg(HELD.as_millis() as u64);
        command.arg("STREAMS").arg(&log).arg(format!("{after}-0"));
        match link.ask("can't listen to the log", HELD, Question::Command(&command)).await {
            Ok(Value::Nil) => {}
            Ok(answer) => {
                // whatever it is: something is there
                let at = entry(&answer).unwrap_or(after + 1);
                latest.send_modify(|latest| *latest = at.max(*latest));
            }
            Err(_) => tokio::time::sleep(RETRY).await,
        }
    }
}

/// The number of the first entry: `[[log, [[id, fields]]]]`.
fn entry(answer: &Value) -> Option<u64> {
    let first = |value: &Value| value.as_sequence()?.first().cloned();
    let stream = first(answer)?;
    let entries = stream.as_sequence()?.get(1)?.clone();
    let id: String = redis::from_redis_value(first(&first(&entries)?)?).ok()?;
    id.split_once('-')?.0.parse().ok()
}

//! Where the driver is told what there is to do, from any thread.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

use super::shared::Shared;

/// A piece of work that is done once, by the driver.
pub(crate) type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where the driver is told what there is to do.
#[derive(Default)]
pub(crate) struct Hub {
    inbox: Mutex<Inbox>,
    wake: Notify,
    ids: AtomicU64,
}

#[derive(Default)]
struct Inbox {
    added: Vec<Weak<Shared>>,
    /// Sources about which something changed: when they are due, or whether they are there at all.
    poked: HashSet<u64>,
    jobs: Vec<Job>,
    /// How many there are who may still bring jobs.
    bringing: usize,
    /// No refresher is left, so nothing will be added.
    closed: bool,
    shut_down: bool,
    /// The driver is gone.
    ended: bool,
}

/// What the driver is told.
pub(super) struct News {
    pub(super) added: Vec<Weak<Shared>>,
    pub(super) poked: HashSet<u64>,
    pub(super) jobs: Vec<Job>,
    pub(super) shut_down: bool,
    /// Nobody is left who could add or bring anything.
    pub(super) idle: bool,
}

impl Hub {
    /// Nothing panics while the lock is held.
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn add(&self, source: &Arc<Shared>) {
        let mut inbox = self.inbox();
        if inbox.ended || inbox.shut_down {
            drop(inbox);
            return source.stop();
        }
        inbox.added.push(Arc::downgrade(source));
        drop(inbox);
        self.wake.notify_one();
    }

    pub(super) fn poke(&self, id: u64) {
        let mut inbox = self.inbox();
        if !inbox.ended {
            // a set, so that a driver that is never polled leaves no heap of notes
            inbox.poked.insert(id);
        }
        drop(inbox);
        self.wake.notify_one();
    }

    /// Notes that there is one more who may bring jobs, or one less.
    pub(crate) fn brings_jobs(&self, yes: bool) {
        let mut inbox = self.inbox();
        inbox.bringing = if yes { inbox.bringing + 1 } else { inbox.bringing.saturating_sub(1) };
        drop(inbox);
        self.wake.notify_one();
    }

    /// Nothing will be added any more.
    pub(super) fn close(&self) {
        self.inbox().closed = true;
        self.wake.notify_one();
    }

    pub(super) fn shut_down(&self) {
        self.inbox().shut_down = true;
        self.wake.notify_one();
    }

    /// Waits until the driver is told something.
    pub(super) async fn told(&self) {
        self.wake.notified().await;
    }

    /// What the driver was told since it asked last.
    pub(super) fn take(&self) -> News {
        let mut inbox = self.inbox();
        News {
            added: std::mem::take(&mut inbox.added),
            poked: std::mem::take(&mut inbox.poked),
            jobs: std::mem::take(&mut inbox.jobs),
            shut_down: inbox.shut_down,
            idle: inbox.closed && inbox.bringing == 0,
        }
    }

    /// The driver is gone. What it was not told yet is returned.
    pub(super) fn end(&self) -> (Vec<Weak<Shared>>, Vec<Job>) {
        let mut inbox = self.inbox();
        inbox.ended = true;
        (std::mem::take(&mut inbox.added), std::mem::take(&mut inbox.jobs))
    }

    /// Has the driver do this. Where there is no driver any more it is dropped.
    pub(crate) fn bring(&self, job: Job) {
        let mut inbox = self.inbox();
        if !inbox.ended && !inbox.shut_down {
            inbox.jobs.push(job);
            drop(inbox);
            self.wake.notify_one();
        }
    }
}

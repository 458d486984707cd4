//! The thread that answers those who follow, and wakes them when somebody has written: another process
//! too, which `data_version` tells.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use portcullis_core::feed::FeedError;
use portcullis_core::{Clock, StoreError};
use rusqlite::Connection;

use crate::connect::{connect, forget_pages};
use crate::error::sqlite;
use crate::guard::Guard;
use crate::log::LogView;
use crate::queue::Queue;

/// What is done with a view of the log, or with the reason why there is none.
pub(crate) type Look = Box<dyn FnOnce(Result<&LogView<'_>, &FeedError>) + Send>;

/// What the thread is asked.
pub(crate) enum Ask {
    /// Something about one view of the log.
    Look(Look),
    /// To be told when there is an entry after this position.
    Wake { after: i64, waiting: oneshot::Sender<()> },
    /// To begin anew with another connection.
    Reset,
}

/// How to open a connection, and what it is for.
#[derive(Clone)]
pub(crate) struct Follow {
    pub(crate) path: PathBuf,
    pub(crate) guard: Guard,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) busy_timeout: Duration,
    pub(crate) poll_interval: Duration,
    pub(crate) page: usize,
}

/// Those who wait for a write.
struct Waiting {
    all: Vec<(i64, oneshot::Sender<()>)>,
    /// What `data_version` was when the end of the log was last looked at.
    seen: Option<i64>,
    looked: Instant,
}

impl Follow {
    /// Answers until the queue is closed.
    pub(crate) fn run(mut self, queue: &Queue<Ask>) {
        let mut connection = None;
        let mut waiting = Waiting { all: Vec::new(), seen: None, looked: Instant::now() };
        loop {
            let asked = if waiting.all.is_empty() {
                queue.pop(1)
            } else {
                let patience = self.poll_interval.saturating_sub(waiting.looked.elapsed());
                queue.pop_within(1, patience)
            };
            let Some(asked) = asked else { return };
            for ask in asked {
                match ask {
                    Ask::Reset => connection = None,
                    Ask::Wake { after, waiting: sender } => {
                        waiting.all.push((after, sender));
                        // it may have been written already
                        waiting.seen = None;
                    }
                    Ask::Look(answer) => match self.look(&mut connection) {
                        Ok(transaction) => answer(Ok(&LogView::new(&transaction, self.page))),
                        Err(error) => answer(Err(&FeedError::from(error))),
                    },
                }
            }
            if !waiting.all.is_empty()
                && (waiting.seen.is_none() || waiting.looked.elapsed() >= self.poll_interval)
            {
                waiting.looked = Instant::now();
                // a wake-up that can't be given is none: whoever waits reads from time to time anyway
                let _ = self.wake(&mut connection, &mut waiting);
            }
        }
    }

    /// A view of the file, which has to be the one that was opened.
    fn look<'a>(
        &mut self,
        connection: &'a mut Option<Connection>,
    ) -> Result<rusqlite::Transaction<'a>, StoreError> {
        let changed = self.guard.check()?;
        let connection = self.connected(connection)?;
        if changed {
            forget_pages(connection)?;
        }
        // rolled back when it is dropped, which is all that a transaction that only reads needs
        connection.unchecked_transaction().map_err(sqlite("can't begin to read"))
    }

    fn connected<'a>(
        &self,
        connection: &'a mut Option<Connection>,
    ) -> Result<&'a mut Connection, StoreError> {
        if let Some(connection) = connection {
            return Ok(connection);
        }
        let new = connect(&self.path, self.busy_timeout)?;
        new.execute_batch("PRAGMA query_only = ON")
            .map_err(sqlite("can't set up a connection for reading"))?;
        Ok(connection.insert(new))
    }

    fn wake(
        &mut self,
        connection: &mut Option<Connection>,
        waiting: &mut Waiting,
    ) -> Result<(), StoreError> {
        waiting.all.retain(|(_, sender)| !sender.is_canceled());
        if waiting.all.is_empty() {
            return Ok(());
        }
        let version = self
            .connected(connection)?
            .query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0))
            .map_err(sqlite("can't ask whether somebody has written"))?;
        if waiting.seen == Some(version) {
            return Ok(());
        }
        let transaction = self.look(connection)?;
        let end = LogView::new(&transaction, self.page).end()?;
        waiting.seen = Some(version);
        for (after, sender) in std::mem::take(&mut waiting.all) {
            if after < end {
                // nobody waits any more: nothing to do
                let _ = sender.send(());
            } else {
                waiting.all.push((after, sender));
            }
        }
        Ok(())
    }
}

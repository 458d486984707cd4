//! The store as a feed: what is asked of the thread that knows the log.

use futures_channel::oneshot;
use portcullis_core::feed::{Batch, Chunk, Feed, FeedError, Start};

use crate::following::Ask;
use crate::log::{LogView, SqliteCursor, SqlitePage};
use crate::store::{SqliteStore, ended, overloaded};

impl SqliteStore {
    async fn look<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&LogView<'_>) -> Result<T, FeedError> + Send + 'static,
    ) -> Result<T, FeedError> {
        let (reply, answered) = oneshot::channel();
        let ask = Ask::Look(Box::new(move |view| {
            let result = view.map_err(FeedError::clone).and_then(answer);
            // nobody waits any more: nothing to do
            let _ = reply.send(result);
        }));
        self.followed()?.push(ask).map_err(|_| overloaded())?;
        answered.await.unwrap_or_else(|_| Err(ended().into()))
    }
}

/// Every process on the host that has the file open can follow it. There is one primary, the file, so
/// every read is a barrier.
impl Feed for SqliteStore {
    type Cursor = SqliteCursor;
    type Page = SqlitePage;

    async fn start(&self) -> Result<Start<SqliteCursor>, FeedError> {
        self.look(|view| view.start()).await
    }

    async fn snapshot(&self, page: Option<&SqlitePage>) -> Result<Chunk<SqlitePage>, FeedError> {
        let (page, now) = (page.cloned(), self.now());
        self.look(move |view| view.snapshot(page.as_ref(), now)).await
    }

    async fn read(&self, after: &SqliteCursor) -> Result<Batch<SqliteCursor>, FeedError> {
        let after = after.clone();
        self.look(move |view| view.read(&after)).await
    }

    async fn changed(&self, after: &SqliteCursor) {
        let (sender, woken) = oneshot::channel();
        let ask = Ask::Wake { after: after.position(), waiting: sender };
        let asked = self.followed().is_ok_and(|queue| queue.push(ask).is_ok());
        if !asked || woken.await.is_err() {
            // a store that can't wake anybody lets them wait
            std::future::pending().await
        }
    }

    fn reset(&self) {
        if let Ok(queue) = self.followed() {
            // a queue that is full will answer nobody anyway
            let _ = queue.push(Ask::Reset);
        }
    }
}

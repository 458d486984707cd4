//! The store: a handle to the threads that do its work.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use futures_channel::oneshot;
use portcullis_core::state::{CUTOFF_KINDS, DENIAL_KINDS, Usage};
use portcullis_core::{
    AllowlistStore, AllowlistWriter, CutoffStore, DenylistStore, Entry, GenerationStore, Position,
    Revoke, Revoked, StoreError, Target, TargetBuf, TargetKind, Timestamp, TokenView,
};
use rusqlite::Connection;

use crate::builder::SqliteStoreBuilder;
use crate::connect::{connect, prepare_file};
use crate::error::unavailable;
use crate::following::{Ask, Follow};
use crate::guard::Guard;
use crate::queue::Queue;
use crate::reading::{self, Question, Shared, View};
use crate::schema;
use crate::writing::{Request, Write, Writer};

/// Revocations in an SQLite file: cutoffs, a denylist, an allowlist and generations.
///
/// What it promises, and what not, is at [the crate](crate). Clones share the connections. When the
/// last one is dropped, what is queued is written, the threads end, and the file is closed; that
/// waits for the disk.
///
/// # Example
///
/// ```
/// use portcullis_core::{Denylist, Entry, IatCutoff, Revocation, Revoke, Target};
/// use portcullis_sqlite::SqliteStore;
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("revocations.db");
/// let store = SqliteStore::open(&path)?;
/// let rule = IatCutoff::new(store.clone()).and(Denylist::new(store.clone()));
/// # portcullis_testing::block_on(async {
/// store.revoke(Entry::deny(Target::token("https://idp.example.com", "7f1c"))).await?;
/// # Ok::<_, portcullis_core::StoreError>(())
/// # })?;
/// # let _ = rule;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    questions: Arc<Queue<Question>>,
    writes: Arc<Queue<Request>>,
    readers: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
    follow: Follow,
    /// The thread for those who follow, started for the first of them.
    followed: Mutex<Option<Followed>>,
}

/// Where to ask the thread for those who follow, and the thread.
type Followed = (Arc<Queue<Ask>>, JoinHandle<()>);

impl SqliteStore {
    /// Opens this file, or creates it, with everything else as preset.
    ///
    /// # Errors
    ///
    /// See [`SqliteStoreBuilder::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::builder(path).open()
    }

    /// Starts a store in this file that is set up.
    pub fn builder(path: impl AsRef<Path>) -> SqliteStoreBuilder {
        SqliteStoreBuilder::new(path.as_ref())
    }

    /// How many entries the file holds.
    ///
    /// # Errors
    ///
    /// If the file could not be asked.
    pub async fn usage(&self) -> Result<Usage, StoreError> {
        self.ask(|view| view.usage()).await
    }

    pub(crate) fn start(settings: &SqliteStoreBuilder) -> Result<Self, StoreError> {
        let path = prepare_file(&settings.path)?;
        let guard = Guard::new(path.clone())?;
        let mut connection = connect(&path, settings.busy_timeout)?;
        let meta = schema::prepare(&mut connection)?;
        let mut guard = guard.with_companions()?;
        let connect_reader = |_| reader(&path, settings);
        let readers = (0..settings.readers).map(connect_reader).collect::<Result<Vec<_>, _>>()?;
        // only now, so that a file replaced in the meantime is noticed
        guard.check()?;

        let shared = Arc::new(Shared {
            store: meta.store,
            seen: AtomicU64::new(meta.position),
            clock: Arc::clone(&settings.clock),
        });
        let follow = Follow {
            path: path.clone(),
            guard: guard.clone(),
            clock: Arc::clone(&settings.clock),
            busy_timeout: settings.busy_timeout,
            poll_interval: settings.poll_interval,
            page: settings.page,
        };
        let mut inner = Inner {
            path,
            questions: Arc::new(Queue::new()),
            writes: Arc::new(Queue::new()),
            readers: Vec::new(),
            writer: None,
            follow,
            followed: Mutex::new(None),
        };
        let (limits, retention, log) = (settings.limits, settings.retention, settings.log);
        let mut writer = Writer { connection, guard: guard.clone(), limits, retention, log };
        writer.initialise(&shared, settings.waives_cutoff)?;
        // If a thread can't be started, dropping `inner` ends those that were.
        for connection in readers {
            let (shared, mut guard) = (Arc::clone(&shared), guard.clone());
            let thread = spawn("portcullis-read", Arc::clone(&inner.questions), move |queue| {
                reading::run(&connection, &mut guard, &shared, queue);
            })?;
            inner.readers.push(thread);
        }
        let thread = spawn("portcullis-write", Arc::clone(&inner.writes), move |queue| {
            writer.run(&shared, queue);
        })?;
        inner.writer = Some(thread);
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Has a thread of the store answer.
    async fn ask<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answered) = oneshot::channel();
        let question: Question = Box::new(move |view| {
            let result = view.map_err(StoreError::clone).and_then(answer);
            // nobody waits any more: nothing to do
            let _ = reply.send(result);
        });
        self.inner.questions.push(question).map_err(|_| overloaded())?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.follow.clock.now()
    }

    /// Where to ask the thread for those who follow.
    pub(crate) fn followed(&self) -> Result<Arc<Queue<Ask>>, StoreError> {
        // nothing that could panic runs under this lock
        let mut followed = self.inner.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((queue, thread)) = &*followed
            && !thread.is_finished()
        {
            return Ok(Arc::clone(queue));
        }
        let (queue, follow) = (Arc::new(Queue::new()), self.inner.follow.clone());
        let thread = spawn("portcullis-feed", Arc::clone(&queue), |queue| follow.run(queue))?;
        *followed = Some((Arc::clone(&queue), thread));
        Ok(queue)
    }

    async fn write(&self, write: Write) -> Result<Revoked, StoreError> {
        let (reply, done) = oneshot::channel();
        self.inner.writes.push(Request { write, reply }).map_err(|_| overloaded())?;
        done.await.unwrap_or_else(|_| Err(ended()))
    }
}

fn reader(path: &Path, settings: &SqliteStoreBuilder) -> Result<Connection, StoreError> {
    let connection = connect(path, settings.busy_timeout)?;
    connection
        .execute_batch("PRAGMA query_only = ON")
        .map_err(crate::error::sqlite("can't set up a connection for reading"))?;
    Ok(connection)
}

pub(crate) fn overloaded() -> StoreError {
    unavailable("the store is overloaded or hangs: too many requests wait for it")
}

pub(crate) fn ended() -> StoreError {
    unavailable("the thread of the store has ended")
}

/// Starts a thread that serves this queue.
fn spawn<T: Send + 'static>(
    name: &str,
    queue: Arc<Queue<T>>,
    run: impl FnOnce(&Queue<T>) + Send + 'static,
) -> Result<JoinHandle<()>, StoreError> {
    /// Should the thread ever panic, its callers are told, rather than left to wait.
    struct Abandon<T>(Arc<Queue<T>>);

    impl<T> Drop for Abandon<T> {
        fn drop(&mut self) {
            self.0.abandon();
        }
    }

    let builder = thread::Builder::new().name(name.to_owned());
    let queue = Abandon(queue);
    builder
        .spawn(move || run(&queue.0))
        .map_err(|error| unavailable("can't start a thread").with_source(error))
}

impl Drop for Inner {
    /// The writer is the last to close the file: of connections that close it at the same moment, each takes the
    /// others for open still, and none removes the log.
    fn drop(&mut self) {
        self.questions.close();
        let followed = self.followed.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((queue, thread)) = followed {
            queue.abandon();
            self.readers.push(thread);
        }
        self.readers.drain(..).for_each(join);
        self.writes.close();
        self.writer.take().into_iter().for_each(join);
    }
}

fn join(thread: JoinHandle<()>) {
    // a reply may wake its caller on the very thread that sent it, who may drop the store
    if thread.thread().id() != thread::current().id() {
        // a thread that panicked has told its callers
        let _ = thread.join();
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

impl CutoffStore for SqliteStore {
    type Error = StoreError;

    async fn cutoff(&self, target: &Target<'_>) -> Result<Option<Timestamp>, StoreError> {
        let target = target.to_owned();
        self.ask(move |view| view.cutoff(&target.as_target())).await
    }

    fn kinds(&self) -> &'static [TargetKind] {
        CUTOFF_KINDS
    }

    async fn latest_cutoff(&self, targets: &[Target<'_>]) -> Result<Option<Timestamp>, StoreError> {
        let targets = owned(targets);
        self.ask(move |view| {
            let mut latest = None;
            for target in &targets {
                latest = latest.max(view.cutoff(&target.as_target())?);
            }
            Ok(latest)
        })
        .await
    }
}

impl DenylistStore for SqliteStore {
    type Error = StoreError;

    async fn is_denied(&self, target: &Target<'_>) -> Result<bool, StoreError> {
        let target = target.to_owned();
        self.ask(move |view| view.is_denied(&target.as_target())).await
    }

    fn kinds(&self) -> &'static [TargetKind] {
        DENIAL_KINDS
    }

    async fn is_any_denied(
        &self,
        token: &TokenView<'_>,
        targets: &[Target<'_>],
    ) -> Result<bool, StoreError> {
        let targets = owned(targets);
        let subject = token.target(TargetKind::Subject).map(TargetBuf::from);
        let issued = token.issued_at();
        self.ask(move |view| {
            for target in &targets {
                if view.is_denied(&target.as_target())? {
                    return Ok(true);
                }
            }
            match &subject {
                Some(subject) => view.is_collapsed(&subject.as_target(), issued),
                None => Ok(false),
            }
        })
        .await
    }
}

impl GenerationStore for SqliteStore {
    type Error = StoreError;

    async fn min_generation(&self, target: &Target<'_>) -> Result<Option<u64>, StoreError> {
        let target = target.to_owned();
        self.ask(move |view| view.min_generation(&target.as_target())).await
    }
}

impl AllowlistStore for SqliteStore {
    type Error = StoreError;

    async fn is_allowed(&self, token: &Target<'_>) -> Result<bool, StoreError> {
        let token = token.to_owned();
        self.ask(move |view| view.is_allowed(&token.as_target())).await
    }
}

impl Revoke for SqliteStore {
    async fn revoke(&self, entry: Entry) -> Result<Revoked, StoreError> {
        self.write(Write::Revoke(entry)).await
    }
}

impl AllowlistWriter for SqliteStore {
    async fn allow(
        &self,
        token: Target<'_>,
        subject: Option<&str>,
        expires_at: Option<Timestamp>,
    ) -> Result<Position, StoreError> {
        let (token, subject) = (token.to_owned(), subject.map(Box::from));
        let done = self.write(Write::Allow { token, subject, expires_at }).await?;
        Ok(done.position())
    }

    async fn remove(&self, target: Target<'_>) -> Result<Position, StoreError> {
        Ok(self.write(Write::Remove(target.to_owned())).await?.position())
    }
}

fn owned(targets: &[Target<'_>]) -> Vec<TargetBuf> {
    targets.iter().map(Target::to_owned).collect()
}

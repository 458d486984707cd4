//! The source of keys that are published one by one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http::StatusCode;
use portcullis::Keys;
use portcullis::keys::{KeySet, KeySource, KeyWait, Seek, VerificationKey, WantedKey};
use portcullis_core::{BoxError, Clock};
use tokio::sync::watch;

use super::Address;
use super::book::{Advice, Book};
use crate::error::{FetchError, FetchErrorKind};
use crate::fetch::{Answer, Caps, FetchDocument};
use crate::remote::Hub;
use crate::url::Url;

/// The longest name that is looked at.
const MAX_KID: usize = 128;

pub(super) struct Source {
    /// The keys that are held, by a handle without a source.
    keys: Keys,
    book: Mutex<Book>,
    /// When the first of the keys has to go, in milliseconds of [`Clock::elapsed`].
    first_expiry: AtomicU64,
    address: Address,
    clock: Arc<dyn Clock>,
    fetch: Arc<dyn FetchDocument>,
    caps: Caps,
    max_wait: Duration,
    hub: Arc<Hub>,
    /// Gone with it: looks that are under way end then.
    wanted: watch::Sender<()>,
    /// Itself, for the work that the driver does for it, which must not keep it alive.
    this: Weak<Self>,
}

impl Source {
    pub(super) fn new(
        book: Book,
        address: Address,
        clock: Arc<dyn Clock>,
        fetch: Arc<dyn FetchDocument>,
        caps: Caps,
        max_wait: Duration,
        hub: Arc<Hub>,
    ) -> Arc<Self> {
        hub.brings_jobs(true);
        Arc::new_cyclic(|this| Self {
            keys: Keys::from(KeySet::default()),
            book: Mutex::new(book),
            first_expiry: AtomicU64::new(u64::MAX),
            address,
            clock,
            fetch,
            caps,
            max_wait,
            hub,
            wanted: watch::Sender::default(),
            this: Weak::clone(this),
        })
    }

    pub(super) fn handle(&self) -> Keys {
        self.keys.clone()
    }

    /// Nothing panics while the lock is held.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the keys of the book in place of the set, under its lock, so that an older set never follows.
    fn publish(&self, book: &Book) {
        let (set, expiry) = book.set();
        let millis =
            expiry.map_or(u64::MAX, |at| u64::try_from(at.as_millis()).unwrap_or(u64::MAX));
        self.first_expiry.store(millis, Ordering::Release);
        self.keys.replace(set);
    }

    #[cold]
    fn expire(&self) {
        let mut book = self.book();
        book.drop_expired(self.clock.elapsed());
        self.publish(&book);
    }

    /// Looks for a key, and writes down what came of it.
    fn look(&self, kid: Box<str>, url: Url) {
        let (fetch, caps) = (Arc::clone(&self.fetch), self.caps);
        let broke = FetchError::new(FetchErrorKind::Stopped, &url, "the fetch was broken off");
        let look = Look {
            source: Weak::clone(&self.this),
            kid,
            began: self.clock.elapsed(),
            result: Some(Err(broke)),
        };
        let mut wanted = self.wanted.subscribe();
        self.hub.bring(Box::pin(async move {
            tokio::select! {
                result = get(&*fetch, &look.kid, &url, caps) => look.end(result),
                // nothing is ever sent: nobody holds the keys any more
                _ = wanted.changed() => {}
            }
        }));
    }

    fn error(&self, kind: FetchErrorKind, url: &Url, message: impl Into<Box<str>>) -> BoxError {
        FetchError::new(kind, url, message).into()
    }
}

/// A look for a key. However it ends, also by a panic of the client or with the driver, it is written down.
struct Look {
    source: Weak<Source>,
    kid: Box<str>,
    began: Duration,
    result: Option<Result<Option<VerificationKey>, FetchError>>,
}

impl Look {
    /// Writes this down instead of that it was broken off.
    fn end(mut self, result: Result<Option<VerificationKey>, FetchError>) {
        self.result = Some(result);
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        let (Some(source), Some(result)) = (self.source.upgrade(), self.result.take()) else {
            return;
        };
        if let Err(error) = &result {
            let error: &dyn std::error::Error = error;
            tracing::warn!(target: "portcullis", error, "a key could not be fetched");
        }
        let mut book = source.book();
        let told = book.found(&self.kid, result, self.began, source.clock.elapsed());
        source.publish(&book);
        drop(book);
        if let Some(told) = told {
            told.tell();
        }
    }
}

async fn get(
    fetch: &dyn FetchDocument,
    kid: &str,
    url: &Url,
    caps: Caps,
) -> Result<Option<VerificationKey>, FetchError> {
    let document = match fetch.get(url, None, caps).await {
        Ok(Answer::Document(document)) => document,
        // `get` gives none to a request without a tag
        Ok(Answer::NotModified(_)) => {
            let message = "304 to an unconditional request";
            return Err(FetchError::new(FetchErrorKind::Status, url, message));
        }
        Err(error) if error.status().is_some_and(means_absent) => return Ok(None),
        Err(error) => return Err(error),
    };
    let key = VerificationKey::from_pem(&document.body)
        .map_err(|error| FetchError::new(FetchErrorKind::Malformed, url, error.to_string()))?;
    Ok(Some(key.with_key_id(kid)))
}

/// True for what servers answer that have no such document; stores of objects say 403.
fn means_absent(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 403 | 404 | 410)
}

impl KeySource for Source {
    fn check(&self) -> Result<(), BoxError> {
        let first = Duration::from_millis(self.first_expiry.load(Ordering::Acquire));
        if self.clock.elapsed() >= first {
            self.expire();
        }
        Ok(())
    }

    fn seek(&self, wanted: &WantedKey<'_>) -> Seek {
        let Some(kid) = wanted.untrusted_key_id().filter(|kid| kid.len() <= MAX_KID) else {
            return Seek::NotThere;
        };
        let Some(address) = (self.address)(kid) else { return Seek::NotThere };
        // an address that makes no sense was made of this name
        let Ok(url) = Url::parse(&address) else { return Seek::NotThere };
        let advice = self.book().seek(kid, self.clock.elapsed());
        let mut outcome = match advice {
            Advice::NotThere => return Seek::NotThere,
            Advice::Failed(error) => return Seek::Unavailable(error.into()),
            Advice::TooMany => {
                let message = "too many keys that are not known are asked for at once";
                return Seek::Unavailable(self.error(FetchErrorKind::Timeout, &url, message));
            }
            Advice::Join(outcome) => outcome,
            Advice::Look(outcome) => {
                // where there is no driver any more, the look is dropped, and the outcome says so
                self.look(kid.into(), url.clone());
                outcome
            }
        };
        let limit = self.max_wait;
        let message = format!("the key was not there within the {limit:?} that a request waits");
        let too_late = self.error(FetchErrorKind::Timeout, &url, message);
        let broke = self.error(FetchErrorKind::Stopped, &url, "the task that fetches has ended");
        Seek::Wait(KeyWait::new(async move {
            match tokio::time::timeout(limit, outcome.wait_for(Option::is_some)).await {
                Ok(Ok(outcome)) => outcome.clone().unwrap_or(Ok(())).map_err(BoxError::from),
                Ok(Err(_)) => Err(broke),
                Err(_) => Err(too_late),
            }
        }))
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.hub.brings_jobs(false);
    }
}

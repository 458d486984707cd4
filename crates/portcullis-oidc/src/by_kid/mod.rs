//! [`KeysByKid`]: keys that are published one by one, each at an address that follows from its `kid`.

mod book;
mod source;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis::{BuildError, Keys};
use portcullis_core::{Clock, SystemClock};

use self::book::Book;
use self::source::Source;
use crate::Refresher;
use crate::fetch::{Caps, Fetch, FetchDocument};

/// Keys that are published one by one: a public key in PEM for each `kid`, at an address that follows from it, as
/// Amazon's load balancers do.
///
/// There is no set to fetch ahead: a key is fetched when the first token names it, and the request waits for that.
///
/// # Rules
///
/// - **The `kid` is written by whoever made the token.** Nothing is fetched unless the closure, which is to know
///   what such a name looks like, gives an address for it. It must not let through what could lead elsewhere:
///   slashes, dots, `%`, `?`, `#`. A name over 128 bytes is not even shown to it.
/// - One fetch for each name at a time, and [ten at once](KeysByKidBuilder::cooldown) for names that are new; then
///   such tokens are answered by 503 for a while. A name that had a key is not new.
/// - 400, 403, 404 and 410 mean that there is no such key, which is remembered for a while: a 401. All else that is
///   no key is a failure: a 503, and tried again after ever longer pauses.
/// - A key is used for [a limited time](KeysByKidBuilder::trust_for) and then fetched again.
///
/// # Example
///
/// ```no_run
/// use portcullis::{Algorithm, Issuer};
/// use portcullis_oidc::KeysByKid;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// fn is_uuid(kid: &str) -> bool {
///     kid.len() == 36
///         && kid.bytes().enumerate().all(|(at, b)| match at {
///             8 | 13 | 18 | 23 => b == b'-',
///             _ => b.is_ascii_hexdigit(),
///         })
/// }
///
/// let keys = KeysByKid::at(|kid| {
///     is_uuid(kid).then(|| format!("https://public-keys.auth.elb.eu-west-1.amazonaws.com/{kid}"))
/// })
/// .spawn()?;
/// let issuer = Issuer::new("https://idp.example.com")
///     .audience_less()
///     .algorithms([Algorithm::ES256])
///     .keys(keys.keys());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KeysByKid {
    source: Arc<Source>,
}

/// Builds [`KeysByKid`].
#[must_use]
pub struct KeysByKidBuilder {
    address: Address,
    trust: Duration,
    cooldown: Duration,
    max_keys: usize,
    max_wait: Duration,
    caps: Caps,
    clock: Arc<dyn Clock>,
    fetch: Option<Arc<dyn FetchDocument>>,
}

/// From a `kid` to where its key is.
type Address = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

impl KeysByKid {
    /// Keys at the addresses that this closure gives for their names; `None` for what is no name of a key here.
    pub fn at(
        address: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> KeysByKidBuilder {
        KeysByKidBuilder {
            address: Box::new(address),
            trust: Duration::from_secs(12 * 3600),
            cooldown: Duration::from_secs(30),
            max_keys: 64,
            max_wait: Duration::from_secs(5),
            caps: Caps { bytes: 64 * 1024, time: Duration::from_secs(5) },
            clock: Arc::new(SystemClock::new()),
            fetch: None,
        }
    }

    /// The keys, to give to an [`Issuer`](portcullis::Issuer), which should name its
    /// [algorithms](portcullis::Issuer::algorithms).
    #[must_use]
    pub fn keys(&self) -> Keys {
        self.source.handle().with_source(Arc::clone(&self.source))
    }
}

impl KeysByKidBuilder {
    /// For how long a key is used after it was fetched: 12 hours unless set. It is then fetched again.
    pub fn trust_for(mut self, time: Duration) -> Self {
        self.trust = time;
        self
    }

    /// In how much time ten new names may be looked for, and for how long one that was not there is taken not to be
    /// there: 30 seconds unless set.
    pub fn cooldown(mut self, time: Duration) -> Self {
        self.cooldown = time;
        self
    }

    /// How many keys are held: 64 unless set. The one that was fetched first makes room.
    pub fn max_keys(mut self, limit: usize) -> Self {
        self.max_keys = limit;
        self
    }

    /// How long a request waits for its key: five seconds unless set.
    pub fn max_wait(mut self, limit: Duration) -> Self {
        self.max_wait = limit;
        self
    }

    /// How long the answer may take, to its last byte: five seconds unless set.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.caps.time = limit;
        self
    }

    /// The clock that times are measured by, on its [`elapsed`](Clock::elapsed): the machine's, unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Fetches by this client, and not by the one of the [`Refresher`] or by the default one.
    pub fn fetch_with(mut self, client: impl Fetch) -> Self {
        self.fetch = Some(Arc::new(client));
        self
    }

    /// Starts a task on the present tokio runtime, which fetches by [`HttpClient`](crate::HttpClient) unless told
    /// [otherwise](Self::fetch_with). It ends when nobody holds the keys any more.
    ///
    /// # Errors
    ///
    /// If a setting makes no sense, or the client can't be built.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[cfg(feature = "reqwest")]
    pub fn spawn(self) -> Result<KeysByKid, BuildError> {
        self.spawn_with(crate::HttpClient::new()?)
    }

    /// As `spawn`, by this client.
    ///
    /// # Errors
    ///
    /// If a setting makes no sense.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn spawn_with(self, client: impl Fetch) -> Result<KeysByKid, BuildError> {
        let (refresher, driver) = Refresher::new(client);
        let keys = refresher.add_by_kid(self)?;
        tokio::spawn(driver);
        Ok(keys)
    }

    pub(crate) fn build(self, refresher: &Refresher) -> Result<KeysByKid, BuildError> {
        let wrong = |what: &str| Err(BuildError::new(format!("keys by kid: {what}")));
        let times = [self.trust, self.cooldown, self.max_wait, self.caps.time];
        if times.iter().any(Duration::is_zero) {
            return wrong("trust_for, cooldown, max_wait and timeout: must not be zero");
        }
        if self.max_keys == 0 {
            return wrong("max_keys: must not be zero");
        }
        let book = Book::new(self.trust, self.cooldown, self.max_keys, self.clock.elapsed());
        let fetch = self.fetch.unwrap_or_else(|| Arc::clone(refresher.fetch()));
        let hub = Arc::clone(refresher.hub());
        let source =
            Source::new(book, self.address, self.clock, fetch, self.caps, self.max_wait, hub);
        Ok(KeysByKid { source })
    }
}

impl fmt::Debug for KeysByKid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeysByKid").field("keys", &self.source.handle()).finish()
    }
}

impl fmt::Debug for KeysByKidBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeysByKidBuilder")
            .field("trust_for", &self.trust)
            .field("cooldown", &self.cooldown)
            .field("max_keys", &self.max_keys)
            .field("max_wait", &self.max_wait)
            .field("caps", &self.caps)
            .finish_non_exhaustive()
    }
}

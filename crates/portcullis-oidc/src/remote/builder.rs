//! The settings of remote keys.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis::BuildError;
use portcullis_core::{Clock, SystemClock};

use super::attempt::{Place, Plan};
use super::settings::Pace;
use super::shared::Shared;
use super::{Driver, Refresher, RemoteKeys};
use crate::discovery::Flavour;
use crate::fetch::{Caps, Fetch, FetchDocument};
use crate::url::{self, Url};

/// Builds [`RemoteKeys`]: where the keys are, how often to fetch them, for how long to trust them.
#[must_use]
pub struct RemoteKeysBuilder {
    place: Wanted,
    allowed: Vec<String>,
    pace: Pace,
    max_wait: Duration,
    caps: Caps,
    max_keys: usize,
    clock: Arc<dyn Clock>,
    fetch: Option<Arc<dyn FetchDocument>>,
}

enum Wanted {
    JwkSet(String),
    Discovered(String, Flavour),
}

/// The longest time between two looks at the metadata.
const METADATA: Duration = Duration::from_secs(24 * 3600);

impl RemoteKeysBuilder {
    pub(super) fn at(url: String) -> Self {
        Self::new(Wanted::JwkSet(url))
    }

    pub(super) fn openid(issuer: String) -> Self {
        Self::new(Wanted::Discovered(issuer, Flavour::OpenId))
    }

    pub(super) fn oauth(issuer: String) -> Self {
        Self::new(Wanted::Discovered(issuer, Flavour::OAuth))
    }

    fn new(place: Wanted) -> Self {
        Self {
            place,
            allowed: Vec::new(),
            pace: Pace::default(),
            max_wait: Duration::from_secs(5),
            caps: Caps { bytes: 1024 * 1024, time: Duration::from_secs(5) },
            max_keys: 100,
            clock: Arc::new(SystemClock::new()),
            fetch: None,
        }
    }

    /// Allows the metadata to name an address of the keys at this origin, beside that of the metadata:
    /// `https://www.googleapis.com`.
    pub fn allow_keys_at(mut self, origin: impl Into<String>) -> Self {
        self.allowed.push(origin.into());
        self
    }

    /// How often to fetch: not sooner than the first after a success, and not later than the second: one minute and
    /// one hour unless set. Between the two the issuer's `Cache-Control` decides.
    ///
    /// A key that is withdrawn works until the refresh that says so: the second is how long that takes at most.
    pub fn refresh_between(mut self, least: Duration, greatest: Duration) -> Self {
        (self.pace.min, self.pace.max) = (least, greatest);
        self
    }

    /// How often to fetch where the issuer does not say: ten minutes unless set, within the
    /// [bounds](Self::refresh_between).
    pub fn refresh_every(mut self, interval: Duration) -> Self {
        self.pace.usual = interval;
        self
    }

    /// For how long the keys are trusted after the issuer last confirmed them: 24 hours unless set. It is how long
    /// an outage of the issuer is survived, and how long somebody who cuts us off from the issuer can keep a
    /// withdrawn key alive.
    pub fn trust_for(mut self, time: Duration) -> Self {
        self.pace.trust = time;
        self
    }

    /// How much time lies between two fetches that are caused by keys that are not known: 30 seconds unless set.
    pub fn cooldown(mut self, time: Duration) -> Self {
        self.pace.cooldown = time;
        self
    }

    /// How long one document may take, from the request to its last byte: five seconds unless set.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.caps.time = limit;
        self
    }

    /// How long a request waits for a key that is not known: five seconds unless set.
    pub fn max_wait(mut self, limit: Duration) -> Self {
        self.max_wait = limit;
        self
    }

    /// How long a document may be, in bytes: 1 MiB unless set.
    pub fn max_bytes(mut self, limit: usize) -> Self {
        self.caps.bytes = limit;
        self
    }

    /// How many entries a set may have: 100 unless set. A set with more is a failed fetch.
    pub fn max_keys(mut self, limit: usize) -> Self {
        self.max_keys = limit;
        self
    }

    /// The clock that everything above is measured by, on its [`elapsed`](Clock::elapsed): the machine's, unless
    /// set. The time of day makes no difference.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Fetches by this client, and not by the one of the [`Refresher`] or by the default one: for an issuer with a
    /// certificate authority or a credential of its own.
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
    pub fn spawn(self) -> Result<RemoteKeys, BuildError> {
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
    pub fn spawn_with(self, client: impl Fetch) -> Result<RemoteKeys, BuildError> {
        let (keys, driver) = self.with_driver(client)?;
        tokio::spawn(driver);
        Ok(keys)
    }

    /// The keys, and the future that fetches them by this client, to be spawned by you.
    ///
    /// # Errors
    ///
    /// If a setting makes no sense.
    pub fn with_driver(self, client: impl Fetch) -> Result<(RemoteKeys, Driver), BuildError> {
        let (refresher, driver) = Refresher::new(client);
        Ok((refresher.add(self)?, driver))
    }

    pub(super) fn build(self, refresher: &Refresher) -> Result<RemoteKeys, BuildError> {
        self.pace.check()?;
        let wrong = |what: &str| Err(BuildError::new(format!("remote keys: {what}")));
        if self.caps.time.is_zero() {
            return wrong("timeout: must not be zero");
        }
        if self.max_wait.is_zero() {
            return wrong("max_wait: must not be zero");
        }
        if self.caps.bytes == 0 || self.max_keys == 0 {
            return wrong("max_bytes and max_keys: must not be zero");
        }
        let parse = |what: &str, text: &str| {
            Url::parse(text)
                .map_err(|why| BuildError::new(format!("{what} {} {why}", url::shown(text))))
        };
        let mut allowed = Vec::with_capacity(self.allowed.len());
        for origin in &self.allowed {
            let url = parse("the origin", origin)?;
            if url.uri().path_and_query().is_some_and(|path| path.as_str() != "/") {
                return wrong(
                    "allow_keys_at: an origin is a scheme, a host and a port, without a path",
                );
            }
            allowed.push(url);
        }
        let place = match self.place {
            Wanted::JwkSet(_) if !allowed.is_empty() => {
                return wrong("allow_keys_at: is for addresses that metadata name");
            }
            Wanted::JwkSet(url) => Place::JwkSet(parse("the address of the keys", &url)?),
            Wanted::Discovered(issuer, flavour) => {
                let metadata = flavour.address(&issuer)?;
                Place::Discovered { issuer: issuer.into(), metadata, allowed }
            }
        };
        let plan = Plan {
            place,
            fetch: self.fetch.unwrap_or_else(|| Arc::clone(refresher.fetch())),
            caps: self.caps,
            max_keys: self.max_keys,
            metadata: (self.pace.max.min(METADATA), METADATA),
        };
        let hub = refresher.hub();
        let shared = Arc::new(Shared::new(
            hub.next_id(),
            Arc::clone(hub),
            self.clock,
            self.pace,
            self.max_wait,
            plan,
        ));
        hub.add(&shared);
        Ok(RemoteKeys { shared })
    }
}

impl fmt::Debug for RemoteKeysBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.place {
            Wanted::JwkSet(url) => url,
            Wanted::Discovered(issuer, _) => issuer,
        };
        f.debug_struct("RemoteKeysBuilder")
            .field("place", &format_args!("{}", url::shown(place)))
            .field("allow_keys_at", &self.allowed)
            .field("pace", &self.pace)
            .field("max_wait", &self.max_wait)
            .field("caps", &self.caps)
            .field("max_keys", &self.max_keys)
            .finish_non_exhaustive()
    }
}

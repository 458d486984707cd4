//! One attempt: metadata where they are due, then the set of keys, each only if it changed.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::ETAG;
use portcullis::keys::KeySet;

use crate::discovery::keys_address;
use crate::error::{FetchError, FetchErrorKind};
use crate::fetch::{Answer, Caps, FetchDocument};
use crate::freshness::Freshness;
use crate::url::Url;

/// Where the keys are, and what may be fetched. It does not change.
pub(super) struct Plan {
    pub(super) place: Place,
    pub(super) fetch: Arc<dyn FetchDocument>,
    pub(super) caps: Caps,
    pub(super) max_keys: usize,
    /// The bounds of the interval between two looks at the metadata.
    pub(super) metadata: (Duration, Duration),
}

/// Where the keys are.
#[derive(Clone, Debug)]
pub(super) enum Place {
    JwkSet(Url),
    Discovered { issuer: Box<str>, metadata: Url, allowed: Vec<Url> },
}

impl Place {
    /// The address that this place is called by.
    pub(super) fn url(&self) -> &Url {
        match self {
            Self::JwkSet(url) | Self::Discovered { metadata: url, .. } => url,
        }
    }
}

/// What was learnt by earlier attempts.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The address of the keys, from the metadata.
    keys: Option<Url>,
    /// When to look at the metadata again.
    metadata_due: Duration,
    /// What came from the address last, and its entity tag.
    known: Option<Known>,
}

#[derive(Debug)]
struct Known {
    url: Url,
    tag: Option<HeaderValue>,
    body: Box<[u8]>,
}

/// What an attempt brought.
pub(super) struct Fetched {
    /// `None` if the set is the one that is known.
    pub(super) set: Option<KeySet>,
    pub(super) freshness: Freshness,
    /// Why the metadata could not be had, where an earlier address of the keys served all the same.
    pub(super) metadata_error: Option<FetchError>,
}

impl Plan {
    /// Makes an attempt at this time.
    pub(super) async fn attempt(
        &self,
        memory: &mut Memory,
        now: Duration,
    ) -> Result<Fetched, FetchError> {
        let (url, metadata_error) = self.address(memory, now).await?;
        let result = self.set(memory, &url).await;
        if result.is_err() {
            // the keys may have moved
            memory.metadata_due = Duration::ZERO;
        }
        let (set, freshness) = result?;
        Ok(Fetched { set, freshness, metadata_error })
    }

    /// Where the keys are. Metadata that can't be had don't matter while an earlier address is known.
    async fn address(
        &self,
        memory: &mut Memory,
        now: Duration,
    ) -> Result<(Url, Option<FetchError>), FetchError> {
        let (issuer, url, allowed) = match &self.place {
            Place::JwkSet(url) => return Ok((url.clone(), None)),
            Place::Discovered { issuer, metadata, allowed } => (issuer, metadata, allowed),
        };
        if let Some(known) = &memory.keys
            && now < memory.metadata_due
        {
            return Ok((known.clone(), None));
        }
        match (self.discover(issuer, url, allowed).await, &memory.keys) {
            (Ok((found, freshness)), _) => {
                let (least, most) = self.metadata;
                let interval = match freshness {
                    Freshness::Unsaid => most,
                    Freshness::For(time) => time.clamp(least, most),
                    Freshness::None => least,
                };
                memory.metadata_due = now.saturating_add(interval);
                memory.keys = Some(found.clone());
                Ok((found, None))
            }
            (Err(error), Some(known)) => Ok((known.clone(), Some(error))),
            (Err(error), None) => Err(error),
        }
    }

    async fn discover(
        &self,
        issuer: &str,
        url: &Url,
        allowed: &[Url],
    ) -> Result<(Url, Freshness), FetchError> {
        match self.fetch.get(url, None, self.caps).await? {
            Answer::Document(document) => {
                let found = keys_address(&document.body, issuer, url, allowed)?;
                Ok((found, Freshness::of(&document.headers)))
            }
            // `get` gives none to a request without a tag
            Answer::NotModified(_) => {
                Err(FetchError::new(FetchErrorKind::Status, url, "304 to an unconditional request"))
            }
        }
    }

    /// The set at this address; `None` if it is the one that came from there last.
    async fn set(
        &self,
        memory: &mut Memory,
        url: &Url,
    ) -> Result<(Option<KeySet>, Freshness), FetchError> {
        let known = memory.known.as_ref().filter(|known| known.url == *url);
        let tag = known.and_then(|known| known.tag.as_ref());
        let document = match self.fetch.get(url, tag, self.caps).await? {
            Answer::NotModified(headers) => return Ok((None, Freshness::of(&headers))),
            Answer::Document(document) => document,
        };
        let freshness = Freshness::of(&document.headers);
        let tag = document.headers.get(ETAG).cloned();
        if let Some(known) = memory.known.as_mut().filter(|known| known.url == *url)
            && *known.body == *document.body
        {
            known.tag = tag;
            return Ok((None, freshness));
        }
        let set = KeySet::from_published_jwk_set(&document.body, self.max_keys)
            .map_err(|error| FetchError::new(FetchErrorKind::Malformed, url, error.to_string()))?;
        memory.known = Some(Known { url: url.clone(), tag, body: document.body.into() });
        Ok((Some(set), freshness))
    }
}

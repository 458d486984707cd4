//! Where a request carries its credential, and how exactly one is taken.
//!
//! A [`Source`] names a place; the layer looks at every configured place, and two credentials in one
//! request are refused ([RFC 6750 §2](https://www.rfc-editor.org/rfc/rfc6750#section-2)). Tokens in
//! the query or the body are never read: URLs end up in logs, histories and `Referer` headers.

mod bearer;
mod cookie;
mod origin;
mod websocket;

use std::fmt;

use http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, HeaderName, Request};

pub(crate) use self::origin::OriginRule;
use crate::error::{BuildError, Diagnosis, Rejection, RejectionKind};

/// A place in the request that may carry the credential.
///
/// | Place | Example | Added by the browser itself |
/// |---|---|---|
/// | [`bearer`](Self::bearer), the default | `Authorization: Bearer eyJ…` | no |
/// | [`cookie`](Self::cookie) | `Cookie: __Host-session=eyJ…` | yes |
/// | [`header`](Self::header) | `X-Goog-IAP-JWT-Assertion: eyJ…` | only if [`ambient`](Self::ambient) |
/// | [`websocket_protocol`](Self::websocket_protocol) | `Sec-WebSocket-Protocol: bearer, eyJ…` | no |
///
/// # Rules
///
/// - The credential has to be a `token68` of
///   [RFC 9110 §11.2](https://www.rfc-editor.org/rfc/rfc9110#section-11.2). Anything else in its
///   place, an empty one included, is a 400.
/// - What the browser adds by itself is an *ambient* credential: on unsafe methods and on upgrades
///   the request has to prove that it came from the same origin. The rule is at
///   [`JwtLayer`](crate::JwtLayer#cross-origin-requests).
///
/// # Example
///
/// ```
/// use portcullis::Source;
///
/// let session = Source::cookie("__Host-session")?;
/// let iap = Source::header("x-goog-iap-jwt-assertion")?.ambient();
/// assert!(Source::cookie("not a name").is_err());
/// # let _ = (session, iap);
/// # Ok::<(), portcullis::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    place: Place,
    ambient: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Bearer,
    Cookie(Box<str>),
    Header(HeaderName),
    WebSocketProtocol(Box<str>),
}

impl Source {
    /// `Authorization: Bearer <token>` ([RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)).
    ///
    /// The scheme may be spelled in any case, and one or more spaces follow it. Another scheme, such
    /// as `Basic`, is as if no credential was sent. Two `Authorization` headers are refused.
    #[must_use]
    pub const fn bearer() -> Self {
        Self { place: Place::Bearer, ambient: false }
    }

    /// A cookie. It is [ambient](Self::ambient).
    ///
    /// The name is compared byte by byte, so that no look-alike of a `__Host-` name passes for it.
    /// The value is taken as it is: nothing is percent-decoded, and a quoted value is malformed (no
    /// token needs quotes, and parsers disagree about them). The same name twice is refused, since
    /// one of the two may have been planted by a neighbouring domain. Prefer a `__Host-` name, which
    /// neighbours can't plant at all.
    ///
    /// # Errors
    ///
    /// If the name is not a `token` of
    /// [RFC 9110 §5.6.2](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2).
    pub fn cookie(name: &str) -> Result<Self, BuildError> {
        if !is_token(name) {
            return Err(BuildError::new(format!("the cookie name {name:?} is not a token")));
        }
        Ok(Self { place: Place::Cookie(name.into()), ambient: true })
    }

    /// A header that holds the bare token, with no scheme before it. The header twice is refused.
    ///
    /// Say [`ambient`](Self::ambient) if it is not the client that sets the header but a proxy, on
    /// the strength of a cookie: Google's IAP, Amazon's load balancer, Cloudflare Access. Otherwise
    /// every page on the web can use the credential of its visitor.
    ///
    /// # Errors
    ///
    /// If the name is not that of a header, or of one that has a source of its own (`Authorization`,
    /// `Cookie`, `Sec-WebSocket-Protocol`).
    pub fn header(name: &str) -> Result<Self, BuildError> {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| BuildError::new(format!("{name:?} is not the name of a header")))?;
        for (taken, instead) in [
            (AUTHORIZATION, "Source::bearer"),
            (COOKIE, "Source::cookie"),
            (SEC_WEBSOCKET_PROTOCOL, "Source::websocket_protocol"),
        ] {
            if header == taken {
                let message = format!("the header {taken} holds no bare token: use {instead}");
                return Err(BuildError::new(message));
            }
        }
        Ok(Self { place: Place::Header(header), ambient: false })
    }

    /// The WebSocket sub-protocol after `marker`: `Sec-WebSocket-Protocol: bearer, <token>`. It is
    /// how a page sends a token where it can set no header: `new WebSocket(url, ["bearer", token])`.
    ///
    /// The server has to choose one of the offered protocols in its answer: choose `marker` or one of
    /// your own, never the token.
    ///
    /// # Errors
    ///
    /// If the marker is not a `token` of
    /// [RFC 9110 §5.6.2](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2).
    pub fn websocket_protocol(marker: &str) -> Result<Self, BuildError> {
        if !is_token(marker) {
            return Err(BuildError::new(format!("the sub-protocol {marker:?} is not a token")));
        }
        Ok(Self { place: Place::WebSocketProtocol(marker.into()), ambient: false })
    }

    /// Something between the user and this service adds the credential by itself, whoever caused
    /// the request. Cookies are always ambient; a header is where a proxy sets it for a cookie, and
    /// even `Authorization` may be (oauth2-proxy can be told to set it).
    #[must_use]
    pub fn ambient(mut self) -> Self {
        self.ambient = true;
        self
    }

    /// True if both name the same place, whoever fills it.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        self.place == other.place
    }

    pub(crate) const fn is_ambient(&self) -> bool {
        self.ambient
    }

    /// What stands in this place.
    fn find<'a>(&self, headers: &'a HeaderMap) -> Found<'a> {
        match &self.place {
            Place::Bearer => bearer::find(headers),
            Place::Cookie(name) => cookie::find(headers, name),
            Place::Header(name) => single(headers, name),
            Place::WebSocketProtocol(marker) => websocket::find(headers, marker),
        }
    }
}

/// For logs: ``the cookie `session` ``.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Bearer => f.write_str("the header `authorization`"),
            Place::Cookie(name) => write!(f, "the cookie `{name}`"),
            Place::Header(name) => write!(f, "the header `{name}`"),
            Place::WebSocketProtocol(marker) => write!(f, "the sub-protocol after `{marker}`"),
        }
    }
}

/// What stands in one place of the request.
enum Found<'a> {
    Nothing,
    /// A credential, of which nothing is known yet.
    One(&'a [u8]),
    /// The place is there more than once.
    Several,
}

/// The one value of a header.
#[inline]
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Found<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Found::Nothing,
        (Some(value), None) => Found::One(value.as_bytes()),
        (Some(_), Some(_)) => Found::Several,
    }
}

/// The one credential of a request.
#[derive(Clone, Copy)]
pub(crate) struct Credential<'a> {
    pub(crate) token: &'a [u8],
    pub(crate) source: &'a Source,
}

impl Credential<'_> {
    pub(crate) fn is_ambient(&self) -> bool {
        self.source.ambient
    }

    /// A rejection of the token, or of the credential where it is no token at all.
    ///
    /// The characters are looked at only now: what is not made of the right ones can't have been
    /// verified, and a good token need not be walked over once more.
    pub(crate) fn explain(&self, rejection: Rejection, padded: bool) -> Rejection {
        self.check(padded).err().unwrap_or(rejection)
    }

    /// Whether it is made of the characters of a token. `padded` says that its parts may end with `=`,
    /// which only the last one of a `token68` may.
    pub(crate) fn check(&self, padded: bool) -> Result<(), Rejection> {
        let parts = || self.token.split(|&b| b == b'.');
        if is_token68(self.token) || (padded && parts().all(is_token68)) {
            Ok(())
        } else if self.source.place == Place::Bearer && bearer::is_list(self.token) {
            Err(several(format!("a list in {}", self.source)))
        } else {
            Err(malformed(self.source))
        }
    }
}

/// Takes the credential from the request's headers.
///
/// # Errors
///
/// More than one. That it is a `token68` remains to be seen: [`Credential::explain`].
pub(crate) fn take<'a>(
    sources: &'a [Source],
    headers: &'a HeaderMap,
) -> Result<Option<Credential<'a>>, Rejection> {
    let mut taken: Option<Credential<'_>> = None;
    for source in sources {
        match source.find(headers) {
            Found::Nothing => {}
            Found::One(token) => match taken {
                None => taken = Some(Credential { token, source }),
                Some(other) => return Err(two(other.source, source)),
            },
            Found::Several => return Err(repeated(source)),
        }
    }
    Ok(taken)
}

#[cold]
fn two(one: &Source, other: &Source) -> Rejection {
    several(format!("one in {one} and one in {other}"))
}

#[cold]
fn repeated(source: &Source) -> Rejection {
    several(format!("{source} more than once"))
}

/// A credential is required and there is none.
pub(crate) fn missing<B>(sources: &[Source], request: &Request<B>) -> Rejection {
    let mut expected = String::new();
    for source in sources {
        expected += if expected.is_empty() { "" } else { " or " };
        expected += &source.to_string();
    }
    let diagnosis = Diagnosis::new().expected(format!("a credential in {expected}"));
    let looks_at_bearer = sources.iter().any(|source| source.place == Place::Bearer);
    let hint = (looks_at_bearer && request.headers().contains_key(AUTHORIZATION))
        // the scheme is not shown: a token sent without one would be taken for it
        .then_some("there is an `Authorization` header, of another scheme than `Bearer`");
    diagnosis.maybe_hint(hint).reject(RejectionKind::MissingCredential)
}

fn several(found: String) -> Rejection {
    Diagnosis::new()
        .expected("one credential")
        .found(found)
        .reject(RejectionKind::MultipleCredentials)
}

fn malformed(source: &Source) -> Rejection {
    Diagnosis::new()
        .expected("a token of letters, digits and `-._~+/`")
        .found(format!("something else in {source}"))
        .reject(RejectionKind::MalformedCredential)
}

/// `token68` of RFC 9110 §11.2, not empty.
fn is_token68(bytes: &[u8]) -> bool {
    let padding = bytes.iter().rev().take_while(|&&b| b == b'=').count();
    let body = &bytes[..bytes.len() - padding];
    let legal = |b: &u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(b);
    !body.is_empty() && body.iter().all(legal)
}

/// `token` of RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_tchar)
}

fn is_tchar(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token68_is_as_the_grammar_says() {
        for good in ["a", "a.b.c", "AZaz09-._~+/", "a=", "a=="] {
            assert!(is_token68(good.as_bytes()), "{good}");
        }
        for bad in ["", "=", "a=b", "a b", "a,b", "a\tb", "\"a\"", "a;b", "é", "a%20"] {
            assert!(!is_token68(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn names_are_checked_when_they_are_configured() {
        for good in ["session", "__Host-session", "__Secure-a.b"] {
            assert!(Source::cookie(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a=b", "a;b", "a\r\nb", "é", "\"a\"", "a,b"] {
            assert!(Source::cookie(bad).is_err(), "{bad}");
            assert!(Source::websocket_protocol(bad).is_err(), "{bad}");
            assert!(Source::header(bad).is_err(), "{bad}");
        }
        for taken in ["Authorization", "cookie", "sec-websocket-protocol"] {
            let error = Source::header(taken).unwrap_err().to_string();
            assert!(error.contains("use Source::"), "{error}");
        }
    }
}

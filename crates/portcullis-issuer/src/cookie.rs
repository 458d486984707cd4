//! Session cookies: what carries a token to and fro without any script seeing it.

use std::fmt::Write as _;
use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::error::IssuerError;

/// What browsers keep at least: name, value and attributes together
/// ([RFC 6265 §6.1](https://www.rfc-editor.org/rfc/rfc6265#section-6.1)). What is larger they drop without a word.
const LARGEST: usize = 4096;
/// Longer than this no browser keeps a cookie (RFC 6265bis §5.5): 400 days.
const LONGEST: Duration = Duration::from_secs(400 * 24 * 60 * 60);
const PREFIX: &str = "__Host-";

/// A cookie for one host, over https, that no script can read.
///
/// `__Host-name=…; Path=/; Max-Age=…; Secure; HttpOnly; SameSite=Lax`. A browser takes a name that begins with `__Host-`
/// only with `Secure`, with `Path=/` and without `Domain`, so that no neighbour under the same domain can set or read it
/// (RFC 6265bis §4.1.3.2). The layer reads it with [`Source::cookie`](portcullis::Source::cookie).
///
/// `http://localhost` counts as secure in Chromium and Firefox, so that it works in development there.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use portcullis_issuer::SessionCookie;
///
/// let session = SessionCookie::new("__Host-session")?;
/// assert_eq!(
///     session.set("eyJhbGciOi…".replace('…', "").as_str(), Duration::from_secs(900))?,
///     "__Host-session=eyJhbGciOi; Path=/; Max-Age=900; Secure; HttpOnly; SameSite=Lax",
/// );
/// assert_eq!(
///     session.clear(),
///     "__Host-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax",
/// );
/// # Ok::<(), portcullis_issuer::IssuerError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCookie {
    name: Box<str>,
    strict: bool,
}

impl SessionCookie {
    /// A cookie of this name, which has to begin with `__Host-`.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`](crate::IssuerErrorKind::InvalidSetting) if it does not, if nothing follows, or if it holds what
    /// no name of a cookie may hold ([RFC 9110 §5.6.2](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2)).
    pub fn new(name: impl Into<Box<str>>) -> Result<Self, IssuerError> {
        let name = name.into();
        let rest = name.strip_prefix(PREFIX).unwrap_or_default();
        if rest.is_empty() || !rest.bytes().all(is_token) {
            return Err(IssuerError::setting(format!(
                "the name of a session cookie is {PREFIX} and letters, digits or any of !#$%&'*+-.^_`|~"
            )));
        }
        Ok(Self { name, strict: false })
    }

    /// `SameSite=Strict`: the browser leaves it at home even where somebody follows a link from elsewhere. `Lax`, the
    /// default, is what signed-in people expect of links.
    #[must_use]
    pub fn strict(self) -> Self {
        Self { strict: true, ..self }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of a `Set-Cookie` header, by which the browser keeps it for so long. Fractions of a second are cut
    /// off, and nothing is kept longer than 400 days.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](crate::IssuerErrorKind::TooLarge) if it is larger than browsers have to keep, 4,096 bytes with its
    /// name and attributes; [`InvalidSetting`](crate::IssuerErrorKind::InvalidSetting) if the value holds what none may
    /// (a token holds nothing like that), or is empty.
    pub fn set(&self, value: &str, lifetime: Duration) -> Result<HeaderValue, IssuerError> {
        if value.is_empty() || !value.bytes().all(is_cookie_octet) {
            return Err(IssuerError::setting(
                "the value of a session cookie is empty or no cookie's",
            ));
        }
        let text = self.text(value, lifetime.min(LONGEST).as_secs());
        if text.len() > LARGEST {
            return Err(IssuerError::too_large(format!(
                "the cookie has {} bytes, and browsers drop what is above {LARGEST}: put less into the token",
                text.len()
            )));
        }
        let mut value = HeaderValue::try_from(text)
            .map_err(|_| IssuerError::setting("the value of a session cookie is no header's"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The value of a `Set-Cookie` header by which the browser forgets it.
    ///
    /// # Panics
    ///
    /// Never: the name was checked when the cookie was made, and nothing else in it varies.
    #[must_use]
    pub fn clear(&self) -> HeaderValue {
        HeaderValue::try_from(self.text("", 0)).expect("a name was checked to be a token")
    }

    /// What a request carries in the cookie of this very name; `None` if it carries none, or several.
    #[must_use]
    pub fn read<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let pairs = headers
            .get_all(COOKIE)
            .into_iter()
            .flat_map(|header| header.as_bytes().split(|&b| b == b';'));
        let mut values = pairs.filter_map(|pair| {
            let pair = pair.strip_prefix(b" ").unwrap_or(pair);
            pair.strip_prefix(self.name.as_bytes())?.strip_prefix(b"=")
        });
        let value = values.next()?;
        if values.next().is_some() {
            return None;
        }
        std::str::from_utf8(value).ok()
    }

    fn text(&self, value: &str, seconds: u64) -> String {
        let Self { name, strict } = self;
        let mut text =
            format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=");
        let _ = text.write_str(if *strict { "Strict" } else { "Lax" });
        text
    }
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 6265 §4.1.1.
fn is_cookie_octet(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IssuerErrorKind;

    fn session() -> SessionCookie {
        SessionCookie::new("__Host-session").unwrap()
    }

    #[test]
    fn only_names_that_browsers_protect_are_taken() {
        for good in ["__Host-s", "__Host-my.session_1"] {
            assert_eq!(SessionCookie::new(good).unwrap().name(), good);
        }
        for bad in [
            "",
            "session",
            "__Host-",
            "__host-s",
            "__Secure-s",
            "__Host-a b",
            "__Host-a=b",
            "__Host-ü",
        ] {
            let error = SessionCookie::new(bad).unwrap_err();
            assert_eq!(error.kind(), IssuerErrorKind::InvalidSetting, "{bad}");
        }
    }

    #[test]
    fn what_browsers_would_drop_is_an_error() {
        let room = LARGEST - session().text("", 900).len();
        let set = |length| session().set(&"x".repeat(length), Duration::from_secs(900));
        assert_eq!(set(room).unwrap().len(), LARGEST);
        assert_eq!(set(room + 1).unwrap_err().kind(), IssuerErrorKind::TooLarge);
        for bad in ["", "a b", "a;b", "a,b", "a\"b", "a\\b", "a\r\nb", "ü"] {
            assert!(session().set(bad, Duration::from_secs(1)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_lifetime_is_that_of_browsers_at_most_and_the_value_is_kept_from_logs() {
        let value = session().strict().set("x", Duration::MAX).unwrap();
        assert_eq!(
            value,
            "__Host-session=x; Path=/; Max-Age=34560000; Secure; HttpOnly; SameSite=Strict"
        );
        assert!(value.is_sensitive());
        let value = session().set("x", Duration::from_secs(1)).unwrap();
        assert_eq!(value, "__Host-session=x; Path=/; Max-Age=1; Secure; HttpOnly; SameSite=Lax");
        assert_eq!(format!("{value:?}"), "Sensitive");
    }

    #[test]
    fn it_is_read_by_its_exact_name_and_only_once() {
        let read = |cookies: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(COOKIE, HeaderValue::from_static(cookie));
            }
            session().read(&headers).map(str::to_owned)
        };
        assert_eq!(read(&["a=b; __Host-session=x=y; c=d"]).as_deref(), Some("x=y"));
        assert_eq!(read(&["a=b", "__Host-session=x"]).as_deref(), Some("x"));
        for none in [
            &[][..],
            &["a=b"],
            &["__Host-sessions=x"],
            &["__host-session=x"],
            &["  __Host-session=x"],
        ] {
            assert_eq!(read(none), None, "{none:?}");
        }
        assert_eq!(read(&["__Host-session=x; __Host-session=y"]), None);
        assert_eq!(read(&["__Host-session=x", "__Host-session=x"]), None);
    }
}

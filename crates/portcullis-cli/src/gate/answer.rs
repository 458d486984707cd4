//! The headers by which the proxy learns who the caller is.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue};
use portcullis::{AccessClaims, Verified};

const ISSUER: HeaderName = HeaderName::from_static("x-auth-issuer");
const SUBJECT: HeaderName = HeaderName::from_static("x-auth-subject");
const ROLES: HeaderName = HeaderName::from_static("x-auth-roles");
const SCOPE: HeaderName = HeaderName::from_static("x-auth-scope");

/// Puts all four there, whatever the token has: a proxy that copies a header which is not there may let
/// the client's own through.
pub(super) fn write(headers: &mut HeaderMap, caller: &Verified<AccessClaims>) {
    let list = |names: &[String], separator: &str| {
        names.iter().map(|name| encoded(name)).collect::<Vec<_>>().join(separator)
    };
    for (name, value) in [
        (ISSUER, encoded(Verified::issuer(caller))),
        (SUBJECT, Verified::subject(caller).map(encoded).unwrap_or_default()),
        (ROLES, list(caller.roles(), ",")),
        (SCOPE, list(caller.scopes(), " ")),
    ] {
        // percent-encoded, it is of legal characters
        let value = HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""));
        headers.insert(name, value);
    }
}

/// UTF-8, percent-encoded but for the unreserved characters of RFC 3986 §2.3 and `:/@`, which are in no
/// separator: no value can hold one, or a line break, or anything beyond ASCII.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~:/@".contains(&b) {
            encoded.push(char::from(b));
        } else {
            // writing to a String does not fail
            let _ = write!(encoded, "%{b:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_holds_a_separator_or_a_line_break() {
        assert_eq!(encoded("https://idp.example.com/"), "https://idp.example.com/");
        assert_eq!(encoded("bob@example.com"), "bob@example.com");
        assert_eq!(encoded("a,b c\r\nx: y%"), "a%2Cb%20c%0D%0Ax:%20y%25");
        assert_eq!(encoded("Jürgen|山"), "J%C3%BCrgen%7C%E5%B1%B1");
    }
}

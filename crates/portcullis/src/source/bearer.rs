//! `Authorization: Bearer <token>`, by RFC 6750 §2.1 and RFC 9110 §11.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::{Found, is_tchar, single};

const SCHEME: &[u8] = b"bearer";

#[inline]
pub(super) fn find(headers: &HeaderMap) -> Found<'_> {
    match single(headers, &AUTHORIZATION) {
        Found::One(value) => credential_of(value).map_or(Found::Nothing, Found::One),
        other => other,
    }
}

/// What follows the scheme and its spaces, if the scheme is ours. A value that starts with no scheme
/// at all is handed on as it is, to be found malformed.
#[inline]
fn credential_of(value: &[u8]) -> Option<&[u8]> {
    // the common spelling first, so that the scheme is compared in one go
    if let Some(rest) = value.strip_prefix(b"Bearer ") {
        return Some(trim_spaces(rest));
    }
    let scheme = value.iter().take_while(|&&b| is_tchar(b)).count();
    let (scheme, rest) = value.split_at(scheme);
    if scheme.is_empty() {
        Some(value)
    } else if scheme.eq_ignore_ascii_case(SCHEME) {
        Some(trim_spaces(rest))
    } else {
        None
    }
}

/// A list of credentials, `a, Bearer b`: two headers that were joined on the way.
pub(super) fn is_list(credential: &[u8]) -> bool {
    let mut members = credential.split(|&b| b == b',').skip(1);
    members.any(|member| {
        let member = trim_spaces(member);
        member.len() > SCHEME.len()
            && member[..SCHEME.len()].eq_ignore_ascii_case(SCHEME)
            && member[SCHEME.len()] == b' '
    })
}

fn trim_spaces(bytes: &[u8]) -> &[u8] {
    let spaces = bytes.iter().take_while(|&&b| b == b' ').count();
    &bytes[spaces..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_in_any_case_and_followed_by_spaces() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c", "bEaReR     a.b.c"] {
            assert_eq!(credential_of(value.as_bytes()), Some(&b"a.b.c"[..]), "{value}");
        }
    }

    #[test]
    fn another_scheme_is_no_credential() {
        for value in ["Basic YTpi", "Bearerx a", "DPoP a.b.c", "a.b.c", "Bearer.a", "Digest"] {
            assert_eq!(credential_of(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn what_is_no_scheme_is_handed_on_to_be_found_malformed() {
        for value in ["", " Bearer a", "\tBearer a", "\"Bearer\" a", "=a"] {
            assert_eq!(credential_of(value.as_bytes()), Some(value.as_bytes()), "{value:?}");
        }
        assert_eq!(credential_of(b"Bearer"), Some(&b""[..]));
        assert_eq!(credential_of(b"Bearer   "), Some(&b""[..]));
        assert_eq!(credential_of(b"Bearer\ta"), Some(&b"\ta"[..]));
        assert_eq!(credential_of(b"Bearer: a"), Some(&b": a"[..]));
    }

    #[test]
    fn joined_headers_are_told_from_stray_commas() {
        assert!(
            is_list(b"a.b.c, Bearer d.e.f") && is_list(b"a,bearer b") && is_list(b"a, b, BEARER c")
        );
        for value in ["a.b.c", "a, b", "a,", "a, Bearer", "a, Bearerx y", "a Bearer b"] {
            assert!(!is_list(value.as_bytes()), "{value}");
        }
    }
}

//! A cookie, by RFC 6265 §4.2.1 and no more lenient than that.

use http::HeaderMap;
use http::header::COOKIE;

use super::Found;

/// The value of the cookie of this very name, over all `Cookie` headers: HTTP/2 may split them
/// (RFC 9113 §8.2.3).
pub(super) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Found<'a> {
    let mut found = Found::Nothing;
    for header in headers.get_all(COOKIE) {
        for pair in header.as_bytes().split(|&b| b == b';') {
            let Some(value) = value_of(pair, name.as_bytes()) else { continue };
            if !matches!(found, Found::Nothing) {
                return Found::Several;
            }
            found = Found::One(value);
        }
    }
    found
}

/// The value, if the pair has this name. Only the space after the semicolon is skipped: whoever trims
/// more makes look-alikes equal.
fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let pair = pair.strip_prefix(b" ").unwrap_or(pair);
    pair.strip_prefix(name)?.strip_prefix(b"=")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(cookies: &[&str], expected: Result<Option<&str>, ()>) {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_bytes(cookie.as_bytes()).unwrap());
        }
        let found = match find(&headers, "__Host-s") {
            Found::Nothing => Ok(None),
            Found::One(value) => Ok(Some(std::str::from_utf8(value).unwrap())),
            Found::Several => Err(()),
        };
        assert_eq!(found, expected, "{cookies:?}");
    }

    #[test]
    fn finds_the_exact_name_over_all_headers() {
        check(&[], Ok(None));
        check(&["a=b"], Ok(None));
        check(&["__Host-s=x"], Ok(Some("x")));
        check(&["a=b; __Host-s=x; c=d"], Ok(Some("x")));
        check(&["a=b;__Host-s=x"], Ok(Some("x")));
        check(&["a=b", "__Host-s=x", "c=d"], Ok(Some("x")));
        check(&["__Host-s=x=y=="], Ok(Some("x=y==")));
        check(&["__Host-s="], Ok(Some("")));
    }

    #[test]
    fn look_alikes_are_other_cookies() {
        for other in [
            "__host-s=x",
            "__Host-S=x",
            "__Host-s =x",
            "  __Host-s=x",
            "\t__Host-s=x",
            "\u{2000}__Host-s=x",
            "__Host-sx=x",
            "__Host-s",
            "a=__Host-s=x",
            "__Host%2Ds=x",
            "$Version=1,__Host-s=x",
        ] {
            check(&[other], Ok(None));
        }
    }

    #[test]
    fn twice_is_too_many_even_with_the_same_value() {
        check(&["__Host-s=x; __Host-s=x"], Err(()));
        check(&["__Host-s=x", "__Host-s=y"], Err(()));
        check(&["__Host-s=x; a=b; __Host-s="], Err(()));
    }

    #[test]
    fn a_quoted_string_hides_no_semicolon() {
        // the "cookie sandwich": `$Version` makes some parsers read over the semicolon
        check(&["$Version=1; a=\"b; __Host-s=x; c=d\""], Ok(Some("x")));
        check(&["__Host-s=\"x\""], Ok(Some("\"x\"")));
    }
}

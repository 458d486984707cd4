//! How long an answer is fresh, as its headers say ([RFC 9111](https://www.rfc-editor.org/rfc/rfc9111)), and
//! when a server that is out wants to be asked again.

use std::time::Duration;

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, RETRY_AFTER};

/// What the headers say of the lifetime of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Nothing.
    Unsaid,
    /// It may be used for that long from now on.
    For(Duration),
    /// It is not to be kept, or contradicts itself.
    None,
}

impl Freshness {
    /// Reads `Cache-Control` and `Age`.
    ///
    /// Where directives contradict each other the shortest time counts (RFC 9111 §4.2.1), and what can't be
    /// read is as if it said 0 (§4.2.1, too). `s-maxage` is for shared caches, which this is not.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut shortest: Option<u64> = None;
        for value in headers.get_all(CACHE_CONTROL) {
            let Ok(value) = value.to_str() else { return Self::None };
            for directive in value.split(',').map(str::trim) {
                let (name, argument) = match directive.split_once('=') {
                    Some((name, argument)) => (name.trim_end(), Some(argument.trim_start())),
                    None => (directive, None),
                };
                if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
                    return Self::None;
                }
                if name.eq_ignore_ascii_case("max-age") {
                    let secs = argument.and_then(delta_seconds).unwrap_or(0);
                    shortest = Some(shortest.map_or(secs, |other| other.min(secs)));
                }
            }
        }
        let Some(max_age) = shortest else { return Self::Unsaid };
        let age = match headers.get(AGE) {
            None => 0,
            Some(age) => age.to_str().ok().and_then(delta_seconds).unwrap_or(0),
        };
        match max_age.saturating_sub(age) {
            0 => Self::None,
            left => Self::For(Duration::from_secs(left)),
        }
    }
}

/// `Retry-After` as a number of seconds ([RFC 9110 §10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
/// One that is a date is passed over.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    delta_seconds(value.trim()).map(Duration::from_secs)
}

/// `delta-seconds` of RFC 9111 §1.2.2: digits, and what is too large is very large. Quotes are taken off.
fn delta_seconds(text: &str) -> Option<u64> {
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let digits = !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit());
    const MOST: u64 = u32::MAX as u64;
    digits.then(|| bare.parse().unwrap_or(MOST).min(MOST))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(lines: &[&str], age: Option<&str>, expected: Freshness) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_CONTROL, HeaderValue::from_str(line).unwrap());
        }
        if let Some(age) = age {
            headers.insert(AGE, HeaderValue::from_str(age).unwrap());
        }
        assert_eq!(Freshness::of(&headers), expected, "{lines:?} {age:?}");
    }

    fn secs(secs: u64) -> Freshness {
        Freshness::For(Duration::from_secs(secs))
    }

    #[test]
    fn reads_what_issuers_send() {
        check(&[], None, Freshness::Unsaid);
        check(&["public"], None, Freshness::Unsaid);
        check(&["public, max-age=19845, must-revalidate, no-transform"], None, secs(19845));
        check(&["PUBLIC,MAX-AGE=86400"], None, secs(86400));
        check(&["max-age=\"60\""], None, secs(60));
        check(&["max-age = 60"], None, secs(60));
        check(&["s-maxage=10, max-age=60"], None, secs(60));
        check(&["max-age=60, stale-while-revalidate=30, stale-if-error=86400"], None, secs(60));
        check(&["no-cache"], None, Freshness::None);
        check(&["private, no-cache, no-store, max-age=0"], None, Freshness::None);
    }

    #[test]
    fn the_stricter_of_two_counts() {
        check(&["max-age=3600, max-age=60"], None, secs(60));
        check(&["max-age=60", "max-age=3600"], None, secs(60));
        check(&["max-age=3600", "no-store"], None, Freshness::None);
        check(&["no-cache, max-age=3600"], None, Freshness::None);
    }

    #[test]
    fn what_cannot_be_read_is_stale() {
        for bad in ["max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=abc", "max-age=0"]
        {
            check(&[bad], None, Freshness::None);
        }
        check(&["max-age=3600, max-age=x"], None, Freshness::None);
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_bytes(b"max-age=60\xff").unwrap());
        assert_eq!(Freshness::of(&headers), Freshness::None);
    }

    #[test]
    fn the_time_in_other_caches_is_taken_off() {
        check(&["max-age=100"], Some("40"), secs(60));
        check(&["max-age=100"], Some("100"), Freshness::None);
        check(&["max-age=100"], Some("999999999999999999999"), Freshness::None);
        check(&["max-age=100"], Some("soon"), secs(100));
        check(&[], Some("40"), Freshness::Unsaid);
    }

    #[test]
    fn huge_numbers_overflow_nothing() {
        check(&["max-age=99999999999999999999999"], None, secs(u32::MAX.into()));
        check(&["max-age=18446744073709551615"], None, secs(u32::MAX.into()));
    }

    #[test]
    fn retry_after_is_seconds() {
        let read = |text| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
            retry_after(&headers)
        };
        for text in ["120", " 120 "] {
            assert_eq!(read(text), Some(Duration::from_secs(120)));
        }
        assert_eq!(read("Fri, 31 Dec 2027 23:59:59 GMT"), None);
        assert_eq!(read("-1"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(
            values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..4),
            age in proptest::collection::vec(any::<u8>(), 0..12),
        ) {
            let mut headers = HeaderMap::new();
            for value in &values {
                if let Ok(value) = HeaderValue::from_bytes(value) {
                    headers.append(CACHE_CONTROL, value);
                }
            }
            if let Ok(age) = HeaderValue::from_bytes(&age) {
                headers.insert(AGE, age.clone());
                headers.insert(RETRY_AFTER, age);
            }
            let _ = retry_after(&headers);
            if let Freshness::For(time) = Freshness::of(&headers) {
                prop_assert!(time <= Duration::from_secs(u32::MAX.into()) && !time.is_zero());
            }
        }

        #[test]
        fn directives_in_any_order_mean_the_same(
            directives in Just(["max-age=7", "public", "x=\"1\"", "max-age=90", "immutable"]).prop_shuffle(),
        ) {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, HeaderValue::from_str(&directives.join(", ")).unwrap());
            prop_assert_eq!(Freshness::of(&headers), secs(7));
        }
    }
}

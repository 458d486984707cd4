//! The token among the WebSocket sub-protocols that a page offers (RFC 6455 §11.3.4).

use http::HeaderMap;
use http::header::SEC_WEBSOCKET_PROTOCOL;

use super::Found;

/// The protocol offered next after `marker`. A marker that is the last one has an empty credential.
pub(super) fn find<'a>(headers: &'a HeaderMap, marker: &str) -> Found<'a> {
    let mut offered = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&b| b == b','))
        .map(<[u8]>::trim_ascii);
    if !offered.any(|protocol| protocol == marker.as_bytes()) {
        return Found::Nothing;
    }
    let token = offered.next().unwrap_or_default();
    if offered.any(|protocol| protocol == marker.as_bytes()) {
        return Found::Several;
    }
    Found::One(token)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(offered: &[&'static str], expected: Result<Option<&str>, ()>) {
        let mut headers = HeaderMap::new();
        for &value in offered {
            headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(value));
        }
        let found = match find(&headers, "bearer") {
            Found::Nothing => Ok(None),
            Found::One(value) => Ok(Some(std::str::from_utf8(value).unwrap())),
            Found::Several => Err(()),
        };
        assert_eq!(found, expected, "{offered:?}");
    }

    #[test]
    fn the_token_follows_the_marker() {
        check(&[], Ok(None));
        check(&["chat"], Ok(None));
        check(&["bearer, a.b.c"], Ok(Some("a.b.c")));
        check(&["chat,bearer,a.b.c , v2"], Ok(Some("a.b.c")));
        check(&["chat, bearer", "a.b.c"], Ok(Some("a.b.c")));
        check(&["Bearer, a.b.c"], Ok(None));
        check(&["bearer"], Ok(Some("")));
        check(&["bearer, a, bearer, b"], Err(()));
        check(&["bearer, a", "bearer, b"], Err(()));
    }
}

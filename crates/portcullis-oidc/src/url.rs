//! Which addresses may be fetched from: https, or http on the loopback; nothing that two parsers could
//! read in two ways.

use std::fmt;

use http::Uri;
use http::uri::{Authority, Scheme};

/// An address that may be fetched from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url {
    uri: Uri,
}

impl Url {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as the end of a sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        // `Uri` drops a fragment without a word
        if text.contains('#') {
            return Err("has a fragment, which is never sent");
        }
        let uri: Uri =
            text.parse().map_err(|_| "is no absolute URL, which starts with https://")?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err("is no absolute URL, which starts with https://");
        };
        if authority.as_str().contains('@') {
            return Err("has a user name or password, which would end up in logs");
        }
        if !is_plain_host(authority) {
            return Err(
                "has a host that is neither a name of letters, digits, `-` and `.`, nor an IP address",
            );
        }
        let port = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        if !port.is_empty() && !port[1..].parse::<u16>().is_ok_and(|port| port > 0) {
            return Err("has a port that is no number");
        }
        if *scheme != Scheme::HTTPS && !(*scheme == Scheme::HTTP && is_loopback(authority.host())) {
            return Err("is not https (http is for the loopback only)");
        }
        Ok(Self { uri })
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Scheme, host and port ([RFC 6454 §4](https://www.rfc-editor.org/rfc/rfc6454#section-4)).
    pub(crate) fn origin(&self) -> (bool, String, u16) {
        let https = self.uri.scheme() == Some(&Scheme::HTTPS);
        let host = self.uri.host().unwrap_or_default().to_ascii_lowercase();
        let port = self.uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        (https, host, port)
    }
}

/// A host that every parser reads alike: no percent-encoding, no Unicode, no spelling that some take for
/// an IPv4 address.
fn is_plain_host(authority: &Authority) -> bool {
    let host = authority.host();
    if let Some(inner) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let is_name = !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let looks_numeric = last.starts_with(|c: char| c.is_ascii_digit());
    is_name && (!looks_numeric || host.parse::<std::net::Ipv4Addr>().is_ok())
}

/// True for `localhost` and the addresses of the loopback
/// ([RFC 8252 §8.3](https://www.rfc-editor.org/rfc/rfc8252#section-8.3)).
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Without its query, which may hold a secret: this is how logs, errors and the status of keys call it.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.uri.to_string();
        match text.split_once('?') {
            Some((before, _)) => write!(f, "{before}?…"),
            None => f.write_str(&text),
        }
    }
}

/// As it is displayed.
impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text that was meant to be an address, for the error that says it is none: without what may be a secret in it.
pub(crate) fn shown(text: &str) -> String {
    let (before, after) = text.split_at(text.find(['?', '#']).unwrap_or(text.len()));
    let more = if after.is_empty() { "" } else { "?…" };
    // up to the last `@` of the authority, wherever that may end
    match before.rsplit_once('@') {
        Some((start, host)) => {
            let scheme = start.find("//").map_or("", |at| &start[..at + 2]);
            format!("{:?}", format!("{scheme}…@{host}{more}"))
        }
        None => format!("{:?}", format!("{before}{more}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_the_loopback() {
        for good in [
            "https://idp.example.com/keys",
            "https://IDP.example.com:8443/a?b=c",
            "http://127.0.0.1:8080/keys",
            "http://127.9.9.9/",
            "http://[::1]:80/keys",
            "http://localhost:1/",
            "https://10.0.0.1/openid/v1/jwks",
            "https://[2001:db8::1]/",
        ] {
            assert!(Url::parse(good).is_ok(), "{good}: {:?}", Url::parse(good));
        }
        for bad in [
            "",
            "/keys",
            "idp.example.com",
            "idp.example.com/keys",
            "http://idp.example.com/keys",
            "http://127.0.0.1.example.com/",
            "http://10.0.0.1/",
            "http://[::2]/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "https://user@idp.example.com/",
            "https://user:pass@idp.example.com/",
            "https://idp.example.com/#keys",
            "https://idp.example.com\\@evil.example/",
            "https://idp.example.com:/",
            "https://idp.example.com:99999/",
            "https://idp.example.com:0/",
            "https://[1:2]/",
            "https://[fe80::1%25eth0]/",
            "https://%65vil.example/",
            "https://ex\u{e4}mple.com/",
            "https://127.1/",
            "https://0x7f.0.0.1/",
            "https://2130706433/",
            "https://1.2.3.0x4/",
            "https://a b/",
            "https://",
            "https:///keys",
        ] {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let url = Url::parse("https://idp.example.com:8443/keys?code=hunter2&a=b").unwrap();
        assert_eq!(url.to_string(), "https://idp.example.com:8443/keys?…");
        assert_eq!(format!("{url:?}"), url.to_string());
        assert_eq!(url.uri().query(), Some("code=hunter2&a=b"));
        let url = Url::parse("https://idp.example.com/keys").unwrap();
        assert_eq!(url.to_string(), "https://idp.example.com/keys");
        for (text, expected) in [
            ("ftp://a.example/keys", "ftp://a.example/keys"),
            ("ftp://a.example/keys?code=hunter2", "ftp://a.example/keys?…"),
            ("https://a.example/keys#hunter2", "https://a.example/keys?…"),
            ("https://a.example/keys?x@y", "https://a.example/keys?…"),
            ("https://bob:hunter2@a.example/keys", "https://…@a.example/keys"),
            ("https://bob:hunt@er2@a.example/keys?z", "https://…@a.example/keys?…"),
            ("https://bob:hunter2/@a.example", "https://…@a.example"),
            ("bob:hunter2@a.example", "…@a.example"),
            ("a\nb", "a\\nb"),
        ] {
            assert_eq!(shown(text), format!("\"{expected}\""));
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let origin = |text| Url::parse(text).unwrap().origin();
        assert_eq!(origin("https://A.example/x"), origin("https://a.EXAMPLE:443/y?z"));
        for other in ["https://a.example:444/", "https://b.example/", "https://a.example.com/"] {
            assert_ne!(origin("https://a.example/"), origin(other), "{other}");
        }
        assert_ne!(origin("http://localhost/"), origin("https://localhost/"));
        assert_eq!(origin("http://localhost/"), origin("http://localhost:80/"));
        assert_ne!(origin("http://localhost/"), origin("http://localhost:443/"));
    }
}

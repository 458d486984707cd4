//! The proof that a request with an ambient credential came from the same origin: tower-http's `csrf`
//! rule, made to refuse what it can't tell and to look at upgrades as well.

use http::header::{HOST, ORIGIN, UPGRADE};
use http::{HeaderName, Method, Request, Uri};

use super::{Found, single};
use crate::error::{BuildError, Diagnosis, Rejection, RejectionKind, quoted};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Which origins may use an ambient credential on unsafe methods and upgrades.
#[derive(Clone, Debug, Default)]
pub(crate) struct OriginRule {
    trusted: Vec<Box<str>>,
    off: bool,
}

impl OriginRule {
    pub(crate) fn switch_off(&mut self) {
        self.off = true;
    }

    /// Trusts an origin, spelled as browsers spell it.
    pub(crate) fn trust(&mut self, origin: &str) -> Result<(), BuildError> {
        let refuse = |why: &str| BuildError::new(format!("the trusted origin {origin:?} {why}"));
        let uri: Uri = origin.parse().map_err(|_| refuse("is not an origin"))?;
        let authority = match (uri.scheme_str(), uri.authority()) {
            (Some("http" | "https"), Some(authority)) => authority,
            _ => return Err(refuse("must start with http:// or https:// and a host")),
        };
        // `Uri` forgets a bare slash and a fragment, so what it was made from is looked at
        let after_scheme = origin.split_once("://").map(|(_, rest)| rest);
        if after_scheme != Some(authority.as_str()) || authority.as_str().contains('@') {
            return Err(refuse("must be scheme, host and port only: no path, not even a slash"));
        }
        if authority.as_str().bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(refuse("must be in lower case, as browsers send it"));
        }
        let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        if authority.port_u16() == Some(default) {
            return Err(refuse("must leave out the default port, as browsers do"));
        }
        self.trusted.push(origin.into());
        Ok(())
    }

    /// Checks a request that carries an ambient credential.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), Rejection> {
        if self.off || is_harmless(request) {
            return Ok(());
        }
        let headers = request.headers();
        let site = single(headers, &SEC_FETCH_SITE);
        if let Found::One(b"same-origin" | b"none") = site {
            return Ok(());
        }
        let Found::One(origin) = single(headers, &ORIGIN) else {
            return Err(refuse(request, "no `Origin`, or several"));
        };
        if self.trusted.iter().any(|trusted| trusted.as_bytes() == origin) {
            return Ok(());
        }
        // with `Sec-Fetch-Site` the browser has spoken, and what it said was not `same-origin`
        if matches!(site, Found::Nothing) && is_own(origin, request) {
            return Ok(());
        }
        let shown = quoted(&String::from_utf8_lossy(origin));
        Err(refuse(request, &format!("`Origin` {shown}")))
    }
}

/// True if the request can change nothing: a method that is read-only and no upgrade. TRACE is not
/// on the list, and a WebSocket handshake is a GET.
fn is_harmless<B>(request: &Request<B>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        && !request.headers().contains_key(UPGRADE)
}

/// True if the origin's host and port are those that the request was sent to. The scheme is not
/// compared: behind a proxy that ends TLS nobody here knows it.
fn is_own<B>(origin: &[u8], request: &Request<B>) -> bool {
    let authority = origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"));
    let host = match request.uri().authority() {
        Some(authority) => authority.as_str().as_bytes(),
        None => match single(request.headers(), &HOST) {
            Found::One(host) => host,
            Found::Nothing | Found::Several => return false,
        },
    };
    !host.is_empty() && authority == Some(host)
}

fn refuse<B>(request: &Request<B>, origin: &str) -> Rejection {
    let site = match single(request.headers(), &SEC_FETCH_SITE) {
        Found::Nothing => "no `Sec-Fetch-Site`".to_owned(),
        Found::One(site) => format!("`Sec-Fetch-Site` {}", quoted(&String::from_utf8_lossy(site))),
        Found::Several => "several `Sec-Fetch-Site`".to_owned(),
    };
    Diagnosis::new()
        .expected(
            "a request from the same origin, since the credential is sent by the browser itself",
        )
        .found(format!("{site} and {origin}"))
        .hint("a page of another origin that may do this is named by `JwtLayer::trusted_origin`")
        .reject(RejectionKind::CrossOrigin)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTED: &[(&str, &str)] = &[("host", "app.example")];

    fn request(method: &str, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().method(method).uri("/pay");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    fn check(method: &str, headers: &[(&str, &str)], passes: bool) {
        let mut rule = OriginRule::default();
        rule.trust("https://trusted.example").unwrap();
        let headers = [HOSTED, headers].concat();
        let result = rule.check(&request(method, &headers));
        assert_eq!(result.is_ok(), passes, "{method} {headers:?}: {result:?}");
        if let Err(rejection) = result {
            assert_eq!(rejection.kind(), RejectionKind::CrossOrigin);
        }
    }

    #[test]
    fn methods_that_only_read_pass() {
        for method in ["GET", "HEAD", "OPTIONS"] {
            check(
                method,
                &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
                true,
            );
            check(method, &[], true);
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PURGE", "get"] {
            check(method, &[], false);
        }
    }

    #[test]
    fn what_the_browser_says_about_the_site_counts() {
        check("POST", &[("sec-fetch-site", "same-origin")], true);
        check("POST", &[("sec-fetch-site", "none")], true);
        for site in ["same-site", "cross-site", "Same-Origin", "", "same-origin, none", "x"] {
            check("POST", &[("sec-fetch-site", site)], false);
            // not even with an origin that looks right
            check("POST", &[("sec-fetch-site", site), ("origin", "https://app.example")], false);
            check("POST", &[("sec-fetch-site", site), ("origin", "https://trusted.example")], true);
        }
        let twice = [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")];
        check("POST", &twice, false);
    }

    #[test]
    fn without_it_the_origin_has_to_be_our_own_or_trusted() {
        for (origin, passes) in [
            ("https://app.example", true),
            ("http://app.example", true),
            ("https://trusted.example", true),
            ("https://trusted.example:8443", false),
            ("http://trusted.example", false),
            ("https://app.example:8443", false),
            ("https://app.example.evil.example", false),
            ("https://evil.example", false),
            ("https://app.example/", false),
            ("https://APP.example", false),
            ("ftp://app.example", false),
            ("app.example", false),
            ("null", false),
            ("", false),
        ] {
            check("POST", &[("origin", origin)], passes);
        }
        check(
            "POST",
            &[("origin", "https://app.example"), ("origin", "https://evil.example")],
            false,
        );
    }

    #[test]
    fn a_websocket_handshake_is_looked_at_although_it_is_a_get() {
        let upgrade = [("upgrade", "websocket"), ("connection", "upgrade")];
        let with = |extra: (&'static str, &'static str)| [&upgrade[..], &[extra]].concat();
        check("GET", &upgrade, false);
        check("GET", &with(("origin", "https://evil.example")), false);
        check("GET", &with(("sec-fetch-site", "cross-site")), false);
        check("GET", &with(("sec-fetch-site", "same-site")), false);
        check("GET", &with(("sec-fetch-site", "same-origin")), true);
        check("GET", &with(("origin", "https://app.example")), true);
        check("GET", &with(("origin", "https://trusted.example")), true);
    }

    #[test]
    fn the_request_target_goes_before_the_host_header() {
        let rule = OriginRule::default();
        let mut request =
            request("POST", &[("host", "b.example"), ("origin", "https://a.example")]);
        assert!(rule.check(&request).is_err());
        *request.uri_mut() = Uri::from_static("https://a.example/pay");
        assert!(rule.check(&request).is_ok());
        *request.uri_mut() = Uri::from_static("https://a.example:444/pay");
        assert!(rule.check(&request).is_err());
    }

    #[test]
    fn without_a_host_or_with_two_nothing_is_our_own() {
        let rule = OriginRule::default();
        assert!(rule.check(&request("POST", &[("origin", "https://")])).is_err());
        assert!(rule.check(&request("POST", &[("host", ""), ("origin", "https://")])).is_err());
        let two = [("host", "a.example"), ("host", "a.example"), ("origin", "https://a.example")];
        assert!(rule.check(&request("POST", &two)).is_err());
    }

    #[test]
    fn switched_off_everything_passes() {
        let mut rule = OriginRule::default();
        rule.switch_off();
        assert!(rule.check(&request("POST", &[("origin", "https://evil.example")])).is_ok());
    }

    #[test]
    fn a_trusted_origin_is_one_that_a_browser_can_send() {
        let mut rule = OriginRule::default();
        for good in ["https://a.example", "http://localhost:3000", "https://[::1]:8443"] {
            assert!(rule.trust(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a.example",
            "null",
            "*",
            "https://",
            "https://a.example/",
            "https://a.example/x",
            "https://a.example?x",
            "https://a.example#x",
            "ftp://a.example",
            "https://A.example",
            "https://a.example:443",
            "http://a.example:80",
            "https://u@a.example",
            "https://ä.example",
        ] {
            assert!(rule.trust(bad).is_err(), "{bad}");
        }
    }
}

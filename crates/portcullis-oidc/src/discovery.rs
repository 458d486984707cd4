//! Metadata of issuers: where they are, whose they are, and which address of keys may be taken from them.
//!
//! [OpenID Connect Discovery 1.0](https://openid.net/specs/openid-connect-discovery-1_0.html) and
//! [RFC 8414](https://www.rfc-editor.org/rfc/rfc8414).

use portcullis::BuildError;
use serde::Deserialize;

use crate::error::{FetchError, FetchErrorKind};
use crate::url::{self, Url};

/// Which of the two documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// `{issuer}/.well-known/openid-configuration`.
    OpenId,
    /// `/.well-known/oauth-authorization-server` between host and path.
    OAuth,
}

impl Flavour {
    /// Where the metadata of this issuer are.
    ///
    /// # Errors
    ///
    /// If the issuer is no URL that may be fetched from, or has a query.
    pub(crate) fn address(self, issuer: &str) -> Result<Url, BuildError> {
        let wrong = |why: &str| BuildError::new(format!("the issuer {} {why}", url::shown(issuer)));
        let url = Url::parse(issuer).map_err(wrong)?;
        if issuer.contains('?') {
            return Err(wrong("has a query, which the name of an issuer must not have"));
        }
        // a terminating slash is taken off (OpenID Discovery §4.1, RFC 8414 §3.1)
        let bare = issuer.strip_suffix('/').unwrap_or(issuer);
        let address = match self {
            Self::OpenId => format!("{bare}/.well-known/openid-configuration"),
            Self::OAuth => {
                let path = url.uri().path();
                let path = path.strip_suffix('/').unwrap_or(path);
                let origin = bare.strip_suffix(path).unwrap_or(bare);
                format!("{origin}/.well-known/oauth-authorization-server{path}")
            }
        };
        Url::parse(&address).map_err(wrong)
    }
}

/// The members that are needed. Others are passed over.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: Option<String>,
}

/// Reads metadata, and gives the address of the keys.
///
/// # Errors
///
/// If they are no metadata, are those of another issuer (compared byte by byte, OpenID Discovery §4.3 and
/// RFC 8414 §3.3), or name an address for the keys that is not at one of these origins.
pub(crate) fn keys_address(
    json: &[u8],
    issuer: &str,
    from: &Url,
    allowed: &[Url],
) -> Result<Url, FetchError> {
    let failed = |kind, message: String| FetchError::new(kind, from, message);
    let metadata: Metadata = serde_json::from_slice(json).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        failed(
            FetchErrorKind::Malformed,
            format!("the answer is no metadata of an issuer: {place}"),
        )
    })?;
    if metadata.issuer != issuer {
        let found = shown(&metadata.issuer);
        let message = format!("the metadata are those of {found}, not of {}", shown(issuer));
        return Err(failed(FetchErrorKind::WrongIssuer, message));
    }
    let address = metadata.jwks_uri.ok_or_else(|| {
        failed(FetchErrorKind::Malformed, "the metadata have no `jwks_uri`".to_owned())
    })?;
    let forbidden = |why: &str| {
        let message = format!("its `jwks_uri` {} {why}", shown(&address));
        failed(FetchErrorKind::ForbiddenAddress, message)
    };
    let url = Url::parse(&address).map_err(forbidden)?;
    let origin = url.origin();
    if origin != from.origin() && !allowed.iter().any(|allowed| allowed.origin() == origin) {
        return Err(forbidden(
            "is of another origin than the metadata; if that is right, allow that origin by name \
             (RemoteKeysBuilder::allow_keys_at, PORTCULLIS_JWKS_ORIGIN)",
        ));
    }
    Ok(url)
}

/// A text of somebody else's, fit for a log line.
fn shown(text: &str) -> String {
    let cut: String = text.chars().take(120).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("\"{}\"{more}", cut.escape_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_are_where_the_standards_put_them() {
        for (issuer, openid, oauth) in [
            (
                "https://idp.example.com",
                "https://idp.example.com/.well-known/openid-configuration",
                "https://idp.example.com/.well-known/oauth-authorization-server",
            ),
            (
                "https://t.auth0.example/",
                "https://t.auth0.example/.well-known/openid-configuration",
                "https://t.auth0.example/.well-known/oauth-authorization-server",
            ),
            (
                "https://h.example:8443/realms/r",
                "https://h.example:8443/realms/r/.well-known/openid-configuration",
                "https://h.example:8443/.well-known/oauth-authorization-server/realms/r",
            ),
            (
                "https://h.example/a/b/",
                "https://h.example/a/b/.well-known/openid-configuration",
                "https://h.example/.well-known/oauth-authorization-server/a/b",
            ),
        ] {
            let address = |flavour: Flavour| flavour.address(issuer).unwrap().to_string();
            assert_eq!(address(Flavour::OpenId), openid);
            assert_eq!(address(Flavour::OAuth), oauth);
        }
        for bad in
            ["accounts.google.com", "http://idp.example.com", "https://a.example/?tenant=1", ""]
        {
            assert!(Flavour::OpenId.address(bad).is_err(), "{bad}");
            assert!(Flavour::OAuth.address(bad).is_err(), "{bad}");
        }
    }

    fn kind(json: &str, allowed: &[&str]) -> Result<String, FetchErrorKind> {
        let from = Flavour::OpenId.address("https://idp.example.com").unwrap();
        let allowed: Vec<_> = allowed.iter().map(|url| Url::parse(url).unwrap()).collect();
        keys_address(json.as_bytes(), "https://idp.example.com", &from, &allowed)
            .map(|url| url.to_string())
            .map_err(|error| error.kind())
    }

    fn metadata(issuer: &str, jwks_uri: &str) -> String {
        serde_json::json!({"issuer": issuer, "jwks_uri": jwks_uri, "more": [1]}).to_string()
    }

    #[test]
    fn metadata_must_be_those_of_the_issuer() {
        let keys = "https://idp.example.com/keys";
        assert_eq!(kind(&metadata("https://idp.example.com", keys), &[]), Ok(keys.to_owned()));
        for other in
            ["https://idp.example.com/", "https://IDP.example.com", "https://evil.example", ""]
        {
            assert_eq!(
                kind(&metadata(other, keys), &[]),
                Err(FetchErrorKind::WrongIssuer),
                "{other}"
            );
        }
        for bad in [
            "",
            "[]",
            "null",
            "{}",
            "<html>",
            r#"{"issuer":1,"jwks_uri":"x"}"#,
            r#"{"issuer":"https://idp.example.com"}"#,
            r#"{"issuer":"https://idp.example.com","issuer":"https://idp.example.com","jwks_uri":"https://idp.example.com/k"}"#,
        ] {
            assert_eq!(kind(bad, &[]), Err(FetchErrorKind::Malformed), "{bad}");
        }
    }

    #[test]
    fn what_metadata_say_is_cut_in_the_error() {
        let from = Url::parse("https://idp.example.com/x").unwrap();
        let told = |metadata: &str| {
            let error = keys_address(metadata.as_bytes(), "https://idp.example.com", &from, &[]);
            error.unwrap_err().to_string()
        };
        let long = "\u{1b}".repeat(10_000);
        for told in [told(&metadata(&long, "x")), told(&metadata("https://idp.example.com", &long))]
        {
            assert!(told.contains("\\u{1b}") && told.len() < 1_000, "{told}");
        }
    }

    #[test]
    fn the_keys_are_at_the_same_origin_or_at_one_that_is_allowed_by_name() {
        let with =
            |uri: &str, allowed: &[&str]| kind(&metadata("https://idp.example.com", uri), allowed);
        assert!(with("https://idp.example.com:443/k?x=1", &[]).is_ok());
        for elsewhere in [
            "https://keys.example.com/k",
            "https://idp.example.com:8443/k",
            "http://idp.example.com/k",
            "http://127.0.0.1/k",
            "https://idp.example.com.evil.example/k",
            "https://idp.example.com@evil.example/k",
            "https://u:p@idp.example.com/k",
            "https://idp.example.com/k#f",
            "/k",
            "file:///etc/passwd",
            "",
        ] {
            assert_eq!(with(elsewhere, &[]), Err(FetchErrorKind::ForbiddenAddress), "{elsewhere}");
        }
        assert!(with("https://keys.example.com/k", &["https://keys.example.com"]).is_ok());
        let other = ["https://other.example.com"];
        assert_eq!(
            with("https://keys.example.com/k", &other),
            Err(FetchErrorKind::ForbiddenAddress)
        );
    }

    #[test]
    fn what_an_issuer_writes_breaks_no_log_line() {
        let from = Flavour::OpenId.address("https://idp.example.com").unwrap();
        let json = metadata("a\nb\u{1b}[31m", "x");
        let error = keys_address(json.as_bytes(), "https://idp.example.com", &from, &[]);
        let text = error.unwrap_err().to_string();
        assert!(!text.contains(char::is_control), "{text}");
    }
}

//! Where the keys of a preset are.

use std::fmt;

use portcullis::{BuildError, Keys};

use crate::{KeysByKid, Refresher, RemoteKeys};

/// Where the keys of an issuer are.
#[derive(Clone)]
pub(super) enum KeyPlace {
    /// A JWK Set at this address.
    JwkSet(String),
    /// Named by the OpenID metadata of this issuer, at the issuer's origin.
    OpenId(String),
    /// Named by the RFC 8414 metadata of this issuer, at the issuer's origin.
    OAuth(String),
    /// One key in PEM for each `kid`, at this address with the `kid` behind it.
    ByUuid(String),
}

impl KeyPlace {
    pub(super) fn shown(&self) -> String {
        match self {
            Self::JwkSet(url) => url.clone(),
            Self::OpenId(issuer) => {
                format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
            }
            Self::OAuth(issuer) => match issuer.split_once("://").and_then(|(scheme, rest)| {
                let (host, path) = rest.split_once('/')?;
                Some((scheme, host, path))
            }) {
                Some((scheme, host, path)) => format!(
                    "{scheme}://{host}/.well-known/oauth-authorization-server/{}",
                    path.trim_end_matches('/')
                )
                .trim_end_matches('/')
                .to_owned(),
                None => format!("{issuer}/.well-known/oauth-authorization-server"),
            },
            Self::ByUuid(base) => format!("{base}{{kid}}"),
        }
    }

    pub(super) fn fetched_by(self, refresher: &Refresher) -> Result<Keys, BuildError> {
        let set = match self {
            Self::JwkSet(url) => RemoteKeys::from_jwk_set_url(url),
            Self::OpenId(issuer) => RemoteKeys::discover(issuer),
            Self::OAuth(issuer) => RemoteKeys::discover_oauth(issuer),
            Self::ByUuid(base) => {
                let address = move |kid: &str| is_uuid(kid).then(|| format!("{base}{kid}"));
                return refresher.add_by_kid(KeysByKid::at(address)).map(|keys| keys.keys());
            }
        };
        refresher.add(set).map(|keys| keys.keys())
    }
}

/// As logs call an address: without its query.
impl fmt::Debug for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::url::shown(&self.shown()))
    }
}

/// True for 8-4-4-4-12 hexadecimal digits: nothing else of a token ever gets into an address.
pub(super) fn is_uuid(text: &str) -> bool {
    let legal = |(at, b): (usize, u8)| match at {
        8 | 13 | 18 | 23 => b == b'-',
        _ => b.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kid_that_is_no_uuid_reaches_no_address() {
        assert!(is_uuid("0a1b2c3d-0000-4111-8222-ABCDEFabcdef"));
        for bad in [
            "",
            "0a1b2c3d-0000-4111-8222-ABCDEFabcde",
            "0a1b2c3d-0000-4111-8222-ABCDEFabcdeg",
            "0a1b2c3d/0000-4111-8222-ABCDEFabcdef",
            "../../../../../../../../../../../../x",
            "0a1b2c3d-0000-4111-8222-ABCDEFabcde\n",
            "0a1b2c3d00004111822200ABCDEFabcdef00",
        ] {
            assert!(!is_uuid(bad), "{bad}");
        }
    }

    #[test]
    fn a_query_is_not_in_the_log() {
        let place = KeyPlace::JwkSet("https://a.example/keys?code=hunter2".into());
        assert_eq!(format!("{place:?}"), "\"https://a.example/keys?…\"");
        assert_eq!(place.shown(), "https://a.example/keys?code=hunter2");
    }

    #[test]
    fn addresses_are_shown_as_they_are_fetched() {
        let oauth = |issuer: &str| KeyPlace::OAuth(issuer.to_owned()).shown();
        let well_known = "https://a.example/.well-known/oauth-authorization-server";
        assert_eq!(oauth("https://a.example"), well_known);
        assert_eq!(oauth("https://a.example/"), well_known);
        assert_eq!(oauth("https://a.example/t/1"), format!("{well_known}/t/1"));
        let openid = KeyPlace::OpenId("https://a.example/t/".into()).shown();
        let at = "https://a.example/t/.well-known/openid-configuration";
        assert_eq!(openid, at);
    }
}

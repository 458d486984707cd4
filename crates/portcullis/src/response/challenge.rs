//! The `WWW-Authenticate` challenge, to the letter of RFC 6750 §3.

use http::HeaderValue;

use crate::error::{BuildError, Rejection, RejectionKind};

/// The realm of the challenge: one parameter must follow the scheme even where there is no error to
/// tell (RFC 6750 §3).
#[derive(Clone, Debug)]
pub(super) struct Realm(Box<str>);

impl Default for Realm {
    fn default() -> Self {
        Self("api".into())
    }
}

impl Realm {
    pub(super) fn new(realm: &str) -> Result<Self, BuildError> {
        if realm.bytes().all(is_text) {
            return Ok(Self(realm.into()));
        }
        Err(BuildError::new(format!(
            "the realm {realm:?} must be of printable ASCII without quotes and backslashes"
        )))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The challenge for a rejection, where one is due.
    ///
    /// No `error` where no credential was sent, since nothing was wrong with it (RFC 6750 §3.1). None
    /// at all where another credential would not help: an outage, a mistake of ours, a request from
    /// another origin.
    pub(super) fn challenge(&self, rejection: &Rejection) -> Option<HeaderValue> {
        let kind = rejection.kind();
        let error = kind.oauth_error();
        if error.is_none() && kind != RejectionKind::MissingCredential {
            return None;
        }
        let mut challenge = format!("Bearer realm=\"{}\"", self.0);
        if let Some(error) = error {
            challenge += &format!(", error=\"{error}\", error_description=\"{}\"", kind.title());
        }
        let scopes = legal_scopes(rejection.scopes());
        if !scopes.is_empty() {
            challenge += &format!(", scope=\"{scopes}\"");
        }
        // realm, titles and scopes are of legal characters: checked above, by a test, and below
        HeaderValue::try_from(challenge).ok()
    }
}

/// The scopes, separated by spaces, without those that no challenge may name.
fn legal_scopes(scopes: &[&str]) -> String {
    let mut legal = String::new();
    for scope in scopes {
        // RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
        if scope.is_empty() || !scope.bytes().all(|b| b != b' ' && is_text(b)) {
            tracing::warn!(target: "portcullis", ?scope, "not a scope by RFC 6749 §3.3: left out");
            continue;
        }
        legal += if legal.is_empty() { "" } else { " " };
        legal += scope;
    }
    legal
}

/// %x20-21 / %x23-5B / %x5D-7E: what the values of a challenge are made of.
fn is_text(b: u8) -> bool {
    matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rejection: impl Into<Rejection>, expected: Option<&str>) {
        let rejection = rejection.into();
        let challenge = Realm::new("payroll").unwrap().challenge(&rejection);
        let challenge = challenge.as_ref().map(|value| value.to_str().unwrap());
        assert_eq!(challenge, expected, "{rejection:?}");
    }

    #[test]
    fn every_kind_has_its_challenge() {
        for &kind in RejectionKind::ALL {
            let expected = match (kind.status().as_u16(), kind.oauth_error()) {
                (401, None) => Some("Bearer realm=\"payroll\"".to_owned()),
                (_, Some(error)) => Some(format!(
                    "Bearer realm=\"payroll\", error=\"{error}\", error_description=\"{}\"",
                    kind.title()
                )),
                (403 | 500 | 503, None) => None,
                (status, None) => panic!("{kind:?} {status}"),
            };
            check(kind, expected.as_deref());
        }
    }

    #[test]
    fn the_scopes_follow_the_error() {
        check(
            Rejection::new(RejectionKind::InsufficientScope)
                .with_scopes(&["look", "payments:write"]),
            Some(
                "Bearer realm=\"payroll\", error=\"insufficient_scope\", \
                 error_description=\"the token does not grant this\", scope=\"look payments:write\"",
            ),
        );
        check(
            Rejection::new(RejectionKind::InsufficientScope)
                .with_scopes(&["a b", "", "\"", "ä", "ok"]),
            Some(
                "Bearer realm=\"payroll\", error=\"insufficient_scope\", \
                 error_description=\"the token does not grant this\", scope=\"ok\"",
            ),
        );
    }

    #[test]
    fn a_realm_that_could_break_out_is_refused() {
        for bad in ["a\"b", "a\\b", "a\nb", "ä", "a\tb", "\u{7f}"] {
            assert!(Realm::new(bad).is_err(), "{bad:?}");
        }
        assert!(Realm::new("the payroll, of Ruritania!").is_ok());
        assert_eq!(
            Realm::default().challenge(&RejectionKind::MissingCredential.into()).unwrap(),
            "Bearer realm=\"api\""
        );
    }
}

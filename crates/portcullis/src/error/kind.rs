//! The kinds of rejection, and what each means in HTTP and in OAuth.

use http::StatusCode;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident, $code:literal, $status:ident, $error:expr, $title:literal;)*) => {
        /// The kinds of [`Rejection`](super::Rejection).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum RejectionKind {
            $($(#[$doc])* $name,)*
        }

        impl RejectionKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// A short name in kebab case, which never changes: it is in the log, and the `type` of
            /// the problem body ends with it.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The status of the answer.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The `error` of the challenge ([RFC 6750 §3.1]), if there is one.
            ///
            /// [RFC 6750 §3.1]: https://www.rfc-editor.org/rfc/rfc6750#section-3.1
            #[must_use]
            pub const fn oauth_error(self) -> Option<&'static str> {
                match self { $(Self::$name => $error,)* }
            }

            /// One line that the client may see. It is made of characters that a challenge may hold.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

const REQUEST: Option<&str> = Some("invalid_request");
const TOKEN: Option<&str> = Some("invalid_token");
const SCOPE: Option<&str> = Some("insufficient_scope");

kinds! {
    /// No credential was sent.
    MissingCredential, "missing-credential", UNAUTHORIZED, None, "a credential is required";
    /// More than one credential was sent ([RFC 6750 §2](https://www.rfc-editor.org/rfc/rfc6750#section-2)).
    MultipleCredentials, "multiple-credentials", BAD_REQUEST, REQUEST,
        "more than one credential was sent";
    /// The header or cookie that should hold the credential is not formed as it has to be.
    MalformedCredential, "malformed-credential", BAD_REQUEST, REQUEST, "the credential is malformed";
    /// The browser added the credential by itself, and the request did not come from the same origin.
    CrossOrigin, "cross-origin", FORBIDDEN, None, "the request came from another origin";

    /// The token is longer than the limit.
    TokenTooLarge, "token-too-large", UNAUTHORIZED, TOKEN, "the token is too large";
    /// The token is no compact JWS of UTF-8 JSON objects
    /// ([RFC 7515 §7.1](https://www.rfc-editor.org/rfc/rfc7515#section-7.1)).
    MalformedToken, "malformed-token", UNAUTHORIZED, TOKEN, "the token is malformed";
    /// A header parameter is there that must not be: `crit`, `b64`, `zip`, or one that brings a key.
    ForbiddenHeader, "forbidden-header", UNAUTHORIZED, TOKEN,
        "the token has a header parameter that is not accepted";
    /// The algorithm is not one that the issuer may use
    /// ([RFC 8725 §3.1](https://www.rfc-editor.org/rfc/rfc8725#section-3.1)).
    AlgorithmNotAllowed, "algorithm-not-allowed", UNAUTHORIZED, TOKEN,
        "the algorithm of the token is not accepted";
    /// The issuer is not trusted ([RFC 8725 §3.8](https://www.rfc-editor.org/rfc/rfc8725#section-3.8)).
    UntrustedIssuer, "untrusted-issuer", UNAUTHORIZED, TOKEN, "the issuer is not trusted";
    /// No key of the issuer fits.
    UnknownKey, "unknown-key", UNAUTHORIZED, TOKEN, "the key of the token is not known";
    /// The signature does not verify.
    InvalidSignature, "invalid-signature", UNAUTHORIZED, TOKEN, "the signature is not valid";
    /// The `typ` is not one that is accepted
    /// ([RFC 8725 §3.11](https://www.rfc-editor.org/rfc/rfc8725#section-3.11)).
    WrongType, "wrong-type", UNAUTHORIZED, TOKEN, "the token is of another type";
    /// A claim that is required is not there.
    MissingClaim, "missing-claim", UNAUTHORIZED, TOKEN, "a required claim is missing";
    /// A claim has the wrong JSON type or a value out of range.
    InvalidClaim, "invalid-claim", UNAUTHORIZED, TOKEN, "a claim is not valid";
    /// A claim has another value than the settings of the issuer ask for.
    WrongClaim, "wrong-claim", UNAUTHORIZED, TOKEN, "a claim has a value that is not accepted";
    /// A claim is there twice ([RFC 7519 §4](https://www.rfc-editor.org/rfc/rfc7519#section-4)).
    DuplicateClaim, "duplicate-claim", UNAUTHORIZED, TOKEN, "a claim is there twice";
    /// The token is expired ([RFC 7519 §4.1.4](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4)).
    Expired, "expired", UNAUTHORIZED, TOKEN, "the token is expired";
    /// The token is not valid yet ([RFC 7519 §4.1.5](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.5)).
    NotYetValid, "not-yet-valid", UNAUTHORIZED, TOKEN, "the token is not valid yet";
    /// The token says that it was issued in the future.
    IssuedInFuture, "issued-in-future", UNAUTHORIZED, TOKEN, "the token is issued in the future";
    /// The token was issued longer ago than is accepted.
    TooOld, "too-old", UNAUTHORIZED, TOKEN, "the token is too old";
    /// The token lives longer than is accepted.
    LifetimeTooLong, "lifetime-too-long", UNAUTHORIZED, TOKEN, "the token lives too long";
    /// The token is for another audience ([RFC 7519 §4.1.3](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3)).
    WrongAudience, "wrong-audience", UNAUTHORIZED, TOKEN, "the token is for another audience";
    /// The token is bound to a key of its sender (`cnf`), and the binding is not checked here
    /// ([RFC 9449 §7.2](https://www.rfc-editor.org/rfc/rfc9449#section-7.2)).
    BoundToken, "bound-token", UNAUTHORIZED, TOKEN, "the token is bound to a key of its sender";
    /// The claims are not those that this service expects.
    InvalidClaims, "invalid-claims", UNAUTHORIZED, TOKEN,
        "the claims are not those that this service expects";
    /// The token was revoked.
    Revoked, "revoked", UNAUTHORIZED, TOKEN, "the token was revoked";

    /// A role or scope is missing.
    InsufficientScope, "insufficient-scope", FORBIDDEN, SCOPE, "the token does not grant this";
    /// A check of the service's own failed.
    CheckFailed, "check-failed", FORBIDDEN, SCOPE, "the token does not permit this";

    /// The keys of the issuer could not be had. Says nothing about the token.
    KeysUnavailable, "keys-unavailable", SERVICE_UNAVAILABLE, None,
        "tokens cannot be checked at the moment";
    /// A store of revocations could not be asked. Says nothing about the token.
    RevocationUnavailable, "revocation-unavailable", SERVICE_UNAVAILABLE, None,
        "revocations cannot be checked at the moment";
    /// A guard ran without its layer, or with a layer for other claims: a mistake of the service.
    NotConfigured, "not-configured", INTERNAL_SERVER_ERROR, None, "the service is not set up correctly";
}

impl RejectionKind {
    /// True if this says nothing about the credential: an outage, to be tried again later.
    #[must_use]
    pub const fn is_outage(self) -> bool {
        matches!(self, Self::KeysUnavailable | Self::RevocationUnavailable)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_in_kebab_case() {
        let mut seen = HashSet::new();
        for kind in RejectionKind::ALL {
            assert!(seen.insert(kind.code()), "{kind:?}");
            assert!(kind.code().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{kind:?}");
        }
    }

    #[test]
    fn titles_may_stand_in_a_challenge() {
        // RFC 6750 §3: %x20-21 / %x23-5B / %x5D-7E
        for kind in RejectionKind::ALL {
            let legal = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(kind.title().bytes().all(legal), "{kind:?}");
        }
    }

    #[test]
    fn the_error_fits_the_status() {
        // RFC 6750 §3.1
        for kind in RejectionKind::ALL {
            match kind.oauth_error() {
                Some("invalid_request") => assert_eq!(kind.status(), 400, "{kind:?}"),
                Some("invalid_token") => assert_eq!(kind.status(), 401, "{kind:?}"),
                Some("insufficient_scope") => assert_eq!(kind.status(), 403, "{kind:?}"),
                Some(other) => panic!("{kind:?}: {other}"),
                None => assert_eq!(
                    kind.is_outage(),
                    kind.status() == StatusCode::SERVICE_UNAVAILABLE,
                    "{kind:?}"
                ),
            }
        }
    }
}

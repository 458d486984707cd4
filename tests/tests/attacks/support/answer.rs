//! An answer as it came over the wire, and what every refusal looks like to the letter.

use portcullis::RejectionKind;
use serde_json::{Value, json};

/// An HTTP/1.1 response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// Reads a response that the connection ends after.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("cut: {text:?}"));
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap();
        let status = status.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
        let headers: Vec<_> = lines
            .map(|line| line.split_once(": ").unwrap_or((line.trim_end_matches(':'), "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let answer = Self { status, headers, body: body.to_owned() };
        assert_eq!(answer.header("content-length"), Some(&*body.len().to_string()), "{answer:?}");
        answer
    }

    /// The value of a header that is there at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(n, _)| n == name).map(|(_, value)| &**value);
        let value = values.next();
        assert!(values.next().is_none(), "{name} twice: {self:?}");
        value
    }

    /// It is the refusal of this kind, to the letter.
    #[track_caller]
    pub(crate) fn assert_refused(&self, kind: RejectionKind, what: &str) {
        let (status, error, title) = expected(kind);
        let challenge = match (kind, error) {
            (RejectionKind::MissingCredential, _) => Some(r#"Bearer realm="api""#.to_owned()),
            (_, "") => None,
            _ => {
                Some(format!(r#"Bearer realm="api", error="{error}", error_description="{title}""#))
            }
        };
        assert_eq!(self.status, status, "{what}: {self:?}");
        assert_eq!(self.header("www-authenticate"), challenge.as_deref(), "{what}: {self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{what}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{what}");
        assert_eq!(self.header("retry-after"), (status == 503).then_some("5"), "{what}");
        let body: Value = serde_json::from_str(&self.body).unwrap();
        let code: String = format!("{kind:?}")
            .chars()
            .flat_map(|c| {
                c.is_uppercase().then_some('-').into_iter().chain([c.to_ascii_lowercase()])
            })
            .skip(1)
            .collect();
        let page = "https://github.com/portcullis-rs/portcullis/blob/main/docs/errors.md";
        let problem = json!({"type": format!("{page}#{code}"), "title": title, "status": status});
        assert_eq!(body, problem, "{what}");
        let allowed = ["www-authenticate", "cache-control", "content-type", "retry-after"];
        let of_hyper = ["content-length", "date", "connection", "allow"];
        for (name, _) in &self.headers {
            assert!(allowed.contains(&&**name) || of_hyper.contains(&&**name), "{what}: {self:?}");
        }
    }
}

/// Status, `error` and description of each kind, written down here once more so that a change of
/// either is seen.
fn expected(kind: RejectionKind) -> (u16, &'static str, &'static str) {
    use RejectionKind as K;
    const TOKEN: &str = "invalid_token";
    match kind {
        K::MissingCredential => (401, "", "a credential is required"),
        K::MultipleCredentials => (400, "invalid_request", "more than one credential was sent"),
        K::MalformedCredential => (400, "invalid_request", "the credential is malformed"),
        K::CrossOrigin => (403, "", "the request came from another origin"),
        K::TokenTooLarge => (401, TOKEN, "the token is too large"),
        K::MalformedToken => (401, TOKEN, "the token is malformed"),
        K::ForbiddenHeader => (401, TOKEN, "the token has a header parameter that is not accepted"),
        K::AlgorithmNotAllowed => (401, TOKEN, "the algorithm of the token is not accepted"),
        K::UntrustedIssuer => (401, TOKEN, "the issuer is not trusted"),
        K::UnknownKey => (401, TOKEN, "the key of the token is not known"),
        K::InvalidSignature => (401, TOKEN, "the signature is not valid"),
        K::WrongType => (401, TOKEN, "the token is of another type"),
        K::MissingClaim => (401, TOKEN, "a required claim is missing"),
        K::InvalidClaim => (401, TOKEN, "a claim is not valid"),
        K::DuplicateClaim => (401, TOKEN, "a claim is there twice"),
        K::Expired => (401, TOKEN, "the token is expired"),
        K::NotYetValid => (401, TOKEN, "the token is not valid yet"),
        K::IssuedInFuture => (401, TOKEN, "the token is issued in the future"),
        K::TooOld => (401, TOKEN, "the token is too old"),
        K::LifetimeTooLong => (401, TOKEN, "the token lives too long"),
        K::WrongAudience => (401, TOKEN, "the token is for another audience"),
        K::BoundToken => (401, TOKEN, "the token is bound to a key of its sender"),
        K::InvalidClaims => (401, TOKEN, "the claims are not those that this service expects"),
        K::Revoked => (401, TOKEN, "the token was revoked"),
        K::InsufficientScope => (403, "insufficient_scope", "the token does not grant this"),
        K::CheckFailed => (403, "insufficient_scope", "the token does not permit this"),
        K::KeysUnavailable => (503, "", "tokens cannot be checked at the moment"),
        K::RevocationUnavailable => (503, "", "revocations cannot be checked at the moment"),
        other => panic!("{other:?} is no refusal that an attack may cause"),
    }
}

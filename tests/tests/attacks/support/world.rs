//! One trusted issuer, its verifier and its server, and what must be true when they are attacked.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::{Clock, Issuer, JwtLayer, NoRevocation, RejectionKind, Source, Verifier};
use portcullis_testing::TestIssuer;
use serde_json::Value;

use super::{Answer, Carrier, Server, panics_of_this_thread};

/// One attempt: what the attacker tries, with which token, and why it has to be refused.
#[derive(Debug)]
pub(crate) struct Row {
    tries: String,
    token: Vec<u8>,
    kind: RejectionKind,
    carried: Option<RejectionKind>,
}

pub(crate) fn row(tries: impl Into<String>, token: impl Into<Vec<u8>>, kind: RejectionKind) -> Row {
    Row { tries: tries.into(), token: token.into(), kind, carried: None }
}

impl Row {
    /// In a header or cookie it is refused for this reason instead.
    pub(crate) fn carried_as(mut self, kind: RejectionKind) -> Self {
        self.carried = Some(kind);
        self
    }
}

/// What is attacked.
pub(crate) struct World {
    pub(crate) verifier: Verifier<Value>,
    pub(crate) server: Server,
}

impl World {
    /// Trusts the issuer as it is, by its clock.
    pub(crate) fn new(issuer: &TestIssuer) -> Self {
        let world = Self::of([issuer.trusted()], issuer.clock());
        world.accepts(&issuer.token().mint());
        world
    }

    /// Trusts these issuers.
    pub(crate) fn of(issuers: impl IntoIterator<Item = Issuer>, clock: impl Clock) -> Self {
        let builder = issuers.into_iter().fold(Verifier::builder().clock(clock), |b, i| b.trust(i));
        let verifier: Verifier<Value> = builder.build().unwrap();
        let server = Server::start(layer(verifier.clone()));
        Self { verifier, server }
    }

    /// A good token gets in by every carrier.
    #[track_caller]
    pub(crate) fn accepts(&self, token: &str) {
        assert!(self.verifier.verify(token).is_ok(), "{:?}", self.verifier.verify(token));
        for carrier in Carrier::ALL {
            let answer = self.server.send(&carrier.request(token.as_bytes()));
            assert_eq!(answer.status, 200, "{carrier:?}: {answer:?}");
        }
    }

    /// Every attempt is refused for its own reason: at the library, and by the exact answer of the
    /// server for every carrier. None gets in, none panics, none is logged raw.
    #[track_caller]
    pub(crate) fn refuses(&self, rows: impl IntoIterator<Item = Row>) {
        let mut tried = 0;
        for row in rows {
            tried += 1;
            self.library_refuses(&row);
            for carrier in Carrier::ALL {
                if can_carry(carrier, &row.token) {
                    self.carrier_refuses(carrier, &row);
                }
            }
        }
        assert!(tried > 0, "a table without rows shows nothing");
    }

    #[track_caller]
    fn library_refuses(&self, row: &Row) {
        let tries = &row.tries;
        match self.verifier.verify(&row.token) {
            Ok(_) => panic!("{tries}: got in"),
            Err(rejection) => {
                assert_eq!(rejection.kind(), row.kind, "{tries}: {rejection}");
                let words = format!("{rejection} {rejection:?}");
                assert_harmless(&words, &row.token, tries);
            }
        }
    }

    #[track_caller]
    fn carrier_refuses(&self, carrier: Carrier, row: &Row) {
        let kind = row.carried.unwrap_or(if is_token68(&row.token) {
            row.kind
        } else {
            RejectionKind::MalformedCredential
        });
        let tries = format!("{} in a {carrier:?}", row.tries);
        let answer = self.refuses_request(&carrier.request(&row.token), &row.token, kind, &tries);
        let shown = [&answer.body, answer.header("www-authenticate").unwrap_or_default()].concat();
        assert_harmless(&shown, &row.token, &tries);
    }

    /// The request is refused for this reason and leaves nothing of `raw` in the log.
    #[track_caller]
    pub(crate) fn refuses_request(
        &self,
        request: &[u8],
        raw: &[u8],
        kind: RejectionKind,
        tries: &str,
    ) -> Answer {
        let (served, panics) = (self.server.served(), panics_of_this_thread());
        self.server.log.take();
        let answer = self.server.send(request);
        answer.assert_refused(kind, tries);
        assert_eq!(self.server.served(), served, "{tries}: got in");
        assert_eq!(panics_of_this_thread(), panics, "{tries}: a panic");
        let log = self.server.log.take();
        let of_ours: Vec<_> = log.iter().filter(|line| line.starts_with("portcullis:")).collect();
        assert_eq!(of_ours.len(), 1, "{tries}: {log:#?}");
        for line in &log {
            assert_harmless(line, raw, tries);
        }
        answer
    }
}

/// Takes bearer tokens and a cookie.
fn layer(verifier: Verifier<Value>) -> JwtLayer<Value, NoRevocation> {
    JwtLayer::new(verifier).or_source(Source::cookie(Carrier::COOKIE).unwrap())
}

/// One line without control characters and without any part of the token.
#[track_caller]
fn assert_harmless(text: &str, token: &[u8], tries: &str) {
    assert!(!text.chars().any(char::is_control), "{tries}: {text:?}");
    assert!(text.len() < 2_000, "{tries}: {} bytes", text.len());
    let token = String::from_utf8_lossy(token);
    let parts = token.split('.').filter(|part| part.len() >= 16);
    for part in parts.chain((token.len() >= 8).then_some(&*token)) {
        assert!(!text.contains(part), "{tries}: {text:?}");
    }
}

/// HTTP has no way to say the others: a control character ends the request, a space before a bearer
/// token belongs to the scheme, a semicolon ends a cookie.
fn can_carry(carrier: Carrier, token: &[u8]) -> bool {
    let fits = !token.iter().any(|b| b.is_ascii_control());
    let ends = |space: Option<&u8>| space == Some(&b' ');
    fits && match carrier {
        Carrier::Header => !ends(token.first()) && !ends(token.last()),
        Carrier::Cookie => !token.contains(&b';') && !ends(token.last()),
    }
}

/// RFC 9110 §11.2, written down here once more.
fn is_token68(token: &[u8]) -> bool {
    let text = String::from_utf8_lossy(token);
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c))
}

/// A token that is signed by HMAC with any bytes for a secret: `alg` says which.
pub(crate) fn hmac_signed(algorithm: &str, secret: &[u8], header: &[u8], payload: &[u8]) -> String {
    let hash = match algorithm {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        _ => hmac::HMAC_SHA512,
    };
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let tag = hmac::sign(&hmac::Key::new(hash, secret), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
}

//! The issuer that the targets trust, and what must be true of every answer.

use std::sync::OnceLock;
use std::time::Duration;

use portcullis::{
    AccessClaims, Algorithm, Issuer, Keys, Rejection, RejectionKind, Verifier, keys::KeySet,
};
use portcullis_issuer::SigningKey;
use portcullis_testing::TestClock;
use serde_json::{Map, Value};

use crate::base64url;
use crate::json::{Json, Unread};

pub(crate) const ISSUER: &str = "https://idp.example";
pub(crate) const AUDIENCE: &str = "api";
pub(crate) const NOW: i64 = 1_700_000_000;
/// The leeway of every verifier here.
const LEEWAY: f64 = 60.0;

/// All claims as they are.
pub(crate) type AnyClaims = Map<String, Value>;

/// Keys, and verifiers with one rule or another.
pub(crate) struct Fixture {
    pub(crate) hs: SigningKey,
    pub(crate) es: SigningKey,
    pub(crate) keys: Keys,
    pub(crate) any: Verifier<AnyClaims>,
    /// The same for those who want no claims.
    pub(crate) unit: Verifier<()>,
    pub(crate) access: Verifier<AccessClaims>,
    /// Everything that can be required is.
    pub(crate) strict: Verifier<AnyClaims>,
    /// Trusts a second issuer, with the same keys.
    pub(crate) several: Verifier<AnyClaims>,
}

/// Made once: the fuzzer calls a target many thousand times a second.
pub(crate) fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(Fixture::new)
}

/// The key of RFC 7515 appendix A.3, so that seeds can be signed with it once and for all.
const ES256: &str = r#"{"kty":"EC","crv":"P-256",
    "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;

impl Fixture {
    fn new() -> Self {
        let secret = b"the secret of the fuzz targets, of 32 bytes or more";
        let hs = SigningKey::from_secret(Algorithm::HS256, secret).expect("a good secret");
        let es = SigningKey::from_jwk(ES256).expect("the key of the RFC");
        let (hs, es) = (hs.with_key_id("hs"), es.with_key_id("es"));
        let keys = Keys::from(KeySet::new([hs.verification_key(), es.verification_key()]));
        let issuer = || Issuer::new(ISSUER).audience(AUDIENCE).keys(keys.clone());
        let other = Issuer::new("https://other.example").audience(AUDIENCE).keys(keys.clone());
        let strict = issuer()
            .access_token_profile()
            .accept_untyped()
            .max_age(Duration::from_secs(600))
            .max_lifetime(Duration::from_secs(900));
        let builder = || Verifier::builder().clock(TestClock::at(NOW));
        let good = "settings that make sense";
        Self {
            any: builder().trust(issuer()).build().expect(good),
            unit: builder().trust(issuer()).build().expect(good),
            access: builder().trust(issuer()).build().expect(good),
            strict: builder().trust(strict).build().expect(good),
            several: builder()
                .trust(issuer().may_assert_anything())
                .trust(other.may_assert_nothing())
                .build()
                .expect(good),
            hs,
            es,
            keys,
        }
    }

    /// A token of these very bytes.
    pub(crate) fn sign(&self, key: &SigningKey, header: &[u8], payload: &[u8]) -> String {
        let input = format!("{}.{}", base64url::encode(header), base64url::encode(payload));
        let signature = key.sign_bytes(input.as_bytes()).expect("the key can sign");
        format!("{input}.{}", base64url::encode(&signature))
    }

    /// A token that every verifier takes.
    pub(crate) fn good(&self) -> String {
        self.sign(&self.hs, br#"{"alg":"HS256","kid":"hs","typ":"at+jwt"}"#, GOOD.as_bytes())
    }
}

/// The claims of a good token.
pub(crate) const GOOD: &str = r#"{"iss":"https://idp.example","aud":"api","sub":"bob","jti":"1","client_id":"app","iat":1700000000,"exp":1700000600,"roles":["reader"]}"#;

/// What must be true of every refusal: it blames the sender, and its line in the log is one line that
/// does not hold the token.
pub(crate) fn assert_good_rejection(rejection: &Rejection, token: &[u8]) {
    let kind = rejection.kind();
    assert!(kind.status().is_client_error(), "{kind:?}");
    let line = rejection.to_string();
    assert!(line.chars().all(|c| !c.is_control()), "{line:?}");
    assert!(line.len() < 4_000, "{} bytes", line.len());
    assert_hides(&line, token);
    assert_hides(&format!("{rejection:?}"), token);
}

/// No text of ours repeats a token. Shorter ones may be words that occur anyway, and so may those that
/// have spaces or quotes: the fuzzer once sent a hint of ours.
pub(crate) fn assert_hides(text: &str, token: &[u8]) {
    let legal = |b: &u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(b);
    if token.len() >= 40 && token.iter().all(legal) {
        let found = text.as_bytes().windows(token.len()).any(|window| window == token);
        assert!(!found, "the token is in {text}");
    }
}

/// Reads once more the claims of a token that a verifier has accepted.
pub(crate) fn assert_good_claims(payload: &[u8]) {
    let claims = match Json::read(payload) {
        Ok(claims) => claims,
        Err(Unread::TooDeep) => return,
        Err(Unread::Invalid) => panic!("accepted, and no JSON: {payload:?}"),
    };
    assert!(claims.members().is_some(), "accepted, and no object");
    assert!(claims.has_distinct_names(), "accepted, and a claim is there twice");
    assert_eq!(claims.get("iss").and_then(Json::text), Some(ISSUER));
    let now = NOW as f64;
    let time = |name| claims.get(name).map(|time| time.number().expect("a time is a number"));
    assert!(time("exp").expect("`exp` is required") + LEEWAY > now, "expired");
    for name in ["nbf", "iat"] {
        // times are compared by the millisecond
        assert!(time(name).is_none_or(|time| time <= now + LEEWAY + 0.001), "{name}");
    }
    match claims.get("aud").expect("`aud` is required") {
        Json::Text(one) => assert_eq!(one, AUDIENCE),
        Json::Array(many) => {
            assert!(many.iter().any(|one| one.text() == Some(AUDIENCE)));
            assert!(many.iter().all(|one| one.text().is_some()));
        }
        other => panic!("accepted, and `aud` is {other:?}"),
    }
    for name in ["sub", "jti", "sid", "client_id", "azp"] {
        assert!(claims.get(name).is_none_or(|claim| claim.text().is_some()), "{name}");
    }
    assert!(claims.get("cnf").is_none() && claims.get("events").is_none());
}

/// Asks every verifier about a token, and compares what they say with one another.
pub(crate) fn ask_all(token: &[u8]) -> Result<(), RejectionKind> {
    let fixture = fixture();
    let any = fixture.any.verify(token).map_err(|rejection| {
        assert_good_rejection(&rejection, token);
        rejection.kind()
    });
    let unit = fixture.unit.verify(token).map(|_| ());
    let strict = fixture.strict.verify(token);
    let several = fixture.several.verify(token);
    let access = fixture.access.verify(token);
    for rejection in [unit.as_ref().err(), strict.as_ref().err(), several.as_ref().err()] {
        rejection.inspect(|rejection| assert_good_rejection(rejection, token));
    }
    access.as_ref().err().inspect(|rejection| assert_good_rejection(rejection, token));

    // who asks for less of the claims refuses no more
    assert!(any.is_err() || unit.is_ok(), "refused without claims: {unit:?}");
    assert!(access.is_err() || unit.is_ok(), "refused without claims: {unit:?}");
    // a further rule turns no refusal into a pass
    assert!(strict.is_err() || any.is_ok(), "only the strict one accepts: {any:?}");
    // a second issuer makes no difference to the tokens of the first
    assert!(any.is_err() || several.is_ok(), "{several:?}");
    if let Ok(token) = several.as_ref()
        && portcullis::Verified::issuer(&token.clone().without_revocation()) == ISSUER
    {
        assert!(any.is_ok(), "{any:?}");
    }
    if unit.is_ok() {
        let payload = token.split(|&b| b == b'.').nth(1).expect("an accepted token has parts");
        assert_good_claims(&base64url::decode(payload).expect("an accepted payload is canonical"));
    }
    any.map(|_| ())
}

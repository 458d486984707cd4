//! Defects of the payload, all of them under a good signature.

use portcullis_core::Clock;
use serde_json::json;

use super::super::{Defect, TestToken};
use super::spliced;

const DAY: i64 = 86_400;

pub(super) fn spoil(token: &TestToken, defect: Defect) -> Option<TestToken> {
    let now = token.issuer.clock().now().as_secs();
    let tomorrow = now.saturating_add(DAY);
    let (iss, aud) = (token.issuer.name().to_owned(), token.issuer.audience().to_owned());
    let token = token.clone();
    Some(match defect {
        Defect::PayloadNoJson => token.raw_payload("a payload"),
        Defect::PayloadNoObject => {
            // in the order in which a struct might take it
            token.raw_payload(json!([iss, aud, "alice", now, tomorrow]).to_string())
        }
        Defect::PayloadNoUtf8 => {
            let mut payload = spliced(&token.payload_bytes(), r#""x":"?""#);
            // the `?`, before a quote and a brace
            let at = payload.len() - 3;
            payload[at] = 0xff;
            token.raw_payload(payload)
        }
        Defect::PayloadEmpty => token.raw_payload(""),
        Defect::PayloadNested => {
            let inner = token.mint();
            token.header("cty", "JWT").raw_payload(inner)
        }
        Defect::ClaimRepeats => token.repeat_claim("sub", "mallory"),
        Defect::ClaimRepeatsEscaped => {
            let payload = spliced(&token.payload_bytes(), r#""e\u0078p":4102444800"#);
            token.raw_payload(payload)
        }
        Defect::TooLarge => token.claim("x", "a".repeat(16 * 1024)),

        Defect::Expired => token.claim("exp", now.saturating_sub(DAY)),
        Defect::ExpiryMissing => token.without("exp"),
        Defect::ExpiryNoNumber => token.claim("exp", tomorrow.to_string()),
        Defect::ExpiryEndless => {
            let token = token.without("exp");
            let payload = spliced(&token.payload_bytes(), r#""exp":1e400"#);
            token.raw_payload(payload)
        }
        Defect::ExpiryNegative => token.claim("exp", -1),
        Defect::NotYetValid => token.claim("nbf", tomorrow),
        Defect::NotBeforeNoNumber => token.claim("nbf", now.to_string()),
        Defect::IssuedTomorrow => {
            token.claim("iat", tomorrow).claim("exp", tomorrow.saturating_add(3600))
        }

        Defect::IssuerMissing => token.without("iss"),
        Defect::IssuerUnknown => token.claim("iss", "https://nobody.test"),
        Defect::IssuerWithSlash => token.claim("iss", format!("{iss}/")),
        Defect::IssuerInCapitals => token.claim("iss", iss.to_uppercase()),
        Defect::IssuerInArray => token.claim("iss", [iss]),
        Defect::AudienceMissing => token.without("aud"),
        Defect::AudienceUnknown => token.claim("aud", "another-service"),
        Defect::AudienceLonger => token.claim("aud", format!("{aud}-admin")),
        Defect::AudienceEmpty => token.claim("aud", json!([])),
        Defect::AudienceNoString => token.claim("aud", json!({ aud: true })),
        Defect::SubjectNoString => token.claim("sub", 7),
        Defect::Bound => {
            let thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
            token.claim("cnf", json!({ "jkt": thumbprint }))
        }
        Defect::DpopProof => token.header("typ", "dpop+jwt"),
        Defect::LogoutToken => token.header("typ", "logout+jwt"),
        _ => return None,
    })
}

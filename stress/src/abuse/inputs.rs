//! The hostile inputs. Most fill what a token or a header may hold by default; what is beyond a default
//! limit is tried at the limit and with the limit raised.

use portcullis::jws::Limits;
use portcullis::{Algorithm, Issuer, JwtLayer, RejectionKind, Source, Verifier};
use portcullis_issuer::SigningKey;

use super::Hostile;
use crate::fixture::{self, AUDIENCE, Payroll};

/// As much as the headers of a request are commonly allowed to be.
const HEADERS: usize = 8 * 1024;
/// As much as the header of a token may have by default.
const HEADER: usize = 4 * 1024;
/// Such that header and payload fill a token, in base64, to its default limit.
const PAYLOAD: usize = 12 * 1024 - 200;

/// Every input.
pub(crate) fn all() -> Vec<Hostile> {
    let mut all = carriers();
    all.extend(tokens());
    all.extend(payloads());
    all.extend(signatures());
    all
}

fn input(
    name: &str,
    headers: Vec<(&'static str, String)>,
    layer: &JwtLayer<Payroll>,
    expected: RejectionKind,
) -> Hostile {
    Hostile { name: name.to_owned(), headers, layer: layer.clone(), expected }
}

fn bearer(token: impl AsRef<str>) -> Vec<(&'static str, String)> {
    vec![("authorization", format!("Bearer {}", token.as_ref()))]
}

/// What never gets as far as a token.
fn carriers() -> Vec<Hostile> {
    use RejectionKind::{MalformedCredential, MissingCredential, MultipleCredentials};
    let bearer_only = fixture::layer(fixture::issuer(&[fixture::key(Algorithm::HS256)]));
    let good = "names that are tokens";
    let everywhere = bearer_only
        .clone()
        .or_source(Source::cookie("__Host-session").expect(good))
        .or_source(Source::header("x-assertion").expect(good))
        .or_source(Source::websocket_protocol("bearer").expect(good));
    let repeat = |part: &str, len: usize| part.repeat(len / part.len());
    vec![
        input(
            "refuse/other-headers-8k",
            (0..64).map(|_| ("x-padding", "x".repeat(HEADERS / 64 - 15))).collect(),
            &everywhere,
            MissingCredential,
        ),
        input(
            "refuse/cookies-8k",
            vec![("cookie", repeat("a=b; ", HEADERS))],
            &everywhere,
            MissingCredential,
        ),
        input(
            "refuse/cookies-look-alike-8k",
            vec![("cookie", repeat("__Host-sessio=b; ", HEADERS))],
            &everywhere,
            MissingCredential,
        ),
        input(
            "refuse/sub-protocols-8k",
            vec![("sec-websocket-protocol", repeat("a,", HEADERS))],
            &everywhere,
            MissingCredential,
        ),
        input(
            "refuse/spaces-8k",
            vec![("authorization", format!("Bearer {}x y", " ".repeat(HEADERS)))],
            &bearer_only,
            MalformedCredential,
        ),
        input(
            "refuse/joined-8k",
            vec![("authorization", repeat("Bearer a, ", HEADERS) + "Bearer b")],
            &bearer_only,
            MultipleCredentials,
        ),
        input(
            "refuse/commas-8k",
            vec![("authorization", format!("Bearer {}", repeat("a, ", HEADERS)))],
            &bearer_only,
            MalformedCredential,
        ),
    ]
}

/// What a stranger can write into a token without any key.
fn tokens() -> Vec<Hostile> {
    use RejectionKind::{
        AlgorithmNotAllowed, ForbiddenHeader, MalformedToken, TokenTooLarge, UnknownKey,
    };
    let key = fixture::key(Algorithm::HS256);
    let layer = fixture::layer(fixture::issuer(std::slice::from_ref(&key)));
    let raised = Verifier::builder()
        .trust(fixture::issuer(&[key]))
        .limits(Limits::default().token(200_000).header(150_000))
        .build()
        .expect("settings that make sense");
    let raised = JwtLayer::new(raised);
    let dots = ".".repeat(100_000);
    let mut all = vec![
        input("refuse/opaque-8k", bearer("a".repeat(HEADERS)), &layer, MalformedToken),
        input("refuse/dots-100k", bearer(&dots), &layer, TokenTooLarge),
        input("refuse/dots-100k-limit-raised", bearer(&dots), &raised, MalformedToken),
        input("refuse/dots-16k", bearer(".".repeat(16_000)), &layer, MalformedToken),
        input(
            "refuse/header-no-base64",
            bearer(format!("{}+.e30.", "a".repeat(5_000))),
            &layer,
            MalformedToken,
        ),
    ];
    let header = |name: &str, json: String, expected| {
        assert!(json.len() <= HEADER, "{name}: {} bytes", json.len());
        input(
            &format!("refuse/{name}"),
            bearer(fixture::unsigned(&json, "{}") + "."),
            &layer,
            expected,
        )
    };
    let fill = |part: &dyn Fn(usize) -> String, end: &str| {
        let mut json = r#"{"alg":"HS256""#.to_owned();
        for at in 0.. {
            let part = part(at);
            if json.len() + part.len() + end.len() + 1 > HEADER {
                break;
            }
            json.push(',');
            json += &part;
        }
        json + end
    };
    all.extend([
        header("header-empty", "{}".into(), MalformedToken),
        header("alg-none", r#"{"alg":"none"}"#.into(), AlgorithmNotAllowed),
        header("alg-4k", format!(r#"{{"alg":"{}"}}"#, "é".repeat(2_000)), AlgorithmNotAllowed),
        header(
            "kid-4k",
            format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "\\n".repeat(2_000)),
            UnknownKey,
        ),
        header(
            "header-deep",
            format!(r#"{{"alg":"HS256","x":{}"#, "[".repeat(4_000)),
            MalformedToken,
        ),
        header("header-members", fill(&|at| format!(r#""{at}":0"#), "}}"), MalformedToken),
        header(
            "header-members-forbidden",
            fill(&|at| format!(r#""{at}":0"#), r#","crit":0}"#),
            ForbiddenHeader,
        ),
        header(
            "header-names-escaped",
            fill(&|at| format!("\"\\u0061\\u{:04x}\":0", 0x100 + at), "}}"),
            MalformedToken,
        ),
        header(
            "header-values-escaped",
            fill(&|at| format!(r#""{at}":"\n\u00e9""#), "}}"),
            MalformedToken,
        ),
        header(
            "header-objects",
            fill(&|at| format!(r#""{at}":{{"a":{{"b":0}}}}"#), "}}"),
            MalformedToken,
        ),
        header(
            "header-objects-in-array",
            {
                let objects = "{\"a\":{}},".repeat(440);
                format!(r#"{{"alg":"HS256","x":[{objects}0]}}}}"#)
            },
            MalformedToken,
        ),
        header(
            "header-one-number",
            format!(r#"{{"alg":"HS256","x":{}}}}}"#, "9".repeat(4_000)),
            MalformedToken,
        ),
        header(
            "header-one-fraction",
            format!(r#"{{"alg":"HS256","x":0.{}e-300}}}}"#, "7".repeat(4_000)),
            MalformedToken,
        ),
        header(
            "header-numbers",
            fill(&|at| format!(r#""{at}":1.7976931348623157e308"#), "}}"),
            MalformedToken,
        ),
        header(
            "header-repeated-at-end",
            fill(&|at| format!(r#""{at}":0"#), r#","alg":""}"#),
            MalformedToken,
        ),
    ]);
    all
}

/// With several issuers, the payload is searched for `iss` before there is a key to check it with.
fn payloads() -> Vec<Hostile> {
    use RejectionKind::{MalformedToken, UntrustedIssuer};
    let keys = [fixture::key(Algorithm::HS256)];
    let other = |name: &str| Issuer::new(name).audience(AUDIENCE).may_assert_nothing();
    let set = || fixture::key(Algorithm::HS256).verification_key();
    let mut builder = Verifier::builder().trust(fixture::issuer(&keys).may_assert_anything());
    for at in 0..8 {
        builder = builder.trust(other(&format!("https://idp{at}.example.com")).keys(set()));
    }
    let layer = JwtLayer::new(builder.build().expect("settings that make sense"));
    let token = |payload: &str| fixture::unsigned(r#"{"alg":"HS256"}"#, payload) + ".";
    let payload = |name: &str, json: String, expected| {
        assert!(json.len() <= PAYLOAD, "{name}: {} bytes", json.len());
        input(&format!("refuse/{name}"), bearer(token(&json)), &layer, expected)
    };
    let fill = |part: &dyn Fn(usize) -> String| {
        let mut json = r#"{"x":0"#.to_owned();
        for at in 0.. {
            let part = part(at);
            if json.len() + part.len() + 2 > PAYLOAD {
                break;
            }
            json.push(',');
            json += &part;
        }
        json + "}"
    };
    vec![
        input(
            "refuse/payload-no-base64",
            bearer(format!("eyJhbGciOiJIUzI1NiJ9.{}+.", "a".repeat(PAYLOAD))),
            &layer,
            MalformedToken,
        ),
        payload("payload-deep", format!(r#"{{"x":{}"#, "[".repeat(PAYLOAD - 5)), UntrustedIssuer),
        payload("payload-deep-objects", r#"{"a":"#.repeat(PAYLOAD / 5), UntrustedIssuer),
        payload("payload-members", fill(&|at| format!(r#""{at}":0"#)), UntrustedIssuer),
        payload(
            "payload-names-escaped",
            fill(&|at| format!("\"\\u0061\\u{:04x}\":0", 0x100 + at)),
            UntrustedIssuer,
        ),
        payload("payload-issuers", fill(&|_| r#""iss":"\n""#.to_owned()), UntrustedIssuer),
        payload(
            "payload-numbers",
            fill(&|at| format!(r#""{at}":1.7976931348623157e308"#)),
            UntrustedIssuer,
        ),
        payload(
            "payload-iss-12k",
            format!(r#"{{"iss":"{}"}}"#, "é".repeat(PAYLOAD / 2 - 10)),
            UntrustedIssuer,
        ),
    ]
}

/// What only a signature can refuse: one verification for a token that names its key, up to four for one
/// that does not.
fn signatures() -> Vec<Hostile> {
    use Algorithm::{ES256, ES384, ES512, EdDSA, HS256, PS256, RS256};
    let mut all = Vec::new();
    for algorithm in [HS256, RS256, PS256, ES256, ES384, ES512, EdDSA] {
        let keys: Vec<_> = (0..4).map(|_| fixture::key(algorithm)).collect();
        let stranger = fixture::key(algorithm);
        let layer = fixture::layer(fixture::issuer(&keys));
        let named = format!(r#"{{"alg":"{algorithm}","kid":"{}"}}"#, keys[3].key_id());
        let nameless = format!(r#"{{"alg":"{algorithm}"}}"#);
        for (header, count) in [(named, 1), (nameless, 4)] {
            all.push(forged(&format!("verify/{algorithm}/{count}"), &stranger, &header, &layer));
        }
    }
    // a forged token whose payload is all that it may be, since it is hashed whole
    let keys = [fixture::key(RS256)];
    let layer = fixture::layer(fixture::issuer(&keys));
    let payload = format!(r#"{{"x":"{}"}}"#, "x".repeat(PAYLOAD - 100));
    let token = fixture::sign(&fixture::key(RS256), r#"{"alg":"RS256"}"#, &payload);
    let expected = RejectionKind::InvalidSignature;
    all.push(input("verify/RS256/1-with-16k", bearer(token), &layer, expected));
    all
}

fn forged(name: &str, stranger: &SigningKey, header: &str, layer: &JwtLayer<Payroll>) -> Hostile {
    let token = fixture::sign(stranger, header, &fixture::claims("7f1c"));
    input(name, bearer(token), layer, RejectionKind::InvalidSignature)
}

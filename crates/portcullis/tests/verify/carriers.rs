//! Issuers that are bound to one place of the request, and what the header of their tokens holds.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use portcullis::RejectionKind::*;
use portcullis::{
    Algorithm, ClaimRule, Issuer, Keys, RejectionKind, Source, Timestamp, Verified, Verifier,
};
use serde_json::{Value, json};

use crate::{AUDIENCE, At, ISSUER, NOW, SECRET, good, issuer, token, with};

const IAP: &str = "https://cloud.google.com/iap";

fn iap_header() -> Source {
    Source::header("x-goog-iap-jwt-assertion").unwrap().ambient()
}

fn bound() -> Issuer {
    let keys = Keys::from_secret(Algorithm::HS256, SECRET).unwrap();
    Issuer::new(IAP).audience(AUDIENCE).keys(keys).taken_from(iap_header()).may_assert_nothing()
}

fn verifier(issuers: impl IntoIterator<Item = Issuer>) -> Verifier<Value> {
    let clock = At(Timestamp::from_secs(NOW));
    Verifier::builder().trust_all(issuers).clock(clock).build().unwrap()
}

fn of_iap() -> String {
    token(&with(&[("iss", json!(IAP))]))
}

#[track_caller]
fn refused<T: std::fmt::Debug>(
    result: Result<T, portcullis::Rejection>,
    kind: RejectionKind,
    says: &str,
) {
    let rejection = result.unwrap_err();
    assert_eq!(rejection.kind(), kind, "{rejection}");
    assert!(rejection.to_string().contains(says), "{says}: {rejection}");
}

#[test]
fn a_bound_issuer_is_believed_in_its_place_only_and_nobody_else_is_there() {
    let both = || verifier([bound(), issuer().may_assert_nothing()]);
    // the second round finds what the first left in the cache
    for verifier in [both(), verifier([bound()])] {
        for _ in 0..3 {
            verifier.verify_from(&iap_header(), of_iap()).unwrap();
            let only = "are taken from the header `x-goog-iap-jwt-assertion` only";
            refused(verifier.verify(of_iap()), UntrustedIssuer, only);
            refused(verifier.verify_from(&Source::bearer(), of_iap()), UntrustedIssuer, only);
            let cookie = Source::cookie("x-goog-iap-jwt-assertion").unwrap();
            refused(verifier.verify_from(&cookie, of_iap()), UntrustedIssuer, only);
        }
    }
    let both = both();
    for _ in 0..3 {
        both.verify(token(&good())).unwrap();
        both.verify_from(&Source::bearer(), token(&good())).unwrap();
        let is_none = "is none of them";
        refused(both.verify_from(&iap_header(), token(&good())), UntrustedIssuer, is_none);
    }
    // whether the layer calls it ambient makes it no other place
    let plain = Source::header("X-Goog-IAP-JWT-Assertion").unwrap();
    both.verify_from(&plain, of_iap()).unwrap();
}

#[test]
fn one_name_may_be_trusted_in_two_places_with_two_keys() {
    let other = "the secret of the load balancer, long enough";
    let keys = Keys::from_secret(Algorithm::HS256, other).unwrap();
    let behind = Issuer::new(ISSUER).audience(AUDIENCE).keys(keys).taken_from(iap_header());
    let verifier = verifier([issuer().may_assert_nothing(), behind.may_assert_nothing()]);
    let signed_by =
        |secret| crate::sign_with(secret, br#"{"alg":"HS256"}"#, good().to_string().as_bytes());
    verifier.verify(signed_by(SECRET)).unwrap();
    verifier.verify_from(&iap_header(), signed_by(other)).unwrap();
    refused(verifier.verify(signed_by(other)), InvalidSignature, "");
    refused(verifier.verify_from(&iap_header(), signed_by(SECRET)), InvalidSignature, "");
}

const ARN: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/payroll/50dc6c495c0c9188";

fn load_balancer() -> Issuer {
    let keys = Keys::from_secret(Algorithm::HS256, SECRET).unwrap();
    Issuer::new(ISSUER)
        .keys(keys)
        .audience_header("client", ["app"])
        .check_header(ClaimRule::one_of("signer", [ARN]).shown())
        .claims_in_header()
        .padded_base64()
        .taken_from(Source::header("x-amzn-oidc-data").unwrap().ambient())
}

fn pad(header: &Value, payload: &Value) -> String {
    let (header, payload) = (header.to_string(), payload.to_string());
    let input = format!("{}.{}", URL_SAFE.encode(header), URL_SAFE.encode(payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), input.as_bytes());
    format!("{input}.{}", URL_SAFE.encode(tag))
}

fn alb_header(changes: &[(&str, Value)]) -> Value {
    let mut header = json!({"alg": "HS256", "typ": "JWT", "kid": "k", "signer": ARN, "client": "app",
        "iss": ISSUER, "exp": NOW + 100});
    for (name, value) in changes {
        header[*name] = value.clone();
    }
    header.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    header
}

#[test]
fn padding_is_accepted_from_the_load_balancer_only_and_is_part_of_what_is_signed() {
    let alb = Source::header("x-amzn-oidc-data").unwrap();
    let of_sub = |sub: &str| pad(&alb_header(&[]), &json!({"sub": sub}));
    let verifier = verifier([load_balancer().may_assert_nothing(), issuer().may_assert_nothing()]);
    // of three lengths one needs no padding
    let padded = ["a", "ab", "abc"].map(of_sub);
    assert!(padded.iter().any(|token| token.split('.').nth(1).unwrap().ends_with("==")));
    for token in &padded {
        let verified = verifier.verify_from(&alb, token).unwrap().without_revocation();
        assert_eq!(Verified::issuer(&verified), ISSUER);
        // the signature is over the padding, so the same without it is another text
        let bare = token.replace('=', "");
        if !token.split('.').take(2).any(|part| part.ends_with('=')) {
            continue;
        }
        refused(verifier.verify_from(&alb, bare), InvalidSignature, "");
        refused(verifier.verify(token), MalformedToken, "padding");
    }
    // padded, and of nobody who may be
    let bearer = pad(&json!({"alg": "HS256"}), &good());
    refused(verifier.verify(&bearer), MalformedToken, "padding");
    for broken in ["{}=", "{}==", "{}==="] {
        let token = padded.iter().find(|t| !t.ends_with('=')).unwrap_or(&padded[0]);
        let token = broken.replace("{}", token.trim_end_matches('='));
        if padded.contains(&token) {
            continue;
        }
        refused(verifier.verify_from(&alb, token), MalformedToken, "");
    }
    let standard = STANDARD.encode("{\"alg\":\"HS256\",\"x\":\"\u{ff}\u{ff}\u{fe}???>>>\"}");
    assert!(standard.contains('/') || standard.contains('+'), "{standard}");
    let token = format!("{standard}.{}.", URL_SAFE_NO_PAD.encode("{}"));
    refused(verifier.verify_from(&alb, token), MalformedToken, "alphabet");
}

#[test]
fn the_header_names_signer_client_issuer_and_end() {
    let alb = Source::header("x-amzn-oidc-data").unwrap();
    let verifier = verifier([load_balancer()]);
    let verify = |header: &[(&str, Value)], payload: Value| {
        let token = pad(&alb_header(header), &payload);
        let result = verifier.verify_from(&alb, &token);
        let explained = verifier.explain_from(&alb, &token);
        assert_eq!(explained.is_accepted(), result.is_ok());
        result
    };
    let sub = || json!({"sub": "bob"});
    verify(&[], sub()).unwrap();
    let other = ARN.replace("payroll", "theirs");
    refused(verify(&[("signer", json!(other))], sub()), WrongClaim, "theirs");
    refused(verify(&[("signer", json!(null))], sub()), MissingClaim, "`signer`");
    refused(verify(&[("client", json!("evil"))], sub()), WrongAudience, "\"evil\"");
    refused(verify(&[("client", json!(null))], sub()), MissingClaim, "`client`");
    // issuer and end may be in either place, and both count
    refused(verify(&[("iss", json!("https://x"))], sub()), UntrustedIssuer, "\"https://x\"");
    refused(verify(&[("iss", json!(null))], sub()), MissingClaim, "`iss`");
    refused(verify(&[("iss", json!(5))], sub()), InvalidClaim, "`iss`");
    verify(&[("iss", json!(null))], json!({"iss": ISSUER})).unwrap();
    refused(verify(&[], json!({"iss": "https://x"})), UntrustedIssuer, "https://x");
    let in_header = verify(&[("iss", json!("https://x"))], json!({"iss": ISSUER}));
    refused(in_header, UntrustedIssuer, "in the header");
    refused(verify(&[("exp", json!(NOW - 61))], sub()), Expired, "");
    refused(verify(&[("exp", json!(NOW - 61))], json!({"exp": NOW + 9})), Expired, "");
    refused(verify(&[], json!({"exp": NOW - 61})), Expired, "");
    refused(verify(&[("exp", json!(null))], sub()), MissingClaim, "`exp`");
    verify(&[("exp", json!(null))], json!({"exp": NOW + 9})).unwrap();
    verify(&[("exp", json!(NOW as f64 + 0.5))], sub()).unwrap();
    refused(verify(&[("exp", json!("soon"))], sub()), InvalidClaim, "`exp`");
    refused(verify(&[], json!({"aud": "x"})), WrongAudience, "");
}

#[test]
fn of_several_behind_one_load_balancer_the_header_may_name_the_issuer() {
    let alb = Source::header("x-amzn-oidc-data").unwrap();
    let second = "https://second.example";
    let keys = Keys::from_secret(Algorithm::HS256, SECRET).unwrap();
    let two = Issuer::new(second)
        .keys(keys)
        .audience_header("client", ["two"])
        .check_header(ClaimRule::one_of("signer", [ARN]))
        .claims_in_header()
        .padded_base64()
        .taken_from(alb.clone());
    let verifier = verifier([load_balancer().may_assert_nothing(), two.may_assert_nothing()]);
    let of = |iss: &str, client: &str| {
        let header = alb_header(&[("iss", json!(iss)), ("client", json!(client))]);
        verifier.verify_from(&alb, pad(&header, &json!({"sub": "bob"})))
    };
    let name = |result: Result<portcullis::Authentic<Value>, _>| {
        Verified::issuer(&Result::<_, portcullis::Rejection>::unwrap(result).without_revocation())
            .to_owned()
    };
    assert_eq!(name(of(ISSUER, "app")), ISSUER);
    assert_eq!(name(of(second, "two")), second);
    refused(of(second, "app"), WrongAudience, "");
    refused(of("https://third", "app"), UntrustedIssuer, "one of 2");
}

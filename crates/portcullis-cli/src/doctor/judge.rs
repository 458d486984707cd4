//! What is good and what is not about the documents of an issuer.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use http::header::{CACHE_CONTROL, DATE};
use portcullis::Timestamp;
use portcullis::keys::KeySet;
use serde_json::Value;

use super::record::Document;
use super::{Finding, Weight, finding};
use crate::span;

/// Differences of clocks up to this are usual.
const USUAL_SKEW: Duration = Duration::from_secs(10);
/// The leeway of a verifier, unless set.
const LEEWAY: Duration = Duration::from_secs(60);

/// The metadata, and the keys if they were reached.
pub(super) fn all(documents: &[Document]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(metadata) = documents.first() {
        findings.extend(of_metadata(&metadata.body));
        findings.extend(clock(metadata));
    }
    if let Some(set) = documents.get(1) {
        findings.extend(of_keys(&set.body));
        findings.push(caching(set));
    }
    findings
}

fn of_metadata(json: &[u8]) -> Option<Finding> {
    let metadata: Value = serde_json::from_slice(json).ok()?;
    let supported = metadata.get("id_token_signing_alg_values_supported")?.as_array()?;
    supported.iter().any(|alg| alg.as_str().is_some_and(|alg| alg.eq_ignore_ascii_case("none"))).then(|| {
        finding(
            Weight::Advice,
            "metadata",
            "the issuer says that it may leave tokens unsigned (`none`); a verifier here refuses those",
        )
    })
}

/// Members of a JWK that are private (RFC 7518 §6).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];

fn of_keys(json: &[u8]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let raw: Value = serde_json::from_slice(json).unwrap_or_default();
    let raw = raw["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (at, key) in raw.iter().enumerate() {
        if PRIVATE.iter().any(|member| key.get(member).is_some()) {
            findings.push(finding(
                Weight::Fault,
                "keys",
                format!("keys[{at}] is published with its private part: anybody can sign by it; withdraw it now"),
            ));
        }
        let signs = key.get("use").is_none_or(|purpose| purpose == "sig");
        if signs && key.get("alg").is_none() {
            let text = format!(
                "keys[{at}] does not say its `alg`: it is taken for the one of its curve, or RS256"
            );
            findings.push(finding(Weight::Advice, "keys", text));
        }
    }
    // that it is none was told when it was fetched
    let Ok(set) = KeySet::from_jwk_set(json) else { return findings };
    let keys: Vec<_> = set.keys().collect();
    for skipped in set.skipped() {
        findings.push(finding(Weight::Advice, "keys", format!("not usable, {skipped}")));
    }
    if keys.is_empty() {
        findings.push(finding(
            Weight::Fault,
            "keys",
            "there is no key by which tokens can be verified",
        ));
        return findings;
    }
    let mut by_name: BTreeMap<(Option<&str>, &str), usize> = BTreeMap::new();
    for key in &keys {
        *by_name.entry((key.key_id(), key.algorithm().name())).or_default() += 1;
    }
    for ((name, algorithm), count) in by_name {
        match name {
            Some(name) if count > 1 => findings.push(finding(
                Weight::Advice,
                "keys",
                format!("{count} keys are called {name:?} for {algorithm}: each may have to be tried"),
            )),
            None if keys.len() > 1 => findings.push(finding(
                Weight::Advice,
                "keys",
                format!("{count} of several keys have no `kid` for {algorithm}: each may have to be tried"),
            )),
            _ => {}
        }
    }
    let told: Vec<_> = keys
        .iter()
        .map(|key| format!("{:?} ({})", key.key_id().unwrap_or("no kid"), key.algorithm()))
        .collect();
    findings.push(finding(
        Weight::Good,
        "keys",
        format!("{} usable: {}", keys.len(), told.join(", ")),
    ));
    findings
}

fn caching(set: &Document) -> Finding {
    let said: Vec<_> = set.headers.get_all(CACHE_CONTROL).iter().collect();
    let said: Vec<_> = said.iter().filter_map(|value| value.to_str().ok()).collect();
    match said.as_slice() {
        [] => finding(
            Weight::Advice,
            "caching",
            "the keys have no Cache-Control: how soon a withdrawn key stops working is up to the verifier",
        ),
        said if said.iter().any(|said| said.contains("no-store") || said.contains("no-cache")) => {
            finding(
                Weight::Advice,
                "caching",
                format!(
                    "{:?} is not obeyed to the letter: keys are kept for a while all the same",
                    said.join(", ")
                ),
            )
        }
        said => finding(Weight::Good, "caching", format!("{:?}", said.join(", "))),
    }
}

/// How far the issuer's clock is from ours, by the header `Date`, which has whole seconds.
fn clock(document: &Document) -> Option<Finding> {
    let date = document.headers.get(DATE)?.to_str().ok()?;
    let date: SystemTime = httpdate::parse_http_date(date).ok()?;
    let date = Timestamp::from(date);
    let apart = date.saturating_since(document.at).max(document.at.saturating_since(date));
    let text = |what: &str| {
        let order = if date > document.at { "ahead of" } else { "behind" };
        format!("the issuer's clock is {} {order} this machine's{what}", span::rough(apart))
    };
    Some(if apart <= USUAL_SKEW {
        finding(Weight::Good, "clock", "that of the issuer and this machine's agree")
    } else if apart <= LEEWAY {
        finding(Weight::Advice, "clock", text(", within the usual leeway of 60 s"))
    } else {
        finding(Weight::Fault, "clock", text(": new tokens may be refused, or old ones accepted"))
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn document(body: &str, headers: &[(http::HeaderName, &str)], at: i64) -> Document {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        let (headers, body) = (HeaderMap::from_iter(headers), body.to_owned().into());
        Document { headers, body, at: Timestamp::from_secs(at) }
    }

    #[track_caller]
    fn check(findings: &[Finding], weight: Weight, words: &str) {
        let found =
            findings.iter().any(|finding| finding.weight == weight && finding.text.contains(words));
        let all: Vec<_> = findings.iter().map(|finding| (finding.weight, &finding.text)).collect();
        assert!(found, "{weight:?} {words}: {all:?}");
    }

    const GOOD: &str = r#"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    #[test]
    fn keys_are_judged_one_by_one() {
        let of = |keys: &[&str]| of_keys(format!("{{\"keys\":[{}]}}", keys.join(",")).as_bytes());
        let good = of(&[GOOD]);
        check(&good, Weight::Good, "1 usable: \"a\" (EdDSA)");
        assert_eq!(good.len(), 1);
        check(&of(&[]), Weight::Fault, "no key");
        let private = GOOD.replace("\"x\"", "\"d\":\"AAAA\",\"x\"");
        check(&of(&[&private]), Weight::Fault, "keys[0] is published with its private part");
        check(&of(&[r#"{"kty":"oct","alg":"HS256","k":"AAAA"}"#]), Weight::Fault, "private part");
        check(
            &of(&[&GOOD.replace("\"alg\":\"EdDSA\",", "")]),
            Weight::Advice,
            "does not say its `alg`",
        );
        check(&of(&[GOOD, GOOD]), Weight::Advice, "2 keys are called \"a\"");
        check(&of(&[GOOD, &GOOD.replace("\"kid\":\"a\",", "")]), Weight::Advice, "have no `kid`");
        let weak = r#"{"kty":"RSA","kid":"w","alg":"RS256","n":"AQAB","e":"AQAB"}"#;
        check(&of(&[GOOD, weak]), Weight::Advice, "2048");
        let enc = GOOD.replace("\"kid\"", "\"use\":\"enc\",\"kid\"");
        check(&of(&[&enc]), Weight::Fault, "no key");
    }

    #[test]
    fn the_clock_is_judged_by_the_date() {
        let date = "Tue, 14 Nov 2023 22:13:20 GMT";
        let of = |at| [clock(&document("{}", &[(DATE, date)], at)).unwrap()];
        check(&of(1_700_000_001), Weight::Good, "agree");
        check(&of(1_700_000_030), Weight::Advice, "30 s behind");
        check(&of(1_699_999_000), Weight::Fault, "16 min 40 s ahead of");
        assert!(clock(&document("{}", &[(DATE, "yesterday")], 0)).is_none());
    }

    #[test]
    fn caching_and_metadata_are_judged() {
        let of = |headers: &[_]| [caching(&document("{}", headers, 0))];
        check(&of(&[]), Weight::Advice, "no Cache-Control");
        check(&of(&[(CACHE_CONTROL, "no-store")]), Weight::Advice, "no-store");
        check(&of(&[(CACHE_CONTROL, "max-age=600")]), Weight::Good, "max-age=600");
        let none = br#"{"id_token_signing_alg_values_supported":["RS256","none"]}"#;
        assert_eq!(of_metadata(none).unwrap().weight, Weight::Advice);
        assert!(of_metadata(b"{}").is_none());
    }
}

//! Published vectors: Wycheproof's JSON Web Signatures as adjudicated, and the cookbook of RFC 7520; and
//! that docs/conformance.md leaves no rule of the list out that it follows.
//!
//! They are read from `../shared/vectors` beside the repository, or from the folder that
//! `PORTCULLIS_VECTORS` names. Where there is none, every test here is reported as ignored, which the
//! usual harness can't do at run time: hence this `main`.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

use std::path::PathBuf;

use libtest_mimic::{Arguments, Failed, Trial};
use portcullis::RejectionKind::{
    self, AlgorithmNotAllowed, ForbiddenHeader, InvalidSignature, MalformedToken, UnknownKey,
};
use portcullis::keys::{KeySet, VerificationKey};
use portcullis::{Algorithm, Keys, jws};
use serde_json::Value;

fn main() {
    let mut arguments = Arguments::from_args();
    // each is short, and a process of nextest runs one
    arguments.test_threads.get_or_insert(1);
    let missing = !folder().is_dir();
    let trials =
        WYCHEPROOF
            .iter()
            .map(|&(group, cases)| {
                trial(format!("wycheproof::{group}"), move || wycheproof(group, cases))
            })
            .chain([trial("wycheproof::no_group_is_left_out".into(), no_group_is_left_out)])
            .chain(COOKBOOK.iter().map(|example| {
                trial(format!("cookbook::{}", example.name), move || cookbook(example))
            }))
            .chain([trial("cookbook::no_example_is_left_out".into(), no_example_is_left_out)])
            .chain([trial("conformance::no_rule_is_left_out".into(), no_rule_is_left_out)])
            .map(|trial| trial.with_ignored_flag(missing))
            .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(name: String, test: impl FnOnce() -> Result<(), String> + Send + 'static) -> Trial {
    Trial::test(name, move || test().map_err(Failed::from))
}

fn folder() -> PathBuf {
    std::env::var_os("PORTCULLIS_VECTORS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors")),
        PathBuf::from,
    )
}

fn rows(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The keys of a case as a set, whatever form they have.
fn keys(keys: &Value) -> Keys {
    let set = match keys {
        Value::Array(_) => serde_json::json!({ "keys": keys }),
        Value::Object(map) if map.contains_key("keys") => keys.clone(),
        one => serde_json::json!({ "keys": [one] }),
    };
    KeySet::from_jwk_set(set.to_string()).unwrap().into()
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap()
}

/// The groups of Wycheproof's file, and how many cases each has.
const WYCHEPROOF: &[(&str, usize)] = &[
    ("SpecialCaseEs256", 24),
    ("base64", 21),
    ("ec_key_for_encryption", 2),
    ("es256", 15),
    ("hs256", 17),
    ("ps256", 48),
    ("ps384", 5),
    ("ps512", 20),
    ("rfc7520", 5),
    ("rfc7520WithKeyOps", 3),
    ("rs256", 231),
    ("rs384", 4),
    ("rs512", 4),
    ("rsa_encryption", 2),
];

/// The cases where published and adjudicated results leave the choice to a policy; ours is to refuse
/// them: docs/decisions/0013-policy-vectors.md.
const POLICY: &[(&str, RejectionKind)] = &[
    // the key says PS256, the token PS384
    ("json_web_signature#346", AlgorithmNotAllowed),
    ("json_web_signature#350", AlgorithmNotAllowed),
    // the key says ES521, which is the name of no algorithm: the set has no key that can be used
    ("json_web_signature#347", UnknownKey),
    ("json_web_signature#351", UnknownKey),
];

fn wycheproof(group: &str, cases: usize) -> Result<(), String> {
    let mut wrong = Vec::new();
    let mut run = 0;
    for case in rows("wycheproof_jws.jsonl").iter().filter(|case| text(case, "group") == group) {
        run += 1;
        let result = jws::verify(text(case, "jws"), &keys(&case["keys"]));
        let found = result.as_ref().err().map(|rejection| rejection.kind());
        let good = match text(case, "adjudicated") {
            "valid" => found.is_none(),
            "invalid" => found.is_some(),
            "policy" => {
                POLICY.iter().any(|(id, kind)| *id == text(case, "id") && found == Some(*kind))
            }
            _ => false,
        };
        if !good {
            wrong.push(format!("{} {}: {found:?}", case["id"], case["comment"]));
        }
    }
    if run != cases {
        wrong.push(format!("{run} cases were run, not {cases}"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn no_group_is_left_out() -> Result<(), String> {
    for case in rows("wycheproof_jws.jsonl") {
        if !WYCHEPROOF.iter().any(|(group, _)| *group == text(&case, "group")) {
            return Err(format!("the group {} is new", case["group"]));
        }
    }
    Ok(())
}

/// An example of the cookbook.
struct Example {
    name: &'static str,
    id: &'static str,
    expected: Expected,
}

enum Expected {
    /// The compact form verifies under the key as it is written there.
    Good,
    /// The compact form verifies under the key when it is loaded for this algorithm.
    GoodFor(Algorithm),
    /// The compact form is refused.
    Refused(RejectionKind),
    /// There is no compact form.
    OnlyJson,
}

/// RFC 7520 §4, RFC 7797 §4 and RFC 8037 §A.
const COOKBOOK: &[Example] = &[
    Example { name: "rfc8037_ed25519", id: "curve25519/jws.json", expected: Expected::Good },
    Example {
        name: "rfc7520_4_1_rs256",
        id: "jws/4_1.rsa_v15_signature.json",
        expected: Expected::Good,
    },
    Example {
        // the key does not say what it is for, and an RSA key is then for RS256
        name: "rfc7520_4_2_ps384",
        id: "jws/4_2.rsa-pss_signature.json",
        expected: Expected::GoodFor(Algorithm::PS384),
    },
    Example {
        name: "rfc7520_4_3_es512",
        id: "jws/4_3.ecdsa_signature.json",
        expected: Expected::Good,
    },
    Example {
        name: "rfc7520_4_4_hs256",
        id: "jws/4_4.hmac-sha2_integrity_protection.json",
        expected: Expected::Good,
    },
    Example {
        // the payload is sent apart, so what came is not what was signed
        name: "rfc7520_4_5_detached",
        id: "jws/4_5.signature_with_detached_content.json",
        expected: Expected::Refused(InvalidSignature),
    },
    Example {
        name: "rfc7520_4_6_unprotected_header",
        id: "jws/4_6.protecting_specific_header_fields.json",
        expected: Expected::OnlyJson,
    },
    Example {
        name: "rfc7520_4_7_no_protected_header",
        id: "jws/4_7.protecting_content_only.json",
        expected: Expected::OnlyJson,
    },
    Example {
        name: "rfc7520_4_8_several_signatures",
        id: "jws/4_8.multiple_signatures.json",
        expected: Expected::OnlyJson,
    },
    Example {
        name: "rfc7797_4_2_unencoded_payload",
        id: "rfc7797/4.2.hmac-sha2_b64_false.json",
        expected: Expected::OnlyJson,
    },
    Example {
        name: "rfc7797_unencoded_payload_in_compact_form",
        id: "rfc7797/hmac-sha2_b64_false.json",
        expected: Expected::Refused(ForbiddenHeader),
    },
];

fn cookbook(example: &Example) -> Result<(), String> {
    let row = rows("cookbook_jws.jsonl").into_iter().find(|row| text(row, "id") == example.id);
    let row = row.ok_or("the example is gone")?;
    let verify = |token: &str, keys: &Keys| jws::verify(token, keys).map_err(|r| r.kind());
    // no JSON serialization is ever accepted
    for form in ["json", "json_flat"] {
        if !row[form].is_null() {
            let result = verify(&row[form].to_string(), &keys(&row["keys"]));
            check(form, result.map(|_| ()), Err(MalformedToken))?;
        }
    }
    let compact = row["compact"].as_str();
    match (&example.expected, compact) {
        (Expected::OnlyJson, None) => Ok(()),
        (Expected::Good, Some(compact)) => good(&row, verify(compact, &keys(&row["keys"]))),
        (Expected::GoodFor(algorithm), Some(compact)) => {
            let usual = verify(compact, &keys(&row["keys"]));
            check("the key as it is", usual.map(|_| ()), Err(AlgorithmNotAllowed))?;
            let key = VerificationKey::from_jwk_for(*algorithm, row["keys"].to_string()).unwrap();
            good(&row, verify(compact, &key.into()))
        }
        (Expected::Refused(kind), Some(compact)) => {
            let result = verify(compact, &keys(&row["keys"]));
            check("the compact form", result.map(|_| ()), Err(*kind))
        }
        (_, found) => Err(format!("the compact form is {found:?}")),
    }
}

fn check(
    what: &str,
    found: Result<(), RejectionKind>,
    expected: Result<(), RejectionKind>,
) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, not {expected:?}")) }
}

/// It verifies, and its payload is the one that the JSON form has.
fn good(row: &Value, result: Result<jws::Jws, RejectionKind>) -> Result<(), String> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let jws = result.map_err(|kind| format!("refused: {kind:?}"))?;
    let payload = URL_SAFE_NO_PAD.decode(text(&row["json"], "payload")).unwrap();
    if jws.payload() == payload { Ok(()) } else { Err("another payload".into()) }
}

fn no_example_is_left_out() -> Result<(), String> {
    for row in rows("cookbook_jws.jsonl") {
        if !COOKBOOK.iter().any(|example| example.id == text(&row, "id")) {
            return Err(format!("the example {} is new", row["id"]));
        }
    }
    Ok(())
}

fn no_rule_is_left_out() -> Result<(), String> {
    let ids = |text: &str| -> Vec<String> {
        let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        rows.filter(|id| id.ends_with(|c: char| c.is_ascii_digit())).map(str::to_owned).collect()
    };
    let list = std::fs::read_to_string(folder().join("../conformance.md")).unwrap();
    let (list, ours) = (ids(&list), ids(include_str!("../../docs/conformance.md")));
    let missing: Vec<_> = list.iter().filter(|id| !ours.contains(id)).collect();
    if missing.is_empty() && list.len() > 100 {
        Ok(())
    } else {
        Err(format!("{} rules, of which {missing:?} are missing", list.len()))
    }
}

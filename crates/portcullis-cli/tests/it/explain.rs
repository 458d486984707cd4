//! `explain`: its verdicts, its exit codes, and where its rules come from.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_support::Port;
use serde_json::Value;

use crate::support::{AUDIENCE, ISSUER, Ran, World};

fn explain(world: &World, token: &str, more: &[&str]) -> Ran {
    let usual = ["explain", "-", "--issuer", ISSUER, "--audience", AUDIENCE];
    world.run_with(&[&usual, more].concat(), &[], token)
}

const BY_FILE: [&str; 2] = ["--jwks", "jwks.json"];

#[test]
fn a_good_token_is_accepted() {
    let world = World::with_key();
    let ran = explain(&world, &world.mint(&["--role", "admin"]), &BY_FILE).check(0);
    assert!(ran.out.starts_with("ACCEPTED") && ran.out.contains("roles   \"admin\""), "{ran:?}");
    assert!(!ran.out.contains("BROKEN"), "{ran:?}");
    assert_eq!(ran.err, "");
}

#[test]
fn a_bad_token_is_refused_with_every_rule_that_it_breaks() {
    let world = World::with_key();
    let token =
        world.mint(&["--claim", "exp:=1000", "--claim", "aud=payrol", "--typ", "logout+jwt"]);
    let ran = explain(&world, &token, &BY_FILE).check(1);
    assert!(ran.out.starts_with("REFUSED (wrong-type)"), "{ran:?}");
    let broken = ran.out.lines().filter_map(|line| line.trim_start().strip_prefix("BROKEN"));
    let broken: Vec<_> = broken.filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(broken, ["type", "expiry", "audience"]);
    for words in ["expected: \"payroll\"", "hint: this is a logout token", "1970-01-01T00:16:40Z"] {
        assert!(ran.out.contains(words), "{words}: {ran:?}");
    }
    // it was good at that time, but for the others
    let then =
        explain(&world, &token, &[&BY_FILE[..], &["--at", "900", "--type", "logout+jwt"]].concat());
    assert!(then.check(1).out.starts_with("REFUSED (issued-in-future)"));
}

#[test]
fn scripts_get_json() {
    let world = World::with_key();
    let json = |token: &str, code| -> Value {
        let ran = explain(&world, token, &[&BY_FILE[..], &["--json"]].concat()).check(code);
        serde_json::from_str(&ran.out).unwrap()
    };
    let good = json(&world.mint(&["--scope", "pay"]), 0);
    assert_eq!((&good["accepted"], &good["kind"]), (&Value::from(true), &Value::Null));
    assert_eq!(good["scopes"], serde_json::json!(["pay"]));
    let bad = json(&world.mint(&["--claim", "aud=other"]), 1);
    assert_eq!((&bad["accepted"], &bad["kind"]), (&false.into(), &"wrong-audience".into()));
    let rules = bad["rules"].as_array().unwrap();
    let audience = rules.iter().find(|rule| rule["rule"] == "audience").unwrap();
    assert_eq!((&audience["outcome"], &audience["found"]), (&"broken".into(), &"\"other\"".into()));
}

#[test]
fn without_arguments_it_judges_by_the_variables_of_the_gate() {
    let world = World::with_key();
    let token = world.mint(&[]);
    let run = |variables: &[(&str, &str)]| world.run_with(&["explain", "-"], variables, &token);
    let good = [
        ("PORTCULLIS_ISSUER", ISSUER),
        ("PORTCULLIS_AUDIENCE", AUDIENCE),
        ("PORTCULLIS_JWKS_FILE", "jwks.json"),
        // the gate's own settings do no harm
        ("PORTCULLIS_LISTEN", "127.0.0.1:0"),
    ];
    run(&good).check(0);
    run(&[good[0], good[2], ("PORTCULLIS_AUDIENCE", "other")]).check(1);
    run(&[]).check_error(&["--issuer", "PORTCULLIS_ISSUER"]);
    run(&[good[0], good[2]]).check_error(&["PORTCULLIS_AUDIENCE", "PORTCULLIS_AUDIENCE_LESS"]);
}

#[test]
fn every_rule_that_is_broken_says_what_it_expects_and_what_to_do() {
    let world = World::with_key();
    world.run(&["keygen", "--out", "other.pem"]).check(0);
    world.run(&["keygen", "--algorithm", "EdDSA", "--out", "ed.pem"]).check(0);
    let by = |key: &str, more: &[&str]| {
        let usual = ["mint", "-q", "--key", key, "--issuer", ISSUER];
        world.run(&[&usual, more].concat()).check(0).out
    };
    let good = world.mint(&[]);
    let name = world.run(&["jwks", "key.pem"]).out;
    let name = name.split("\"kid\":\"").nth(1).unwrap().split('"').next().unwrap();
    let (form, huge) = (good.replace('.', ""), format!("{good}{}", "A".repeat(20_000)));
    let signed = |header: &str| format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(header));
    let tokens = [
        form,
        huge,
        signed(r#"{"alg":"ES256","crit":["x"],"x":1}"#),
        signed(r#"{"alg":"none"}"#),
        by("ed.pem", &[]),
        by("key.pem", &["--kid", "nobody"]),
        by("other.pem", &["--kid", name]),
        world.mint(&["--typ", "x+jwt", "--claim", "iss=https://other.example"]),
        world.mint(&["--claim", "exp:=1000", "--claim", "aud=other"]),
        world.mint(&["--claim", "nbf:=9999999999", "--claim", "iat:=9999999999"]),
        world.mint(&["--claim", "exp:=\"soon\"", "--claim", "sub:=1"]),
        world.mint(&["--claim", "cnf:={\"jkt\":\"x\"}", "--claim", "events:={}"]),
        world.mint(&["--claim", "aud:=null", "--claim", "exp:=null", "--claim", "team=red"]),
        world.mint(&["--claim", "roles:=[[1]]"]),
    ];
    let mut broken = BTreeSet::new();
    let more = ["--json", "--require", "sid", "--require-value", "team=blue"];
    for token in tokens {
        let ran = explain(&world, &token, &[&BY_FILE[..], &more].concat()).check(1);
        let json: Value = serde_json::from_str(&ran.out).unwrap();
        for rule in json["rules"].as_array().unwrap().iter().filter(|r| r["outcome"] == "broken") {
            assert!(rule["expected"].is_string() && rule["hint"].is_string(), "{rule}");
            broken.insert(rule["rule"].as_str().unwrap().to_owned());
        }
    }
    for rule in [
        "form",
        "header",
        "algorithm",
        "key",
        "signature",
        "type",
        "claims",
        "issuer",
        "claim-values",
        "required-claims",
        "expiry",
        "not-before",
        "issued-at",
        "audience",
        "binding",
        "event",
        "grants",
    ] {
        assert!(broken.remove(rule), "{rule}");
    }
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn of_an_issuer_that_signs_for_strangers_it_is_said_which_tokens_are_ours() {
    let world = World::with_key();
    let github = "https://token.actions.githubusercontent.com";
    let token = |owner: &str| {
        let claims = [format!("iss={github}"), format!("repository_owner_id={owner}")];
        world.mint(&["--claim", &claims[0], "--claim", &claims[1]])
    };
    let run = |token: &str, more: &[&str]| {
        let usual = ["explain", "-", "--issuer", github, "--audience", AUDIENCE];
        world.run_with(&[&usual, &BY_FILE[..], more].concat(), &[], token)
    };
    let ours = ["--require-value", "repository_owner_id=65"];
    run(&token("65"), &ours).check(0);
    let ran = run(&token("66"), &ours).check(1);
    assert!(ran.out.starts_with("REFUSED (wrong-claim)"), "{ran:?}");
    run(&token("66"), &["--trust-strangers"]).check(0);
    run(&token("65"), &[]).check_error(&["--issuer", "--require-value", "--trust-strangers"]);
    run(&token("65"), &["--require-value", "x"]).check_error(&["--require-value", "NAME=TEXT"]);
}

#[test]
fn keys_out_of_reach_say_nothing_about_the_token() {
    let world = World::with_key();
    let nowhere = Port::keep().unwrap();
    let url = format!("http://127.0.0.1:{}/jwks", nowhere.number());
    let ran = explain(&world, &world.mint(&[]), &["--jwks", &url, "--timeout", "1s"]);
    let ran = ran.check(3);
    assert!(ran.out.starts_with("UNKNOWN"), "{ran:?}");
    assert!(ran.out.contains(&url) && ran.out.contains("keys-unavailable"), "{ran:?}");
    assert!(ran.out.contains("hint: it says nothing about the token"), "{ran:?}");
    // the rules that need no key are told all the same
    assert!(ran.out.contains("ok       audience"), "{ran:?}");
}

#[test]
fn wrong_usage_is_told_by_the_argument() {
    let world = World::with_key();
    let token = world.mint(&[]);
    for (args, words) in [
        (&["--jwks", "nowhere.json"][..], &["--jwks", "nowhere.json"][..]),
        (
            &["--jwks", "key.pem"],
            &["--jwks", "key.pem", "no JWK Set", "for which there is --public-key"],
        ),
        (&["--root-certificates", "nowhere.pem"], &["--root-certificates (nowhere.pem)"]),
        (&["--root-certificates", "key.pem"], &["--root-certificates (key.pem)", "no root"]),
        (&["--oauth", "--jwks", "jwks.json"], &["--oauth", "--jwks"]),
        (&["--public-key", "jwks.json"], &["no public key", "for which there is --jwks"]),
        (&["--jwks", "http://me.example/jwks"], &["--jwks", "https"]),
        (&["--jwks", "jwks.json", "--leeway", "10m"], &["--leeway", "5 minutes"]),
        (&["--jwks", "jwks.json", "--secret-file", "x"], &["--secret-file"]),
        (&["--jwks", "jwks.json", "--algorithm", "es256"], &["es256"]),
    ] {
        explain(&world, &token, args).check_error(words);
    }
    let ran =
        world.run_with(&["explain", "-", "--issuer", ISSUER, "--jwks", "jwks.json"], &[], &token);
    ran.check_error(&["--audience", "--audience-less"]);
}

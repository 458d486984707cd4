//! `keygen` and `jwks`.

use crate::support::World;

/// Everything that a key can sign with and be written as.
const ALGORITHMS: [(&str, &[&str]); 9] = [
    ("ES256", &["pem", "jwk"]),
    ("ES256K", &["pem", "jwk"]),
    ("ES384", &["pem", "jwk"]),
    ("ES512", &["pem", "jwk"]),
    ("EdDSA", &["pem", "jwk"]),
    ("RS256", &["pem", "jwk"]),
    ("PS512", &["pem", "jwk"]),
    ("HS256", &["text", "jwk"]),
    ("HS512", &["text", "jwk"]),
];

#[test]
fn every_kind_of_key_is_made_and_signs_what_its_set_verifies() {
    let world = World::new();
    for (algorithm, formats) in ALGORITHMS {
        for format in formats {
            let name = format!("{algorithm}.{format}");
            let made = ["keygen", "-a", algorithm, "--format", format, "--out", &name];
            world.run(&made).check(0);
            let key = if *format == "text" { "--secret-file" } else { "--key" };
            // PEM says nothing of PS512
            let with = ["--algorithm", algorithm];
            let whom = ["--issuer", "https://me.example", "--audience", "payroll"];
            let mint = [&["mint", "-q", key, &name][..], &with, &whom].concat();
            let token = world.run(&mint).check(0).out;
            let explain = ["explain", "-"];
            let verified = if *format == "text" {
                let more = ["--secret-file", &name];
                world.run_with(&[&explain[..], &whom, &with, &more].concat(), &[], &token)
            } else if algorithm.starts_with("HS") {
                // a JWK of a secret is published nowhere
                world.run(&["jwks", &name]).check_error(&["must not be published"]);
                continue;
            } else {
                let set = world.run(&["jwks", "--algorithm", algorithm, &name]).check(0).out;
                world.write("set.json", &set);
                let more = ["--jwks", "set.json"];
                world.run_with(&[&explain[..], &whom, &more].concat(), &[], &token)
            };
            verified.check(0);
        }
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_a_key_and_nothing_is_overwritten() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let keygen = ["keygen", "--out", "key.pem", "--public", "pub.pem"];
    world.run(&keygen).check(0);
    let mode = |name| std::fs::metadata(world.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("key.pem"), 0o600);
    let (private, public) = (world.read("key.pem"), world.read("pub.pem"));
    assert!(public.contains("BEGIN PUBLIC KEY") && private.contains("BEGIN PRIVATE KEY"));
    world.run(&keygen).check_error(&["key.pem", "not overwritten"]);
    // not even one of the two
    world.run(&["keygen", "--out", "new.pem", "--public", "pub.pem"]).check_error(&["pub.pem"]);
    assert!(!world.path("new.pem").exists());
    assert_eq!((world.read("key.pem"), world.read("pub.pem")), (private, public));
}

#[test]
fn a_pipe_gets_the_key_and_two_keys_differ() {
    let world = World::new();
    let (one, other) = (world.run(&["keygen"]).check(0).out, world.run(&["keygen"]).check(0).out);
    assert!(one.starts_with("-----BEGIN PRIVATE KEY-----") && one != other);
    let secret = world.run(&["keygen", "-a", "HS256"]).check(0).out;
    assert_eq!(secret.trim().len(), 64);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let world = World::with_key();
    for (args, words) in [
        (&["keygen", "-a", "none"][..], &["none", "case-sensitive"][..]),
        (&["keygen", "-a", "RS256", "--bits", "1024"], &["--bits", "2048"]),
        (&["keygen", "--bits", "2048"], &["--bits", "ES256"]),
        (&["keygen", "-a", "HS256", "--format", "pem"], &["--format", "text or jwk"]),
        (&["keygen", "-a", "HS256", "--public", "x"], &["no public half"]),
        (&["keygen", "--format", "pem", "--kid", "a"], &["--kid", "jwk"]),
        (&["jwks"], &["FILE"]),
        (&["jwks", "nowhere.pem"], &["nowhere.pem"]),
        (&["jwks", "key.pem", "--algorithm", "EdDSA"], &["key.pem", "EdDSA"]),
    ] {
        world.run(args).check_error(words);
    }
}

#[test]
fn a_set_has_public_halves_only_each_under_its_name() {
    let world = World::with_key();
    world.run(&["keygen", "--format", "jwk", "--kid", "2026", "--out", "b.jwk"]).check(0);
    let set = world.run(&["jwks", "key.pem", "b.jwk", "jwks.json"]).check(0);
    assert!(set.err.contains("twice"), "{set:?}");
    let json: serde_json::Value = serde_json::from_str(&set.out).unwrap();
    let keys = json["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[1]["kid"], "2026");
    assert!(keys.iter().all(|key| key["d"].is_null() && key["use"] == "sig"));
    // another key of the same name
    world.run(&["keygen", "--format", "jwk", "--kid", "2026", "--out", "c.jwk"]).check(0);
    world.run(&["jwks", "b.jwk", "c.jwk"]).check_error(&["c.jwk", "\"2026\""]);
}

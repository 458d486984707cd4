//! `doctor`, `explain` and the gate with an issuer on a real socket.

use portcullis_issuer::SigningKey;
use portcullis_testing::{Fault, IssuerServer};

use crate::support::{AUDIENCE, Ran, World};

/// A world whose key an issuer publishes.
fn served() -> (World, IssuerServer) {
    let world = World::with_key();
    let key = SigningKey::from_pem(world.read("key.pem")).unwrap();
    let server = IssuerServer::start().unwrap();
    server.publish([&key]);
    server.headers("/keys", [("cache-control", "max-age=600")]);
    (world, server)
}

fn doctor(world: &World, server: &IssuerServer, more: &[&str]) -> Ran {
    world.run(&[&["doctor", &server.url(), "--timeout", "5s"], more].concat())
}

#[test]
fn a_healthy_issuer_has_nothing_wrong() {
    let (world, server) = served();
    let ran = doctor(&world, &server, &[]).check(0);
    for words in ["ok       fetching", "1 usable", "max-age=600"] {
        assert!(ran.out.contains(words), "{words}: {ran:?}");
    }
    assert!(!ran.out.contains("FAULT") && !ran.out.contains("advice"), "{ran:?}");
    doctor(&world, &server, &["--oauth"]).check(0);
    let json = doctor(&world, &server, &["--json"]).check(0).out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["healthy"], true);
}

#[test]
fn a_fault_is_1_and_an_outage_3() {
    let (world, server) = served();
    let metadata = "/.well-known/openid-configuration";
    let good = |issuer: &str, keys: &str| {
        server.document(
            metadata,
            serde_json::json!({"issuer": issuer, "jwks_uri": keys}).to_string(),
        );
    };
    let check = |code, words: &str| {
        let ran = doctor(&world, &server, &[]).check(code);
        assert!(ran.out.contains(words), "{words}: {ran:?}");
        // told once
        assert_eq!(ran.err, "", "{words}");
    };
    good("https://other.example", &server.keys_url());
    check(1, "https://other.example");
    check(1, "advice   fetching   write the issuer to the letter");
    good(&server.url(), "https://keys.example/keys");
    check(1, "another origin");
    check(1, "advice   fetching   if its keys belong there");
    server.document(metadata, "<html>");
    check(1, "no metadata");
    good(&server.url(), &server.keys_url());
    server.document("/keys", r#"{"keys":[]}"#);
    check(1, "no key");
    server.document("/keys", r#"{"keys":[{"kty":"oct","alg":"HS256","k":"AAAA"}]}"#);
    check(1, "private part");
    server.document("/keys", "not json");
    check(1, "JWK Set");
    server.fail("/keys", Fault::Status(404));
    check(1, "404");
    server.fail("/keys", Fault::Redirect("https://keys.example/keys".into()));
    check(1, "FAULT");
    server.fail("/keys", Fault::Status(503));
    check(3, "503");
    server.fail(metadata, Fault::Status(404));
    check(1, "other metadata: --oauth");
    server.fail("/.well-known/oauth-authorization-server", Fault::Status(404));
    let ran = doctor(&world, &server, &["--oauth"]).check(1);
    assert!(ran.out.contains("leave out --oauth"), "{ran:?}");
    server.fail(metadata, Fault::Close);
    check(3, "unknown");
    server.stop();
    check(3, "unknown");
    world.run(&["doctor", "http://idp.example.com"]).check_error(&["https"]);
    world.run(&["doctor", "idp.example.com"]).check_error(&["no absolute URL"]);
}

#[test]
fn authorities_are_trusted_beside_those_of_the_system() {
    let world = World::with_key();
    let key = SigningKey::from_pem(world.read("key.pem")).unwrap();
    let [public, private] = ["public.pem", "private.pem"].map(|file| {
        let server = IssuerServer::start_tls().unwrap();
        server.publish([&key]);
        world.write(file, server.certificate_pem().unwrap());
        server
    });
    // what the system trusts, for the command
    let system = [("SSL_CERT_FILE", "public.pem")];
    let doctor = |server: &IssuerServer, more: &[&str]| {
        let url = server.url();
        world.run_with(&[&["doctor", &url, "--timeout", "5s"], more].concat(), &system, "")
    };
    doctor(&public, &[]).check(0);
    doctor(&private, &[]).check(3);
    let more = ["--root-certificates", "private.pem"];
    doctor(&private, &more).check(0);
    doctor(&public, &more).check(0);
    // and where the variables are read
    for server in [&public, &private] {
        let url = server.url();
        let token = world.mint(&["--claim", &format!("iss={url}")]);
        let variables = [
            system[0],
            ("PORTCULLIS_ISSUER", url.as_str()),
            ("PORTCULLIS_AUDIENCE", AUDIENCE),
            ("PORTCULLIS_ROOT_CERTIFICATES_FILE", "private.pem"),
        ];
        world.run_with(&["explain", "-"], &variables, &token).check(0);
        let explain = ["explain", "-", "--issuer", &url, "--audience", AUDIENCE];
        world.run_with(&[&explain, &more[..]].concat(), &system, &token).check(0);
    }
}

#[test]
fn explain_finds_the_keys_by_discovery() {
    let (world, server) = served();
    let url = server.url();
    let token = world.mint(&["--claim", &format!("iss={url}")]);
    let explain = ["explain", "-", "--issuer", &url, "--audience", AUDIENCE];
    world.run_with(&explain, &[], &token).check(0);
    // as `doctor` does, by other metadata and at another origin
    let elsewhere = IssuerServer::start().unwrap();
    server.document(
        "/.well-known/oauth-authorization-server",
        serde_json::json!({"issuer": url, "jwks_uri": elsewhere.keys_url()}).to_string(),
    );
    let key = SigningKey::from_pem(world.read("key.pem")).unwrap();
    elsewhere.publish([&key]);
    let other = elsewhere.url();
    let by_oauth = [&explain[..], &["--oauth"]].concat();
    assert!(world.run_with(&by_oauth, &[], &token).check(3).out.contains("of another origin"));
    world.run_with(&[&by_oauth[..], &["--jwks-origin", &other]].concat(), &[], &token).check(0);
    server.fail("/keys", Fault::Status(500));
    let ran = world.run_with(&explain, &[], &token).check(3);
    assert!(ran.out.contains("500"), "{ran:?}");
}

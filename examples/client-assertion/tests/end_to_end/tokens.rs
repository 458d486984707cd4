//! Clients that are trusted get tokens, and tokens open the API as far as they go.

use serde_json::json;

use crate::client::Server;

#[test]
fn either_key_by_either_grant_gets_a_token_for_an_hour() {
    let server = Server::start();
    server.add("nightly", &[]);
    server.add("weekly", &["--alg", "rs256"]);
    for client in ["nightly", "weekly"] {
        for token in [
            server.authenticate(&server.sign(client)).token(),
            server.grant(&server.sign(client)).token(),
        ] {
            let me = server.get("/me", &token).expect(200).value();
            assert_eq!(me, json!({ "client": client, "scopes": ["reports:read"] }));
            server.get("/reports", &token).expect(200);
        }
    }
}

#[test]
fn a_token_opens_what_its_scope_says_and_an_assertion_opens_nothing() {
    let server = Server::start();
    server.add("nightly", &[]);
    let assertion = server.sign("nightly");
    server.get("/me", &assertion).expect(401);
    // it was not used up by that
    let token = server.authenticate(&assertion).token();
    server.get("/me", &format!("{token}x")).expect(401);
    let wider = server.sign("nightly");
    let form = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&scope=reports%3Awrite&assertion={wider}"
    );
    server.post("/token", &form).expect_error(400, "invalid_scope", "scope");
    // an access token is no assertion
    server.grant(&token).expect_error(400, "invalid_grant", "not known");
}

#[test]
fn the_metadata_say_where_everything_is() {
    let server = Server::start();
    let url = server.url();
    let metadata = server.get("/.well-known/oauth-authorization-server", "").expect(200).value();
    assert_eq!(metadata["issuer"], url);
    assert_eq!(metadata["token_endpoint"], format!("{url}/token"));
    assert_eq!(metadata["jwks_uri"], format!("{url}/keys"));
    assert_eq!(metadata["token_endpoint_auth_methods_supported"], json!(["private_key_jwt"]));
    let keys = server.get("/keys", "").expect(200).value();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
}

#[test]
fn the_log_has_no_assertion_and_no_token() {
    let server = Server::start();
    server.add("nightly", &[]);
    let assertion = server.sign("nightly");
    let token = server.authenticate(&assertion).token();
    server.authenticate(&assertion).expect(401);
    server.grant("eyJh.eyJh.x").expect(400);
    server.get("/me", &token).expect(200);
    server.get("/me", &format!("{token}x")).expect(401);
    let log = server.end_of_log();
    assert!(log.contains("no token"), "{log}");
    // each of them starts like this
    assert!(!log.contains("eyJ"), "{log}");
}

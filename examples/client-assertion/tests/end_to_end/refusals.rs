//! Each way in which an assertion is no good, and its exact error.

use std::fs;

use crate::client::Server;

/// By both: as authentication it is `invalid_client`, as a grant `invalid_grant`.
#[track_caller]
fn refused(server: &Server, assertion: impl Fn() -> String, why: &str) {
    server.authenticate(&assertion()).expect_error(401, "invalid_client", why);
    server.grant(&assertion()).expect_error(400, "invalid_grant", why);
}

fn start() -> Server {
    let server = Server::start();
    server.add("nightly", &[]);
    server
}

#[test]
fn an_assertion_is_not_replayed() {
    let server = start();
    let assertion = server.sign("nightly");
    server.authenticate(&assertion).token();
    refused(&server, || assertion.clone(), "used before");
    // somebody else's is not affected
    server.grant(&server.sign("nightly")).token();
}

#[test]
fn it_must_not_live_long() {
    let server = start();
    let sign = |seconds: &str| {
        server.sign_with("nightly", "nightly", server.url(), &["--lifetime", seconds])
    };
    server.authenticate(&sign("300")).token();
    refused(&server, || sign("3600"), "lives too long");
}

#[test]
fn it_must_be_for_this_server_by_its_name() {
    let server = start();
    for audience in ["https://elsewhere.example", &format!("{}/token", server.url())] {
        let sign = || server.sign_with("nightly", "nightly", audience, &[]);
        refused(&server, sign, "audience");
    }
}

#[test]
fn it_must_be_of_a_client_that_is_known_and_signed_with_its_key() {
    let server = start();
    refused(&server, || server.sign_with("stranger", "nightly", server.url(), &[]), "not known");
    server.add("other", &[]);
    let forged = || server.sign_with("nightly", "other", server.url(), &[]);
    refused(&server, forged, "");
    refused(&server, || "x".to_owned(), "no signed JWT");
}

#[test]
fn a_client_is_revoked_by_taking_its_file_away_and_trusted_again_when_it_is_back() {
    let server = start();
    let aside = server.private("aside");
    let token = server.authenticate(&server.sign("nightly")).token();

    fs::rename(server.public("nightly"), &aside).unwrap();
    refused(&server, || server.sign("nightly"), "not known");
    // what it has is good for its hour
    server.get("/me", &token).expect(200);

    fs::rename(&aside, server.public("nightly")).unwrap();
    server.authenticate(&server.sign("nightly")).token();
    fs::remove_file(server.public("nightly")).unwrap();
    refused(&server, || server.sign("nightly"), "not known");
}

#[test]
fn a_client_changes_its_key_while_the_server_runs() {
    let server = start();
    fs::rename(server.private("nightly"), server.private("old")).unwrap();
    fs::remove_file(server.public("nightly")).unwrap();
    server.add("nightly", &["--alg", "rs256"]);
    server.authenticate(&server.sign("nightly")).token();
    let old = || server.sign_with("nightly", "old", server.url(), &[]);
    refused(&server, old, "");
}

#[test]
fn a_file_that_cannot_be_read_is_an_outage_and_no_refusal() {
    let server = start();
    let assertion = server.sign("nightly");
    let public = fs::read(server.public("nightly")).unwrap();
    fs::write(server.public("nightly"), "no key").unwrap();
    let reply = server.authenticate(&assertion);
    assert!(reply.head.contains("retry-after: "), "{reply:?}");
    reply.expect_error(503, "temporarily_unavailable", "again");
    // and the assertion was not used up
    fs::write(server.public("nightly"), public).unwrap();
    server.authenticate(&assertion).token();
}

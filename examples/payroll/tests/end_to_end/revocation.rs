//! Tokens that stop working.

use crate::server::{ALICE, BOB, Server, Setup};

#[tokio::test]
async fn signing_out_ends_this_token_and_no_other() {
    let server = Server::start();
    let (one, other) = (server.sign_in(BOB).await, server.sign_in(BOB).await);
    one.post("/signout").await.expect(204);
    one.get("/me").await.expect_problem(401);
    one.post("/signout").await.expect_problem(401);
    other.get("/me").await.expect(200);
    server.sign_in(BOB).await.get("/me").await.expect(200);
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_token_of_that_user() {
    let server = Server::start();
    let (one, other) = (server.sign_in(BOB).await, server.sign_in(BOB).await);
    let alice = server.sign_in(ALICE).await;
    // a reader may end their own sessions, and only those
    one.post("/users/alice/sign-out-everywhere").await.expect_problem(403);
    one.post("/users/nobody/sign-out-everywhere").await.expect_problem(403);
    alice.get("/me").await.expect(200);
    one.post("/users/bob/sign-out-everywhere").await.expect(204);
    one.get("/me").await.expect_problem(401);
    other.get("/me").await.expect_problem(401);
    alice.get("/me").await.expect(200);

    // an admin may end anybody's
    let bob = server.sign_in(BOB).await;
    alice.post("/users/bob/sign-out-everywhere").await.expect(204);
    bob.get("/me").await.expect_problem(401);
    alice.post("/users/nobody/sign-out-everywhere").await.expect_problem(404);
    alice.post("/users/alice/sign-out-everywhere").await.expect(204);
    alice.get("/me").await.expect_problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sign_in_works_at_once() {
    let rules = [&["cutoff"][..], &["allowlist"], &["cutoff", "denylist", "allowlist"]];
    let checks = rules.map(|rules| tokio::spawn(in_and_out(Setup::new().rules(rules).start())));
    for check in checks {
        check.await.unwrap();
    }
}

async fn in_and_out(server: Server) {
    for _ in 0..3 {
        let bob = server.sign_in(BOB).await;
        bob.post("/users/bob/sign-out-everywhere").await.expect(204);
        let again = server.sign_in(BOB).await;
        again.get("/me").await.expect(200);
        bob.get("/me").await.expect_problem(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named() {
    let checks: Vec<_> = (1..8).map(|mask| tokio::spawn(what_these_rules_do(mask))).collect();
    for check in checks {
        check.await.unwrap();
    }
}

/// Each bit of the mask is a rule that is on.
async fn what_these_rules_do(mask: u8) {
    let (cutoff, denylist, allowlist) = (mask & 1 != 0, mask & 2 != 0, mask & 4 != 0);
    let names = [(cutoff, "cutoff"), (denylist, "denylist"), (allowlist, "allowlist")];
    let rules: Vec<&str> = names.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
    let server = Setup::new().rules(&rules).start();

    let bob = server.sign_in(BOB).await;
    if denylist || allowlist {
        bob.post("/signout").await.expect(204);
        bob.get("/me").await.expect_problem(401);
    } else {
        let detail = bob.post("/signout").await.expect_problem(409).text();
        assert!(detail.contains("denylist"), "{rules:?}: {detail}");
        bob.get("/me").await.expect(200);
    }

    let (bob, alice) = (server.sign_in(BOB).await, server.sign_in(ALICE).await);
    if cutoff || allowlist {
        alice.post("/users/bob/sign-out-everywhere").await.expect(204);
        bob.get("/me").await.expect_problem(401);
        server.sign_in(BOB).await.get("/me").await.expect(200);
    } else {
        let detail = alice.post("/users/bob/sign-out-everywhere").await.expect_problem(409).text();
        assert!(detail.contains("cutoff"), "{rules:?}: {detail}");
        bob.get("/me").await.expect(200);
    }
    alice.get("/me").await.expect(200);
}

#[tokio::test]
async fn an_allowlist_knows_only_what_it_was_told_of() {
    let before = Setup::new();
    let server = before.start();
    let bob = server.sign_in(BOB).await;
    let server = server.stop().rules(&["allowlist"]).start();
    server.bearer(&bob).get("/me").await.expect_problem(401);
    server.sign_in(BOB).await.get("/me").await.expect(200);
}

#[tokio::test]
async fn a_rotated_key_still_verifies_and_a_withdrawn_one_does_not() {
    let server = Server::start();
    let (bob, alice) = (server.sign_in(BOB).await, server.sign_in(ALICE).await);
    bob.post("/admin/rotate-key").await.expect(403);
    bob.post("/admin/rotate-key?revoke=true").await.expect(403);
    alice.post("/admin/rotate-key").await.expect(204);
    bob.get("/me").await.expect(200);
    let later = server.sign_in(BOB).await;
    assert_ne!(header(bob.token()), header(later.token()), "the key did not change");

    alice.post("/admin/rotate-key?revoke=true").await.expect(204);
    for withdrawn in [&bob, &later, &alice] {
        withdrawn.get("/me").await.expect_problem(401);
    }
    server.sign_in(BOB).await.get("/me").await.expect(200);
    server.sign_in(ALICE).await.pay(1).await.expect(201);
}

fn header(token: &str) -> &str {
    token.split_once('.').unwrap().0
}

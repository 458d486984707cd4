//! Logs tell what happened, and no secret.

use crate::server::{ALICE, BOB, Server};

#[tokio::test]
async fn nothing_secret_is_logged_at_any_level() {
    let server = Server::start();
    let (bob, alice) = (server.sign_in(BOB).await, server.sign_in(ALICE).await);
    let typo = "typed-in-the-wrong-field";
    server.client().sign_in(typo, "x").await.expect(401);
    server.client().sign_in("bob", "bobs-other-secret").await.expect(401);
    let forged = format!("{}x", bob.token());
    server.client().with_token(&forged).get("/me").await.expect(401);
    bob.get(&format!("/me?access_token={}", alice.token())).await.expect(200);
    bob.pay(1).await.expect(403);
    alice.pay(1).await.expect(201);
    alice.post("/admin/rotate-key").await.expect(204);
    bob.post("/signout").await.expect(204);
    bob.get("/me").await.expect(401);
    alice.post("/users/bob/sign-out-everywhere").await.expect(204);

    server.signal("TERM");
    let log = server.log.end();
    for happened in ["signed in", "refused a sign-in", "paid", "signed out", "rotated"] {
        assert!(log.contains(happened), "{happened}: {log}");
    }
    let secrets = [BOB.1, ALICE.1, typo, "bobs-other-secret", "$argon2id"];
    for secret in secrets {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    for token in [bob.token(), alice.token(), &forged] {
        // not even a part of one
        for part in token.split('.').skip(1) {
            assert!(!log.contains(part), "{part}: {log}");
        }
    }
}

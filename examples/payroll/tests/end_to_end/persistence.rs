//! What survives a restart, and what survives having no time to prepare for one.

use crate::client::Client;
use crate::server::{ALICE, BOB, Server, Setup, files_of};

/// Does a little of everything, ends the service, and looks at what the next one knows.
async fn survives(end: impl Fn(Server) -> Setup, rules: &[&str]) {
    let setup = Setup::new().rules(rules);
    let server = setup.start();
    let added = setup.add_user(&["carol", "--role", "reader"], "carol's own password\n");
    assert!(added.status.success(), "{added:?}");
    let alice = server.sign_in(ALICE).await;
    let (kept, out) = (server.sign_in(BOB).await, server.sign_in(BOB).await);
    let everywhere = server.sign_in(("carol", "carol's own password")).await;
    alice.pay(123).await.expect(201);
    out.post("/signout").await.expect(204);
    everywhere.post("/users/carol/sign-out-everywhere").await.expect(204);
    alice.post("/admin/rotate-key").await.expect(204);

    let server = end(server).start();
    let [alice, kept, out, everywhere] =
        [alice, kept, out, everywhere].map(|client| server.bearer(&client));
    alice.get("/me").await.expect(200);
    kept.get("/me").await.expect(200);
    out.get("/me").await.expect_problem(401);
    everywhere.get("/me").await.expect_problem(401);
    server.sign_in(("carol", "carol's own password")).await.get("/me").await.expect(200);
    assert_eq!(kept.get("/payments").await.expect(200).value()[0]["amount_cents"], 123);
    alice.post("/admin/rotate-key?revoke=true").await.expect(204);

    let server = end(server).start();
    let [alice, kept] = [alice, kept].map(|client| server.bearer(&client));
    alice.get("/me").await.expect_problem(401);
    kept.get("/me").await.expect_problem(401);
    server.sign_in(ALICE).await.pay(456).await.expect(201);
}

#[tokio::test]
async fn a_restart() {
    survives(Server::stop, &[]).await;
}

#[tokio::test]
async fn a_kill() {
    survives(Server::kill, &[]).await;
}

#[tokio::test]
async fn a_kill_with_an_allowlist() {
    survives(Server::kill, &["allowlist"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_everything() {
    let server = Server::start();
    let alice = server.sign_in(ALICE).await;
    let (acknowledged, mut seen) = tokio::sync::mpsc::unbounded_channel();
    for payer in 0..4 {
        let (alice, acknowledged) = (alice.clone(), acknowledged.clone());
        tokio::spawn(async move {
            for n in 1.. {
                let amount = payer * 1_000_000 + n;
                match try_pay(&alice, amount).await {
                    Ok(201) => acknowledged.send(amount).unwrap(),
                    Ok(status) => panic!("{status}"),
                    // killed
                    Err(_) => break,
                }
            }
        });
    }
    drop(acknowledged);
    let mut paid = Vec::new();
    while paid.len() < 40 {
        paid.push(seen.recv().await.unwrap());
    }
    let setup = server.kill();
    while let Some(amount) = seen.recv().await {
        paid.push(amount);
    }
    let server = setup.start();
    let kept = server.bearer(&alice).get("/payments").await.expect(200).value();
    let kept: Vec<i64> =
        kept.as_array().unwrap().iter().map(|row| row["amount_cents"].as_i64().unwrap()).collect();
    for amount in &paid {
        assert!(kept.contains(amount), "{amount} was acknowledged and is gone");
    }
    // at most one of each payer was on its way
    assert!(kept.len() <= paid.len() + 4, "{} kept, {} acknowledged", kept.len(), paid.len());
}

async fn try_pay(client: &Client, amount: i64) -> Result<u16, String> {
    let order = serde_json::json!({"worker_id": 1, "amount_cents": amount}).to_string();
    let request = client
        .request(axum::http::Method::POST, "/payments")
        .header("content-type", "application/json")
        .body(order.into())
        .unwrap();
    client.try_send(request).await.map(|reply| reply.status)
}

#[tokio::test]
async fn a_stopped_service_leaves_one_file() {
    let server = Server::start();
    let bob = server.sign_in(BOB).await;
    bob.post("/signout").await.expect(204);
    let setup = server.stop();
    assert_eq!(files_of(&setup.database()), [setup.database()]);
    // and it is all there is to move
    let elsewhere = Setup::new();
    std::fs::copy(setup.database(), elsewhere.database()).unwrap();
    let server = elsewhere.start();
    server.bearer(&bob).get("/me").await.expect_problem(401);
    server.sign_in(BOB).await.get("/me").await.expect(200);
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner_only() {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    let server = Server::start();
    server.sign_in(BOB).await;
    let check = |server: &Server| {
        let files = files_of(&server.database());
        assert!(files.len() > 1, "{files:?}");
        for file in files {
            assert_eq!(metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
        }
    };
    check(&server);
    let setup = server.stop();
    set_permissions(setup.database(), Permissions::from_mode(0o644)).unwrap();
    let server = setup.start();
    server.sign_in(BOB).await;
    check(&server);
}

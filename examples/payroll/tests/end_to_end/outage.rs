//! A database that is in trouble: 503, never a pass, never a 500.

use std::fs;
use std::path::Path;

use axum::http::Method;
use serde_json::json;

use crate::client::Client;
use crate::server::{ALICE, BOB, Server, Setup, files_of};

/// Everything that needs the database to be read.
async fn is_out(server: &Server, bob: &Client, alice: &Client, out: &Client) {
    server.client().get("/healthz").await.expect(200);
    for client in [bob, alice] {
        client.get("/me").await.expect_problem(503);
        client.get("/workers").await.expect_problem(503);
        client.get("/payments").await.expect_problem(503);
    }
    let status = out.get("/me").await.status;
    assert!(matches!(status, 401 | 503), "{status}");
    server.client().get("/me").await.expect_problem(401);
    server.client().sign_in(BOB.0, BOB.1).await.expect_problem(503);
    alice.pay(1).await.expect_problem(503);
    alice.post("/signout").await.expect_problem(503);
    alice.post("/admin/rotate-key").await.expect_problem(503);
}

async fn is_back(server: &Server, bob: &Client, alice: &Client, out: &Client) {
    bob.get("/me").await.expect(200);
    alice.pay(2).await.expect(201);
    out.get("/me").await.expect_problem(401);
    server.sign_in(BOB).await.get("/workers").await.expect(200);
}

async fn three(server: &Server) -> (Client, Client, Client) {
    let (bob, alice) = (server.sign_in(BOB).await, server.sign_in(ALICE).await);
    let out = server.sign_in(BOB).await;
    out.post("/signout").await.expect(204);
    (bob, alice, out)
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_by_another_program() {
    let rules = [&[][..], &["allowlist"]];
    let checks = rules.map(|rules| tokio::spawn(locked(Setup::new().rules(rules).start())));
    for check in checks {
        check.await.unwrap();
    }
}

async fn locked(server: Server) {
    let (bob, alice, out) = three(&server).await;
    let other = rusqlite::Connection::open(server.database()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();

    // In WAL mode who holds the lock keeps others from writing and not from reading.
    bob.get("/workers").await.expect(200);
    out.get("/workers").await.expect_problem(401);
    let change = json!({"salary_cents": 1});
    let writes = tokio::join!(
        alice.pay(1),
        alice.json(Method::PATCH, "/workers/1", change),
        bob.post("/signout"),
        alice.post("/users/bob/sign-out-everywhere"),
        alice.post("/admin/rotate-key"),
        alice.post("/admin/rotate-key?revoke=true"),
    );
    for reply in [writes.0, writes.1, writes.2, writes.3, writes.4, writes.5] {
        reply.expect_problem(503);
    }
    // and nothing of it has happened
    bob.get("/me").await.expect(200);
    alice.get("/me").await.expect(200);

    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(bob.get("/payments").await.expect(200).value(), json!([]));
    is_back(&server, &bob, &alice, &out).await;
}

#[tokio::test]
async fn moved_away_and_back() {
    for rules in [&[][..], &["denylist"], &["allowlist"]] {
        let server = Setup::new().rules(rules).start();
        let (bob, alice, out) = three(&server).await;
        let away = server.database().with_extension("away");
        fs::rename(server.database(), &away).unwrap();
        is_out(&server, &bob, &alice, &out).await;
        fs::rename(&away, server.database()).unwrap();
        is_back(&server, &bob, &alice, &out).await;
    }
}

#[tokio::test]
async fn deleted() {
    broken(|file| files_of(file).iter().for_each(|file| fs::remove_file(file).unwrap())).await;
}

#[tokio::test]
async fn replaced_by_an_empty_one() {
    broken(|file| {
        fs::remove_file(file).unwrap();
        fs::File::create(file).unwrap();
    })
    .await;
}

#[tokio::test]
async fn overwritten() {
    broken(|file| fs::write(file, [0xA5; 64 * 1024]).unwrap()).await;
}

#[tokio::test]
async fn emptied() {
    broken(|file| drop(fs::File::create(file).unwrap())).await;
}

#[cfg(unix)]
#[tokio::test]
async fn made_unreadable() {
    use std::os::unix::fs::PermissionsExt as _;
    broken(|file| fs::set_permissions(file, fs::Permissions::from_mode(0o000)).unwrap()).await;
}

async fn broken(how: impl Fn(&Path)) {
    let server = Server::start();
    let (bob, alice, out) = three(&server).await;
    how(&server.database());
    is_out(&server, &bob, &alice, &out).await;
}

#[test]
fn a_file_that_is_no_database_is_named_at_the_start() {
    let setup = Setup::new();
    fs::write(setup.database(), "this is no database, however long it may be").unwrap();
    let output = setup.command().output().unwrap();
    assert!(!output.status.success());
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("payroll.db"), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

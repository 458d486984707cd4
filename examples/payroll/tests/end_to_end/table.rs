//! Every request of the README's table, for everybody who may send it.

use axum::http::Method;
use serde_json::{Value, json};

use crate::client::{Client, Reply};
use crate::server::{ALICE, BOB, Server};

/// A request, and what nobody, a reader and an admin are answered.
type Row = (&'static str, &'static str, Value, [u16; 3]);

async fn send(client: &Client, (method, path, body, _): &Row) -> Reply {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    match body {
        Value::Null => client.raw(method, path, None, "").await,
        body => client.json(method, path, body.clone()).await,
    }
}

#[tokio::test]
async fn everybody_may_do_what_the_table_says() {
    let rows: [Row; 15] = [
        ("GET", "/healthz", Value::Null, [200, 200, 200]),
        ("GET", "/me", Value::Null, [401, 200, 200]),
        ("GET", "/workers", Value::Null, [401, 200, 200]),
        ("GET", "/payments", Value::Null, [401, 200, 200]),
        ("POST", "/payments", json!({"worker_id": 1, "amount_cents": 1}), [401, 403, 201]),
        ("POST", "/payments", json!({"worker_id": 1, "amount_cents": 0}), [401, 403, 422]),
        ("POST", "/payments", json!({"worker_id": 999, "amount_cents": 1}), [401, 403, 422]),
        ("PATCH", "/workers/1", json!({"name": "Ada"}), [401, 403, 200]),
        ("PATCH", "/workers/999", json!({"name": "Ada"}), [401, 403, 404]),
        ("POST", "/users/nobody/sign-out-everywhere", Value::Null, [401, 403, 404]),
        ("POST", "/admin/rotate-key?revoke=false", Value::Null, [401, 403, 400]),
        ("POST", "/admin/rotate-key", Value::Null, [401, 403, 204]),
        ("GET", "/nothing", Value::Null, [404, 404, 404]),
        ("DELETE", "/signin", Value::Null, [405, 405, 405]),
        ("POST", "/signout", Value::Null, [401, 204, 204]),
    ];
    let server = Server::start();
    let clients = [server.client(), server.sign_in(BOB).await, server.sign_in(ALICE).await];
    for row in &rows {
        for (client, status) in clients.iter().zip(row.3) {
            let reply = send(client, row).await;
            assert_eq!(reply.status, status, "{row:?}: {}", reply.text());
            if status >= 400 {
                reply.expect_problem(status);
            }
        }
    }
}

#[tokio::test]
async fn me_is_who_signed_in() {
    let server = Server::start();
    for ((name, password), role) in [(BOB, "reader"), (ALICE, "admin")] {
        let signed_in = server.client().sign_in(name, password).await.expect(200);
        assert_eq!(signed_in.header("cache-control"), Some("no-store"));
        let answer = signed_in.value();
        assert_eq!(answer["token_type"], "Bearer");
        let client = server.client().with_token(answer["access_token"].as_str().unwrap());
        let me = client.get("/me").await.expect(200).value();
        assert_eq!(me["sub"], name);
        assert_eq!(me["roles"], json!([role]));
        let lifetime = me["exp"].as_i64().unwrap() - me["iat"].as_i64().unwrap();
        assert_eq!(answer["expires_in"], lifetime);
    }
}

#[tokio::test]
async fn what_was_paid_and_changed_is_there() {
    let server = Server::start();
    let (bob, alice) = (server.sign_in(BOB).await, server.sign_in(ALICE).await);
    let order = json!({"worker_id": 2, "amount_cents": 12_345});
    let paid = alice.json(Method::POST, "/payments", order).await.expect(201).value();
    assert_eq!(paid["worker_id"], 2);
    assert_eq!(paid["amount_cents"], 12_345);
    assert_eq!(paid["paid_by"], "alice");
    assert_eq!(bob.get("/payments").await.expect(200).value(), json!([paid]));

    let change = json!({"name": "Grace", "salary_cents": 1});
    let changed = alice.json(Method::PATCH, "/workers/2", change).await.expect(200).value();
    assert_eq!(changed, json!({"id": 2, "name": "Grace", "salary_cents": 1}));
    let change = json!({"salary_cents": 2});
    let changed = alice.json(Method::PATCH, "/workers/2", change).await.expect(200).value();
    assert_eq!(changed, json!({"id": 2, "name": "Grace", "salary_cents": 2}));
    let workers = bob.get("/workers").await.expect(200).value();
    assert_eq!(workers[1], changed);

    // what a reader tried did nothing
    bob.pay(1).await.expect(403);
    let change = json!({"name": "Bob"});
    bob.json(Method::PATCH, "/workers/2", change).await.expect(403);
    assert_eq!(bob.get("/payments").await.expect(200).value(), json!([paid]));
    assert_eq!(bob.get("/workers").await.expect(200).value(), workers);
}

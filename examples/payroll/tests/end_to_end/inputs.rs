//! Inputs that make no sense.

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::json;

use crate::server::{ALICE, BOB, Server};

const JSON: Option<&str> = Some("application/json");

#[tokio::test]
async fn bodies_that_are_not_what_was_asked_for() {
    let long = format!(r#"{{"worker_id":1,"amount_cents":1{}}}"#, " ".repeat(17 * 1024));
    let long_name = format!(r#"{{"name":"{}"}}"#, "x".repeat(201));
    let rows: &[(&str, &str, Option<&str>, &str, u16)] = &[
        // not JSON, or not said to be
        ("POST", "/payments", JSON, "", 400),
        ("POST", "/payments", JSON, "{", 400),
        ("POST", "/payments", JSON, "{\"worker_id\":1,\"amount_cents\":1}x", 400),
        ("POST", "/payments", JSON, &long, 413),
        ("POST", "/payments", None, "{}", 415),
        ("POST", "/payments", Some("text/plain"), r#"{"worker_id":1,"amount_cents":1}"#, 415),
        ("POST", "/signin", JSON, "bob", 400),
        ("POST", "/signin", JSON, &long, 413),
        // JSON of another shape
        ("POST", "/signin", JSON, "{}", 422),
        ("POST", "/signin", JSON, r#"{"username":"bob"}"#, 422),
        ("POST", "/signin", JSON, r#"{"username":7,"password":"x"}"#, 422),
        ("POST", "/signin", JSON, r#"{"username":"bob","password":"x","role":"admin"}"#, 422),
        ("POST", "/signin", JSON, r#"{"username":"a","username":"b","password":"x"}"#, 422),
        ("POST", "/payments", JSON, "[]", 422),
        // serde fills structs from arrays, too
        ("POST", "/payments", JSON, "[1,910000]", 422),
        ("POST", "/signin", JSON, r#"["bob","bob-may-look"]"#, 422),
        ("PATCH", "/workers/1", JSON, r#"["x",1]"#, 422),
        ("POST", "/payments", JSON, r#"{"worker_id":1}"#, 422),
        ("POST", "/payments", JSON, r#"{"worker_id":1,"amount_cents":null}"#, 422),
        ("POST", "/payments", JSON, r#"{"worker_id":1,"amount_cents":1,"to":2}"#, 422),
        ("POST", "/payments", JSON, r#"{"worker_id":"1","amount_cents":1}"#, 422),
        // amounts that are no amount of money
        ("POST", "/payments", JSON, r#"{"worker_id":1,"amount_cents":0}"#, 422),
        ("POST", "/payments", JSON, r#"{"worker_id":1,"amount_cents":-5}"#, 422),
        ("POST", "/payments", JSON, r#"{"worker_id":1,"amount_cents":1.5}"#, 422),
        ("POST", "/payments", JSON, r#"{"worker_id":1,"amount_cents":1e3}"#, 422),
        ("POST", "/payments", JSON, r#"{"worker_id":1,"amount_cents":"1"}"#, 422),
        ("POST", "/payments", JSON, r#"{"worker_id":1,"amount_cents":9223372036854775808}"#, 422),
        ("POST", "/payments", JSON, r#"{"worker_id":-1,"amount_cents":1}"#, 422),
        // changes that change nothing, or to nothing
        ("PATCH", "/workers/1", JSON, "{}", 422),
        ("PATCH", "/workers/1", JSON, r#"{"name":null}"#, 422),
        ("PATCH", "/workers/1", JSON, r#"{"name":""}"#, 422),
        ("PATCH", "/workers/1", JSON, r#"{"name":" "}"#, 422),
        ("PATCH", "/workers/1", JSON, r#"{"name":"a\nb"}"#, 422),
        ("PATCH", "/workers/1", JSON, r#"{"name":"a\u2028b"}"#, 422),
        // shown from right to left, and what stands after it as well
        ("PATCH", "/workers/1", JSON, r#"{"name":"Ada\u202e"}"#, 422),
        ("PATCH", "/workers/1", JSON, r#"{"name":"\u2067Ada\u2069"}"#, 422),
        ("PATCH", "/workers/1", JSON, r#"{"name":"Ada\u200f"}"#, 422),
        ("PATCH", "/workers/1", JSON, &long_name, 422),
        ("PATCH", "/workers/1", JSON, r#"{"salary_cents":-1}"#, 422),
        ("PATCH", "/workers/1", JSON, r#"{"salary_cents":1.5}"#, 422),
        ("PATCH", "/workers/1", JSON, r#"{"salary":1}"#, 422),
        // workers that there are not
        ("PATCH", "/workers/0", JSON, r#"{"name":"x"}"#, 404),
        ("PATCH", "/workers/%FF", JSON, r#"{"name":"x"}"#, 404),
        ("POST", "/users/%FF/sign-out-everywhere", None, "", 404),
        ("POST", "/users/%2e%2e/sign-out-everywhere", None, "", 404),
        ("PATCH", "/workers/ada", JSON, r#"{"name":"x"}"#, 404),
        ("PATCH", "/workers/9223372036854775808", JSON, r#"{"name":"x"}"#, 404),
    ];
    let server = Server::start();
    let alice = server.sign_in(ALICE).await;
    let workers = alice.get("/workers").await.expect(200).value();
    for (method, path, content_type, body, status) in rows {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let reply = alice.raw(method, path, *content_type, (*body).to_owned()).await;
        assert_eq!(reply.status, *status, "{path} {body}: {}", reply.text());
        reply.expect_problem(*status);
    }
    assert_eq!(alice.get("/payments").await.value(), json!([]));
    assert_eq!(alice.get("/workers").await.value(), workers);
}

#[tokio::test]
async fn the_largest_amount_is_paid_to_the_cent() {
    let server = Server::start();
    let alice = server.sign_in(ALICE).await;
    assert_eq!(alice.pay(i64::MAX).await.expect(201).value()["amount_cents"], i64::MAX);
    assert_eq!(alice.get("/payments").await.expect(200).value()[0]["amount_cents"], i64::MAX);
}

#[tokio::test]
async fn a_name_may_be_in_any_script() {
    let server = Server::start();
    let alice = server.sign_in(ALICE).await;
    for name in ["Zoë O’Neill", "李小龙", "עדה לאבלייס", "آدا لوفليس", "क्षत्रिय"]
    {
        let reply = alice.json(Method::PATCH, "/workers/1", json!({"name": name})).await;
        assert_eq!(reply.expect(200).value()["name"], name);
    }
}

#[tokio::test]
async fn a_reader_is_told_nothing_of_the_body() {
    let server = Server::start();
    let bob = server.sign_in(BOB).await;
    bob.raw(Method::POST, "/payments", JSON, "{").await.expect(403);
    bob.raw(Method::PATCH, "/workers/999", JSON, "{").await.expect(403);
}

#[tokio::test]
async fn rotating_takes_its_wish_literally() {
    let server = Server::start();
    let alice = server.sign_in(ALICE).await;
    for query in [
        "?revoke",
        "?revoke=",
        "?revoke=false",
        "?revoke=1",
        "?revoke=TRUE",
        "?revoked=true",
        "?revoke=true&revoke=true",
        "?revoke=true&x=1",
        "?x=1",
    ] {
        let reply = alice.post(&format!("/admin/rotate-key{query}")).await;
        assert_eq!(reply.status, 400, "{query}");
        reply.expect_problem(400);
    }
    alice.get("/me").await.expect(200);
}

#[tokio::test]
async fn tokens_that_are_no_tokens() {
    let server = Server::start();
    let bob = server.sign_in(BOB).await;
    let token = bob.token();
    let (head, signature) = token.rsplit_once('.').unwrap();
    let other = server.sign_in(ALICE).await;
    let (_, other_signature) = other.token().rsplit_once('.').unwrap();
    for bad in [
        String::from("x"),
        "a.b.c".into(),
        format!("{head}."),
        format!("{head}.{other_signature}"),
        format!("{token}."),
        format!("{}.{signature}", head.split_once('.').unwrap().1),
    ] {
        server.client().with_token(&bad).get("/me").await.expect_problem(401);
    }
    // tokens in the query are never read
    server.client().get(&format!("/me?access_token={token}")).await.expect_problem(401);
}

#[tokio::test]
async fn one_credential_is_enough() {
    let server = Server::start();
    let bob = server.sign_in(BOB).await;
    let twice = bob
        .request(Method::GET, "/me")
        .header(header::AUTHORIZATION, format!("Bearer {}", bob.token()))
        .body(Body::empty());
    bob.send(twice.unwrap()).await.expect(400);
    let shouted = server
        .client()
        .request(Method::GET, "/me")
        .header(header::AUTHORIZATION, format!("BEARER {}", bob.token()))
        .body(Body::empty());
    bob.send(shouted.unwrap()).await.expect(200);
}

#[tokio::test]
async fn other_methods_are_named() {
    let server = Server::start();
    let alice = server.sign_in(ALICE).await;
    let reply = alice.raw(Method::DELETE, "/payments", None, "").await.expect_problem(405);
    let allow = reply.header("allow").unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    server.client().get("/signin").await.expect_problem(405);
    server.client().get("/").await.expect_problem(404);
}

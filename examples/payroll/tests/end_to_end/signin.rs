//! Signing in, and failing to.

use crate::client::Client;
use crate::server::{ALICE, BOB, Server};

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_look_alike() {
    let server = Server::start();
    let client = server.client();
    let replies = [
        client.sign_in("bob", "wrong").await,
        client.sign_in("nobody", "wrong").await,
        client.sign_in("Bob", BOB.1).await,
        client.sign_in("", "").await,
        client.sign_in(&"x".repeat(5000), "x").await,
    ]
    .map(|reply| reply.expect_problem(401));
    for reply in &replies {
        assert_eq!(reply.body, replies[0].body);
        let names =
            |reply: &crate::client::Reply| reply.headers.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(reply), names(&replies[0]));
    }
}

#[tokio::test]
async fn repeated_failures_are_slowed_and_lock_out_nobody_else() {
    let server = Server::start();
    let here = server.client();
    for _ in 0..5 {
        here.sign_in("alice", "wrong").await.expect_problem(401);
    }
    let reply = here.sign_in("alice", "wrong").await.expect_problem(429);
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    // or else the answer would tell which password is right
    here.sign_in(ALICE.0, ALICE.1).await.expect_problem(429);
    // alice elsewhere, and others here
    let elsewhere = server.client().from("127.0.0.2");
    elsewhere.sign_in(ALICE.0, ALICE.1).await.expect(200);
    here.sign_in(BOB.0, BOB.1).await.expect(200);
    // her success there is no second chance here
    here.sign_in("alice", "wrong").await.expect_problem(429);
}

#[tokio::test]
async fn an_unknown_name_is_slowed_as_a_known_one() {
    let server = Server::start();
    for _ in 0..5 {
        server.client().sign_in("nobody", "wrong").await.expect_problem(401);
    }
    server.client().sign_in("nobody", "wrong").await.expect_problem(429);
}

#[tokio::test]
async fn failing_all_at_once_gains_nothing() {
    let server = Server::start();
    let mut statuses = at_once(&server.client(), "alice", |_| "wrong".into()).await;
    statuses.sort_unstable();
    assert_eq!(statuses[..5], [401; 5]);
    assert_eq!(statuses[5..], [429; 15]);
}

#[tokio::test]
async fn signing_in_all_at_once_works() {
    let server = Server::start();
    // two typos leave room for three more failures, and none of these is one
    for _ in 0..2 {
        server.client().sign_in("alice", "wrong").await.expect(401);
    }
    let statuses = at_once(&server.client(), "alice", |_| ALICE.1.into()).await;
    assert_eq!(statuses, [200; 20]);
}

#[tokio::test]
async fn many_guesses_at_once_do_not_fill_the_queue_for_others() {
    let server = Server::start();
    // each for another name, so that none waits for another's turn
    let guesses: Vec<_> = (0..200)
        .map(|n| {
            let client = server.client();
            tokio::spawn(async move { client.sign_in(&format!("user{n}"), "wrong").await.status })
        })
        .collect();
    let elsewhere = server.client().from("127.0.0.2");
    elsewhere.sign_in(ALICE.0, ALICE.1).await.expect(200);
    let mut statuses = Vec::new();
    for guess in guesses {
        statuses.push(guess.await.unwrap());
    }
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    // who guesses is slowed, and a good password gets in there as soon as they are through
    assert!(statuses.contains(&429), "{statuses:?}");
}

async fn at_once(client: &Client, name: &'static str, password: impl Fn(u8) -> String) -> Vec<u16> {
    let attempts: Vec<_> = (0..20)
        .map(|n| {
            let (client, password) = (client.clone(), password(n));
            tokio::spawn(async move { client.sign_in(name, &password).await.status })
        })
        .collect();
    let mut statuses = Vec::new();
    for attempt in attempts {
        statuses.push(attempt.await.unwrap());
    }
    statuses
}

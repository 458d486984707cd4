//! A client: it asks over a connection that is kept alive, with tokens of every sort, and has every answer
//! judged.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;

use super::model::{Exchange, Model, Pool, Token, now};
use super::random::Random;
use super::stats::Stats;

/// What all clients share.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) model: Arc<Model>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) stats: Arc<Stats>,
}

/// What a client sends.
enum Credential {
    /// A token as it was minted.
    Minted,
    /// These values of `authorization`, and the answers that are right.
    Wrong(Vec<String>, &'static [&'static str]),
}

/// Asks for ever.
pub(crate) async fn run(world: World, number: u64) -> Result<()> {
    let mut random = Random::new(1_000 + number);
    let mut connection = connect(world.address).await?;
    loop {
        // half of them from the youngest tenth, the rest from all, expired ones among them
        let share = random.share();
        let share = if random.below(2) == 0 { 1.0 - share / 10.0 } else { share };
        let Some(token) = world.pool.draw(share) else {
            // nothing is minted yet
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        let (action, credential) = choose(&mut random, &token);
        let values = match &credential {
            Credential::Minted => vec![format!("Bearer {}", token.text)],
            Credential::Wrong(values, _) => values.clone(),
        };
        let (sent, start) = (now(), Instant::now());
        let answer = match ask(&mut connection, &values).await {
            Ok(answer) => answer,
            Err(error) => {
                world.stats.unexplained(format!("{action}: {error:#}"));
                connection = connect(world.address).await?;
                continue;
            }
        };
        let took = start.elapsed();
        let exchange = Exchange { sent, answered: now() };
        let judged = match credential {
            Credential::Minted => world.model.judge(&token, &exchange, &answer),
            Credential::Wrong(_, right) if right.contains(&&*answer) => Ok(()),
            Credential::Wrong(_, right) => Err(format!("{answer} and not one of {right:?}")),
        };
        if let Err(wrong) = judged {
            world.stats.unexplained(format!("{action}: {wrong}"));
        }
        world.stats.add(action, answer, took, world.model.was_calm(&exchange));
    }
}

/// A forged token names a key that was perhaps withdrawn, and perhaps the last of its algorithm.
const FORGED: &[&str] = &["401 invalid-signature", "401 unknown-key", "401 algorithm-not-allowed"];

/// Mostly the token as it is; else something that is wrong whatever is done to the token.
fn choose(random: &mut Random, token: &Token) -> (&'static str, Credential) {
    let text = &token.text;
    let wrong = |value: String, right| Credential::Wrong(vec![value], right);
    match random.below(20) {
        0 => ("nothing", Credential::Wrong(Vec::new(), &["401 missing-credential"])),
        1 => ("opaque", wrong("Bearer ya29.a0AfH6SMBx".into(), &["401 malformed-token"])),
        2 => {
            let twice = vec![format!("Bearer {text}"), format!("Bearer {text}")];
            ("two", Credential::Wrong(twice, &["400 multiple-credentials"]))
        }
        3 => {
            // the claims of another, under this signature
            let mut parts: Vec<_> = text.split('.').collect();
            parts[1] = "eyJpc3MiOiJodHRwczovL3NvYWsuZXhhbXBsZS5jb20iLCJzdWIiOiJldmUifQ";
            ("forged", wrong(format!("Bearer {}", parts.join(".")), FORGED))
        }
        4 => ("large", wrong(format!("Bearer {}", "a".repeat(20_000)), &["401 token-too-large"])),
        _ => ("minted", Credential::Minted),
    }
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Empty<Bytes>>> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// The status, and the kind of rejection if there is one: `401 expired`.
async fn ask(connection: &mut SendRequest<Empty<Bytes>>, values: &[String]) -> Result<String> {
    let mut request = Request::builder().uri("/me").header("host", "soak.example.com");
    for value in values {
        request = request.header(AUTHORIZATION, value);
    }
    connection.ready().await?;
    let response: Response<Incoming> = connection.send_request(request.body(Empty::new())?).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    if status == 200 {
        return Ok("200".to_owned());
    }
    let problem: serde_json::Value = serde_json::from_slice(&body)
        .with_context(|| format!("{status} with {:?}", body.escape_ascii().to_string()))?;
    let kind = problem["type"].as_str().and_then(|uri| uri.split_once('#'));
    let (_, code) = kind.context("a problem has a type")?;
    Ok(format!("{status} {code}"))
}

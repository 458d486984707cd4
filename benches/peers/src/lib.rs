//! Other people's layers over a service that does nothing, in processes of their own.
//!
//! `peers measure NAME ALG` times requests, `peers serve NAME ALG` serves HTTP, and
//! `peers-count NAME ALG` counts allocations. All read a [`Setting`] from the first line of input.

#[allow(dead_code, reason = "not all of it is for peers")]
#[path = "../../src/drive.rs"]
mod drive;
mod layers;
mod serve;
#[allow(dead_code, reason = "not all of it is for peers")]
#[path = "../../src/watch.rs"]
mod watch;

use std::io::{BufRead, stdin};

use serde::{Deserialize, Serialize};

/// Who signs, whom for, and a token.
#[derive(Debug, Deserialize)]
pub struct Setting {
    issuer: String,
    audience: String,
    jwks: String,
    secret: String,
    token: String,
}

/// What the service wants to know of its caller.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Claims {
    sub: String,
    jti: String,
    iat: i64,
    exp: i64,
    client_id: String,
    roles: Vec<String>,
}

fn line() -> Option<String> {
    let mut line = String::new();
    (stdin().lock().read_line(&mut line).expect("input") > 0).then(|| line.trim().to_owned())
}

fn setting() -> Setting {
    serde_json::from_str(&line().expect("a setting")).expect("a setting")
}

/// Measures or serves.
pub fn main() {
    let args: Vec<_> = std::env::args().collect();
    let [_, part, name, algorithm] = args.as_slice() else {
        panic!("usage: peers measure|serve NAME ALG")
    };
    let setting = setting();
    if part == "serve" {
        return serve::serve(name, algorithm, &setting);
    }
    let mut peer = layers::peer(name, algorithm, &setting);
    peer(8);
    println!("ready");
    while let Some(line) = line() {
        let requests = line.parse().expect("a number of requests");
        let took = watch::watch(|| peer(requests));
        let cpu = took.cpu.map_or("-".to_owned(), |cpu| cpu.as_nanos().to_string());
        println!("{} {cpu}", took.wall.as_nanos());
    }
}

/// Counts.
pub fn count(counter: fn(&mut dyn FnMut()) -> u64) {
    let args: Vec<_> = std::env::args().collect();
    let [_, name, algorithm] = args.as_slice() else { panic!("usage: peers-count NAME ALG") };
    let mut peer = layers::peer(name, algorithm, &setting());
    peer(8);
    println!("{}", counter(&mut || peer(64)) as f64 / 64.0);
}

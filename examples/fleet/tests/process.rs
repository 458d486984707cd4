//! Runs the example as a process, on a real Redis and on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::process::Command;

use portcullis_support::{Outcome, Program, RedisServer, needs, run};

fn main() {
    run([
        needs(&[Program::REDIS], "redis::a_sign_out_is_everywhere_and_policies_differ", || {
            whole(&[])
        }),
        needs(
            &[Program::POSTGRES],
            "postgres::a_sign_out_is_everywhere_and_policies_differ",
            || whole(&["--store", "postgres"]),
        ),
        needs(&[Program::REDIS], "a_server_that_runs_already_is_used_and_not_stopped", elsewhere),
        needs(&[], "options_that_it_does_not_know_are_an_error", unknown),
    ])
}

fn fleet(arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleet"));
    let output = command.args(arguments).output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(told).unwrap())
}

/// What an instance said, in the order of its lines: what good tokens got, and what revoked ones.
fn said(told: &str, name: &str) -> Vec<(String, String)> {
    let lines = told.lines().filter(|line| line.contains(&format!("the {name} instance (")));
    let statuses = lines.map(|line| {
        let (_, statuses) = line.split_once("): alice ").unwrap();
        let (good, revoked) = statuses.split_once(", bob ").unwrap();
        (good.to_owned(), revoked.to_owned())
    });
    statuses.collect()
}

fn whole(arguments: &[&str]) -> Outcome {
    let (done, told) = fleet(arguments);
    assert!(done, "{told}");
    for name in ["first", "second", "third"] {
        assert!(told.contains(&format!("the {name} instance refuses the token")), "{told}");
        assert!(said(&told, name).iter().all(|(_, revoked)| revoked == "401"), "{told}");
    }
    let good = |name| said(&told, name).into_iter().map(|(good, _)| good).collect::<Vec<_>>();
    assert_eq!(good("first"), ["200", "503"], "closed:\n{told}");
    assert_eq!(good("second"), ["200"], "open:\n{told}");
    assert_eq!(good("third"), ["200", "503"], "stale:\n{told}");
    let refused = |name: &str| told.find(&format!("the {name} instance") as &str);
    assert!(refused("first").is_some());
    // the stale copy answers for longer than the closed one
    let at = |name: &str| {
        let line = told.lines().rfind(|line| line.contains(&format!("the {name} instance (")));
        line.unwrap().trim().split(' ').next().unwrap().parse::<f64>().unwrap()
    };
    assert!(at("first") < at("third"), "{told}");
    Ok(())
}

fn elsewhere() -> Outcome {
    let server = RedisServer::start(&[])?;
    let url = server.url();
    // a second run finds a store that is initialised
    for _ in 0..2 {
        let (done, told) = fleet(&["--url", &url]);
        assert!(done && told.contains("not ours to stop"), "{told}");
    }
    Ok(())
}

fn unknown() -> Outcome {
    for arguments in [&["--store", "paper"][..], &["--nothing"]] {
        let (done, told) = fleet(arguments);
        assert!(!done && told.contains("--"), "{told}");
    }
    let (done, told) = fleet(&["--url", "redis://127.0.0.1:1"]);
    assert!(!done && !told.contains("panicked"), "{told}");
    Ok(())
}

//! One file, several stores and processes: each sees the others' writes at its next question.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use portcullis_core::{Entry, Revoke};
use portcullis_sqlite::SqliteStore;
use portcullis_testing::block_on;

use crate::common::{assert_denied, assert_passes, deny, new_file, token, verdict};
use crate::durable::{child, told_file};

/// The other process: does as it is told.
#[expect(clippy::print_stdout, reason = "it is how it replies to the test")]
fn obey(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let (command, jti) = line.split_once(' ').unwrap();
        let reply = match command {
            "deny" => block_on(store.revoke(Entry::deny(token(jti)))).is_ok(),
            "ask" => verdict(&store, jti).is_denied(),
            _ => panic!("{line}"),
        };
        println!("reply {reply}");
    }
}

#[test]
fn two_processes_see_each_others_writes_at_the_next_question() {
    if let Some(path) = told_file() {
        return obey(&path);
    }
    let path = new_file();
    let store = SqliteStore::open(&path).unwrap();
    let mut child =
        child("shared::two_processes_see_each_others_writes_at_the_next_question", &path);
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut input = child.stdin.take().unwrap();
    let mut tell = |command: String| {
        writeln!(input, "{command}").unwrap();
        // the first reply is preceded by what the test harness prints
        let reply = output.find_map(|line| {
            let line = line.unwrap();
            line.rsplit_once("reply ").map(|(_, reply)| reply == "true")
        });
        reply.expect("the child is alive")
    };
    for n in 0..20 {
        let (ours, theirs) = (format!("ours {n}"), format!("theirs {n}"));
        assert!(!tell(format!("ask {ours}")));
        assert_passes(&store, &theirs);
        deny(&store, &ours);
        assert!(tell(format!("ask {ours}")));
        assert!(tell(format!("deny {theirs}")));
        assert_denied(&store, &theirs);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    // a process that goes takes nothing with it
    deny(&store, "last");
    assert_denied(&store, "last");
    assert_denied(&SqliteStore::open(&path).unwrap(), "theirs 19");
}

#[test]
fn two_stores_in_one_process_do_not_get_in_each_others_way() {
    let path = new_file();
    let first = SqliteStore::open(&path).unwrap();
    let second = SqliteStore::open(&path).unwrap();
    deny(&first, "1");
    assert_denied(&second, "1");
    drop(first);
    deny(&second, "2");
    let third = SqliteStore::open(&path).unwrap();
    assert_denied(&third, "1");
    assert_denied(&third, "2");
}

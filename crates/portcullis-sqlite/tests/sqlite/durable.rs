//! What was acknowledged survives: a restart, and a kill -9 in the middle of a burst of writes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use portcullis_core::state::Limits;
use portcullis_core::{
    Allowlist, AllowlistWriter, Entry, IatCutoff, MinGeneration, Revocation, Revoke, Target,
    Timestamp, TokenView,
};
use portcullis_sqlite::SqliteStore;
use portcullis_testing::{TestClock, block_on};

use crate::common::{ISSUER, NOW, assert_denied, assert_passes, deny, new_file, token};

/// Says to a child process which file is meant.
const FILE: &str = "PORTCULLIS_TEST_FILE";

/// Runs a test of this binary as a process of its own. The test sees by [`told_file`] that it is to be the
/// child.
pub(crate) fn child(test: &str, file: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(FILE, file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// The file that a child process was told of; `None` in the test itself.
pub(crate) fn told_file() -> Option<PathBuf> {
    std::env::var_os(FILE).map(Into::into)
}

const WRITERS: usize = 4;

#[expect(clippy::print_stdout, reason = "it tells the test what was acknowledged")]
fn write_until_killed(path: &Path) {
    let builder = SqliteStore::builder(path).with_busy_timeout(Duration::from_secs(60));
    let store = builder.open().unwrap();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || {
                for n in 0.. {
                    let jti = format!("{writer}-{n}");
                    let receipt = block_on(store.revoke(Entry::deny(token(&jti)))).unwrap();
                    println!("acknowledged {jti} {}", receipt.position());
                }
            });
        }
    });
}

#[test]
fn every_acknowledged_write_survives_a_kill_in_the_middle_of_a_burst() {
    if let Some(path) = told_file() {
        return write_until_killed(&path);
    }
    let path = new_file();
    let mut acknowledged = Vec::new();
    let mut last_position = 0;
    for round in 1..=3 {
        let mut child = child(
            "durable::every_acknowledged_write_survives_a_kill_in_the_middle_of_a_burst",
            &path,
        );
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let enough = acknowledged.len() + 100 * round;
        let mut killed = false;
        let mut line = String::new();
        while output.read_line(&mut line).unwrap() > 0 {
            // what is left in the pipe after the kill was acknowledged too, but for half a line
            let words: Vec<_> = line.split_whitespace().collect();
            if let (true, ["acknowledged", jti, position]) = (line.ends_with('\n'), &words[..]) {
                acknowledged.push((*jti).to_owned());
                last_position = last_position.max(position.parse::<u64>().unwrap());
            }
            line.clear();
            if !killed && acknowledged.len() >= enough {
                child.kill().unwrap();
                killed = true;
            }
        }
        assert!(killed, "the child ended by itself");
        assert!(!child.wait().unwrap().success());

        let store = SqliteStore::open(&path).unwrap();
        for jti in &acknowledged {
            assert_denied(&store, jti);
        }
        assert_passes(&store, "never");
        let next = block_on(store.revoke(Entry::deny(token("next")))).unwrap();
        assert!(next.position().get() > last_position, "positions go on");
        last_position = next.position().get();
    }
}

#[test]
fn everything_survives_a_restart() {
    let path = new_file();
    let open = || {
        SqliteStore::builder(&path)
            .with_clock(TestClock::new(NOW))
            .with_limits(Limits::default().denials_per_subject(1))
            .open()
            .unwrap()
    };
    let bob = Target::subject(ISSUER, "bob");
    let store = open();
    block_on(async {
        store.revoke(Entry::not_before_now(bob)).await?;
        store.revoke(Entry::min_generation(bob, 7)).await?;
        for jti in ["1", "2"] {
            store.revoke(Entry::deny(token(jti)).of_subject("carol")).await?;
        }
        let grace = NOW.saturating_add(Duration::from_secs(10));
        store.revoke(Entry::deny_from(token("graced"), grace)).await?;
        for jti in ["kept", "removed"] {
            store.allow(token(jti), Some("bob"), None).await?;
        }
        store.remove(token("removed")).await
    })
    .unwrap();
    drop(store);

    let store = open();
    let view = TokenView::new(ISSUER).with_subject("bob").with_issued_at(NOW);
    let check = |rule: &dyn Fn(TokenView<'_>) -> portcullis_core::Verdict, view, denied| {
        let verdict = rule(view);
        assert_eq!(verdict.is_denied(), denied, "{verdict:?} of {view:?}");
    };
    let (cutoffs, generations, allowlist) = (
        IatCutoff::new(store.clone()),
        MinGeneration::new(store.clone()),
        Allowlist::new(store.clone()),
    );
    check(&|view| block_on(cutoffs.check(&view)), view, true);
    let later = view.with_issued_at(Timestamp::from_secs(NOW.as_secs() + 1));
    check(&|view| block_on(cutoffs.check(&view)), later, false);
    check(&|view| block_on(generations.check(&view)), view.with_generation(6), true);
    check(&|view| block_on(generations.check(&view)), view.with_generation(7), false);
    check(&|view| block_on(allowlist.check(&view)), view.with_token_id("kept"), false);
    check(&|view| block_on(allowlist.check(&view)), view.with_token_id("removed"), true);
    assert_denied(&store, "1");
    assert_passes(&store, "graced");
    // the second denial of carol's was collapsed into a cutoff for all of hers
    let denylist = portcullis_core::Denylist::new(store.clone());
    let carol = TokenView::new(ISSUER).with_subject("carol").with_issued_at(NOW);
    check(&|view| block_on(denylist.check(&view)), carol.with_token_id("any"), true);
    deny(&store, "after");
    assert_denied(&store, "after");
}

//! What is left after a server was killed in the middle of many writes, and what is seen of writes that are slow.

use portcullis_core::feed::{Feed, FeedErrorKind};
use portcullis_core::state::{Limits, State};
use portcullis_core::{Position, Timestamp};
use portcullis_postgres::{PostgresCursor, PostgresStore};
use portcullis_support::{Outcome, PostgresServer};

use crate::common::{Add, NOW, burst, connect, deny, on_tokio, stranger, tell, token, verdict};

pub(crate) fn add(add: Add<'_>) {
    add("durable::nothing_acknowledged_is_lost_in_a_kill", kill);
    add("durable::a_row_that_commits_late_is_not_missed", late_commit);
    add("durable::a_transaction_that_stays_open_holds_nothing_back", long_transaction);
    add("durable::who_is_too_far_behind_begins_anew", far_behind);
}

/// With a server that is set up not to wait for the disk: the store does, all the same.
fn kill() -> Outcome {
    let mut server = PostgresServer::start(&["synchronous_commit=off", "wal_writer_delay=10s"])?;
    on_tokio(async {
        for round in 0..2 {
            let store = connect(&server.url()).await;
            let name = round.to_string();
            let written = burst(&store, &name, || server.kill().unwrap()).await;
            server = server.restart().unwrap();
            for jti in &written {
                let verdict = verdict(&store, jti).await;
                assert!(verdict.is_denied(), "{jti} of {}: {verdict:?}", written.len());
            }
        }
    })
}

async fn read(store: &PostgresStore, cursor: &mut PostgresCursor, state: &State) -> Position {
    let batch = store.read(cursor).await.unwrap();
    for change in batch.changes().iter() {
        state.apply(&change, NOW).unwrap();
    }
    *cursor = batch.cursor().clone();
    batch.position()
}

fn knows(state: &State, jti: &str) -> bool {
    state.is_denied(&token(jti), || Timestamp::MAX)
}

/// A denial by the function of the schema, in somebody's own transaction.
fn by_hand(jti: &str) -> String {
    format!(
        "SELECT portcullis.revoke('denied', 'jti', 'https://idp.example.com', '{jti}', NULL, NULL, NULL, NULL, NULL,
             0::smallint, 1000, 1000, false, NULL, NULL, NULL)"
    )
}

fn late_commit() -> Outcome {
    let server = PostgresServer::start(&[])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        let mut cursor = store.start().await.unwrap().cursor().clone();
        let state = State::new(Limits::unlimited());
        let (slow, slower) = (stranger(&server.url()).await, stranger(&server.url()).await);
        slow.batch_execute(&format!("BEGIN; {}", by_hand("late"))).await.unwrap();
        slower.batch_execute(&format!("BEGIN; {}", by_hand("later"))).await.unwrap();
        for n in 0..3 {
            let quick = format!("quick {n}");
            let written = deny(&store, &quick).await.unwrap();
            let reached = read(&store, &mut cursor, &state).await;
            assert!(knows(&state, &quick) && !knows(&state, "late"));
            assert!(reached < written, "what is open comes before it: {reached} {written}");
        }
        slow.batch_execute("COMMIT").await.unwrap();
        deny(&store, "after").await.unwrap();
        read(&store, &mut cursor, &state).await;
        assert!(knows(&state, "late") && knows(&state, "after") && !knows(&state, "later"));
        slower.batch_execute("COMMIT").await.unwrap();
        read(&store, &mut cursor, &state).await;
        assert!(knows(&state, "later"));
    })
}

/// A report that runs for hours in the same cluster.
fn long_transaction() -> Outcome {
    let server = PostgresServer::start(&[])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        let report = stranger(&server.url()).await;
        let open = "BEGIN; CREATE TEMPORARY TABLE report AS SELECT pg_current_xact_id()";
        report.batch_execute(open).await.unwrap();
        let mut cursor = store.start().await.unwrap().cursor().clone();
        let state = State::new(Limits::unlimited());
        for n in 0..20 {
            let jti = n.to_string();
            deny(&store, &jti).await.unwrap();
            read(&store, &mut cursor, &state).await;
            assert!(knows(&state, &jti));
            // what was seen wakes nobody again
            let changed =
                tokio::time::timeout(std::time::Duration::from_millis(1), store.changed(&cursor));
            assert!(changed.await.is_err(), "everything was read");
        }
    })
}

/// What one read would have to return and can't is never left out in silence.
fn far_behind() -> Outcome {
    let server = PostgresServer::start(&["fsync=off"])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        let behind = store.start().await.unwrap().cursor().clone();
        let many = "INSERT INTO portcullis.facts (key, rule, kind, issuer, id, value, keep_until, room)
             SELECT int8send(n), 'denied', 'jti', 'i', convert_to(n::text, 'UTF8'), -9223372036854775808, 9223372036854775807, 0
             FROM generate_series(1, 200001) n";
        let report = stranger(&server.url()).await;
        report.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
        let open = store.start().await.unwrap().cursor().clone();
        tell(&server.url(), many).await;
        // a new start would begin at the same place: all of it has to be read
        let batch = store.read(&open).await.unwrap();
        assert_eq!(batch.changes().len(), 200_001);
        report.batch_execute("COMMIT").await.unwrap();
        deny(&store, "1").await.unwrap();
        let kind = store.read(&behind).await.map(|_| ()).map_err(|error| error.kind());
        assert_eq!(kind, Err(FeedErrorKind::Gap));
    })
}

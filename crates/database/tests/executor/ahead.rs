//! Statements of a transaction are sent ahead of the answers to those before them, and it ends as if they were not.

use std::sync::Mutex;

use ace_database::{Progress, RunError, Settings};
use ace_domain::sql::Segment;

use crate::{
    bed::{Bed, Migration, create_index, migration, segments, settings, statement, statements},
    proxy::{Cut, Proxy},
};

/// So many rows, with one other statement among them.
fn rows(number: usize, at: usize, other: &str) -> Migration {
    let mut texts = vec!["INSERT INTO t VALUES (1)"; number];
    texts[0] = "CREATE TABLE t (n int CHECK (n > 0))";
    texts[at] = other;
    migration("1", &texts)
}

async fn nothing_is_there_of(bed: &Bed, version: &str) {
    let there = format!(
        "SELECT coalesce(to_regclass('t')::text, 'none') UNION ALL \
         SELECT version FROM supabase_migrations.schema_migrations WHERE version = '{version}' UNION ALL \
         SELECT version FROM ace_ops.migration WHERE version = '{version}'"
    );
    bed.until(&there, &["none"]).await;
}

#[tokio::test]
async fn a_thousand_statements_take_no_thousand_round_trips() {
    let bed = Bed::new().await;
    let proxy = Proxy::far_before(bed.access().port).await;
    let mut session = bed.session_through(&proxy).await;
    let file = rows(1_000, 999, "INSERT INTO t VALUES (2)");
    let before = proxy.round_trips();
    assert!(file.run(&mut session).await.is_ok());
    let round_trips = proxy.round_trips() - before;
    assert_eq!(
        bed.column("SELECT concat_ws(' ', count(*), sum(n)) FROM t").await,
        ["999 1000"]
    );
    // Nine, measured: BEGIN, four or five times statements, proof, rows, COMMIT, clean-up. A busy machine may split some.
    assert!((5..100).contains(&round_trips), "{round_trips}");
}

#[tokio::test]
async fn a_statement_that_fails_among_those_sent_ahead_is_named_with_its_line() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    for (other, state) in [
        ("INSERT INTO t VALUES (-1)", "23514"),
        ("SELECT 1/0", "22012"),
        ("SELEC", "42601"),
    ] {
        for at in [1, 2, 100, 255, 256, 257, 399] {
            let outcome = rows(400, at, other).run(&mut session).await;
            let Err(RunError::Sql { state: seen, line, .. }) = outcome else {
                panic!("{other} {at}: {outcome:?}");
            };
            let at = u32::try_from(at).unwrap() + 1;
            assert_eq!((seen.as_str(), line), (state, Some(at)), "{other}");
        }
    }
    nothing_is_there_of(&bed, "1").await;
    let whole = rows(400, 1, "INSERT INTO t VALUES (2)");
    assert!(whole.run(&mut session).await.is_ok(), "the session stands");
}

#[tokio::test]
async fn nothing_behind_a_statement_that_failed_is_done_whatever_it_is() {
    let bed = Bed::new().await;
    bed.as_superuser("CREATE SEQUENCE s; ALTER SEQUENCE s OWNER TO postgres")
        .await;
    let mut session = bed.session().await;
    for end in [
        "COMMIT",
        "END",
        "ROLLBACK",
        "ABORT",
        "COMMIT; BEGIN",
        "rollback to savepoint a",
    ] {
        let texts = [
            "SAVEPOINT a",
            "SELECT 1/0",
            end,
            "CREATE TABLE t ()",
            "SELECT nextval('s')",
        ];
        let outcome = migration("1", &texts).run(&mut session).await;
        let Err(RunError::Sql { line, .. }) = outcome else {
            panic!("{end}: {outcome:?}");
        };
        assert_eq!(line, Some(2), "{end}");
        nothing_is_there_of(&bed, "1").await;
    }
    assert_eq!(bed.column("SELECT is_called::text FROM s").await, ["false"]);
}

#[tokio::test]
async fn what_is_not_sent_when_a_statement_is_known_to_have_failed_is_not_sent_any_more() {
    let bed = Bed::new().await;
    let proxy = Proxy::far_before(bed.access().port).await;
    let mut session = bed.session_through(&proxy).await;
    let file = rows(1_000, 255, "SELECT 1/0");
    let before = proxy.carried();
    let outcome = file.run(&mut session).await.map(|_| ());
    assert!(
        matches!(outcome, Err(RunError::Sql { line: Some(256), .. })),
        "{outcome:?}"
    );
    let carried = proxy.carried() - before;
    // Two requests for each of the first 256, whose answers come together. Each answer makes room for one more: with those it would
    // be 1,022. A busy machine may see some answers before the others.
    assert!((512..900).contains(&carried), "{carried}");
}

#[tokio::test]
async fn progress_names_each_statement_in_turn_and_a_failed_one_last() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let lines = Mutex::new(Vec::new());
    let watcher = |progress| {
        if let Progress::Statement { line } = progress {
            lines.lock().unwrap().push(line);
        }
    };
    let file = rows(20, 11, "SELECT 1/0");
    let outcome = session.run(&file.file, &file.script, &watcher).await;
    assert!(outcome.is_err());
    assert_eq!(lines.into_inner().unwrap(), (1..=12).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_session_that_is_lost_among_those_sent_ahead_is_lost_no_later_than_at_its_line_and_leaves_nothing() {
    let bed = Bed::new().await;
    for at in [1, 50, 150, 299] {
        let file = rows(300, at, "SELECT pg_terminate_backend(pg_backend_pid())");
        let mut session = bed.session().await;
        let outcome = file.run(&mut session).await.map(|_| ());
        let line = u32::try_from(at).unwrap() + 1;
        // Answers that were on their way may be lost with it.
        let is_lost = matches!(outcome, Err(RunError::Lost { line: Some(lost), .. }) if (1..=line).contains(&lost));
        assert!(is_lost, "{at}: {outcome:?}");
        nothing_is_there_of(&bed, "1").await;
    }
}

#[tokio::test]
async fn one_by_one_a_session_is_lost_at_its_line() {
    let bed = Bed::new().await;
    for at in [1, 50, 299] {
        let mut session = bed.session().await;
        session.send_one_by_one();
        let file = rows(300, at, "SELECT pg_terminate_backend(pg_backend_pid())");
        let outcome = file.run(&mut session).await.map(|_| ());
        let line = u32::try_from(at).unwrap() + 1;
        assert!(
            matches!(outcome, Err(RunError::Lost { line: Some(lost), .. }) if lost == line),
            "{at}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_among_those_sent_ahead_leaves_nothing_and_the_file_runs_again() {
    let bed = Bed::new().await;
    let proxy = Proxy::before(bed.access().port).await;
    for cut in [Cut::Before, Cut::After] {
        // Two requests a statement, behind those of the beginning.
        for request in [4, 5, 100, 301, 500] {
            let mut session = bed.session_through(&proxy).await;
            proxy.arm(request, cut);
            let outcome = rows(300, 1, "INSERT INTO t VALUES (2)").run(&mut session).await;
            assert!(
                matches!(outcome, Err(RunError::Lost { line: Some(_), .. })),
                "{cut:?} {request}: {outcome:?}"
            );
            drop(session);
            nothing_is_there_of(&bed, "1").await;
        }
    }
    let mut session = bed.session().await;
    assert!(rows(300, 1, "INSERT INTO t VALUES (2)").run(&mut session).await.is_ok());
    assert_eq!(bed.column("SELECT count(*)::text FROM t").await, ["299"]);
}

#[tokio::test]
async fn each_statement_of_those_sent_ahead_has_its_own_time_and_a_late_cancel_ends_the_next() {
    let bed = Bed::new().await;
    let impatient = Settings {
        statement_timeout: std::time::Duration::from_millis(500),
        ..settings()
    };
    let mut session = bed.session_with(&bed.access(), &impatient).await;
    // Together they take longer than one may.
    let slow = migration("1", &["SELECT pg_sleep(0.2)"; 5]);
    assert!(slow.run(&mut session).await.is_ok());
    let catches = "DO $$ BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END $$";
    let texts = [
        "SET statement_timeout = 0",
        catches,
        "SELECT pg_sleep(600)",
        "CREATE TABLE t ()",
    ];
    let outcome = migration("2", &texts).run(&mut session).await.map(|_| ());
    assert_eq!(outcome, Err(RunError::TimedOut { line: Some(2) }));
    nothing_is_there_of(&bed, "2").await;
    // No cancel is left for the next file.
    assert!(
        migration("3", &["SELECT pg_sleep(0.1)"])
            .run(&mut session)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn what_a_file_sets_holds_for_the_next_statements_and_how_strings_are_read_for_none() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let create = create_index("t", "i", false);
    let file = segments(
        "1",
        vec![
            Segment::Together(statements(&[
                "SET standard_conforming_strings = off",
                r"CREATE TABLE t (n text DEFAULT '\')",
                "SET work_mem = '77kB'",
                "INSERT INTO t VALUES (current_setting('work_mem'))",
                "SET LOCAL work_mem = '78kB'",
                "INSERT INTO t VALUES (current_setting('work_mem'))",
            ])),
            Segment::Alone(statement("CREATE INDEX CONCURRENTLY i ON t (n)"), create),
            Segment::Together(statements(&[
                "INSERT INTO t DEFAULT VALUES",
                "INSERT INTO t VALUES (current_setting('work_mem'))",
                r"INSERT INTO t VALUES ('\')",
            ])),
        ],
    );
    assert!(file.run(&mut session).await.is_ok());
    assert_eq!(
        bed.column("SELECT string_agg(n, ' ' ORDER BY ctid) FROM t").await,
        [r"77kB 78kB \ 77kB \"]
    );
}

//! Every SQLSTATE that PostgreSQL knows, raised by a file on a real server.

use ace_database::RunError;
use ace_domain::{
    kinds::migration_set::may_pass,
    sql::{Alone, Segment, Statement},
};

use crate::{
    bed::{Bed, create_index, migration, run, segments, statement, statements, terminated},
    proxy::{Cut, Proxy},
};

const ERRCODES: &str = include_str!("../../../domain/src/kinds/migration_set/tests/errcodes.txt");

/// SQLSTATEs with their names. RAISE takes success for no state at all.
fn states() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = ERRCODES.lines().filter(|line| !line.starts_with('#'));
    let states = lines.filter_map(|line| line.split_once(' '));
    states.filter(|(state, _)| *state != "00000")
}

#[tokio::test]
async fn whatever_a_file_raises_is_known_by_its_line_and_retried_only_if_it_may_pass() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let mut raised = 0;
    for (state, name) in states() {
        let raise = format!("DO $$ BEGIN RAISE 'it''s said' USING ERRCODE = '{state}'; END $$");
        let (seen, message, line, passes) = match run(&mut session, &["SELECT 1", &raise]).await {
            Err(RunError::Sql { state, message, line }) => (state, message, line, false),
            Err(RunError::Retry { state, message, line }) => (state, message, line, true),
            other => panic!("{state} {name}: {other:?}"),
        };
        assert_eq!(
            (seen.as_str(), message.as_str(), line),
            (state, "it's said", Some(2)),
            "{name}"
        );
        assert_eq!(passes, may_pass(state, false), "{state} {name}");
        raised += 1;
    }
    assert!(raised > 260, "{raised} states");
    assert!(
        run(&mut session, &["CREATE TABLE t ()"]).await.is_ok(),
        "the session stands"
    );
}

#[tokio::test]
async fn whatever_a_session_dies_of_is_known_by_the_line_at_which_it_did() {
    let bed = Bed::new().await;
    let dies = "SELECT pg_terminate_backend(pg_backend_pid())";
    for statement in [dies.to_owned(), format!("DO $$ BEGIN PERFORM {}; END $$", &dies[7..])] {
        let mut session = bed.session().await;
        let outcome = run(&mut session, &["SELECT 1", &statement]).await;
        assert_eq!(outcome, Err(terminated(2)), "{statement}");
    }
    let proxy = Proxy::before(bed.access().port).await;
    let mut deaths = 0;
    for (state, name) in states() {
        let mut session = bed.session_through(&proxy).await;
        // The look, BEGIN, and two requests a statement.
        proxy.arm_fatal(6, state);
        let outcome = run(&mut session, &["SELECT 1", "SELECT 2", "CREATE TABLE t ()"]).await;
        let words = format!("terminating connection due to administrator command (SQLSTATE {state})");
        let lost = RunError::Lost {
            line: Some(2),
            words: Some(words),
        };
        assert_eq!(outcome, Err(lost), "{name}");
        deaths += 1;
    }
    assert!(deaths > 260, "{deaths} states");
    let silent = RunError::Lost {
        line: Some(2),
        words: None,
    };
    let mut session = bed.session_through(&proxy).await;
    session.send_one_by_one();
    proxy.arm(6, Cut::Before);
    let outcome = run(&mut session, &["SELECT 1", "SELECT 2", "CREATE TABLE t ()"]).await;
    assert_eq!(outcome, Err(silent), "a connection that is cut");
}

#[tokio::test]
async fn wherever_a_session_dies_nothing_of_the_file_is_there_or_the_ledger_has_it() {
    let bed = Bed::new().await;
    let proxy = Proxy::before(bed.access().port).await;
    let file = migration("1", &["CREATE TABLE t (n int)", "INSERT INTO t VALUES (1)"]);
    for state in ["53300", "57P01", "57P02", "57P05", "25P03", "42501", "XX000"] {
        let mut unknown = Vec::new();
        for request in 1.. {
            let mut session = bed.session_through(&proxy).await;
            proxy.arm_fatal(request, state);
            let outcome = file.run(&mut session).await;
            drop(session);
            let line = match outcome {
                Err(RunError::Lost { line, .. }) => line,
                Err(RunError::Unknown) => {
                    let there = "SELECT concat_ws(' ', to_regclass('t'), (SELECT version FROM supabase_migrations.schema_migrations), \
                         (SELECT version FROM ace_ops.migration))";
                    unknown.extend(bed.column(there).await);
                    None
                }
                outcome => panic!("{state} {request}: {outcome:?}"),
            };
            // The look and BEGIN, then two requests a statement.
            let expected = match request {
                3 | 4 => Some(1),
                5 | 6 => Some(2),
                _ => None,
            };
            assert_eq!(line, expected, "{state} {request}");
            if unknown.len() == 2 {
                break;
            }
        }
        // COMMIT did not come there; it did, and only its proof did not.
        assert_eq!(unknown, ["", "t 1 1"], "{state}");
        bed.as_superuser(
            "DROP TABLE t; DELETE FROM supabase_migrations.schema_migrations; DELETE FROM ace_ops.migration",
        )
        .await;
    }
}

const READ_ONLY: &str = "SET default_transaction_read_only = on";

fn at(line: u32, text: &str) -> Statement {
    Statement {
        line,
        ..statement(text)
    }
}

#[tokio::test]
async fn a_file_that_makes_its_session_read_only_fails_at_the_statement_that_then_can_not_write() {
    let bed = Bed::new().await;
    let begins = || Segment::Together(statements(&["CREATE TABLE t (n int)", READ_ONLY]));
    let index = at(3, "CREATE INDEX CONCURRENTLY i ON t (n)");
    let vacuum = || Segment::Alone(at(3, "VACUUM t"), Alone::Vacuum);
    for (number, (rest, line, message)) in [
        (
            vec![Segment::Alone(index, create_index("t", "i", false))],
            3,
            "cannot execute CREATE INDEX in a read-only transaction",
        ),
        (
            vec![
                vacuum(),
                Segment::Together(vec![at(4, "SELECT 1"), at(5, "INSERT INTO t VALUES (1)")]),
            ],
            5,
            "cannot execute INSERT in a read-only transaction",
        ),
        (
            vec![vacuum(), Segment::Together(vec![at(4, "SELECT 1"), at(5, "SELECT 2")])],
            5,
            "it can't be recorded that the file has come this far: cannot execute … in a read-only transaction",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        bed.as_superuser("DROP TABLE IF EXISTS t").await;
        let file = segments(&format!("1{number}"), [vec![begins()], rest].concat());
        // The second attempt goes on in another session.
        for attempt in 1..=2 {
            let mut session = bed.session().await;
            let outcome = file.run(&mut session).await;
            let Err(RunError::Retry {
                state,
                message: seen,
                line: at,
            }) = outcome
            else {
                panic!("{number} {attempt}: {outcome:?}");
            };
            assert_eq!((state.as_str(), seen.as_str(), at), ("25006", message, Some(line)));
        }
    }
    assert_eq!(bed.steps().await, ["10 0 t", "11 0 t", "11 1 t", "12 0 t", "12 1 t"]);
    // What a read-only session may do runs, as in psql.
    bed.as_superuser("DROP TABLE t").await;
    let file = segments("2", vec![begins(), vacuum()]);
    assert!(file.run(&mut bed.session().await).await.is_ok());
    let whole = migration(
        "3",
        &["SELECT 1", "SELECT set_config('transaction_read_only', 'on', true)"],
    );
    let outcome = whole.run(&mut bed.session().await).await;
    assert!(
        matches!(&outcome, Err(RunError::Retry { line: Some(2), message, .. }) if message.contains("come this far")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_file_reaches_no_program_or_file_of_the_server() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let copies = [
        "COPY (SELECT 'a value') TO PROGRAM 'cat'",
        "COPY (SELECT 'a value') TO '/tmp/a'",
    ];
    let words = "permission denied to COPY to or from";
    for statement in copies {
        let Err(RunError::Sql { state, message, line }) = run(&mut session, &["SELECT 1", statement]).await else {
            panic!("it does: {statement}");
        };
        assert_eq!((state.as_str(), line), ("42501", Some(2)), "{statement}");
        assert!(
            message.contains(words) || message.contains("must be superuser"),
            "{statement}: {message}"
        );
        assert!(!message.contains("a value"), "{message}");
    }
}

#[tokio::test]
async fn rows_that_a_statement_answers_with_are_not_kept() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let before = resident();
    // 300 MB.
    let rows = "SELECT repeat('x', 10000) FROM generate_series(1, 30000)";
    let outcome = run(&mut session, &["SELECT 1", rows, "CREATE TABLE behind ()"]).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    // Other tests of this process take some of it.
    let grown = resident().saturating_sub(before);
    assert!(grown < 200 << 10, "{grown} kB");
}

/// Kilobytes of this process that were in memory at most so far, where the system says so.
fn resident() -> u64 {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return 0;
    };
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

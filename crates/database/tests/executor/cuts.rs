//! The connection is cut before and after every request of a run; another session goes on from there.

use ace_database::{RunError, Session};
use ace_domain::sql::{Alone, ReindexTarget, Segment};

use crate::{
    bed::{Bed, Migration, create_index, migration, segments, statement, statements},
    proxy::{Cut, Proxy},
};

/// A file with everything that a file may do, and a counter that each of its transactions increments.
fn everything(number: usize) -> Migration {
    let (table, index) = (format!("t{number}"), format!("i{number}"));
    let create = create_index(&table, &index, false);
    let scratch = create_index(&table, &format!("{index}_scratch"), true);
    let drop = Alone::DropIndex {
        schema: Some("app".to_owned()),
        name: format!("{index}_scratch"),
        if_exists: false,
    };
    let count = format!("UPDATE {table} SET n = n + 1");
    segments(
        &number.to_string(),
        vec![
            Segment::Together(statements(&[
                // Holds for the rest of the file, in whatever session that is.
                "SET search_path = app",
                &format!("CREATE TABLE {table} (n integer)"),
                &format!("INSERT INTO {table} VALUES (0)"),
                &count,
            ])),
            Segment::Alone(
                statement(&format!("CREATE INDEX CONCURRENTLY {index} ON {table} (n)")),
                create,
            ),
            Segment::Alone(
                statement(&format!(
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS {index}_scratch ON {table} (n)"
                )),
                scratch,
            ),
            Segment::Together(statements(&[&count])),
            Segment::Alone(
                statement(&format!("REINDEX TABLE CONCURRENTLY {table}")),
                Alone::Reindex {
                    target: ReindexTarget::Table,
                    schema: None,
                    name: table.clone(),
                },
            ),
            Segment::Alone(statement(&format!("DROP INDEX CONCURRENTLY app.{index}_scratch")), drop),
            Segment::Alone(statement(&format!("VACUUM {table}")), Alone::Vacuum),
        ],
    )
}

/// Cuts a run of each file at each request until one is not cut; returns how many requests such a run has. `check` judges what is
/// there after another session has gone on.
async fn cut_everywhere(
    bed: &Bed,
    cut: Cut,
    of: fn(usize) -> Migration,
    check: impl AsyncFn(usize, Option<RunError>),
) -> usize {
    let proxy = Proxy::before(bed.access().port).await;
    for number in 1.. {
        let mut session = bed.session_through(&proxy).await;
        proxy.arm(number, cut);
        let outcome = of(number).run(&mut session).await.map(|_| ());
        let requests = proxy.seen();
        drop(session);
        if requests < number {
            assert_eq!(outcome, Ok(()));
            check(number, None).await;
            return requests;
        }
        go_on(&mut bed.session().await, &of(number)).await;
        check(number, outcome.err()).await;
    }
    unreachable!()
}

/// What an operator does that finds a file which is in no ledger.
async fn go_on(session: &mut Session, migration: &Migration) {
    match migration.run(session).await {
        Ok(_) | Err(RunError::AlreadyRecorded) => {}
        Err(error) => panic!("{}: {error:?}", migration.file.version),
    }
}

async fn ends_as_if_nothing_had_happened(cut: Cut) {
    let bed = Bed::new().await;
    bed.as_superuser("CREATE SCHEMA app AUTHORIZATION postgres").await;
    let requests = cut_everywhere(&bed, cut, everything, async |number, _| {
        let state = format!(
            "SELECT (SELECT string_agg(n::text, ',') FROM app.t{number}) || ' ' || \
             (SELECT string_agg(c.relname || ':' || i.indisvalid, ',') FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
              WHERE indrelid = 'app.t{number}'::regclass) || ' ' || \
             (SELECT count(*) FROM supabase_migrations.schema_migrations WHERE version = '{number}') || ' ' || \
             (SELECT count(*) FROM ace_ops.migration WHERE version = '{number}') || ' ' || (SELECT count(*) FROM ace_ops.step)"
        );
        assert_eq!(bed.column(&state).await, [format!("2 i{number}:true 1 1 0")], "{cut:?} {number}");
    })
    .await;
    // Fewer would mean that the cuts miss something: 7 segments, of which 5 run alone.
    assert!(requests >= 70, "{requests}");
    println!("{requests} requests, each cut: {cut:?}");
}

#[tokio::test]
async fn a_file_that_is_cut_before_any_request_ends_as_if_nothing_had_happened() {
    ends_as_if_nothing_had_happened(Cut::Before).await;
}

#[tokio::test]
async fn a_file_that_is_cut_after_any_request_ends_as_if_nothing_had_happened() {
    ends_as_if_nothing_had_happened(Cut::After).await;
}

fn counter(number: usize) -> Migration {
    let table = format!("CREATE TABLE t{number} (n integer)");
    migration(
        &number.to_string(),
        &[&table, &format!("INSERT INTO t{number} VALUES (1)")],
    )
}

#[tokio::test]
async fn before_commit_is_sent_a_loss_says_that_nothing_happened_and_afterwards_that_nobody_knows() {
    let bed = Bed::new().await;
    for cut in [Cut::Before, Cut::After] {
        let proxy = Proxy::before(bed.access().port).await;
        let mut outcomes = Vec::new();
        for number in 1.. {
            let version = number + if cut == Cut::After { 100 } else { 0 };
            let mut session = bed.session_through(&proxy).await;
            proxy.arm(number, cut);
            let outcome = counter(version).run(&mut session).await.map(|_| ());
            let cut_off = proxy.seen() == number;
            drop(session);
            let ledgers = bed.session().await.ledgers().await.unwrap();
            let recorded = ledgers.ledger.contains_key(&version.to_string());
            if !cut_off {
                assert_eq!((outcome, recorded), (Ok(()), true));
                break;
            }
            outcomes.push((outcome.err().map(|error| error.reason()), recorded));
        }
        let (lost, unknown) = ((Some("Lost"), false), (Some("Unknown"), true));
        // Look, BEGIN, a renewal and a statement twice, the proof, the rows; COMMIT, its proof; the clean-up.
        let before = match cut {
            Cut::Before => [[lost; 8].as_slice(), &[(Some("Unknown"), false), unknown, (None, true)]].concat(),
            Cut::After => [[lost; 8].as_slice(), &[unknown, unknown, (None, true)]].concat(),
        };
        assert_eq!(outcomes, before, "{cut:?}");
    }
}

//! A file that runs a second time, because a person has allowed it.

use ace_database::{RunError, Session};
use ace_domain::sql::Segment;

use crate::bed::{Bed, migration, operator_schema, segments, statements};

const TEXTS: [&str; 2] = ["CREATE TABLE IF NOT EXISTS t (n int)", "INSERT INTO t VALUES (1)"];

/// A database where version 1 ran, and that row was then taken out of the CLI's ledger.
async fn reverted() -> (Bed, Session) {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    assert!(migration("1", &TEXTS).run(&mut session).await.is_ok());
    let revert = "DELETE FROM supabase_migrations.schema_migrations";
    bed.as_superuser(revert).await;
    (bed, session)
}

/// How often it ran, the CLI's ledger, and the bytes in ours.
async fn state(bed: &Bed, session: &Session) -> (Vec<String>, Vec<String>, Vec<String>) {
    let own = operator_schema(session).await.rows;
    (
        bed.column("SELECT count(*)::text FROM t").await,
        bed.column("SELECT version FROM supabase_migrations.schema_migrations")
            .await,
        own.into_values().map(|row| row.sha256).collect(),
    )
}

fn expected(times: &str, cli: &[&str], ours: &str) -> (Vec<String>, Vec<String>, Vec<String>) {
    let cli = cli.iter().copied().map(str::to_owned).collect();
    (vec![times.to_owned()], cli, vec![ours.to_owned()])
}

#[tokio::test]
async fn what_was_taken_out_of_the_other_ledger_runs_again_only_if_that_is_allowed() {
    let (bed, mut session) = reverted().await;
    let mut changed = migration("1", &TEXTS);
    changed.file.sha256 = "sha256:changed".to_owned();
    let not_allowed = changed.run(&mut session).await.map(|_| ());
    assert_eq!(not_allowed, Err(RunError::AlreadyRecorded));
    assert_eq!(state(&bed, &session).await, expected("1", &[], "sha256:1"));
    assert!(changed.run_again(&mut session).await.is_ok());
    assert_eq!(state(&bed, &session).await, expected("2", &["1"], "sha256:changed"));
}

#[tokio::test]
async fn what_the_other_ledger_has_does_not_run_again_even_if_approved() {
    let (bed, mut session) = reverted().await;
    for _ in 0..2 {
        let _ = migration("1", &TEXTS).run_again(&mut session).await;
    }
    assert_eq!(state(&bed, &session).await, expected("2", &["1"], "sha256:1"));
}

#[tokio::test]
async fn what_fails_when_it_runs_again_leaves_its_old_row() {
    let (bed, mut session) = reverted().await;
    let mut fails = migration("1", &["INSERT INTO t VALUES (1)", "SELECT 1 / 0"]);
    fails.file.sha256 = "sha256:fails".to_owned();
    assert_eq!(fails.run_again(&mut session).await.unwrap_err().reason(), "Sql");
    assert_eq!(state(&bed, &session).await, expected("1", &[], "sha256:1"));
}

#[tokio::test]
async fn a_file_that_writes_its_own_row_is_distinguished_from_one_that_was_recorded() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let own = "INSERT INTO supabase_migrations.schema_migrations (version) VALUES ('1')";
    let file = migration("1", &[own]);
    assert_eq!(file.run(&mut session).await, Err(RunError::WritesLedger));
    bed.as_superuser(own).await;
    assert_eq!(file.run(&mut session).await, Err(RunError::AlreadyRecorded));
}

#[tokio::test]
async fn a_first_part_that_writes_the_files_row_does_not_stand_for_the_rest() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let own = "INSERT INTO supabase_migrations.schema_migrations (version) VALUES ('1')";
    let parts = [["CREATE TABLE t ()", own], ["CREATE TABLE u ()", "CREATE TABLE v ()"]];
    let parts = parts.map(|texts| Segment::Together(statements(&texts)));
    let file = segments("1", parts.to_vec());
    assert_eq!(file.run(&mut session).await, Err(RunError::WritesLedger));
    let left = "SELECT relname::text FROM pg_class WHERE relname IN ('t', 'u', 'v') \
         UNION ALL SELECT version FROM supabase_migrations.schema_migrations";
    assert!(bed.column(left).await.is_empty());
}

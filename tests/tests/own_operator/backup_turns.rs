//! A dump and a migration wait for each other, by name; who reads waits for neither.

use std::fs;

use ace_tests::{Database, Operator, OperatorOptions, SET, Scene, bed, message_of, on_database_of, reason_of};
use serde_json::json;
use tokio_postgres::Client;

use super::backups::{clients, worker};

ace_tests::tests! {
    a_dump_and_a_migration_wait_for_each_other_by_name_and_who_reads_waits_for_neither,
}

const NOTES: (&str, &str) = (
    "20260101000000_notes.sql",
    "CREATE TABLE public.notes (id bigint PRIMARY KEY);\nALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;\n",
);
/// Needs a lock that excludes a dump's, and everybody's behind it.
const COLUMN: (&str, &str) = (
    "20260102000000_column.sql",
    "ALTER TABLE public.recipients ADD COLUMN more text;\n",
);
/// Waits while somebody has this lock.
const LONG: (&str, &str) = (
    "20260103000000_long.sql",
    "CREATE INDEX notes_id ON public.notes (id);\nSELECT pg_advisory_xact_lock_shared(4711);\n",
);
const ROWS: &str = "6000";
/// The session of a `pg_dump` that has begun to write, with its lock.
const DUMPS: &str = "SELECT l.pid FROM pg_stat_activity a JOIN pg_locks l USING (pid) \
    WHERE a.datname = current_database() AND a.query LIKE 'COPY %' \
    AND l.relation = 'public.recipients'::regclass AND l.granted";
const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation' \
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Another session reads the table that is dumped, and nobody stands in line for one.
async fn reads(database: &Database) {
    assert_eq!(database.rows(WAITING).await, ["0"]);
    // Only a session that waits behind another reaches this limit.
    let select = "SET lock_timeout = '60s'; SELECT count(*) FROM public.recipients";
    assert_eq!(database.rows(select).await, [ROWS]);
    assert_eq!(database.rows(WAITING).await, ["0"]);
}

async fn gate(database: &Database) -> Client {
    let session = database.session().await;
    session.batch_execute("SELECT pg_advisory_lock(4711)").await.unwrap();
    session
}

async fn a_dump_and_a_migration_wait_for_each_other_by_name_and_who_reads_waits_for_neither() {
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    on_database_of(&operator, "24h", async |stage, database| {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name);
        // What is read of it until it may go on is less than it has to write, so it keeps its locks.
        let script = format!(
            "{{ \"$REAL\" \"$@\"; echo $? > {rc}; }} | {{ head -c 4000; while [ -d {directory} ] && [ ! -e {go} ]; do sleep 0.1; done; cat; }}\n\
             exit \"$(cat {rc})\"",
            directory = directory.path().display(),
            rc = file("rc").display(),
            go = file("go").display()
        );
        let _worker = Operator::start(bed(), &worker(Some(clients(directory.path(), &script)))).await;
        stage.migrations(&[NOTES]).await;
        // What is waited for here is no trouble.
        stage.migration_set(json!({ "lockTimeout": "1m" })).await;
        stage.applied("20260101000000").await;
        let scene = Scene::prepare(stage, database, &stage.space.bed.bed.file().store_url).await;
        database
            .run("INSERT INTO public.recipients SELECT i, repeat('x', 200), '' FROM generate_series(2001, 6000) i")
            .await;
        scene.schedule(|_| {}).await;
        let namespace = &stage.space.name;

        scene.backup("first").await;
        let dumps = async || database.rows(DUMPS).await.pop();
        let pid = stage.eventually("it is dumped", dumps).await;
        stage.migrations(&[NOTES, COLUMN]).await;
        let expected = format!("(ace-worker/{namespace}/first)");
        let says = |set: &serde_json::Value| {
            reason_of(set, "Reconciling") == "WaitingForTurn" && message_of(set, "Ready").ends_with(&expected)
        };
        stage.until_set(&format!("waits for {expected}"), says).await;
        reads(database).await;
        assert_eq!(database.rows(DUMPS).await, [pid], "the dump still holds its lock");
        assert_eq!(database.ledger().await, ["20260101000000"]);
        fs::write(file("go"), "").unwrap();
        let seen = scene.complete("first").await;
        assert_eq!(seen["status"]["run"]["attempt"], 1);
        stage.applied("20260102000000").await;

        let closed = gate(database).await;
        stage.migrations(&[NOTES, COLUMN, LONG]).await;
        let stands = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted \
                      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let runs = async || database.rows(stands).await.pop();
        let pid = stage.eventually("the migration runs", runs).await;
        scene.backup("second").await;
        let expected = format!("pid {pid} (ace-operator/{namespace}/{SET})");
        let says = |seen: &serde_json::Value| {
            reason_of(seen, "Reconciling") == "WaitingForTurn" && message_of(seen, "Ready").ends_with(&expected)
        };
        scene.until("second", &format!("waits for {expected}"), says).await;
        reads(database).await;
        assert_eq!(database.rows(stands).await, [pid], "the migration still runs");
        drop(closed);
        stage.applied("20260103000000").await;
        let seen = scene.complete("second").await;
        assert_eq!(seen["status"]["run"]["attempt"], 1, "waiting costs no attempt");
        assert_eq!(seen["status"]["snapshot"]["head"], "20260103000000");
    })
    .await;
}

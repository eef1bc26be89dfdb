use std::fs;

use ace_database::{ClientError, Dump, Locked, Session, Settings};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncReadExt;

use crate::{
    bed::{Bed, Programs, programs},
    server::PASSWORD,
};

/// Enough that a dump of it does not fit into a pipe.
const LARGE: &str = "CREATE TABLE public.large AS SELECT repeat(md5(n::text), 8) AS a FROM generate_series(1, 20000) n; \
    CREATE TABLE public.other AS SELECT 1 AS a";

const WAITS: &str = "SELECT count(*)::text FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
    WHERE a.application_name = 'ace-backup/1' AND NOT l.granted AND a.datname = current_database()";

async fn read(dump: &mut Dump) -> usize {
    let mut bytes = Vec::new();
    dump.read_to_end(&mut bytes).await.unwrap()
}

#[tokio::test]
async fn a_dump_whose_program_was_killed_is_none_and_its_password_is_in_no_argument() {
    let bed = Bed::new(LARGE).await;
    let snapshot = bed.snapshot().await;
    let mut locker = bed.superuser().await;
    let transaction = locker.transaction().await.unwrap();
    transaction.batch_execute("LOCK TABLE public.other").await.unwrap();
    let mut dump = Dump::start(&programs().clients, &bed.access(), "ace-backup/1", &snapshot)
        .await
        .unwrap();
    bed.until(WAITS, &["1"]).await;

    let process = dump.process().unwrap();
    let arguments = fs::read(format!("/proc/{process}/cmdline")).unwrap();
    let arguments = String::from_utf8_lossy(&arguments);
    assert!(
        arguments.contains("--snapshot=") && !arguments.contains(PASSWORD),
        "{arguments}"
    );
    let environment = fs::metadata(format!("/proc/{process}/environ")).unwrap();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&environment.permissions()) & 0o077,
        0
    );

    kill_process(Pid::from_raw(i32::try_from(process).unwrap()).unwrap(), Signal::KILL).unwrap();
    read(&mut dump).await;
    assert_eq!(
        dump.finish().await,
        Err(ClientError::Killed {
            program: "pg_dump",
            signal: 9
        })
    );
}

#[tokio::test]
async fn a_dump_that_is_dropped_ends_at_the_server() {
    let bed = Bed::new(LARGE).await;
    let snapshot = bed.snapshot().await;
    let dump = Dump::start(&programs().clients, &bed.access(), "ace-backup/1", &snapshot)
        .await
        .unwrap();
    let sessions = "SELECT (count(*) > 0)::text FROM pg_stat_activity WHERE application_name = 'ace-backup/1' \
        AND datname = current_database()";
    bed.until(sessions, &["true"]).await;
    drop(dump);
    bed.until(sessions, &["false"]).await;
    snapshot.prove_held().await.unwrap();
}

#[tokio::test]
async fn while_a_dump_runs_nobody_waits_for_a_lock_and_a_migration_does_not_begin() {
    let bed = Bed::new(LARGE).await;
    let snapshot = bed.snapshot().await;
    let mut dump = Dump::start(&programs().clients, &bed.access(), "ace-backup/1", &snapshot)
        .await
        .unwrap();
    // It has begun with the rows, and waits for a reader: every table is locked for it.
    let mut first = vec![0; 1 << 20];
    dump.read_exact(&mut first).await.unwrap();
    let superuser = bed.superuser().await;
    let locked = "SELECT count(*) FROM pg_locks l WHERE l.relation = 'public.other'::regclass AND l.mode = 'AccessShareLock' \
        AND l.pid <> pg_backend_pid()";
    assert!(superuser.query_one(locked, &[]).await.unwrap().get::<_, i64>(0) > 0);
    superuser
        .batch_execute("SET lock_timeout = 1; SELECT count(*) FROM public.large; INSERT INTO public.other VALUES (2)")
        .await
        .unwrap();
    let migrations = Session::open(&bed.access(), &Settings::new("ace-operator/ace/main"))
        .await
        .unwrap();
    assert!(matches!(migrations.try_lock().await.unwrap(), Locked::Held(Some(_))));
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = \
        current_database())";
    assert_eq!(superuser.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0), 0);
    read(&mut dump).await;
    dump.finish().await.unwrap();
}

#[tokio::test]
async fn a_dump_that_was_not_read_to_its_end_is_none() {
    let bed = Bed::new(LARGE).await;
    let snapshot = bed.snapshot().await;
    let mut dump = Dump::start(&programs().clients, &bed.access(), "ace-backup/1", &snapshot)
        .await
        .unwrap();
    let mut first = vec![0; 1000];
    dump.read_exact(&mut first).await.unwrap();
    assert!(dump.finish().await.is_err());

    // Also if the program itself has nothing to complain about.
    let programs = Programs::none();
    let major = programs.major;
    let programs = programs.with(major, "pg_dump", &format!("{major}.1"), "echo PGDMP; exit 0");
    let dump = Dump::start(&programs.clients, &bed.access(), "ace-backup/1", &snapshot)
        .await
        .unwrap();
    assert_eq!(dump.finish().await, Err(ClientError::CutShort { program: "pg_dump" }));
}

#[tokio::test]
async fn a_dump_with_another_exit_code_than_0_is_none_and_says_why_without_values() {
    let bed = Bed::new("CREATE TABLE public.items (a int)").await;
    let snapshot = bed.snapshot().await;
    let programs = Programs::none();
    let major = programs.major;
    let script = "echo PGDMP and much more; echo 'pg_dump: error: query failed: ERROR:  duplicate key value violates unique constraint \
         \"items\"' >&2; echo 'DETAIL:  Key (phone)=(canary) exists.' >&2; exit 1";
    let programs = programs.with(major, "pg_dump", &format!("{major}.1"), script);
    let mut dump = Dump::start(&programs.clients, &bed.access(), "ace-backup/1", &snapshot)
        .await
        .unwrap();
    assert_eq!(dump.client(), format!("{major}.1"));
    assert!(read(&mut dump).await > 0);
    let error = dump.finish().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "pg_dump failed: duplicate key value violates unique constraint \"items\""
    );

    // The real one, of a role that may not read a table.
    let mut access = bed.access();
    access.password = ace_database::Password::new("wrong").unwrap();
    let mut dump = Dump::start(&crate::bed::programs().clients, &access, "ace-backup/1", &snapshot)
        .await
        .unwrap();
    assert_eq!(read(&mut dump).await, 0);
    let error = dump.finish().await.unwrap_err();
    assert_eq!(error.reason(), "Connection", "{error}");
    assert!(!error.to_string().contains("wrong"), "{error}");
}

use std::{sync::Mutex, time::Duration};

use ace_database::{Progress, RunError, Session, Settings, Watcher};
use ace_domain::{kinds::migration_set::Blocker, sql::Segment};

use crate::bed::{Bed, Migration, column, create_index, migration, nobody, run, segments, settings, statement};

fn impatient() -> Settings {
    Settings {
        statement_timeout: Duration::from_millis(500),
        ..settings()
    }
}

fn hurried() -> Settings {
    Settings {
        lock_timeout: Duration::from_secs(1),
        ..settings()
    }
}

/// Who stood in the way of a file. The watchdog may come in too late to see it on a machine that is busy: it is there the next
/// time.
async fn blocked(session: &mut Session, file: &Migration, watcher: Watcher<'_>) -> Vec<Blocker> {
    for _ in 0..20 {
        match session.run(&file.file, &file.script, watcher).await {
            Err(RunError::LockTimeout { blockers }) if blockers.is_empty() => {}
            Err(RunError::LockTimeout { blockers }) => return blockers,
            other => panic!("{other:?}"),
        }
    }
    panic!("no holder was ever reported");
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_whatever_the_file_has_set() {
    let bed = Bed::new().await;
    let mut session = bed.session_with(&bed.access(), &impatient()).await;
    let catches = "DO $$ BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END $$";
    let loops = "DO $$ BEGIN FOR i IN 1..3 LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; \
         END LOOP; END $$";
    for (set, statement) in [
        ("SELECT 1", "SELECT pg_sleep(600)"),
        ("SET statement_timeout = 0", "SELECT pg_sleep(600)"),
        (
            "SELECT set_config('statement_timeout', '0', false)",
            "SELECT pg_sleep(600)",
        ),
        ("SET LOCAL statement_timeout = 0", catches),
        ("SET statement_timeout = 0", loops),
    ] {
        let outcome = run(&mut session, &[set, statement]).await;
        assert_eq!(outcome, Err(RunError::TimedOut { line: Some(2) }), "{set} {statement}");
    }
    // The session stands, and no cancel is left for the next file.
    assert!(run(&mut session, &["SELECT pg_sleep(0.1)"]).await.is_ok());
}

#[tokio::test]
async fn a_file_may_be_less_patient_than_we_are() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let outcome = run(&mut session, &["SET statement_timeout = 50", "SELECT pg_sleep(600)"]).await;
    let RunError::Sql { state, .. } = outcome.unwrap_err() else {
        panic!("it was our limit");
    };
    assert_eq!(state.as_str(), "57014");
}

#[tokio::test]
async fn a_lock_that_is_not_had_names_its_holder_whatever_the_file_has_set() {
    let bed = Bed::new().await;
    let superuser = bed.superuser().await;
    superuser
        .batch_execute("CREATE TABLE t (); ALTER TABLE t OWNER TO postgres")
        .await
        .unwrap();
    superuser
        .batch_execute("SET application_name = 'somebody'; BEGIN; LOCK TABLE t")
        .await
        .unwrap();
    let pid: i32 = superuser
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    let mut session = bed.session_with(&bed.access(), &hurried()).await;
    for set in [
        "SELECT 1",
        "SET lock_timeout = 0",
        "SET LOCAL lock_timeout = '10min'",
        "RESET ALL",
    ] {
        let waited = Mutex::new(Vec::new());
        let watcher = |progress| {
            if let Progress::Waiting { blockers } = progress {
                waited.lock().unwrap().push(blockers.len());
            }
        };
        let file = migration("1", &[set, "ALTER TABLE t ADD COLUMN n int"]);
        let blockers = blocked(&mut session, &file, &watcher).await;
        // `postgres` of the bed may see other roles' sessions only by name.
        let shown: Vec<_> = blockers
            .iter()
            .map(|blocker| (blocker.pid, blocker.application.as_deref()))
            .collect();
        assert_eq!(shown, [(pid, Some("somebody"))], "{set}");
        assert!(waited.into_inner().unwrap().contains(&1), "{set}");
    }
    superuser.batch_execute("COMMIT").await.unwrap();
    assert!(run(&mut session, &["ALTER TABLE t ADD COLUMN n int"]).await.is_ok());
}

/// Nobody can be asked afterwards: who is not waiting any more has no blockers.
#[tokio::test]
async fn where_a_lock_is_waited_for_only_shortly_the_watchdog_is_there_before_the_statement() {
    let bed = Bed::new().await;
    let settings = Settings {
        lock_timeout: Duration::from_millis(200),
        ..settings()
    };
    let mut session = bed.session_with(&bed.access(), &settings).await;
    let watchdogs = "SELECT count(*)::text AS number FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name = 'ace-operator/watchdog'";
    assert!(
        run(&mut session, &[&format!("CREATE TABLE t AS {watchdogs}")])
            .await
            .is_ok()
    );
    assert_eq!(bed.column("SELECT number FROM t").await, ["1"]);
}

#[tokio::test]
async fn the_age_of_a_blocker_is_for_those_who_may_see_it() {
    let bed = Bed::new().await;
    bed.session().await.close().await;
    let superuser = bed.superuser().await;
    // Not the bed's `postgres`, which other tests use.
    let role = format!("role_{}", bed.database);
    superuser
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN BYPASSRLS; GRANT USAGE ON SCHEMA ace_ops, supabase_migrations TO {role}; \
             GRANT ALL ON ALL TABLES IN SCHEMA ace_ops, supabase_migrations TO {role}; \
             CREATE TABLE t (); GRANT ALL ON t TO {role}"
        ))
        .await
        .unwrap();
    superuser.batch_execute("BEGIN; LOCK TABLE t").await.unwrap();
    let access = ace_database::Access {
        user: role.clone(),
        ..bed.access()
    };
    let mut ages = Vec::new();
    for rights in ["SELECT 1", &format!("GRANT pg_monitor TO {role}")] {
        bed.as_superuser(rights).await;
        let mut session = bed.session_with(&access, &hurried()).await;
        let blockers = blocked(&mut session, &migration("1", &["LOCK TABLE t"]), &nobody).await;
        ages.push(blockers[0].age.is_some());
    }
    assert_eq!(ages, [false, true]);
}

#[tokio::test]
async fn a_build_of_an_index_waits_for_transactions_longer_than_for_locks() {
    let bed = Bed::new().await;
    let superuser = bed.superuser().await;
    superuser
        .batch_execute("CREATE TABLE t (n int); ALTER TABLE t OWNER TO postgres")
        .await
        .unwrap();
    superuser
        .batch_execute("BEGIN; INSERT INTO t VALUES (1)")
        .await
        .unwrap();
    let settings = Settings {
        lock_timeout: Duration::from_millis(50),
        ..settings()
    };
    let mut session = bed.session_with(&bed.access(), &settings).await;
    let create = create_index("t", "i", false);
    let build = statement("CREATE INDEX CONCURRENTLY i ON t (n)");
    let build = segments("1", vec![Segment::Alone(build, create)]);
    let waits = "SELECT (clock_timestamp() - waitstart > '200 ms')::text FROM pg_locks WHERE NOT granted AND locktype = 'virtualxid'";
    let (outcome, ()) = tokio::join!(build.run(&mut session), async {
        bed.until(waits, &["true"]).await;
        superuser.batch_execute("COMMIT").await.unwrap();
    });
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(
        column(
            &superuser,
            "SELECT indisvalid::text FROM pg_index WHERE indrelid = 't'::regclass"
        )
        .await,
        ["true"]
    );
}

#[tokio::test]
async fn what_ends_the_session_of_a_paused_operator_outlives_what_a_file_sets() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    // As a dump begins.
    let texts = [
        "SET idle_in_transaction_session_timeout = 0",
        "SET client_connection_check_interval = 0",
        "CREATE TABLE t AS SELECT name, setting FROM pg_settings WHERE name IN \
         ('idle_in_transaction_session_timeout', 'client_connection_check_interval')",
    ];
    assert!(run(&mut session, &texts).await.is_ok());
    assert_eq!(
        bed.column("SELECT setting FROM t ORDER BY name").await,
        ["2000", "60000"]
    );
    let session_settings = "SELECT name || '=' || reset_val FROM pg_settings WHERE name IN ('lock_timeout', 'statement_timeout', \
         'idle_session_timeout', 'tcp_keepalives_idle', 'application_name') ORDER BY name";
    let ours = format!("CREATE TABLE u AS {session_settings}");
    let resets = migration("2", &["RESET ALL", &ours]);
    assert!(resets.run(&mut session).await.is_ok());
    let table = "SELECT u::text FROM u";
    assert_eq!(
        bed.column(table).await,
        [
            "(application_name=ace-operator/ace/main)",
            "(idle_session_timeout=60000)",
            "(lock_timeout=2000)",
            "(statement_timeout=900000)",
            "(tcp_keepalives_idle=30)"
        ]
    );
}

#[tokio::test]
async fn a_session_that_says_nothing_loses_its_lock() {
    let bed = Bed::new().await;
    let settings = Settings {
        idle: Duration::from_millis(200),
        ..settings()
    };
    let paused = bed.session_with(&bed.access(), &settings).await;
    let _next = bed.session().await;
    assert!(paused.try_lock().await.is_err());
}

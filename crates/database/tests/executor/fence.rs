use std::{collections::BTreeMap, sync::Mutex};

use ace_database::{Locked, Prepared, Progress, RunError, Session};
use ace_domain::kinds::migration_set::Owner;

use crate::bed::{APPLICATION, Bed, migration, owner, run, settings, terminated};

#[tokio::test]
async fn only_one_session_has_the_lock_and_the_other_is_told_which() {
    let bed = Bed::new().await;
    let (first, second) = (
        bed.session().await,
        Session::open(&bed.access(), &settings()).await.unwrap(),
    );
    let Locked::Held(Some(holder)) = second.try_lock().await.unwrap() else {
        panic!("it was had twice");
    };
    assert_eq!(holder.application.as_deref(), Some(APPLICATION));
    assert!(holder.age.is_some());
    // Had twice, it would have to be given up twice.
    assert_eq!(first.try_lock().await, Ok(Locked::Mine));
    first.close().await;
    assert_eq!(second.try_lock().await, Ok(Locked::Mine));
}

#[tokio::test]
async fn the_lock_is_one_per_database() {
    let (bed, other) = (Bed::new().await, Bed::new().await);
    let _first = bed.session().await;
    let second = Session::open(&other.access(), &settings()).await.unwrap();
    assert_eq!(second.try_lock().await, Ok(Locked::Mine));
}

#[tokio::test]
async fn nothing_runs_on_a_session_without_the_lock() {
    let bed = Bed::new().await;
    bed.session().await.close().await;
    let mut session = Session::open(&bed.access(), &settings()).await.unwrap();
    let outcome = run(&mut session, &["CREATE TABLE t ()"]).await;
    assert_eq!(outcome, Err(RunError::LockLost));
    // On another connection it is no fence.
    let _elsewhere = bed.session().await;
    assert_eq!(run(&mut session, &["CREATE TABLE t ()"]).await, Err(RunError::LockLost));
    assert!(
        bed.column("SELECT relname::text FROM pg_class WHERE relname = 't'")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_file_that_gives_the_lock_up_is_rolled_back() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let outcome = run(&mut session, &["CREATE TABLE t ()", "SELECT pg_advisory_unlock_all()"]).await;
    assert_eq!(outcome, Err(RunError::LockLost));
    assert!(
        bed.column("SELECT relname::text FROM pg_class WHERE relname = 't'")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn two_sessions_that_race_apply_a_file_once() {
    let bed = Bed::new().await;
    bed.session().await.close().await;
    let race = async || {
        let mut session = bed.session().await;
        let mut outcomes = Vec::new();
        for version in ["1", "2", "3"] {
            let table = format!("CREATE TABLE t{version} ()");
            outcomes.push(migration(version, &[&table]).run(&mut session).await.map(|_| ()));
        }
        session.close().await;
        outcomes
    };
    let (one, other) = tokio::join!(race(), race());
    let mut outcomes = [one, other];
    outcomes.sort_by_key(|outcomes| outcomes[0].is_err());
    assert_eq!(outcomes, [vec![Ok(()); 3], vec![Err(RunError::AlreadyRecorded); 3]]);
}

#[tokio::test]
async fn a_file_that_ends_its_transaction_is_in_no_ledger() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    for end in [
        "COMMIT",
        "ROLLBACK",
        "COMMIT; BEGIN",
        "COMMIT AND CHAIN",
        "END",
        "ABORT",
    ] {
        let outcome = run(&mut session, &["SELECT 1", end, "SELECT 2"]).await;
        assert_eq!(outcome, Err(RunError::Smuggled), "{end}");
        assert_eq!(session.ledgers().await.unwrap().ledger, BTreeMap::new(), "{end}");
    }
}

#[tokio::test]
async fn a_block_or_procedure_can_not_commit() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let procedure = "CREATE PROCEDURE ends() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'";
    for texts in [["SELECT 1", "DO 'BEGIN COMMIT; END'"], [procedure, "CALL ends()"]] {
        let RunError::Sql { state, line, .. } = run(&mut session, &texts).await.unwrap_err() else {
            panic!("it did");
        };
        assert_eq!((state.as_str(), line), ("2D000", Some(2)));
    }
}

#[tokio::test]
async fn what_a_file_deferred_happens_before_its_rows_are_written() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let unlocks = "CREATE FUNCTION gives_up() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN PERFORM pg_advisory_unlock_all(); RETURN NULL; END'";
    let trigger = "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION gives_up()";
    let texts = ["CREATE TABLE t (n int)", unlocks, trigger, "INSERT INTO t VALUES (1)"];
    assert_eq!(run(&mut session, &texts).await, Err(RunError::LockLost));
}

#[tokio::test]
async fn a_version_is_never_recorded_over_a_row_that_is_there() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    for table in [
        "supabase_migrations.schema_migrations (version)",
        "ace_ops.migration (version, name, sha256, kind, applied_by)",
    ] {
        let values = if table.starts_with("ace") {
            "('1', '', '', 'applied', '')"
        } else {
            "('1')"
        };
        // By the file itself, after the check.
        let texts = ["CREATE TABLE t ()", &format!("INSERT INTO {table} VALUES {values}")];
        assert_eq!(run(&mut session, &texts).await, Err(RunError::WritesLedger), "{table}");
    }
    assert!(
        bed.column("SELECT relname::text FROM pg_class WHERE relname = 't'")
            .await
            .is_empty()
    );
    assert!(run(&mut session, &["CREATE TABLE t ()"]).await.is_ok());
    assert_eq!(
        run(&mut session, &["CREATE TABLE u ()"]).await,
        Err(RunError::AlreadyRecorded)
    );
}

#[tokio::test]
async fn a_backend_that_is_terminated_at_any_statement_leaves_nothing() {
    let bed = Bed::new().await;
    let texts = [
        "CREATE TABLE t (n int)",
        "INSERT INTO t VALUES (1)",
        "UPDATE t SET n = n + 1",
    ];
    for at in 1..=3 {
        let mut session = bed.session().await;
        let superuser = bed.superuser().await;
        let kill = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE application_name = 'ace-operator/ace/main' \
             AND datname = current_database()";
        // The statement that follows finds its backend gone, or is its last.
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let sender = Mutex::new(Some(sender));
        let watcher = |progress| {
            if progress == (Progress::Statement { line: at }) {
                let _ = sender.lock().unwrap().take().unwrap().send(());
            }
        };
        let mut slow = texts.map(str::to_owned);
        slow[at as usize - 1] = format!("SELECT pg_sleep(60); {}", texts[at as usize - 1]);
        let slow = migration("1", &slow.each_ref().map(String::as_str));
        let (outcome, ()) = tokio::join!(session.run(&slow.file, &slow.script, &watcher), async {
            receiver.await.unwrap();
            superuser.query(kill, &[]).await.unwrap();
        });
        assert_eq!(outcome, Err(terminated(at)), "{at}");
    }
    let mut session = bed.session().await;
    assert!(run(&mut session, &texts).await.is_ok());
    assert_eq!(bed.column("SELECT n::text FROM t").await, ["2"]);
}

#[tokio::test]
async fn a_run_that_is_dropped_ends_its_session_and_its_lock() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let sender = Mutex::new(Some(sender));
    let watcher = |_| {
        let _ = sender.lock().unwrap().take().unwrap().send(());
    };
    let sleeps = migration("1", &["SELECT pg_sleep(600)"]);
    tokio::select! {
        _ = session.run(&sleeps.file, &sleeps.script, &watcher) => panic!("it ended"),
        _ = receiver => {}
    }
    // The session is still in our hands.
    let mut next = bed.session().await;
    assert!(run(&mut next, &["SELECT 1"]).await.is_ok());
    assert!(session.ledgers().await.is_err());
}

#[tokio::test]
async fn another_set_finds_the_database_claimed_until_it_is_given_up() {
    let bed = Bed::new().await;
    let session = bed.session().await;
    let other = Owner {
        name: "other".to_owned(),
        ..owner()
    };
    assert_eq!(
        session.prepare_operator_schema(&other).await,
        Ok(Prepared::Claimed(owner()))
    );
    session.give_up(&other).await.unwrap();
    assert_eq!(
        session.prepare_operator_schema(&other).await,
        Ok(Prepared::Claimed(owner()))
    );
    session.give_up(&owner()).await.unwrap();
    assert_eq!(session.prepare_operator_schema(&other).await, Ok(Prepared::Ours));
}

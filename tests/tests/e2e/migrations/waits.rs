//! What other sessions hold is waited for, and they are named.

use ace_tests::{message_of, on_database, reason_of};
use serde_json::json;

use super::{Gate, INDEX, NOTES, PASS, RARELY};

ace_tests::tests![
    a_lock_of_another_session_is_waited_for_with_its_holder_named_even_by_files_that_lift_the_limit,
    a_statement_that_takes_longer_than_it_may_is_cancelled_even_if_the_file_lifts_the_limit,
    a_session_that_is_ended_in_the_middle_of_a_file_loses_nothing_and_the_file_runs_once,
];

async fn a_lock_of_another_session_is_waited_for_with_its_holder_named_even_by_files_that_lift_the_limit() {
    on_database(RARELY, async |stage, database| {
        stage.migrations(&[NOTES]).await;
        let spec = json!({ "lockTimeout": "500ms" });
        stage.migration_set(spec).await;
        stage.applied("20260101000000").await;

        let mut files = vec![NOTES];
        for (lock, name, sql) in [
            (
                "ACCESS SHARE",
                "20260102000000_a.sql",
                "ALTER TABLE public.notes ADD a text;\n",
            ),
            (
                "ACCESS SHARE",
                "20260103000000_b.sql",
                "SET lock_timeout = 0;\nALTER TABLE public.notes ADD b text;\n",
            ),
            // Under this one, not even the schema can be read before the run.
            (
                "ACCESS EXCLUSIVE",
                "20260104000000_c.sql",
                "ALTER TABLE public.notes ADD c text;\n",
            ),
        ] {
            let holder = database.session().await;
            let take = format!("BEGIN; LOCK TABLE public.notes IN {lock} MODE");
            holder.batch_execute(&take).await.unwrap();
            let pid: i32 = holder
                .query_one("SELECT pg_backend_pid()", &[])
                .await
                .unwrap()
                .try_get(0)
                .unwrap();
            files.push((name, sql));
            stage.migrations(&files).await;
            let version = &name[..14];
            let expected =
                format!("{version} is waiting for a lock held by pid {pid} (colleague, in a transaction for ");
            // A slow machine may not get to ask for the holder before the lock is given up; each attempt is a new chance.
            stage
                .until_set(&format!("says {expected}"), |set| {
                    let message = message_of(set, "Ready");
                    reason_of(set, "Reconciling") == "WaitingForLock"
                        && message.starts_with(&expected)
                        && message.ends_with(" s); retrying")
                })
                .await;
            assert_eq!(database.ledger().await.len(), files.len() - 1);
            drop(holder);
            stage.applied(version).await;
        }
    })
    .await;
}

async fn a_statement_that_takes_longer_than_it_may_is_cancelled_even_if_the_file_lifts_the_limit() {
    on_database(RARELY, async |stage, database| {
        let endless = "SET statement_timeout = 0;\n-- Longer than it may.\nSELECT pg_sleep(3600);\n";
        stage.migrations(&[NOTES, ("20260102000000_endless.sql", endless)]).await;
        stage.migration_set(json!({ "statementTimeout": "1s" })).await;
        let stalled = stage.set_stalled("MigrationFailed").await;
        assert_eq!(
            message_of(&stalled, "Ready"),
            "20260102000000_endless.sql line 3: the statement took longer than `spec.statementTimeout`; raise it or split the \
             work"
        );
        assert_eq!(database.ledger().await, ["20260101000000"]);
    })
    .await;
}

async fn a_session_that_is_ended_in_the_middle_of_a_file_loses_nothing_and_the_file_runs_once() {
    on_database(RARELY, async |stage, database| {
        database
            .run("CREATE SCHEMA private; CREATE TABLE private.counter (n bigint); INSERT INTO private.counter VALUES (0)")
            .await;
        let counts = format!("UPDATE private.counter SET n = n + 1;\n{PASS}\n");
        stage.migrations(&[NOTES, ("20260102000000_counts.sql", &counts)]).await;
        let gate = Gate::close(database).await;
        stage.migration_set(json!({ "lockTimeout": "5m" })).await;
        let pid = gate.reached(stage, database).await;
        database.run(&format!("SELECT pg_terminate_backend({pid})")).await;
        // Another session of ours stands before it: nobody had to do anything.
        let again = async || (gate.reached(stage, database).await != pid).then_some(());
        stage.eventually("it is tried again", again).await;
        assert_eq!(database.ledger().await, ["20260101000000"]);
        gate.open().await;
        stage.applied("20260102000000").await;
        assert_eq!(database.rows("SELECT n FROM private.counter").await, ["1"]);
        stage.migrations(&[NOTES, ("20260102000000_counts.sql", &counts), ("20260103000000_index.sql", INDEX.1)]).await;
        stage.applied("20260103000000").await;
    })
    .await;
}

//! Files run once, in order, and what fails stops there.

use ace_api::MigrationSet;
use ace_tests::{is_true, message_of, on_database, reason_of};
use serde_json::json;

use super::{Gate, INDEX, NOTES, OFTEN, PASS, RARELY};

ace_tests::tests![
    files_run_in_order_and_both_ledgers_have_them,
    a_file_that_fails_is_named_with_its_line_and_not_tried_again_by_itself,
    a_set_that_is_suspended_in_the_middle_of_a_run_ends_with_the_file_under_way,
    a_set_whose_status_was_lost_is_ready_again_and_nothing_runs,
    a_function_waits_for_the_version_that_it_requires,
];

async fn files_run_in_order_and_both_ledgers_have_them() {
    on_database(RARELY, async |stage, database| {
        stage.migrations(&[INDEX, NOTES, ("README.md", "not one")]).await;
        stage.migration_set(json!({})).await;
        let set = stage.applied("20260102000000").await;
        assert_eq!(
            (&set["status"]["applied"], &set["status"]["source"]["skipped"]),
            (&json!(2), &json!(["README.md"]))
        );
        assert_eq!(
            message_of(&set, "Ready"),
            "every migration is applied, the last one is 20260102000000"
        );
        assert_eq!(reason_of(&set, "Drifted"), "NoDrift");
        let theirs =
            "SELECT version, name, cardinality(statements) FROM supabase_migrations.schema_migrations ORDER BY 1";
        assert_eq!(
            database.rows(theirs).await,
            ["20260101000000|notes|2", "20260102000000|index|1"]
        );
        let us = format!("ace-operator/{}/main", stage.space.name);
        let ours = "SELECT version, kind, applied_by FROM ace_ops.migration ORDER BY applied_at";
        assert_eq!(
            database.rows(ours).await,
            ["20260101000000", "20260102000000"].map(|version| format!("{version}|applied|{us}"))
        );
        let told = async || {
            let events = stage.events("main").await;
            (events.iter().filter(|event| event.starts_with("Applied: ran")).count() == 2).then_some(())
        };
        stage.eventually("both runs are told", told).await;
    })
    .await;
}

/// A sequence counts attempts: what it gave out stays given out when its transaction is rolled back.
const ATTEMPTS: (&str, &str) = ("1_attempts.sql", "CREATE SEQUENCE public.attempts;\n");
const COUNTED: &str = "SELECT last_value, is_called FROM public.attempts";

async fn a_file_that_fails_is_named_with_its_line_and_not_tried_again_by_itself() {
    on_database(OFTEN, async |stage, database| {
        let fails = "SELECT nextval('public.attempts');\n\nSELECT 1\n  FROM nowhere.at_all;\n";
        let third = ("3_more.sql", "CREATE SEQUENCE public.more;\n");
        stage.migrations(&[ATTEMPTS, ("2_fails.sql", fails), third]).await;
        stage.migration_set(json!({})).await;
        let stalled = stage.set_stalled("MigrationFailed").await;
        assert_eq!(
            message_of(&stalled, "Ready"),
            "2_fails.sql line 4: relation \"nowhere.at_all\" does not exist (SQLSTATE 42P01); correct the file"
        );
        assert_eq!(
            (&stalled["status"]["head"], &stalled["status"]["pending"]),
            (&json!("1"), &json!(2))
        );
        assert_eq!(database.ledger().await, ["1"]);

        // Looks go on, as this drift shows; attempts do not.
        database.run("CREATE SEQUENCE public.by_hand").await;
        stage.until_set("is Drifted", |set| is_true(set, "Drifted")).await;
        assert_eq!(database.rows(COUNTED).await, ["1|t"]);

        // Who asks for it gets another one.
        stage.ask("migrationset", "main", "again").await;
        let counted = async || (database.rows(COUNTED).await == ["2|t"]).then_some(());
        stage.eventually("it is tried once more", counted).await;

        let mended = fails.replace("nowhere.at_all", "pg_catalog.pg_class");
        stage.migrations(&[ATTEMPTS, ("2_fails.sql", &mended), third]).await;
        let applied = stage.applied("3").await;
        assert_eq!(applied["status"]["held"], json!(null));
        assert_eq!(database.rows(COUNTED).await, ["3|t"]);
        assert_eq!(database.ledger().await, ["1", "2", "3"]);
    })
    .await;
}

async fn a_set_that_is_suspended_in_the_middle_of_a_run_ends_with_the_file_under_way() {
    on_database(RARELY, async |stage, database| {
        let last = ("20260103000000_last.sql", "CREATE SEQUENCE public.last;\n");
        stage
            .migrations(&[NOTES, ("20260102000000_gate.sql", PASS), last])
            .await;
        let gate = Gate::close(database).await;
        stage.migration_set(json!({ "lockTimeout": "5m" })).await;
        gate.reached(stage, database).await;
        stage
            .migration_set(json!({ "lockTimeout": "5m", "suspend": true }))
            .await;
        gate.open().await;
        let suspended = stage.until_set("is Suspended", |set| is_true(set, "Suspended")).await;
        assert!(!is_true(&suspended, "Ready"));
        assert_eq!(database.ledger().await, ["20260101000000", "20260102000000"]);
        stage.migration_set(json!({ "lockTimeout": "5m" })).await;
        stage.applied("20260103000000").await;
    })
    .await;
}

async fn a_set_whose_status_was_lost_is_ready_again_and_nothing_runs() {
    on_database(RARELY, async |stage, database| {
        stage.migrations(&[NOTES, INDEX]).await;
        stage.migration_set(json!({})).await;
        let before = stage.applied("20260102000000").await;
        let rows = "SELECT version, kind, applied_at FROM ace_ops.migration ORDER BY 1";
        let applied = database.rows(rows).await;

        let wipe = r#"[{"op":"remove","path":"/status"}]"#;
        let patch = [
            "patch",
            "migrationset",
            "main",
            "--subresource=status",
            "--type=json",
            "-p",
            wipe,
        ];
        stage.space.kubectl(&patch).await.expect("a status can be wiped");
        stage.ask("migrationset", "main", "after").await;
        let after = stage
            .space
            .wait::<MigrationSet>("main", "is as it was", |set| {
                is_true(set, "Ready") && set["status"]["lastHandledReconcileAt"] == "after"
            })
            .await;
        for field in ["head", "applied", "pending", "schema", "target", "source"] {
            assert_eq!(after["status"][field], before["status"][field], "{field}");
        }
        assert_eq!(
            after["status"]["history"],
            json!(null),
            "what was done is recorded, and was not done again"
        );
        assert_eq!(database.rows(rows).await, applied);
    })
    .await;
}

async fn a_function_waits_for_the_version_that_it_requires() {
    on_database(RARELY, async |stage, _| {
        let word = "Deno.serve(() => new Response(\"here\"));\n";
        stage.source(&[("hello/index.ts", word)]).await;
        let requires = json!({ "migration": { "name": "main", "version": "20260102000000" } });
        stage.function("hello", json!({ "requires": requires })).await;
        stage.migrations(&[NOTES]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260101000000").await;
        let expected = "MigrationSet `main` has not applied 20260102000000";
        stage
            .until("hello", "waits for the version", |function| {
                reason_of(function, "Reconciling") == "WaitingForMigration"
                    && message_of(function, "Ready").contains(expected)
            })
            .await;
        assert_eq!(stage.project.version("hello").await, None);
        stage.migrations(&[NOTES, INDEX]).await;
        stage.ready("hello").await;
    })
    .await;
}

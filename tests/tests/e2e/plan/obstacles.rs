//! What blocks a run.

use ace_tests::{message_of, on_database};
use serde_json::{Value, json};

use super::{DROP, NOTES, RARELY, Reader, content};

/// A folder's name and its files, the reason why nothing of it runs, and what is said of it.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);

ace_tests::tests![
    what_stands_in_the_way_of_other_files_is_said_before_they_are_shipped,
    what_failed_would_not_run_again_before_something_else_is_applied,
    a_schema_without_a_ledger_asks_for_a_baseline_and_with_it_only_the_rest_would_run,
    a_secret_that_is_not_offered_is_told_as_the_operator_tells_it,
];

async fn what_stands_in_the_way_of_other_files_is_said_before_they_are_shipped() {
    on_database(RARELY, async |stage, database| {
        let reader = Reader::new(stage, "database").await;
        stage.migrations(&[NOTES]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260101000000").await;
        // What only the database knows, in a schema that is not watched.
        database
            .run(
                "CREATE SCHEMA app; CREATE TYPE app.kind AS ENUM ('a'); CREATE TABLE app.kinds (kind app.kind); \
                 CREATE PROCEDURE app.fill() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'",
            )
            .await;
        let before = content(database).await;

        let folder = |name: &str, files: &[(&str, &str)]| {
            for (file, text) in files {
                reader.file(&format!("{name}/{file}"), text);
            }
            reader.home.path().join(name).to_str().unwrap().to_owned()
        };
        let late = ("20250101000000_late.sql", "SELECT 1;\n");
        let refused = ("20260103000000_commit.sql", "SELECT 1;\nCOMMIT;\n");
        let calls = ("20260103000000_fill.sql", "SELECT 1;\nCALL app.fill();\n");
        let uses = (
            "20260103000000_use.sql",
            "ALTER TYPE app.kind ADD VALUE 'b';\nINSERT INTO app.kinds (kind) VALUES ('b');\n",
        );
        let unknown = ("20260103000000_odd.sql", "SELECT 1;\nSELEKT 2;\n");
        let cases: [Case; 6] = [
            (
                "edited",
                &[(NOTES.0, "SELECT 1;\n"), DROP],
                "ChecksumMismatch",
                "20260101000000: the file differs from what was applied; restore it, and write the change as a new migration",
            ),
            (
                "late",
                &[late, NOTES],
                "OutOfOrder",
                "20250101000000 would come before 20260101000000, which is already applied: give it a newer version, or set \
                 `spec.policy.outOfOrder: Apply`",
            ),
            (
                "refused",
                &[NOTES, refused],
                "MigrationRefused",
                "20260103000000_commit.sql: line 2, column 1: COMMIT, without a BEGIN as the file's first statement; leave it out: \
                 every file runs in a transaction of its own",
            ),
            (
                "calls",
                &[NOTES, calls],
                "MigrationRefused",
                "20260103000000_fill.sql: line 2, column 1: a DO block or procedure that commits: what it did before it fails or is \
                 interrupted could not be known; leave COMMIT and ROLLBACK out, or run it by hand, outside of migrations",
            ),
            (
                "uses",
                &[NOTES, uses],
                "MigrationRefused",
                "20260103000000_use.sql: line 2, column 38: a new enum value in the transaction that adds it, or a COMMIT after that; \
                 put what follows ALTER TYPE … ADD VALUE into the next file: a value can be used when its file is committed",
            ),
            (
                "unknown",
                &[NOTES, unknown],
                "MigrationRefused",
                "20260103000000_odd.sql: line 2: syntax error at or near \"SELEKT\"",
            ),
        ];
        for (name, files, reason, message) in cases {
            let (code, report) = reader.report(&["main", "--dir", &folder(name, files)]).await;
            assert_eq!(
                (code, &report["outcome"], report["reason"].as_str(), report["message"].as_str()),
                (Some(1), &json!("Refused"), Some(reason), Some(message)),
                "{name}"
            );
            assert_eq!(report["approval"], Value::Null);
        }
        // The file that would run is shown with its risks although something stands before it.
        let (_, report) = reader.report(&["main", "--dir", &folder("edited", &[])]).await;
        assert_eq!(report["pending"][0]["classes"], json!(["DataLoss"]));
        assert_eq!(content(database).await, before);

        // A column added by hand.
        database.run("ALTER TABLE public.notes ADD x text").await;
        let (code, report) = reader.report(&["main", "--dir", &folder("same", &[NOTES])]).await;
        assert_eq!((code, &report["seen"]["drifted"]), (Some(0), &json!("True")));
        assert_eq!(
            report["seen"]["drift"]["fields"],
            json!([{ "path": "column/public.notes.x", "desired": "absent", "observed": "text" }])
        );

        // A ledger that somebody has emptied: to run what ran once is no matter of an approval alone.
        database.run("DELETE FROM supabase_migrations.schema_migrations").await;
        let (code, report) = reader.report(&["main"]).await;
        assert_eq!((code, report["reason"].as_str()), (Some(1), Some("LedgerRegressed")));
        assert_eq!((&report["pending"][0]["again"], &report["approval"]), (&json!(true), &Value::Null));
    })
    .await;
}

async fn what_failed_would_not_run_again_before_something_else_is_applied() {
    on_database(RARELY, async |stage, database| {
        let reader = Reader::new(stage, "database").await;
        stage
            .migrations(&[("20260101000000_fails.sql", "SELECT 1 / 0;\n")])
            .await;
        stage.migration_set(json!({})).await;
        let failed = stage.set_stalled("MigrationFailed").await;
        let before = content(database).await;
        let same = reader.manifest(&json!({}));
        for arguments in [&["main"][..], &["-f", &same]] {
            let (code, report) = reader.report(arguments).await;
            assert_eq!(
                (code, report["reason"].as_str(), report["message"].as_str()),
                (Some(1), Some("MigrationFailed"), Some(message_of(&failed, "Ready")))
            );
        }
        let (code, report) = reader
            .report(&["-f", &reader.manifest(&json!({ "lockTimeout": "3s" }))])
            .await;
        assert_eq!((code, &report["outcome"]), (Some(0), &json!("Runs")));
        assert_eq!(content(database).await, before);
    })
    .await;
}

async fn a_schema_without_a_ledger_asks_for_a_baseline_and_with_it_only_the_rest_would_run() {
    on_database(RARELY, async |stage, database| {
        let reader = Reader::new(stage, "database").await;
        database.run(NOTES.1).await;
        stage
            .migrations(&[NOTES, ("20260102000000_next.sql", "SELECT 1;\n")])
            .await;
        let before = content(database).await;
        let (code, report) = reader.report(&["-f", &reader.manifest(&json!({}))]).await;
        assert_eq!((code, report["reason"].as_str()), (Some(1), Some("BaselineRequired")));
        let digest = &report["seen"]["schema"]["digest"];
        assert!(report["message"].as_str().unwrap().contains(digest.as_str().unwrap()));

        let named = json!({ "baseline": { "through": "20260101000000", "schemaDigest": digest } });
        let (code, report) = reader.report(&["-f", &reader.manifest(&named)]).await;
        let steps: Vec<_> = report["steps"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(code, Some(0), "{report:#}");
        assert!(
            steps.contains(&"records 1 file as applied, without running SQL") && steps.ends_with(&["runs 1 file"]),
            "{steps:?}"
        );
        assert_eq!(report["pending"].as_array().unwrap().len(), 1);
        assert_eq!(content(database).await, before);
    })
    .await;
}

async fn a_secret_that_is_not_offered_is_told_as_the_operator_tells_it() {
    on_database(RARELY, async |stage, _| {
        let reader = Reader::new(stage, "database").await;
        stage.migrations(&[NOTES]).await;
        let withdraw = ["label", "secret", "database", "ops.mobulace.com/use-"];
        stage.space.kubectl(&withdraw).await.expect("a label can be taken off");
        stage.migration_set(json!({})).await;
        let stalled = stage.set_stalled("SecretNotOffered").await;
        let command = format!(
            "kubectl label secret -n {} database ops.mobulace.com/use=database",
            stage.space.name
        );
        assert!(message_of(&stalled, "Stalled").ends_with(&command), "{stalled:#}");
        let (code, report) = reader.report(&["main"]).await;
        assert_eq!(
            (
                code,
                &report["outcome"],
                report["reason"].as_str(),
                report["message"].as_str()
            ),
            (
                Some(1),
                &json!("Refused"),
                Some("SecretNotOffered"),
                Some(message_of(&stalled, "Stalled"))
            )
        );
    })
    .await;
}

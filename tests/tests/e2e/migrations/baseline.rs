//! A live schema whose ledger is empty.

use ace_tests::{is_observed, message_of, on_database, reason_of};
use serde_json::json;

use super::{INDEX, NOTES, RARELY};

ace_tests::tests![files_are_not_run_into_a_live_schema_but_recorded_when_the_schema_is_the_one_named,];

async fn files_are_not_run_into_a_live_schema_but_recorded_when_the_schema_is_the_one_named() {
    on_database(RARELY, async |stage, database| {
        database.run(NOTES.1).await;
        stage.migrations(&[NOTES, INDEX]).await;
        stage.migration_set(json!({})).await;
        let stalled = stage.set_stalled("BaselineRequired").await;
        let digest = stalled["status"]["schema"]["digest"].as_str().unwrap().to_owned();
        let message = message_of(&stalled, "Ready");
        assert!(
            message.starts_with("the migration ledger is empty, but the schema has 1 object: ")
                && message.contains(&digest),
            "{message}"
        );

        let other = format!("sha256:{}", "0".repeat(64));
        let baseline =
            |through: &str, digest: &str| json!({ "baseline": { "through": through, "schemaDigest": digest } });
        for (through, digest, said) in [
            ("20260101000000", &other, "but the live schema is"),
            (
                "20260101",
                &digest,
                "the nearest versions: 20260101000000, 20260102000000",
            ),
            ("20260103000000", &digest, "the nearest versions: 20260102000000"),
        ] {
            stage.migration_set(baseline(through, digest)).await;
            stage
                .until_set(&format!("says {said}"), |set| {
                    is_observed(set)
                        && reason_of(set, "Stalled") == "BaselineMismatch"
                        && message_of(set, "Ready").contains(said)
                })
                .await;
            assert_eq!(database.ledger().await, Vec::<String>::new());
        }

        stage.migration_set(baseline("20260101000000", &digest)).await;
        stage.applied("20260102000000").await;
        let rows = "SELECT m.version, m.kind, cardinality(c.statements) FROM ace_ops.migration m \
                     JOIN supabase_migrations.schema_migrations c USING (version) ORDER BY 1";
        assert_eq!(
            database.rows(rows).await,
            ["20260101000000|baseline|2", "20260102000000|applied|1"]
        );
    })
    .await;
}

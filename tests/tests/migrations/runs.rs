//! Files run once, in order, and what fails stops there.

use ace_tests::{is_true, message_of, on_database, reason_of};
use serde_json::json;

use crate::{NOTES, OFTEN, RARELY};

#[tokio::test]
async fn files_run_in_order_and_both_ledgers_have_them() {
    on_database(RARELY, async |stage, database| {
        let index = ("20260102000000_index.sql", "CREATE INDEX notes_body ON public.notes (body);\n");
        stage.migrations(&[index, NOTES]).await;
        stage.migration_set(json!({})).await;
        let set = stage.applied("20260102000000").await;
        assert_eq!(set["status"]["applied"], 2);
        assert_eq!(
            message_of(&set, "Ready"),
            "every migration is applied, the last one is 20260102000000"
        );
        assert_eq!(reason_of(&set, "Drifted"), "NoDrift");
        assert_eq!(
            database
                .rows("SELECT version, name, cardinality(statements) FROM supabase_migrations.schema_migrations ORDER BY 1")
                .await,
            ["20260101000000|notes|2", "20260102000000|index|1"]
        );
        assert_eq!(
            database.rows("SELECT version, kind, applied_by FROM ace_ops.migration ORDER BY applied_at").await,
            [
                format!("20260101000000|applied|ace-operator/{}/main", stage.space.name),
                format!("20260102000000|applied|ace-operator/{}/main", stage.space.name)
            ]
        );
        let told = async || {
            let events = stage.events("main").await;
            (events.iter().filter(|event| event.starts_with("Applied: ran")).count() == 2).then_some(())
        };
        stage.eventually("both runs are told", told).await;
    })
    .await;
}

//! What is dangerous waits for an approval of these bytes on this database.

use ace_tests::{Database, is_true, message_of, on_database, reason_of};
use serde_json::{Value, json};

use super::{NOTES, RARELY};

const DROP: (&str, &str) = ("20260102000000_drop.sql", "DROP TABLE public.notes;\n");

fn digest_of(set: &Value) -> String {
    set["status"]["plan"]["digest"].as_str().unwrap().to_owned()
}

fn approving(plans: &[&str]) -> Value {
    let approvals: Vec<_> = plans
        .iter()
        .map(|plan| json!({ "plan": plan, "reason": "OPS-12" }))
        .collect();
    json!({ "approvals": approvals })
}

ace_tests::tests![
    a_table_is_dropped_once_by_the_approval_of_this_plan_on_this_database_and_by_no_other,
    an_approval_that_a_failure_interrupted_holds_for_the_rest_of_its_plan,
];

async fn a_table_is_dropped_once_by_the_approval_of_this_plan_on_this_database_and_by_no_other() {
    on_database(RARELY, async |stage, first| {
        let second = Database::create().await;
        let refused = async |database: &Database| {
            let set = stage.set_stalled("ApprovalRequired").await;
            assert_eq!(database.ledger().await, ["20260101000000"]);
            set
        };
        stage.migrations(&[NOTES]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260101000000").await;
        stage.migrations(&[NOTES, DROP]).await;
        let set = refused(first).await;
        let theirs = digest_of(&set);
        assert_eq!(
            message_of(&set, "Ready"),
            format!("20260102000000 drops table public.notes; to approve it, add plan {theirs} to `spec.approvals`")
        );
        assert_eq!(
            set["status"]["plan"],
            json!({
                "digest": theirs,
                "approvalRequired": true,
                "pending": [{ "version": "20260102000000", "name": "drop", "risks": ["DataLoss"] }],
            })
        );

        // Another database with the same files, at the same head. Both files at once would lose nothing there: what a plan has made.
        stage.migrations(&[NOTES]).await;
        stage.applied("20260101000000").await;
        stage.database(RARELY, &second).await;
        stage
            .until_set("has run on the second database", |set| {
                is_true(set, "Ready") && set["status"]["target"]["database"] == second.name
            })
            .await;
        stage.migrations(&[NOTES, DROP]).await;
        let ours = stage
            .until_set("waits for an approval of another plan", |set| {
                reason_of(set, "Stalled") == "ApprovalRequired" && digest_of(set) != theirs
            })
            .await;
        assert_eq!(second.ledger().await, ["20260101000000"]);
        let ours = digest_of(&ours);
        let wrong = format!("sha256:{}", "0".repeat(64));
        for plans in [&[wrong.as_str()][..], &[wrong.as_str(), theirs.as_str()]] {
            stage.migration_set(approving(plans)).await;
            refused(&second).await;
        }
        stage.migration_set(approving(&[&wrong, &theirs, &ours])).await;
        stage.applied("20260102000000").await;
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
        assert_eq!(
            (first.rows(tables).await, second.rows(tables).await),
            (vec!["1".to_owned()], vec!["0".to_owned()])
        );

        // It is worth nothing for the same file under another version.
        let again = ("20260103000000_again.sql", "DROP TABLE IF EXISTS public.notes;\n");
        stage.migrations(&[NOTES, DROP, again]).await;
        stage.set_stalled("ApprovalRequired").await;
        assert_eq!(second.ledger().await.len(), 2);
    })
    .await;
}

async fn an_approval_that_a_failure_interrupted_holds_for_the_rest_of_its_plan() {
    on_database(RARELY, async |stage, database| {
        let fails_once = (
            "20260103000000_fails.sql",
            "SELECT 1 FROM public.is_there;\nDROP TABLE public.notes;\n",
        );
        stage.migrations(&[NOTES]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260101000000").await;
        stage
            .migrations(&[
                NOTES,
                ("20260102000000_more.sql", "TRUNCATE public.notes;\n"),
                fails_once,
            ])
            .await;
        let set = stage.set_stalled("ApprovalRequired").await;
        let plan = digest_of(&set);
        stage.migration_set(approving(&[&plan])).await;
        stage.set_stalled("MigrationFailed").await;
        assert_eq!(database.ledger().await, ["20260101000000", "20260102000000"]);
        database.run("CREATE VIEW public.is_there AS SELECT 1").await;
        stage.ask("migrationset", "main", "again").await;
        let set = stage.applied("20260103000000").await;
        // What was made by hand is no work of the run.
        assert_eq!(
            set["status"]["drift"]["fields"][0]["path"], "view/public.is_there",
            "{set:#}"
        );
    })
    .await;
}

//! In `Observe`, everything is told and nothing written.

use ace_tests::{Database, is_current, is_true, message_of, on_database, reason_of};
use serde_json::{Value, json};

use super::{INDEX, NOTES, OFTEN};

/// Everything that `postgres` owns in a database, rows included.
async fn dump(database: &Database) -> String {
    database
        .dump(&["-n", "public", "-n", "ace_ops", "-n", "supabase_migrations"])
        .await
}

ace_tests::tests![a_set_that_observes_says_what_is_pending_and_what_differs_and_writes_nothing,];

async fn a_set_that_observes_says_what_is_pending_and_what_differs_and_writes_nothing() {
    on_database(OFTEN, async |stage, database| {
        database.run(NOTES.1).await;
        database
            .run("INSERT INTO supabase_migrations.schema_migrations (version, name) VALUES ('20260101000000', 'notes')")
            .await;
        let before = dump(database).await;
        assert!(before.contains("CREATE TABLE public.notes"));
        let observed = |message: String| {
            move |set: &Value| is_true(set, "Ready") && is_current(set) && message_of(set, "Ready") == message
        };

        stage.migrations(&[NOTES, INDEX]).await;
        stage.migration_set(json!({ "mode": "Observe" })).await;
        let set = stage
            .until_set(
                "says that one is pending",
                observed("1 migration is pending".to_owned()),
            )
            .await;
        assert_eq!(reason_of(&set, "Drifted"), "NoReference");
        assert_eq!(
            (
                &set["status"]["applied"],
                &set["status"]["pending"],
                &set["status"]["plan"]["pending"][0]["version"]
            ),
            (&json!(1), &json!(1), &json!("20260102000000"))
        );
        let live = set["status"]["schema"]["digest"].clone();
        let spec = json!({ "mode": "Observe", "acceptedSchema": live });
        stage.migration_set(spec).await;
        stage
            .until_set("is as it was accepted", |set| {
                reason_of(set, "Drifted") == "NoDrift" && is_current(set)
            })
            .await;
        // What would be a refusal is a sentence.
        stage
            .migrations(&[NOTES, ("20260102000000_drop.sql", "DROP TABLE public.notes;\n")])
            .await;
        stage
            .until_set("says that an approval is needed", |set| {
                is_true(set, "Ready") && message_of(set, "Ready").contains("drops table public.notes")
            })
            .await;
        assert_eq!(dump(database).await, before);

        database.run(INDEX.1).await;
        let set = stage.until_set("is Drifted", |set| is_true(set, "Drifted")).await;
        let differs = &set["status"]["drift"]["fields"][0];
        assert_eq!((&differs["path"], &differs["desired"]), (&json!("schema"), &live));
        assert!(is_true(&set, "Ready"));
        database.run("DROP INDEX public.notes_body").await;
        stage
            .until_set("is as it was", |set| reason_of(set, "Drifted") == "NoDrift")
            .await;
        assert_eq!(dump(database).await, before);
    })
    .await;
}

//! Neither the password nor a value of a row gets out.

use ace_tests::{message_of, on_database};
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use serde_json::json;

use super::{NOTES, OFTEN};

const CANARY: &str = "canary-7f3e";

ace_tests::tests![neither_the_password_nor_a_value_of_a_row_is_in_a_status_an_event_the_log_or_a_metric,];

async fn neither_the_password_nor_a_value_of_a_row_is_in_a_status_an_event_the_log_or_a_metric() {
    on_database(OFTEN, async |stage, database| {
        let rows = format!(
            "INSERT INTO public.notes VALUES (1, '{CANARY}');\nCREATE UNIQUE INDEX once ON public.notes (body);\n"
        );
        let rows = ("20260102000000_rows.sql", rows.as_str());
        let row = "SELECT body FROM public.notes LIMIT 1";
        stage.migrations(&[NOTES, rows]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260102000000").await;
        let again = "and change the annotation `ops.mobulace.com/reconcile-at`";
        for (content, says, elsewhere) in [
            (
                format!("INSERT INTO public.notes VALUES (2, '{CANARY}');\n"),
                "duplicate key value violates unique constraint \"once\" (SQLSTATE 23505)",
                "correct the rows that it meets",
            ),
            (
                "SELECT body::integer FROM public.notes;\n".to_owned(),
                "invalid input syntax for type integer: \"…\" (SQLSTATE 22P02)",
                "correct the rows that it meets",
            ),
            (
                format!("DO $$ BEGIN RAISE WARNING 'seen %', ({row}); RAISE 'not %', ({row}); END $$;\n"),
                "not … (SQLSTATE P0001)",
                "change what it checks",
            ),
        ] {
            stage
                .migrations(&[NOTES, rows, ("20260103000000_fails.sql", &content)])
                .await;
            let message = format!("20260103000000_fails.sql line 1: {says}; correct the file, or {elsewhere} {again}");
            stage
                .until_set(&message, |set| message_of(set, "Stalled") == message)
                .await;
        }
        let warns = format!("DO $$ BEGIN RAISE WARNING 'seen %', ({row}); END $$;\n");
        stage
            .migrations(&[NOTES, rows, ("20260103000000_fails.sql", &warns)])
            .await;
        let set = stage.applied("20260103000000").await;
        assert_eq!(set["status"]["history"][0]["warnings"], json!(["seen …"]));
        let told = async || {
            let events = stage.events("main").await;
            events
                .iter()
                .any(|event| event.ends_with("the server warns: seen …"))
                .then_some(())
        };
        stage.eventually("the warning is told", told).await;

        let mut places = vec![
            ("the log".to_owned(), stage.operator.log_of(&stage.space.name)),
            ("metrics".to_owned(), stage.operator.metrics().await),
        ];
        for (kind, name) in [("Platform", "prod"), ("MigrationSet", "main")] {
            let versions = stage.space.watch.versions(kind, name).into_iter();
            places.extend(versions.map(|version| (format!("{kind} {name}"), version.object.to_string())));
        }
        let events = stage
            .space
            .api::<Event>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items;
        places.extend(events.iter().map(|event| ("an event".to_owned(), format!("{event:?}"))));
        assert!(places.len() > 10 && places.iter().all(|(_, text)| !text.is_empty()));
        for (place, text) in places {
            for secret in [CANARY, &database.password] {
                assert!(!text.contains(secret), "{}… is in {place}", &secret[..6]);
            }
        }
    })
    .await;
}

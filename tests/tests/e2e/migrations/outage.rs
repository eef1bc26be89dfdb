//! A server that rejects, stops, or is full: each test has one of its own.

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use ace_tests::{Database, Stage, message_of, on_stage, reason_of};
use serde_json::{Value, json};

use crate::server::{PASSWORD, Server};

use super::{Gate, INDEX, NOTES, OFTEN, PASS};

fn way(server: &Server) -> Database {
    Database {
        port: server.port,
        name: "postgres".to_owned(),
        password: PASSWORD.to_owned(),
    }
}

async fn settled(stage: &Stage<'_>, database: &Database) {
    stage.database(OFTEN, database).await;
    stage.migrations(&[NOTES]).await;
    stage.migration_set(json!({ "lockTimeout": "5m" })).await;
    stage.applied("20260101000000").await;
}

ace_tests::tests![
    a_password_that_was_changed_is_asked_for_and_pending_files_wait_for_it,
    a_server_that_stops_in_the_middle_of_a_file_is_waited_for_and_the_file_runs_once,
    a_disk_that_is_full_is_waited_for,
];

async fn a_password_that_was_changed_is_asked_for_and_pending_files_wait_for_it() {
    let server = Server::start().await;
    on_stage(OFTEN, async |stage| {
        let mut database = way(&server);
        settled(stage, &database).await;
        database.run("ALTER ROLE postgres PASSWORD 'canary-rotated'").await;
        stage.migrations(&[NOTES, INDEX]).await;
        let stalled = stage.set_stalled("DatabasePasswordRejected").await;
        assert_eq!(
            message_of(&stalled, "Ready"),
            "the database rejects the password of user `postgres`: put the correct one into key `password` of Secret `database`"
        );
        "canary-rotated".clone_into(&mut database.password);
        stage.password(&database.password).await;
        stage.applied("20260102000000").await;
        assert_eq!(database.ledger().await, ["20260101000000", "20260102000000"]);
        let log = stage.operator.log();
        assert!(!log.contains(PASSWORD) && !log.contains("canary-rotated"));
    })
    .await;
}

async fn a_server_that_stops_in_the_middle_of_a_file_is_waited_for_and_the_file_runs_once() {
    let mut server = Server::start().await;
    on_stage(OFTEN, async |stage| {
        let database = way(&server);
        database
            .run("CREATE SCHEMA private; CREATE TABLE private.counter (n bigint); INSERT INTO private.counter VALUES (0)")
            .await;
        settled(stage, &database).await;
        let counts = format!("UPDATE private.counter SET n = n + 1;\n{PASS}\n");
        let gate = Gate::close(&database).await;
        stage.migrations(&[NOTES, ("20260102000000_counts.sql", &counts)]).await;
        gate.reached(stage, &database).await;
        server.stop();
        let lost = stage
            .until_set("says that the database does not answer", |set| {
                ["DatabaseUnreachable", "NotObserved"].contains(&reason_of(set, "Reconciling"))
                    && message_of(set, "Ready").contains("does not answer")
            })
            .await;
        assert_eq!(reason_of(&lost, "Stalled"), "");
        server.run().await;
        stage.applied("20260102000000").await;
        assert_eq!(database.rows("SELECT n FROM private.counter").await, ["1"]);
        assert_eq!(database.ledger().await, ["20260101000000", "20260102000000"]);
    })
    .await;
}

async fn a_disk_that_is_full_is_waited_for() {
    let mut server = Server::start().await;
    let superuser = server.superuser().await;
    on_stage(OFTEN, async |stage| {
        let database = way(&server);
        settled(stage, &database).await;
        // The table's file is one that has no space left on its device: every write to it fails in the kernel, as on a full disk.
        let place = "SELECT current_setting('data_directory') || '/' || pg_relation_filepath('public.notes')";
        let file = PathBuf::from(
            superuser
                .query_one(place, &[])
                .await
                .unwrap()
                .try_get::<_, String>(0)
                .unwrap(),
        );
        let aside = file.with_extension("aside");
        fs::rename(&file, &aside).unwrap();
        symlink("/dev/full", &file).unwrap();
        let rows = (
            "20260102000000_rows.sql",
            "INSERT INTO public.notes VALUES (1, 'one');\n",
        );
        stage.migrations(&[NOTES, rows]).await;
        // On a busy machine all five attempts may be over before anybody looks: what was shown meanwhile is in the watch's record.
        let is_stalled = |set: &Value| reason_of(set, "Stalled") == "MigrationFailed";
        let retries = |set: &Value| reason_of(set, "Reconciling") == "Retrying";
        stage
            .until_set("was tried", |set| retries(set) || is_stalled(set))
            .await;
        stage.space.watch.caught_up().await;
        let versions = stage.space.watch.versions("MigrationSet", "main");
        let waiting = versions.iter().find(|version| retries(&version.object));
        let shown = || {
            let texts = versions.iter().map(|version| version.object["status"].to_string());
            texts.collect::<Vec<_>>().join("\n")
        };
        let waiting = waiting.unwrap_or_else(|| panic!("no attempt was shown:\n{}", shown()));
        let message = message_of(&waiting.object, "Ready");
        assert!(message.starts_with("20260102000000_rows.sql line 1: "), "{message}");
        assert!(message.contains(" (SQLSTATE 53100); attempt "), "{message}");
        assert_eq!(database.ledger().await, ["20260101000000"]);
        fs::remove_file(&file).unwrap();
        fs::rename(&aside, &file).unwrap();
        let over = stage
            .until_set("is over", |set| {
                set["status"]["head"] == "20260102000000" || is_stalled(set)
            })
            .await;
        if is_stalled(&over) {
            stage.ask("migs", "main", "there is space").await;
        }
        stage.applied("20260102000000").await;
        assert_eq!(database.rows("SELECT * FROM public.notes").await, ["1|one"]);
    })
    .await;
}

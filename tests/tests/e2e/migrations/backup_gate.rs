//! A plan that can lose data waits for a backup, which a worker makes of a real database.

use std::fs;

use ace_api::MigrationSet;
use ace_domain::bundle::short_digest;
use ace_sandbox::bed::BOOTSTRAP;
use ace_tests::{Database, Operator, SCHEDULE, Scene, Stage, message_of, on_database, reason_of};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{NOTES, RARELY};
use crate::server::{PASSWORD, Server};

ace_tests::tests![
    a_plan_that_loses_rows_has_a_backup_made_and_runs_after_it,
    no_file_runs_after_a_backup_that_is_none_for_it,
    a_backup_that_is_too_old_or_gone_is_named_with_the_reason_and_no_file_runs,
    a_backup_of_another_database_lets_no_file_run,
    a_backup_that_is_lost_while_the_lock_is_waited_for_lets_no_file_run,
    a_backup_that_is_lost_after_the_plan_was_stored_lets_no_file_run,
    a_backup_that_failed_is_told_and_an_approval_passes_one_plan_without,
    a_backup_of_somebody_else_under_the_name_is_refused_by_name,
];

/// A file that loses rows.
const PURGE: (&str, &str) = ("20260102000000_purge.sql", "DELETE FROM public.notes;\n");
/// One that loses none.
const COLUMN: (&str, &str) = (
    "20260101500000_column.sql",
    "ALTER TABLE public.notes ADD COLUMN more text;\n",
);
const BEFORE: [&str; 1] = ["20260101000000"];
/// How many of the two ledgers there are.
const LEDGERS: &str = "SELECT count(*) FROM pg_tables WHERE (schemaname, tablename) IN \
                       (('supabase_migrations', 'schema_migrations'), ('ace_ops', 'migration'))";

/// A set without a pending file, whose plans wait for a backup if they lose rows. `approve`: what needs an approval.
async fn on_scene(approve: Value, test: impl AsyncFnOnce(&Scene<'_>)) {
    Operator::shared_worker();
    on_database(RARELY, async |stage, database| {
        stage.migrations(&[NOTES]).await;
        let requires = json!({ "backup": { "schedule": SCHEDULE } });
        stage
            .migration_set(json!({ "requires": requires, "policy": { "approve": approve }, "lockTimeout": "5m" }))
            .await;
        stage.applied("20260101000000").await;
        database.run("INSERT INTO public.notes VALUES (1, 'kept')").await;
        let scene = Scene::prepare(stage, database, &stage.space.bed.bed.file().store_url).await;
        scene.schedule(|_| {}).await;
        test(&scene).await;
    })
    .await;
}

/// Takes the database's lock, under which migrations run and snapshots are taken.
async fn lock(database: &Database) -> Client {
    let colleague = database.session().await;
    let lock = "SELECT pg_advisory_lock(hashtextextended('ace-ops:' || current_database(), 0))";
    colleague.batch_execute(lock).await.unwrap();
    colleague
}

/// Nothing of the schedule is made from now on.
async fn suspend(scene: &Scene<'_>) {
    scene.schedule(|spec| spec["suspend"] = json!(true)).await;
}

/// Waits until the set waits for the Backup that is made for its plan; answers with its name.
async fn waits(stage: &Stage<'_>) -> String {
    let is = |set: &Value| {
        reason_of(set, "Reconciling") == "WaitingForBackup" && set["status"]["plan"]["backup"] == name_of_plan(set)
    };
    let set = stage.until_set("waits for the backup of its plan", is).await;
    let name = name_of_plan(&set);
    let expected = format!("20260102000000 waits for Backup `{name}`, which is being made");
    assert!(message_of(&set, "Ready").starts_with(&expected), "{set:#}");
    name
}

/// The name of the first Backup that is made for the plan in the status.
fn name_of_plan(set: &Value) -> String {
    let digest = set["status"]["plan"]["digest"].as_str().unwrap_or_default();
    format!("{SCHEDULE}-plan-{}", short_digest(digest).trim_start_matches("sha256:"))
}

/// Asks for a look, and waits until it was made.
async fn looks(stage: &Stage<'_>, value: &str) -> Value {
    stage.ask("migs", "main", value).await;
    stage
        .until_set("was looked at", |set| set["status"]["lastHandledReconcileAt"] == value)
        .await
}

async fn a_plan_that_loses_rows_has_a_backup_made_and_runs_after_it() {
    on_scene(json!([]), async |scene| {
        let (stage, database) = (scene.stage, scene.database);
        let colleague = lock(database).await;
        stage.migrations(&[NOTES, PURGE]).await;
        let name = waits(stage).await;
        assert_eq!(database.ledger().await, BEFORE);
        drop(colleague);
        stage.applied("20260102000000").await;
        let backup = scene.complete(&name).await;
        assert_eq!(
            (&backup["spec"]["class"], &backup["spec"]["scheduleRef"]["name"]),
            (&json!("PreMigration"), &json!(SCHEDULE))
        );
        assert!(
            backup["spec"]["reason"]
                .as_str()
                .unwrap()
                .ends_with("of MigrationSet main"),
            "{backup:#}"
        );
        assert_eq!(backup["status"]["snapshot"]["head"], "20260101000000");
        assert_eq!(backup["status"]["verified"][0]["level"], "Archive");
        assert!(database.rows("SELECT id::text FROM public.notes").await.is_empty());
        let set = stage
            .until_set("is settled", |set| set["status"]["plan"].is_null())
            .await;
        assert_eq!(set["status"]["pending"], 0);
    })
    .await;
}

async fn no_file_runs_after_a_backup_that_is_none_for_it() {
    on_scene(json!([]), async |scene| {
        let (stage, database) = (scene.stage, scene.database);
        scene.backup("first").await;
        scene.complete("first").await;
        suspend(scene).await;
        stage.migrations(&[NOTES, COLUMN]).await;
        stage.applied("20260101500000").await;
        stage.migrations(&[NOTES, COLUMN, PURGE]).await;
        waits(stage).await;
        says_instead(stage, "`first` is from before the last applied file").await;
        let ran = async || {
            (
                database.ledger().await.len(),
                database.rows("SELECT body FROM public.notes").await,
            )
        };
        assert_eq!(
            ran().await,
            (2, vec!["kept".to_owned()]),
            "the backup is from before the last file"
        );

        scene.schedule(|spec| spec["verify"] = json!("Bytes")).await;
        let stalled = stage.set_stalled("BackupUnusable").await;
        let message = message_of(&stalled, "Ready");
        assert!(message.contains("verifies its backups to Bytes"), "{message}");
        scene.backup("second").await;
        scene.complete("second").await;
        suspend(scene).await;
        // Or the one that was made for the plan, if that is the newest.
        says_instead(stage, "is not verified to the level in `requires.backup.verified`").await;
        assert_eq!(
            ran().await,
            (2, vec!["kept".to_owned()]),
            "the backup is not verified to the level"
        );

        scene.schedule(|_| {}).await;
        stage.applied("20260102000000").await;
    })
    .await;
}

/// Neither ledger nor rows show a file that ran.
async fn nothing_ran(database: &Database, why: &str) {
    assert_eq!(database.ledger().await, BEFORE, "{why}");
    assert_eq!(database.rows("SELECT body FROM public.notes").await, ["kept"], "{why}");
}

async fn a_backup_that_is_too_old_or_gone_is_named_with_the_reason_and_no_file_runs() {
    on_scene(json!([]), async |scene| {
        let (stage, database) = (scene.stage, scene.database);
        scene.backup("first").await;
        let first = scene.complete("first").await;
        suspend(scene).await;
        require(stage, "1m").await;
        let point = first["status"]["snapshot"]["time"].as_str().unwrap();
        let old = format!("SELECT now() > '{point}'::timestamptz + interval '1 minute'");
        let is_old = async || (database.rows(&old).await == ["t"]).then_some(());
        stage.eventually("the backup is too old", is_old).await;
        stage.migrations(&[NOTES, PURGE]).await;
        says_instead(stage, "`first` is older than `requires.backup.maxAge`").await;
        nothing_ran(database, "the backup is too old").await;

        let path = first["status"]["copies"][0]["path"].as_str().unwrap();
        fs::remove_dir_all(scene.file("primary", path)).unwrap();
        stage.ask("bdest", "primary", "gone").await;
        scene.stalled("first", "Missing").await;
        require(stage, "1h").await;
        says_instead(stage, "`first` is gone").await;
        nothing_ran(database, "the backup is gone").await;

        scene.schedule(|_| {}).await;
        stage.applied("20260102000000").await;
        assert!(database.rows("SELECT id::text FROM public.notes").await.is_empty());
    })
    .await;
}

/// Waits until the message names the Backup that is there, and why it is none for the plan; then has the set look again.
async fn says_instead(stage: &Stage<'_>, which: &str) {
    let what = format!("waits for one that is being made, as … {which}");
    let says = |set: &Value| {
        let message = message_of(set, "Ready");
        message.contains(", which is being made, as `") && message.ends_with(which)
    };
    let set = stage.until_set(&what, says).await;
    assert_eq!(reason_of(&set, "Reconciling"), "WaitingForBackup", "{set:#}");
    looks(stage, which).await;
}

async fn require(stage: &Stage<'_>, max_age: &str) {
    let requires = json!({ "backup": { "maxAge": max_age } });
    let patch = json!({ "spec": { "requires": requires } });
    let sets = stage.space.api::<MigrationSet>();
    sets.patch("main", &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
}

/// By its name on the same server, and by its server under the same name.
async fn a_backup_of_another_database_lets_no_file_run() {
    let server = Server::start().await;
    on_scene(json!([]), async |scene| {
        let (stage, source) = (scene.stage, scene.database);
        scene.backup("first").await;
        scene.complete("first").await;
        suspend(scene).await;
        let twin = Database {
            port: server.port,
            name: source.name.clone(),
            password: PASSWORD.to_owned(),
        };
        let superuser = server.superuser_of("postgres").await.unwrap();
        let make = format!("CREATE DATABASE {} OWNER postgres", twin.name);
        superuser.batch_execute(&make).await.unwrap();
        let superuser = server.superuser_of(&twin.name).await.unwrap();
        superuser.batch_execute(BOOTSTRAP).await.unwrap();
        for other in [Database::create().await, twin] {
            stage.migrations(&[NOTES]).await;
            stage.database(RARELY, &other).await;
            let prepared =
                async || (other.rows(LEDGERS).await == ["2"] && other.ledger().await == BEFORE).then_some(());
            stage
                .eventually("the other database has the first file", prepared)
                .await;
            other.run("INSERT INTO public.notes VALUES (1, 'kept')").await;
            stage.migrations(&[NOTES, PURGE]).await;
            says_instead(stage, "`first` is of another database").await;
            nothing_ran(&other, "the backup is of another database").await;
        }
    })
    .await;
}

async fn a_backup_that_is_lost_while_the_lock_is_waited_for_lets_no_file_run() {
    on_scene(json!([]), async |scene| {
        let (stage, database) = (scene.stage, scene.database);
        scene.backup("first").await;
        scene.complete("first").await;
        suspend(scene).await;
        let colleague = lock(database).await;
        stage.migrations(&[NOTES, PURGE]).await;
        let turn = |set: &Value| {
            reason_of(set, "Reconciling") == "WaitingForTurn" && set["status"]["plan"]["backup"] == "first"
        };
        stage.until_set("waits for its turn, with a backup", turn).await;
        stage
            .space
            .kubectl(&["delete", "bk", "first"])
            .await
            .expect("it is deleted");
        drop(colleague);
        waits(stage).await;
        looks(stage, "after").await;
        assert_eq!(database.ledger().await, BEFORE);
        scene.schedule(|_| {}).await;
        stage.applied("20260102000000").await;
    })
    .await;
}

/// Between the look at it under the lock and the first file.
async fn a_backup_that_is_lost_after_the_plan_was_stored_lets_no_file_run() {
    on_scene(json!([]), async |scene| {
        let (stage, database) = (scene.stage, scene.database);
        scene.backup("first").await;
        scene.complete("first").await;
        suspend(scene).await;
        // A plan can be read, and not be stored.
        let colleague = database.session().await;
        let lock = "BEGIN; LOCK TABLE ace_ops.plan IN SHARE MODE";
        colleague.batch_execute(lock).await.unwrap();
        stage.migrations(&[NOTES, PURGE]).await;
        let waiting = "SELECT pid FROM pg_locks WHERE relation = 'ace_ops.plan'::regclass AND NOT granted";
        let stores = async || database.rows(waiting).await.pop();
        let pid = stage.eventually("the plan is being stored", stores).await;
        stage
            .space
            .kubectl(&["delete", "bk", "first"])
            .await
            .expect("it is deleted");
        assert_eq!(database.rows(waiting).await, [pid], "the same session waits");
        drop(colleague);
        waits(stage).await;
        looks(stage, "after").await;
        nothing_ran(database, "the backup is gone").await;
        let plan = database.rows("SELECT digest FROM ace_ops.plan").await;
        assert_eq!(plan.len(), 1, "it was stored: {plan:?}");
        scene.schedule(|_| {}).await;
        stage.applied("20260102000000").await;
    })
    .await;
}

async fn a_backup_that_failed_is_told_and_an_approval_passes_one_plan_without() {
    on_scene(json!([]), async |scene| {
        let (stage, database) = (scene.stage, scene.database);
        scene
            .schedule(|spec| spec["scope"] = json!({ "require": [{ "table": "public.recipients", "minRows": 2001 }] }))
            .await;
        stage.migrations(&[NOTES, PURGE]).await;
        let stalled = stage.set_stalled("BackupUnusable").await;
        let name = name_of_plan(&stalled);
        let message = message_of(&stalled, "Ready");
        let expected =
            format!("20260102000000 waits for Backup `{name}`, which failed: public.recipients has 2000 rows");
        assert!(message.starts_with(&expected), "{message}");
        assert_eq!(database.ledger().await, BEFORE);
        let approval =
            json!({ "plan": stalled["status"]["plan"]["digest"], "withoutBackup": true, "reason": "OPS-13" });
        let patch = json!({ "spec": { "approvals": [approval] } });
        let sets = stage.space.api::<MigrationSet>();
        sets.patch("main", &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
        stage.applied("20260102000000").await;
        stage
            .migrations(&[
                NOTES,
                PURGE,
                ("20260103000000_again.sql", "DELETE FROM public.notes;\n"),
            ])
            .await;
        stage.set_stalled("BackupUnusable").await;
        assert_eq!(database.ledger().await.len(), 2, "the next plan has no such approval");
    })
    .await;
}

async fn a_backup_of_somebody_else_under_the_name_is_refused_by_name() {
    on_scene(json!(["DataLoss"]), async |scene| {
        let (stage, database) = (scene.stage, scene.database);
        suspend(scene).await;
        stage.migrations(&[NOTES, PURGE]).await;
        let stalled = stage.set_stalled("ApprovalRequired").await;
        let name = name_of_plan(&stalled);
        scene.backup(&name).await;
        let patch = json!({ "spec": { "approvals": [{ "plan": stalled["status"]["plan"]["digest"] }] } });
        let sets = stage.space.api::<MigrationSet>();
        sets.patch("main", &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
        let stalled = stage.set_stalled("NameTaken").await;
        let message = message_of(&stalled, "Ready");
        assert!(
            message.starts_with(&format!("Backup `{name}` is there, and was not made for this plan")),
            "{message}"
        );
        assert_eq!(database.ledger().await, BEFORE);
        stage
            .space
            .kubectl(&["delete", "bk", &name])
            .await
            .expect("it is deleted");
        scene.schedule(|_| {}).await;
        stage.applied("20260102000000").await;
        assert_eq!(scene.complete(&name).await["spec"]["class"], "PreMigration");
    })
    .await;
}

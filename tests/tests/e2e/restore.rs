//! Restores into scratch, end to end: the worker's process, a second PostgreSQL, and what was backed up of the first.

use ace_api::{Platform, Restore};
use ace_tests::{
    Operator, PLATFORM, ROW, SCRATCH_PASSWORD, Scene, is_true, left_in_scratch, make_scratch_role, message_of,
    on_database, reason_of,
};
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::server::Server;

ace_tests::tests![
    a_backup_is_restored_compared_row_by_row_and_dropped_again,
    what_an_empty_namespace_imports_can_be_restored,
    a_restore_uses_the_scratch_server_of_its_own_platform,
    what_can_not_be_restored_is_said_with_what_to_do,
];

/// A server with a role that may make databases, and a connection of its superuser.
pub async fn scratch() -> (Server, Client) {
    let server = Server::start().await;
    let superuser = server.superuser_of("postgres").await.unwrap();
    make_scratch_role(&superuser).await;
    (server, superuser)
}

async fn restore(scene: &Scene<'_>, name: &str, spec: Value) {
    let mut usual = json!({ "platformRef": { "name": PLATFORM } });
    for (field, value) in spec.as_object().unwrap() {
        usual[field] = value.clone();
    }
    let object = json!({ "metadata": { "name": name }, "spec": usual });
    scene.stage.apply::<Restore>(object).await;
}

async fn until(scene: &Scene<'_>, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    scene.stage.space.wait::<Restore>(name, what, is).await
}

async fn stalled(scene: &Scene<'_>, name: &str, reason: &str) -> String {
    let what = format!("is Stalled/{reason}");
    let seen = until(scene, name, &what, |seen| reason_of(seen, "Stalled") == reason).await;
    message_of(&seen, "Ready").to_owned()
}

async fn what_an_empty_namespace_imports_can_be_restored() {
    Operator::shared_worker();
    let (server, _superuser) = scratch().await;
    on_database("5m", async |stage, database| {
        let scene = Scene::prepare(stage, database, &stage.space.bed.bed.file().store_url).await;
        stage.scratch(server.port, "scratch", SCRATCH_PASSWORD).await;
        scene.schedule(|_| {}).await;
        scene.backup("first").await;
        scene.complete("first").await;
        let deleted = stage.space.kubectl(&["delete", "bk", "first"]).await;
        deleted.expect("a backup can be deleted");
        scene
            .destination_with("primary", json!({ "catalogue": "Import" }))
            .await;
        let listed = ["annotate", "bdest", "primary", "ops.mobulace.com/reconcile-at=1"];
        stage
            .space
            .kubectl(&listed)
            .await
            .expect("a destination can be annotated");
        let imported = scene.complete("first").await;
        assert!(imported["spec"]["import"].is_object(), "{imported:#}");
        restore(&scene, "drill", json!({ "source": { "backup": "first" } })).await;
        let seen = until(&scene, "drill", "is Restored", |seen| is_true(seen, "Ready")).await;
        assert_eq!(
            (&seen["status"]["point"]["level"], &seen["status"]["point"]["rows"]),
            (&json!("Content"), &json!(2001))
        );
    })
    .await;
}

async fn a_backup_is_restored_compared_row_by_row_and_dropped_again() {
    let worker = Operator::shared_worker();
    let (server, superuser) = scratch().await;
    on_database("5m", async |stage, database| {
        let scene = Scene::prepare(stage, database, &stage.space.bed.bed.file().store_url).await;
        stage.scratch(server.port, "scratch", SCRATCH_PASSWORD).await;
        scene.schedule(|spec| spec["verify"] = json!("Content")).await;
        scene.backup("first").await;
        let seen = scene.complete("first").await;
        assert_eq!(seen["status"]["verified"][0]["level"], "Content", "{}", worker.log());

        // What happens to the source later is nothing to it.
        database.run("DELETE FROM public.recipients").await;
        let assertions = json!([
            { "name": "recipients", "sql": "SELECT count(*) FROM public.recipients", "expect": "2000" },
        ]);
        restore(
            &scene,
            "drill",
            json!({ "source": { "latest": { "schedule": "yearly", "level": "Content" } }, "assertions": assertions }),
        )
        .await;
        let seen = until(&scene, "drill", "is Restored", |seen| is_true(seen, "Ready")).await;
        let status = &seen["status"];
        assert_eq!(status["point"]["backup"], "first");
        assert_eq!(status["point"]["rows"], 2001);
        let steps: Vec<&str> = status["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step["name"].as_str().unwrap())
            .collect();
        assert_eq!(steps, ["Fetch", "Restore", "Prove", "Compare"]);
        assert!(status["recoveryTime"].is_string(), "{status:#}");
        assert_eq!(status["assertions"][0]["passed"], true);

        let wrong = json!([{ "name": "none", "sql": "SELECT count(*) FROM public.recipients", "expect": "0" }]);
        restore(
            &scene,
            "wrong",
            json!({ "source": { "backup": "first" }, "assertions": wrong }),
        )
        .await;
        let says = stalled(&scene, "wrong", "AssertionFailed").await;
        assert!(
            says.ends_with(": none; to try again, change the annotation `ops.mobulace.com/reconcile-at`"),
            "{says}"
        );

        assert_eq!(left_in_scratch(&superuser).await, 0, "the databases are dropped");
        for name in ["drill", "wrong"] {
            for version in stage.space.watch.versions("Restore", name) {
                let text = version.object.to_string();
                assert!(!text.contains(ROW) && !text.contains(SCRATCH_PASSWORD), "{text}");
            }
        }
        assert!(!worker.log().contains(SCRATCH_PASSWORD));
    })
    .await;
}

async fn a_restore_uses_the_scratch_server_of_its_own_platform() {
    Operator::shared_worker();
    let (server, superuser) = scratch().await;
    on_database("5m", async |stage, database| {
        let scene = Scene::prepare(stage, database, &stage.space.bed.bed.file().store_url).await;
        scene.schedule(|_| {}).await;
        scene.backup("first").await;
        scene.complete("first").await;
        // The Platform of the backup has none that could be used: it is the source.
        stage.scratch(database.port, "postgres", &database.password).await;
        let platforms = stage.space.api::<Platform>();
        let mut spec = platforms.get(PLATFORM).await.unwrap().spec;
        let scratch = json!({
            "host": "127.0.0.1", "port": server.port, "user": "scratch", "tls": "Disable",
            "passwordSecretRef": { "name": "staging", "key": "password" },
        });
        spec.scratch = Some(serde_json::from_value(scratch).unwrap());
        stage
            .secret_offering("staging", "database", json!({ "password": SCRATCH_PASSWORD }))
            .await;
        stage
            .apply::<Platform>(json!({ "metadata": { "name": "staging" }, "spec": spec }))
            .await;
        let spec = json!({ "platformRef": { "name": "staging" }, "source": { "backup": "first" } });
        restore(&scene, "drill", spec).await;
        let seen = until(&scene, "drill", "is Restored", |seen| is_true(seen, "Ready")).await;
        assert_eq!(seen["status"]["point"]["rows"], 2001);
        assert_eq!(left_in_scratch(&superuser).await, 0);
    })
    .await;
}

async fn what_can_not_be_restored_is_said_with_what_to_do() {
    Operator::shared_worker();
    on_database("5m", async |stage, database| {
        let scene = Scene::prepare(stage, database, &stage.space.bed.bed.file().store_url).await;
        scene.schedule(|_| {}).await;
        scene.backup("first").await;
        scene.complete("first").await;
        restore(&scene, "nowhere", json!({ "source": { "backup": "first" } })).await;
        let says = stalled(&scene, "nowhere", "ScratchMissing").await;
        assert_eq!(
            says,
            "Platform `prod` has no scratch server: name one in its `spec.scratch`"
        );
        // The source itself is none.
        stage.scratch(database.port, "postgres", &database.password).await;
        let says = stalled(&scene, "nowhere", "ScratchIsSource").await;
        assert!(
            says.starts_with("scratch is the source: name another PostgreSQL"),
            "{says}"
        );
        restore(
            &scene,
            "nothing",
            json!({ "source": { "latest": { "schedule": "yearly", "before": "2020-01-01T00:00:00Z" } } }),
        )
        .await;
        let says = stalled(&scene, "nothing", "PointUnavailable").await;
        assert!(
            says.starts_with("BackupSchedule `yearly` has no complete Backup"),
            "{says}"
        );
    })
    .await;
}

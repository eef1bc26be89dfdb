//! A worker that is killed while it restores: what it leaves in the scratch server is dropped by the next.

use std::fs;

use ace_api::{BackupSchedule, Platform, Restore};
use ace_tests::{Operator, OperatorOptions, PLATFORM, SCHEDULE, Scene, bed, is_true, on_database_of};
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;

use super::{
    ONE,
    backups::{clients_with, worker},
    server::Server,
};

const PASSWORD: &str = "scratch-canary";

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_restores_a_worker_leaves_an_empty_scratch_server_to_the_next() {
    let _one = ONE.lock().await;
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    let server = Server::start().await;
    let superuser = server.superuser_of("postgres").await.unwrap();
    let role = format!("CREATE ROLE scratch LOGIN CREATEDB CREATEROLE PASSWORD '{PASSWORD}'");
    superuser.batch_execute(&role).await.unwrap();
    let left = async || -> i64 {
        let left = "SELECT count(*) FROM pg_database WHERE datname LIKE 'ace\\_scratch%'";
        superuser.query_one(left, &[]).await.unwrap().try_get(0).unwrap()
    };
    on_database_of(&operator, "5m", async |stage, database| {
        let directory = tempfile::tempdir().unwrap();
        let (begun, go) = (directory.path().join("begun"), directory.path().join("go"));
        let script = format!(
            "touch {}; while [ ! -e {} ]; do read -r _ < /dev/null; done; exec \"$REAL\" \"$@\"",
            begun.display(),
            go.display()
        );
        let options = worker(Some(clients_with(directory.path(), "pg_restore", &script)));
        let mut first = Operator::start(bed(), &options).await;
        let scene = Scene::prepare(stage, database, &stage.space.bed.bed.file().store_url).await;
        stage
            .secret_offering("scratch", "database", json!({ "password": PASSWORD }))
            .await;
        let scratch = json!({
            "host": "127.0.0.1", "port": server.port, "user": "scratch", "tls": "Disable",
            "passwordSecretRef": { "name": "scratch", "key": "password" },
        });
        let change = Patch::Merge(json!({ "spec": { "scratch": scratch } }));
        let platforms = stage.space.api::<Platform>();
        platforms
            .patch(PLATFORM, &PatchParams::default(), &change)
            .await
            .unwrap();
        // What is verified by `pg_restore` would wait, too.
        scene.schedule(|spec| spec["verify"] = json!("Bytes")).await;
        scene.backup("first").await;
        scene.complete("first").await;
        let drills = json!([{ "name": "minutely", "schedule": "* * * * *" }]);
        scene
            .schedule(|spec| {
                spec["verify"] = json!("Bytes");
                spec["drills"] = drills;
            })
            .await;
        stage
            .eventually("it is being restored", async || begun.exists().then_some(()))
            .await;
        assert_eq!(left().await, 1, "a database of its own");
        first.kill();
        fs::write(&go, "").unwrap();
        let second = Operator::start(bed(), &options).await;
        let drilled = |seen: &serde_json::Value| is_true(seen, "Drilled");
        let seen = stage
            .space
            .wait::<BackupSchedule>(SCHEDULE, "was drilled", drilled)
            .await;
        scene.schedule(|spec| spec["verify"] = json!("Bytes")).await;
        let restores = stage.space.api::<Restore>();
        let ended = async || {
            let all = restores.list(&ListParams::default()).await.unwrap().items;
            let has_ended = |restore: &Restore| {
                restore
                    .status
                    .as_ref()
                    .is_some_and(|status| status.recovery_time.is_some())
            };
            all.iter().all(has_ended).then_some(all)
        };
        let all = stage.eventually("every drill has ended", ended).await;
        let attempts: Vec<i32> = all
            .iter()
            .filter_map(|restore| Some(restore.status.as_ref()?.run.as_ref()?.attempt))
            .collect();
        assert!(attempts.contains(&2), "{attempts:?} {seen:#} {}", second.log());
        assert_eq!(left().await, 0, "the databases are dropped");
    })
    .await;
}

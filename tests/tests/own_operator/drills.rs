//! A worker that is killed while it restores: what it leaves in the scratch server is dropped by the next.

use std::fs;

use ace_api::{BackupSchedule, Restore};
use ace_tests::{
    Operator, OperatorOptions, SCHEDULE, SCRATCH_PASSWORD, Scene, bed, is_true, left_in_scratch, make_scratch_role,
    on_database_of,
};
use kube::api::ListParams;
use serde_json::json;

use super::{
    backups::{Waiting, clients_with, worker},
    server::Server,
};

ace_tests::tests! {
    killed_while_it_restores_a_worker_leaves_an_empty_scratch_server_to_the_next,
}

async fn killed_while_it_restores_a_worker_leaves_an_empty_scratch_server_to_the_next() {
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    let server = Server::start().await;
    let superuser = server.superuser_of("postgres").await.unwrap();
    make_scratch_role(&superuser).await;
    on_database_of(&operator, "5m", async |stage, database| {
        let directory = tempfile::tempdir().unwrap();
        let Waiting { begun, go, script } = Waiting::within(directory.path());
        let options = worker(Some(clients_with(directory.path(), "pg_restore", &script)));
        let mut first = Operator::start(bed(), &options).await;
        let scene = Scene::prepare(stage, database, &stage.space.bed.bed.file().store_url).await;
        stage.scratch(server.port, "scratch", SCRATCH_PASSWORD).await;
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
        assert_eq!(left_in_scratch(&superuser).await, 1, "a database of its own");
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
        assert_eq!(left_in_scratch(&superuser).await, 0, "the databases are dropped");
    })
    .await;
}

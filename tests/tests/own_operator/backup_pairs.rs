//! Two workers at once, of which one is killed, or paused for longer than its lease: there is a complete backup, and whatever else
//! was written is complete, too, or is none.

use std::{env, fs, io::Write as _};

use ace_api::Process;
use ace_archive::Manifest;
use ace_tests::{Database, Operator, OperatorOptions, Scene, Stage, bed, with_namespace, with_unjudged_namespace};
use rand::{SeedableRng as _, rngs::StdRng};
use rustix::process::Signal;
use serde_json::json;

use super::{
    backups::{manifests, stored},
    fate::{Fates, signal},
    leases::leases,
};

ace_tests::tests! {
    two_workers_of_which_one_is_paused_or_killed_at_any_time_leave_a_complete_backup,
    of_two_workers_one_makes_the_backups_and_the_other_goes_on_when_it_dies,
}

/// Runs, where `BACKUP_RUNS` does not say otherwise.
const RUNS: u64 = 8;
const FATES: Fates = Fates {
    killed: 1,
    after: 0..1_500,
    pause: 100..3_000,
};
const SESSIONS: &str = "ace-worker";

/// Every manifest has its data, whole.
fn is_complete(scene: &Scene<'_>, folder: &str) -> bool {
    let file = |name: &str| fs::read(scene.file("primary", &format!("{folder}/{name}")));
    let manifest = Manifest::parse(&file("manifest.json").unwrap()).unwrap();
    let data = file("dump.pgc.zst.age").unwrap();
    ace_archive::Digest::of(&data) == manifest.archive.sealed.digest && !manifest.tables.is_empty()
}

async fn two_workers_of_which_one_is_paused_or_killed_at_any_time_leave_a_complete_backup() {
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    with_unjudged_namespace(async |space| {
        let stage = Stage::set_up(space, &operator, "5m").await;
        let database = Database::create().await;
        stage.database("5m", &database).await;
        let options = ["ace-worker-0", "ace-worker-1"].map(|name| OperatorOptions {
            instance: Some(name),
            // Both act, as they never should.
            leader_elect: false,
            ..OperatorOptions::worker()
        });
        let mut first = Operator::start(bed(), &options[0]).await;
        let mut second = Operator::start(bed(), &options[1]).await;
        let scene = Scene::prepare(&stage, &database, &stage.space.bed.bed.file().store_url).await;
        scene.schedule(|spec| spec["attempts"] = json!(5)).await;
        let runs = env::var("BACKUP_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
        for number in 1..=runs {
            let mut random = StdRng::seed_from_u64(number);
            let fates = [FATES.random(&mut random), FATES.random(&mut random)];
            let name = format!("run-{number}");
            scene.backup(&name).await;
            tokio::join!(
                fates[0].strike(&mut first, &options[0], &database, SESSIONS),
                fates[1].strike(&mut second, &options[1], &database, SESSIONS),
            );
            let seen = scene.complete(&name).await;
            let path = seen["status"]["copies"][0]["path"].as_str().unwrap();
            let found = manifests(&scene);
            if !found.iter().any(|folder| folder == path) {
                eprintln!("{seen:#}\n{}\n{}", first.log(), second.log());
            }
            assert!(found.iter().any(|folder| folder == path), "{number} {fates:?}: {path}");
            for folder in &found {
                assert!(is_complete(&scene, folder), "{number} {fates:?}: {folder}");
            }
        }
        let complete = manifests(&scene).len() as u64;
        let folders: std::collections::BTreeSet<_> = stored(&scene).into_iter().map(|(folder, _)| folder).collect();
        // Past what the harness keeps to itself.
        let _ = writeln!(
            std::io::stderr(),
            "{runs} runs of two workers: {complete} complete backups, {} that were not finished",
            folders.len() as u64 - complete
        );
    })
    .await;
}

async fn of_two_workers_one_makes_the_backups_and_the_other_goes_on_when_it_dies() {
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    with_namespace(async |space| {
        let stage = Stage::set_up(space, &operator, "5m").await;
        let database = Database::create().await;
        stage.database("5m", &database).await;
        let start = async |name| {
            let options = OperatorOptions {
                instance: Some(name),
                lease_scale: 5,
                ..OperatorOptions::worker()
            };
            Operator::start(bed(), &options).await
        };
        let transitions = async || {
            let lease = leases().await.get(Process::Worker.name()).await.unwrap();
            lease.spec.unwrap().lease_transitions.unwrap()
        };
        let first = start("ace-worker-0").await;
        let acts = async |worker: &Operator| {
            let leads = async || (worker.metric("ace_leader", &[]).await > 0.0).then_some(());
            stage.eventually("it acts", leads).await;
        };
        acts(&first).await;
        let second = start("ace-worker-1").await;
        let scene = Scene::prepare(&stage, &database, &stage.space.bed.bed.file().store_url).await;
        scene.schedule(|_| ()).await;
        scene.backup("one").await;
        scene.complete("one").await;
        let passes = second.metrics().await;
        assert!(!passes.contains("ace_passes_total{"), "it waits: {passes}");
        let before = transitions().await;
        signal(&first, Signal::KILL);
        scene.backup("two").await;
        scene.complete("two").await;
        acts(&second).await;
        assert_eq!(transitions().await, before + 1);
        assert_eq!(manifests(&scene).len(), 2, "one of each");
    })
    .await;
}

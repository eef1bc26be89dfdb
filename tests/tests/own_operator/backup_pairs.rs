//! Two workers at once, of which one is killed, or paused for longer than its lease: there is a complete backup, and whatever else
//! was written is complete, too, or is none.

use std::{env, fs, io::Write as _, time::Duration};

use ace_archive::Manifest;
use ace_tests::{Database, Operator, OperatorOptions, Project, Scene, Stage, bed, with_unjudged_namespace};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::time::sleep;

use super::{
    ONE,
    backups::{manifests, stored},
};

/// Runs, where `BACKUP_RUNS` does not say otherwise.
const RUNS: u64 = 8;
/// Ends the sessions of whoever makes backups, as the server does with one that says nothing for a minute.
const IDLE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name LIKE 'ace-worker/%'";

#[derive(Clone, Copy, Debug)]
enum Fate {
    Nothing,
    Killed(u64),
    /// Stopped, its session ended, and woken after milliseconds.
    Paused(u64, u64),
}

impl Fate {
    fn random(random: &mut StdRng) -> Self {
        let after = random.random_range(0..1_500);
        match random.random_range(0..5) {
            0 => Self::Nothing,
            1 => Self::Killed(after),
            _ => Self::Paused(after, random.random_range(100..3_000)),
        }
    }
}

fn signal(worker: &Operator, signal: Signal) {
    let process = Pid::from_raw(i32::try_from(worker.process_id()).unwrap()).unwrap();
    kill_process(process, signal).unwrap();
}

async fn strike(scene: &Scene<'_>, worker: &mut Operator, options: &OperatorOptions, fate: Fate) {
    match fate {
        Fate::Nothing => {}
        Fate::Killed(after) => {
            sleep(Duration::from_millis(after)).await;
            worker.kill();
            *worker = Operator::start(bed(), options).await;
        }
        Fate::Paused(after, pause) => {
            sleep(Duration::from_millis(after)).await;
            signal(worker, Signal::STOP);
            scene.database.rows(IDLE).await;
            sleep(Duration::from_millis(pause)).await;
            signal(worker, Signal::CONT);
        }
    }
}

/// Every manifest has its data, whole.
fn is_complete(scene: &Scene<'_>, folder: &str) -> bool {
    let file = |name: &str| fs::read(scene.file("primary", &format!("{folder}/{name}")));
    let manifest = Manifest::parse(&file("manifest.json").unwrap()).unwrap();
    let data = file("dump.pgc.zst.age").unwrap();
    ace_archive::Digest::of(&data) == manifest.archive.sealed.digest && !manifest.tables.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_of_which_one_is_paused_or_killed_at_any_time_leave_a_complete_backup() {
    let _one = ONE.lock().await;
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    with_unjudged_namespace(async |space| {
        let project = Project::create(space.bed.bed.file()).await;
        let stage = Stage {
            space,
            project,
            operator: &operator,
        };
        stage.secret(&stage.project.token, &stage.project.anon_key).await;
        stage.platform(json!({ "interval": "5m" })).await;
        let database = Database::create().await;
        stage.database("5m", &database).await;
        let options = ["ace-worker-0", "ace-worker-1"].map(|name| OperatorOptions {
            instance: Some(name),
            ..OperatorOptions::worker()
        });
        let mut first = Operator::start(bed(), &options[0]).await;
        let mut second = Operator::start(bed(), &options[1]).await;
        let scene = Scene::prepare(&stage, &database, &stage.space.bed.bed.file().store_url).await;
        scene.schedule(|spec| spec["attempts"] = json!(5)).await;
        let runs = env::var("BACKUP_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
        for number in 1..=runs {
            let mut random = StdRng::seed_from_u64(number);
            let fates = [Fate::random(&mut random), Fate::random(&mut random)];
            let name = format!("run-{number}");
            scene.backup(&name).await;
            tokio::join!(
                strike(&scene, &mut first, &options[0], fates[0]),
                strike(&scene, &mut second, &options[1], fates[1]),
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

//! Workers that are killed, and clients of PostgreSQL that do not end as they should: there is exactly one complete backup, or none.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    panic::{AssertUnwindSafe, resume_unwind},
    path::{Path, PathBuf},
};

use ace_sandbox::bed::tools::postgres_bin_dir;
use ace_tests::{
    Cut, Cuts, Operator, OperatorOptions, Proxy, Scene, Side, bed, is_true, message_of, on_database_of, reason_of,
};
use futures::FutureExt as _;
use serde_json::{Value, json};
use xtask::rights;

ace_tests::tests! {
    killed_while_it_dumps_a_worker_leaves_one_complete_backup_to_the_next,
    killed_before_and_after_each_request_it_ends_with_one_complete_backup,
    without_the_answer_to_any_request_it_ends_with_one_complete_backup,
    a_dump_whose_program_fails_at_its_end_leaves_nothing,
    a_dump_that_is_killed_leaves_nothing,
    a_backup_whose_lease_ended_meanwhile_gets_no_manifest,
    what_is_written_while_it_is_dumped_is_neither_in_the_proof_nor_in_the_archive,
}

/// Requests of one backup to the API server and the store, each of which is a place to die before and after.
const RECORDED: usize = 8;

/// A directory for each major version, with a `pg_dump` that is this script, and the other program as it is.
pub fn clients(directory: &Path, script: &str) -> String {
    clients_with(directory, "pg_dump", script)
}

/// The same, of another program; `$REAL` is the installed one.
pub fn clients_with(directory: &Path, program: &str, script: &str) -> String {
    let real = postgres_bin_dir().expect("PostgreSQL is installed");
    let version = std::process::Command::new(real.join("pg_dump"))
        .arg("--version")
        .output()
        .unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let major = version
        .split_once("(PostgreSQL) ")
        .unwrap()
        .1
        .split('.')
        .next()
        .unwrap()
        .trim()
        .to_owned();
    let folder = directory.join(&major);
    fs::create_dir_all(&folder).unwrap();
    for other in ["pg_dump", "pg_restore"].into_iter().filter(|other| *other != program) {
        std::os::unix::fs::symlink(real.join(other), folder.join(other)).unwrap();
    }
    let text = format!(
        "#!/bin/sh\nREAL={}\nPATH=/usr/bin:/bin:{}\n[ \"$1\" = --version ] && exec \"$REAL\" --version\n{script}\n",
        real.join(program).display(),
        real.display()
    );
    let program = folder.join(program);
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}/<major>", directory.display())
}

pub fn worker(clients: Option<String>) -> OperatorOptions {
    OperatorOptions {
        clients,
        ..OperatorOptions::worker()
    }
}

/// A program that begins when it is let, and then is the real one.
pub struct Waiting {
    /// A file that is there when it was called.
    pub begun: PathBuf,
    /// A file that lets it go on.
    pub go: PathBuf,
    pub script: String,
}

impl Waiting {
    pub fn within(directory: &Path) -> Self {
        let (begun, go) = (directory.join("begun"), directory.join("go"));
        let script = format!(
            "touch {}; while [ ! -e {} ]; do read -r _ < /dev/null; done; exec \"$REAL\" \"$@\"",
            begun.display(),
            go.display()
        );
        Self { begun, go, script }
    }
}

/// Directories of the primary destination, each with the names of its files.
pub(super) fn stored(scene: &Scene<'_>) -> BTreeSet<(String, String)> {
    let root = scene.file("primary", "");
    let files = scene.files("primary");
    let parts = files.iter().map(|file| {
        let file = file.strip_prefix(&root).unwrap();
        let folder = file.parent().unwrap().display().to_string();
        (folder, file.file_name().unwrap().to_string_lossy().into_owned())
    });
    parts.collect()
}

pub(super) fn manifests(scene: &Scene<'_>) -> Vec<String> {
    let stored = stored(scene).into_iter();
    stored
        .filter(|(_, name)| name == "manifest.json")
        .map(|(folder, _)| folder)
        .collect()
}

async fn killed_while_it_dumps_a_worker_leaves_one_complete_backup_to_the_next() {
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    on_database_of(&operator, "5m", async |stage, database| {
        let directory = tempfile::tempdir().unwrap();
        let Waiting { begun, go, script } = Waiting::within(directory.path());
        let options = worker(Some(clients(directory.path(), &script)));
        let mut first = Operator::start(bed(), &options).await;
        let scene = Scene::prepare(stage, database, &stage.space.bed.bed.file().store_url).await;
        scene.schedule(|_| {}).await;
        scene.backup("first").await;
        stage
            .eventually("the dump has begun", async || begun.exists().then_some(()))
            .await;
        first.kill();
        fs::write(&go, "").unwrap();
        let second = Operator::start(bed(), &options).await;
        let seen = scene.complete("first").await;
        assert_eq!(seen["status"]["run"]["attempt"], 2, "{}", second.log());
        assert_eq!(manifests(&scene).len(), 1);
        scene.says_no_secret("first", &second);
        scene.says_no_secret("first", &first);
    })
    .await;
}

async fn killed_before_and_after_each_request_it_ends_with_one_complete_backup() {
    with_cuts(true).await;
}

async fn without_the_answer_to_any_request_it_ends_with_one_complete_backup() {
    with_cuts(false).await;
}

/// Cuts off each request to the API server and the store, before it arrives and after it took effect. `is_killed`: and ends the worker.
async fn with_cuts(is_killed: bool) {
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    on_database_of(&operator, "5m", async |stage, database| {
        let cuts = Cuts::default();
        let file = bed().bed.file();
        let store = Proxy::of_store(&file.store_url, &cuts).await;
        let account = bed()
            .bed
            .service_account_kubeconfig(rights::NAMESPACE, "ace-worker")
            .await
            .unwrap();
        let (_kubernetes, kubeconfig) = Proxy::of_kubernetes(&account, &cuts).await;
        let options = OperatorOptions {
            kubeconfig: Some(kubeconfig),
            ..worker(None)
        };
        let mut worker = Operator::start(bed(), &options).await;
        let scene = Scene::prepare(stage, database, &store.url).await;
        scene.schedule(|_| {}).await;
        scene.backup("undisturbed").await;
        scene.complete("undisturbed").await;
        let mut cut_off = Vec::new();
        let mut complete = manifests(&scene).len();
        'rounds: for at in 0.. {
            for side in [Side::Before, Side::After] {
                let name = format!("b{at}-{}", if side == Side::Before { "before" } else { "after" });
                cuts.arm_at(Cut {
                    process_id: is_killed.then(|| worker.process_id()),
                    stops: false,
                    of: "",
                    at,
                    side,
                });
                scene.backup(&name).await;
                let cut = stage.eventually("it is cut off", async || cuts.has_cut().then_some(()));
                tokio::select! {
                    _ = scene.complete(&name) => {}
                    () = cut => {}
                }
                let (cut, _) = cuts.disarm();
                if is_killed && cut.is_some() {
                    worker.kill();
                    worker = Operator::start(bed(), &options).await;
                }
                let seen = AssertUnwindSafe(scene.complete(&name)).catch_unwind().await;
                let seen = seen.unwrap_or_else(|panic| {
                    eprintln!("cut off {cut:?}: {}", worker.log());
                    resume_unwind(panic)
                });
                let found = manifests(&scene);
                assert_eq!(found.len(), complete + 1, "cut off {cut:?}: {}", worker.log());
                complete = found.len();
                let path = seen["status"]["copies"][0]["path"].as_str().unwrap();
                assert!(found.iter().any(|folder| folder == path), "cut off {cut:?}: {path}");
                match cut {
                    Some(cut) => cut_off.push(cut),
                    None => break 'rounds,
                }
            }
        }
        eprintln!("{} cut points: {cut_off:#?}", cut_off.len());
        assert!(
            cut_off.len() >= 2 * RECORDED,
            "only {} cut points: {cut_off:#?}",
            cut_off.len()
        );
        // A manifest is never there without its data.
        let all = stored(&scene);
        for folder in manifests(&scene) {
            assert!(
                all.contains(&(folder.clone(), "dump.pgc.zst.age".to_owned())),
                "{folder}"
            );
        }
    })
    .await;
}

/// A worker with this `pg_dump`, and a backup of a schedule with one attempt.
async fn with_dump(script: &str, what: &str, is: impl Fn(&Value) -> bool, then: impl AsyncFnOnce(&Scene<'_>, &Value)) {
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    on_database_of(&operator, "5m", async |stage, database| {
        let directory = tempfile::tempdir().unwrap();
        let url = &stage.space.bed.bed.file().database_url;
        let server = url.strip_suffix("/postgres").expect("the bed's database is named so");
        // What it gets is for `pg_dump`.
        let environment = format!(
            "psql() {{ env -i PATH=\"$PATH\" psql \"{server}/{}\" -qXAt -c \"$1\"; }}\n{script}",
            database.name
        );
        let _worker = Operator::start(bed(), &worker(Some(clients(directory.path(), &environment)))).await;
        let scene = Scene::prepare(stage, database, &stage.space.bed.bed.file().store_url).await;
        scene.schedule(|spec| spec["attempts"] = json!(1)).await;
        scene.backup("first").await;
        let seen = scene.until("first", what, is).await;
        then(&scene, &seen).await;
    })
    .await;
}

fn is_stalled(reason: &'static str) -> impl Fn(&Value) -> bool {
    move |seen| reason_of(seen, "Stalled") == reason
}

async fn a_dump_whose_program_fails_at_its_end_leaves_nothing() {
    let script = "\"$REAL\" \"$@\"; echo 'pg_dump: error: swordfish' >&2; exit 1";
    with_dump(
        script,
        "is Stalled/Failed",
        is_stalled("Failed"),
        async |scene, seen| {
            let message = message_of(seen, "Ready");
            assert!(
                message.contains("pg_dump failed") && !message.contains("swordfish"),
                "{message}"
            );
            assert_eq!(stored(scene), BTreeSet::new(), "what was not whole never appears");
        },
    )
    .await;
}

async fn a_dump_that_is_killed_leaves_nothing() {
    let script = "\"$REAL\" \"$@\" | head -c 4000; kill -9 $$";
    with_dump(
        script,
        "is Stalled/Failed",
        is_stalled("Failed"),
        async |scene, seen| {
            let message = message_of(seen, "Ready");
            assert!(message.contains("killed by signal 9"), "{message}");
            assert_eq!(stored(scene), BTreeSet::new());
        },
    )
    .await;
}

async fn a_backup_whose_lease_ended_meanwhile_gets_no_manifest() {
    // The dump is whole, and the session that held the lock is gone when it ends.
    let script = "\"$REAL\" \"$@\"; rc=$?
psql \"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())\" >/dev/null
exit $rc";
    let gone = |seen: &Value| is_true(seen, "Ready") || is_stalled("LeaseLost")(seen);
    with_dump(script, "is over", gone, async |scene, seen| {
        assert_eq!(reason_of(seen, "Stalled"), "LeaseLost", "{seen:#}");
        assert_eq!(manifests(scene), Vec::<String>::new());
    })
    .await;
}

async fn what_is_written_while_it_is_dumped_is_neither_in_the_proof_nor_in_the_archive() {
    // Between the snapshot and the dump, and so before the rows are counted or while they are.
    let script = "psql 'DELETE FROM public.recipients WHERE id > 5' >/dev/null
exec \"$REAL\" \"$@\"";
    with_dump(
        script,
        "is Ready",
        |seen| is_true(seen, "Ready"),
        async |scene, seen| {
            assert_eq!(seen["status"]["archive"]["rows"].as_i64(), Some(2001), "{seen:#}");
            assert_eq!(
                scene.database.rows("SELECT count(*) FROM public.recipients").await,
                ["5"]
            );
        },
    )
    .await;
}

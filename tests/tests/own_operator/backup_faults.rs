//! What fails while a backup is made or proved: a reason each, and nothing passes for a backup.

use std::{
    fs,
    os::unix::fs::{MetadataExt, chown},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use ace_api::Backup;
use ace_tests::{
    Database, Operator, OperatorOptions, Proxy, SCRATCH_PASSWORD, Scene, WriteFault, WriteFaults, bed, is_true,
    make_scratch_role, message_of, on_database_of, reason_of,
};
use futures::future::join_all;
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{
    backups::{clients, manifests, worker},
    server::{PASSWORD, Server},
};

ace_tests::tests! {
    a_store_that_fails_is_told_with_its_reason_and_has_no_backup,
    a_manifest_whose_answer_is_lost_is_found_by_reading_it,
    a_server_that_has_no_room_for_what_a_dump_asks_is_told_and_there_is_no_backup,
    a_scratch_server_that_has_no_room_is_told_and_the_backup_stays_what_it_was,
    a_dump_that_is_cut_short_and_says_nothing_is_no_backup,
}

const DATA: &str = "/dump.pgc.zst.age";
const MANIFEST: &str = "/manifest.json";
/// Much more than a request of a stream is repeated for.
const PATIENCE: Duration = Duration::from_mins(15);

/// What a store does to what is written under a name, and what the Backup says. A request that may pass is repeated for three
/// minutes, so all are made at once.
const FAULTS: [(&str, WriteFault, &str); 10] = [
    (DATA, WriteFault::Status(403), "the store answers 403"),
    (DATA, WriteFault::Status(429), "the store answers 429"),
    (DATA, WriteFault::Status(500), "the store answers 500"),
    (
        DATA,
        WriteFault::Status(507),
        "the store answers 507; make room, or raise its quota",
    ),
    (
        DATA,
        WriteFault::Hang,
        "it was not stored within the schedule's deadline of 1m",
    ),
    (
        DATA,
        WriteFault::AnswerLost,
        "the connection broke before the answer was complete",
    ),
    (MANIFEST, WriteFault::Status(403), "the store answers 403"),
    (MANIFEST, WriteFault::Status(429), "the store answers 429"),
    (MANIFEST, WriteFault::Status(500), "the store answers 500"),
    (
        MANIFEST,
        WriteFault::Status(507),
        "the store answers 507; make room, or raise its quota",
    ),
];

async fn a_store_that_fails_is_told_with_its_reason_and_has_no_backup() {
    let operator = &Operator::start(bed(), &OperatorOptions::default()).await;
    let options = OperatorOptions {
        runs_at_once: Some(FAULTS.len()),
        ..worker(None)
    };
    let _worker = Operator::start(bed(), &options).await;
    let cases = FAULTS.map(|(path, fault, says)| async move {
        on_database_of(operator, "5m", async |stage, database| {
            let faults = WriteFaults::default();
            let store = Proxy::of_failing_store(&stage.space.bed.bed.file().store_url, &faults).await;
            let scene = Scene::prepare(stage, database, &store.url).await;
            let patient = |spec: &mut Value| {
                spec["attempts"] = json!(1);
                spec["deadline"] = json!(if fault == WriteFault::Hang { "1m" } else { "30m" });
            };
            scene.schedule(patient).await;
            scene.backup("before").await;
            scene.complete("before").await;
            faults.set(path, fault);
            scene.backup("first").await;
            let is_over = |seen: &Value| is_true(seen, "Ready") || is_true(seen, "Stalled");
            let space = stage.space;
            let seen = space.wait_within::<Backup>(PATIENCE, "first", "is over", is_over).await;
            let message = message_of(&seen, "Ready");
            assert_eq!(reason_of(&seen, "Stalled"), "Failed", "{path} {fault:?}: {seen:#}");
            assert!(message.contains(says), "{path} {fault:?}: {message}");
            assert!(
                seen["status"]["copies"].as_array().is_none_or(Vec::is_empty),
                "{seen:#}"
            );
            assert_eq!(
                manifests(&scene).len(),
                1,
                "{path} {fault:?}: only that of the backup before"
            );
        })
        .await;
    });
    join_all(cases).await;
}

async fn a_manifest_whose_answer_is_lost_is_found_by_reading_it() {
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    let _worker = Operator::start(bed(), &worker(None)).await;
    on_database_of(&operator, "5m", async |stage, database| {
        let faults = WriteFaults::default();
        let store = Proxy::of_failing_store(&stage.space.bed.bed.file().store_url, &faults).await;
        let scene = Scene::prepare(stage, database, &store.url).await;
        scene.schedule(|spec| spec["attempts"] = json!(1)).await;
        faults.set(MANIFEST, WriteFault::AnswerLost);
        scene.backup("first").await;
        scene.complete("first").await;
        assert_eq!(manifests(&scene).len(), 1);
    })
    .await;
}

/// A file system of so many MiB, which is full when that is used up. Dropped, it is gone.
struct Small(PathBuf);

impl Small {
    /// `None` where this user may mount nothing.
    fn mount(mebibytes: u32) -> Option<Self> {
        // Everybody may enter it: the server does not run as root.
        let place = tempfile::Builder::new()
            .prefix("ace-small-")
            .tempdir_in("/var/tmp")
            .unwrap()
            .keep();
        let size = format!("size={mebibytes}m,mode=0777");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&place)
            .output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(place));
        }
        fs::remove_dir(&place).unwrap();
        eprintln!("this user may mount no file system: nothing is filled up");
        None
    }

    /// Makes the tablespace `small` of this server.
    async fn tablespace(&self, superuser: &Client) {
        let folder = self.0.join("tablespace");
        fs::create_dir(&folder).unwrap();
        let data = superuser.query_one("SHOW data_directory", &[]).await.unwrap();
        let owner = fs::metadata(data.try_get::<_, &str>(0).unwrap()).unwrap();
        chown(&folder, Some(owner.uid()), Some(owner.gid())).unwrap();
        let make = format!("CREATE TABLESPACE small LOCATION '{}'", folder.display());
        superuser.batch_execute(&make).await.unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--lazy"]).arg(&self.0).status();
        let _ = fs::remove_dir(&self.0);
    }
}

async fn a_server_that_has_no_room_for_what_a_dump_asks_is_told_and_there_is_no_backup() {
    let Some(small) = Small::mount(1) else { return };
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    let server = Server::start().await;
    let superuser = server.superuser_of("postgres").await.unwrap();
    // What `pg_dump` sorts of the catalogue does not fit into memory, and not into the file system either.
    small.tablespace(&superuser).await;
    superuser
        .batch_execute("GRANT CREATE ON TABLESPACE small TO PUBLIC")
        .await
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let script = "PGOPTIONS='-c temp_tablespaces=small -c work_mem=64kB' exec \"$REAL\" \"$@\"";
    let _worker = Operator::start(bed(), &worker(Some(clients(directory.path(), script)))).await;
    on_database_of(&operator, "5m", async |stage, _| {
        let database = Database {
            port: server.port,
            name: "postgres".to_owned(),
            password: PASSWORD.to_owned(),
        };
        stage.database("5m", &database).await;
        let scene = Scene::prepare(stage, &database, &stage.space.bed.bed.file().store_url).await;
        scene.schedule(|spec| spec["attempts"] = json!(1)).await;
        fs::write(small.0.join("rest"), vec![0; 2 << 20]).unwrap_err();
        scene.backup("first").await;
        let message = scene.stalled("first", "Failed").await;
        assert!(
            message.contains("pg_dump failed") && message.contains("No space left on device"),
            "{message}"
        );
        assert_eq!(scene.files("primary"), Vec::<PathBuf>::new());
    })
    .await;
}

async fn a_scratch_server_that_has_no_room_is_told_and_the_backup_stays_what_it_was() {
    let Some(small) = Small::mount(24) else { return };
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    let _worker = Operator::start(bed(), &worker(None)).await;
    let server = Server::start().await;
    let superuser = server.superuser_of("postgres").await.unwrap();
    make_scratch_role(&superuser).await;
    // New databases lie where the template does.
    small.tablespace(&superuser).await;
    superuser
        .batch_execute("ALTER DATABASE template1 SET TABLESPACE small")
        .await
        .unwrap();
    on_database_of(&operator, "5m", async |stage, database| {
        let scene = Scene::prepare(stage, database, &stage.space.bed.bed.file().store_url).await;
        database
            .run("INSERT INTO public.recipients SELECT i, repeat('x', 400), '' FROM generate_series(2001, 60000) i")
            .await;
        stage.scratch(server.port, "scratch", SCRATCH_PASSWORD).await;
        scene
            .schedule(|spec| {
                spec["attempts"] = json!(1);
                spec["verify"] = json!("Content");
            })
            .await;
        scene.backup("first").await;
        let says = |seen: &Value| message_of(seen, "Ready").contains("No space left on device");
        let seen = scene.until("first", "says why it is not verified", says).await;
        assert!(!is_true(&seen, "Ready"), "{seen:#}");
        let levels = seen["status"]["verified"].as_array().into_iter().flatten();
        assert!(levels.clone().all(|passed| passed["level"] != "Content"), "{seen:#}");
        assert_eq!(manifests(&scene).len(), 1, "what is stored is not at fault");
        scene.schedule(|spec| spec["verify"] = json!("Archive")).await;
        scene.complete("first").await;
    })
    .await;
}

async fn a_dump_that_is_cut_short_and_says_nothing_is_no_backup() {
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    let directory = tempfile::tempdir().unwrap();
    let script = "\"$REAL\" \"$@\" | head -c 40000";
    let _worker = Operator::start(bed(), &worker(Some(clients(directory.path(), script)))).await;
    on_database_of(&operator, "5m", async |stage, database| {
        let scene = Scene::prepare(stage, database, &stage.space.bed.bed.file().store_url).await;
        scene.schedule(|spec| spec["attempts"] = json!(1)).await;
        scene.backup("first").await;
        let seen = scene
            .until("first", "is over", |seen| {
                is_true(seen, "Ready") || is_true(seen, "Stalled")
            })
            .await;
        assert_eq!(reason_of(&seen, "Stalled"), "VerificationFailed", "{seen:#}");
        let levels: Vec<&Value> = seen["status"]["verified"].as_array().into_iter().flatten().collect();
        assert!(levels.iter().all(|passed| passed["level"] == "Bytes"), "{levels:?}");
    })
    .await;
}

//! Backups, end to end: the worker's process, a real PostgreSQL and a real server that speaks the protocol of S3.

use std::{
    fs,
    io::Read as _,
    panic::{AssertUnwindSafe, resume_unwind},
    path::PathBuf,
    process::Stdio,
    str::FromStr as _,
};

use ace_archive::Manifest;
use ace_tests::{Operator, ROW, Scene, message_of, on_database, reason_of, repository};
use age::{secrecy::ExposeSecret as _, x25519::Identity};
use futures::FutureExt as _;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, process::Command};

ace_tests::tests![
    a_backup_is_stored_encrypted_proved_and_verified_and_opens_without_us,
    an_archive_is_opened_by_the_commands_of_the_page,
    a_second_destination_gets_a_copy_and_a_missing_one_is_named,
    what_the_schedule_requires_of_the_database_is_held_against_it,
    a_backup_waits_for_whoever_has_the_lock_of_the_database_by_name,
    what_is_stored_and_damaged_does_not_pass,
    a_backup_that_is_cancelled_or_without_a_schedule_is_not_made,
];

pub(crate) async fn on_scene(test: impl AsyncFnOnce(&Scene<'_>)) {
    let worker = Operator::shared_worker();
    on_database("5m", async |stage, database| {
        let scene = Scene::prepare(stage, database, &stage.space.bed.bed.file().store_url).await;
        let outcome = AssertUnwindSafe(test(&scene)).catch_unwind().await;
        outcome.unwrap_or_else(|panic| {
            eprintln!("{}", worker.log_of(&stage.space.name));
            resume_unwind(panic)
        });
    })
    .await;
}

/// The copy's directory, as the status has it.
pub(crate) fn path(backup: &Value, copy: usize) -> String {
    backup["status"]["copies"][copy]["path"].as_str().unwrap().to_owned()
}

/// What a program writes of this input.
async fn piped(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let writing = tokio::spawn(async move { stdin.write_all(&input).await });
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{program} {arguments:?}");
    writing.await.unwrap().unwrap();
    output.stdout
}

async fn a_backup_is_stored_encrypted_proved_and_verified_and_opens_without_us() {
    on_scene(async |scene| {
        scene.schedule(|_| {}).await;
        scene.backup("first").await;
        let seen = scene.complete("first").await;
        let status = &seen["status"];
        assert!(
            message_of(&seen, "Ready").ends_with("in 1 of 1 places, verified to Archive"),
            "{status:#}"
        );
        assert_eq!(
            (&status["run"]["attempt"], &status["verified"][0]["level"]),
            (&json!(1), &json!("Archive"))
        );
        assert_eq!(status["snapshot"]["database"], json!(scene.database.name));
        assert_eq!(status["copies"][0]["state"], "Complete");
        assert!(status["progress"].is_null(), "{status:#}");

        let directory = path(&seen, 0);
        let names: Vec<PathBuf> = ["dump.pgc.zst.age", "manifest.json"]
            .iter()
            .map(|name| scene.file("primary", &format!("{directory}/{name}")))
            .collect();
        assert_eq!(scene.files("primary"), names);
        let manifest = Manifest::parse(&fs::read(&names[1]).unwrap()).unwrap();
        let recipients = manifest.tables.iter().find(|table| table.name == "recipients").unwrap();
        assert_eq!((recipients.rows, recipients.hash.is_some()), (Some(2000), true));
        assert!(
            manifest.tables.iter().any(|table| table.name == "odd.na\"me"),
            "{:?}",
            manifest.tables
        );
        assert_eq!(manifest.origin.uid, seen["metadata"]["uid"].as_str().unwrap());

        // Whoever has the identity needs age, zstd and pg_restore, and nothing of ours.
        let sealed = fs::read(&names[0]).unwrap();
        assert_eq!(sealed.len() as u64, manifest.archive.sealed.bytes);
        assert!(
            !sealed.windows(ROW.len()).any(|bytes| bytes == ROW.as_bytes()),
            "rows are stored in the clear"
        );
        let opened = age::Decryptor::new_buffered(&sealed[..]).unwrap();
        let mut compressed = Vec::new();
        let mut opened = opened
            .decrypt(std::iter::once(&scene.identity as &dyn age::Identity))
            .unwrap();
        opened.read_to_end(&mut compressed).unwrap();
        let archive = piped("zstd", &["-dc"], &compressed).await;
        let sql = piped("pg_restore", &["-f", "-"], &archive).await;
        let sql = String::from_utf8(sql).unwrap();
        assert!(
            sql.contains("CREATE TABLE public.recipients") && sql.contains(ROW),
            "{}",
            sql.len()
        );
        let other = Identity::from_str(Identity::generate().to_string().expose_secret()).unwrap();
        let opened = age::Decryptor::new_buffered(&sealed[..]).unwrap();
        assert!(opened.decrypt(std::iter::once(&other as &dyn age::Identity)).is_err());

        scene.says_no_secret("first", Operator::shared_worker());
        let table = scene
            .stage
            .space
            .kubectl(&["get", "bk"])
            .await
            .expect("backups can be listed");
        let cells: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        let columns = [
            "NAME", "CLASS", "POINT", "SIZE", "COPIES", "VERIFIED", "HELD", "READY", "DRIFTED", "MESSAGE", "AGE",
        ];
        assert_eq!(cells[0], columns, "{table}");
        assert_eq!(
            (cells[1][..2].to_vec(), cells[1][4]),
            (vec!["first", "Manual"], "1/1"),
            "{table}"
        );
    })
    .await;
}

/// The commands of docs/backups.md, in a directory with the archive and an identity.
async fn an_archive_is_opened_by_the_commands_of_the_page() {
    let tools = ["age", "zstd", "pg_restore"];
    let installed = |tool: &&str| std::process::Command::new(tool).arg("--version").output().is_ok();
    if let Some(absent) = tools.iter().find(|tool| !installed(tool)) {
        eprintln!("{absent} is not installed: the commands of docs/backups.md are not run");
        return;
    }
    let page = fs::read_to_string(repository().join("docs/backups.md")).unwrap();
    let (_, chapter) = page.split_once("\n## To open a backup without us\n").unwrap();
    let (_, commands) = chapter.split_once("```sh\n").unwrap();
    let (commands, _) = commands.split_once("```").unwrap();
    on_scene(async |scene| {
        scene.schedule(|_| {}).await;
        scene.backup("first").await;
        let seen = scene.complete("first").await;
        let directory = tempfile::tempdir().unwrap();
        let sealed = scene.file("primary", &format!("{}/dump.pgc.zst.age", path(&seen, 0)));
        fs::copy(sealed, directory.path().join("dump.pgc.zst.age")).unwrap();
        let identity = scene.identity.to_string();
        fs::write(directory.path().join("identity.txt"), identity.expose_secret()).unwrap();
        let output = Command::new("sh")
            .args(["-euc", commands])
            .current_dir(directory.path())
            .output()
            .await
            .unwrap();
        let (said, errors) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{said}\n{errors}");
        assert!(said.contains("TABLE DATA public recipients"), "{said}");
        let sql = fs::read_to_string(directory.path().join("dump.sql")).unwrap();
        assert!(
            sql.contains("CREATE TABLE public.recipients") && sql.contains(ROW),
            "{}",
            sql.len()
        );
    })
    .await;
}

async fn a_second_destination_gets_a_copy_and_a_missing_one_is_named() {
    on_scene(async |scene| {
        scene
            .schedule(|spec| spec["destinations"] = json!([{ "name": "primary" }, { "name": "second" }]))
            .await;
        scene.backup("first").await;
        let seen = scene
            .until("first", "waits for its copy", |seen| {
                message_of(seen, "Ready").contains("there is no BackupDestination `second`")
            })
            .await;
        assert_eq!(reason_of(&seen, "Reconciling"), "Copying");
        assert_eq!(seen["status"]["copiesComplete"], "1/2");
        scene.destination("second").await;
        let seen = scene.complete("first").await;
        assert_eq!(seen["status"]["copiesComplete"], "2/2");
        for name in ["dump.pgc.zst.age", "manifest.json"] {
            let of = |destination, copy| {
                fs::read(scene.file(destination, &format!("{}/{name}", path(&seen, copy)))).unwrap()
            };
            assert_eq!(of("primary", 0), of("second", 1), "{name}");
        }
    })
    .await;
}

async fn what_the_schedule_requires_of_the_database_is_held_against_it() {
    on_scene(async |scene| {
        let requires = |table: &str, rest: Value| {
            let mut required = json!({ "table": table });
            for (field, value) in rest.as_object().unwrap() {
                required[field] = value.clone();
            }
            move |spec: &mut Value| spec["scope"] = json!({ "require": [required] })
        };
        scene
            .schedule(requires("public.recipients", json!({ "minRows": 2001 })))
            .await;
        scene.backup("few").await;
        let message = scene.stalled("few", "RequiredTableEmpty").await;
        assert!(
            message.starts_with("public.recipients has 2000 rows; at least 2001 are required"),
            "{message}"
        );
        let space = scene.stage.space;
        let again = ["annotate", "bk", "few", "ops.mobulace.com/reconcile-at=1"];
        space.kubectl(&again).await.expect("a backup can be annotated");
        scene
            .until("few", "has failed again", |seen| {
                seen["status"]["lastHandledReconcileAt"] == "1" && reason_of(seen, "Stalled") == "RequiredTableEmpty"
            })
            .await;
        scene.schedule(requires("public.sms_opt_ins", json!({}))).await;
        scene.backup("absent").await;
        let message = scene.stalled("absent", "TableMissing").await;
        assert!(message.contains("public.sms_opt_ins"), "{message}");
        assert_eq!(
            scene.files("primary"),
            Vec::<PathBuf>::new(),
            "nothing is stored of them"
        );

        scene
            .schedule(requires("public.recipients", json!({ "maxDropPercent": 30 })))
            .await;
        scene.backup("before").await;
        scene.complete("before").await;
        scene
            .database
            .run("DELETE FROM public.recipients WHERE id > 1000")
            .await;
        scene.backup("after").await;
        let message = scene.stalled("after", "SizeDropped").await;
        assert!(message.contains("has 1000 rows, and had 2000"), "{message}");
        // What failed twice alike is one event, that is counted after a minute.
        let counts = ["get", "events.events.k8s.io", "-o", "jsonpath={.items[*].series.count}"];
        let counted = async || {
            let counts = space.kubectl(&counts).await.expect("events can be listed");
            counts.split_whitespace().any(|count| count == "2").then_some(())
        };
        space.eventually("the event is counted", counted).await;
    })
    .await;
}

async fn a_backup_waits_for_whoever_has_the_lock_of_the_database_by_name() {
    on_scene(async |scene| {
        scene.schedule(|_| {}).await;
        let colleague = scene.database.session().await;
        let lock = "SELECT pg_advisory_lock(hashtextextended('ace-ops:' || current_database(), 0))";
        colleague.batch_execute(lock).await.unwrap();
        scene.backup("first").await;
        let seen = scene
            .until("first", "waits for its turn", |seen| {
                reason_of(seen, "Reconciling") == "WaitingForTurn"
            })
            .await;
        assert!(message_of(&seen, "Ready").contains("(colleague)"), "{seen:#}");
        drop(colleague);
        let seen = scene.complete("first").await;
        assert_eq!(seen["status"]["run"]["attempt"], 1);
    })
    .await;
}

async fn what_is_stored_and_damaged_does_not_pass() {
    on_scene(async |scene| {
        scene
            .schedule(|spec| {
                spec["verify"] = json!("Bytes");
                // What is damaged is what the copy is made of.
                spec["destinations"] = json!([{ "name": "primary" }, { "name": "later", "required": false }]);
            })
            .await;
        scene.backup("first").await;
        let seen = scene.complete("first").await;
        let data = scene.file("primary", &format!("{}/dump.pgc.zst.age", path(&seen, 0)));
        let mut bytes = fs::read(&data).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&data, bytes).unwrap();
        scene.destination("later").await;
        let seen = scene
            .until("first", "says why there is no copy", |seen| {
                let message = &seen["status"]["copies"][1]["message"];
                message.as_str().is_some_and(|message| message.contains("damaged"))
            })
            .await;
        assert_eq!(seen["status"]["copies"][1]["state"], "Failed");
        let manifests = scene.files("later");
        assert!(manifests.is_empty(), "{manifests:?}");
    })
    .await;
}

async fn a_backup_that_is_cancelled_or_without_a_schedule_is_not_made() {
    on_scene(async |scene| {
        scene.backup("first").await;
        let seen = scene
            .until("first", "waits for its schedule", |seen| {
                reason_of(seen, "Reconciling") == "WaitingForSchedule"
            })
            .await;
        assert_eq!(
            message_of(&seen, "Ready"),
            "there is no BackupSchedule `yearly` in this namespace"
        );
        scene.backup_with("first", json!({ "cancel": true })).await;
        scene.stalled("first", "Cancelled").await;
        scene.schedule(|_| {}).await;
        scene.backup("second").await;
        scene.complete("second").await;
        let found = scene.files("primary");
        assert_eq!(found.len(), 2, "{found:?}");
        let taken_back = scene.stage.space.kubectl(&[
            "patch",
            "bk",
            "first",
            "--type=merge",
            "-p",
            r#"{"spec":{"cancel":false}}"#,
        ]);
        let refused = taken_back.await;
        assert!(
            !refused.success && refused.stderr.contains("`cancel` can't be taken back"),
            "{}",
            refused.stderr
        );
    })
    .await;
}

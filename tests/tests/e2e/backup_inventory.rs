//! What a store lacks, has too much, or has of others, end to end.

use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, SystemTime},
};

use ace_api::BackupDestination;
use ace_tests::{Scene, is_true, message_of, reason_of};
use serde_json::{Value, json};

use crate::backup::{on_scene, path};

ace_tests::tests![
    what_is_gone_from_a_store_is_told_and_the_copy_serves_until_that_is_gone_too,
    backups_of_a_bucket_that_is_gone_are_missing_and_their_objects_stay,
    an_empty_namespace_imports_what_is_stored_and_the_name_of_another_is_left_to_it,
    what_nobody_writes_any_more_and_what_was_deleted_long_ago_is_swept,
];

/// After the destination was listed once more.
async fn listed(scene: &Scene<'_>, name: &str, value: &str) -> Value {
    let space = scene.stage.space;
    let annotation = format!("ops.mobulace.com/reconcile-at={value}");
    let arguments = ["annotate", "--overwrite", "bdest", name, &annotation];
    space.kubectl(&arguments).await.expect("a destination can be annotated");
    let is_listed = |seen: &Value| seen["status"]["lastHandledReconcileAt"] == value;
    space
        .wait::<BackupDestination>(name, "was listed again", is_listed)
        .await
}

async fn what_is_gone_from_a_store_is_told_and_the_copy_serves_until_that_is_gone_too() {
    on_scene(async |scene| {
        scene.destination("second").await;
        scene
            .schedule(|spec| spec["destinations"] = json!([{ "name": "primary" }, { "name": "second" }]))
            .await;
        scene.backup("first").await;
        let seen = scene.complete("first").await;
        let data = |destination, copy| scene.file(destination, &format!("{}/dump.pgc.zst.age", path(&seen, copy)));
        let [primary, second] = [data("primary", 0), data("second", 1)];
        let aside = primary.with_file_name("aside");
        let bytes = fs::read(&primary).unwrap();
        fs::rename(&primary, &aside).unwrap();

        let destination = listed(scene, "primary", "1").await;
        assert_eq!(
            (reason_of(&destination, "Drifted"), is_true(&destination, "Ready")),
            ("ObjectMissing", true)
        );
        let field = &destination["status"]["drift"]["fields"][0];
        let desired = format!("{} bytes", bytes.len());
        let expected = json!({ "path": "first/dump.pgc.zst.age", "desired": desired, "observed": "absent" });
        assert_eq!(field, &expected);
        let seen = scene
            .until("first", "says that a copy is gone", |seen| is_true(seen, "Drifted"))
            .await;
        assert_eq!(
            (reason_of(&seen, "Drifted"), is_true(&seen, "Ready")),
            ("ObjectMissing", true)
        );
        let states = [0, 1].map(|copy| seen["status"]["copies"][copy]["state"].as_str().unwrap());
        assert_eq!(states, ["Missing", "Complete"]);
        assert_eq!(seen["status"]["copiesComplete"], "1/2");

        fs::write(&second, b"another").unwrap();
        let destination = listed(scene, "second", "1").await;
        assert_eq!(reason_of(&destination, "Drifted"), "ObjectChanged");
        let says = scene.stalled("first", "Missing").await;
        assert!(says.contains("no destination has what was stored"), "{says}");

        fs::rename(&aside, &primary).unwrap();
        let destination = listed(scene, "primary", "2").await;
        assert_eq!(reason_of(&destination, "Drifted"), "NoDrift");
        let seen = scene.complete("first").await;
        assert_eq!(reason_of(&seen, "Drifted"), "ObjectChanged");
        assert_eq!(seen["status"]["copies"][0]["state"], "Complete");
    })
    .await;
}

async fn backups_of_a_bucket_that_is_gone_are_missing_and_their_objects_stay() {
    on_scene(async |scene| {
        let bucket = format!("gone-{}", scene.stage.space.name);
        let buckets = scene.file("primary", "").ancestors().nth(4).unwrap().to_owned();
        let folder = buckets.join(&bucket);
        fs::create_dir(&folder).unwrap();
        scene.destination_in("bucket", &bucket).await;
        scene
            .schedule(|spec| spec["destinations"] = json!([{ "name": "bucket" }]))
            .await;
        scene.backup("first").await;
        scene.complete("first").await;
        fs::remove_dir_all(&folder).unwrap();
        let space = scene.stage.space;
        let arguments = ["annotate", "bdest", "bucket", "ops.mobulace.com/reconcile-at=1"];
        space.kubectl(&arguments).await.expect("a destination can be annotated");
        let is_gone = |seen: &Value| reason_of(seen, "Stalled") == "BucketMissing";
        space
            .wait::<BackupDestination>("bucket", "says that its bucket is gone", is_gone)
            .await;
        scene.stalled("first", "Missing").await;
    })
    .await;
}

async fn an_empty_namespace_imports_what_is_stored_and_the_name_of_another_is_left_to_it() {
    on_scene(async |scene| {
        let space = scene.stage.space;
        scene.schedule(|_| {}).await;
        for name in ["first", "taken"] {
            scene.backup(name).await;
        }
        let mut before = Vec::new();
        for name in ["first", "taken"] {
            before.push(scene.complete(name).await);
        }
        for arguments in [["delete", "bk", "first"], ["delete", "bk", "taken"]] {
            space.kubectl(&arguments).await.expect("a backup can be deleted");
        }
        let destination = listed(scene, "primary", "1").await;
        let stored = &destination["status"]["stored"];
        assert_eq!((&stored["backups"], &stored["unlisted"]), (&json!(2), &json!(2)));

        scene.backup_with("taken", json!({ "cancel": true })).await;
        scene
            .destination_with("primary", json!({ "catalogue": "Import" }))
            .await;
        let uid = before[1]["metadata"]["uid"].as_str().unwrap();
        let beside = format!("taken-{}", &uid[..8]);
        for (name, before) in [("first", &before[0]), (beside.as_str(), &before[1])] {
            let seen = scene.complete(name).await;
            assert_eq!(seen["spec"]["import"]["destination"]["name"], "primary");
            for field in ["snapshot", "archive"] {
                assert_eq!(seen["status"][field], before["status"][field], "{field} of {name}");
            }
        }
        let destination = listed(scene, "primary", "2").await;
        assert_eq!(destination["status"]["stored"]["unlisted"], 0);
        assert_eq!(message_of(&destination, "Ready"), "written, read and listed");
    })
    .await;
}

/// A file of the store that was written so many hours ago.
fn put(path: &Path, hours: u64) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, b"0123").unwrap();
    let written = SystemTime::now() - Duration::from_hours(hours);
    File::options()
        .append(true)
        .open(path)
        .unwrap()
        .set_modified(written)
        .unwrap();
}

async fn what_nobody_writes_any_more_and_what_was_deleted_long_ago_is_swept() {
    on_scene(async |scene| {
        let run = |stamp: &str| format!("yearly/manual/2020/01/01/{stamp}-5e0c71aa-7c1e");
        let [old, recent, deleted, leaving] = [
            "20200101T000000Z",
            "20200102T000000Z",
            "20200103T000000Z",
            "20200104T000000Z",
        ]
        .map(run);
        let file = |run: &str, name: &str| scene.file("primary", &format!("{run}/{name}"));
        put(&file(&old, "dump.pgc.zst.age"), 25);
        put(&file(&recent, "dump.pgc.zst.age"), 23);
        for (run, hours) in [(&deleted, 73), (&leaving, 71)] {
            put(&file(run, "dump.pgc.zst.age"), 100);
            put(&file(run, "manifest.deleted.json"), hours);
        }
        let destination = listed(scene, "primary", "1").await;
        let left: Vec<_> = scene.files("primary");
        let expected = [
            file(&recent, "dump.pgc.zst.age"),
            file(&leaving, "dump.pgc.zst.age"),
            file(&leaving, "manifest.deleted.json"),
        ];
        assert_eq!(left, expected, "{destination:#}");
        assert_eq!(destination["status"]["stored"]["unfinished"], 1);
    })
    .await;
}

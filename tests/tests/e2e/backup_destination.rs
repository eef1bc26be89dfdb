//! BackupDestinations, end to end: the operator's process and a real server that speaks the protocol of S3.

use std::{fs, path::PathBuf};

use ace_api::BackupDestination;
use ace_tests::{Operator, Space, is_true, message_of, reason_of, with_namespace};
use jiff::Timestamp;
use serde_json::{Value, json};

ace_tests::tests![
    a_destination_is_tried_listed_and_shows_what_is_stored,
    what_is_wrong_with_a_store_is_said_with_what_to_do,
    two_destinations_never_have_the_same_prefix,
];

/// A Secret with the store's key, and a destination whose spec is changed.
async fn apply(space: &Space, name: &str, change: impl FnOnce(&mut Value)) {
    Operator::shared();
    let bed = space.bed.bed.file();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "backup-store", "labels": { "ops.mobulace.com/use": "backup-store" } },
        "stringData": { "accessKeyId": bed.store_access_key_id, "secretAccessKey": bed.store_secret_access_key },
    });
    let mut destination = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "BackupDestination", "metadata": { "name": name },
        "spec": {
            "s3": { "endpoint": bed.store_url, "region": bed.store_region, "bucket": bed.store_bucket, "pathStyle": true },
            "prefix": prefix(space),
            "credentialsSecretRef": { "name": "backup-store" },
        },
    });
    change(&mut destination["spec"]);
    space.apply(&format!("{secret}\n---\n{destination}")).await;
}

/// The bucket is everybody's, the prefix each test's own.
fn prefix(space: &Space) -> String {
    format!("tests/{}", space.name)
}

/// Where an object of the prefix lies.
fn object(space: &Space, path: &str) -> PathBuf {
    let bed = &space.bed.bed;
    let bucket = bed.directory().join("store/objects").join(&bed.file().store_bucket);
    bucket.join(prefix(space)).join(path)
}

fn put(space: &Space, path: &str, size: usize) {
    let path = object(space, path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, vec![0; size]).unwrap();
}

async fn until(space: &Space, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    space.wait::<BackupDestination>(name, what, is).await
}

/// After it was looked at once more, because somebody asked.
async fn listed_again(space: &Space, name: &str, value: &str) -> Value {
    let annotation = format!("ops.mobulace.com/reconcile-at={value}");
    let annotated = space
        .kubectl(&["annotate", "--overwrite", "bdest", name, &annotation])
        .await;
    annotated.expect("a destination can be annotated");
    until(space, name, "was listed again", |seen| {
        seen["status"]["lastHandledReconcileAt"] == value
    })
    .await
}

async fn ready(space: &Space, name: &str) -> Value {
    until(space, name, "is Ready", |seen| is_true(seen, "Ready")).await
}

async fn stalled(space: &Space, name: &str, reason: &str) -> String {
    let what = format!("is Stalled/{reason}");
    let seen = until(space, name, &what, |seen| reason_of(seen, "Stalled") == reason).await;
    message_of(&seen, "Ready").to_owned()
}

async fn a_destination_is_tried_listed_and_shows_what_is_stored() {
    with_namespace(async |space| {
        apply(space, "primary", |_| {}).await;
        let seen = ready(space, "primary").await;
        let able =
            json!({ "conditionalCreate": true, "ranges": true, "multipart": true, "checksums": true, "delete": true });
        assert_eq!(seen["status"]["capabilities"], able);
        assert_eq!(
            seen["status"]["stored"],
            json!({ "backups": 0, "bytes": 0, "unfinished": 0, "unlisted": 0 })
        );
        assert_eq!(message_of(&seen, "Ready"), "written, read and listed");
        assert!(!object(space, ".ace").exists(), "what was written to try it is gone");

        let (one, two) = (
            "daily/20261123T010003Z-5e0c71aa-7c1e",
            "daily/20261124T010003Z-5e0c71ab-7c1e",
        );
        put(space, &format!("{one}/dump.pgc.zst.age"), 4_000);
        put(space, &format!("{one}/manifest.json"), 96);
        put(space, &format!("{two}/dump.pgc.zst.age"), 1_000);
        let seen = listed_again(space, "primary", "1").await;
        let stored = json!({
            "backups": 1, "bytes": 4_096, "newest": "2026-11-23T01:00:03Z", "unfinished": 1, "unlisted": 1,
        });
        assert_eq!(seen["status"]["stored"], stored);
        assert_eq!(reason_of(&seen, "Drifted"), "NoDrift");

        put(space, "notes/todo with ü.txt", 1);
        let seen = listed_again(space, "primary", "2").await;
        assert_eq!(
            (reason_of(&seen, "Drifted"), is_true(&seen, "Ready")),
            ("Unexpected", true)
        );
        assert_eq!(
            message_of(&seen, "Drifted"),
            "objects below the prefix belong to no backup, and are not touched: `notes/todo with ü.txt`"
        );
        fs::remove_dir_all(object(space, "notes")).unwrap();
        let seen = listed_again(space, "primary", "3").await;
        assert_eq!(reason_of(&seen, "Drifted"), "NoDrift");

        let table = space
            .kubectl(&["get", "bdest"])
            .await
            .expect("destinations can be listed");
        let cells: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        let columns = [
            "NAME", "STORE", "BACKUPS", "BYTES", "NEWEST", "READY", "DRIFTED", "MESSAGE", "AGE",
        ];
        assert_eq!(cells[0], columns, "{table}");
        assert_eq!(cells[1][..4], ["primary", "s3/ace-backups", "1", "4096"], "{table}");

        let secret = &space.bed.bed.file().store_secret_access_key;
        let versions = space.watch.versions("BackupDestination", "primary");
        let shown = versions.iter().map(|version| version.object.to_string());
        for text in shown.chain([Operator::shared().log()]) {
            assert!(!text.contains(secret.as_str()), "{text}");
        }
    })
    .await;
}

async fn what_is_wrong_with_a_store_is_said_with_what_to_do() {
    with_namespace(async |space| {
        let place = |field: &'static str, value: Value| move |spec: &mut Value| spec["s3"][field] = value;
        apply(space, "bucket", place("bucket", json!("no-such-bucket"))).await;
        apply(space, "host", place("endpoint", json!("https://s3.example.com"))).await;
        apply(space, "address", place("endpoint", json!("https://s3.example.com:99999"))).await;
        apply(space, "nobody", place("endpoint", json!("http://127.0.0.1:1"))).await;
        apply(space, "secret", |spec| spec["credentialsSecretRef"]["name"] = json!("absent")).await;
        apply(space, "identity", |spec| {
            spec.as_object_mut().unwrap().remove("credentialsSecretRef");
        })
        .await;
        apply(space, "local", |spec| {
            *spec = json!({ "local": { "path": "backups" }, "prefix": "prod" });
        })
        .await;
        assert_eq!(
            stalled(space, "bucket", "BucketMissing").await,
            "the store answers 404 (NoSuchBucket): create it, or correct the spec"
        );
        assert_eq!(
            stalled(space, "host", "HostNotAllowed").await,
            "the operator's flags do not allow the host `s3.example.com`: correct the address, or add the host to its flag \
             `--allow-store-host`"
        );
        assert_eq!(
            stalled(space, "address", "AddressInvalid").await,
            "the endpoint is not a URL: write an origin, such as `https://s3.eu-central-1.amazonaws.com`; the place is \
             immutable, so do that in another BackupDestination"
        );
        assert!(stalled(space, "identity", "AccessMissing").await.contains("`--allow-store-pod-identity`"));
        assert!(stalled(space, "local", "HostNotAllowed").await.contains("`--store-directory`"));
        let waits = async |name: &str, reason: &str| {
            let seen = until(space, name, reason, |seen| reason_of(seen, "Reconciling") == reason).await;
            message_of(&seen, "Ready").to_owned()
        };
        assert_eq!(waits("secret", "SecretMissing").await, "there is no Secret `absent`");
        assert_eq!(waits("nobody", "Unreachable").await, "no connection to the host");

        let secret = |secret: &str| {
            let key = json!({ "accessKeyId": space.bed.bed.file().store_access_key_id, "secretAccessKey": secret });
            json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": { "name": "wrong", "labels": { "ops.mobulace.com/use": "backup-store" } }, "stringData": key,
            })
            .to_string()
        };
        space.apply(&secret("another")).await;
        apply(space, "key", |spec| spec["credentialsSecretRef"]["name"] = json!("wrong")).await;
        assert_eq!(
            stalled(space, "key", "CredentialsRejected").await,
            "the store answers 403 (SignatureDoesNotMatch): the store does not accept the key; put a valid one into the Secret"
        );
        space.apply(&secret(&space.bed.bed.file().store_secret_access_key)).await;
        listed_again(space, "key", "1").await;
        ready(space, "key").await;
        space.kubectl(&["label", "secret", "wrong", "ops.mobulace.com/use-"]).await.expect("a Secret can be labelled");
        listed_after_refusal(space).await;
    })
    .await;
}

/// The Secret does not offer itself any more: the message has the command that changes that.
async fn listed_after_refusal(space: &Space) {
    let annotated = space
        .kubectl(&[
            "annotate",
            "--overwrite",
            "bdest",
            "key",
            "ops.mobulace.com/reconcile-at=2",
        ])
        .await;
    annotated.expect("a destination can be annotated");
    let message = stalled(space, "key", "SecretNotOffered").await;
    assert!(
        message.ends_with("wrong ops.mobulace.com/use=backup-store"),
        "{message}"
    );
}

async fn two_destinations_never_have_the_same_prefix() {
    with_namespace(async |space| {
        apply(space, "first", |_| {}).await;
        let first = ready(space, "first").await;
        // Of two that were made in the same second nobody can say which is older.
        let made: Timestamp = first["metadata"]["creationTimestamp"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let is_over = async || (Timestamp::now().as_second() > made.as_second()).then_some(());
        space.eventually("another second", is_over).await;
        apply(space, "below", |spec| {
            spec["prefix"] = json!(format!("{}/daily", prefix(space)));
        })
        .await;
        let message = stalled(space, "below", "PrefixClaimed").await;
        assert!(
            message.contains(&format!("BackupDestination {}/first, which is older", space.name)),
            "{message}"
        );
        apply(space, "beside", |spec| {
            spec["prefix"] = json!(format!("{}-2", prefix(space)));
        })
        .await;
        ready(space, "beside").await;
        let deleted = space.kubectl(&["delete", "bdest", "first"]).await;
        deleted.expect("a destination can be deleted");
        ready(space, "below").await;
    })
    .await;
}

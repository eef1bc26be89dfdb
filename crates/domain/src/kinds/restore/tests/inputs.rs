//! Which backup a Restore restores.

use ace_api::{Backup, Platform, Restore, RestoreReason};
use serde_json::{Value, json};

use super::super::{Inputs, inputs};
use crate::reconcile::fixture::at;

#[expect(clippy::needless_pass_by_value, reason = "it is written where it is passed")]
fn platform(spec: Value) -> Platform {
    let secret = json!({ "name": "scratch", "key": "password" });
    let mut usual = json!({
        "project": "abcdefghijklmnopqrst",
        "api": { "tokenSecretRef": secret },
        "scratch": { "host": "scratch", "passwordSecretRef": secret },
    });
    for (field, value) in spec.as_object().unwrap() {
        usual[field] = value.clone();
    }
    serde_json::from_value(json!({ "metadata": { "name": "prod" }, "spec": usual })).unwrap()
}

/// A Backup of a schedule, taken at this second and verified to this level; not complete without one.
fn backup(name: &str, schedule: &str, second: i64, level: Option<&str>) -> Backup {
    let snapshot = json!({
        "time": at(second), "lsn": "0/1", "systemIdentifier": "7", "timeline": 1, "database": "postgres", "serverVersion": "15.18",
    });
    let archive = json!({
        "bytes": 1, "rawBytes": 2, "digest": "sha256:", "tables": 1, "rows": 1, "client": "15.18", "duration": "1s",
    });
    let status = match level {
        None => json!({}),
        Some(level) => json!({
            "snapshot": snapshot, "archive": archive, "verified": [{ "level": level, "time": at(second) }],
        }),
    };
    let spec = json!({ "scheduleRef": { "name": schedule } });
    serde_json::from_value(json!({ "metadata": { "name": name }, "spec": spec, "status": status })).unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "it is written where it is passed")]
fn from(source: Value) -> Restore {
    let spec = json!({ "platformRef": { "name": "prod" }, "source": source });
    serde_json::from_value(json!({ "metadata": { "name": "drill" }, "spec": spec })).unwrap()
}

#[test]
fn the_backup_that_is_named_or_the_latest_that_fits_is_restored() {
    let backups = [
        backup("old", "nightly", 10, Some("Archive")),
        backup("new", "nightly", 20, Some("Archive")),
        backup("unverified", "nightly", 30, Some("Bytes")),
        backup("running", "nightly", 40, None),
        backup("other", "weekly", 50, Some("Content")),
    ];
    let usable = |source: Value| inputs(&from(source), Some(&platform(json!({}))), &backups);
    let name = |name: &str| Inputs::Usable(name.to_owned());
    assert_eq!(usable(json!({ "backup": "old" })), name("old"));
    assert_eq!(usable(json!({ "latest": { "schedule": "nightly" } })), name("new"));
    let before = json!({ "latest": { "schedule": "nightly", "before": at(15) } });
    assert_eq!(usable(before), name("old"));
    let bytes = json!({ "latest": { "schedule": "nightly", "level": "Bytes" } });
    assert_eq!(usable(bytes), name("unverified"));
    let reason = |source: Value| match usable(source) {
        Inputs::Waiting(cause) => cause.reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(json!({ "backup": "running" })), RestoreReason::WaitingForBackup);
    assert_eq!(reason(json!({ "backup": "absent" })), RestoreReason::WaitingForBackup);
    let content = json!({ "latest": { "schedule": "nightly", "level": "Content" } });
    assert_eq!(reason(content), RestoreReason::PointUnavailable);
}

#[test]
fn without_a_platform_or_a_scratch_server_nothing_is_restored() {
    let backups = [backup("old", "nightly", 10, Some("Archive"))];
    let object = from(json!({ "backup": "old" }));
    let reason = |platform: Option<&Platform>| match inputs(&object, platform, &backups) {
        Inputs::Waiting(cause) | Inputs::Suspended(cause) => cause.reason,
        Inputs::Usable(name) => panic!("{name}"),
    };
    assert_eq!(reason(None), RestoreReason::WaitingForPlatform);
    assert_eq!(
        reason(Some(&platform(json!({ "suspend": true })))),
        RestoreReason::SuspendedByPlatform
    );
    assert_eq!(
        reason(Some(&platform(json!({ "scratch": null })))),
        RestoreReason::ScratchMissing
    );
}

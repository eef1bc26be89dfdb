use ace_api::{Backup, BackupClass, BackupReason, BackupResult, CopyState, VerificationLevel};
use serde_json::{Value, json};

use super::super::{Known, Phase, backup_facts, is_own};
use crate::reconcile::{
    dependency::{Dependency, Fact},
    key::Key,
};

fn backup(change: impl FnOnce(&mut Value)) -> Backup {
    let mut object = json!({
        "metadata": { "name": "nightly-202611230100", "namespace": "ace", "uid": "u7", "creationTimestamp": "2026-11-23T01:00:00Z" },
        "spec": { "scheduleRef": { "name": "nightly" }, "class": "Scheduled" },
        "status": {
            "observedGeneration": 1,
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "Complete", "message": "241 MB",
                "observedGeneration": 1, "lastTransitionTime": "2026-11-23T01:00:21Z",
            }],
            "snapshot": {
                "time": "2026-11-23T01:00:04Z", "lsn": "3A/41F2C8", "systemIdentifier": "1", "timeline": 1,
                "database": "postgres", "serverVersion": "15.18",
            },
            "archive": {
                "bytes": 241_172_480, "rawBytes": 793_772_032, "digest": "sha256:1", "tables": 132, "rows": 3_402_117,
                "client": "15.18", "duration": "9s",
            },
            "copies": [{ "destination": "primary", "state": "Complete" }, { "destination": "second", "state": "Copying" }],
            "verified": [{ "level": "Archive", "time": "2026-11-23T01:00:21Z" }, { "level": "Bytes", "time": "2026-11-23T01:00:21Z" }],
        },
    });
    change(&mut object);
    serde_json::from_value(object).unwrap()
}

fn ready(reason: &str) -> impl FnOnce(&mut Value) {
    let reason = reason.to_owned();
    move |object| {
        object["status"]["conditions"][0]["status"] = json!("False");
        object["status"]["conditions"][0]["reason"] = json!(reason);
    }
}

#[test]
fn what_a_backup_shows_is_what_its_schedule_knows() {
    let known = Known::of(&backup(|_| {}));
    assert_eq!((known.phase, known.result()), (Phase::Stored, BackupResult::Complete));
    assert_eq!(known.level, Some(VerificationLevel::Archive));
    assert_eq!((known.destinations.len(), known.copies, known.lost.len()), (1, 2, 0));
    assert_eq!(known.slot("nightly").unwrap().to_string(), "2026-11-23T01:00:00Z");
    assert_eq!(known.slot("night"), None);
    for (reason, phase) in [
        ("Verifying", Phase::Stored),
        ("Copying", Phase::Stored),
        ("AccessMissing", Phase::Stored),
        ("VerificationFailed", Phase::Condemned),
        ("Missing", Phase::Condemned),
    ] {
        assert_eq!(Known::of(&backup(ready(reason))).phase, phase, "{reason}");
    }
    for (reason, phase, is_told) in [
        ("Dumping", Phase::Running, false),
        ("Retrying", Phase::Running, true),
        ("Failed", Phase::Failed, true),
        ("ClientVersionUnavailable", Phase::Failed, true),
    ] {
        let known = Known::of(&backup(|object| {
            ready(reason)(object);
            object["status"].as_object_mut().unwrap().remove("archive");
        }));
        assert_eq!((known.phase, known.said.is_some()), (phase, is_told), "{reason}");
    }
    let new = Known::of(&backup(|object| object["status"] = json!({ "observedGeneration": -1 })));
    assert_eq!((new.phase, new.point), (Phase::Running, None));
    let lost = Known::of(&backup(|object| {
        object["status"]["copies"][0]["state"] = json!("Missing");
    }));
    assert_eq!(lost.lost, [("primary".to_owned(), CopyState::Missing)]);
}

#[test]
fn progress_of_a_backup_is_no_news_for_its_schedule() {
    let running = |message: &str| {
        let object = backup(|object| {
            ready("Dumping")(object);
            object["status"]["conditions"][0]["message"] = json!(message);
            object["status"].as_object_mut().unwrap().remove("archive");
        });
        backup_facts(&object)
    };
    assert_eq!(running("412 of about 890 MiB"), running("512 of about 890 MiB"));
    let facts = backup_facts(&backup(|_| {}));
    let [(dependency, Fact::Is(_))] = &facts[..] else {
        panic!("{facts:?}");
    };
    let schedule = Key::beside(&backup(|_| {}), "nightly");
    assert_eq!(*dependency, Dependency::BackupsOf(schedule));
    assert_ne!(facts, running("412 of about 890 MiB"));
}

#[test]
fn only_what_was_made_for_a_slot_of_this_schedule_is_its_own() {
    assert!(is_own(&backup(|_| {}), "nightly"));
    assert!(!is_own(&backup(|_| {}), "hourly"));
    assert!(!is_own(
        &backup(|object| object["spec"]["class"] = json!("Manual")),
        "nightly"
    ));
    let imported = backup(|object| {
        object["spec"] = json!({ "import": { "destination": { "name": "primary" }, "manifest": "a/manifest.json" }, "class": "Scheduled" });
    });
    assert!(!is_own(&imported, "nightly"));
    assert_eq!(backup_facts(&imported), vec![]);
    assert_eq!(
        (Known::of(&imported).class, BackupReason::Failed),
        (BackupClass::Scheduled, BackupReason::Failed)
    );
}

//! `kubectl ace backup` and `kubectl ace drill`: what they print is what a person would write.
#![cfg(test)]

mod support;

use ace_api::{Backup, BackupClass, Restore, VerificationLevel};
use support::{printed, run};

#[test]
fn a_backup_is_printed_without_what_repeats_a_default() {
    let shortest = "---
apiVersion: ops.mobulace.com/v1alpha1
kind: Backup
metadata:
  name: before-the-import
spec:
  scheduleRef:
    name: nightly
";
    assert_eq!(
        printed(&["backup", "before-the-import", "--schedule", "nightly"]),
        shortest
    );
    let arguments = [
        "backup",
        "incident-7",
        "--schedule=nightly",
        "--incident",
        "--reason=rows are gone: who?",
        "--hold=INC-7",
        "-n=ace",
    ];
    let backup: Backup = serde_yaml::from_str(&printed(&arguments)).unwrap();
    assert_eq!(backup.metadata.namespace.as_deref(), Some("ace"));
    let spec = backup.spec;
    assert_eq!(
        (spec.class, spec.reason.as_str(), spec.hold.as_deref()),
        (BackupClass::Incident, "rows are gone: who?", Some("INC-7"))
    );
}

#[test]
fn a_drill_is_of_a_backup_or_of_the_latest_of_a_schedule() {
    let of_a_backup = "---
apiVersion: ops.mobulace.com/v1alpha1
kind: Restore
metadata:
  name: drill
spec:
  platformRef:
    name: prod
  source:
    backup: before-the-import
";
    let arguments = ["drill", "drill", "--platform", "prod", "--backup", "before-the-import"];
    assert_eq!(printed(&arguments), of_a_backup);
    let arguments = [
        "drill",
        "drill",
        "--platform=prod",
        "--schedule=nightly",
        "--before=2026-11-23T09:14:00Z",
        "--level=Bytes",
    ];
    let restore: Restore = serde_yaml::from_str(&printed(&arguments)).unwrap();
    let latest = restore.spec.source.latest.unwrap();
    assert_eq!(
        (latest.schedule.as_str(), latest.level),
        ("nightly", VerificationLevel::Bytes)
    );
    assert_eq!(latest.before, Some("2026-11-23T09:14:00Z".parse().unwrap()));
}

#[test]
fn wrong_usage_prints_no_object() {
    for arguments in [
        &["backup", "before"][..],
        &["backup", "--schedule", "nightly"],
        &["backup", "Before It", "--schedule", "nightly"],
        &["backup", "before", "--schedule", "-"],
        &["drill", "drill", "--platform", "prod"],
        &["drill", "drill", "--backup", "before"],
        &[
            "drill",
            "drill",
            "--platform",
            "prod",
            "--backup",
            "before",
            "--schedule",
            "nightly",
        ],
        &[
            "drill",
            "drill",
            "--platform",
            "prod",
            "--backup",
            "before",
            "--level",
            "Archive",
        ],
        &[
            "drill",
            "drill",
            "--platform",
            "prod",
            "--schedule",
            "nightly",
            "--level",
            "All",
        ],
        &[
            "drill",
            "drill",
            "--platform",
            "prod",
            "--schedule",
            "nightly",
            "--before",
            "yesterday",
        ],
    ] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(stderr.contains("error: "), "{stderr}");
    }
}

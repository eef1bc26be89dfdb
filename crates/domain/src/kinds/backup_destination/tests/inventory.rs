//! What Backups have stored, what nobody names, and what is to be deleted.

use ace_api::{Backup, BackupDestination, Catalogue, DestinationStatus};
use serde_json::{Value, json};

use super::{
    super::{Inventory, Lost, Presence, Problem, Step, StepError, StepResult, suspicion},
    ABLE, Case, destination, listed,
};
use crate::kinds::backup_destination::{Decision, Listed};
use crate::reconcile::{decision::Requeue, kind::Kind as _};

const PATH: &str = "nightly/scheduled/2026/11/23/20261123T010003Z-5e0c71aa-7c1e";

#[expect(clippy::needless_pass_by_value, reason = "it is written where it is passed")]
fn backup(name: &str, status: Value) -> Backup {
    let mut spec = json!({ "scheduleRef": { "name": "nightly" } });
    if let Some(import) = status.get("import") {
        spec = json!({ "import": import });
    }
    let metadata = json!({ "name": name, "namespace": "ace", "uid": "5e0c71aa-0000-4000-8000-000000000000" });
    serde_json::from_value(json!({ "metadata": metadata, "spec": spec, "status": status })).unwrap()
}

fn stored(name: &str, state: &str) -> Backup {
    let archive = json!({
        "bytes": 100, "rawBytes": 200, "digest": "sha256:7e21", "tables": 1, "rows": 1, "client": "15.18", "duration": "9s",
    });
    let copies = json!([
        { "destination": "primary", "path": PATH, "state": state },
        { "destination": "second", "path": PATH, "state": "Complete" },
    ]);
    backup(name, json!({ "archive": archive, "copies": copies }))
}

fn running(id: &str) -> Backup {
    let run = json!({ "id": id, "attempt": 1, "startTime": "2026-11-23T01:00:03Z", "worker": "ace-worker-0" });
    backup("nightly-2", json!({ "run": run }))
}

fn lost(presence: Presence) -> Lost {
    Lost {
        backup: "nightly-1".to_owned(),
        bytes: 100,
        presence,
    }
}

#[test]
fn what_a_backup_has_stored_here_and_is_not_found_is_lost() {
    for (backup, presence, expected) in [
        (stored("nightly-1", "Complete"), Presence::Missing, 1),
        (stored("nightly-1", "Complete"), Presence::Changed(12), 1),
        (stored("nightly-1", "Complete"), Presence::Present, 0),
        // It is lost until it is found again.
        (stored("nightly-1", "Missing"), Presence::Missing, 1),
        (stored("nightly-1", "Copying"), Presence::Missing, 0),
        (running("7c1e"), Presence::Missing, 0),
    ] {
        let inventory = Inventory::of("primary", [&backup]);
        let found = inventory.lost(&inventory, |path, bytes| {
            assert_eq!((path, bytes), (PATH, 100));
            presence
        });
        let named = Vec::from_iter((expected == 1).then(|| lost(presence)));
        assert_eq!(found, (expected, named), "{presence:?} {backup:?}");
        let none = Inventory::of("third", [&backup]);
        assert_eq!(
            none.lost(&none, |_, _| Presence::Missing).0,
            0,
            "it is not stored there"
        );
    }
}

#[test]
fn what_was_stored_or_deleted_during_the_list_is_not_lost() {
    let before = Inventory::of("primary", [&stored("nightly-1", "Complete")]);
    let mut leaving = stored("nightly-1", "Complete");
    leaving.metadata.deletion_timestamp = serde_json::from_value(json!("2026-11-23T01:00:03Z")).unwrap();
    let none = Inventory::of("primary", []);
    for (before, after) in [
        (&none, &before),
        (&before, &none),
        (&before, &Inventory::of("primary", [&leaving])),
    ] {
        assert_eq!(before.lost(after, |_, _| Presence::Missing).0, 0);
    }
}

#[test]
fn a_backup_is_listed_when_one_names_its_directory_imports_it_or_may_be_writing_it() {
    let import = json!({ "destination": { "name": "primary" }, "manifest": format!("{PATH}/manifest.json") });
    let imported = backup("nightly-1", json!({ "import": import }));
    for (backup, destination, expected) in [
        (stored("nightly-1", "Complete"), "primary", true),
        (stored("nightly-1", "Complete"), "third", false),
        (imported.clone(), "primary", true),
        (imported, "second", false),
        (running("7c1e"), "primary", true),
        (running("8d2f"), "primary", false),
    ] {
        let inventory = Inventory::of(destination, [&backup]);
        assert_eq!(
            inventory.has(PATH, "5e0c71aa", "7c1e"),
            expected,
            "{destination} {backup:?}"
        );
    }
}

fn shows(change: impl FnOnce(&mut Listed)) -> Case {
    let mut case = destination().available();
    change(case.state.memory.listed.as_mut().unwrap());
    case
}

#[test]
fn what_is_lost_is_drift_that_names_the_backup_and_comes_before_what_is_foreign() {
    for (presence, reason, observed) in [
        (Presence::Missing, "Drifted=True/ObjectMissing", "absent"),
        (Presence::Changed(12), "Drifted=True/ObjectChanged", "12 bytes"),
    ] {
        let case = shows(|listed| {
            (listed.lost, listed.lost_names) = (20, vec![lost(presence)]);
            (listed.foreign, listed.foreign_names) = (1, vec!["notes.txt".to_owned()]);
        });
        let status = case.status();
        assert_eq!(case.says()[..2], ["Ready=True/Available", reason]);
        let drift = status.drift.unwrap();
        let field = &drift.fields[0];
        assert_eq!((drift.count, drift.fields.len()), (20, 1));
        assert_eq!(
            [field.path.as_str(), &field.desired, &field.observed],
            ["nightly-1/dump.pgc.zst.age", "100 bytes", observed]
        );
    }
}

fn says(status: DestinationStatus) -> BackupDestination {
    let mut object = destination().object;
    object.status = Some(status);
    object
}

#[test]
fn a_backup_is_doubted_when_it_is_named_when_others_are_not_and_when_the_bucket_is_gone() {
    let of = |count, presence| {
        let case = shows(|listed| (listed.lost, listed.lost_names) = (count, vec![lost(presence)]));
        says(case.status())
    };
    let named = of(1, Presence::Missing);
    assert_eq!(suspicion(&named, "nightly-1").as_deref(), Some("absent"));
    assert_eq!(suspicion(&named, "nightly-2"), None);
    let changed = of(1, Presence::Changed(12));
    assert_eq!(suspicion(&changed, "nightly-1").as_deref(), Some("12 bytes"));
    let more = suspicion(&of(20, Presence::Missing), "nightly-2").unwrap();
    assert!(more.starts_with("20 of "), "{more}");
    assert_eq!(suspicion(&says(shows(|_| ()).status()), "nightly-1"), None);
    let gone = destination().fails(Step::List, Problem::NoBucket);
    assert_eq!(
        suspicion(&says(gone.status()), "nightly-1").as_deref(),
        Some("the store is gone")
    );
    let down = destination().fails(Step::List, Problem::Unanswered);
    assert_eq!(
        suspicion(&says(down.status()), "nightly-1"),
        None,
        "a failed list says nothing"
    );
}

#[test]
fn backups_are_told_when_what_is_lost_changes() {
    let facts = |object: &BackupDestination| super::super::Kind::facts(object);
    let missing = says(shows(|listed| (listed.lost, listed.lost_names) = (1, vec![lost(Presence::Missing)])).status());
    let changed =
        says(shows(|listed| (listed.lost, listed.lost_names) = (1, vec![lost(Presence::Changed(1))])).status());
    let none = says(shows(|_| ()).status());
    let mut newer = none.clone();
    newer.status.as_mut().unwrap().stored.as_mut().unwrap().backups += 1;
    assert_ne!(facts(&none), facts(&missing));
    assert_ne!(facts(&changed), facts(&missing));
    assert_eq!(facts(&none), facts(&newer), "nobody is enqueued for a backup more");
}

#[test]
fn waste_is_swept_once_after_a_list_and_what_fails_is_told_and_tried_after_the_next() {
    let case = shows(|listed| listed.has_waste = true);
    assert_eq!(case.decide(), Decision::Do(Step::Sweep));
    // What is left after a sweep waits for the next list.
    let swept = Listed {
        has_waste: true,
        ..listed(0)
    };
    let case = case.learns(Step::Sweep, Ok(StepResult::Listed(swept)));
    assert!(matches!(case.decide(), Decision::Settled(Requeue::At(_))));

    let failed = shows(|listed| listed.has_waste = true).fails(Step::Sweep, Problem::Denied);
    assert!(matches!(failed.decide(), Decision::Settled(Requeue::At(_))));
    assert_eq!(
        failed.says()[2],
        "written, read and listed; what is to be deleted could not be, and is tried again: the store answers 500"
    );
    let again = failed.later(7_200);
    let waste = Listed {
        has_waste: true,
        ..listed(7_200)
    };
    let again = again.learns(Step::List, Ok(StepResult::Listed(waste)));
    assert_eq!(again.decide(), Decision::Do(Step::Sweep));
}

#[test]
fn what_nobody_names_is_counted_and_gets_a_backup_where_the_spec_asks_for_it() {
    let unlisted = |listed: &mut Listed| {
        (listed.unlisted, listed.unlisted_paths) = (2, vec!["a".to_owned(), "b".to_owned()]);
    };
    let reports = shows(unlisted);
    assert!(matches!(reports.decide(), Decision::Settled(_)));
    assert_eq!(reports.status().stored.unwrap().unlisted, 2);

    let mut imports = shows(unlisted);
    imports.object.spec.catalogue = Catalogue::Import;
    let refused = StepError {
        problem: Problem::NotImported,
        message: "the API server does not take Backup `x`: no".to_owned(),
    };
    let imports = imports
        .learns(Step::Import("a".to_owned()), Err(refused))
        .learns(Step::Import("b".to_owned()), Ok(StepResult::Imported));
    assert!(matches!(imports.decide(), Decision::Settled(Requeue::At(_))));
    assert_eq!(imports.status().stored.unwrap().unlisted, 1);
    assert_eq!(
        imports.says()[2],
        "written, read and listed; what is stored could not be imported, and is tried again: the API server does not take Backup `x`: no"
    );
    assert_eq!(imports.state.memory.capabilities.map(|(_, able)| able), Some(ABLE));
}

//! The backup that a plan waits for. The server's clock is 40 minutes ahead of ours.

use ace_api::{Backup, MigrationReason, RiskClass, VerificationLevel};
use serde_json::{Value, json};

use super::{
    super::{Candidate, Decision, Observation, Request, Schedule, Step, StepError, StepResult},
    fixture::{Case, pending, ran, settled},
    values::{A, B, DROP, HARMLESS, OTHER, V1, V2, V3, V4, said, target},
};
use crate::{
    bundle::short_digest,
    reconcile::{fixture::at, kind::Step as _},
};

/// What else an observation shows.
type Change = fn(&mut Observation);

/// When the database was observed, by its server's clock.
pub(super) const SERVER: i64 = 2340;

/// A file that loses rows is pending, needs no approval, and waits for a backup of schedule `nightly`. There is none.
pub(super) fn gated() -> Case {
    requires(pending(DROP))
}

fn requires(case: Case) -> Case {
    case.spec(|spec| {
        spec.policy.approve.clear();
        let requires = json!({ "backup": { "schedule": "nightly" } });
        spec.requires = serde_json::from_value(requires).unwrap();
    })
    .observation(|observation| observation.server_time = at(SERVER))
    .with(|case| {
        case.state.backups.schedule = Some(Schedule {
            platform: "prod".to_owned(),
            level: VerificationLevel::Archive,
        });
    })
}

/// A complete Backup of the schedule, whose snapshot is half an hour old by the server's clock, with one change.
pub(super) fn backup(change: impl FnOnce(&mut Value)) -> Candidate {
    let mut object = json!({
        "metadata": { "name": "nightly-202601020100", "namespace": "ace", "uid": "u1" },
        "spec": { "scheduleRef": { "name": "nightly" }, "class": "Scheduled" },
        "status": {
            "observedGeneration": 1,
            "conditions": [ready("True", "Complete", "241 MB")],
            "snapshot": {
                "time": at(SERVER - 1800), "lsn": "3A/41F2C8", "systemIdentifier": target().system_identifier,
                "timeline": 1, "database": "postgres", "serverVersion": "15.8", "head": V2,
            },
            "archive": {
                "bytes": 1, "rawBytes": 1, "digest": OTHER, "tables": 1, "rows": 1, "client": "15.8", "duration": "9s",
            },
            "copies": [{ "destination": "primary", "path": "p", "state": "Complete" }],
            "verified": [{ "level": "Archive", "time": at(0) }],
        },
    });
    change(&mut object);
    let object: Backup = serde_json::from_value(object).unwrap();
    Candidate::of(&object)
}

pub(super) fn ready(status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": "Ready", "status": status, "reason": reason, "message": message, "lastTransitionTime": at(0),
        "observedGeneration": 1,
    })
}

/// The Backup that was made for the plan of this case, with one change.
pub(super) fn own_backup(case: &Case, change: impl FnOnce(&mut Value)) -> Candidate {
    let request = request(case);
    backup(|object| {
        object["metadata"]["name"] = json!(request.name);
        object["spec"]["class"] = json!("PreMigration");
        object["spec"]["reason"] = json!(request.reason);
        change(object);
    })
}

/// Its Backup is being made.
pub(super) fn waiting() -> Case {
    gated().has(own_backup(&gated(), begun))
}

/// Its Backup failed.
pub(super) fn failed() -> Case {
    gated().has(own_backup(&gated(), |object| {
        object["status"] = json!({ "conditions": [ready("False", "Failed", "no space is left")] });
    }))
}

/// It is being made.
pub(super) fn begun(object: &mut Value) {
    object["status"] = json!({ "conditions": [ready("False", "Dumping", "412 of about 890 MiB")] });
}

impl Case {
    pub(super) fn has(self, backup: Candidate) -> Self {
        self.with(|case| case.state.backups.all.push(backup))
    }
}

/// The Backup that is to be made.
pub(super) fn request(case: &Case) -> Request {
    match case.step() {
        Step::MakeBackup(request) => request,
        other => panic!("no backup is made: {other:?}"),
    }
}

pub(super) fn name_for(plan: &str) -> String {
    format!("nightly-plan-{}", short_digest(plan).trim_start_matches("sha256:"))
}

/// Neither the lock is taken nor a file run: a backup is made first.
fn is_not_enough(case: &Case, why: &str) {
    assert_eq!(request(case).name, name_for(&case.plan()), "{why}");
    assert_eq!(case.clone().locked().step().name(), "MakeBackup", "{why}");
}

#[test]
fn a_plan_that_loses_rows_runs_after_a_backup_that_is_looked_at_again_under_the_lock() {
    let backup = || backup(|_| {});
    let mut case = gated().has(backup());
    assert_eq!(case.status().plan.unwrap().backup, Some(backup().known.name));
    let seen = case.sees(|_| ());
    case.does("Begin", seen);
    assert_eq!(case.step(), Step::CheckBackup(backup().known.name));
    case.does("CheckBackup", Ok(StepResult::BackupChecked(Some(Box::new(backup())))));
    case.does("Prepare", Ok(StepResult::Prepared));
    case.does("Run", ran());
    assert_eq!(case.step().name(), "SnapshotAfterRun");
}

#[test]
fn a_backup_that_is_none_for_the_plan_lets_no_file_run() {
    let status = |path: &'static str, value: Value| {
        move |object: &mut Value| *object["status"].pointer_mut(path).unwrap() = value
    };
    let cases: Vec<(&str, Candidate)> = vec![
        (
            "stale by the server's clock, not by ours",
            backup(status("/snapshot/time", json!(at(SERVER - 3601)))),
        ),
        (
            "of another cluster",
            backup(status("/snapshot/systemIdentifier", json!("7"))),
        ),
        ("of another timeline", backup(status("/snapshot/timeline", json!(2)))),
        (
            "of another database",
            backup(status("/snapshot/database", json!("other"))),
        ),
        (
            "from before the last applied file",
            backup(status("/snapshot/head", json!(V1))),
        ),
        (
            "from before any file",
            backup(|object| {
                object["status"]["snapshot"].as_object_mut().unwrap().remove("head");
            }),
        ),
        (
            "of a later head, which was taken back",
            backup(status("/snapshot/head", json!(V3))),
        ),
        ("not verified", backup(status("/verified", json!([])))),
        (
            "verified too little",
            backup(status("/verified/0/level", json!("Bytes"))),
        ),
        (
            "damaged",
            backup(status("/conditions/0", ready("False", "Corrupt", "damaged"))),
        ),
        (
            "gone from every store",
            backup(status("/copies/0/state", json!("Missing"))),
        ),
        (
            "being deleted",
            backup(|object| object["metadata"]["deletionTimestamp"] = json!(at(0))),
        ),
        (
            "of another schedule",
            backup(|object| object["spec"]["scheduleRef"]["name"] = json!("weekly")),
        ),
        ("being made", backup(begun)),
    ];
    for (why, backup) in cases {
        is_not_enough(&gated().has(backup), why);
    }
    is_not_enough(&gated(), "none");
    let late = gated()
        .has(backup(|_| {}))
        .operator_schema(|operator_schema| operator_schema.rows.get_mut(V1).unwrap().time = at(SERVER - 1799));
    is_not_enough(&late, "a late file was applied since, and left the head as it was");
}

#[test]
fn a_snapshot_from_after_the_observation_counts_but_not_under_the_lock() {
    let newer = |case: Case| {
        case.has(backup(|object| {
            object["status"]["snapshot"]["time"] = json!(at(SERVER + 60));
        }))
    };
    assert_eq!(newer(gated()).step().name(), "Begin");
    assert_eq!(
        newer(gated().locked()).step().name(),
        "MakeBackup",
        "the server's clock was set back"
    );
}

#[test]
fn what_becomes_of_backup_and_database_under_the_lock_lets_no_file_run() {
    let under = |seen: Change| {
        let mut case = gated().has(backup(|_| {}));
        let seen = case.sees(seen);
        case.does("Begin", seen);
        case
    };
    let mut lost = under(|_| ());
    lost.does("CheckBackup", Ok(StepResult::BackupChecked(None)));
    assert_eq!(lost.step().name(), "MakeBackup");
    let mut damaged = under(|_| ());
    let found = backup(|object| object["status"]["conditions"][0] = ready("False", "Missing", "gone"));
    damaged.does("CheckBackup", Ok(StepResult::BackupChecked(Some(Box::new(found)))));
    assert_eq!(damaged.step().name(), "MakeBackup");
    let mut unanswered = under(|_| ());
    let failed = "the API server did not answer".to_owned();
    unanswered.does("CheckBackup", Err(StepError::Passing(failed.clone())));
    assert_eq!(said(&unanswered), (false, MigrationReason::Retrying, failed, Some(0)));

    let changes: [(&str, Change); 4] = [
        ("another cluster", |observation| {
            observation.target.system_identifier = "7".to_owned();
        }),
        ("a restored one", |observation| observation.target.timeline = 2),
        ("another head", |observation| {
            observation
                .ledger
                .insert(V4.to_owned(), super::super::LedgerRow::default());
        }),
        ("an hour later", |observation| {
            observation.server_time = at(SERVER + 1801);
        }),
    ];
    for (why, change) in changes {
        let case = under(change).spec(|spec| spec.policy.out_of_order = ace_api::OutOfOrder::Apply);
        assert_eq!(case.step().name(), "MakeBackup", "{why}");
    }
}

/// The plan is stored, after this Backup.
fn stored(case: Case) -> Case {
    let mut case = case.has(backup(|_| {}));
    let seen = case.sees(|_| ());
    case.does("Begin", seen);
    case.does(
        "CheckBackup",
        Ok(StepResult::BackupChecked(Some(Box::new(backup(|_| {}))))),
    );
    case.does("Prepare", Ok(StepResult::Prepared));
    case
}

fn lost(found: Option<Candidate>) -> Result<StepResult, StepError> {
    Err(StepError::BackupLost {
        name: backup(|_| {}).known.name,
        found: found.map(Box::new),
    })
}

#[test]
fn a_backup_that_is_lost_after_the_plan_was_stored_lets_no_file_run() {
    let gone = || backup(|object| object["status"]["copies"][0]["state"] = json!("Missing"));
    for found in [None, Some(gone())] {
        let mut case = stored(gated());
        let Step::Run { after, .. } = case.step() else {
            panic!("{:?}", case.step());
        };
        assert_eq!(after, Some(backup(|_| {}).known.name));
        case.does("Run", lost(found));
        assert_eq!(case.step().name(), "MakeBackup");
    }
    let other = backup(|object| object["metadata"]["name"] = json!("nightly-202601020101"));
    let mut case = stored(gated()).has(other.clone());
    case.does("Run", lost(None));
    assert_eq!(case.step(), Step::CheckBackup(other.known.name.clone()));
    case.does("CheckBackup", Ok(StepResult::BackupChecked(Some(Box::new(other)))));
    case.does("Prepare", Ok(StepResult::Prepared));
    case.does("Run", ran());
    assert!(!gone().is_there() && !backup(begun).is_there() && backup(|_| {}).is_there());
}

#[test]
fn a_backup_that_is_lost_between_two_files_lets_no_other_run() {
    let two = requires(settled().files(&[(V1, A), (V2, B), (V3, DROP), (V4, "DROP TABLE public.b;\n")]));
    let mut case = stored(two);
    case.does("Run", ran());
    case.does("Run", lost(None));
    assert_eq!(case.step().name(), "SnapshotAfterRun");
    let seen = case.sees(|observation| {
        let own = observation.operator_schema.as_mut().unwrap();
        own.reference.as_mut().unwrap().snapshot_pending = false;
    });
    case.does("SnapshotAfterRun", seen);
    assert_eq!(case.step().name(), "MakeBackup", "one of what the first file left");
}

#[test]
fn a_file_that_needs_no_backup_runs_after_none() {
    let mut case = requires(pending(HARMLESS)).has(backup(|_| {})).locked();
    case.does("Prepare", Ok(StepResult::Prepared));
    assert!(matches!(case.step(), Step::Run { after: None, .. }));
}

#[test]
fn what_needs_no_backup_waits_for_none() {
    let plan = gated().plan();
    let approved = |digest: &str| {
        gated().approve(digest).spec(|spec| {
            for approval in &mut spec.approvals {
                approval.without_backup = true;
            }
        })
    };
    for (why, case) in [
        ("a plan without such a class", requires(pending(HARMLESS))),
        (
            "a class that is not listed",
            gated().spec(|spec| {
                spec.requires.backup.as_mut().unwrap().classes = vec![RiskClass::Opaque];
            }),
        ),
        (
            "a set that asks for none",
            gated().spec(|spec| spec.requires.backup = None),
        ),
        ("a plan that is approved without", approved(&plan)),
    ] {
        assert_eq!(case.clone().locked().step().name(), "Prepare", "{why}");
        assert_eq!(case.status().plan.unwrap().backup, None, "{why}");
    }
    is_not_enough(&approved(OTHER), "another plan is approved without");
    is_not_enough(
        &gated().approve(&plan),
        "the plan is approved, and says nothing of backups",
    );
    let observed = gated().observe();
    assert!(matches!(observed.decide(), Decision::Settled(_)));
    assert_eq!(observed.status().plan.unwrap().backup, None);
}

#[test]
fn an_approval_comes_before_the_backup() {
    let case = gated().spec(|spec| spec.policy.approve = vec![RiskClass::DataLoss]);
    assert_eq!(said(&case).1, MigrationReason::ApprovalRequired);
    let plan = case.plan();
    is_not_enough(&case.approve(&plan), "it is approved");
}

#[test]
fn a_pass_without_a_backup_holds_for_the_rest_of_its_plan_alone() {
    let two = requires(settled().files(&[(V1, A), (V2, B), (V3, DROP), (V4, "DROP TABLE public.b;\n")]));
    let plan = two.plan();
    let passed = two.approve(&plan).spec(|spec| spec.approvals[0].without_backup = true);
    let mut case = passed.locked();
    case.does("Prepare", Ok(StepResult::Prepared));
    case.does("Run", ran());
    // The process dies, and another one finds what is left.
    let rest = case.snapshot_taken().next_pass();
    assert_eq!(rest.clone().locked().step().name(), "Prepare");
    let more = rest.files(&[(V1, A), (V2, B), (V3, DROP), (V4, "DROP TABLE public.b; -- really\n")]);
    assert_eq!(more.locked().step().name(), "MakeBackup", "another file is left");
}

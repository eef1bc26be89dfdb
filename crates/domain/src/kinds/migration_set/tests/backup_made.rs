//! The backup that is made for a plan, and what is said of it.

use ace_api::{MigrationReason, VerificationLevel};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    super::{Kind, Request, Schedule, StepError, StepResult},
    backup::{SERVER, backup, begun, failed, gated, name_for, own_backup, ready, request},
    fixture::{Case, pending},
    values::{DROP, V1, V3, said},
};
use crate::reconcile::{
    dependency::Dependency,
    fixture::{at, message, shown},
    key::Key,
    kind::{Kind as _, Step as _},
};

#[test]
fn the_backup_that_is_made_is_waited_for_by_name() {
    let mut case = gated();
    let made = request(&case);
    assert_eq!(
        made,
        Request {
            name: name_for(&case.plan()),
            schedule: "nightly".to_owned(),
            reason: format!("for plan {} of MigrationSet main", case.plan()),
            version: V3.to_owned(),
            instead: None,
        }
    );
    assert!(case.step().records_first());
    let message_of_it = format!("{V3} waits for Backup `{}`, which is being made", made.name);
    let status = case.status();
    assert_eq!(
        shown(&status)[..2],
        ["Ready=False/WaitingForBackup", "Reconciling=True/WaitingForBackup"]
    );
    assert_eq!(message(&status, "Ready"), message_of_it);
    assert_eq!(status.plan.unwrap().backup, Some(made.name.clone()));

    let found = own_backup(&case, begun);
    case.does("MakeBackup", Ok(StepResult::BackupMade(Box::new(found))));
    assert_eq!(
        said(&case),
        (
            false,
            MigrationReason::WaitingForBackup,
            message_of_it.clone(),
            Some(240)
        )
    );
    assert_eq!(case.status().plan.unwrap().backup, Some(made.name.clone()));

    let unreachable = |object: &mut Value| {
        object["status"]["conditions"] = json!([ready("False", "DatabaseUnreachable", "no answer")]);
        object["status"].as_object_mut().unwrap().remove("archive");
    };
    let case = gated().has(own_backup(&gated(), unreachable));
    assert_eq!(said(&case).2, format!("{message_of_it}: no answer"));
    let unverified = |object: &mut Value| {
        object["status"]["conditions"] = json!([ready("False", "Verifying", "reading")]);
        object["status"]["verified"] = json!([]);
    };
    let case = gated().has(own_backup(&gated(), unverified));
    assert_eq!(said(&case).2, message_of_it);
    let complete = gated().has(own_backup(&gated(), |_| {}));
    assert_eq!(complete.step().name(), "Begin");
}

#[test]
fn the_newest_backup_that_is_there_is_named_with_why_it_is_none_for_the_plan() {
    let newest = backup(|object| object["status"]["snapshot"]["head"] = json!(V1));
    let older = backup(|object| {
        object["metadata"]["name"] = json!("nightly-202601010100");
        object["status"]["snapshot"]["time"] = json!(at(SERVER - 90_000));
    });
    let case = gated().has(newest).has(older);
    let expected = format!(
        "{V3} waits for Backup `{}`, which is being made, as `nightly-202601020100` is from before the last applied file",
        name_for(&case.plan())
    );
    assert_eq!(message(&case.status(), "Ready"), expected);
    assert_eq!(said(&case.clone().has(own_backup(&gated(), begun))).2, expected);
}

#[test]
fn a_backup_that_failed_is_told_with_what_to_do() {
    let case = failed();
    let name = name_for(&gated().plan());
    let message = format!(
        "{V3} waits for Backup `{name}`, which failed: no space is left; mend that and delete the Backup, and another is made, or add \
         `withoutBackup: true` to the approval of the plan"
    );
    assert_eq!(said(&case), (true, MigrationReason::BackupUnusable, message, Some(240)));
    assert_eq!(case.clone().status().plan.unwrap().backup, Some(name));
    assert_eq!(case.has(backup(|_| {})).step().name(), "Begin", "another one will do");
}

#[test]
fn a_backup_that_grew_too_old_is_made_again_but_not_for_ever() {
    let stale = |case: &Case, number: u32| {
        own_backup(case, |object| {
            object["status"]["snapshot"]["time"] = json!(at(SERVER - 4000));
            if number > 1 {
                object["metadata"]["name"] = json!(format!("{}-{number}", name_for(&case.plan())));
            }
        })
    };
    let base = gated();
    let mut case = gated();
    for number in 1..=3 {
        case = case.has(stale(&base, number));
        if number < 3 {
            let name = format!("{}-{}", name_for(&base.plan()), number + 1);
            assert_eq!(request(&case).name, name);
        }
    }
    let (stalls, reason, message, _) = said(&case);
    assert!(stalls && reason == MigrationReason::BackupUnusable);
    assert!(
        message.contains("any of the 3 Backups") && message.contains("is older than `requires.backup.maxAge`"),
        "{message}"
    );
}

#[test]
fn a_schedule_that_can_t_help_is_told_before_a_backup_is_made() {
    let schedule = |schedule| gated().with(|case| case.state.backups.schedule = schedule);
    let of = |platform: &str, level| {
        Some(Schedule {
            platform: platform.to_owned(),
            level,
        })
    };
    let absent = "there is no BackupSchedule `nightly` in this namespace".to_owned();
    assert_eq!(
        said(&schedule(None)),
        (false, MigrationReason::WaitingForSchedule, absent, Some(240))
    );
    for (case, words) in [
        (
            schedule(of("other", VerificationLevel::Content)),
            "backs up Platform `other`: name one of Platform `prod`",
        ),
        (
            schedule(of("prod", VerificationLevel::Bytes)),
            "verifies its backups to Bytes, and `requires.backup.verified` is Archive",
        ),
    ] {
        let (stalls, reason, message, _) = said(&case);
        assert!(
            stalls && reason == MigrationReason::BackupUnusable && message.contains(words),
            "{message}"
        );
    }
    assert_eq!(
        schedule(None).has(backup(|_| {})).step().name(),
        "Begin",
        "a backup is there all the same"
    );
}

#[test]
fn a_backup_that_can_t_be_made_is_told() {
    for (error, expected) in [
        (
            StepError::NameTaken("theirs".to_owned()),
            (true, MigrationReason::NameTaken, "theirs".to_owned(), Some(300)),
        ),
        (
            StepError::AccessMissing("run this".to_owned()),
            (true, MigrationReason::AccessMissing, "run this".to_owned(), Some(30)),
        ),
        (
            StepError::Passing("no answer".to_owned()),
            (false, MigrationReason::Retrying, "no answer".to_owned(), Some(0)),
        ),
    ] {
        let mut case = gated();
        case.does("MakeBackup", Err(error));
        assert_eq!(said(&case), expected);
    }
}

#[test]
fn only_a_backup_that_was_made_for_the_plan_is_its_own() {
    let request = request(&gated());
    assert!(own_backup(&gated(), |_| {}).is_of(&request));
    let changes: [fn(&mut Value); 3] = [
        |object| object["spec"]["class"] = json!("Manual"),
        |object| object["spec"]["reason"] = json!("for another plan"),
        |object| object["spec"]["scheduleRef"]["name"] = json!("weekly"),
    ];
    for change in changes {
        assert!(!own_backup(&gated(), change).is_of(&request));
    }
}

#[test]
fn a_set_is_woken_by_its_schedule_and_the_backups_of_it() {
    let schedule = Key {
        namespace: "ace".to_owned(),
        name: "nightly".to_owned(),
    };
    let woken = |case: &Case| {
        let references = Kind::references(&case.object);
        let on = |dependency: Dependency| references.contains(&dependency);
        (
            on(Dependency::BackupSchedule(schedule.clone())),
            on(Dependency::BackupsOf(schedule.clone())),
        )
    };
    assert_eq!(woken(&gated()), (true, true));
    assert_eq!(woken(&pending(DROP)), (false, false));
}

#[test]
fn a_backup_as_the_preview_assumes_it_lets_the_plan_run() {
    let mut case = gated();
    let observation = case.state.memory.observation.clone().unwrap();
    let assumed = request(&case).complete(&observation, Timestamp::MIN);
    case.does("MakeBackup", Ok(StepResult::BackupMade(Box::new(assumed))));
    assert_eq!(case.step().name(), "Begin");
}

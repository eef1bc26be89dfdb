use ace_api::{BackupReason, CopyState, VerificationLevel};
use serde_json::json;

use super::super::{Cause, Decision, Phase, PlatformState, StepError, events};
use super::fixture::{Case, changed, nightly, time};
use crate::reconcile::{decision::Requeue, event::Event, fixture::message};

/// The backup of 21 November is complete; this many nights later nothing was begun, and somebody looks at nine.
fn made() -> Case {
    nightly().first_night()
}

/// The backup of the 22nd ended in this way.
fn then(phase: Phase, reason: BackupReason) -> Case {
    let case = made().at("2026-11-22T01:00:00Z").acts().ends();
    let case = case.backup("nightly-202611220100", |backup| {
        backup.phase = phase;
        backup.point = (phase == Phase::Condemned).then(|| time("2026-11-22T01:00:04Z"));
        backup.said = Some((reason, "its words".to_owned()));
    });
    case.at("2026-11-22T01:02:00Z")
}

#[test]
fn a_database_without_a_new_backup_is_stale_to_the_second() {
    let mut case = made();
    case.state.absent = vec!["primary".to_owned(), "second".to_owned()];
    let case = case.at("2026-11-22T03:00:03Z");
    assert_eq!(
        case.says(),
        "Ready=False/WaitingForDestination Reconciling=True/WaitingForDestination Fresh=True/WithinObjective Verified=True/Archive"
    );
    assert_eq!(case.next(), "at 2026-11-22T03:00:04Z");
    let case = case.ends().at("2026-11-22T03:00:04Z");
    assert_eq!(
        case.says(),
        "Ready=False/Stale Stalled=True/Stale Fresh=False/Exceeded Verified=False/Stale"
    );
    assert_eq!(
        case.message("Fresh"),
        "the newest point, 2026-11-21T01:00:04Z, is older than `objective.rpo` (26h)"
    );
}

#[test]
fn a_schedule_that_never_succeeded_is_told_apart_from_one_that_waits() {
    let case = nightly().at("2026-11-20T12:00:20Z").ends();
    let case = case
        .at("2026-11-21T01:00:00Z")
        .fails(StepError::Failed("the API server did not answer".to_owned()));
    assert_eq!(
        case.says(),
        "Ready=False/Retrying Reconciling=True/Retrying Fresh=Unknown/NoBackupYet Verified=Unknown/NoBackupYet"
    );
    let case = case.ends().suspended(true).at("2026-11-21T14:00:10Z");
    assert_eq!(case.status().common.conditions[2].reason, "NeverSucceeded");
    let mut case = case.ends().suspended(false);
    case.state.absent = vec!["primary".to_owned(), "second".to_owned()];
    let case = case.at("2026-11-21T14:00:11Z");
    assert_eq!(
        case.says(),
        "Ready=False/NeverSucceeded Stalled=True/NeverSucceeded Fresh=False/NeverSucceeded Verified=Unknown/NoBackupYet"
    );
}

#[test]
fn what_became_of_the_last_backup_has_a_reason() {
    let fresh = "Fresh=True/WithinObjective Verified=True/Archive";
    for (phase, reason, ready) in [
        (Phase::Failed, BackupReason::Failed, "Stalled=True/AllAttemptsFailed"),
        (Phase::Failed, BackupReason::LeaseLost, "Stalled=True/AllAttemptsFailed"),
        (
            Phase::Failed,
            BackupReason::ClientVersionUnavailable,
            "Stalled=True/ClientVersionUnavailable",
        ),
        (Phase::Failed, BackupReason::TableMissing, "Stalled=True/TableMissing"),
        (
            Phase::Failed,
            BackupReason::RecipientInvalid,
            "Stalled=True/RecipientInvalid",
        ),
        (
            Phase::Failed,
            BackupReason::SecretNotOffered,
            "Stalled=True/SecretNotOffered",
        ),
        (Phase::Running, BackupReason::Retrying, "Reconciling=True/Retrying"),
        (
            Phase::Running,
            BackupReason::DatabaseUnreachable,
            "Reconciling=True/DatabaseUnreachable",
        ),
        (
            Phase::Running,
            BackupReason::SecretMissing,
            "Reconciling=True/SecretMissing",
        ),
    ] {
        let case = then(phase, reason);
        let (_, reason) = ready.split_once('/').unwrap();
        assert_eq!(case.says(), format!("Ready=False/{reason} {ready} {fresh}"));
        assert_eq!(case.message("Ready"), "nightly-202611220100: its words");
    }
    let cancelled = then(Phase::Failed, BackupReason::Cancelled);
    assert_eq!(cancelled.says(), format!("Ready=True/Scheduled {fresh}"));
    let stalled = then(Phase::Failed, BackupReason::Failed);
    let told = events(&stalled.state.memo, &stalled.status());
    assert_eq!(
        told,
        [Event::warning("AllAttemptsFailed", "nightly-202611220100: its words")]
    );
    // The next night is another backup.
    let case = stalled.ends().at("2026-11-23T01:00:00Z");
    assert_eq!(case.next(), "start nightly-202611230100");
}

#[test]
fn a_backup_that_did_not_pass_is_no_point_and_verified_says_which() {
    for reason in [
        BackupReason::VerificationFailed,
        BackupReason::Corrupt,
        BackupReason::KeyMismatch,
        BackupReason::SizeDropped,
        BackupReason::RequiredTableEmpty,
    ] {
        let case = then(Phase::Condemned, reason);
        assert_eq!(
            case.says(),
            "Ready=False/NotVerified Stalled=True/NotVerified Fresh=True/WithinObjective Verified=False/Failed"
        );
        assert_eq!(case.message("Verified"), "nightly-202611220100: its words");
        assert_eq!(case.status().newest_point.unwrap().from, "nightly-202611210100");
    }
}

#[test]
fn verified_is_the_level_that_the_newest_passed_and_not_less_than_was_asked_for() {
    let passed = |level: Option<VerificationLevel>| {
        let case = made().backup("nightly-202611210100", |backup| backup.level = level);
        case.at("2026-11-21T02:00:00Z")
    };
    for (level, expected) in [
        (Some(VerificationLevel::Archive), "Verified=True/Archive"),
        (Some(VerificationLevel::Restored), "Verified=True/Restored"),
        (Some(VerificationLevel::Content), "Verified=True/Content"),
        (Some(VerificationLevel::Bytes), "Verified=Unknown/NoBackupYet"),
        (None, "Verified=Unknown/NoBackupYet"),
    ] {
        let says = passed(level).says();
        assert_eq!(
            says,
            format!("Ready=True/Scheduled Fresh=True/WithinObjective {expected}")
        );
    }
    let mut case = passed(Some(VerificationLevel::Bytes));
    case.object.spec.verify = ace_api::VerifyLevel::Bytes;
    assert!(case.says().ends_with("Verified=True/Bytes"), "{}", case.says());
    case.object.spec.encryption.identity_secret_ref = None;
    assert!(case.says().ends_with("Verified=True/Bytes"), "{}", case.says());
    case.object.spec.verify = ace_api::VerifyLevel::Archive;
    assert_eq!(
        case.says(),
        "Ready=False/NotVerified Stalled=True/NotVerified Fresh=True/WithinObjective Verified=False/NoIdentity"
    );
    let mut case = passed(Some(VerificationLevel::Archive));
    case.object.spec.verify = ace_api::VerifyLevel::Content;
    if let PlatformState::Present(platform) = &mut case.state.platform {
        platform.has_scratch = false;
    }
    assert_eq!(
        case.says(),
        "Ready=False/NotVerified Stalled=True/NotVerified Fresh=True/WithinObjective Verified=False/NoScratch"
    );
    // One that is being verified does not count before, and the one before it does not for ever.
    let case = made().at("2026-11-22T01:00:00Z").acts().ends();
    let case = case.completes("nightly-202611220100", "2026-11-22T01:00:04Z");
    let case = case
        .backup("nightly-202611220100", |backup| backup.level = None)
        .at("2026-11-22T03:00:03Z");
    assert!(
        case.says()
            .ends_with("Fresh=True/WithinObjective Verified=True/Archive"),
        "{}",
        case.says()
    );
    let case = case.at("2026-11-22T03:00:04Z");
    assert!(
        case.says().ends_with("Fresh=True/WithinObjective Verified=False/Stale"),
        "{}",
        case.says()
    );
    assert_eq!(
        case.message("Verified"),
        "nightly-202611210100 is the newest backup that passed `Archive`, and `objective.rpo` is 26h"
    );
}

#[test]
fn an_objective_that_the_slots_cannot_meet_is_told_before_it_is_missed_and_backups_are_made_all_the_same() {
    for (schedule, rpo, expected) in [
        (
            "0 2 * * *",
            "24h",
            "`objective.rpo` is 24h, and up to 25h lie between two slots of `0 2 * * *`, and a backup takes 9s: write '27h6m' or more, or a `schedule` with more slots, such as '0 */12 * * *', or `objective.countPlatform` with point-in-time recovery enabled for the project",
        ),
        (
            "0 2 * * *",
            "15m",
            "`objective.rpo` is 15m, and up to 25h lie between two slots of `0 2 * * *`, and a backup takes 9s: write '27h6m' or more, or a `schedule` with more slots, such as '*/5 * * * *', or `objective.countPlatform` with point-in-time recovery enabled for the project",
        ),
        (
            "* * * * *",
            "1m",
            "`objective.rpo` is 1m, and up to 1m lie between two slots of `* * * * *`, and a backup takes 9s: write '2m' or more",
        ),
    ] {
        let mut case = made();
        let spec = changed(|spec| {
            spec["schedule"] = json!(schedule);
            spec["objective"]["rpo"] = json!(rpo);
        });
        case.object.spec = spec.object.spec;
        case.state.schedule = spec.state.schedule;
        let case = case.at("2026-11-21T01:00:40Z");
        assert!(
            case.says()
                .starts_with("Ready=False/ObjectiveUnreachable Stalled=True/ObjectiveUnreachable Fresh=True"),
            "{}",
            case.says()
        );
        assert_eq!(case.message("Stalled"), expected);
        let case = case.ends().at("2026-11-22T01:00:00Z");
        assert_eq!(case.next(), "start nightly-202611220100");
    }
    let hourly = changed(|spec| spec["objective"]["rpo"] = json!("25h30m"));
    assert!(
        hourly
            .at("2026-11-20T12:00:20Z")
            .says()
            .starts_with("Ready=True/Scheduled")
    );
}

#[test]
fn a_backup_that_does_not_end_is_overdue_after_all_of_its_attempts() {
    let case = made().at("2026-11-22T01:00:00Z").acts().ends();
    assert_eq!(case.next(), "at 2026-11-22T03:00:04Z", "Fresh falls before");
    let case = case.at("2026-11-22T07:00:00Z");
    assert!(
        case.says()
            .starts_with("Ready=False/Overdue Reconciling=True/Overdue Fresh=False/Exceeded"),
        "{}",
        case.says()
    );
}

#[test]
fn copies_that_are_not_what_was_stored_are_drift_that_is_named_and_ends() {
    let case = made();
    assert_eq!(
        message(&case.state.memo, "Drifted"),
        "each backup is where it was stored"
    );
    assert_eq!(
        nightly().at("2026-11-20T12:00:20Z").message("Drifted"),
        "there is no backup yet"
    );
    let lost = |state| {
        made().backup("nightly-202611210100", |backup| {
            backup.lost = vec![("second".to_owned(), state)];
        })
    };
    for (state, reason, says, observed) in [
        (
            CopyState::Missing,
            "ObjectMissing",
            "what was stored as nightly-202611210100/second is gone",
            "Missing",
        ),
        (
            CopyState::Changed,
            "ObjectChanged",
            "what was stored as nightly-202611210100/second is another one than was stored",
            "Changed",
        ),
    ] {
        let case = lost(state).at("2026-11-21T05:00:00Z");
        let status = case.status();
        let drifted = status.common.conditions.last().unwrap();
        assert_eq!((drifted.status.as_str(), drifted.reason.as_str()), ("True", reason));
        assert_eq!(message(&status, "Drifted"), says);
        assert_eq!(status.drift.as_ref().unwrap().fields[0].observed, observed);
        assert!(
            case.says().starts_with("Ready=True/Scheduled"),
            "what is left can be restored"
        );
        let case = case
            .ends()
            .backup("nightly-202611210100", |backup| backup.lost.clear())
            .at("2026-11-21T06:00:00Z");
        assert_eq!(
            case.status().drift.unwrap().corrected_time,
            Some(time("2026-11-21T06:00:00Z"))
        );
    }
}

#[test]
fn what_prevents_backups_is_said_with_what_to_write_instead() {
    let mut case = changed(|spec| spec["timeZone"] = json!("Berlin"));
    case = case.at("2026-11-20T12:00:20Z");
    assert_eq!(
        case.message("Stalled"),
        "there is no time zone `Berlin`: write a name of the IANA database, such as 'Europe/Berlin'"
    );
    assert!(case.says().starts_with("Ready=False/ScheduleInvalid"));
    let mut case = nightly();
    case.state.recipients = Some("recipient 2 has a typing error".to_owned());
    assert!(
        case.at("2026-11-20T12:00:20Z")
            .says()
            .starts_with("Ready=False/RecipientInvalid Stalled=True")
    );
    let mut case = nightly();
    case.state.platform = PlatformState::Absent;
    let case = case.at("2026-11-20T12:00:20Z");
    assert!(
        case.says()
            .starts_with("Ready=False/WaitingForPlatform Reconciling=True")
    );
    let mut case = made();
    case.state.absent = vec!["second".to_owned()];
    assert_eq!(
        case.message("Ready"),
        "there is no BackupDestination `second` in this namespace"
    );
    let case = case.at("2026-11-22T01:00:00Z");
    assert_eq!(
        case.next(),
        "start nightly-202611220100",
        "one place is better than none"
    );
    let case = nightly().at("2026-11-20T12:00:20Z").ends().at("2026-11-21T01:00:00Z");
    let case = case.fails(StepError::AccessMissing("run: kubectl create …".to_owned()));
    assert_eq!(
        case.decide(),
        Decision::Refuse(
            Cause::new(ace_api::ScheduleReason::AccessMissing, "run: kubectl create …"),
            Requeue::After(case.state.timing.probe())
        )
    );
}

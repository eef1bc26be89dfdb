use ace_api::{BackupReason, Database, VerificationLevel};
use jiff::Timestamp;
use serde_json::json;

use super::{
    super::{Decision, Done, Inputs, Problem, database, events},
    fixture::{Case, error, failed, made, new, path},
};
use crate::kinds::platform::DatabaseFailure;
use crate::reconcile::{event::Event, fixture::at, refusals::Refusals};

#[test]
fn what_was_learned_is_kept_until_it_is_written() {
    let case = new().starts();
    let written = case.status();
    let case = case.ends(Ok(Done::Made(Box::new(made("7c1e")))));
    let mut memory = case.state.memory.clone();
    memory.learned = Some(case.state.memo.clone());
    assert_eq!(memory.memo(Some(&written)).archive, case.state.memo.archive);
    // Of another run nothing of it holds.
    let other = new()
        .state(|state| state.fresh_id = "8d2f".to_owned())
        .starts()
        .status();
    assert_eq!(memory.memo(Some(&other)), other);
    assert_eq!(memory.memo(None), ace_api::BackupStatus::default());
}

#[test]
fn the_levels_are_listed_from_the_highest_on_and_each_once() {
    let case = new().verified();
    let levels = |case: &super::fixture::Case| {
        let verified = case.state.memo.verified.iter();
        verified
            .map(|verified| (verified.level, verified.time))
            .collect::<Vec<_>>()
    };
    let mut state = case.state.clone();
    for (level, second) in [(VerificationLevel::Content, 30), (VerificationLevel::Archive, 40)] {
        state.task = Some(super::super::Task::Ended(
            super::super::Job::Verify(level),
            Ok(Done::Verified(level, at(second))),
        ));
        super::super::infer(&case.object, &mut state, at(second));
    }
    let case = case.state(|before| *before = state);
    assert_eq!(
        levels(&case),
        [
            (VerificationLevel::Content, at(30)),
            (VerificationLevel::Archive, at(40))
        ]
    );
}

#[test]
fn a_right_that_is_refused_is_believed_at_the_third_answer() {
    let refused = || Err(error(Problem::Obstacle(BackupReason::AccessMissing)));
    let mut case = new().starts().ends(refused());
    let first = case.status();
    for again in [2, 4] {
        assert_eq!(case.state.memory.put_off.as_ref().unwrap().until, at(again));
        case = case.at(again).starts().ends(refused());
    }
    assert_eq!(
        case.state.memory.refusals,
        [true; 3].into_iter().fold(Refusals::default(), Refusals::after)
    );
    assert!(matches!(case.decide(), Decision::Refuse(shown, _) if shown.reason == BackupReason::AccessMissing));
    assert_ne!(case.status(), first);
}

#[test]
fn what_the_database_has_against_it_is_told_as_the_platform_does() {
    let spec = json!({ "host": "db", "passwordSecretRef": { "name": "database", "key": "password" } });
    let spec: Database = serde_json::from_value(spec).unwrap();
    for (failure, reason, says) in [
        (
            DatabaseFailure::Unanswered("no route".to_owned()),
            BackupReason::DatabaseUnreachable,
            "does not answer: no route",
        ),
        (
            DatabaseFailure::PasswordRejected,
            BackupReason::DatabasePasswordRejected,
            "put the correct one into key `password`",
        ),
        (
            DatabaseFailure::SecretMissing("there is no Secret `database`".to_owned()),
            BackupReason::SecretMissing,
            "no Secret `database`",
        ),
        (DatabaseFailure::Pooler, BackupReason::PoolerUnsupported, "on port 5432"),
        (
            DatabaseFailure::HostNotAllowed,
            BackupReason::HostNotAllowed,
            "`--allow-database-host`",
        ),
        (
            DatabaseFailure::Damaged("a table was changed".to_owned()),
            BackupReason::DatabaseRefused,
            "a table was changed",
        ),
    ] {
        let told = database(&spec, &failure);
        assert_eq!(told.problem, Problem::Obstacle(reason), "{failure:?}");
        assert!(told.message.contains(says), "{}", told.message);
    }
}

#[test]
fn attempts_that_failed_and_what_is_stored_are_events() {
    let (before, case) = (new().status(), new().starts());
    assert_eq!(events(&before, &case.status()), []);
    let failed = case.ends(failed(BackupReason::Failed));
    let after = failed.status();
    let told = Event::warning("AttemptFailed", "attempt 1 failed: it went wrong");
    assert_eq!(events(&before, &after), [told]);
    assert_eq!(events(&after, &failed.next().status()), []);
    let made = new().made().status();
    let stored = Event::normal("Stored", format!("stored as {}", path("7c1e")));
    assert_eq!(events(&before, &made), [stored]);
    assert_eq!(events(&made, &new().complete().status()), []);
    let full = new()
        .starts()
        .ends(Err(error(Problem::Final(BackupReason::ClockSkew))))
        .status();
    let stalled = events(&before, &full);
    assert_eq!(
        stalled.iter().map(|event| event.reason.as_str()).collect::<Vec<_>>(),
        ["ClockSkew"]
    );
}

#[test]
fn a_copy_to_where_the_schedule_does_not_name_any_more_is_given_up() {
    let case = new().verified().state(|state| {
        let Inputs::Usable(plan) = &mut state.inputs else {
            return;
        };
        plan.destinations.pop();
    });
    assert!(matches!(case.decide(), Decision::Settled(_)), "{:?}", case.decide());
}

#[test]
fn a_restore_that_proved_the_content_raises_what_is_verified_and_stays_noted() {
    let case = new().complete();
    let shows = case.shows();
    let case = case.state(|state| state.proved = Some(at(500))).next();
    let levels = |case: &Case| -> Vec<(VerificationLevel, Timestamp)> {
        let verified = &case.state.memo.verified;
        verified.iter().map(|passed| (passed.level, passed.time)).collect()
    };
    let expected = [
        (VerificationLevel::Content, at(500)),
        (VerificationLevel::Archive, at(20)),
    ];
    assert_eq!((levels(&case), case.shows()), (expected.to_vec(), shows));
    // Its Restore is deleted later, and an older one says nothing new.
    let case = case.state(|state| state.proved = None).next();
    assert_eq!(levels(&case), expected);
    let case = case.state(|state| state.proved = Some(at(400))).next();
    assert_eq!(levels(&case), expected);
    let case = case.state(|state| state.proved = Some(at(600))).next();
    assert_eq!(levels(&case)[0], (VerificationLevel::Content, at(600)));
}

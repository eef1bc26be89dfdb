use ace_api::{BackupReason, CopyState};

use super::{
    super::{Decision, Inputs, Kind, Problem, Step, StepResult},
    fixture::{Case, error, new},
};
use crate::kinds::backup_destination::Presence;
use crate::reconcile::{decision::Requeue, fixture::at, kind::Kind as _, timing::Timing};

/// Complete in both places; these destinations doubt their copies.
fn doubted(destinations: &[&str]) -> Case {
    new().complete().next().state(|state| {
        let doubts = destinations
            .iter()
            .map(|name| ((*name).to_owned(), "absent".to_owned()));
        state.suspicions = doubts.collect();
    })
}

#[track_caller]
fn found(case: Case, destination: &str, presence: Presence) -> Case {
    let Decision::Do(Step::Check(copy)) = case.decide() else {
        panic!("no copy is looked at: {:?}", case.decide());
    };
    assert_eq!(copy.destination, destination);
    case.takes(Ok(StepResult::Checked(presence)))
}

fn states(case: &Case) -> Vec<CopyState> {
    case.state.memo.copies.iter().map(|copy| copy.state).collect()
}

#[test]
fn a_copy_is_looked_at_once_for_each_doubt_and_conditions_stay_meanwhile() {
    let case = doubted(&["second"]);
    assert_eq!(case.shows_all(), ["Ready=True/Complete", "Drifted=False/NoDrift"]);
    let case = found(case, "second", Presence::Present);
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    assert_eq!(case.shows_all(), ["Ready=True/Complete", "Drifted=False/NoDrift"]);
    let case = case.state(|state| {
        state.suspicions.insert("second".to_owned(), "12 bytes".to_owned());
    });
    found(case, "second", Presence::Changed(12));
}

#[test]
fn a_copy_that_is_gone_is_drift_and_the_others_still_are_a_backup() {
    for (presence, state, reason) in [
        (Presence::Missing, CopyState::Missing, "Drifted=True/ObjectMissing"),
        (Presence::Changed(12), CopyState::Changed, "Drifted=True/ObjectChanged"),
    ] {
        for destination in ["primary", "second"] {
            let case = found(doubted(&[destination]), destination, presence);
            assert_eq!(case.shows_all(), ["Ready=True/Complete", reason]);
            assert!(states(&case).contains(&state));
            let status = case.status();
            assert_eq!(status.copies_complete.as_deref(), Some("1/2"));
            assert_eq!(status.drift.unwrap().fields[0].path, destination);
            assert_eq!(
                case.decide(),
                Decision::Settled(Requeue::OnChange),
                "it is not copied again"
            );
        }
    }
}

#[test]
fn a_backup_of_which_no_copy_is_left_stays_and_says_so() {
    let case = found(doubted(&["primary", "second"]), "primary", Presence::Missing);
    let case = found(case, "second", Presence::Changed(12));
    assert_eq!(
        case.shows_all(),
        [
            "Ready=False/Missing",
            "Stalled=True/Missing",
            "Drifted=True/ObjectMissing"
        ]
    );
    assert!(matches!(case.decide(), Decision::Refuse(why, Requeue::OnChange) if why.reason == BackupReason::Missing));
    assert!(case.status().archive.is_some(), "what it was is still known");
    // It was put back.
    let case = case.next().state(|state| state.suspicions.clear());
    let case = found(case, "primary", Presence::Present);
    let case = found(case, "second", Presence::Missing);
    assert_eq!(case.shows_all(), ["Ready=True/Complete", "Drifted=True/ObjectMissing"]);
    let drift = case.next().status().drift.unwrap();
    assert_eq!((drift.count, drift.corrected_time), (1, None));
}

#[test]
fn another_process_looks_once_at_what_was_lost() {
    let case = found(doubted(&["second"]), "second", Presence::Missing).process_ends();
    let case = found(case, "second", Presence::Missing);
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
}

#[test]
fn a_look_that_fails_says_nothing_and_is_tried_again_with_backoff() {
    let failed = || Err(error(Problem::Obstacle(BackupReason::WaitingForDestination)));
    let case = doubted(&["second"]).takes(failed());
    assert_eq!(case.shows_all(), ["Ready=True/Complete", "Drifted=False/NoDrift"]);
    let backoff = |failures| at(0) + Timing::default().backoff(failures);
    assert_eq!(case.decide(), Decision::Settled(Requeue::At(backoff(0))));
    let case = case.at(15).takes(failed());
    assert_eq!(
        case.decide(),
        Decision::Settled(Requeue::At(at(15) + Timing::default().backoff(1)))
    );
    let case = found(case.at(100), "second", Presence::Missing);
    assert_eq!(case.state.memory.unchecked, None);
}

#[test]
fn it_depends_on_the_destinations_of_its_copies() {
    let case = new().complete();
    let mut object = case.object.clone();
    object.status = Some(case.status());
    let names: Vec<String> = Kind::references(&object)
        .iter()
        .map(|reference| format!("{reference:?}"))
        .collect();
    assert_eq!(names.len(), 4);
    assert!(
        names[1].contains("BackupDestination") && names[1].contains("primary"),
        "{names:?}"
    );
    assert!(names[2].contains("second"), "{names:?}");
    assert!(names[3].contains("RestoresOf"), "and on what proves it: {names:?}");
}

/// Complete, with an identity; this process met it first then.
fn with_identity(first: i64) -> Case {
    new().complete().next().state(|state| {
        let Inputs::Usable(plan) = &mut state.inputs else {
            panic!("it is usable");
        };
        plan.has_identity = true;
        state.memory.first = Some(at(first));
    })
}

#[test]
fn the_identity_is_tried_once_a_day_at_a_time_of_its_own() {
    let case = with_identity(0);
    let Decision::Settled(Requeue::At(first)) = case.decide() else {
        panic!("{:?}", case.decide());
    };
    let day = 86_400;
    assert!((at(0)..=at(day)).contains(&first), "{first}");
    let second = first.as_second() - at(0).as_second() + 1;
    let case = case.at(second);
    assert_eq!(case.shows_all(), ["Ready=True/Complete", "Drifted=False/NoDrift"]);
    let case = case.takes(Ok(StepResult::Opened));
    assert_eq!(case.decide(), Decision::Settled(Requeue::At(at(second + day))));
    // No identity, no trial.
    assert_eq!(new().complete().next().decide(), Decision::Settled(Requeue::OnChange));
}

#[test]
fn what_the_identity_does_not_open_is_no_backup_and_a_store_that_does_not_answer_is_asked_again() {
    let due = || with_identity(-86_400);
    let case = due().takes(Err(error(Problem::Obstacle(BackupReason::WaitingForDestination))));
    assert_eq!(case.shows_all()[0], "Ready=True/Complete");
    assert_eq!(
        case.decide(),
        Decision::Settled(Requeue::At(at(0) + Timing::default().backoff_most()))
    );
    let case = due()
        .takes(Err(error(Problem::Final(BackupReason::KeyMismatch))))
        .next();
    assert_eq!(
        case.shows_all()[..2],
        ["Ready=False/KeyMismatch", "Stalled=True/KeyMismatch"]
    );
    assert!(matches!(
        case.at(86_400).asks("1").next().decide(),
        Decision::Do(Step::Audit)
    ));
}

//! When nothing is written: suspension, deletion, modes, and missing answers.

use ace_api::MigrationReason;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    super::{Decision, PlatformState, SchemaObservation, SourceState, StepError, Stop},
    fixture::{Case, fresh, pending, settled},
    values::{A, B, DROP, HARMLESS, LIVE, OTHER, V1, V2, V3, differs, owner, recorded, taken},
};
use crate::reconcile::{fixture::at, kind::Step as _};

/// Everything that could be written to a database.
fn cases() -> Vec<Case> {
    vec![
        fresh(),
        pending(HARMLESS),
        pending(DROP).spec(|spec| spec.policy.approve.clear()),
        pending(HARMLESS).prepared(),
        settled().snapshot_pending(),
        pending(HARMLESS).snapshot_pending(),
        settled().operator_schema(|operator_schema| operator_schema.reference = None),
        settled()
            .observation(|observation| observation.schema = taken(OTHER, vec![differs("table/public.x")]))
            .spec(|spec| spec.accepted_schema = Some(OTHER.to_owned())),
        settled()
            .files(&[(V1, A), (V2, B), (V3, HARMLESS)])
            .row(V3, recorded(&[HARMLESS])),
        super::baseline::named(V2, LIVE),
    ]
}

/// With the lock or without, there is no step but those that only read.
fn is_quiet(case: &Case) -> bool {
    let reads = |case: &Case| match case.decide() {
        Decision::Do(step) => ["Observe", "Read", "CheckSyntax"].contains(&step.name()),
        _ => true,
    };
    reads(case) && reads(&case.clone().locked())
}

#[test]
fn every_case_of_the_list_may_write() {
    for case in cases() {
        assert!(!is_quiet(&case));
    }
}

#[test]
fn nothing_is_written_while_it_is_suspended_or_deleted() {
    for case in cases() {
        let suspended = case.clone().spec(|spec| spec.suspend = true);
        assert!(is_quiet(&suspended) && matches!(suspended.decide(), Decision::Settled(_)));
        let platform = case.clone().platform(|platform| platform.suspended = true);
        assert!(is_quiet(&platform) && matches!(platform.decide(), Decision::Settled(_)));
        let deleted = case.with(|case| case.object.metadata.deletion_timestamp = Some(Time(at(-1))));
        assert!(is_quiet(&deleted) && deleted.decide() == Decision::Release { event: None });
    }
}

#[test]
fn nothing_is_written_in_observe() {
    for case in cases() {
        // A mode does not change within a reconcile.
        let observing = case.observe().with(|case| case.state.prepared = false);
        assert!(is_quiet(&observing), "{:?}", observing.decide());
    }
}

#[test]
fn nothing_is_written_to_a_database_of_another_set_or_of_a_newer_operator() {
    for case in cases() {
        let operator_schema = |case: &Case| {
            case.state
                .memory
                .observation
                .as_ref()
                .unwrap()
                .operator_schema
                .clone()
                .unwrap_or_default()
        };
        let claimed = case.clone().observation(|observation| {
            let owner = Some(owner("elsewhere", "main"));
            observation.operator_schema = Some(super::super::OperatorSchema {
                owner,
                ..operator_schema(&case)
            });
        });
        assert!(is_quiet(&claimed));
        let newer = case.clone().observation(|observation| {
            observation.operator_schema = Some(super::super::OperatorSchema {
                newer: true,
                ..operator_schema(&case)
            });
        });
        assert!(is_quiet(&newer));
    }
}

#[test]
fn nothing_is_written_without_a_platform_or_a_database_or_after_an_error() {
    for case in cases() {
        assert!(is_quiet(
            &case.clone().with(|case| case.state.platform = PlatformState::Absent)
        ));
        assert!(is_quiet(&case.clone().platform(|platform| platform.database = None)));
        let step_error = StepError::Passing("x".to_owned());
        assert!(is_quiet(&case.with(|case| case.state.step_error = Some(step_error))));
    }
}

#[test]
fn no_file_is_run_while_a_question_is_open() {
    let named = |schema| fresh().observation(|observation| observation.schema = schema);
    for case in [
        named(SchemaObservation::Busy),
        named(taken(LIVE, Vec::new())),
        super::baseline::named(V2, OTHER),
        pending(DROP),
        pending(HARMLESS).source(SourceState::Waiting("x".to_owned())),
        pending(HARMLESS).observation(|observation| observation.schema = SchemaObservation::Busy),
        pending(HARMLESS).gone(V2),
        pending("COMMIT;"),
        settled().files(&[(V1, A), (V2, "SELECT 2;"), (V3, HARMLESS)]),
    ] {
        assert!(is_quiet(&case), "{:?}", case.decide());
    }
}

#[test]
fn while_a_snapshot_is_pending_and_can_t_be_taken_no_run_begins() {
    let case = pending(HARMLESS)
        .snapshot_pending()
        .locked()
        .with(|case| case.state.snapshot_taken = true);
    assert_eq!(super::values::reason(&case), MigrationReason::WaitingForLock);
}

#[test]
fn a_stopped_run_does_not_go_on_in_the_same_reconcile() {
    let blocked = Stop::Blocked(V3.parse().unwrap(), Vec::new());
    let case = pending(HARMLESS).locked().with(|case| case.state.stop = Some(blocked));
    assert!(is_quiet(&case));
}

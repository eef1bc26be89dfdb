//! A function is live, or not, and the object remembers nothing.

use std::time::Duration;

use ace_api::{FunctionEvent, FunctionEventType, FunctionReason, IntentType, Mode};

use super::{
    super::{Decision, Kind, LiveFunction, Step, StepResult},
    fixture::{Case, settled},
    values::{
        A, B, X, applied, archive, archived, body, body_of, bundle, cause, content, deploy, digest, entry, foreign,
        revision, stamp,
    },
};
use crate::{
    bundle::BodyFiles,
    reconcile::{
        decision::{Deferral, Limiter, Requeue, StepError},
        fixture::{at, message, shown, stalled},
        kind::Kind as _,
    },
};

#[test]
fn a_new_function_is_requested_alone_before_it_is_created() {
    let mut case = new().sees(None);
    case.is_gone();
    assert_eq!(case.decide(), Decision::Do(deploy(IntentType::RollOut, A, None, at(0))));
}

/// 50 new functions under a budget cost 92 such requests: each that was held back was requested again.
#[test]
fn a_new_function_whose_deploy_was_held_back_is_looked_for_in_a_shared_list() {
    let deferral = Deferral {
        again: Duration::from_secs(20),
        by: Limiter::Budget,
    };
    let mut case = new().sees(None);
    case.is_gone();
    case.does(
        deploy(IntentType::RollOut, A, None, at(0)),
        Err(StepError::Deferred(deferral)),
    );
    let decision = case.decide();
    assert_eq!(cause(decision.clone()).0, FunctionReason::RateLimited);
    let mut case = case.later(20).with(|case| {
        case.state.memory = Kind::into_memory(case.state.clone(), &decision);
        case.state.step_error = None;
        case.state.began = case.now;
    });
    let mut shown = case.clone();
    case.lists(at(20), None);
    assert_eq!(
        case.decide(),
        Decision::Do(deploy(IntentType::RollOut, A, None, at(20)))
    );
    // Somebody else was faster.
    shown.lists(at(20), Some(foreign(3)));
    assert_eq!(shown.decide(), Decision::Do(Step::ReadBody(stamp(3))));
    // It came and went meanwhile: what was confirmed is out of date.
    let mut gone = shown.later(5).with(|case| case.state.listing = Some(case.shown(None)));
    gone.state.began = gone.now;
    assert_eq!(gone.decide(), Decision::Do(Step::Get));
}

#[test]
fn a_function_that_a_list_left_out_is_not_written_over_unseen() {
    let mut case = new().sees(None);
    case.does(Step::Get, Ok(StepResult::Got(Some(foreign(3)))));
    assert_eq!(case.decide(), Decision::Do(Step::ReadBody(stamp(3))));
}

#[test]
fn our_own_content_is_adopted_by_its_bytes_after_the_status_was_lost() {
    let mut case = new().read(A);
    assert_eq!(case.decide(), Decision::Do(proof()));
    assert_eq!(case.state.memo.applied, Some(applied(A, 3)));
    assert_eq!(case.state.memo.history, [adopted()]);
}

#[test]
fn where_the_body_is_no_files_the_mark_suggests_what_is_live_and_proves_nothing() {
    let mut case = new().with(|case| case.state.memory.body = Some(bundle(&stamp(3))));
    assert_eq!(case.decide(), Decision::Do(proof()));
    let expected = ace_api::Applied {
        body_digest: None,
        unproved: true,
        ..applied(A, 3)
    };
    assert_eq!(case.state.memo.applied, Some(expected));
    case.does(proof(), Ok(StepResult::Archived(archive(A))));
    let status = case.status();
    assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=Unknown/NotComparable"]);
    assert_eq!(status.live.unwrap().revision, "unproved");
}

#[test]
fn a_source_map_in_a_marked_body_proves_nothing() {
    let mapped = "Deno.serve(() => new Response('a'));\n//# sourceMappingURL=data:application/json;base64,e30=";
    let transpiled = BodyFiles::new(
        [("source/ace/hello/index.ts".to_owned(), mapped.into())],
        Some("source/ace/hello/index.ts"),
        content(A).entrypoint(),
    );
    let mut case = new().with(|case| case.state.memory.body = Some(body_of(transpiled, &stamp(3))));
    assert_eq!(cause(case.decide()).0, FunctionReason::AdoptionConflict);
    assert_eq!(case.state.memo.applied, None);
}

#[test]
fn the_mark_never_outvotes_bytes_that_are_known_to_differ() {
    let edited = BodyFiles::new(
        [("source/ace/hello/index.ts".to_owned(), "edited by hand".into())],
        Some("source/ace/hello/index.ts"),
        content(A).entrypoint(),
    );
    let mut case = new().with(|case| case.state.memory.body = Some(body_of(edited, &stamp(3))));
    assert_eq!(cause(case.decide()).0, FunctionReason::AdoptionConflict);
    assert_eq!(case.state.memo.applied, None);
}

#[test]
fn somebody_elses_deploy_of_the_source_is_adopted_because_the_bytes_prove_it() {
    let unmarked = LiveFunction {
        mark: None,
        ..entry(A, 7)
    };
    let mut case = new().sees(Some(unmarked)).read(A);
    case.decide();
    assert_eq!(case.state.memo.applied, Some(applied(A, 7)));
}

#[test]
fn foreign_content_is_a_conflict_that_says_how_to_solve_it() {
    let mut case = new().sees(Some(foreign(3))).read(X);
    let status = case.status();
    assert_eq!(shown(&status), stalled("AdoptionConflict", "True/Foreign"));
    assert_eq!(
        message(&status, "Stalled"),
        "version 3 is live, was not deployed from this object and differs from the source in hello/index.ts: change the source to match it, or set `spec.adoptionPolicy: Always` to archive and replace it"
    );
    assert_eq!(status.applied, None);
    assert_eq!(status.live.unwrap().revision, "foreign");
}

#[test]
fn what_the_status_says_of_a_body_is_compared_anew_when_somebody_asks() {
    // Written by an earlier operator, which took the same program for another one.
    let mut case = new().sees(Some(foreign(3))).read(X).written().restarted().later(60);
    assert_eq!(cause(case.decide()).0, FunctionReason::AdoptionConflict);
    let mut case = case.asks("now");
    case.lists(case.now, Some(foreign(3)));
    case.does(Step::ReadBody(stamp(3)), Ok(StepResult::Body(body(A, &stamp(3)))));
    assert_eq!(case.state.memo.applied, Some(applied(A, 3)));
    // The same body is read once for a request, and a failure of it is told.
    let mut failed = new()
        .sees(Some(foreign(3)))
        .read(X)
        .written()
        .restarted()
        .later(60)
        .asks("now");
    failed.lists(failed.now, Some(foreign(3)));
    let error = StepError::Failed("no answer".to_owned());
    failed.does(Step::ReadBody(stamp(3)), Err(error));
    assert!(!matches!(failed.decide(), Decision::Do(_)));
}

#[test]
fn foreign_content_is_archived_and_replaced_when_the_policy_says_so() {
    let mut case = new().sees(Some(foreign(3))).always().read(X);
    case.archives_foreign();
    assert_eq!(
        case.decide(),
        Decision::Do(deploy(IntentType::RollOut, A, Some(3), at(0)))
    );
}

#[test]
fn foreign_content_is_only_reported_in_observe() {
    let mut case = new().sees(Some(foreign(3))).mode(Mode::Observe).read(X);
    let status = case.status();
    assert_eq!(shown(&status), ["Ready=True/Observed", "Drifted=True/Foreign"]);
    assert_eq!(status.drift.unwrap().fields[0].path, "files/hello/index.ts");
}

#[test]
fn a_function_that_was_never_live_is_no_drift_in_observe_and_nothing_is_written() {
    let mut case = new().sees(None).mode(Mode::Observe);
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    let status = case.status();
    assert_eq!(shown(&status), ["Ready=True/Observed", "Drifted=Unknown/NotCompared"]);
    let says = format!("nothing is live yet; the source has {}", revision(A));
    assert_eq!(message(&status, "Ready"), says);
}

#[test]
fn a_mark_that_the_status_lacks_is_looked_up_in_the_archives_first() {
    let mut case = new().sees(Some(entry(B, 3))).read(B);
    case.loads_archive(B, archived(B, false));
    assert_eq!(
        case.decide(),
        Decision::Do(deploy(IntentType::RollOut, A, Some(3), at(0))),
        "the older content of an archive of ours is known, so the desired content replaces it"
    );
    assert_eq!(case.state.memo.applied, Some(applied(B, 3)));
}

#[test]
fn a_mark_of_ours_that_nobody_knows_waits_for_a_person() {
    let mut case = unknown_own_deploy();
    let status = case.status();
    assert_eq!(shown(&status), stalled("UnknownOwnDeploy", "True/Foreign"));
    assert!(message(&status, "Stalled").contains("`spec.adoptionPolicy: Always`"));
    assert!(!status.source.unwrap().failed);
}

#[test]
fn an_annotation_that_was_there_before_the_refusal_does_not_release_it() {
    let mut case = unknown_own_deploy().asks("monday");
    case.lists(at(0), Some(entry(B, 3)));
    case = case.written();
    assert_eq!(cause(case.decide()).0, FunctionReason::UnknownOwnDeploy);
}

#[test]
fn an_annotation_changed_after_the_refusal_replaces_the_unknown_deploy() {
    let mut case = unknown_own_deploy().asks("monday");
    case.lists(at(0), Some(entry(B, 3)));
    assert_eq!(cause(case.decide()).0, FunctionReason::UnknownOwnDeploy);
    case = case.written().asks("tuesday");
    case.archives_foreign();
    assert_eq!(
        case.decide(),
        Decision::Do(deploy(IntentType::RollOut, A, Some(3), at(0)))
    );
}

#[test]
fn the_adoption_policy_replaces_the_unknown_deploy_too() {
    let mut case = unknown_own_deploy().written().always().with(|case| {
        case.object.metadata.generation = Some(5);
    });
    let body = case.state.memory.body.clone().unwrap();
    assert_eq!(case.decide(), Decision::Do(Step::ArchiveForeign(body)));
}

#[test]
fn a_memo_of_another_project_is_no_memo() {
    let mut case = settled().read(A).with(|case| {
        let applied = case.state.memo.applied.as_mut().unwrap();
        applied.project = "tsrqponmlkjihgfedcba".to_owned();
    });
    assert_eq!(case.decide(), Decision::Do(proof()), "proved there is not proved here");
    assert_eq!(case.state.memo.applied, Some(applied(A, 3)));
}

#[test]
fn the_archive_of_the_adopted_content_makes_it_proven() {
    let mut case = new().read(A);
    case.does(proof(), Ok(StepResult::Archived(archive(A))));
    let status = case.status();
    assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=False/NoDrift"]);
    assert_eq!(status.proven.map(|proven| proven.source_digest), Some(digest(A)));
}

fn new() -> Case {
    settled().forgotten()
}

fn unknown_own_deploy() -> Case {
    let mut case = new().sees(Some(entry(B, 3))).read(B);
    case.loads_archive(B, None);
    case
}

fn proof() -> Step {
    Step::ArchiveProven {
        content: content(A),
        verify_jwt: false,
    }
}

fn adopted() -> FunctionEvent {
    FunctionEvent {
        type_: FunctionEventType::Adopted,
        revision: content(A).revision().to_string(),
        version: Some(3),
        time: at(0),
    }
}

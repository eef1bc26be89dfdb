//! A look that fails says nothing, and leaves no older assessment standing.

use std::time::Duration;

use ace_api::{FunctionReason, Mode};

use super::{
    super::{BodyContent, Decision, LiveFunction, Step, StepResult},
    fixture::{Case, settled},
    values::{A, B, X, body, bundle, cause, entry, foreign, stamp},
};
use crate::{
    reconcile::{
        decision::{Deferral, Limiter, Requeue, StepError},
        fixture::{at, message, shown, stalled},
    },
    testing::failed_looks,
};

/// What a look at a body can end in without files, and words that the status must have.
pub(super) fn failures() -> Vec<(Result<StepResult, StepError>, String)> {
    let mut too_large = body(X, &stamp(9));
    too_large.content = BodyContent::TooLarge;
    let bodies = [(bundle(&stamp(9)), "returns a bundle"), (too_large, "too large")];
    let bodies = bodies.map(|(body, words)| (Ok(StepResult::Body(body)), words.to_owned()));
    let lost = lost_lists().into_iter().map(|step_error| {
        let words = match &step_error {
            StepError::Deferred(deferral) if deferral.by == Limiter::Budget => "requestsPerMinute".to_owned(),
            StepError::Deferred(_) => "rate limited by the Management API".to_owned(),
            StepError::Unanswered(words)
            | StepError::Failed(words)
            | StepError::Refused(words)
            | StepError::NotPermitted(words) => words.clone(),
            other => panic!("no look ends so: {other:?}"),
        };
        (Err(step_error), words)
    });
    lost.chain(bodies).collect()
}

/// What any look can end in without an answer: those of the platform, and that none was asked for.
fn lost_lists() -> Vec<StepError> {
    let held_back = StepError::Deferred(Deferral {
        again: Duration::from_secs(7),
        by: Limiter::Budget,
    });
    let failed = failed_looks().into_iter().map(|(_, step_error)| step_error);
    failed.chain([held_back]).collect()
}

/// One function for each assessment that a status can hold.
fn assessments() -> Vec<(&'static str, Case)> {
    let drifted = settled().mode(Mode::Apply).sees(Some(foreign(4))).read(X).written();
    let mut corrected = drifted.clone();
    let drift = corrected.state.memo.drift.as_mut().unwrap();
    drift.corrected_time = Some(at(0));
    let opaque = settled()
        .mode(Mode::Apply)
        .sees(Some(foreign(4)))
        .with(|case| case.state.memory.body = Some(bundle(&stamp(4))));
    let mut missing = settled().mode(Mode::Apply).sees(None);
    missing.is_gone();
    let conflict = settled().forgotten().sees(Some(foreign(4))).read(X);
    let suggested = settled()
        .forgotten()
        .with(|case| case.state.memory.body = Some(bundle(&stamp(3))));
    let lost = settled().platform(|platform| platform.seen = at(-901)).written();
    vec![
        ("no drift", settled()),
        ("drift", drifted),
        ("drift that was corrected", corrected.sees(Some(entry(A, 3))).written()),
        ("not comparable", opaque.written()),
        ("missing", missing.written()),
        ("a conflict", conflict.written()),
        ("suggested by a mark", suggested.written()),
        ("lost", lost.platform(|platform| platform.seen = at(0))),
        ("rolled back", super::memory::rolled_back().written()),
        ("never seen", settled().forgotten()),
    ]
}

/// Two lists show a stamp that nobody knows; the body ends so.
fn looks_at_a_new_stamp(case: Case, entry: LiveFunction, outcome: &Result<StepResult, StepError>) -> Case {
    let mut case = case.sees(Some(entry)).with(|case| {
        case.state.memory = super::super::Memory::default();
        case.state.began = case.now;
    });
    case.does(Step::ReadBody(stamp(9)), outcome.clone());
    // A mark that the status lacks is looked up in the archives.
    while let Decision::Do(Step::LoadArchive(name)) = case.decide() {
        case.does(Step::LoadArchive(name), Ok(StepResult::Archive(None)));
    }
    case
}

#[test]
fn no_status_says_more_of_a_new_stamp_than_was_seen_whatever_was_said_before() {
    let marked = entry(A, 9);
    for (outcome, words) in failures() {
        for (assessment, before) in assessments() {
            for mode in [Mode::Enforce, Mode::Apply, Mode::Observe] {
                for entry in [foreign(9), marked.clone()] {
                    let row = format!("{assessment}, {mode:?}, {:?}, {words}", entry.mark);
                    let mut case = looks_at_a_new_stamp(before.clone().mode(mode), entry, &outcome);
                    let status = case.status();
                    let conditions = shown(&status);
                    assert!(
                        conditions.contains(&"Drifted=Unknown/NotComparable".to_owned()),
                        "{row}: {conditions:?}"
                    );
                    let live = status.live.clone().unwrap();
                    assert_eq!(live.version, 9, "{row}");
                    assert!(
                        ["foreign", "unproved"].contains(&live.revision.as_str()),
                        "{row}: {}",
                        live.revision
                    );
                    assert_eq!(status.drift, None, "{row}");
                    let told = message(&status, "Drifted");
                    assert!(told.contains(&words) || live.revision == "unproved", "{row}: {told}");
                    assert!(
                        !message(&status, "Ready").ends_with(" is live"),
                        "{row}: {}",
                        message(&status, "Ready")
                    );
                    let is_write = matches!(
                        case.decide(),
                        Decision::Do(Step::Deploy { .. } | Step::PatchJwt(_) | Step::Delete)
                    );
                    assert!(!is_write, "{row}: {:?}", case.decide());
                }
            }
        }
    }
}

#[test]
fn a_body_that_could_not_be_read_is_read_again_and_one_that_has_no_files_is_not() {
    for (outcome, words) in failures() {
        let mut case = looks_at_a_new_stamp(settled().mode(Mode::Apply), foreign(9), &outcome);
        let decision = case.decide();
        let is_retried = outcome.is_err();
        assert_eq!(
            decision != Decision::Settled(Requeue::OnChange),
            is_retried,
            "{words}: {decision:?}"
        );
        let mut next = case.written().later(60).with(|case| {
            case.state.began = case.now;
            case.state.memory.body = None;
        });
        assert_eq!(
            next.decide() == Decision::Do(Step::ReadBody(stamp(9))),
            is_retried,
            "{words}"
        );
    }
}

#[test]
fn enforce_overwrites_nothing_that_can_not_be_archived_and_says_so() {
    let refused = Err(StepError::Refused(
        "400: use deno v2 to download this Function".to_owned(),
    ));
    let mut case = looks_at_a_new_stamp(settled(), foreign(9), &refused);
    let status = case.status();
    assert_eq!(shown(&status), stalled("ArchiveUnreadable", "Unknown/NotComparable"));
    assert_eq!(
        message(&status, "Stalled"),
        "version 9 was not deployed from this object and can't be read: 400: use deno v2 to download this Function; it is not overwritten: download it, then delete the live function"
    );
    for (outcome, words) in failures() {
        let mut case = looks_at_a_new_stamp(settled(), foreign(9), &outcome);
        let says = message(&case.status(), "Ready");
        assert!(says.contains("; it is not overwritten"), "{words}: {says}");
    }
    let mut wants = looks_at_a_new_stamp(settled(), foreign(9), &refused).wants(B);
    assert_eq!(cause(wants.decide()).0, FunctionReason::ArchiveUnreadable);
}

#[test]
fn a_first_list_with_a_new_stamp_is_confirmed_although_its_body_can_not_be_read() {
    let mut case = settled().sees(Some(foreign(9))).with(|case| {
        case.state.began = case.now;
        let listing = case.state.listing.as_mut().unwrap();
        (listing.started, listing.since, listing.lists) = (case.now, case.now, vec![case.now]);
    });
    let refused = || Err(StepError::Refused("400".to_owned()));
    case.does(Step::ReadBody(stamp(9)), refused());
    assert_eq!(case.decide(), Decision::Settled(Requeue::At(at(15))));
    assert_eq!(case.status(), case.state.memo, "one list is not believed");
    case = case.later(15).with(|case| case.state.began = case.now);
    case.does(Step::ReadBody(stamp(9)), refused());
    case.lists(at(15), Some(foreign(9)));
    assert_eq!(
        shown(&case.status()),
        stalled("ArchiveUnreadable", "Unknown/NotComparable")
    );
}

#[test]
fn the_assessment_comes_back_with_the_body() {
    for (text, drifted) in [(A, "Drifted=False/NoDrift"), (X, "Drifted=True/OutOfBandChange")] {
        let failed = Err(StepError::Unanswered("503".to_owned()));
        let entry = LiveFunction {
            mark: None,
            ..entry(text, 9)
        };
        let mut case = looks_at_a_new_stamp(settled().mode(Mode::Apply), entry, &failed)
            .written()
            .later(15)
            .with(|case| case.state.began = case.now);
        case.does(Step::ReadBody(stamp(9)), Ok(StepResult::Body(body(text, &stamp(9)))));
        assert!(
            shown(&case.status()).contains(&drifted.to_owned()),
            "{:?}",
            shown(&case.status())
        );
    }
}

#[test]
fn a_platform_that_does_not_answer_leaves_no_assessment_on_a_stamp_that_two_lists_have_shown() {
    let mut case = settled()
        .sees(Some(foreign(9)))
        .platform(|platform| platform.answering = false);
    let status = case.status();
    assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=Unknown/NotComparable"]);
    assert_eq!(status.live.unwrap().version, 9);
}

#[test]
fn a_list_that_fails_says_nothing_and_changes_no_assessment() {
    for failed in lost_lists() {
        for (assessment, before) in assessments() {
            for mode in [Mode::Enforce, Mode::Apply, Mode::Observe] {
                let row = format!("{assessment}, {mode:?}, {failed:?}");
                // The assessment is that of this mode, as it was last written. What is held ends with the request for a reconcile.
                let mut rests = before.clone().mode(mode);
                let known = rests.status();
                rests.state.memo = known.clone();
                let mut case = rests.later(5).asks("now");
                let not_before = case.now;
                case.does(Step::List { not_before }, Err(failed.clone()));
                let status = case.status();
                let is_drifted = |status: &ace_api::EdgeFunctionStatus| {
                    let conditions = shown(status);
                    conditions
                        .into_iter()
                        .find(|condition| condition.starts_with("Drifted"))
                };
                assert_eq!(is_drifted(&status), is_drifted(&known), "{row}");
                assert_eq!(
                    (&status.live, &status.applied, &status.drift, &status.intent),
                    (&known.live, &known.applied, &known.drift, &known.intent),
                    "{row}"
                );
                let was_ready = shown(&known)[0].starts_with("Ready=True");
                let is_ready = shown(&status)[0].starts_with("Ready=True");
                assert!(was_ready || !is_ready, "{row}: {:?}", shown(&status));
                let is_write = matches!(
                    case.decide(),
                    Decision::Do(Step::Deploy { .. } | Step::PatchJwt(_) | Step::Delete)
                );
                assert!(!is_write, "{row}: {:?}", case.decide());
            }
        }
    }
}

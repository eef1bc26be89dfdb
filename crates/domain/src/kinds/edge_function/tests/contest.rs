//! The function is changed out of band after each correction.

use ace_api::{FunctionEvent, FunctionEventType, FunctionReason, Held, IntentType, Mode};

use super::{
    super::{Decision, Step},
    fixture::{Case, settled},
    values::{A, X, cause, digest, entry, foreign, revision},
};
use crate::reconcile::{
    decision::Requeue,
    fixture::{at, message, shown, stalled},
    held::hold,
};

#[test]
fn after_three_corrections_within_an_hour_the_operator_stops() {
    let mut case = changed_after(&[-100, -1000, -3000]);
    let status = case.status();
    assert_eq!(shown(&status), stalled("DriftContested", "True/OutOfBandChange"));
    assert_eq!(
        message(&status, "Stalled"),
        "corrected 3 times within an hour and changed out of band again: find out what changes it, then change the source, the spec or the annotation `ops.mobulace.com/reconcile-at` to resume corrections"
    );
    assert_eq!(status.history[0].type_, FunctionEventType::Contested);
    assert!(!status.source.unwrap().failed, "the content is not to blame");
}

#[test]
fn corrections_of_more_than_an_hour_ago_do_not_count() {
    let mut case = changed_after(&[-100, -1000, -3601]);
    assert!(matches!(case.decide(), Decision::Do(Step::ArchiveForeign(_))));
}

#[test]
fn a_contest_stays_although_the_hour_is_over() {
    let mut case = changed_after(&[-100, -1000, -3000]).written();
    case = case.later(7200).platform(|platform| platform.seen = at(7200));
    assert_eq!(cause(case.decide()).0, FunctionReason::DriftContested);
    assert_eq!(case.status(), case.state.memo);
}

#[test]
fn a_changed_spec_or_annotation_releases_the_contest_for_three_more() {
    let case = changed_after(&[-100, -1000, -3000]).written();
    for mut released in [
        case.clone().with(|case| case.object.metadata.generation = Some(5)),
        case.asks("now")
            .with(|case| case.state.listing.as_mut().unwrap().started = at(0)),
    ] {
        assert!(matches!(released.decide(), Decision::Do(Step::ArchiveForeign(_))));
    }
}

#[test]
fn the_jwt_rule_is_contested_too() {
    let mut opened = entry(A, 3);
    opened.verify_jwt = Some(true);
    let mut case = changed_after(&[-100, -1000, -3000]).sees(Some(opened));
    assert_eq!(cause(case.decide()).0, FunctionReason::DriftContested);
}

#[test]
fn a_contest_is_seen_while_another_content_is_held() {
    let mut case = changed_after(&[-100, -1000, -3000])
        .wants(super::values::B)
        .with(|case| {
            case.state.memo.held = Some(Held {
                outcome: hold(&case.object, FunctionReason::RolledBack, "check preflight got 500"),
                source_digest: Some(digest(super::values::B)),
            });
        });
    assert_eq!(cause(case.decide()).0, FunctionReason::DriftContested);
}

#[test]
fn apply_does_not_contest_what_it_never_corrects() {
    let mut case = changed_after(&[-100, -1000, -3000]).mode(Mode::Apply);
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
}

#[test]
fn new_desired_content_is_no_correction() {
    let mut case = changed_after(&[-100, -1000, -3000]).wants(super::values::B);
    case.state.memory.archived = Some(super::values::stamp(4));
    let Decision::Do(Step::Deploy { intent, .. }) = case.decide() else {
        panic!("the desired content is not contested");
    };
    assert_eq!(intent.type_, IntentType::RollOut);
}

/// Corrected at these seconds, and changed again.
pub(super) fn changed_after(seconds: &[i64]) -> Case {
    settled().sees(Some(foreign(4))).read(X).with(|case| {
        let corrected = |second: &i64| FunctionEvent {
            type_: FunctionEventType::Corrected,
            revision: revision(A),
            version: Some(3),
            time: at(*second),
        };
        case.state.memo.history = seconds.iter().map(corrected).collect();
    })
}

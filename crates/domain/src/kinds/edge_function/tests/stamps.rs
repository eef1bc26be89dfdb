//! What a stamp and its entry in the list say, what they leave out, and when the body behind a stamp counts as known.

use ace_api::Mode;
use bytes::Bytes;

use super::{
    super::{Body, Decision, LiveFunction, Step, StepResult},
    fixture::{Case, settled},
    values::{A, body, body_of, bundle, entry, foreign, stamp},
};
use crate::{
    bundle::{BodyFiles, TreePath},
    reconcile::{
        decision::Requeue,
        fixture::{at, message, shown},
    },
};

/// The platform may leave out all that the contract calls optional.
#[test]
fn what_the_list_does_not_show_of_a_function_is_no_drift() {
    let bare = |version: i64| {
        let mut entry = foreign(version);
        (entry.verify_jwt, entry.stamp.bundle_digest) = (None, None);
        entry.stamp.updated_time = jiff::Timestamp::UNIX_EPOCH;
        entry
    };
    for mode in [Mode::Enforce, Mode::Apply, Mode::Observe] {
        let known = settled().mode(mode).with(|case| {
            case.state.memo.applied.as_mut().unwrap().stamp = bare(3).stamp;
        });
        let mut case = known.sees(Some(bare(3)));
        assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange), "{mode:?}");
        assert_eq!(shown(&case.status())[1], "Drifted=False/NoDrift", "{mode:?}");
    }
}

#[test]
fn a_function_that_was_deleted_and_made_anew_of_the_same_code_is_no_drift() {
    let mut anew = foreign(1);
    anew.stamp.id = "another".to_owned();
    for mode in [Mode::Enforce, Mode::Apply] {
        let mut case = settled().mode(mode).sees(Some(anew.clone()));
        let read = StepResult::Body(body(A, &anew.stamp));
        case.does(Step::ReadBody(anew.stamp.clone()), Ok(read));
        assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange), "{mode:?}");
        let status = case.status();
        assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=False/NoDrift"], "{mode:?}");
        assert_eq!(status.applied.unwrap().stamp, anew.stamp);
    }
}

#[test]
fn a_state_that_the_platform_shows_is_shown_until_it_is_over() {
    let throttled = LiveFunction {
        state: Some("THROTTLED".to_owned()),
        ..entry(A, 3)
    };
    for mode in [Mode::Enforce, Mode::Observe] {
        let mut case = settled().mode(mode).sees(Some(throttled.clone()));
        let status = case.status();
        assert!(message(&status, "Ready").ends_with("is live; the platform shows it as THROTTLED"));
        assert_eq!(status.live.unwrap().state, Some("THROTTLED".to_owned()));
        let mut over = case.written().sees(Some(entry(A, 3)));
        assert!(message(&over.status(), "Ready").ends_with("is live"));
    }
}

#[test]
fn our_own_body_that_is_not_the_source_is_known_once_a_later_list_still_shows_its_stamp() {
    let transpiled = |version: i64| {
        let files = [("source/ace/hello/index.ts".to_owned(), Bytes::from("transpiled"))];
        let entrypoint = TreePath::new("hello/index.ts").unwrap();
        body_of(
            BodyFiles::new(files, Some("source/ace/hello/index.ts"), &entrypoint),
            &stamp(version),
        )
    };
    let mut case = settled().mode(Mode::Apply).with(|case| {
        case.state.memo.applied.as_mut().unwrap().body_digest = None;
        case.state.began = case.now;
    });
    case.does(Step::ReadBody(stamp(3)), Ok(StepResult::Body(transpiled(3))));
    assert_eq!(case.decide(), Decision::Settled(Requeue::At(at(60))));
    assert_eq!(case.state.memo.applied.as_ref().unwrap().body_digest, None);
    case = case.later(60);
    case.lists(at(60), Some(entry(A, 3)));
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    let mut case = redeploy_of(case, transpiled(4));
    assert_eq!(shown(&case.status()), ["Ready=True/Live", "Drifted=False/NoDrift"]);
}

fn redeploy_of(case: Case, body: Body) -> Case {
    let mut case = case.sees(Some(entry(A, 4)));
    case.does(Step::ReadBody(stamp(4)), Ok(StepResult::Body(body)));
    case
}

#[test]
fn a_bundle_is_read_once_and_not_in_every_reconcile() {
    let mut case = settled().mode(Mode::Apply).with(|case| {
        case.state.memo.applied.as_mut().unwrap().body_digest = None;
    });
    case.does(Step::ReadBody(stamp(3)), Ok(StepResult::Body(bundle(&stamp(3)))));
    case.state.memory.body = None;
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    assert_eq!(shown(&case.status()), ["Ready=True/Live", "Drifted=False/NoDrift"]);
}

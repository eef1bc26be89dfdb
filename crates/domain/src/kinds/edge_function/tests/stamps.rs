//! What a stamp and its entry in the list say, and what they leave out.

use ace_api::Mode;

use super::{
    super::{Decision, Step, StepResult},
    fixture::settled,
    values::{A, body, foreign},
};
use crate::reconcile::{decision::Requeue, fixture::shown};

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

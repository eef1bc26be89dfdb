//! What it means where a Platform or a source can't be used, whatever the kind.

use std::time::Duration;

use ace_api::{FunctionReason, LocalReference};

use super::{PlatformFacts, PlatformState, SourceProblem, SourceState};
use crate::reconcile::{
    decision::{Cause, Decision, Requeue},
    timing::Timing,
};

#[derive(Debug, PartialEq)]
struct Facts {
    is_suspended: bool,
}

impl PlatformFacts for Facts {
    fn interval(&self) -> Duration {
        Duration::from_mins(7)
    }

    fn is_suspended(&self) -> bool {
        self.is_suspended
    }
}

const ACTIVE: PlatformState<Facts> = PlatformState::Present(Facts { is_suspended: false });
const SUSPENDED: PlatformState<Facts> = PlatformState::Present(Facts { is_suspended: true });

fn prod() -> LocalReference {
    LocalReference {
        name: "prod".to_owned(),
    }
}

#[test]
fn a_platform_that_is_missing_is_waited_for_and_one_that_is_suspended_left_alone() {
    let usable = |platform: &'static PlatformState<Facts>, suspend| {
        platform.usable::<(), FunctionReason>(suspend, &prod()).map(|_| ())
    };
    let settled = || Err(Decision::Settled(Requeue::OnChange));
    let message = "there is no Platform `prod` in this namespace";
    let missing = Decision::Wait(
        Cause::new(FunctionReason::WaitingForPlatform, message),
        Requeue::OnChange,
    );
    assert_eq!(usable(&ACTIVE, false), Ok(()));
    assert_eq!(usable(&ACTIVE, true), settled());
    assert_eq!(usable(&SUSPENDED, false), settled());
    assert_eq!(usable(&PlatformState::Absent, false), Err(missing));
    assert_eq!(usable(&PlatformState::Absent, true), settled());
}

#[test]
fn the_object_comes_before_its_platform_where_both_are_suspended() {
    use FunctionReason::{SuspendedByPlatform, SuspendedByUser};
    let says = |platform: PlatformState<Facts>, suspend| {
        let cause: Option<Cause<FunctionReason>> = platform.suspension(suspend, &prod());
        cause.map(|cause| (cause.reason, cause.message))
    };
    let by_user = "`spec.suspend` is true: nothing is checked or changed".to_owned();
    let by_platform = "Platform `prod` is suspended: nothing is checked or changed".to_owned();
    assert_eq!(says(SUSPENDED, true), Some((SuspendedByUser, by_user)));
    assert_eq!(says(SUSPENDED, false), Some((SuspendedByPlatform, by_platform)));
    assert_eq!(says(ACTIVE, false), None);
    assert_eq!(says(PlatformState::Absent, false), None);
}

#[test]
fn the_interval_is_the_platforms_or_the_longest_wait_without_one() {
    let minutes = [ACTIVE, PlatformState::Absent].map(|platform| platform.interval(Timing::default()).as_secs() / 60);
    assert_eq!(minutes, [7, 5]);
}

#[test]
fn a_source_is_waited_for_read_again_or_refused() {
    use FunctionReason::{AccessMissing, Retrying, SourceInvalid, SourceRefused, WaitingForSource};
    use SourceState as State;
    let text = || "says why".to_owned();
    let cause = |reason| Cause::new(reason, text());
    for (state, problem) in [
        (State::Waiting(text()), SourceProblem::Waiting(cause(WaitingForSource))),
        (State::Failed(text()), SourceProblem::Unread(cause(Retrying))),
        (State::Refused(text()), SourceProblem::Refused(cause(SourceRefused))),
        (State::Invalid(text()), SourceProblem::Refused(cause(SourceInvalid))),
        (
            State::AccessMissing(text()),
            SourceProblem::Refused(cause(AccessMissing)),
        ),
    ] {
        assert_eq!(SourceState::<()>::problem(&state), Some(problem));
    }
    let ready = SourceState::Ready {
        content: (),
        artifact_revision: text(),
        secret_files: None,
    };
    assert_eq!(ready.problem::<FunctionReason>(), None);
}

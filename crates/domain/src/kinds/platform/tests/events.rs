//! What is worth an event.

use ace_api::{PlatformReason, PlatformStatus};

use super::{
    super::{Cause, Decision, events, status},
    fixture::{listed, platform},
};
use crate::reconcile::{decision::Requeue, event::Event, fixture::at};

fn shown(decision: &Decision) -> PlatformStatus {
    status(&platform(), &listed(), decision, at(0))
}

fn refused(reason: PlatformReason) -> PlatformStatus {
    shown(&Decision::Refuse(Cause::new(reason, "act"), Requeue::OnChange))
}

#[test]
fn a_platform_that_is_lost_or_reachable_again_or_needs_a_person_is_one_event() {
    let fine = shown(&Decision::Settled(Requeue::OnChange));
    let silent = Cause::new(PlatformReason::NotObserved, "silent");
    let lost = shown(&Decision::Wait(silent, Requeue::OnChange));
    let rejected = refused(PlatformReason::TokenRejected);
    let missing = refused(PlatformReason::ProjectNotFound);
    for (before, after, reported) in [
        (&fine, &lost, Event::warning("NotObserved", "silent")),
        (&lost, &fine, Event::normal("Reachable", "API answers")),
        (&fine, &rejected, Event::warning("TokenRejected", "act")),
        (&rejected, &missing, Event::warning("ProjectNotFound", "act")),
        (&missing, &fine, Event::normal("Reachable", "API answers")),
    ] {
        assert_eq!(events(before, after), [reported]);
        assert_eq!(events(after, after), []);
    }
    assert_eq!(events(&PlatformStatus::default(), &fine), []);
}

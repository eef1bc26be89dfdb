//! What is worth an event.

use ace_api::{PlatformReason, PlatformStatus};
use serde_json::json;

use super::{
    super::{Decision, Why, notices, status},
    fixture::{at, listed, platform},
};
use crate::{decision::Again, notice::Notice};

fn shown(decision: &Decision) -> PlatformStatus {
    status(&platform(&json!({})), &listed(), decision, at(0))
}

fn refused(reason: PlatformReason) -> PlatformStatus {
    shown(&Decision::Refuse(Why::new(reason, "act"), Again::OnWake))
}

#[test]
fn a_platform_that_is_lost_or_found_or_needs_a_person_is_told_once() {
    let fine = shown(&Decision::Settled(Again::OnWake));
    let silent = Why::new(PlatformReason::NotSeen, "silent");
    let lost = shown(&Decision::Wait(silent, Again::OnWake));
    let rejected = refused(PlatformReason::TokenRejected);
    let missing = refused(PlatformReason::ProjectNotFound);
    for (before, after, told) in [
        (&fine, &lost, Notice::warning("NotSeen", "silent")),
        (&lost, &fine, Notice::normal("Reachable", "API answers")),
        (&fine, &rejected, Notice::warning("TokenRejected", "act")),
        (&rejected, &missing, Notice::warning("ProjectNotFound", "act")),
        (&missing, &fine, Notice::normal("Reachable", "API answers")),
    ] {
        assert_eq!(notices(before, after), [told]);
        assert_eq!(notices(after, after), []);
    }
    assert_eq!(notices(&PlatformStatus::default(), &fine), []);
}

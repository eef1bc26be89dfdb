//! What tests of several crates share.

use std::time::Duration;

use crate::reconcile::decision::{Deferral, Limiter, StepError};

/// How the platform, or something before it, ends a look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reply {
    /// An answer of the platform: status and message.
    Said(u16, &'static str),
    /// A page of something in between.
    Page(u16),
    /// The rate limit, and after how many seconds to come again.
    Limited(u64),
    /// A success in a form that the contract does not have.
    OffContract,
    /// A success whose content ends in the middle, though the connection does not.
    Truncated,
    /// The connection ends within the answer.
    CutOff,
    Never,
}

/// The replies to a look (the list, a request for one function, its body) that say nothing of a function, each with the step
/// error that the operator makes of it: its tests answer so, and the domain's tables take it from there.
pub fn failed_looks() -> Vec<(Reply, StepError)> {
    let unanswered = |says: &str| StepError::Unanswered(format!("the platform does not answer: {says}"));
    let unavailable = |status: u16| unanswered(&format!("the platform is unavailable: it answered {status}"));
    let refused = |status: u16, says: &str| format!("the platform refused with {status}: {says}");
    let not_permitted = |status: u16, says: &str| {
        let refused = refused(status, says);
        StepError::NotPermitted(format!("{refused}; the Platform's status says what to change"))
    };
    let failed = |status: u16, says: &str| StepError::Failed(refused(status, says));
    vec![
        (
            Reply::Said(400, "use deno v2"),
            StepError::Refused(refused(400, "use deno v2")),
        ),
        (
            Reply::Said(400, "the request timed out"),
            failed(400, "the request timed out"),
        ),
        (
            Reply::Said(401, "Unauthorized"),
            StepError::Unanswered("the Management API rejects the Platform's token".to_owned()),
        ),
        (
            Reply::Said(402, "upgrade the plan"),
            not_permitted(402, "upgrade the plan"),
        ),
        (
            Reply::Said(403, "Forbidden resource"),
            not_permitted(403, "Forbidden resource"),
        ),
        (Reply::Said(404, "Project not found"), failed(404, "Project not found")),
        (
            Reply::Said(500, "internal error"),
            unanswered("the platform is unavailable: it answered 500: internal error"),
        ),
        (
            Reply::Said(503, "Service Unavailable"),
            unanswered("the platform is unavailable: it answered 503: Service Unavailable"),
        ),
        (Reply::Page(403), unavailable(403)),
        (Reply::Page(404), unavailable(404)),
        (Reply::Page(502), unavailable(502)),
        (
            Reply::Limited(7),
            StepError::Deferred(Deferral {
                again: Duration::from_secs(7),
                by: Limiter::Platform,
            }),
        ),
        (
            Reply::OffContract,
            StepError::Failed("the answer is not what the contract says".to_owned()),
        ),
        (
            Reply::Truncated,
            StepError::Failed("the answer is not what the contract says".to_owned()),
        ),
        (
            Reply::CutOff,
            unanswered("the connection broke before the answer was complete"),
        ),
        (Reply::Never, unanswered("no complete answer within the deadline")),
    ]
}

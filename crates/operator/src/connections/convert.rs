//! From the client's words to the domain's.

use ace_api::Stamp;
use ace_domain::{bundle::Mark, kinds::edge_function::LiveFunction, reconcile::decision::StepError};
use ace_supabase::{CallError, Function, NotSent};
use jiff::Timestamp;

/// A live function as the domain sees it.
pub fn entry(function: &Function) -> LiveFunction {
    LiveFunction {
        stamp: stamp(function),
        verify_jwt: function.verify_jwt,
        mark: function.entrypoint_path.as_deref().and_then(Mark::in_entrypoint_path),
    }
}

/// The stamp of a function. A platform that does not say when it was updated says nothing by it.
pub fn stamp(function: &Function) -> Stamp {
    let updated = function
        .updated_at
        .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
    Stamp {
        id: function.id.clone(),
        version: function.version,
        updated_time: updated.unwrap_or(Timestamp::UNIX_EPOCH),
        bundle_digest: function.ezbr_sha256.clone(),
    }
}

/// What a failed call means for the one who made it.
pub fn step_error(error: &CallError) -> StepError {
    if let Some(again) = error.again() {
        return StepError::Deferred(again);
    }
    match error {
        CallError::Refused { status: 401, .. } => {
            StepError::Unanswered("the platform refuses the Platform's token".to_owned())
        }
        CallError::Refused { .. } => StepError::Refused(error.to_string()),
        CallError::NotSent(NotSent::Connect)
        | CallError::Unavailable { .. }
        | CallError::Transport
        | CallError::Timeout => StepError::Unanswered(format!("the platform does not answer: {error}")),
        _ => StepError::Failed(error.to_string()),
    }
}

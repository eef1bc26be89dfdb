//! Converts types of the Management API's client to the domain's.

use ace_api::Stamp;
use ace_domain::{
    bundle::{ListedImportMap, Mark},
    kinds::edge_function::LiveFunction,
    reconcile::decision::{Deferral, Limiter, StepError},
};
use ace_supabase::{CallError, Function, FunctionStatus, NotSent};
use jiff::Timestamp;

/// Converts a function of the Management API.
pub fn entry(function: &Function) -> LiveFunction {
    LiveFunction {
        stamp: stamp(function),
        verify_jwt: function.verify_jwt,
        mark: function.entrypoint_path.as_deref().and_then(Mark::in_entrypoint_path),
        entrypoint: function.entrypoint_path.clone(),
        import_map: ListedImportMap::new(
            function.entrypoint_path.as_deref(),
            function.import_map_path.as_deref(),
            function.import_map,
        ),
        state: match &function.status {
            FunctionStatus::Active => None,
            state => Some(state.as_str().to_owned()),
        },
    }
}

/// The stamp of a function. Without a time of its update the stamp has the Unix epoch, which compares equal to itself.
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

/// Whose rate limit a call has to wait for, if that is all.
pub fn deferral(error: &CallError) -> Option<Deferral> {
    error.deferral().map(limit)
}

/// A rate limit as the domain sees it.
pub fn limit(deferral: ace_supabase::Deferral) -> Deferral {
    Deferral {
        again: deferral.again,
        by: match deferral.by {
            ace_supabase::Limiter::Budget => Limiter::Budget,
            ace_supabase::Limiter::Platform => Limiter::Platform,
        },
    }
}

/// The platform speaks of its time or its load, and not of what was sent.
fn is_passing(message: &str) -> bool {
    const PASSING: [&str; 9] = [
        "timed out",
        "timeout",
        "time limit",
        "try again",
        "temporarily",
        "overloaded",
        "capacity",
        "too many requests",
        "unavailable",
    ];
    let message = message.to_lowercase();
    PASSING.iter().any(|words| message.contains(words))
}

/// The step error of a failed call.
pub fn step_error(error: &CallError) -> StepError {
    if let Some(limit) = deferral(error) {
        return StepError::Deferred(limit);
    }
    match error {
        CallError::Refused { status: 401, .. } => {
            StepError::Unanswered("the Management API rejects the Platform's token".to_owned())
        }
        CallError::Refused { status: 402 | 403, .. } => {
            StepError::NotPermitted(format!("{error}; the Platform's status says what to change"))
        }
        CallError::Refused {
            status: 400 | 413 | 415 | 422,
            message,
        } if !is_passing(message) => StepError::Refused(error.to_string()),
        CallError::NotSent(NotSent::Connect)
        | CallError::Unavailable { .. }
        | CallError::Transport
        | CallError::Timeout => StepError::Unanswered(format!("the platform does not answer: {error}")),
        _ => StepError::Failed(error.to_string()),
    }
}

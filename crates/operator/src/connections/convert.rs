//! Converts types of the Management API's client to the domain's.

use ace_api::Stamp;
use ace_domain::{
    bundle::{ListedImportMap, Mark},
    kinds::{
        edge_function::LiveFunction,
        platform::{Points, Window},
    },
    reconcile::decision::{Deferral, Limiter, StepError},
};
use ace_supabase::{BackupStatus, Backups, CallError, Function, FunctionStatus, NotSent, when};
use jiff::Timestamp;

/// A function that the platform shows; `None` of one that it calls removed.
pub fn live(function: &Function) -> Option<LiveFunction> {
    (function.status != FunctionStatus::Removed).then(|| entry(function))
}

fn entry(function: &Function) -> LiveFunction {
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

/// What the platform keeps of the database. Without point-in-time recovery its physical backups are daily ones, and no window.
pub fn points(backups: &Backups) -> Points {
    let time = |second: Option<i64>| Timestamp::from_second(second?).ok();
    let physical = backups.physical_backup_data;
    let window = Window {
        earliest: time(physical.earliest_physical_backup_date_unix),
        latest: time(physical.latest_physical_backup_date_unix),
    };
    let complete = backups.backups.iter();
    let complete = complete.filter(|backup| backup.status == BackupStatus::Completed);
    Points {
        pitr: backups.pitr_enabled.then_some(window),
        daily: complete.filter_map(|backup| when(&backup.inserted_at)).collect(),
    }
}

/// The stamp of a function. Without a time of its update the stamp has the Unix epoch, which compares equal to itself.
pub fn stamp(function: &Function) -> Stamp {
    let updated = function
        .updated_at
        .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
    Stamp::new(
        &function.id,
        function.version,
        updated.unwrap_or(Timestamp::UNIX_EPOCH),
        function.ezbr_sha256.as_deref(),
    )
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

/// The error is about the platform, not about this request.
pub(super) fn is_outage(error: &CallError) -> bool {
    matches!(
        error,
        CallError::Unavailable { .. }
            | CallError::Transport
            | CallError::Timeout
            | CallError::NotSent(NotSent::Connect)
    )
}

/// An outage in words.
pub(super) fn unanswered(error: &CallError) -> String {
    format!("the platform does not answer: {error}")
}

/// A change that plan or token do not permit, in words, from those of the platform.
pub fn not_permitted(says: &str) -> String {
    format!("{says}; the Platform's status says what to change")
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
        CallError::Refused { status: 402 | 403, .. } => StepError::NotPermitted(not_permitted(&error.to_string())),
        CallError::Refused {
            status: 400 | 413 | 415 | 422,
            message,
        } if !is_passing(message) => StepError::Refused(error.to_string()),
        error if is_outage(error) => StepError::Unanswered(unanswered(error)),
        _ => StepError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ace_domain::reconcile::decision::StepError;
    use ace_supabase::CallError;

    use super::step_error;

    /// The class of a step error, without its words.
    fn class(error: &CallError) -> &'static str {
        match step_error(error) {
            StepError::Deferred(_) => "Deferred",
            StepError::Unanswered(_) => "Unanswered",
            StepError::Refused(_) => "Refused",
            StepError::NotPermitted(_) => "NotPermitted",
            StepError::Failed(_) => "Failed",
            StepError::Shared(_) | StepError::OutcomeUnknown(_) | StepError::AccessMissing(_) => "another",
        }
    }

    fn refused(status: u16, message: &str) -> CallError {
        CallError::Refused {
            status,
            message: message.to_owned(),
        }
    }

    fn unavailable(status: u16) -> CallError {
        CallError::Unavailable { status, message: None }
    }

    #[test]
    fn only_what_the_content_does_is_a_refusal_of_the_content() {
        let again = Duration::from_secs(7);
        for (error, expected) in [
            (
                refused(400, "Failed to bundle the function (reason: Module not found)"),
                "Refused",
            ),
            (refused(413, "Payload too large"), "Refused"),
            (refused(422, "Invalid entrypoint"), "Refused"),
            (refused(400, "Bundle generation timed out"), "Failed"),
            (refused(400, "The server is overloaded, try again later"), "Failed"),
            (refused(400, "Service temporarily UNAVAILABLE"), "Failed"),
            (
                refused(402, "Maximum number of functions reached for Plan"),
                "NotPermitted",
            ),
            (refused(403, "Forbidden resource"), "NotPermitted"),
            (refused(401, "Unauthorized"), "Unanswered"),
            (refused(404, "Project not found"), "Failed"),
            (refused(409, "Conflict"), "Failed"),
            (refused(302, "a redirect, which is not followed"), "Failed"),
            (CallError::RateLimited { again }, "Deferred"),
            (unavailable(500), "Unanswered"),
            (unavailable(403), "Unanswered"),
            (CallError::Timeout, "Unanswered"),
            (CallError::Transport, "Unanswered"),
            (CallError::Unreadable, "Failed"),
            (CallError::FunctionAbsent, "Failed"),
        ] {
            assert_eq!(class(&error), expected, "{error}");
        }
    }

    #[test]
    fn the_platforms_words_are_kept() {
        for error in [
            refused(400, "use deno v2"),
            refused(402, "use deno v2"),
            refused(403, "use deno v2"),
            refused(404, "use deno v2"),
        ] {
            let (StepError::Refused(words) | StepError::NotPermitted(words) | StepError::Failed(words)) =
                step_error(&error)
            else {
                panic!("{error}")
            };
            assert!(words.contains("use deno v2"), "{words}");
        }
    }
}

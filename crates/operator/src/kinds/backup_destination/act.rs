use ace_api::{BackupDestination, StoreCapabilities};
use ace_archive::{Capabilities, Store, StoreError, StoreProblem};
use ace_domain::kinds::backup_destination::{Problem, Step, StepError, StepResult};
use ace_runtime::clock;
use kube::ResourceExt;

use super::{BackupDestinations, import, list};

/// Makes one request, or the few that a probe or a sweep takes.
pub(super) async fn act(
    kind: &BackupDestinations,
    object: &BackupDestination,
    store: Option<&Store>,
    step: &Step,
) -> Result<StepResult, StepError> {
    let Some(store) = store else {
        // Never happens: such a step is only decided when the store was set up.
        return Err(StepError {
            problem: Problem::Unanswered,
            message: "the store was not set up".to_owned(),
        });
    };
    match step {
        Step::List => list::list(kind, object, store).await.map(StepResult::Listed),
        Step::Sweep => {
            list::sweep(kind, object, store).await?;
            list::list(kind, object, store).await.map(StepResult::Listed)
        }
        Step::Import(path) => import::import(kind, object, store, path).await,
        Step::Probe => {
            // Two operators that try the same store do not meet.
            let uid = object.uid().unwrap_or_default();
            let id = format!("{uid}-{}", clock::now().as_millisecond());
            let able = store.probe(&id).await.map_err(failed)?;
            let Capabilities {
                conditional_create,
                ranges,
                multipart,
                checksums,
                delete,
            } = able;
            Ok(StepResult::Probed(StoreCapabilities {
                conditional_create,
                ranges,
                multipart,
                checksums,
                delete,
            }))
        }
    }
}

pub(super) fn failed(StoreError { problem, message }: StoreError) -> StepError {
    let problem = match problem {
        StoreProblem::Unanswered | StoreProblem::TimedOut | StoreProblem::Throttled => Problem::Unanswered,
        StoreProblem::HostNotAllowed => Problem::HostNotAllowed,
        StoreProblem::Credentials => Problem::Credentials,
        StoreProblem::Denied => Problem::Denied,
        StoreProblem::NoBucket => Problem::NoBucket,
        StoreProblem::Full => Problem::Full,
        StoreProblem::Clock => Problem::Clock,
        StoreProblem::NotFound | StoreProblem::Exists | StoreProblem::Unsupported | StoreProblem::Refused => {
            Problem::Refused
        }
    };
    StepError { problem, message }
}

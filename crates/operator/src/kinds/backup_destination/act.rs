use ace_api::{BackupDestination, StoreCapabilities};
use ace_archive::{Capabilities, Contents, Store, StoreError, StoreProblem};
use ace_domain::kinds::backup_destination::{Listed, Problem, Step, StepError, StepResult};
use ace_runtime::clock;
use kube::ResourceExt;

/// Makes one request, or the few that a probe takes.
pub(super) async fn act(
    object: &BackupDestination,
    store: Option<&Store>,
    step: Step,
) -> Result<StepResult, StepError> {
    let Some(store) = store else {
        // Never happens: such a step is only decided when the store was set up.
        return Err(StepError {
            problem: Problem::Unanswered,
            message: "the store was not set up".to_owned(),
        });
    };
    match step {
        Step::List => {
            let at = clock::now();
            let contents = store.contents().await.map_err(failed)?;
            let (mut backups, mut bytes, mut newest) = (0, 0, None);
            for (begun, backup) in contents.complete() {
                backups += 1;
                bytes += backup.bytes;
                newest = newest.max(Some(begun));
            }
            let Contents { backups: all, foreign } = contents;
            Ok(StepResult::Listed(Listed {
                at,
                backups,
                bytes,
                newest,
                unfinished: all.values().filter(|backup| backup.is_unfinished()).count() as u64,
                foreign: foreign.count,
                foreign_names: foreign.names,
            }))
        }
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

fn failed(StoreError { problem, message }: StoreError) -> StepError {
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

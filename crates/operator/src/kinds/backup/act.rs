use ace_api::{Backup, BackupReason, BackupRun};
use ace_domain::{
    kinds::backup::{Job, Outcome, State, Step, StepError, StepResult},
    reconcile::key::Key,
};
use ace_runtime::tasks::Running;

use super::{
    Backups, copy, error,
    given::{self, Given},
    look, make, verify,
};

pub(super) async fn act(
    kind: &Backups,
    object: &Backup,
    state: &State,
    given: &Given,
    step: &Step,
) -> Result<StepResult, StepError> {
    match step {
        Step::Begin(run) => start(kind, object, given, run, Job::Make),
        Step::Start(job) => {
            let run = state.memo.run.as_ref();
            // Never happens: such a step is only decided of a run.
            let run = run.ok_or_else(|| error::failed(BackupReason::Failed, "there is no run"))?;
            // What this pass has learned of copies is not written yet.
            let object = Backup {
                status: Some(state.memo.clone()),
                ..object.clone()
            };
            start(kind, &object, given, run, job.clone())
        }
        Step::Stop => {
            kind.tasks.cancel(&Key::of(object));
            Ok(StepResult::Stopping)
        }
        Step::Look => {
            let found = look::look(kind, object, given, state.memo.run.as_ref()).await?;
            Ok(StepResult::Looked(found))
        }
        Step::Check(copy) => look::check(kind, object, given, copy).await.map(StepResult::Checked),
        Step::Audit => verify::keys(kind, object, given).await.map(|()| StepResult::Opened),
        Step::Expire(copy) => {
            let path = copy.path.as_deref().unwrap_or_default();
            let run = given::copy_path(path)?;
            let store = given.store(kind, &copy.destination).await?;
            match store.expire(&run).await {
                Ok(()) => Ok(StepResult::Expired),
                // What is not there needs no other name.
                Err(missing) => match error::of_manifest(&copy.destination, &missing) {
                    None => Ok(StepResult::Expired),
                    Some(error) => Err(error),
                },
            }
        }
    }
}

fn start(kind: &Backups, object: &Backup, given: &Given, run: &BackupRun, job: Job) -> Result<StepResult, StepError> {
    let (key, of) = (Key::of(object), (run.id.clone(), job.clone()));
    let work = {
        let (kind, object, given, run) = (kind.clone(), object.clone(), given.clone(), run.clone());
        move |running| work(kind, object, given, run, job, running)
    };
    match kind.tasks.start(&key, of, work) {
        Ok(()) => Ok(StepResult::Started),
        Err(still) => {
            kind.tasks.cancel(&key);
            Err(error::obstacle(BackupReason::Queued, still.to_string()))
        }
    }
}

async fn work(
    kind: Backups,
    object: Backup,
    given: Given,
    run: BackupRun,
    job: Job,
    running: Running<ace_api::BackupProgress>,
) -> Outcome {
    match job {
        Job::Make => Box::pin(make::make(&kind, &object, &given, &run, &running)).await,
        Job::Verify(level) => {
            let verified = Box::pin(verify::verify(&kind, &object, &given, level, &running));
            let verified = running.cancel().clone().run_until_cancelled_owned(verified).await;
            verified.unwrap_or_else(|| Err(error::stopped()))
        }
        Job::Copy(destination) => {
            let copied = copy::copy(&kind, &object, &given, &destination, &running);
            let copied = running.cancel().clone().run_until_cancelled_owned(copied).await;
            copied.unwrap_or_else(|| Err(error::stopped()))
        }
    }
}

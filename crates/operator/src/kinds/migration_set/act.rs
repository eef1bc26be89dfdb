use ace_api::MigrationSet;
use ace_database::{Prepared, Session};
use ace_domain::{
    kinds::migration_set::{Owner, State, Step, StepError, StepResult},
    sql::{File, Script, Version},
};
use ace_runtime::clock;
use jiff::Timestamp;
use kube::ResourceExt;
use tokio::sync::{MappedMutexGuard, MutexGuard};

use super::{MigrationSets, backup, error, session};
use ace_domain::reconcile::key::Key;

pub(super) async fn act(
    kind: &MigrationSets,
    object: &MigrationSet,
    state: &State,
    held: &Held,
    step: &Step,
) -> Result<StepResult, StepError> {
    // Before any wait: an observation is not taken for newer than it is.
    let now = clock::now();
    match step {
        Step::Observe => {
            let session = session::session(kind, object, state).await?;
            session.observe(object, state, now).await
        }
        Step::Read(files) => {
            let namespace = object.namespace().unwrap_or_default();
            Ok(StepResult::Read(kind.sources.scripts(&namespace, files.clone()).await))
        }
        Step::Assess(unassessed) => {
            let namespace = object.namespace().unwrap_or_default();
            let assessment = kind.sources.assessment(&namespace, unassessed.clone()).await;
            Ok(StepResult::Assessed(assessment))
        }
        Step::CheckSyntax(statements) => ask(kind, object, state, held, statements).await,
        Step::Begin => begin(kind, object, state, held, now).await,
        Step::ObserveAgain => {
            let observation = locked(held).await?.observation(object, state, None, now).await?;
            Ok(StepResult::Observed(Box::new(observation)))
        }
        Step::Claim => claim(object, &*locked(held).await?).await,
        Step::Adopt(files) => {
            locked(held).await?.adopt(files).await?;
            Ok(StepResult::Written)
        }
        Step::Baseline(files) => {
            locked(held).await?.baseline(files).await?;
            Ok(StepResult::Written)
        }
        Step::SetReference { digest, keep } => {
            locked(held).await?.make_reference(object, digest, keep).await?;
            Ok(StepResult::Written)
        }
        Step::MakeBackup(request) => backup::make(kind, object, request).await,
        Step::CheckBackup(name) => backup::check(kind, object, name).await,
        Step::Prepare(plan) => {
            let session = locked(held).await?;
            let first = plan.items.first().and_then(|(version, _)| version.parse().ok());
            let first: Version = first.expect("a plan has files, and their versions were understood");
            session.snapshot_before_run(object, &first).await?;
            session.store_plan(plan).await?;
            Ok(StepResult::Prepared)
        }
        Step::Run {
            file,
            script,
            again,
            after,
        } => {
            let mut session = locked(held).await?;
            // As late as can be: nothing holds the Backup while the schema is read and the plan is stored.
            if let Some(name) = after {
                backup::is_there(kind, object, name).await?;
            }
            if state.memory.has_lost_a_session(file) {
                session.send_one_by_one();
            }
            let outcome = if *again {
                session.run_again(file, script, &|_| ()).await
            } else {
                session.run(file, script, &|_| ()).await
            };
            match outcome {
                Ok(ran) => Ok(StepResult::Ran(ran)),
                Err(error) => Err(error::run_error(file, error, begun(&session, file, script).await)),
            }
        }
        Step::SnapshotAfterRun => {
            let session = locked(held).await?;
            let just = session.snapshot_after_run(object).await?;
            let observation = session.observation(object, state, just, now).await?;
            Ok(StepResult::Observed(Box::new(observation)))
        }
    }
}

/// The session that holds the database's lock, once it was opened.
type Held = tokio::sync::Mutex<Option<Session>>;

/// The session that holds the lock.
async fn locked(held: &Held) -> Result<MappedMutexGuard<'_, Session>, StepError> {
    let session = MutexGuard::try_map(held.lock().await, Option::as_mut);
    // Never happens: such a step is only decided under the lock.
    session.map_err(|_| StepError::Passing("there is no session".to_owned()))
}

async fn begin(
    kind: &MigrationSets,
    object: &MigrationSet,
    state: &State,
    held: &Held,
    now: Timestamp,
) -> Result<StepResult, StepError> {
    kind.closing_sessions.wait(&Key::of(object)).await;
    let session = session::session(kind, object, state).await?.open_writable().await?;
    let looked = match session::lock(&session).await {
        Ok(()) => session.observation(object, state, None, now).await,
        Err(step_error) => Err(step_error),
    };
    match looked {
        Ok(observation) => {
            *held.lock().await = Some(session);
            Ok(StepResult::Observed(Box::new(observation)))
        }
        Err(step_error) => {
            session.close().await;
            Err(step_error)
        }
    }
}

async fn claim(object: &MigrationSet, session: &Session) -> Result<StepResult, StepError> {
    match session.prepare_operator_schema(&Owner::of(object)).await? {
        // The next observation reports a schema of a newer operator.
        Prepared::Ours | Prepared::Newer(_) => Ok(StepResult::Written),
        Prepared::Claimed(by) => Err(StepError::Claimed(by)),
    }
}

/// Checks the syntax of statements, through the open session or a read-only one.
async fn ask(
    kind: &MigrationSets,
    object: &MigrationSet,
    state: &State,
    held: &Held,
    statements: &[String],
) -> Result<StepResult, StepError> {
    let guard = held.lock().await;
    if let Some(session) = guard.as_ref() {
        return session.check_syntax(statements).await;
    }
    drop(guard);
    let session = session::session(kind, object, state).await?;
    session.check_syntax(statements).await
}

/// Whether a file that failed must not be changed: parts of it are recorded in `ace_ops`, or that is not known.
async fn begun(session: &Session, file: &File, script: &Script) -> bool {
    match session.ledgers().await.map(|ledgers| ledgers.operator_schema) {
        Ok(Some(operator_schema)) if !operator_schema.newer => operator_schema.half.contains_key(file.version.as_str()),
        _ => script.segments.len() > 1,
    }
}

use ace_api::MigrationSet;
use ace_database::{Prepared, Session};
use ace_domain::{
    kinds::migration_set::{Owner, State, Step, StepError, StepResult},
    sql::{File, Script, Version},
};
use tokio::sync::MutexGuard;

use super::{
    MigrationSets, error,
    read_only::{answers, read_files},
    schema, session,
};
use ace_domain::reconcile::key::Key;

/// Runs one step.
pub(super) async fn act(
    kind: &MigrationSets,
    object: &MigrationSet,
    state: &State,
    held: &Held,
    step: &Step,
) -> Result<StepResult, StepError> {
    match step {
        Step::Observe => {
            let session = session::session(kind, object, state).await?;
            session.observe(object, state).await
        }
        Step::Read(files) => read_files(files.clone()).await,
        Step::CheckSyntax(statements) => ask(kind, object, state, held, statements).await,
        Step::Begin => begin(kind, object, state, held).await,
        Step::ObserveAgain => {
            let session = locked(held).await?;
            let observation = session::observation(object, state, session_of(&session)?, None).await?;
            Ok(StepResult::Observed(Box::new(observation)))
        }
        Step::Claim => claim(object, &locked(held).await?).await,
        Step::Adopt(files) => {
            let session = locked(held).await?;
            written(session_of(&session)?.adopt(files).await)
        }
        Step::Baseline(files) => {
            let session = locked(held).await?;
            written(session_of(&session)?.baseline(files).await)
        }
        Step::SetReference { digest, keep } => {
            let session = locked(held).await?;
            schema::make_reference(object, session_of(&session)?, digest, keep).await?;
            Ok(StepResult::Written)
        }
        Step::Prepare(plan) => {
            let guard = locked(held).await?;
            let session = session_of(&guard)?;
            let first = plan.items.first().and_then(|(version, _)| version.parse().ok());
            let first: Version = first.expect("a plan has files, and their versions were understood");
            schema::snapshot_before_run(object, session, &first).await?;
            let stored = session.store_plan(plan).await;
            stored.map_err(|error| error::query_error(&error))?;
            Ok(StepResult::Prepared)
        }
        Step::Run { file, script, again } => {
            let mut guard = locked(held).await?;
            let session = guard.as_mut().ok_or_else(gone)?;
            let outcome = if *again {
                session.run_again(file, script, &|_| ()).await
            } else {
                session.run(file, script, &|_| ()).await
            };
            match outcome {
                Ok(ran) => Ok(StepResult::Ran(ran)),
                Err(error) => Err(error::run_error(file, error, begun(session, file, script).await)),
            }
        }
        Step::SnapshotAfterRun => {
            let guard = locked(held).await?;
            let session = session_of(&guard)?;
            let just = schema::snapshot_after_run(object, session).await?;
            let observation = session::observation(object, state, session, just).await?;
            Ok(StepResult::Observed(Box::new(observation)))
        }
    }
}

/// The session that holds the database's lock, once it was opened.
type Held = tokio::sync::Mutex<Option<Session>>;
type Locked<'a> = MutexGuard<'a, Option<Session>>;

/// The session that holds the lock.
async fn locked(held: &Held) -> Result<Locked<'_>, StepError> {
    Ok(held.lock().await)
}

fn session_of<'a>(guard: &'a Locked<'_>) -> Result<&'a Session, StepError> {
    guard.as_ref().ok_or_else(gone)
}

/// Never happens: such a step is only decided under the lock.
fn gone() -> StepError {
    StepError::Passing("there is no session".to_owned())
}

fn written(outcome: Result<(), ace_database::QueryError>) -> Result<StepResult, StepError> {
    outcome.map_err(|error| error::query_error(&error))?;
    Ok(StepResult::Written)
}

async fn begin(
    kind: &MigrationSets,
    object: &MigrationSet,
    state: &State,
    held: &Held,
) -> Result<StepResult, StepError> {
    kind.closing_sessions.wait(&Key::of(object)).await;
    let session = session::open(kind, object, state).await?;
    let looked = match session::lock(&session).await {
        Ok(()) => session::observation(object, state, &session, None).await,
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

async fn claim(object: &MigrationSet, guard: &Locked<'_>) -> Result<StepResult, StepError> {
    let prepared = session_of(guard)?.prepare_house(&Owner::of(object)).await;
    match prepared.map_err(|error| error::query_error(&error))? {
        // The next observation reports a schema of a newer operator.
        Prepared::Ours | Prepared::Newer(_) => Ok(StepResult::Written),
        Prepared::Claimed(by) => Err(StepError::Claimed(by.to_string())),
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
        return answers(session, statements).await;
    }
    drop(guard);
    session::session(kind, object, state).await?.ask(statements).await
}

/// Whether a file that failed must not be changed: parts of it are recorded in `ace_ops`, or that is not known.
async fn begun(session: &Session, file: &File, script: &Script) -> bool {
    match session.ledgers().await.map(|ledgers| ledgers.operator_schema) {
        Ok(Some(operator_schema)) if !operator_schema.newer => operator_schema.half.contains_key(file.version.as_str()),
        _ => script.segments.len() > 1,
    }
}

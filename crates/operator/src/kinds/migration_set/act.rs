use ace_api::MigrationSet;
use ace_database::{
    Alone as Lone, OperatorSchema, Owner, Plan, Prepared, Script as Sent, Segment as Part, Session, Statement as Said,
    Unrun,
};
use ace_domain::{
    kinds::migration_set::{Ran, State, Step, StepError, StepResult},
    sql::{Alone, File, Script, Segment, Statement, Version, split},
};
use kube::ResourceExt;
use tokio::sync::MutexGuard;

use super::{
    MigrationSets, error,
    read_only::{answers, read_files},
    schema, session,
};
use crate::driver::Key;

/// One effect.
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
            session.look(object, state).await
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
            let unrun: Vec<Unrun> = files.iter().map(|file| unrun(file, Vec::new())).collect();
            let session = locked(held).await?;
            written(session_of(&session)?.adopt(&unrun).await)
        }
        Step::Baseline(files) => {
            let unrun: Vec<Unrun> = files.iter().map(|file| unrun(file, recorded(file))).collect();
            let session = locked(held).await?;
            written(session_of(&session)?.baseline(&unrun).await)
        }
        Step::SetReference { digest, keep } => {
            let session = locked(held).await?;
            schema::make_reference(object, session_of(&session)?, digest, keep).await?;
            Ok(StepResult::Written)
        }
        Step::Prepare { digest, target, items } => {
            let guard = locked(held).await?;
            let session = session_of(&guard)?;
            let first = items.first().and_then(|(version, _)| version.parse().ok());
            let first: Version = first.expect("a plan has files, and their versions were understood");
            schema::look_before(object, session, &first).await?;
            let plan = Plan {
                digest: digest.clone(),
                system_identifier: target.system_identifier.clone(),
                timeline: target.timeline,
                database_oid: u32::try_from(target.database_oid).unwrap_or_default(),
                files: items.clone(),
            };
            let stored = session.store_plan(&plan).await;
            stored.map_err(|error| error::not_said(&error))?;
            Ok(StepResult::Prepared)
        }
        Step::Run { file, script, again } => {
            let mut guard = locked(held).await?;
            let session = guard.as_mut().ok_or_else(gone)?;
            let sent = sent(file, script);
            let outcome = if *again {
                session.run_again(&sent, &|_| ()).await
            } else {
                session.run(&sent, &|_| ()).await
            };
            let applied = match outcome {
                Ok(applied) => applied,
                Err(error) => return Err(error::not_run(file, error, begun(session, &sent).await)),
            };
            Ok(StepResult::Ran(Ran {
                duration: applied.duration,
                warnings: applied.warnings,
            }))
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

/// No such step is decided on without a session.
fn gone() -> StepError {
    StepError::Passing("there is no session".to_owned())
}

fn written(outcome: Result<(), ace_database::QueryError>) -> Result<StepResult, StepError> {
    outcome.map_err(|error| error::not_said(&error))?;
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
    let owner = Owner {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    };
    let prepared = session_of(guard)?.prepare_house(&owner).await;
    match prepared.map_err(|error| error::not_said(&error))? {
        // What a newer operator wrote, the next look says.
        Prepared::Ours | Prepared::Newer(_) => Ok(StepResult::Written),
        Prepared::Claimed(by) => Err(StepError::Claimed(format!("{}/{}", by.namespace, by.name))),
    }
}

/// Asks the server about statements; through the session at hand, or one that can't write.
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

fn recorded(file: &File) -> Vec<String> {
    split(&file.text)
        .into_iter()
        .map(|piece| file.text[piece].to_owned())
        .collect()
}

fn unrun(file: &File, recorded: Vec<String>) -> Unrun {
    Unrun {
        version: file.version.to_string(),
        name: file.name.clone(),
        sha256: file.sha256.clone(),
        recorded,
    }
}

/// Whether a file that failed has to stay as it is: its parts are in the books, or nobody can say so.
async fn begun(session: &Session, sent: &Sent) -> bool {
    match session.ledgers().await.map(|ledgers| ledgers.operator_schema) {
        Ok(OperatorSchema::Present(notes)) => notes.steps.iter().any(|step| step.version == sent.version),
        _ => sent.segments.len() > 1,
    }
}

/// The file as it is sent.
fn sent(file: &File, script: &Script) -> Sent {
    let said = |sentence: &Statement| Said {
        text: sentence.text.clone(),
        line: sentence.line,
    };
    let segments = script.segments.iter().map(|segment| match segment {
        Segment::Together(sentences) => Part::Together(sentences.iter().map(said).collect()),
        Segment::Alone(sentence, alone) => Part::Alone(said(sentence), lone(alone)),
    });
    Sent {
        version: file.version.to_string(),
        name: file.name.clone(),
        sha256: file.sha256.clone(),
        recorded: script.recorded.clone(),
        segments: segments.collect(),
    }
}

fn lone(alone: &Alone) -> Lone {
    match alone.clone() {
        Alone::CreateIndex {
            schema,
            name,
            table,
            if_not_exists,
        } => Lone::CreateIndex {
            schema,
            table,
            name,
            if_not_exists,
        },
        Alone::DropIndex {
            schema,
            name,
            if_exists,
        } => Lone::DropIndex {
            schema,
            name,
            if_exists,
        },
        Alone::Reindex { schema, name, .. } => Lone::Reindex { schema, name },
        Alone::Vacuum => Lone::Vacuum,
        Alone::AlterSystem => Lone::AlterSystem,
    }
}

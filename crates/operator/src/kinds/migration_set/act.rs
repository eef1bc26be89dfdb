use ace_api::MigrationSet;
use ace_database::{
    Alone as Lone, House, Owner, Plan, Prepared, Script as Sent, Segment as Part, Sentence as Said, Session, Unrun,
};
use ace_domain::{
    migration::{Fact, Ran, Step, Trouble},
    script::{Alone, File, Script, Segment, Sentence, Version, split},
};
use kube::ResourceExt;
use tokio::sync::MutexGuard;

use super::{
    MigrationSets, World,
    look::{answers, read_files},
    schema, session, words,
};
use crate::driver::Key;

/// One effect.
pub(super) async fn act(
    kind: &MigrationSets,
    object: &MigrationSet,
    world: &World,
    step: &Step,
) -> Result<Fact, Trouble> {
    match step {
        Step::Look => {
            let looker = session::looker(kind, object, &world.known).await?;
            looker.look(object, &world.known).await
        }
        Step::Read(files) => read_files(files.clone()).await,
        Step::Ask(statements) => ask(kind, object, world, statements).await,
        Step::Begin => begin(kind, object, world).await,
        Step::LookAgain => {
            let session = locked(world).await?;
            let view = session::view(object, &world.known, session_of(&session)?, None).await?;
            Ok(Fact::Looked(Box::new(view)))
        }
        Step::Claim => claim(object, &locked(world).await?).await,
        Step::Adopt(files) => {
            let unrun: Vec<Unrun> = files.iter().map(|file| unrun(file, Vec::new())).collect();
            let session = locked(world).await?;
            written(session_of(&session)?.adopt(&unrun).await)
        }
        Step::Baseline(files) => {
            let unrun: Vec<Unrun> = files.iter().map(|file| unrun(file, recorded(file))).collect();
            let session = locked(world).await?;
            written(session_of(&session)?.baseline(&unrun).await)
        }
        Step::SetReference { digest, keep } => {
            let session = locked(world).await?;
            schema::make_reference(object, session_of(&session)?, digest, keep).await?;
            Ok(Fact::Written)
        }
        Step::Prepare { digest, target, items } => {
            let guard = locked(world).await?;
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
            stored.map_err(|error| words::not_said(&error))?;
            Ok(Fact::Prepared)
        }
        Step::Run { file, script, again } => {
            let mut guard = locked(world).await?;
            let session = guard.as_mut().ok_or_else(gone)?;
            let sent = sent(file, script);
            let outcome = if *again {
                session.run_again(&sent, &|_| ()).await
            } else {
                session.run(&sent, &|_| ()).await
            };
            let applied = match outcome {
                Ok(applied) => applied,
                Err(error) => return Err(words::not_run(file, error, begun(session, &sent).await)),
            };
            Ok(Fact::Ran(Ran {
                duration: applied.duration,
                warnings: applied.warnings,
            }))
        }
        Step::LookBehind => {
            let guard = locked(world).await?;
            let session = session_of(&guard)?;
            let just = schema::look_behind(object, session).await?;
            let view = session::view(object, &world.known, session, just).await?;
            Ok(Fact::Looked(Box::new(view)))
        }
    }
}

type Locked<'a> = MutexGuard<'a, Option<Session>>;

/// The session that holds the lock.
async fn locked(world: &World) -> Result<Locked<'_>, Trouble> {
    Ok(world.session.lock().await)
}

fn session_of<'a>(guard: &'a Locked<'_>) -> Result<&'a Session, Trouble> {
    guard.as_ref().ok_or_else(gone)
}

/// No such step is decided on without a session.
fn gone() -> Trouble {
    Trouble::Passing("there is no session".to_owned())
}

fn written(outcome: Result<(), ace_database::QueryError>) -> Result<Fact, Trouble> {
    outcome.map_err(|error| words::not_said(&error))?;
    Ok(Fact::Written)
}

async fn begin(kind: &MigrationSets, object: &MigrationSet, world: &World) -> Result<Fact, Trouble> {
    kind.farewells.wait(&Key::of(object)).await;
    let session = session::open(kind, object, &world.known).await?;
    let looked = match session::lock(&session).await {
        Ok(()) => session::view(object, &world.known, &session, None).await,
        Err(trouble) => Err(trouble),
    };
    match looked {
        Ok(view) => {
            *world.session.lock().await = Some(session);
            Ok(Fact::Looked(Box::new(view)))
        }
        Err(trouble) => {
            session.close().await;
            Err(trouble)
        }
    }
}

async fn claim(object: &MigrationSet, guard: &Locked<'_>) -> Result<Fact, Trouble> {
    let owner = Owner {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    };
    let prepared = session_of(guard)?.prepare_house(&owner).await;
    match prepared.map_err(|error| words::not_said(&error))? {
        // What a newer operator wrote, the next look says.
        Prepared::Ours | Prepared::Newer(_) => Ok(Fact::Written),
        Prepared::Claimed(by) => Err(Trouble::Claimed(format!("{}/{}", by.namespace, by.name))),
    }
}

/// Asks the server about statements; through the session at hand, or one that can't write.
async fn ask(
    kind: &MigrationSets,
    object: &MigrationSet,
    world: &World,
    statements: &[String],
) -> Result<Fact, Trouble> {
    let guard = world.session.lock().await;
    if let Some(session) = guard.as_ref() {
        return answers(session, statements).await;
    }
    drop(guard);
    session::looker(kind, object, &world.known).await?.ask(statements).await
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
    match session.ledgers().await.map(|ledgers| ledgers.house) {
        Ok(House::Present(notes)) => notes.steps.iter().any(|step| step.version == sent.version),
        _ => sent.segments.len() > 1,
    }
}

/// The file as it is sent.
fn sent(file: &File, script: &Script) -> Sent {
    let said = |sentence: &Sentence| Said {
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

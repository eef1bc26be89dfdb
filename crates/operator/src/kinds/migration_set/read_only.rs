//! The steps that write nothing, shared with `kubectl ace plan`.

use std::{collections::BTreeMap, sync::Arc};

use ace_api::MigrationSet;
use ace_database::{Access, Session, Settings};
use ace_domain::{
    kinds::migration_set::{State, Step, StepError, StepResult},
    sql::{File, read},
};
use tokio::task::spawn_blocking;

use super::{error, session};
use crate::connections::database::open_failure;
use ace_domain::reconcile::key::Key;

/// Read-only access to a set's database.
pub struct ReadOnlySession {
    pub(super) access: Access,
    pub(super) settings: Settings,
}

impl ReadOnlySession {
    /// The sessions' `application_name` is `program` followed by the set's name.
    pub fn new(access: Access, object: &MigrationSet, program: &str) -> Self {
        let settings = Settings {
            lock_timeout: object.spec.lock_timeout.get(),
            statement_timeout: object.spec.statement_timeout.get(),
            ..Settings::new(&format!("{program}/{}", Key::of(object)))
        };
        Self { access, settings }
    }

    /// Runs a step in a read-only session; `None` for a step that writes or takes the lock.
    pub async fn make(
        &self,
        object: &MigrationSet,
        known: &State,
        step: &Step,
    ) -> Option<Result<StepResult, StepError>> {
        match step {
            Step::Observe => Some(self.observe(object, known).await),
            Step::Read(files) => Some(read_files(files.clone()).await),
            Step::CheckSyntax(statements) => Some(self.ask(statements).await),
            _ => None,
        }
    }

    pub(super) async fn observe(&self, object: &MigrationSet, known: &State) -> Result<StepResult, StepError> {
        let session = self.open().await?;
        let observation = session::observation(object, known, &session, None).await;
        session.close().await;
        Ok(StepResult::Observed(Box::new(observation?)))
    }

    pub(super) async fn ask(&self, statements: &[String]) -> Result<StepResult, StepError> {
        let session = self.open().await?;
        let answers = answers(&session, statements).await;
        session.close().await;
        answers
    }

    async fn open(&self) -> Result<Session, StepError> {
        let session = Session::open_read_only(&self.access, &self.settings).await;
        session.map_err(|error| StepError::Database(open_failure(&error)))
    }
}

/// Large files take long to parse, which must not block other reconciles.
pub(super) async fn read_files(files: Vec<File>) -> Result<StepResult, StepError> {
    let reading = spawn_blocking(move || {
        let read = files.iter().map(|file| (file.sha256.clone(), read(file).map(Arc::new)));
        read.collect::<BTreeMap<_, _>>()
    });
    let scripts = reading.await;
    scripts
        .map(StepResult::Read)
        .map_err(|_| StepError::Passing("the files could not be read".to_owned()))
}

/// The server's syntax check of statements.
pub(super) async fn answers(session: &Session, statements: &[String]) -> Result<StepResult, StepError> {
    let mut answers = BTreeMap::new();
    for statement in statements {
        let answer = session.parses(statement).await;
        answers.insert(statement.clone(), answer.map_err(|error| error::query_error(&error))?);
    }
    Ok(StepResult::SyntaxChecked(answers))
}

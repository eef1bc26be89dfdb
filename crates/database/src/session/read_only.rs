//! What is read of a database for a MigrationSet: the steps that write nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use ace_api::MigrationSet;
use ace_domain::{
    kinds::migration_set::{Observation, Owner, PlatformState, State, Step, StepError, StepResult, doubted},
    sql::read_all,
};
use jiff::Timestamp;

use super::schema::Taken;
use crate::{Access, FORM, Ledgers, Session, Settings};

/// Tables with fewer rows are locked only for a moment, so they are not large.
const LARGE: u64 = 10_000;

/// Read-only access to a set's database.
pub struct ReadOnlySession {
    access: Access,
    settings: Settings,
}

impl ReadOnlySession {
    /// The sessions' `application_name` is `program` followed by the set's name.
    pub fn new(access: Access, object: &MigrationSet, program: &str) -> Self {
        let settings = Settings {
            lock_timeout: object.spec.lock_timeout.get(),
            statement_timeout: object.spec.statement_timeout.get(),
            ..Settings::new(&format!("{program}/{}", Owner::of(object)))
        };
        Self { access, settings }
    }

    /// Runs a step in a read-only session; `None` for a step that writes or takes the lock. `now`: see [`Session::observation`].
    pub async fn make(
        &self,
        object: &MigrationSet,
        known: &State,
        step: &Step,
        now: Timestamp,
    ) -> Option<Result<StepResult, StepError>> {
        match step {
            Step::Observe => Some(self.observe(object, known, now).await),
            Step::Read(files) => Some(Ok(StepResult::Read(read_all(files)))),
            Step::Assess(unassessed) => Some(Ok(StepResult::Assessed(Arc::new(unassessed.clone().assess())))),
            Step::CheckSyntax(statements) => Some(self.check_syntax(statements).await),
            _ => None,
        }
    }

    /// Reads identity, ledgers and schema. `now`: see [`Session::observation`].
    pub async fn observe(&self, object: &MigrationSet, known: &State, now: Timestamp) -> Result<StepResult, StepError> {
        let session = Session::open_read_only(&self.access, &self.settings).await?;
        let observation = session.observation(object, known, None, now).await;
        session.close().await;
        Ok(StepResult::Observed(Box::new(observation?)))
    }

    /// The server's syntax check of statements.
    pub async fn check_syntax(&self, statements: &[String]) -> Result<StepResult, StepError> {
        let session = Session::open_read_only(&self.access, &self.settings).await?;
        let answers = session.check_syntax(statements).await;
        session.close().await;
        answers
    }

    /// Opens the session that runs migrations, with the same access.
    pub async fn open_writable(&self) -> Result<Session, StepError> {
        Ok(Session::open(&self.access, &self.settings).await?)
    }
}

impl Session {
    /// Observes identity, ledgers and schema. Writes nothing. `just`: the schema, if it was read a moment ago.
    /// `at`: now, by the clock that decisions go by.
    pub async fn observation(
        &self,
        object: &MigrationSet,
        known: &State,
        just: Option<Taken>,
        at: Timestamp,
    ) -> Result<Observation, StepError> {
        // What does not depend on each other is sent together, here and below, and answered in order: a server is some round trips
        // away.
        let (identity, ledgers, catalogue) = tokio::try_join!(
            self.target_and_times(),
            Box::pin(self.ledgers()),
            Box::pin(self.catalogue(LARGE))
        )?;
        let (target, server_start, server_time) = identity;
        let Ledgers {
            mut ledger,
            mut operator_schema,
        } = ledgers;
        if let (Some(folder), Some(operator_schema)) = (known.folder(), &operator_schema) {
            let doubted = doubted(folder, &ledger, operator_schema);
            if !doubted.is_empty() {
                self.read_statements(&mut ledger, &doubted).await?;
            }
        }
        // Those of a newer operator are told by their layout, and nothing else of them is read.
        let has_reference = operator_schema.as_ref().is_some_and(|schema| !schema.newer);
        let (schema, reference) = self.schema(object, known, has_reference, just).await?;
        if let Some(operator_schema) = &mut operator_schema {
            operator_schema.reference = reference;
        }
        Ok(Observation {
            at,
            place: match &known.platform {
                PlatformState::Present(platform) => platform.place.clone(),
                PlatformState::Absent => String::new(),
            },
            target,
            server_start,
            server_time,
            form: FORM,
            ledger,
            operator_schema,
            catalogue: Arc::new(catalogue),
            schema,
        })
    }

    /// The server's syntax check of statements.
    pub async fn check_syntax(&self, statements: &[String]) -> Result<StepResult, StepError> {
        let mut answers = BTreeMap::new();
        for statement in statements {
            answers.insert(statement.clone(), self.parses(statement).await?);
        }
        Ok(StepResult::SyntaxChecked(answers))
    }
}

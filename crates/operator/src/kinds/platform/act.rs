use std::sync::Arc;

use ace_api::Platform;
use ace_database::Limits;
use ace_domain::kinds::platform::{DatabaseCheck, DatabaseFailure, Observation, State, Step, StepError};
use ace_supabase::{CallError, Priority};
use jiff::Timestamp;

use super::{Platforms, database};
use crate::{
    connections::{PlatformConnection, database::DatabaseConnector, deferral},
    kinds::edge_function::is_news,
};
use ace_runtime::reconcile::Key;

/// One look. Wakes the functions that it is news for.
pub(super) async fn act(
    kind: &Platforms,
    object: &Platform,
    state: &State,
    connection: &Arc<PlatformConnection>,
    step: Step,
) -> Result<Observation, StepError> {
    let key = Key::of(object);
    let Some(open) = connection.clients() else {
        return Err(StepError::Failed("the platform's token is not known".to_owned()));
    };
    let mut database = state.observation.database().cloned();
    match step {
        Step::GetProject => connection
            .get_project(&open.client)
            .await
            .map_err(|error| step_error(&error))?,
        Step::ListFunctions => {
            let changes = connection
                .list(&open.client, Priority::Look, Timestamp::now())
                .await
                .map_err(|error| step_error(&error))?;
            kind.wake(&key, "Drift", |function| is_news(&changes, function));
            kind.refresh_sources(&key).await;
        }
        Step::ListSecrets => {
            if connection
                .list_secrets(&open.client)
                .await
                .map_err(|error| step_error(&error))?
            {
                kind.wake(&key, "Secrets", |function| {
                    function
                        .spec
                        .requires
                        .as_ref()
                        .is_some_and(|requires| !requires.secrets.is_empty())
                });
            }
        }
        Step::CheckDatabase => {
            // Functions don't wait for a database that takes its time.
            kind.tell_phase(object, connection);
            let check = kind.check_database(object).await;
            if check.outcome.is_err() {
                return Err(StepError::Database(Box::new(check)));
            }
            database = Some(check);
        }
    }
    // The site is what functions share, and the database is none of theirs.
    let mut observation = connection.observation();
    if let Some(check) = database {
        observation.record_database(check);
    }
    Ok(observation)
}

impl Platforms {
    async fn check_database(&self, object: &Platform) -> DatabaseCheck {
        let connector = DatabaseConnector {
            client: &self.client,
            hosts: &self.hosts,
            names: &self.installation,
            limits: Limits::default(),
            timing: self.timing,
        };
        let at = Timestamp::now();
        let outcome = match &object.spec.database {
            Some(database) => database::ask(&connector, object, database).await,
            // No such step is decided on.
            None => Err(DatabaseFailure::Unanswered("none is named".to_owned())),
        };
        DatabaseCheck {
            at,
            generation: object.metadata.generation,
            outcome,
        }
    }

    /// Sources that no watch covers are read once per interval, however many functions use them. Whoever uses one that
    /// changed is woken through [`crate::sources::Sources::changes`].
    async fn refresh_sources(&self, platform: &Key) {
        for source in self.directory.sources_on(platform) {
            self.sources.refresh(&source).await;
        }
    }
}

fn step_error(error: &CallError) -> StepError {
    if let Some(limit) = deferral(error) {
        return StepError::Deferred(limit);
    }
    match error {
        CallError::Refused { status: 401, .. } => StepError::TokenRejected,
        CallError::Refused { status: 403, message } => StepError::Forbidden(message.clone()),
        CallError::Refused { status: 404, .. } => StepError::ProjectNotFound,
        CallError::Unavailable { .. } | CallError::Transport | CallError::Timeout => {
            StepError::Unanswered(format!("the platform does not answer: {error}"))
        }
        CallError::NotSent(reason) => StepError::Unanswered(format!("the platform can't be reached: {reason}")),
        _ => StepError::Failed(format!("the platform's answer is of no use: {error}")),
    }
}

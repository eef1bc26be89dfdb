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

/// Runs one step. Enqueues the functions that it affects.
pub(super) async fn act(
    kind: &Platforms,
    object: &Platform,
    state: &State,
    connection: &Arc<PlatformConnection>,
    step: Step,
) -> Result<Observation, StepError> {
    let key = Key::of(object);
    let Some(open) = connection.clients() else {
        return Err(StepError::Failed(
            "the Platform's token has not been read yet".to_owned(),
        ));
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
            // Functions must not wait for a slow database.
            kind.report_phase(object, connection);
            let check = kind.check_database(object).await;
            if check.outcome.is_err() {
                return Err(StepError::Database(Box::new(check)));
            }
            database = Some(check);
        }
    }
    // The connection is shared with functions, which do not use the database.
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
            // Never happens: such a step is not decided without a database.
            None => Err(DatabaseFailure::Unanswered(
                "the Platform has no `spec.database`".to_owned(),
            )),
        };
        DatabaseCheck {
            at,
            generation: object.metadata.generation,
            outcome,
        }
    }

    /// Sources that no watch covers are read once per interval, however many functions use them. The users of one that changed
    /// are enqueued through [`crate::sources::Sources::changes`].
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
        _ => StepError::Failed(format!("unexpected response of the Management API: {error}")),
    }
}

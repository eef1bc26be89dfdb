use std::sync::Arc;

use ace_api::Platform;
use ace_database::Limits;
use ace_domain::{
    kinds::platform::{self, DatabaseCheck, DatabaseFailure, Step, StepError, StepResult},
    reconcile::{dependency::Dependency, key::Key, refusals::Refusals},
};
use ace_runtime::{clock, index::ObjectId};
use ace_supabase::{CallError, Priority};

use super::{Platforms, database};
use crate::connections::{PlatformConnection, database::DatabaseConnector, deferral};

/// Runs one step. Enqueues the objects that depend on what it finds changed.
pub(super) async fn act(
    kind: &Platforms,
    object: &Platform,
    connection: &Arc<PlatformConnection>,
    step: Step,
) -> Result<StepResult, StepError> {
    let key = Key::of(object);
    let Some(open) = connection.clients() else {
        return Err(StepError::Failed(
            "the Platform's token has not been read yet".to_owned(),
        ));
    };
    let dependents = &kind.caches.dependents;
    match step {
        Step::GetProject => connection
            .get_project(&open.client)
            .await
            .map_err(|error| step_error(&error))?,
        Step::ListFunctions => {
            let changes = connection
                .list(&open.client, Priority::Poll, clock::now())
                .await
                .map_err(|error| step_error(&error))?;
            dependents.changed(&changes.of(&key), Some(&ObjectId::of::<platform::Kind>(key.clone())));
            kind.refresh_sources(&key).await;
        }
        Step::ListSecrets => {
            if connection
                .list_secrets(&open.client)
                .await
                .map_err(|error| step_error(&error))?
            {
                dependents.changed(&[Dependency::SecretNames(key)], None);
            }
        }
        Step::ListBackups => connection
            .list_backups(&open.client)
            .await
            .map_err(|error| step_error(&error))?,
        Step::CheckDatabase => return Ok(StepResult::Checked(kind.check_database(object).await)),
    }
    Ok(StepResult::Observed(Box::new(connection.observation())))
}

impl Platforms {
    async fn check_database(&self, object: &Platform) -> DatabaseCheck {
        let connector = DatabaseConnector {
            client: &self.client,
            hosts: &self.hosts,
            allow_insecure: self.allow_insecure_database,
            names: &self.installation,
            limits: Limits::default(),
        };
        let at = clock::now();
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
            refusals: Refusals::default(),
            outcome,
        }
    }

    /// Sources that no watch covers are read once per interval, however many functions use them. The users of one that changed
    /// are enqueued through [`crate::sources::Sources::changes`].
    async fn refresh_sources(&self, platform: &Key) {
        let source = |dependency: &Dependency| match dependency {
            Dependency::Source(source) => Some(source.clone()),
            _ => None,
        };
        let dependents = &self.caches.dependents;
        for source in dependents.beside(&Dependency::Platform(platform.clone()), source) {
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

#[cfg(test)]
mod tests {
    use ace_domain::kinds::platform::StepError;
    use ace_supabase::CallError;

    use super::step_error;

    #[test]
    fn a_page_of_something_in_between_is_no_word_of_the_platform_on_token_or_project() {
        for status in [401, 403, 404, 502] {
            let page = CallError::Unavailable { status, message: None };
            let says = format!("the platform does not answer: the platform is unavailable: it answered {status}");
            assert_eq!(step_error(&page), StepError::Unanswered(says));
        }
        let said = |status| {
            step_error(&CallError::Refused {
                status,
                message: "No".to_owned(),
            })
        };
        assert_eq!(said(401), StepError::TokenRejected);
        assert_eq!(said(403), StepError::Forbidden("No".to_owned()));
        assert_eq!(said(404), StepError::ProjectNotFound);
    }
}

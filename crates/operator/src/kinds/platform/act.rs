use ace_api::Platform;
use ace_database::Limits;
use ace_domain::platform::{DatabaseLook, DatabaseTrouble, Step, Trouble, View};
use ace_supabase::{CallError, Priority};
use jiff::Timestamp;

use super::{Observed, Platforms, database};
use crate::{doorman::Doorman, driver::Key, kinds::edge_function::is_news};

/// One look. Wakes the functions that it is news for.
pub(super) async fn act(kind: &Platforms, object: &Platform, observed: &Observed, step: Step) -> Result<View, Trouble> {
    let site = &observed.site;
    let key = Key::of(object);
    let Some(open) = site.open() else {
        return Err(Trouble::Failed("the platform's token is not known".to_owned()));
    };
    let mut database = observed.world.view.database().cloned();
    match step {
        Step::GetProject => site.get_project(&open.client).await.map_err(|error| trouble(&error))?,
        Step::ListFunctions => {
            let changes = site
                .list(&open.client, Priority::Look, Timestamp::now())
                .await
                .map_err(|error| trouble(&error))?;
            kind.wake(&key, "Drift", |function| is_news(&changes, function));
            kind.refresh_sources(&key).await;
        }
        Step::ListSecrets => {
            if site.list_secrets(&open.client).await.map_err(|error| trouble(&error))? {
                kind.wake(&key, "Secrets", |function| {
                    function
                        .spec
                        .requires
                        .as_ref()
                        .is_some_and(|requires| !requires.secrets.is_empty())
                });
            }
        }
        Step::AskDatabase => {
            // Functions don't wait for a database that takes its time.
            kind.tell_phase(object, site);
            let look = kind.ask_database(object).await;
            if look.outcome.is_err() {
                return Err(Trouble::Database(Box::new(look)));
            }
            database = Some(look);
        }
    }
    // The site is what functions share, and the database is none of theirs.
    let mut view = site.view();
    if let Some(look) = database {
        view.record_database(look);
    }
    Ok(view)
}

impl Platforms {
    async fn ask_database(&self, object: &Platform) -> DatabaseLook {
        let doorman = Doorman {
            client: &self.client,
            hosts: &self.hosts,
            names: &self.identity,
            limits: Limits::default(),
            pace: self.pace,
        };
        let at = Timestamp::now();
        let outcome = match &object.spec.database {
            Some(database) => database::ask(&doorman, object, database).await,
            // No such step is decided on.
            None => Err(DatabaseTrouble::Unanswered("none is named".to_owned())),
        };
        DatabaseLook {
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

fn trouble(error: &CallError) -> Trouble {
    if let Some(again) = error.again() {
        return Trouble::Deferred(again);
    }
    match error {
        CallError::Refused { status: 401, .. } => Trouble::TokenRejected,
        CallError::Refused { status: 403, message } => Trouble::Forbidden(message.clone()),
        CallError::Refused { status: 404, .. } => Trouble::ProjectNotFound,
        CallError::Unavailable { .. } | CallError::Transport | CallError::Timeout => {
            Trouble::Unanswered(format!("the platform does not answer: {error}"))
        }
        CallError::NotSent(reason) => Trouble::Unanswered(format!("the platform can't be reached: {reason}")),
        _ => Trouble::Failed(format!("the platform's answer is of no use: {error}")),
    }
}

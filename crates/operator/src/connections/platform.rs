use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ace_api::ProjectStatus;
use ace_domain::{
    kinds::edge_function::Listing,
    kinds::platform::{self, Changes, Observation, Points, Refusal, RefusedBy},
};
use ace_egress::{Token, Url};
use ace_runtime::clock;
use ace_supabase::{Budget, CallError, Client, Deferral, Gateway, Priority};
use jiff::Timestamp;

use super::convert::{is_outage, live, points, unanswered};

/// The shared state of one Platform: its clients, its request budget, its observation, and one list at a time.
pub struct PlatformConnection {
    uid: String,
    budget: Arc<Mutex<Budget>>,
    state: Mutex<State>,
    listing: tokio::sync::Mutex<()>,
}

struct State {
    observation: Observation,
    clients: Option<Clients>,
    /// Number of unfinished writes.
    writing: usize,
}

/// Reachability of a platform, for its functions.
pub struct PlatformHealth {
    /// When the last successful list was requested; before the first: when the operator started watching.
    pub seen: Timestamp,
    /// There was a successful list.
    pub listed: bool,
    /// Description of the last request's failure, if it failed.
    pub failing: Option<String>,
    /// The project's state, if it runs no functions in it.
    pub down: Option<String>,
    /// The last change, if it was refused whatever its content.
    pub refusal: Option<Refusal>,
}

/// The clients of a platform, while its token is known.
#[derive(Clone)]
pub struct Clients {
    /// Client of the Management API.
    pub client: Arc<Client>,
    /// Client of the functions.
    pub gateway: Gateway,
    /// The anonymous key, if the Platform names one that can be read.
    pub anon: Option<Token>,
    /// The token of the clients: with another one they have to be created again.
    pub token: Token,
    /// The Management API's address of the client.
    pub api: Url,
    /// The gateway's address of the client.
    pub at: Url,
    /// Generation of the Platform that they were last checked for.
    pub generation: Option<i64>,
}

pub struct Writing<'a> {
    connection: &'a PlatformConnection,
    slug: &'a str,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut state = self.connection.state();
        state.observation.wrote(self.slug, clock::now());
        state.writing -= 1;
    }
}

impl PlatformHealth {
    /// Health before the Platform has a connection.
    pub fn nothing(now: Timestamp) -> Self {
        Self {
            seen: now,
            listed: false,
            failing: None,
            down: None,
            refusal: None,
        }
    }
}

impl PlatformConnection {
    /// A connection without any observation.
    pub fn new(uid: &str, rate: NonZeroU32, now: Timestamp) -> Self {
        Self {
            uid: uid.to_owned(),
            budget: Arc::new(Mutex::new(Budget::new(rate))),
            state: Mutex::new(State {
                observation: Observation::new(now),
                clients: None,
                writing: 0,
            }),
            listing: tokio::sync::Mutex::new(()),
        }
    }

    /// The Platform object's uid.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    pub fn budget(&self) -> Arc<Mutex<Budget>> {
        self.budget.clone()
    }

    pub fn set_rate(&self, rate: NonZeroU32) {
        self.budget
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .set_rate(rate);
    }

    /// Until when a request of this priority has to wait, if it can't be sent now.
    pub fn deferred(&self, priority: Priority) -> Option<Deferral> {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner).clone();
        budget.try_take(priority, std::time::Instant::now()).err()
    }

    /// The clients, if the Platform's token is known.
    pub fn clients(&self) -> Option<Clients> {
        self.state().clients.clone()
    }

    /// Sets or removes the clients. With another token or another spec a change that was refused may be tried again.
    pub fn set_clients(&self, clients: Option<Clients>) {
        let mut state = self.state();
        let of = |clients: &Option<Clients>| clients.as_ref().map(|open| (open.token.clone(), open.generation));
        if of(&state.clients) != of(&clients) {
            state.observation.permitted();
        }
        state.clients = clients;
    }

    /// A change that was refused may be tried again.
    pub fn permit(&self) {
        self.state().observation.permitted();
    }

    /// Records whether the platform permits changes.
    pub fn note_change(&self, error: Option<&CallError>) {
        let mut state = self.state();
        let (by, message) = match error {
            None => return state.observation.permitted(),
            Some(CallError::Refused { status: 402, message }) => (RefusedBy::Plan, message),
            Some(CallError::Refused { status: 403, message }) => (RefusedBy::Permissions, message),
            Some(_) => return,
        };
        state.observation.refused(Refusal {
            by,
            message: message.clone(),
            at: clock::now(),
        });
    }

    /// The slugs that objects describe.
    pub fn set_described(&self, slugs: BTreeSet<String>) {
        self.state().observation.set_described(slugs);
    }

    /// A copy of the observation.
    pub fn observation(&self) -> Observation {
        self.state().observation.clone()
    }

    /// What the last list shows of `slug`.
    pub fn listing(&self, slug: &str) -> Option<Listing> {
        self.state().observation.listing(slug)
    }

    /// Reachability of the platform, for its functions.
    pub fn health(&self) -> PlatformHealth {
        let observation = &self.state().observation;
        PlatformHealth {
            seen: observation.seen(),
            listed: observation.listed().is_some(),
            failing: observation.failing().map(ToOwned::to_owned),
            down: platform::down(observation).map(ToOwned::to_owned),
            refusal: observation.refusal().cloned(),
        }
    }

    /// There was a successful list.
    pub fn has_listed(&self) -> bool {
        self.state().observation.listed().is_some()
    }

    /// The last request was answered.
    pub fn is_answering(&self) -> bool {
        self.state().observation.failing().is_none()
    }

    /// Names of the secrets that are set.
    pub fn secrets(&self) -> Option<BTreeSet<String>> {
        self.state().observation.secrets().map(|(_, names)| names.clone())
    }

    /// Begins a write to a slug. Every list that is requested before its end is outdated for the slug, also if the task is
    /// aborted.
    pub fn write<'a>(&'a self, slug: &'a str) -> Writing<'a> {
        let mut state = self.state();
        state.observation.wrote(slug, clock::now());
        state.writing += 1;
        Writing { connection: self, slug }
    }

    /// How long a list for `slug` waits, after a write of its own, for writes that need one too: while requests are scarce one
    /// list serves them all.
    pub fn gathers(&self, slug: &str, longest: Duration, now: Timestamp) -> Option<Duration> {
        let is_scarce = {
            let budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
            budget.left(std::time::Instant::now()) < budget.rate() / 2
        };
        let state = self.state();
        let until = state.observation.listing(slug)?.last_write? + longest;
        let wait = until
            .duration_since(now)
            .try_into()
            .ok()
            .filter(|wait| *wait > Duration::ZERO);
        wait.filter(|_| is_scarce && state.writing > 0)
    }

    /// Records the result of a request, for all objects that share the platform.
    pub fn note(&self, error: Option<&CallError>) {
        let mut state = self.state();
        match error {
            Some(error) if is_outage(error) => state.observation.failed(unanswered(error)),
            Some(CallError::NotSent(_) | CallError::RateLimited { .. }) => {}
            Some(_) | None => state.observation.answered(),
        }
    }

    /// Lists the functions at `not_before` or later, and returns the changes; concurrent callers share one request.
    pub async fn list(&self, client: &Client, priority: Priority, not_before: Timestamp) -> Result<Changes, CallError> {
        if self.has_list(not_before) {
            return Ok(Changes::default());
        }
        let turn = self.listing.lock().await;
        if self.has_list(not_before) {
            return Ok(Changes::default());
        }
        let started = clock::now();
        let functions = client.list_functions(priority).await;
        self.note(functions.as_ref().err());
        let entries: BTreeMap<_, _> = functions?
            .into_iter()
            .filter_map(|function| Some((function.slug.clone(), live(&function)?)))
            .collect();
        let changes = self.state().observation.record_list(started, entries);
        drop(turn);
        Ok(changes)
    }

    /// Lists the names of the project's secrets; true if they changed.
    pub async fn list_secrets(&self, client: &Client) -> Result<bool, CallError> {
        let started = clock::now();
        let secrets = client.list_secrets(Priority::Poll).await;
        self.note(secrets.as_ref().err());
        let names = secrets?
            .into_iter()
            .map(|secret| secret.name)
            .filter(|name| !name.starts_with("SUPABASE_"))
            .collect();
        Ok(self.state().observation.record_secrets(started, names))
    }

    /// Lists the platform's own backups. That it does not say what it keeps is no failure: nothing else depends on it.
    pub async fn list_backups(&self, client: &Client) -> Result<(), CallError> {
        let started = clock::now();
        let listed = client.list_backups(Priority::Poll).await;
        let points = match listed {
            Ok(listed) => Ok(points(&listed)),
            Err(
                error
                @ (CallError::Refused { status: 401, .. } | CallError::NotSent(_) | CallError::RateLimited { .. }),
            ) => {
                return Err(error);
            }
            Err(error) => Err(error.to_string()),
        };
        self.state().observation.record_points(started, points);
        Ok(())
    }

    /// What the platform can restore the database to, or why it does not say; nothing before it was asked.
    pub fn points(&self) -> Option<Result<Points, String>> {
        let state = self.state();
        let points = state.observation.points()?;
        Some(points.cloned().map_err(str::to_owned))
    }

    /// Reads the project. A token that is not allowed to is no failure: the lists show enough.
    pub async fn get_project(&self, client: &Client) -> Result<(), CallError> {
        let started = clock::now();
        let project = match client.get_project(Priority::Poll).await {
            Ok(project) => Some(ProjectStatus {
                state: project.status.as_str().to_owned(),
                region: project.region.unwrap_or_default(),
            }),
            Err(CallError::Refused { status: 403, .. }) => None,
            Err(error) => {
                self.note(Some(&error));
                return Err(error);
            }
        };
        self.state().observation.record_project(started, project);
        Ok(())
    }

    fn has_list(&self, not_before: Timestamp) -> bool {
        let state = self.state();
        state.observation.failing().is_none() && state.observation.listed().is_some_and(|listed| listed >= not_before)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

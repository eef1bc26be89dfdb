use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ace_api::ProjectStatus;
use ace_domain::{
    kinds::edge_function::Listing,
    kinds::platform::{Changes, Observation, Phase},
};
use ace_egress::{Token, Url};
use ace_supabase::{Budget, CallError, Client, Deferral, FunctionStatus, Gateway, Priority};
use jiff::Timestamp;
use tokio::{sync::watch, time::Instant};

use super::convert::entry;

/// The shared state of one Platform: its clients, its request budget, its observation, and one list at a time.
pub struct PlatformConnection {
    uid: String,
    budget: Arc<Mutex<Budget>>,
    state: Mutex<State>,
    listing: tokio::sync::Mutex<()>,
    /// Number of unfinished writes.
    writing: watch::Sender<usize>,
}

struct State {
    observation: Observation,
    clients: Option<Clients>,
    phase: Phase,
    /// No token opens the platform, as of the last pass over the Platform.
    token_gone: bool,
    /// `None` before the first reconcile of the Platform has ended.
    message: Option<String>,
    /// When the Platform has to be reconciled for changes that its functions observed.
    reconcile_due: Option<Instant>,
}

/// Reachability of a platform, for its functions.
#[allow(clippy::struct_excessive_bools, reason = "facts that are independent of each other")]
pub struct PlatformHealth {
    /// When the last successful list was requested; before the first: when the operator started watching.
    pub seen: Timestamp,
    /// The first check of the Platform has ended.
    pub first_check_done: bool,
    /// There was a successful list.
    pub listed: bool,
    /// The last request was answered.
    pub answering: bool,
    /// No token opens the platform. False before the first look has come to an end.
    pub token_gone: bool,
    /// The message of the Platform's `Ready`, or of the last failed request.
    pub message: String,
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
}

/// An unfinished write.
pub struct Writing<'a> {
    connection: &'a PlatformConnection,
    slug: &'a str,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.connection.state().observation.wrote(self.slug, Timestamp::now());
        self.connection.writing.send_modify(|count| *count -= 1);
    }
}

/// Longest wait for unfinished writes before a list. A deploy takes a second or two.
const GATHERING: Duration = Duration::from_secs(2);

/// Message before the first check.
const UNSEEN: &str = "no check has finished yet";

impl PlatformHealth {
    /// Health before the Platform has a connection.
    pub fn nothing(now: Timestamp) -> Self {
        Self {
            seen: now,
            first_check_done: false,
            listed: false,
            answering: true,
            token_gone: false,
            message: UNSEEN.to_owned(),
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
                phase: Phase::Unlisted,
                token_gone: false,
                message: None,
                reconcile_due: None,
            }),
            listing: tokio::sync::Mutex::new(()),
            writing: watch::Sender::new(0),
        }
    }

    /// Postpones the reconcile of the Platform to `due`. True for the first caller, which has to enqueue it.
    pub fn postpone_reconcile(&self, due: Instant) -> bool {
        let before = &mut self.state().reconcile_due;
        let is_first = before.is_none();
        *before = Some(before.map_or(due, |before| before.max(due)));
        is_first
    }

    /// The time until which the reconcile is postponed; `None` once it is due, which also resets it.
    pub fn take_reconcile(&self, now: Instant) -> Option<Instant> {
        let mut state = self.state();
        state.reconcile_due = state.reconcile_due.filter(|due| *due > now);
        state.reconcile_due
    }

    /// The Platform object's uid.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The request budget.
    pub fn budget(&self) -> Arc<Mutex<Budget>> {
        self.budget.clone()
    }

    /// Sets `requestsPerMinute`.
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

    /// Sets or removes the clients.
    pub fn set_clients(&self, clients: Option<Clients>) {
        self.state().clients = clients;
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
        let state = self.state();
        let observation = &state.observation;
        let message = observation.failing().or(state.message.as_deref()).unwrap_or(UNSEEN);
        PlatformHealth {
            seen: observation.seen(),
            first_check_done: state.message.is_some(),
            listed: observation.listed().is_some(),
            answering: observation.failing().is_none(),
            token_gone: state.token_gone,
            message: message.to_owned(),
        }
    }

    /// The last request was answered.
    pub fn is_answering(&self) -> bool {
        self.state().observation.failing().is_none()
    }

    /// Names of the secrets that are set.
    pub fn secrets(&self) -> Option<BTreeSet<String>> {
        self.state().observation.secrets().map(|(_, names)| names.clone())
    }

    /// Sets the message of the Platform's `Ready`, at the end of its reconcile.
    pub fn set_message(&self, message: String) {
        self.state().message = Some(message);
    }

    /// Whether no token opens the platform, as of a pass that ends now; answers what was said before.
    pub fn set_token_gone(&self, token_gone: bool) -> bool {
        std::mem::replace(&mut self.state().token_gone, token_gone)
    }

    /// Returns the phase that was last reported to the functions and the current one, which becomes the reported one.
    pub fn turn(&self, lost_after: Duration, now: Timestamp) -> (Phase, Phase) {
        let mut state = self.state();
        let next = state.observation.phase(lost_after, now);
        (std::mem::replace(&mut state.phase, next), next)
    }

    /// Records that a function was decided by this phase, even if another one was reported since: it is enqueued when the next
    /// phase is better. Returns the phase before.
    pub fn reported(&self, phase: Phase) -> Phase {
        std::mem::replace(&mut self.state().phase, phase)
    }

    /// Begins a write to a slug. Every list that is requested before its end is outdated for the slug, also if the task is
    /// aborted.
    pub fn write<'a>(&'a self, slug: &'a str) -> Writing<'a> {
        self.state().observation.wrote(slug, Timestamp::now());
        self.writing.send_modify(|count| *count += 1);
        Writing { connection: self, slug }
    }

    /// Waits for the unfinished writes, each of which needs a list after its end. While requests are scarce one list serves
    /// them all.
    pub(super) async fn others_write(&self) {
        let is_scarce = {
            let budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
            budget.left(std::time::Instant::now()) < budget.rate() / 2
        };
        if is_scarce {
            let mut writing = self.writing.subscribe();
            // A timeout is no error: the list is made without waiting longer.
            let _ = tokio::time::timeout(GATHERING, writing.wait_for(|count| *count == 0)).await;
        }
    }

    /// Records the result of a request, for all objects that share the platform.
    pub fn note(&self, error: Option<&CallError>) {
        let mut state = self.state();
        match error {
            Some(error) if is_outage(error) => state
                .observation
                .failed(format!("the platform does not answer: {error}")),
            Some(CallError::NotSent(_) | CallError::RateLimited { .. }) => {}
            Some(_) | None => state.observation.answered(),
        }
    }

    /// Lists the functions at `not_before` or later, and returns the changes; concurrent callers share one request.
    pub async fn list(&self, client: &Client, priority: Priority, not_before: Timestamp) -> Result<Changes, CallError> {
        if self.has_list(not_before) {
            return Ok(Changes::default());
        }
        self.others_write().await;
        let turn = self.listing.lock().await;
        if self.has_list(not_before) {
            return Ok(Changes::default());
        }
        let started = Timestamp::now();
        let functions = client.list_functions(priority).await;
        self.note(functions.as_ref().err());
        let entries: BTreeMap<_, _> = functions?
            .into_iter()
            .filter(|function| function.status != FunctionStatus::Removed)
            .map(|function| (function.slug.clone(), entry(&function)))
            .collect();
        let changes = self.state().observation.record_list(started, entries);
        drop(turn);
        Ok(changes)
    }

    /// Lists the names of the project's secrets; true if they changed.
    pub async fn list_secrets(&self, client: &Client) -> Result<bool, CallError> {
        let started = Timestamp::now();
        let secrets = client.list_secrets(Priority::Look).await;
        self.note(secrets.as_ref().err());
        let names = secrets?
            .into_iter()
            .map(|secret| secret.name)
            .filter(|name| !name.starts_with("SUPABASE_"))
            .collect();
        Ok(self.state().observation.record_secrets(started, names))
    }

    /// Reads the project. A token that is not allowed to is no failure: the lists show enough.
    pub async fn get_project(&self, client: &Client) -> Result<(), CallError> {
        let started = Timestamp::now();
        let project = match client.get_project(Priority::Look).await {
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

/// The error is about the platform, not about this request.
fn is_outage(error: &CallError) -> bool {
    use ace_supabase::NotSent;
    matches!(
        error,
        CallError::Unavailable { .. }
            | CallError::Transport
            | CallError::Timeout
            | CallError::NotSent(NotSent::Connect)
    )
}

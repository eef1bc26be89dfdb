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

/// What is shared about one Platform: its access, its budget, what was seen of it, and one list at a time.
pub struct PlatformConnection {
    uid: String,
    budget: Arc<Mutex<Budget>>,
    state: Mutex<State>,
    listing: tokio::sync::Mutex<()>,
    /// Writes under way.
    writing: watch::Sender<usize>,
}

struct State {
    observation: Observation,
    clients: Option<Clients>,
    phase: Phase,
    /// No token opens the platform, as of the last pass over the Platform.
    token_gone: bool,
    /// Nothing before the first pass over the Platform has ended.
    message: Option<String>,
    /// When the Platform is to take a pass for what its functions found.
    look_due: Option<Instant>,
}

/// How well a platform is in sight, as its functions need it.
#[allow(clippy::struct_excessive_bools, reason = "facts that are independent of each other")]
pub struct PlatformHealth {
    /// When the last good list was asked for; before the first: when we began to watch.
    pub seen: Timestamp,
    /// A first look has come to an end.
    pub looked: bool,
    /// There was a good list.
    pub listed: bool,
    /// The last request was answered.
    pub answering: bool,
    /// No token opens the platform. False before the first look has come to an end.
    pub token_gone: bool,
    /// The Platform's own words.
    pub message: String,
}

/// The way to a platform, while its token is known.
#[derive(Clone)]
pub struct Clients {
    /// To the Management API.
    pub client: Arc<Client>,
    /// To the functions.
    pub gateway: Gateway,
    /// The anonymous key, where the Platform names one that can be read.
    pub anon: Option<Token>,
    /// The token that it was made with: another one means that it must be made anew.
    pub token: Token,
    /// The Management API's address that it was made with.
    pub api: Url,
    /// The gateway's address that it was made with.
    pub at: Url,
}

/// A write under way.
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

/// Longest wait for others' writes before a list. The platform takes a second or two for a deploy.
const GATHERING: Duration = Duration::from_secs(2);

/// What is said of a platform before there is more to say.
const UNSEEN: &str = "the platform was not looked at yet";

impl PlatformHealth {
    /// Before there is a site.
    pub fn nothing(now: Timestamp) -> Self {
        Self {
            seen: now,
            looked: false,
            listed: false,
            answering: true,
            token_gone: false,
            message: UNSEEN.to_owned(),
        }
    }
}

impl PlatformConnection {
    /// A site that nothing was seen of yet.
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
                look_due: None,
            }),
            listing: tokio::sync::Mutex::new(()),
            writing: watch::Sender::new(0),
        }
    }

    /// Has the Platform look no sooner than `due`. Whether the caller is the first who asks, and so has to see to it.
    pub fn put_off_look(&self, due: Instant) -> bool {
        let before = &mut self.state().look_due;
        let is_first = before.is_none();
        *before = Some(before.map_or(due, |before| before.max(due)));
        is_first
    }

    /// Until when to wait with the look; nothing once it is due, and asked for no more.
    pub fn take_look(&self, now: Instant) -> Option<Instant> {
        let mut state = self.state();
        state.look_due = state.look_due.filter(|due| *due > now);
        state.look_due
    }

    /// The Platform object's uid.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The request budget.
    pub fn budget(&self) -> Arc<Mutex<Budget>> {
        self.budget.clone()
    }

    /// Follows a changed `requestsPerMinute`.
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

    /// The way to the platform, if there is one.
    pub fn clients(&self) -> Option<Clients> {
        self.state().clients.clone()
    }

    /// Opens the way, or closes it.
    pub fn set_clients(&self, clients: Option<Clients>) {
        self.state().clients = clients;
    }

    /// A copy of what was seen.
    pub fn observation(&self) -> Observation {
        self.state().observation.clone()
    }

    /// The last list, as far as it is about `slug`.
    pub fn listing(&self, slug: &str) -> Option<Listing> {
        self.state().observation.listing(slug)
    }

    /// How well the platform is in sight.
    pub fn artifact_state(&self) -> PlatformHealth {
        let state = self.state();
        let observation = &state.observation;
        let message = observation.failing().or(state.message.as_deref()).unwrap_or(UNSEEN);
        PlatformHealth {
            seen: observation.seen(),
            looked: state.message.is_some(),
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

    /// What the Platform says of itself at the end of a pass.
    pub fn set_message(&self, message: String) {
        self.state().message = Some(message);
    }

    /// Whether no token opens the platform, as of a pass that ends now; answers what was said before.
    pub fn set_token_gone(&self, token_gone: bool) -> bool {
        std::mem::replace(&mut self.state().token_gone, token_gone)
    }

    /// The phase that the functions were told last, and notes the next.
    pub fn turn(&self, lost_after: Duration, now: Timestamp) -> (Phase, Phase) {
        let mut state = self.state();
        let next = state.observation.phase(lost_after, now);
        (std::mem::replace(&mut state.phase, next), next)
    }

    /// A function went by this phase, whatever the Platform has told since: it is woken when the next one is better. Answers
    /// with the phase before.
    pub fn reported(&self, phase: Phase) -> Phase {
        std::mem::replace(&mut self.state().phase, phase)
    }

    /// We are about to write to a slug. Every list that is asked for before the end of it is worthless for the slug, also when
    /// the task is cut off within it.
    pub fn write<'a>(&'a self, slug: &'a str) -> Writing<'a> {
        self.state().observation.wrote(slug, Timestamp::now());
        self.writing.send_modify(|count| *count += 1);
        Writing { connection: self, slug }
    }

    /// Others' writes, each of which needs a list after its end. Where requests are scarce, one list for all is worth a wait.
    pub(super) async fn others_write(&self) {
        let is_scarce = {
            let budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
            budget.left(std::time::Instant::now()) < budget.rate() / 2
        };
        if is_scarce {
            let mut writing = self.writing.subscribe();
            // That they take longer is no trouble.
            let _ = tokio::time::timeout(GATHERING, writing.wait_for(|count| *count == 0)).await;
        }
    }

    /// Notes how a request ended, for all who share the platform.
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

    /// A list that was asked for at `not_before` or later, and what it changed; however many ask at the same time, there is one
    /// request.
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

    /// Takes the names of the project's secrets; whether they changed.
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

    /// Asks for the project itself. A token that may not read it is no failure: the lists tell enough.
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

/// The platform itself is in trouble, not this one request.
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

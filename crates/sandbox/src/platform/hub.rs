//! What all handlers share: the state with its storage, the runtime, and the switches of the admin listener.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::answer::Failure;
use super::database::Database;
use super::faults::Faults;
use super::journal::Journal;
use super::keys::Keys;
use super::limiter::Limiter;
use super::recovery::Recovery;
use super::state::{Project, Record, Refusal, State};
use super::store::{Saved, Store};
use crate::runtime::Runtime;

/// How bodies of functions come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bodies {
    /// The files as they were uploaded.
    Source,
    /// TypeScript as JavaScript with a source map, as of a function that was bundled elsewhere.
    Transpiled,
    /// One opaque bundle, whatever was asked for.
    Eszip,
}

/// Ways in which projects of the real platform differ from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Knobs {
    /// Whether `entrypoint_path` shows the path that the deploy gave; else only its last part, under `source/`.
    pub entrypoint_echo: bool,
    /// How bodies come back.
    pub bodies: Bodies,
    /// Whether bodies hold the files that are imported for their types only.
    pub type_only_files: bool,
    /// Whether requests are counted and limited; without, the three headers are missing too.
    pub rate_limits: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        Knobs {
            entrypoint_echo: true,
            bodies: Bodies::Source,
            type_only_files: true,
            rate_limits: true,
        }
    }
}

/// What a project has besides its state: fixed while the platform runs.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) keys: Keys,
    /// The address at which the gateway listens.
    pub(super) host: Ipv4Addr,
    pub(super) gateway_port: u16,
}

impl Site {
    pub(super) fn gateway_url(&self) -> String {
        format!("http://{}:{}", self.host, self.gateway_port)
    }
}

/// Uploads that nothing names any more and that are still on disk.
const RETIRED_KEPT: usize = 64;

/// Whoever works at the same thing waits for each other. The lock of a key is made when it is first asked for, and stays.
#[derive(Default)]
struct Turns<K>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>);

impl<K: Eq + Hash> Turns<K> {
    async fn of(&self, key: K) -> OwnedMutexGuard<()> {
        let turn = lock(&self.0).entry(key).or_default().clone();
        turn.lock_owned().await
    }
}

pub(super) struct Hub {
    pub(super) store: Store,
    pub(super) token: String,
    pub(super) deno: PathBuf,
    /// The address at which gateways listen.
    pub(super) host: Ipv4Addr,
    pub(super) database: Option<Database>,
    pub(super) recovery: Option<Recovery>,
    pub(super) runtime: Arc<Runtime>,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    /// Requests that are answered, whether their client is still there or not.
    pub(super) work: TaskTracker,
    state: Mutex<State>,
    sites: Mutex<BTreeMap<String, Site>>,
    limiter: Mutex<Limiter>,
    journal: Mutex<Journal>,
    faults: Mutex<Faults>,
    knobs: Mutex<Knobs>,
    /// By project and slug.
    deploying: Turns<(String, String)>,
    /// By project.
    changing: Turns<String>,
    retired: Mutex<Vec<(String, Uuid)>>,
}

/// A panic elsewhere leaves these values whole: each is changed by one assignment or one method of its own.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Milliseconds since 1970, as the platform counts.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

impl Hub {
    pub(super) fn new(
        store: Store,
        token: String,
        deno: PathBuf,
        host: Ipv4Addr,
        database: Option<Database>,
        recovery: Option<Recovery>,
        runtime: Arc<Runtime>,
    ) -> Hub {
        Hub {
            store,
            token,
            deno,
            host,
            database,
            recovery,
            runtime,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            work: TaskTracker::new(),
            state: Mutex::default(),
            sites: Mutex::default(),
            limiter: Mutex::default(),
            journal: Mutex::default(),
            faults: Mutex::default(),
            knobs: Mutex::default(),
            deploying: Turns::default(),
            changing: Turns::default(),
            retired: Mutex::default(),
        }
    }

    /// Looks at a project.
    pub(super) fn look<T>(
        &self,
        reference: &str,
        look: impl FnOnce(&Project) -> Result<T, Refusal>,
    ) -> Result<T, Failure> {
        Ok(lock(&self.state).project(reference).and_then(look)?)
    }

    pub(super) fn projects(&self) -> Vec<Project> {
        lock(&self.state).projects().cloned().collect()
    }

    /// Changes a project: on disk before in memory, so that what was answered survives, and nothing when either fails. Changes of
    /// one project wait for each other; whoever looks sees the project as it was, and waits for no disk.
    pub(super) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        reference: &str,
        change: impl FnOnce(&mut Project) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Failure> {
        let turn = self.changing.of(reference.to_owned()).await;
        let (hub, reference) = (self.clone(), reference.to_owned());
        let changed = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            hub.change_alone(&reference, change)
        });
        changed
            .await
            .map_err(|error| Failure::internal("change the project", &error))?
    }

    /// Takes as long as the disk does.
    fn change_alone<T>(
        &self,
        reference: &str,
        change: impl FnOnce(&mut Project) -> Result<T, Refusal>,
    ) -> Result<T, Failure> {
        let mut project = lock(&self.state).project(reference)?.clone();
        let before: BTreeSet<Uuid> = project.bundles().map(|bundle| bundle.deployment).collect();
        let answer = change(&mut project)?;
        let after: BTreeSet<Uuid> = project.bundles().map(|bundle| bundle.deployment).collect();
        let site = self.site(reference)?;
        self.store
            .save(&Saved {
                keys: site.keys,
                gateway_port: site.gateway_port,
                project: project.clone(),
            })
            .map_err(|error| Failure::internal("save the project", &error))?;
        lock(&self.state).insert(project);
        self.retire(reference, before.difference(&after).copied());
        Ok(answer)
    }

    /// Adds a project whose record is on disk already.
    pub(super) fn add(&self, project: Project, site: Site) {
        lock(&self.sites).insert(project.reference.clone(), site);
        lock(&self.state).insert(project);
    }

    pub(super) fn site(&self, reference: &str) -> Result<Site, Failure> {
        Ok(lock(&self.sites)
            .get(reference)
            .cloned()
            .ok_or(Refusal::ProjectNotFound)?)
    }

    pub(super) fn limiter(&self) -> MutexGuard<'_, Limiter> {
        lock(&self.limiter)
    }

    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        lock(&self.journal)
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub(super) fn knobs(&self) -> Knobs {
        *lock(&self.knobs)
    }

    pub(super) fn turn(&self, knobs: Knobs) {
        *lock(&self.knobs) = knobs;
    }

    /// Held during a deploy: the version that its sources are checked under is the one it gets.
    pub(super) async fn deploying(&self, reference: &str, slug: &str) -> OwnedMutexGuard<()> {
        self.deploying.of((reference.to_owned(), slug.to_owned())).await
    }

    /// Removes uploads that a change let go, a while later: a process may still be running from them. What is left over
    /// goes at the next start.
    fn retire(&self, reference: &str, dropped: impl IntoIterator<Item = Uuid>) {
        let mut retired = lock(&self.retired);
        retired.extend(dropped.into_iter().map(|deployment| (reference.to_owned(), deployment)));
        let surplus = retired.len().saturating_sub(RETIRED_KEPT);
        for (reference, deployment) in retired.drain(..surplus) {
            if let Err(error) = self.store.discard(&reference, deployment) {
                tracing::warn!(%error, reference, "failed to remove an old upload");
            }
        }
    }

    /// The variables that the platform gives each function of a project.
    pub(super) fn reserved(&self, reference: &str) -> Result<BTreeMap<String, String>, Failure> {
        let site = self.site(reference)?;
        let mut variables = BTreeMap::from([
            ("SUPABASE_URL".to_owned(), site.gateway_url()),
            ("SUPABASE_ANON_KEY".to_owned(), site.keys.anon),
            ("SUPABASE_SERVICE_ROLE_KEY".to_owned(), site.keys.service_role),
        ]);
        if let Some(database) = &self.database {
            variables.insert("SUPABASE_DB_URL".to_owned(), database.url().to_owned());
        }
        Ok(variables)
    }

    /// A record as the knobs let it be seen.
    pub(super) fn shown(&self, record: &Record) -> Record {
        let mut record = record.clone();
        if !self.knobs().entrypoint_echo {
            record.entrypoint_path = last_part_only(&record.entrypoint_path);
            record.import_map_path = record.import_map_path.as_deref().map(last_part_only);
        }
        record
    }
}

/// `file:///tmp/user_fn_…/source/a/b/index.ts` → `file:///tmp/user_fn_…/source/index.ts`
fn last_part_only(path: &str) -> String {
    let container: String = path.split_inclusive('/').take(5).collect();
    let file = path.rsplit('/').next().unwrap_or_default();
    format!("{container}source/{file}")
}

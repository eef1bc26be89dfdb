//! The state of one function when a decision is made.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use ace_api::{Check, DriftField, EdgeFunctionStatus, HeldOutcome, Intent, Stamp};
use jiff::Timestamp;

use crate::{
    bundle::{BodyDigest, BodyFiles, Closure, ListedImportMap, Revision},
    inputs,
    reconcile::{decision::StepError, timing::Timing},
};

/// The observed state and what the status remembers.
#[derive(Clone, Debug)]
pub struct State {
    pub timing: Timing,
    pub began: Timestamp,
    /// The status as it was last written, updated by the results of steps.
    pub memo: EdgeFunctionStatus,
    pub platform: PlatformState,
    pub claim: Claim,
    pub source: SourceState,
    /// Functions of lower waves whose content of the same tree is not applied and proven yet.
    pub blockers: Vec<String>,
    /// What the last list shows of this function.
    pub listing: Option<Listing>,
    /// Names of the secrets that are set in the project; `None` before the first list of them.
    pub secrets: Option<BTreeSet<String>>,
    /// Versions that the required MigrationSet has applied; `None` before its database was observed.
    pub migrations: Option<Arc<BTreeSet<String>>>,
    /// What is not in status: lost with the process.
    pub memory: Memory,
    pub step_error: Option<StepError>,
}

pub type PlatformState = inputs::PlatformState<PlatformFacts>;
/// The desired content: an import closure.
pub type SourceState = inputs::SourceState<Arc<Closure>>;

/// What a function needs to know of its Platform.
#[allow(clippy::struct_excessive_bools, reason = "facts that are independent of each other")]
#[derive(Clone, Debug, PartialEq)]
pub struct PlatformFacts {
    pub project: String,
    /// Origin of the project's gateway.
    pub gateway: String,
    pub requests_per_minute: i32,
    /// `spec.interval` of the Platform, not scaled.
    pub interval: Duration,
    pub suspended: bool,
    /// The Platform is being deleted, or its token is missing: nothing can be deleted on the platform any more.
    pub leaving: bool,
    /// When the last successful list was requested; before the first: when the operator started watching.
    pub seen: Timestamp,
    /// The first check of the Platform has ended, successful or not. Its functions are enqueued at that moment.
    pub first_check_done: bool,
    /// There was a successful list.
    pub listed: bool,
    /// The last request was answered.
    pub answering: bool,
    /// The state of a project that runs no functions, such as `INACTIVE`.
    pub down: Option<String>,
    /// Why writes were refused whatever their content, in words, and when the next one may be tried.
    pub refusing: Option<(String, Timestamp)>,
    /// The message of the Platform's `Ready`.
    pub message: String,
    /// The anonymous key could be read.
    pub anon_key: bool,
}

impl inputs::PlatformFacts for PlatformFacts {
    fn interval(&self) -> Duration {
        self.interval
    }

    fn is_suspended(&self) -> bool {
        self.suspended
    }
}

/// Who owns a slug of a project.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    Owned,
    /// An older object does. Its `namespace/name`, if it is in the same namespace: nobody is told what is in others.
    Lost(Option<String>),
    /// It depends on whether the Platform of an older object can list the project, which is not known yet.
    Unsettled,
}

/// What the last list of the platform's functions shows of one slug.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// When this process requested its first list.
    pub first: Timestamp,
    /// When the list was requested.
    pub started: Timestamp,
    /// The function, if the list has it.
    pub entry: Option<LiveFunction>,
    /// When the first of the latest lists with exactly this entry was requested.
    pub since: Timestamp,
    /// When the latest lists with exactly this entry were requested: a bounded selection, oldest first.
    pub lists: Vec<Timestamp>,
    /// When this operator last wrote to the slug. A list that was requested before may be outdated.
    pub last_write: Option<Timestamp>,
}

impl Listing {
    /// The list was requested after our last write had ended.
    pub fn is_fresh(&self) -> bool {
        self.last_write.is_none_or(|write| self.started >= write)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct LiveFunction {
    pub stamp: Stamp,
    /// Its JWT rule, if the platform reports it.
    pub verify_jwt: Option<bool>,
    /// The revision in its entrypoint's path. Whoever deploys chooses that path, so it proves nothing.
    pub mark: Option<Revision>,
    /// Its entrypoint's path, as the platform shows it.
    pub entrypoint: Option<String>,
    pub import_map: ListedImportMap,
    /// Its state, where that is not `ACTIVE`.
    pub state: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// The stamp that was live when the body was requested.
    pub stamp: Stamp,
    /// The files, or why there are none.
    pub content: BodyContent,
}

/// The content of a body, as the platform returns it.
#[derive(Clone, Debug, PartialEq)]
pub enum BodyContent {
    Files {
        files: Arc<BodyFiles>,
        digest: BodyDigest,
    },
    /// A bundle whose files the operator can't read.
    Bundle(Arc<[u8]>),
    /// The body has more bytes than the operator reads.
    TooLarge,
}

/// Memory of one object. It is lost with the process: everything in it can be observed again.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The stamp in the response to the deploy that `intent` records.
    pub sent: Option<Stamp>,
    /// The JWT rule of the deploy that `intent` records.
    pub sent_jwt: Option<bool>,
    /// The deploys in a row whose answer was lost.
    pub lost_deploys: Option<LostDeploys>,
    /// The intent that was recorded but not sent, because the object had changed.
    pub unsent: Option<Intent>,
    /// The stamp from before our last change of the JWT rule: a list that still shows it is stale.
    pub patched: Option<Stamp>,
    /// When a request for the function alone last answered that it does not exist, in this reconcile.
    pub absent: Option<Timestamp>,
    /// The same, in whatever reconcile; it counts while every list since agrees, and until something is written.
    pub confirmed_absent: Option<Timestamp>,
    pub body: Option<Body>,
    /// The stamp whose body was requested last without files that could be compared, and why.
    pub obstacle: Option<(Stamp, Obstacle)>,
    /// The body of our own deploy, where it is not the source: it becomes the one to compare with when a later list still shows
    /// the stamp.
    pub unconfirmed: Option<UnconfirmedBody>,
    /// The foreign stamp whose body was archived.
    pub archived: Option<Stamp>,
    /// The foreign stamp whose body does not fit into an archive, and the bytes that it packs to.
    pub unarchivable: Option<(Stamp, usize)>,
    /// The archive that was read last, by name; `None` in it if the archive is missing or damaged.
    pub archive: Option<(String, Option<Archived>)>,
    pub checks: Option<CheckRun>,
    /// Failed attempts in a row.
    pub failures: u32,
}

/// Deploys of one content in a row whose answer was lost.
#[derive(Clone, Debug, PartialEq)]
pub struct LostDeploys {
    pub source_digest: String,
    /// Generation and `reconcile-at` of the object: with others it counts anew.
    pub asked: HeldOutcome,
    pub count: u32,
    /// How many of them the platform answered with an error of its own.
    pub answered: u32,
    /// The platform's words to the last one, if it answered.
    pub says: Option<String>,
    /// When lists had shown that the last one had no effect.
    pub had_no_effect: Option<Timestamp>,
}

/// Why the files of a body can't be compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Obstacle {
    /// The platform returned a bundle instead.
    Bundle,
    TooLarge,
    /// It could not be read, at this time.
    Unread(Timestamp, StepError),
}

/// A body that may have been deployed out of band between the list and the request.
#[derive(Clone, Debug, PartialEq)]
pub struct UnconfirmedBody {
    pub stamp: Stamp,
    pub digest: BodyDigest,
    pub read: Timestamp,
}

/// Content read back from an archive.
#[derive(Clone, Debug, PartialEq)]
pub struct Archived {
    pub content: Arc<Closure>,
    pub verify_jwt: bool,
}

/// The unfinished checks of one deploy.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckRun {
    /// Source digest of the content that is checked.
    pub digest: String,
    pub passed: usize,
    /// Failed attempts of the next check.
    pub failed: u32,
    /// When the next attempt is due.
    pub not_before: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum CheckAnswer {
    /// The function answered with this HTTP status.
    Status(i32),
    /// The function did not answer in time.
    TimedOut,
}

/// A request that proves a deploy, with the defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    pub check: Check,
    /// Address of the function, without the check's path.
    pub url: String,
}

/// How foreign content differs from what was applied.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    Fields(Vec<DriftField>),
    /// The body has no files that could be compared; why, in words.
    NotComparable(String),
    /// The body was not read.
    NotRead,
}

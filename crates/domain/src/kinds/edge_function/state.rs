//! All that is known about one function when a decision is made.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use ace_api::{Check, DriftField, EdgeFunctionStatus, Intent, Stamp};
use jiff::Timestamp;

use crate::{
    bundle::{BodyDigest, BodyFiles, Closure, Revision},
    reconcile::decision::StepError,
    reconcile::inputs,
    reconcile::timing::Timing,
};

/// What is known of the outside, what was remembered in status included.
#[derive(Clone, Debug)]
pub struct State {
    /// Constants of time.
    pub timing: Timing,
    /// When this pass began.
    pub began: Timestamp,
    /// The status as it was last written; what a step teaches is noted in it.
    pub memo: EdgeFunctionStatus,
    /// The Platform that the function lives on.
    pub platform: PlatformState,
    /// Who owns the slug.
    pub claim: Claim,
    /// The content that is wanted.
    pub source: SourceState,
    /// Functions of lower waves that want content of the same tree and do not have it yet.
    pub blockers: Vec<String>,
    /// The last list, as far as it is about this function.
    pub listing: Option<Listing>,
    /// Names of the secrets that are set in the project; unknown before they were listed.
    pub secrets: Option<BTreeSet<String>>,
    /// Versions that the MigrationSet which the function requires has applied; unknown before it was looked at.
    pub migrations: Option<Arc<BTreeSet<String>>>,
    /// Memory that is lost with the process.
    pub memory: Memory,
    /// Why the last step taught nothing.
    pub step_error: Option<StepError>,
}

/// The Platform, as far as its functions care.
pub type PlatformState = inputs::PlatformState<PlatformFacts>;
/// The wanted content: an import closure.
pub type SourceState = inputs::SourceState<Arc<Closure>>;

/// What a function needs to know of its Platform.
#[allow(clippy::struct_excessive_bools, reason = "facts that are independent of each other")]
#[derive(Clone, Debug, PartialEq)]
pub struct PlatformFacts {
    /// Reference of the project.
    pub project: String,
    /// Origin of the project's gateway.
    pub gateway: String,
    /// `spec.requestsPerMinute`.
    pub requests_per_minute: i32,
    /// The users' interval, not scaled.
    pub interval: Duration,
    /// `spec.suspend` of the Platform.
    pub suspended: bool,
    /// The Platform is being deleted, or its token is gone: nothing can be cleaned up any more.
    pub leaving: bool,
    /// When the last good list was asked for; before the first: when the operator began to watch.
    pub seen: Timestamp,
    /// A first look has come to an end, a good one or not; then its functions are woken, whatever it showed.
    pub looked: bool,
    /// There was a good list.
    pub listed: bool,
    /// The last request was answered.
    pub answering: bool,
    /// The sentence of the Platform's own `Ready`.
    pub message: String,
    /// The anonymous key could be read.
    pub anon_key: bool,
}

/// Who owns a slug of a project.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// This object does.
    Owned,
    /// An older object does: `namespace/name`.
    Lost(String),
}

/// The last list of the platform's functions, as far as it is about one slug.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// When the list was asked for.
    pub started: Timestamp,
    /// The function in it.
    pub entry: Option<LiveFunction>,
    /// When the first list of those was asked for that, one after another, showed exactly this.
    pub since: Timestamp,
    /// When lists were asked for that, one after another, showed exactly this: a bounded selection, oldest first.
    pub lists: Vec<Timestamp>,
    /// When we last wrote to the slug. A list that was asked for before says nothing.
    pub last_write: Option<Timestamp>,
}

impl Listing {
    /// The list was not asked for before our last write had ended.
    pub fn is_fresh(&self) -> bool {
        self.last_write.is_none_or(|write| self.started >= write)
    }
}

/// A live function.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveFunction {
    /// Its stamp.
    pub stamp: Stamp,
    /// Its JWT rule, where the platform says it.
    pub verify_jwt: Option<bool>,
    /// The revision that its entrypoint's path names, if one of ours deployed it.
    pub mark: Option<Revision>,
}

/// The body of one stamp.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// The stamp that was live when the body was asked for.
    pub stamp: Stamp,
    /// What came back.
    pub content: BodyContent,
}

/// What the platform gave as a body.
#[derive(Clone, Debug, PartialEq)]
pub enum BodyContent {
    /// Files.
    Files {
        /// The files.
        files: Arc<BodyFiles>,
        /// Their digest.
        digest: BodyDigest,
    },
    /// A bundle that we can't look into.
    Bundle(Arc<[u8]>),
    /// More bytes than the operator reads.
    TooLarge,
}

/// Memory of one object that is lost with the process; everything in it can be found out again.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The platform's answer to the deploy that `intent` records.
    pub sent: Option<Stamp>,
    /// The JWT rule of the deploy that `intent` records.
    pub sent_jwt: Option<bool>,
    /// The intent that was recorded and then not acted upon, because the object had changed: nothing came of it.
    pub unsent: Option<Intent>,
    /// The stamp that our last change of the JWT rule found: a list that still shows it is behind.
    pub patched: Option<Stamp>,
    /// When the function was last asked for alone and was not there.
    pub absent: Option<Timestamp>,
    /// The last body that was read.
    pub body: Option<Body>,
    /// The foreign stamp that lies in an archive.
    pub archived: Option<Stamp>,
    /// The foreign stamp that does not fit into an archive, and the bytes that it packs to.
    pub unarchivable: Option<(Stamp, usize)>,
    /// The archive that was read last, by name; nothing in it when it is gone or damaged.
    pub archive: Option<(String, Option<Archived>)>,
    /// The checks under way.
    pub checks: Option<CheckRun>,
    /// Attempts in a row that failed.
    pub failures: u32,
}

/// Content read back from an archive.
#[derive(Clone, Debug, PartialEq)]
pub struct Archived {
    /// The content.
    pub content: Arc<Closure>,
    /// The JWT rule that it had.
    pub verify_jwt: bool,
}

/// Checks of one deploy under way.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckRun {
    /// Source digest of the content that is checked.
    pub digest: String,
    /// Checks that passed.
    pub passed: usize,
    /// Attempts of the next one that failed.
    pub failed: u32,
    /// Not before this time.
    pub not_before: Option<Timestamp>,
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckAnswer {
    /// The function answered with this HTTP status.
    Status(i32),
    /// It did not answer in time.
    TimedOut,
}

/// A request that proves a deploy, with the defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// The check.
    pub check: Check,
    /// Address of the function, without the check's path.
    pub url: String,
}

/// How foreign content differs from what was applied.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// File by file.
    Fields(Vec<DriftField>),
    /// It can't be compared.
    NotComparable,
}

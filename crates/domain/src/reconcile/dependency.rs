//! What the decisions about an object depend on beyond the object itself. A kind declares it; one index enqueues the dependents
//! of whatever changed.

use std::{collections::BTreeSet, ops::RangeInclusive, sync::Arc};

use super::key::{Key, SourceKey};
use crate::bundle::Folder;

/// Something outside an object that its decisions depend on.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Dependency {
    /// A Platform's spec, and that there is such a Platform.
    Platform(Key),
    /// The message of a Platform's `Ready`. Read, but nobody is enqueued for it.
    PlatformMessage(Key),
    /// Whether a Platform's anonymous key can be read.
    AnonKey(Key),
    /// Whether the project of a Platform answers, or is lost.
    Reachability(Key),
    /// Whether a token opens the project of a Platform.
    Token(Key),
    /// Requests to the project of a Platform began to fail, or changes to be refused whatever they are.
    Outage(Key),
    /// Which functions are live in the project of a Platform.
    LiveFunctions(Key),
    /// Names of the secrets that are set in the project of a Platform.
    SecretNames(Key),
    /// A function in the list of a project.
    ListEntry {
        /// The Platform of the project.
        platform: Key,
        slug: String,
        /// Also changes that this operator made.
        own: bool,
    },
    /// A project, by the address of its Management API.
    Project {
        /// The address, in the spelling of `platform::project`.
        api: String,
        project: String,
    },
    /// The objects that own or claim a slug, in any project.
    Slug(String),
    /// What the functions of a wave have applied and proven. Those of higher waves depend on it.
    Wave {
        /// The Platform of the functions.
        platform: Key,
        source: SourceKey,
        wave: i32,
    },
    /// The artifact of a source.
    Source(SourceKey),
    /// A folder of a source. Nobody is enqueued for it: of a large source those that are read are kept.
    SourceFolder(SourceKey, Folder),
    /// The versions in the ledger of a MigrationSet's database.
    AppliedMigrations(Key),
    /// The BackupDestinations of one store, whatever their prefix, by its address and bucket.
    Store(String),
    /// That there is such a BackupDestination.
    BackupDestination(Key),
    /// A BackupSchedule's spec, and that there is such a schedule.
    BackupSchedule(Key),
    /// What became of the Backups of a BackupSchedule.
    BackupsOf(Key),
    /// What became of the Restores that a BackupSchedule made.
    DrillsOf(Key),
    /// What Restores proved of a Backup.
    RestoresOf(Key),
    /// What the project of a Platform can be restored to by the platform.
    Points(Key),
    /// Whether a BackupSchedule counts that.
    PointsCount(Key),
    /// Which NotificationChannels there are in a namespace, and who is told by default.
    ChannelNames(String),
    /// What the AlertRules of a namespace have found, and whom they tell.
    Alerts(String),
    /// Names and labels of the AlertRules of a namespace.
    RuleNames(String),
    /// The Silences of a namespace.
    Silences(String),
    /// Whether the NotificationChannels of a namespace deliver.
    Channels(String),
}

impl Dependency {
    /// Its name in metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Platform(_) => "Platform",
            Self::PlatformMessage(_) => "PlatformMessage",
            Self::AnonKey(_) => "AnonKey",
            Self::Reachability(_) => "Reachability",
            Self::Token(_) => "Token",
            Self::Outage(_) => "Outage",
            Self::LiveFunctions(_) => "LiveFunctions",
            Self::SecretNames(_) => "SecretNames",
            Self::ListEntry { .. } => "ListEntry",
            Self::Project { .. } => "Project",
            Self::Slug(_) => "Slug",
            Self::Wave { .. } => "Wave",
            Self::Source(_) => "Source",
            Self::SourceFolder(..) => "SourceFolder",
            Self::AppliedMigrations(_) => "AppliedMigrations",
            Self::Store(_) => "Store",
            Self::BackupDestination(_) => "BackupDestination",
            Self::BackupSchedule(_) => "BackupSchedule",
            Self::BackupsOf(_) => "BackupsOf",
            Self::DrillsOf(_) => "DrillsOf",
            Self::RestoresOf(_) => "RestoresOf",
            Self::Points(_) => "Points",
            Self::PointsCount(_) => "PointsCount",
            Self::ChannelNames(_) => "ChannelNames",
            Self::Alerts(_) => "Alerts",
            Self::RuleNames(_) => "RuleNames",
            Self::Silences(_) => "Silences",
            Self::Channels(_) => "Channels",
        }
    }

    /// The Platform whose spec it is.
    pub fn platform(&self) -> Option<&Key> {
        match self {
            Self::Platform(platform) => Some(platform),
            _ => None,
        }
    }

    /// What an object has to refer to, to be enqueued when this changes.
    pub fn enqueues(&self) -> Option<RangeInclusive<Self>> {
        match self {
            Self::Wave { platform, source, wave } => {
                let of = |wave| Self::Wave {
                    platform: platform.clone(),
                    source: source.clone(),
                    wave,
                };
                wave.checked_add(1).map(|above| of(above)..=of(i32::MAX))
            }
            other => Some(other.clone()..=other.clone()),
        }
    }
}

/// The state of a [`Dependency`], as the object that it belongs to has told it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fact {
    /// In words. Dependents are enqueued when they differ.
    Is(String),
    /// Not known now: nobody is enqueued for it, but for what follows, whatever that is.
    Unsettled,
    Versions(Arc<BTreeSet<String>>),
}

impl Fact {
    /// A fact in words.
    pub fn is(words: impl Into<String>) -> Self {
        Self::Is(words.into())
    }
}

/// Facts by what depends on them.
pub type Facts = Vec<(Dependency, Fact)>;

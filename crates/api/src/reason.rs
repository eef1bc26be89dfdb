//! The closed lists of reasons, one per kind, and one for `Drifted`. The CRDs' descriptions list them.

/// A reason of a condition.
pub trait Reason: Copy {
    /// The CamelCase word in the condition.
    fn as_str(self) -> &'static str;
}

/// The condition that a reason belongs to, with its status where the reason fixes one. `Ready` also repeats the reason of the
/// condition that explains it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ShownBy {
    /// `Ready=True`.
    Ready,
    /// `Ready=False`, explained by no other condition's reason.
    ReadyFalse,
    /// `Ready=Unknown`, with `Reconciling`.
    ReadyUnknown,
    /// `Reconciling=True`.
    Reconciling,
    /// `Stalled=True`.
    Stalled,
    /// `Suspended=True`.
    Suspended,
    /// `Drifted=True`.
    DriftedTrue,
    /// `Drifted=False`.
    DriftedFalse,
    /// `Drifted=Unknown`.
    DriftedUnknown,
}

impl ShownBy {
    /// How descriptions and pages name it; those of `Drifted` are listed apart, so that its status is enough.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::ReadyFalse => "Ready is False",
            Self::ReadyUnknown => "Ready is Unknown",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::Suspended => "Suspended",
            Self::DriftedTrue => "True",
            Self::DriftedFalse => "False",
            Self::DriftedUnknown => "Unknown",
        }
    }
}

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($reason:ident: $shown_by:ident = $says:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum $name {
            $(#[doc = concat!(stringify!($shown_by), ": ", $says)] $reason,)*
        }

        impl $name {
            /// Every reason with the condition that shows it and what it says, in the order of the reference.
            pub const ALL: &[(Self, ShownBy, &str)] = &[$((Self::$reason, ShownBy::$shown_by, $says),)*];

            /// The reason of this name, if there is one.
            pub fn named(name: &str) -> Option<Self> {
                let mut all = Self::ALL.iter().map(|(reason, ..)| *reason);
                all.find(|reason| reason.as_str() == name)
            }
        }

        impl Reason for $name {
            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$reason => stringify!($reason),)*
                }
            }
        }
    };
}

reasons! {
    /// Reasons of a Platform's `Ready`, `Reconciling`, `Stalled` and `Suspended`.
    PlatformReason {
        Reachable: Ready = "the platform answers, and so does the database where the spec names one.",
        FirstLook: Reconciling = "the platform was not looked at yet.",
        SecretMissing: Reconciling = "a Secret or key that the spec names is not there.",
        ProjectNotReady: Reconciling = "the project is starting, restoring or unhealthy.",
        Unreachable: Reconciling = "the platform does not answer; it is asked again.",
        RateLimited: Reconciling = "the platform or our own budget asks to wait.",
        DatabaseUnreachable: Reconciling = "the database does not answer; it is asked again. Functions go on.",
        DatabaseSecretMissing: Reconciling = "a Secret or key that `spec.database` names is not there. Functions go on.",
        NotSeen: ReadyUnknown = "no good answer for three intervals.",
        AccessMissing: Stalled = "the operator may not read the Secret; the message has the command that allows it.",
        TokenInvalid: Stalled = "the Secret's value can't be a token.",
        TokenRejected: Stalled = "the platform refuses the token.",
        ProjectNotFound: Stalled = "the token's owner has no such project.",
        ProjectInactive: Stalled = "the project is paused, removed or failed; restore it in the dashboard.",
        HostNotAllowed: Stalled = "the operator may not call that host; see its flag `--allow-host`.",
        DatabaseAccessMissing: Stalled = "the operator may not read a Secret that `spec.database` names; the message has the command that allows it.",
        DatabasePasswordRejected: Stalled = "the database rejects the user's password.",
        DatabaseCertificateRefused: Stalled = "the database's certificate is not believed, or it does not speak TLS, or `caSecretRef` holds no certificate.",
        DatabaseRefused: Stalled = "the database answers, and refuses the user, the database's name or the question who it is.",
        PoolerUnsupported: Stalled = "a pooler in transaction mode stands before the database; it drops locks and settings.",
        SuspendedByUser: Suspended = "`spec.suspend` is true.",
    }
}

reasons! {
    /// Reasons of an EdgeFunction's `Ready`, `Reconciling`, `Stalled` and `Suspended`.
    FunctionReason {
        Live: Ready = "the wanted content was made live, and the function was seen.",
        Observed: Ready = "in `Observe`, the function was looked at.",
        Suspended: ReadyFalse = "suspended before the wish was live.",
        FirstLook: Reconciling = "the function was not looked at yet.",
        Deploying: Reconciling = "a deploy is under way.",
        Confirming: Reconciling = "a deploy was sent and is not confirmed by a fresh list yet.",
        OutcomeUnknown: Reconciling = "the answer to a deploy was lost; only looking can tell, so nothing is sent again before.",
        Checking: Reconciling = "the checks of a deploy are under way.",
        RollingBack: Reconciling = "checks failed; the proven content is being deployed again.",
        CorrectingDrift: Reconciling = "the applied content is being deployed again over a foreign one.",
        WaitingForPlatform: Reconciling = "the Platform is not there, or was not seen yet.",
        WaitingForSource: Reconciling = "the source object, or its artifact, is not there yet.",
        WaitingForSecrets: Reconciling = "secrets that the function requires are not set in the project.",
        WaitingForMigration: Reconciling = "the migration that the function requires is not applied.",
        WaitingForWave: Reconciling = "functions of a lower wave are not live and proven yet.",
        WaitingForKey: Reconciling = "a check needs the anonymous key, and the Platform names none that can be read.",
        RateLimited: Reconciling = "the platform or our own budget asks to wait.",
        Retrying: Reconciling = "an attempt failed; it is repeated.",
        NotSeen: ReadyUnknown = "the function was not seen for three intervals.",
        AccessMissing: Stalled = "the operator may not read or write something; the message has the command that allows it.",
        SourceRefused: Stalled = "the source's archive is damaged, too large, or holds what is not allowed.",
        SourceInvalid: Stalled = "the source lacks the entrypoint or an import, or does not parse.",
        DeployRefused: Stalled = "the platform refuses the content.",
        ChecksFailed: Stalled = "checks failed, and there was nothing to roll back to.",
        RolledBack: Stalled = "checks failed, and the proven content is live again.",
        AdoptionConflict: Stalled = "a function that this object did not make is live, and it differs.",
        UnknownOwnDeploy: Stalled = "an ace-operator deployed this content, but this object does not remember it.",
        SlugClaimed: Stalled = "an older EdgeFunction owns this function.",
        DriftContested: Stalled = "somebody changes the function back again and again.",
        ArchiveTooLarge: Stalled = "the foreign content is too large to be archived, so it is not overwritten.",
        ArchiveUnreadable: Stalled = "the foreign content can't be read, so it is not overwritten.",
        SuspendedByPlatform: Suspended = "`spec.suspend` of the Platform is true.",
        SuspendedByUser: Suspended = "`spec.suspend` is true.",
    }
}

reasons! {
    /// Reasons of an EdgeFunction's `Drifted`.
    DriftReason {
        NoDrift: DriftedFalse = "the live function is what was applied.",
        DriftCorrected: DriftedFalse = "a foreign change was undone; `status.drift` names it.",
        OutOfBandChange: DriftedTrue = "somebody else changed the live function; `status.drift` names what differs.",
        Missing: DriftedTrue = "the function that was applied is gone.",
        Foreign: DriftedTrue = "the live function is not known to this object.",
        NotCompared: DriftedUnknown = "there was no comparison yet, or none for three intervals.",
        NotComparable: DriftedUnknown = "the live content can't be read in a form that can be compared.",
    }
}

reasons! {
    /// Reasons of a MigrationSet's `Ready`, `Reconciling`, `Stalled` and `Suspended`.
    MigrationReason {
        Applied: Ready = "every migration is applied, and the database was seen.",
        Observed: Ready = "in `Observe`, files and database were looked at.",
        Suspended: ReadyFalse = "suspended before the wish was applied.",
        FirstLook: Reconciling = "files and ledgers are being compared, or our books in the database written; no migration runs.",
        PlatformMissing: Reconciling = "there is no such Platform.",
        SourceMissing: Reconciling = "the source or its artifact is not there.",
        SourceFailed: Reconciling = "the source could not be read; it is tried again.",
        Applying: Reconciling = "migrations are being run.",
        WaitingForTurn: Reconciling = "another process runs migrations on this database.",
        WaitingForLock: Reconciling = "other sessions hold what a migration needs; the message names them.",
        DatabaseUnreachable: Reconciling = "the database does not answer; it is asked again.",
        DatabaseSecretMissing: Reconciling = "a Secret or key that the Platform's `spec.database` names is not there.",
        Retrying: Reconciling = "an attempt failed, and nothing of it was kept; it is repeated.",
        NotSeen: ReadyUnknown = "the database was not seen for three intervals.",
        ApprovalRequired: Stalled = "a pending migration is of a class that needs an approval; the message has the plan's digest.",
        ChecksumMismatch: Stalled = "a file is not what was applied under its version. Nothing runs.",
        OutOfOrder: Stalled = "a pending migration is older than the newest applied one.",
        LedgerRegressed: Stalled = "what was applied is no longer in the ledger: the database was restored, or the ledger was repaired.",
        BaselineRequired: Stalled = "the ledger is empty, and the schema is not.",
        BaselineMismatch: Stalled = "`spec.baseline` names another schema than the live one, or no file.",
        DriftBlocked: Stalled = "the schema was changed by hand, and `policy.whileDrifted` is `Block`.",
        MigrationFailed: Stalled = "the database refused a migration; it is not tried again by itself.",
        HalfApplied: Stalled = "a file of several transactions stopped half-way and was changed since.",
        MigrationRefused: Stalled = "a file holds a statement that can't be run safely; the message names its line.",
        SourceRefused: Stalled = "the source's archive is damaged, too large, or holds what is not allowed.",
        SourceInvalid: Stalled = "the source has no migrations, two of one version, or one that is not text.",
        DatabaseClaimed: Stalled = "another MigrationSet owns this database.",
        DatabaseMissing: Stalled = "the Platform names no database.",
        DatabaseRefused: Stalled = "the database refuses the password, the user, the certificate or a right.",
        HostNotAllowed: Stalled = "the operator may not call that host; see its flag `--allow-host`.",
        PoolerUnsupported: Stalled = "a pooler in transaction mode stands before the database; it drops locks and settings.",
        OperatorTooOld: Stalled = "a newer operator keeps its books in this database.",
        AccessMissing: Stalled = "the operator may not read something; the message has the command that allows it.",
        SuspendedByPlatform: Suspended = "`spec.suspend` of the Platform is true.",
        SuspendedByUser: Suspended = "`spec.suspend` is true.",
    }
}

reasons! {
    /// Reasons of a MigrationSet's `Drifted`.
    SchemaDriftReason {
        NoDrift: DriftedFalse = "the live schema is the reference.",
        OutOfBandChange: DriftedTrue = "somebody changed the schema by hand; `status.drift` names what differs.",
        NotCompared: DriftedUnknown = "there was no comparison yet.",
        NoReference: DriftedUnknown = "in `Observe`, only `spec.acceptedSchema` says what the schema should be.",
        RunUnfinished: DriftedUnknown = "migrations ran, and the look behind them is due.",
        NotComparable: DriftedUnknown = "the schema could not be read, because somebody holds a lock on it.",
    }
}

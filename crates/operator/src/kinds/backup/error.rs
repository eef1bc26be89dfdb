//! What errors of stores, databases and programs mean to a backup.

use ace_api::{BackupReason, DestinationReason, Reason as _};
use ace_archive::{CommitError, CopyError, Finding, ManifestReadError, ReadError, StoreError, StoreProblem};
use ace_database::{ArchiveError, ClientError, ProofError, SnapshotError, Unmet};
use ace_domain::kinds::{
    backup::{Problem, TaskError, database},
    backup_destination::Cause,
};

use super::given::Given;

/// Something is missing, and may come.
pub(super) fn obstacle(reason: BackupReason, message: impl Into<String>) -> TaskError {
    TaskError {
        problem: Problem::Obstacle(reason),
        message: message.into(),
    }
}

/// Another attempt may succeed.
pub(super) fn failed(reason: BackupReason, message: impl Into<String>) -> TaskError {
    TaskError {
        problem: Problem::Failed(reason),
        message: message.into(),
    }
}

/// Another attempt would fail, too.
pub(super) fn last(reason: BackupReason, message: impl Into<String>) -> TaskError {
    TaskError {
        problem: Problem::Final(reason),
        message: message.into(),
    }
}

pub(super) fn stopped() -> TaskError {
    TaskError {
        problem: Problem::Stopped,
        message: "it was asked to end".to_owned(),
    }
}

/// The store of a destination can't be set up. Reasons are one vocabulary over all kinds.
pub(super) fn of_destination(destination: &str, cause: &Cause) -> TaskError {
    let reason = BackupReason::named(cause.reason.as_str());
    let reason = match cause.reason {
        DestinationReason::Retrying => BackupReason::Retrying,
        _ => reason.unwrap_or(BackupReason::WaitingForDestination),
    };
    obstacle(reason, format!("BackupDestination `{destination}`: {}", cause.message))
}

/// The store did not do what it was asked for, before anything was begun.
pub(super) fn of_store(destination: &str, error: &StoreError) -> TaskError {
    obstacle(
        BackupReason::WaitingForDestination,
        format!("BackupDestination `{destination}`: {error}"),
    )
}

/// The store failed in the middle of an attempt.
pub(super) fn while_storing(destination: &str, error: &StoreError) -> TaskError {
    let advice = match error.problem {
        StoreProblem::Full => "; make room, or raise its quota",
        _ => "",
    };
    failed(
        BackupReason::Failed,
        format!("BackupDestination `{destination}`: {error}{advice}"),
    )
}

pub(super) fn of_snapshot(given: &Given, error: &SnapshotError) -> TaskError {
    match error {
        SnapshotError::Open(error) => of_database(given, &error.clone().into()),
        SnapshotError::Query(error) => of_database(given, &error.clone().into()),
        SnapshotError::ClockSkew(_) => last(BackupReason::ClockSkew, error.to_string()),
        SnapshotError::Absent(_) => last(BackupReason::TableMissing, error.to_string()),
        SnapshotError::LeaseLost => failed(BackupReason::LeaseLost, error.to_string()),
    }
}

fn of_database(given: &Given, failure: &ace_domain::kinds::platform::DatabaseFailure) -> TaskError {
    match given.database() {
        Ok((_, spec)) => database(spec, failure),
        Err(error) => error,
    }
}

pub(super) fn of_proof(error: &ProofError) -> TaskError {
    match error {
        ProofError::Hidden(_) | ProofError::Unreadable(_) => last(BackupReason::DatabaseRefused, error.to_string()),
        _ => failed(BackupReason::Failed, error.to_string()),
    }
}

pub(super) fn of_client(error: &ClientError) -> TaskError {
    match error {
        ClientError::VersionUnavailable { .. } => last(BackupReason::ClientVersionUnavailable, error.to_string()),
        _ => failed(BackupReason::Failed, error.to_string()),
    }
}

pub(super) fn of_requirement(unmet: &Unmet) -> TaskError {
    let reason = match unmet {
        Unmet::Absent(_) => BackupReason::TableMissing,
        Unmet::TooFewRows { .. } => BackupReason::RequiredTableEmpty,
    };
    last(reason, unmet.to_string())
}

pub(super) fn of_commit(destination: &str, error: &CommitError) -> TaskError {
    match error {
        CommitError::Store(error) => while_storing(destination, error),
        error => failed(
            BackupReason::Failed,
            format!("BackupDestination `{destination}`: {error}"),
        ),
    }
}

/// What can't be read: a failure of the store is tried again, and what is wrong with what is stored stays.
pub(super) fn of_read(destination: &str, error: &ReadError) -> TaskError {
    match error {
        ReadError::Store(error) => of_store(destination, error),
        ReadError::Found(finding) => of_finding(destination, finding),
    }
}

fn of_finding(destination: &str, finding: &Finding) -> TaskError {
    let reason = match finding {
        Finding::Missing => BackupReason::Missing,
        Finding::KeyMismatch => BackupReason::KeyMismatch,
        Finding::Changed { .. } | Finding::Corrupt { .. } => BackupReason::Corrupt,
    };
    last(
        reason,
        format!("what is stored in BackupDestination `{destination}`: {finding}"),
    )
}

/// `None` where a store says that there is no manifest.
pub(super) fn of_manifest(destination: &str, error: &ManifestReadError) -> Option<TaskError> {
    match error {
        ManifestReadError::Missing => None,
        ManifestReadError::Store(error) => Some(of_store(destination, error)),
        ManifestReadError::Manifest(error) => Some(last(
            BackupReason::ManifestUnreadable,
            format!("BackupDestination `{destination}`: {error}"),
        )),
    }
}

pub(super) fn of_copy(from: &str, to: &str, error: &CopyError) -> TaskError {
    match error {
        CopyError::From(error) => of_read(from, error),
        CopyError::To(error) => while_storing(to, error),
    }
}

/// `pg_restore` does not take what is stored; `read`: why the stream failed, if it did.
pub(super) fn of_archive(destination: &str, error: &ArchiveError, read: Option<&ReadError>) -> TaskError {
    match (error, read) {
        (_, Some(read)) => of_read(destination, read),
        (ArchiveError::Client(error @ ClientError::VersionUnavailable { .. }), _) => of_client(error),
        (ArchiveError::Client(error @ (ClientError::NotStarted { .. } | ClientError::Killed { .. })), _) => {
            failed(BackupReason::Failed, error.to_string())
        }
        (error, None) => last(
            BackupReason::VerificationFailed,
            format!("what is stored in BackupDestination `{destination}`: {error}"),
        ),
    }
}

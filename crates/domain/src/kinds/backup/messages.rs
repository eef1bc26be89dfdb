//! The messages of conditions: what is, and what to do.

use ace_api::{
    Backup, BackupProgress, BackupReason, BackupRun, BackupStatus, BackupStep, CopyState, Database, Reason as _,
};

use super::{Cause, Job, Plan, Problem, TaskError};
use crate::kinds::{
    migration_set::{Blocker, lock_held},
    platform::DatabaseFailure,
};
use crate::reconcile::messages::listed;

/// Most names in a message; the rest is counted.
const NAMED: usize = 3;

const AGAIN: &str = "to try again, change the annotation `ops.mobulace.com/reconcile-at`";

pub(super) fn cancelled() -> Cause {
    let message = "`spec.cancel` ended it before it was complete; create another Backup to have one";
    Cause::new(BackupReason::Cancelled, message)
}

pub(super) fn held(hold: &str) -> Cause {
    let message =
        format!("the object is being deleted, and `spec.hold` ({hold}) keeps it: remove `spec.hold` to let it go");
    Cause::new(BackupReason::Held, message)
}

pub(super) fn ending() -> Cause {
    Cause::new(BackupReason::Deleting, "what is in progress is being ended")
}

pub(super) fn not_deleted(error: &TaskError) -> Cause {
    let message = format!("what is stored could not be marked as deleted: {}", error.message);
    Cause::new(BackupReason::Deleting, message)
}

pub(super) fn deleting() -> Cause {
    let message = "the manifests are being renamed; the data is deleted 72 h later";
    Cause::new(BackupReason::Deleting, message)
}

pub(super) fn queued() -> Cause {
    let message = "this worker makes as many backups as it may at once; it begins when one has ended";
    Cause::new(BackupReason::Queued, message)
}

/// Another worker makes it, as far as is known.
pub(super) fn elsewhere(run: &BackupRun) -> Cause {
    let message = format!("worker `{}` makes attempt {}", run.worker, run.attempt);
    Cause::new(BackupReason::WaitingForTurn, message)
}

pub(super) fn checking() -> Cause {
    Cause::new(
        BackupReason::Verifying,
        "looking whether the copies are what was stored",
    )
}

/// What is done next, before a task has told of it.
pub(super) fn starting(job: &Job) -> Cause {
    running(job, None)
}

pub(super) fn looking(run: Option<&BackupRun>) -> Cause {
    match run {
        Some(run) => Cause::new(
            BackupReason::Interrupted,
            format!(
                "attempt {} of worker `{}` was interrupted; looking for what it has stored",
                run.attempt, run.worker
            ),
        ),
        None => Cause::new(BackupReason::Observing, "reading the manifest"),
    }
}

pub(super) fn running(job: &Job, progress: Option<&BackupProgress>) -> Cause {
    let (reason, what) = match (job, progress.map(|progress| progress.step)) {
        (Job::Make, None | Some(BackupStep::Queue | BackupStep::Lease)) => {
            (BackupReason::Dumping, "taking a snapshot of the database".to_owned())
        }
        (Job::Make, Some(BackupStep::Finish)) => (
            BackupReason::Finishing,
            "the rows are being proved, and the manifest is written".to_owned(),
        ),
        (Job::Make, Some(_)) => (BackupReason::Dumping, "dumping the database".to_owned()),
        (Job::Verify(level), _) => (
            BackupReason::Verifying,
            format!("verifying what is stored to {level:?}"),
        ),
        (Job::Copy(destination), _) => (
            BackupReason::Copying,
            format!("copying what is stored to BackupDestination `{destination}`"),
        ),
    };
    let moved = progress.and_then(moved);
    Cause::new(reason, moved.map_or(what.clone(), |moved| format!("{what}: {moved}")))
}

/// `412 of about 890 MiB, 61 MiB/s`.
fn moved(progress: &BackupProgress) -> Option<String> {
    let BackupProgress {
        bytes,
        total,
        bytes_per_second,
        ..
    } = progress;
    if *bytes == 0 {
        return None;
    }
    let mut text = mebibytes(*bytes);
    if let Some(total) = total.filter(|total| total >= bytes) {
        text = format!("{} of about {} MiB", bytes / MEBIBYTE, total / MEBIBYTE);
    }
    if let Some(rate) = bytes_per_second.filter(|rate| *rate > 0) {
        text = format!("{text}, {}/s", mebibytes(rate));
    }
    Some(text)
}

const MEBIBYTE: i64 = 1 << 20;

fn mebibytes(bytes: i64) -> String {
    format!("{} MiB", bytes / MEBIBYTE)
}

/// As a size is read: with three digits at most.
fn size(bytes: i64) -> String {
    const UNITS: [(i64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let unit = UNITS.into_iter().find(|(unit, _)| bytes >= *unit);
    match unit {
        // Below ten, with one digit behind the point.
        Some((unit, name)) if bytes < unit * 10 => {
            let tenths = bytes / (unit / 10);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} B"),
    }
}

pub(super) fn failed_once(run: &BackupRun, attempts: i32) -> Cause {
    let why = run.message.as_deref().unwrap_or_default();
    let message = format!("attempt {} of {attempts} failed: {why}", run.attempt);
    Cause::new(BackupReason::Retrying, message)
}

/// The last attempt failed.
pub(super) fn failed(run: &BackupRun, error: &TaskError) -> Cause {
    let reason = cause(error).reason;
    let message = format!(
        "attempt {} was the last, and failed: {}; {AGAIN}",
        run.attempt, error.message
    );
    Cause::new(reason, message)
}

pub(super) fn interrupted(run: &BackupRun) -> Cause {
    let message = format!(
        "attempt {} was the last, and was interrupted: worker `{}` ended and has left no manifest; {AGAIN}",
        run.attempt, run.worker
    );
    Cause::new(BackupReason::Failed, message)
}

pub(super) fn no_manifest(object: &Backup) -> Cause {
    let named = object.spec.import.as_ref();
    let message = named.map_or_else(String::new, |import| {
        format!(
            "BackupDestination `{}` has no `{}`: correct `spec.import` in another Backup",
            import.destination.name, import.manifest
        )
    });
    Cause::new(BackupReason::ManifestUnreadable, message)
}

/// Why a task or a step had no result.
pub(super) fn cause(error: &TaskError) -> Cause {
    let TaskError { problem, message } = error;
    match problem {
        Problem::Busy(_) => Cause::new(BackupReason::WaitingForTurn, message.clone()),
        Problem::Stopped => Cause::new(BackupReason::Interrupted, message.clone()),
        Problem::Obstacle(reason) | Problem::Failed(reason) => Cause::new(*reason, message.clone()),
        Problem::Final(reason) => Cause::new(*reason, format!("{message}; {AGAIN}")),
    }
}

/// What keeps a task from the database, with the sentence that its Platform has for it. Reasons are one vocabulary over all kinds.
pub fn database(database: &Database, failure: &DatabaseFailure) -> TaskError {
    let cause = failure.cause(database);
    let reason = match failure {
        DatabaseFailure::SecretMissing(_) => BackupReason::SecretMissing,
        _ => BackupReason::named(cause.reason.as_str()).unwrap_or(BackupReason::DatabaseRefused),
    };
    TaskError {
        problem: Problem::Obstacle(reason),
        message: cause.message,
    }
}

pub(super) fn copies_missing(memo: &BackupStatus) -> Cause {
    let missing: Vec<_> = memo
        .copies
        .iter()
        .filter(|copy| copy.required && copy.state != CopyState::Complete)
        .collect();
    let named = listed(&missing, NAMED, |copy| {
        let why = copy.message.as_deref().map(|why| format!(" ({why})"));
        format!("`{}`{}", copy.destination, why.unwrap_or_default())
    });
    Cause::new(
        BackupReason::Copying,
        format!("the backup is not copied to BackupDestination {named} yet"),
    )
}

/// `241 MB, 132 tables, in 1 of 2 places, verified to Archive`.
pub(super) fn complete(memo: &BackupStatus, plan: Option<&Plan>) -> Cause {
    let mut parts = Vec::new();
    if let Some(archive) = &memo.archive {
        parts.push(size(archive.bytes));
        let noun = if archive.tables == 1 { "table" } else { "tables" };
        parts.push(format!("{} {noun}", archive.tables));
    }
    let complete = memo
        .copies
        .iter()
        .filter(|copy| copy.state == CopyState::Complete)
        .count();
    parts.push(format!("in {complete} of {} places", memo.copies.len()));
    parts.push(match memo.verified.first() {
        Some(verified) => format!("verified to {:?}", verified.level),
        None => "not verified".to_owned(),
    });
    let mut message = parts.join(", ");
    if let Some(unverifiable) = plan.and_then(|plan| plan.unverifiable.as_ref()) {
        message = format!("{message}; {unverifiable}");
    }
    Cause::new(BackupReason::Complete, message)
}

/// `1/2`.
pub(super) fn copies_complete(memo: &BackupStatus) -> Option<String> {
    let complete = memo
        .copies
        .iter()
        .filter(|copy| copy.state == CopyState::Complete)
        .count();
    (!memo.copies.is_empty()).then(|| format!("{complete}/{}", memo.copies.len()))
}

/// `by`: whose session holds the database's lock, if it still does. Names of other namespaces are not told.
pub fn busy(object: &Backup, by: Option<Blocker>) -> TaskError {
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    let message = lock_held(by.as_ref(), namespace);
    TaskError {
        problem: Problem::Busy(by),
        message,
    }
}

/// A table that the schedule requires has lost more rows than it may, since the backup before.
pub fn dropped(table: &str, before: u64, now: u64, most: i32) -> Result<(), TaskError> {
    let (before, now) = (u128::from(before), u128::from(now));
    let kept = u128::try_from(100_i32.saturating_sub(most)).unwrap_or_default();
    if now * 100 >= before * kept {
        return Ok(());
    }
    Err(TaskError {
        problem: Problem::Final(BackupReason::SizeDropped),
        message: format!(
            "table {table} has {now} rows, and had {before} in the backup before; the schedule allows {most} % fewer. If they were \
             deleted on purpose, raise its `maxDropPercent`"
        ),
    })
}

//! The sentences that conditions show: what is, and what to do.

use ace_api::{Baseline, DriftField, MigrationReason, MigrationSet, PlatformReason};

use super::{
    Why,
    plan::Plan,
    step::Blocker,
    world::{PlatformFacts, View},
};
use crate::{
    platform::DatabaseTrouble,
    script::{File, Folder, ScriptError, Unread, Version},
};

/// Names in a sentence; the rest is a number.
const NAMED: usize = 3;

pub(super) fn platform_missing(object: &MigrationSet) -> Why {
    let message = format!(
        "there is no Platform `{}` in this namespace",
        object.spec.platform_ref.name
    );
    Why::new(MigrationReason::PlatformMissing, message)
}

pub(super) fn database_missing(object: &MigrationSet) -> Why {
    let message = format!(
        "Platform `{}` names no database: set its `spec.database`",
        object.spec.platform_ref.name
    );
    Why::new(MigrationReason::DatabaseMissing, message)
}

/// What a look in vain means, in the words of the Platform.
pub(super) fn database(platform: &PlatformFacts, trouble: &DatabaseTrouble) -> Why {
    use MigrationReason as Ours;
    use PlatformReason as Theirs;
    let Some(database) = &platform.database else {
        return Why::new(Ours::DatabaseMissing, "the Platform names no database");
    };
    let why = trouble.why(database);
    let reason = match why.reason {
        Theirs::DatabaseUnreachable => Ours::DatabaseUnreachable,
        Theirs::DatabaseSecretMissing => Ours::DatabaseSecretMissing,
        Theirs::DatabaseAccessMissing => Ours::AccessMissing,
        Theirs::HostNotAllowed => Ours::HostNotAllowed,
        Theirs::PoolerUnsupported => Ours::PoolerUnsupported,
        _ => Ours::DatabaseRefused,
    };
    Why::new(reason, why.message)
}

pub(super) fn newer() -> Why {
    let message = "a newer ace-operator keeps its books in schema `ace_ops` of this database: update this one";
    Why::new(MigrationReason::OperatorTooOld, message)
}

pub(super) fn claimed(object: &MigrationSet, by: &str) -> Why {
    let message = format!(
        "the database of Platform `{}` belongs to MigrationSet {by}; if that one is gone for good, run \
         `DELETE FROM ace_ops.owner` there",
        object.spec.platform_ref.name
    );
    Why::new(MigrationReason::DatabaseClaimed, message)
}

pub(super) fn busy(who: &str) -> Why {
    Why::new(
        MigrationReason::WaitingForTurn,
        format!("another session runs migrations on this database: {who}"),
    )
}

pub(super) fn schema_busy() -> Why {
    Why::new(
        MigrationReason::WaitingForLock,
        "the schema can't be read now: somebody holds a lock on a part of it",
    )
}

pub(super) fn blocked(version: &Version, blockers: &[Blocker]) -> Why {
    let named: Vec<String> = blockers.iter().take(NAMED).map(blocker).collect();
    let others = match named.len() {
        0 => "another session".to_owned(),
        _ => listed(&named, blockers.len()),
    };
    Why::new(
        MigrationReason::WaitingForLock,
        format!("{version} waits for a lock that {others} holds; it is tried again"),
    )
}

fn blocker(blocker: &Blocker) -> String {
    let name = if blocker.application.is_empty() {
        "unnamed"
    } else {
        &blocker.application
    };
    let age = blocker
        .age
        .map(|age| format!(", in a transaction for {} s", age.as_secs()))
        .unwrap_or_default();
    format!("pid {} ({name}{age})", blocker.pid)
}

pub(super) fn changed(versions: &[String]) -> Why {
    let which = listed(&versions[..versions.len().min(NAMED)], versions.len());
    Why::new(
        MigrationReason::ChecksumMismatch,
        format!("{which}: the file is not what was applied; put it back, and write the change as a new migration"),
    )
}

pub(super) fn half(version: &str) -> Why {
    Why::new(
        MigrationReason::HalfApplied,
        format!(
            "{version} stopped half-way and its file was changed since: put it back as it was, or, when you have finished it \
             by hand, record it with `supabase migration repair {version} --status applied`"
        ),
    )
}

pub(super) fn baseline_required(made: usize, digest: &str) -> Why {
    let noun = if made == 1 { "object" } else { "objects" };
    Why::new(
        MigrationReason::BaselineRequired,
        format!(
            "the ledger is empty and the schema has {made} {noun}: if they come from these files, set `spec.baseline` to \
             {{through: <the last version that is in it>, schemaDigest: \"{digest}\"}}"
        ),
    )
}

pub(super) fn baseline_mismatch(named: &Baseline, digest: &str) -> Why {
    Why::new(
        MigrationReason::BaselineMismatch,
        format!(
            "`spec.baseline` names {}, and the live schema is {digest}: nothing was recorded; check that the files up to {} \
             make this schema, and name its digest",
            short(&named.schema_digest),
            named.through
        ),
    )
}

/// `through` is the version of no file: what it means can't be guessed, and to guess it too old would run old files.
pub(super) fn baseline_unknown(named: &Baseline, folder: &Folder) -> Why {
    let through = &named.through;
    let behind = folder
        .files
        .partition_point(|file| file.version.as_str() < through.as_str());
    let near = &folder.files[behind.saturating_sub(1)..folder.files.len().min(behind + 2)];
    let near: Vec<_> = near.iter().map(|file| file.version.as_str()).collect();
    Why::new(
        MigrationReason::BaselineMismatch,
        format!(
            "`spec.baseline.through` is {through}, and no file has that version: nothing was recorded and nothing runs; the \
             nearest: {}",
            near.join(", ")
        ),
    )
}

pub(super) fn refused(file: &File, error: &ScriptError) -> Why {
    Why::new(
        MigrationReason::MigrationRefused,
        format!("{}: {error}", file.file_name),
    )
}

/// The server can't parse a statement either. `line` counts lines of the statement.
pub(super) fn fault(file: &File, piece: &Unread, line: u32, message: &str) -> Why {
    let before = file.text[..piece.range.start].matches('\n').count();
    let line = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(line + 1);
    Why::new(
        MigrationReason::MigrationRefused,
        format!("{}: line {line}: {message}", file.file_name),
    )
}

pub(super) fn late(versions: &[String], head: &str) -> Why {
    let which = listed(&versions[..versions.len().min(NAMED)], versions.len());
    Why::new(
        MigrationReason::OutOfOrder,
        format!(
            "{which} would come before {head}, which is applied: give it a newer version, or set `policy.outOfOrder` to `Apply`"
        ),
    )
}

/// What needs an approval, and how it is given.
pub(super) fn approval(object: &MigrationSet, plan: &Plan, view: &View) -> Why {
    let digest = &plan.digest;
    let stored = view.house.as_ref().and_then(|house| house.plan.as_ref());
    let known = |approved: &String| approved == digest || stored.is_some_and(|stored| stored.digest == *approved);
    let approvals = &object.spec.approvals;
    let others = if approvals.is_empty() || approvals.iter().any(|approval| known(&approval.plan)) {
        ""
    } else {
        "; the approvals in the spec are for other plans"
    };
    let way = format!("to allow it add plan {digest} to `spec.approvals`{others}");
    let mut again = plan.items.iter().filter(|item| item.again);
    if let Some(item) = again.next() {
        let version = &item.file.version;
        let head = view.ledger.keys().next_back().map_or("empty", String::as_str);
        let message = match again.count() {
            0 => format!(
                "{version} was applied once and is gone from the ledger, whose head is {head}: if its effects are still there, \
                 record it with `supabase migration repair {version} --status applied`; if it has to run again, {way}"
            ),
            more => format!(
                "{version} and {more} more were applied once and are gone from the ledger, whose head is {head}: those whose \
                 effects are still there, record with `supabase migration repair VERSION --status applied`; if they have to run \
                 again, {way}"
            ),
        };
        return Why::new(MigrationReason::LedgerRegressed, message);
    }
    let mut guarded = plan.guarded(&object.spec.policy.approve);
    let first = guarded.next();
    let more = match guarded.count() {
        0 => String::new(),
        1 => ", and 1 more statement needs it".to_owned(),
        number => format!(", and {number} more statements need it"),
    };
    let message = first.map_or_else(
        || way.clone(),
        |(item, risk)| format!("{} {}{more}; {way}", item.file.version, risk.says),
    );
    Why::new(MigrationReason::ApprovalRequired, message)
}

pub(super) fn drift_blocks(differences: &[DriftField]) -> Why {
    Why::new(
        MigrationReason::DriftBlocked,
        format!(
            "{}: undo it, or name the live schema in `spec.acceptedSchema`",
            differs(differences)
        ),
    )
}

/// How many objects differ, and the first of them.
pub(super) fn differs(differences: &[DriftField]) -> String {
    let named: Vec<String> = differences
        .iter()
        .take(NAMED)
        .map(|field| field.path.replacen('/', " ", 1))
        .collect();
    let number = differences.len();
    let (noun, verb) = if number == 1 {
        ("object", "differs")
    } else {
        ("objects", "differ")
    };
    format!("{number} {noun} {verb}: {}", listed(&named, number))
}

fn listed(named: &[String], all: usize) -> String {
    let more = all.saturating_sub(named.len());
    let text = named.join(", ");
    if more == 0 {
        text
    } else {
        format!("{text} and {more} more")
    }
}

fn short(digest: &str) -> &str {
    digest.get(.."sha256:".len() + 12).unwrap_or(digest)
}

//! The messages of conditions: what was observed, and what to do.

use ace_api::{Baseline, DriftField, MigrationReason, MigrationSet, Reason as _};

use super::{
    Cause,
    ledger_diff::{Elsewhere, Likeness},
    plan::Plan,
    state::{Observation, Owner, PlatformFacts},
    step::{Blocker, lock_held},
};
use crate::{
    bundle::short_digest,
    kinds::platform::DatabaseFailure,
    reconcile::messages::listed,
    sql::{File, Folder, ScriptError, Unread, Version},
};

/// Most names in a message; the rest is counted.
const NAMED: usize = 3;

pub(super) fn database_missing(object: &MigrationSet) -> Cause {
    let message = format!(
        "Platform `{}` has no database: set its `spec.database`",
        object.spec.platform_ref.name
    );
    Cause::new(MigrationReason::DatabaseMissing, message)
}

/// The cause of a failed observation, with the message that the Platform has for it.
pub(super) fn database(platform: &PlatformFacts, step_error: &DatabaseFailure) -> Cause {
    let Some(database) = &platform.database else {
        return Cause::new(MigrationReason::DatabaseMissing, "the Platform has no `spec.database`");
    };
    let cause = step_error.cause(database);
    // Reasons are one vocabulary over all kinds.
    let reason = match step_error {
        DatabaseFailure::Damaged(_) => MigrationReason::LedgerDamaged,
        _ => MigrationReason::named(cause.reason.as_str()).unwrap_or(MigrationReason::DatabaseRefused),
    };
    Cause::new(reason, cause.message)
}

pub(super) fn newer() -> Cause {
    let message = "schema `ace_ops` of this database was created by a newer ace-operator: upgrade this one";
    Cause::new(MigrationReason::OperatorTooOld, message)
}

pub(super) fn claimed(object: &MigrationSet, by: &Owner) -> Cause {
    let who = if by.namespace == namespace(object) {
        format!("MigrationSet {by}")
    } else {
        "a MigrationSet of another namespace, which `ace_ops.owner` in the database names".to_owned()
    };
    let message = format!(
        "the database of Platform `{}` is claimed by {who}; if that one no longer exists, run `DELETE FROM ace_ops.owner` in the \
         database",
        object.spec.platform_ref.name
    );
    Cause::new(MigrationReason::DatabaseClaimed, message)
}

/// `by`: whose session holds the database's lock, if it still does.
pub(super) fn busy(object: &MigrationSet, by: Option<&Blocker>) -> Cause {
    Cause::new(MigrationReason::WaitingForTurn, lock_held(by, namespace(object)))
}

pub(super) fn schema_busy() -> Cause {
    Cause::new(
        MigrationReason::WaitingForLock,
        "the schema can't be read now: another session holds a lock on part of it",
    )
}

pub(super) fn blocked(object: &MigrationSet, version: &Version, blockers: &[Blocker]) -> Cause {
    let others = match blockers {
        [] => "another session".to_owned(),
        _ => listed(blockers, NAMED, |it| blocker(object, it)),
    };
    Cause::new(
        MigrationReason::WaitingForLock,
        format!("{version} is waiting for a lock held by {others}; retrying"),
    )
}

fn blocker(object: &MigrationSet, blocker: &Blocker) -> String {
    let name = blocker.name_in(namespace(object));
    let age = blocker
        .age
        .map(|age| format!(", in a transaction for {} s", age.as_secs()))
        .unwrap_or_default();
    format!("pid {} ({name}{age})", blocker.pid)
}

fn namespace(object: &MigrationSet) -> &str {
    object.metadata.namespace.as_deref().unwrap_or_default()
}

pub(super) fn changed(versions: &[String]) -> Cause {
    let which = listed(versions, NAMED, String::clone);
    Cause::new(
        MigrationReason::ChecksumMismatch,
        format!("{which}: the file differs from what was applied; restore it, and write the change as a new migration"),
    )
}

pub(super) fn half(version: &str) -> Cause {
    Cause::new(
        MigrationReason::HalfApplied,
        format!(
            "{version} was applied in part and its file was changed since: restore the file, or finish the migration by hand and \
             record it with `supabase migration repair {version} --status applied`"
        ),
    )
}

pub(super) fn baseline_required(made: usize, digest: &str) -> Cause {
    let noun = if made == 1 { "object" } else { "objects" };
    Cause::new(
        MigrationReason::BaselineRequired,
        format!(
            "the migration ledger is empty, but the schema has {made} {noun}: if these files created them, set `spec.baseline` to \
             {{through: <the last version that the schema contains>, schemaDigest: \"{digest}\"}}; if none of the files did, set \
             `through` to \"none\", and all of them run"
        ),
    )
}

pub(super) fn baseline_mismatch(named: &Baseline, digest: &str) -> Cause {
    let check = named.version().map_or_else(
        || "check that no file created anything of this schema".to_owned(),
        |version| format!("check that the files up to {version} create this schema"),
    );
    Cause::new(
        MigrationReason::BaselineMismatch,
        format!(
            "`spec.baseline.schemaDigest` is {}, but the live schema is {digest}: nothing was recorded; {check}, then set its digest",
            short_digest(&named.schema_digest),
        ),
    )
}

/// No file has the version `through`. It is not guessed: a version that is too low would run old files.
pub(super) fn baseline_unknown(named: &Baseline, folder: &Folder) -> Cause {
    let through = &named.through;
    let place = folder
        .files
        .partition_point(|file| file.version.as_str() < through.as_str());
    let near = folder.files.iter().take(place + 2).skip(place.saturating_sub(1));
    let near: Vec<_> = near.map(|file| file.version.as_str()).collect();
    Cause::new(
        MigrationReason::BaselineMismatch,
        format!(
            "`spec.baseline.through` is {through}, but no file has that version: nothing was recorded and nothing will run; the \
             nearest versions: {}",
            near.join(", ")
        ),
    )
}

pub(super) fn refused(file: &File, error: &ScriptError) -> Cause {
    Cause::new(
        MigrationReason::MigrationRefused,
        format!("{}: {error}", file.file_name),
    )
}

/// The server can't parse a statement either. `line` counts lines of the statement.
pub(super) fn fault(file: &File, piece: &Unread, line: u32, message: &str) -> Cause {
    let before = file
        .text
        .get(..piece.range.start)
        .unwrap_or_default()
        .matches('\n')
        .count();
    let line = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(line + 1);
    Cause::new(
        MigrationReason::MigrationRefused,
        format!("{}: line {line}: {message}", file.file_name),
    )
}

pub(super) fn late(versions: &[String], head: &str) -> Cause {
    let which = listed(versions, NAMED, String::clone);
    Cause::new(
        MigrationReason::OutOfOrder,
        format!(
            "{which} would come before {head}, which is already applied: give it a newer version, or set `spec.policy.outOfOrder: Apply`"
        ),
    )
}

pub(super) fn approval(object: &MigrationSet, plan: &Plan, observation: &Observation) -> Cause {
    let digest = &plan.digest;
    let stored = observation.stored_plan();
    let known = |approved: &String| approved == digest || stored.is_some_and(|stored| stored.digest == *approved);
    let approvals = &object.spec.approvals;
    let others = if approvals.is_empty() || approvals.iter().any(|approval| known(&approval.plan)) {
        ""
    } else {
        "; the approvals in the spec are for other plans"
    };
    let instruction = format!("add plan {digest} to `spec.approvals`{others}");
    let mut again = plan.items.iter().filter(|item| item.again);
    if let Some(item) = again.next() {
        let version = &item.file.version;
        let head = observation.ledger.keys().next_back().map_or("empty", String::as_str);
        let message = match again.count() {
            0 => format!(
                "{version} was applied before but is missing from the ledger, whose head is {head}: if its effects are still there, \
                 record it with `supabase migration repair {version} --status applied`; if it must run again, {instruction}"
            ),
            more => format!(
                "{version} and {more} more were applied before but are missing from the ledger, whose head is {head}: record those \
                 whose effects are still there with `supabase migration repair VERSION --status applied`; if they must run again, \
                 {instruction}"
            ),
        };
        return Cause::new(MigrationReason::LedgerRegressed, message);
    }
    let elsewhere = plan
        .items
        .iter()
        .find_map(|item| Some((&item.file.version, item.elsewhere.as_ref()?)));
    if let Some((version, Elsewhere { version: elsewhere, by })) = elsewhere {
        let (alike, same, other) = match by {
            Likeness::Sql => ("SQL as", "it must not run again", "it must run again"),
            Likeness::NameAndStatements => (
                "name as, and statements of,",
                "it is the same migration",
                "all of it must run",
            ),
            Likeness::Name => ("name as", "it is the same migration", "it is another one"),
        };
        let unknown = match by {
            Likeness::Name => ", and whose statements are not recorded",
            _ => "",
        };
        let message = format!(
            "{version} has the same {alike} {elsewhere}, which is applied and has no file{unknown}: if {same}, run `supabase \
             migration repair {elsewhere} --status reverted` and `supabase migration repair {version} --status applied`; if {other}, \
             {instruction}"
        );
        return Cause::new(MigrationReason::AppliedElsewhere, message);
    }
    let mut guarded = plan.guarded(&object.spec.policy.approve);
    let first = guarded.next();
    let more = match guarded.count() {
        0 => String::new(),
        1 => ", and 1 more statement needs it".to_owned(),
        number => format!(", and {number} more statements need it"),
    };
    let message = first.map_or_else(
        || format!("to approve it, {instruction}"),
        |(item, risk)| {
            format!(
                "{} {}{more}; to approve it, {instruction}",
                item.file.version, risk.says
            )
        },
    );
    Cause::new(MigrationReason::ApprovalRequired, message)
}

pub(super) fn drift_blocks(differences: &[DriftField]) -> Cause {
    Cause::new(
        MigrationReason::DriftBlocked,
        format!(
            "{}: revert the change, or set `spec.acceptedSchema` to `status.schema.digest` to accept it",
            differs(differences)
        ),
    )
}

/// How many objects differ, and the first of them.
pub(super) fn differs(differences: &[DriftField]) -> String {
    let named = listed(differences, NAMED, |field| field.path.replacen('/', " ", 1));
    let number = differences.len();
    let (noun, verb) = if number == 1 {
        ("object", "differs")
    } else {
        ("objects", "differ")
    };
    format!("{number} {noun} {verb}: {named}")
}

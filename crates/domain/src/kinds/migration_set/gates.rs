//! The order of the steps on a database that answers, and what blocks each of them.

use ace_api::{Baseline, HeldMigration, MigrationMode, MigrationReason, MigrationSet, OutOfOrder, WhileDrifted};

use super::{
    Cause, assessment, backup, decide,
    ledger_diff::{LedgerDiff, Pending, first_pending, ledger_diff},
    messages,
    plan::{Plan, pending_digest},
    state::{Observation, OperatorSchema, Owner, PlatformFacts, ReferenceState, SchemaObservation, State},
    step::{Step, SyntaxCheck},
};
use crate::{
    reconcile::held,
    sql::{Folder, committing_call, used_new_value},
};

pub(super) enum Next {
    /// A step that writes nothing.
    Step(Step),
    /// A step that needs the database's lock.
    UnderLock(Step),
    /// A dependency is not ready.
    Wait(Cause),
    /// The source could not be read this time; it may well be as it was.
    Unread(Cause),
    Refuse(Cause),
    Nothing,
}

/// Each line takes precedence over all that follow.
pub(super) fn next(object: &MigrationSet, state: &State, platform: &PlatformFacts, observation: &Observation) -> Next {
    let sourceless = || decide::sourceless(&state.source);
    let observes = object.spec.mode == MigrationMode::Observe;
    // A set in mode `Observe` may share the database of another; without files it has nothing to report.
    let first = if observes { sourceless() } else { None };
    first
        .or_else(|| foreign(object, observation))
        .or_else(|| schema_chores(object, state, observation))
        .or_else(sourceless)
        .unwrap_or_else(|| match state.folder() {
            Some(folder) => with_files(object, state, platform, observation, folder),
            None => Next::Nothing,
        })
}

fn with_files(
    object: &MigrationSet,
    state: &State,
    platform: &PlatformFacts,
    observation: &Observation,
    folder: &Folder,
) -> Next {
    if state.prepared {
        return running(
            state,
            first_pending(folder, observation, remembered(state, observation)),
        );
    }
    let ledger_diff = ledger_diff(object, folder, observation, remembered(state, observation));
    edited(observation, folder, &ledger_diff)
        .or_else(|| baseline(object, observation, folder, &ledger_diff))
        .or_else(|| unread(state, observation, &ledger_diff))
        .or_else(|| late(object, &ledger_diff))
        .or_else(|| bookkeeping(object, observation, &ledger_diff))
        .or_else(|| held(object, state, &ledger_diff))
        .unwrap_or_else(
            || match Plan::of(object, state, observation, &ledger_diff, &platform.project) {
                Some(plan) if !plan.items.is_empty() => run(object, state, observation, &plan),
                _ => Next::Nothing,
            },
        )
}

/// The highest version in the ledger of this same database, by the status.
pub(super) fn remembered<'a>(state: &'a State, observation: &Observation) -> Option<&'a str> {
    let target = state.memo.target.as_ref()?;
    let same = target.system_identifier == observation.target.system_identifier
        && target.database_oid == observation.target.database_oid
        && target.database == observation.target.database;
    state.memo.head.as_deref().filter(|_| same)
}

/// Another MigrationSet, or a newer operator, owns the database.
fn foreign(object: &MigrationSet, observation: &Observation) -> Option<Next> {
    let operator_schema = observation.operator_schema.as_ref()?;
    if operator_schema.newer {
        return Some(Next::Refuse(messages::newer()));
    }
    let owner = operator_schema.owner.as_ref()?;
    (!is_ours(object, operator_schema)).then(|| Next::Refuse(messages::claimed(object, owner)))
}

fn is_ours(object: &MigrationSet, operator_schema: &OperatorSchema) -> bool {
    operator_schema.owner == Some(Owner::of(object))
}

/// The snapshot after a run is pending, and this set has to take it.
pub(super) fn owes_snapshot(object: &MigrationSet, observation: &Observation) -> bool {
    let ours = observation
        .operator_schema
        .as_ref()
        .is_some_and(|operator_schema| is_ours(object, operator_schema));
    ours && object.spec.mode == MigrationMode::Apply && observation.is_snapshot_pending()
}

/// The snapshot after a run and a new reference: both are due whatever the files contain.
fn schema_chores(object: &MigrationSet, state: &State, observation: &Observation) -> Option<Next> {
    if object.spec.mode == MigrationMode::Observe || state.prepared {
        return None;
    }
    let operator_schema = observation
        .operator_schema
        .as_ref()
        .filter(|operator_schema| operator_schema.owner.is_some())?;
    if observation.is_snapshot_pending() {
        return (!state.snapshot_taken).then_some(Next::UnderLock(Step::SnapshotAfterRun));
    }
    let SchemaObservation::Taken { digest, .. } = &observation.schema else {
        return None;
    };
    let keep = renewed(object, observation, operator_schema.reference.as_ref(), digest)?;
    let digest = digest.clone();
    Some(Next::UnderLock(Step::SetReference { digest, keep }))
}

/// Whether the reference has to be replaced, and the schemas that keep theirs: drift in a schema that stays in `spec.schemas`
/// stays drift.
fn renewed(
    object: &MigrationSet,
    observation: &Observation,
    reference: Option<&ReferenceState>,
    live: &String,
) -> Option<Vec<String>> {
    let Some(reference) = reference.filter(|_| !observation.is_reworded()) else {
        return Some(Vec::new());
    };
    let mut watched = watched(object);
    let moved = reference.schemas != watched;
    if object.spec.accepted_schema.as_ref() == Some(live) {
        return (moved || reference.digest != *live).then(Vec::new);
    }
    watched.retain(|schema| reference.schemas.contains(schema));
    moved.then_some(watched)
}

/// `spec.schemas`, sorted as in a reference.
pub(super) fn watched(object: &MigrationSet) -> Vec<String> {
    let mut schemas = object.spec.schemas.clone();
    schemas.sort_unstable();
    schemas
}

/// A file differs from what was run under its version.
fn edited(observation: &Observation, folder: &Folder, ledger_diff: &LedgerDiff<'_>) -> Option<Next> {
    if !ledger_diff.changed.is_empty() {
        return Some(Next::Refuse(messages::changed(&ledger_diff.changed)));
    }
    let half = observation
        .operator_schema
        .as_ref()
        .map(|operator_schema| &operator_schema.half)?;
    // A version in the ledger is applied, even if it was finished by hand.
    let mut half = half
        .iter()
        .filter(|(version, _)| !observation.ledger.contains_key(*version));
    let (version, _) = half.find(|(version, sha256)| {
        let file = folder.file(version);
        file.is_none_or(|file| !file.has_digest(sha256))
    })?;
    Some(Next::Refuse(messages::half(version)))
}

/// A schema that existed before the ledger.
fn baseline(
    object: &MigrationSet,
    observation: &Observation,
    folder: &Folder,
    ledger_diff: &LedgerDiff<'_>,
) -> Option<Next> {
    if ledger_diff.pending.is_empty() && ledger_diff.baseline.is_empty() {
        return None;
    }
    let named = object.spec.baseline.as_ref();
    let unknown = |named: &&Baseline| {
        named
            .version()
            .is_some_and(|version| !is_known(version, folder, observation))
    };
    if let Some(named) = named.filter(unknown) {
        return Some(Next::Refuse(messages::baseline_unknown(named, folder)));
    }
    let SchemaObservation::Taken { digest, made, .. } = &observation.schema else {
        let needed = !ledger_diff.baseline.is_empty() || observation.ledger.is_empty();
        return needed.then(|| Next::Wait(messages::schema_busy()));
    };
    let nothing_recorded = observation.ledger.is_empty()
        && observation
            .operator_schema
            .as_ref()
            .is_none_or(OperatorSchema::is_unused);
    match named {
        Some(named)
            if named.schema_digest != *digest
                && (!ledger_diff.baseline.is_empty() || named.version().is_none() && nothing_recorded) =>
        {
            Some(Next::Refuse(messages::baseline_mismatch(named, digest)))
        }
        // The baseline's version is a file that is recorded now, or one that was applied and runs again only with an approval.
        Some(named) if named.schema_digest == *digest => None,
        _ => (nothing_recorded && *made > 0).then(|| Next::Refuse(messages::baseline_required(*made, digest))),
    }
}

/// A file has this version, or had it when it was applied: after the baseline files may be removed from the folder.
fn is_known(version: &str, folder: &Folder, observation: &Observation) -> bool {
    let noted = observation
        .operator_schema
        .as_ref()
        .is_some_and(|operator_schema| operator_schema.rows.contains_key(version));
    noted || observation.ledger.contains_key(version) || folder.file(version).is_some()
}

/// Pending files that were not read, can't be run, or have statements that only the server can parse.
fn unread(state: &State, observation: &Observation, ledger_diff: &LedgerDiff<'_>) -> Option<Next> {
    let pending = || ledger_diff.pending.iter().map(|pending| pending.file);
    let missing: Vec<_> = pending()
        .filter(|file| !state.scripts.contains_key(&file.sha256))
        .cloned()
        .collect();
    if !missing.is_empty() {
        return Some(Next::Step(Step::Read(missing)));
    }
    let scripts = || pending().filter_map(|file| Some((file, state.scripts.get(&file.sha256)?)));
    let refused = scripts().find_map(|(file, script)| Some((file, script.as_ref().err()?)));
    if let Some((file, error)) = refused {
        return Some(Next::Refuse(messages::refused(file, error)));
    }
    if let Some(unassessed) = assessment::pending(state, ledger_diff) {
        return Some(Next::Step(Step::Assess(unassessed)));
    }
    let readable: Vec<_> = scripts()
        .filter_map(|(file, script)| Some((file, &**script.as_ref().ok()?)))
        .collect();
    let read: Vec<_> = readable.iter().map(|(_, script)| *script).collect();
    let refused = committing_call(&read, &observation.catalogue);
    let refused = refused.or_else(|| used_new_value(&read, &observation.catalogue));
    if let Some(((file, _), error)) = refused.and_then(|(number, error)| Some((readable.get(number)?, error))) {
        return Some(Next::Refuse(messages::refused(file, &error)));
    }
    let pieces = || {
        let readable = readable.iter();
        readable.flat_map(|(file, script)| script.unread.iter().map(move |piece| (*file, piece)))
    };
    let questions: Vec<_> = pieces()
        .filter_map(|(file, piece)| file.text.get(piece.range.clone()))
        .filter(|statement| !state.answers.contains_key(*statement))
        .map(str::to_owned)
        .collect();
    if !questions.is_empty() {
        return Some(Next::Step(Step::CheckSyntax(questions)));
    }
    let fault = pieces().find_map(
        |(file, piece)| match state.answers.get(file.text.get(piece.range.clone())?)? {
            SyntaxCheck::Parses => None,
            SyntaxCheck::Fault { line, message } => Some((file, piece, *line, message)),
        },
    );
    fault.map(|(file, piece, line, message)| Next::Refuse(messages::fault(file, piece, line, message)))
}

fn late(object: &MigrationSet, ledger_diff: &LedgerDiff<'_>) -> Option<Next> {
    let refused = object.spec.policy.out_of_order == OutOfOrder::Refuse && !ledger_diff.late.is_empty();
    let head = ledger_diff.head.as_deref().unwrap_or_default();
    refused.then(|| Next::Refuse(messages::late(&ledger_diff.late, head)))
}

/// Schema `ace_ops`: created, and completed by what the ledger proves.
fn bookkeeping(object: &MigrationSet, observation: &Observation, ledger_diff: &LedgerDiff<'_>) -> Option<Next> {
    if object.spec.mode == MigrationMode::Observe {
        return None;
    }
    if observation
        .operator_schema
        .as_ref()
        .is_none_or(|operator_schema| operator_schema.owner.is_none())
    {
        return Some(Next::UnderLock(Step::Claim));
    }
    if !ledger_diff.adoptable.is_empty() {
        let files = ledger_diff.adoptable.iter().map(|file| (*file).clone());
        return Some(Next::UnderLock(Step::Adopt(files.collect())));
    }
    let baseline = ledger_diff.baseline.iter().map(|file| (*file).clone());
    (!ledger_diff.baseline.is_empty()).then(|| Next::UnderLock(Step::Baseline(baseline.collect())))
}

/// A failed run is not retried before files, spec or `reconcile-at` change.
fn held(object: &MigrationSet, state: &State, ledger_diff: &LedgerDiff<'_>) -> Option<Next> {
    let held = state.memo.held.as_ref()?;
    let digest = pending_digest(ledger_diff.pending.iter().map(|pending| pending.file));
    let cause = || held::cause(&held.outcome, MigrationReason::MigrationFailed);
    still_applies(held, object, &digest).then(|| Next::Refuse(cause()))
}

/// Files, spec and `reconcile-at` are the same as when it failed.
pub(super) fn still_applies(held: &HeldMigration, object: &MigrationSet, digest: &str) -> bool {
    held.digest == digest && held::is_unchanged_since(&held.outcome, object)
}

fn run(object: &MigrationSet, state: &State, observation: &Observation, plan: &Plan) -> Next {
    if plan.needs_approval {
        return Next::Refuse(messages::approval(object, plan, observation));
    }
    if object.spec.mode == MigrationMode::Observe {
        return Next::Nothing;
    }
    match &observation.schema {
        // The changes of this run could not be distinguished from drift.
        _ if observation.is_snapshot_pending() => return Next::Wait(messages::schema_busy()),
        SchemaObservation::Busy => return Next::Wait(messages::schema_busy()),
        SchemaObservation::Taken { differences, .. }
            if object.spec.policy.while_drifted == WhileDrifted::Block && !differences.is_empty() =>
        {
            return Next::Refuse(messages::drift_blocks(differences));
        }
        SchemaObservation::Taken { .. } => {}
    }
    if let Some(next) = backup::missing(object, state, observation, plan) {
        return next;
    }
    Next::UnderLock(Step::Prepare(plan.stored(&observation.target)))
}

/// The next file of a run that was prepared.
fn running(state: &State, pending: Option<Pending<'_>>) -> Next {
    let Some(pending) = pending else {
        return Next::UnderLock(Step::SnapshotAfterRun);
    };
    match state.scripts.get(&pending.file.sha256) {
        Some(Ok(script)) => Next::UnderLock(Step::Run {
            file: pending.file.clone(),
            script: script.clone(),
            again: pending.again,
            after: state.backups.run.clone(),
        }),
        // The files can't change within a reconcile; if they could, the next reconcile would read them.
        _ => Next::UnderLock(Step::SnapshotAfterRun),
    }
}

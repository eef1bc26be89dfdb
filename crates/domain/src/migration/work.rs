//! What is left to do on a database that answers: the order in which things are done, and what stands in their way.

use ace_api::{HeldMigration, MigrationMode, MigrationReason, MigrationSet, OutOfOrder, WhileDrifted};
use kube::ResourceExt;

use super::{
    Why, decide,
    plan::{Plan, pending_digest},
    standing::{Pending, Standing, first_pending, standing},
    step::{Answer, Step},
    words,
    world::{House, PlatformFacts, ReferenceState, SchemaLook, View, World},
};
use crate::{names::reconcile_at, script::Folder};

/// What is next.
pub(super) enum Next {
    /// A step that writes nothing.
    Step(Step),
    /// A step that needs the database's lock.
    UnderLock(Step),
    /// The world is not there yet.
    Wait(Why),
    /// Only a person can go on.
    Refuse(Why),
    /// Everything is as it should be.
    Nothing,
}

/// What is next. Each line is one thing that comes before all that follow.
pub(super) fn next(object: &MigrationSet, world: &World, platform: &PlatformFacts, view: &View) -> Next {
    let sourceless = || decide::sourceless(&world.source);
    let observes = object.spec.mode == MigrationMode::Observe;
    // Whoever only observes may share a database; without files there is nothing to say.
    let first = if observes { sourceless() } else { None };
    first
        .or_else(|| foreign(object, view))
        .or_else(|| schema_chores(object, world, view))
        .or_else(sourceless)
        .unwrap_or_else(|| match world.folder() {
            Some(folder) => with_files(object, world, platform, view, folder),
            None => Next::Nothing,
        })
}

fn with_files(object: &MigrationSet, world: &World, platform: &PlatformFacts, view: &View, folder: &Folder) -> Next {
    if world.prepared {
        return running(world, first_pending(folder, view, remembered(world, view)));
    }
    let standing = standing(object, folder, view, remembered(world, view));
    edited(view, folder, &standing)
        .or_else(|| baseline(object, view, folder, &standing))
        .or_else(|| unread(world, &standing))
        .or_else(|| late(object, &standing))
        .or_else(|| books(object, view, &standing))
        .or_else(|| held(object, world, &standing))
        .unwrap_or_else(|| match Plan::of(object, world, view, &standing, &platform.project) {
            Some(plan) if !plan.items.is_empty() => run(object, view, &plan),
            _ => Next::Nothing,
        })
}

/// The highest version that this very database was seen with.
pub(super) fn remembered<'a>(world: &'a World, view: &View) -> Option<&'a str> {
    let target = world.memo.target.as_ref()?;
    let same = target.system_identifier == view.target.system_identifier
        && target.database_oid == view.target.database_oid
        && target.database == view.target.database;
    world.memo.head.as_deref().filter(|_| same)
}

/// The database is not ours.
fn foreign(object: &MigrationSet, view: &View) -> Option<Next> {
    let house = view.house.as_ref()?;
    if house.newer {
        return Some(Next::Refuse(words::newer()));
    }
    let (namespace, name) = house.owner.as_ref()?;
    (!is_ours(object, house)).then(|| Next::Refuse(words::claimed(object, &format!("{namespace}/{name}"))))
}

fn is_ours(object: &MigrationSet, house: &House) -> bool {
    let owner = house.owner.as_ref();
    owner.is_some_and(|(namespace, name)| object.namespace().as_ref() == Some(namespace) && object.name_any() == *name)
}

/// A look behind a run is due, and ours to make.
pub(super) fn owes_look(object: &MigrationSet, view: &View) -> bool {
    let ours = view.house.as_ref().is_some_and(|house| is_ours(object, house));
    ours && object.spec.mode == MigrationMode::Apply && view.is_behind()
}

/// The look behind a run, and a new reference: both are due whatever the files say.
fn schema_chores(object: &MigrationSet, world: &World, view: &View) -> Option<Next> {
    if object.spec.mode == MigrationMode::Observe || world.prepared {
        return None;
    }
    let house = view.house.as_ref().filter(|house| house.owner.is_some())?;
    if view.is_behind() {
        return (!world.looked_behind).then_some(Next::UnderLock(Step::LookBehind));
    }
    let SchemaLook::Taken { digest, .. } = &view.schema else {
        return None;
    };
    let keep = renewed(object, view, house.reference.as_ref(), digest)?;
    let digest = digest.clone();
    Some(Next::UnderLock(Step::SetReference { digest, keep }))
}

/// Whether the reference has to be taken anew, and the schemas whose objects keep theirs: drift in what stays watched stays drift.
fn renewed(
    object: &MigrationSet,
    view: &View,
    reference: Option<&ReferenceState>,
    live: &String,
) -> Option<Vec<String>> {
    let Some(reference) = reference.filter(|_| !view.is_reworded()) else {
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

/// The schemas of the spec, as a reference has them.
pub(super) fn watched(object: &MigrationSet) -> Vec<String> {
    let mut schemas = object.spec.schemas.clone();
    schemas.sort_unstable();
    schemas
}

/// A file is not what was run under its version.
fn edited(view: &View, folder: &Folder, standing: &Standing<'_>) -> Option<Next> {
    if !standing.changed.is_empty() {
        return Some(Next::Refuse(words::changed(&standing.changed)));
    }
    let half = view.house.as_ref().map(|house| &house.half)?;
    // What is in the ledger is applied, however it came there: somebody has finished it.
    let mut half = half.iter().filter(|(version, _)| !view.ledger.contains_key(*version));
    let (version, _) = half.find(|(version, sha256)| {
        let file = folder.files.iter().find(|file| file.version.as_str() == *version);
        file.is_none_or(|file| file.sha256 != **sha256)
    })?;
    Some(Next::Refuse(words::half(version)))
}

/// A schema that was there before the ledger.
fn baseline(object: &MigrationSet, view: &View, folder: &Folder, standing: &Standing<'_>) -> Option<Next> {
    if standing.pending.is_empty() && standing.baseline.is_empty() {
        return None;
    }
    let named = object.spec.baseline.as_ref();
    if let Some(named) = named.filter(|named| !is_known(&named.through, folder, view)) {
        return Some(Next::Refuse(words::baseline_unknown(named, folder)));
    }
    let SchemaLook::Taken { digest, made, .. } = &view.schema else {
        let needed = !standing.baseline.is_empty() || view.ledger.is_empty();
        return needed.then(|| Next::Wait(words::schema_busy()));
    };
    match named {
        Some(named) if !standing.baseline.is_empty() && named.schema_digest != *digest => {
            Some(Next::Refuse(words::baseline_mismatch(named, digest)))
        }
        // What it names is known: a file that is recorded now, or one that was applied and runs again only if it is allowed.
        Some(named) if named.schema_digest == *digest => None,
        _ => {
            let nothing_recorded = view.ledger.is_empty() && view.house.as_ref().is_none_or(House::is_unused);
            (nothing_recorded && *made > 0).then(|| Next::Refuse(words::baseline_required(*made, digest)))
        }
    }
}

/// A file has this version, or had it when it was applied: once the baseline was taken, files may leave the folder.
fn is_known(version: &str, folder: &Folder, view: &View) -> bool {
    let noted = view
        .house
        .as_ref()
        .is_some_and(|house| house.rows.contains_key(version));
    noted || view.ledger.contains_key(version) || folder.file(version).is_some()
}

/// Files that were not read, can't be run, or hold what only the server can read.
fn unread(world: &World, standing: &Standing<'_>) -> Option<Next> {
    let pending = || standing.pending.iter().map(|pending| pending.file);
    let missing: Vec<_> = pending()
        .filter(|file| !world.scripts.contains_key(&file.sha256))
        .cloned()
        .collect();
    if !missing.is_empty() {
        return Some(Next::Step(Step::Read(missing)));
    }
    let scripts = || pending().filter_map(|file| Some((file, world.scripts.get(&file.sha256)?)));
    let refused = scripts().find_map(|(file, script)| Some((file, script.as_ref().err()?)));
    if let Some((file, error)) = refused {
        return Some(Next::Refuse(words::refused(file, error)));
    }
    let pieces = || {
        let readable = scripts().filter_map(|(file, script)| Some((file, script.as_ref().ok()?)));
        readable.flat_map(|(file, script)| script.unread.iter().map(move |piece| (file, piece)))
    };
    let questions: Vec<_> = pieces()
        .map(|(file, piece)| &file.text[piece.range.clone()])
        .filter(|statement| !world.answers.contains_key(*statement))
        .map(str::to_owned)
        .collect();
    if !questions.is_empty() {
        return Some(Next::Step(Step::Ask(questions)));
    }
    let fault = pieces().find_map(
        |(file, piece)| match world.answers.get(&file.text[piece.range.clone()])? {
            Answer::Parses => None,
            Answer::Fault { line, message } => Some((file, piece, *line, message)),
        },
    );
    fault.map(|(file, piece, line, message)| Next::Refuse(words::fault(file, piece, line, message)))
}

fn late(object: &MigrationSet, standing: &Standing<'_>) -> Option<Next> {
    let refused = object.spec.policy.out_of_order == OutOfOrder::Refuse && !standing.late.is_empty();
    let head = standing.head.as_deref().unwrap_or_default();
    refused.then(|| Next::Refuse(words::late(&standing.late, head)))
}

/// Our books: made, and brought to what the ledger proves.
fn books(object: &MigrationSet, view: &View, standing: &Standing<'_>) -> Option<Next> {
    if object.spec.mode == MigrationMode::Observe {
        return None;
    }
    if view.house.as_ref().is_none_or(|house| house.owner.is_none()) {
        return Some(Next::UnderLock(Step::Claim));
    }
    if !standing.adoptable.is_empty() {
        let files = standing.adoptable.iter().map(|file| (*file).clone());
        return Some(Next::UnderLock(Step::Adopt(files.collect())));
    }
    let baseline = standing.baseline.iter().map(|file| (*file).clone());
    (!standing.baseline.is_empty()).then(|| Next::UnderLock(Step::Baseline(baseline.collect())))
}

/// What failed is not tried again before files, spec or `reconcile-at` change.
fn held(object: &MigrationSet, world: &World, standing: &Standing<'_>) -> Option<Next> {
    let held = world.memo.held.as_ref()?;
    let digest = pending_digest(standing.pending.iter().map(|pending| pending.file));
    let reason = MigrationReason::named(&held.reason).unwrap_or(MigrationReason::MigrationFailed);
    stands(held, object, &digest).then(|| Next::Refuse(Why::new(reason, held.message.clone())))
}

/// Files, spec and `reconcile-at` are those with which it failed.
pub(super) fn stands(held: &HeldMigration, object: &MigrationSet, digest: &str) -> bool {
    held.digest == digest
        && Some(held.generation) == object.metadata.generation
        && held.reconcile_at == reconcile_at(object)
}

/// The gates of a run.
fn run(object: &MigrationSet, view: &View, plan: &Plan) -> Next {
    if plan.needs_approval {
        return Next::Refuse(words::approval(object, plan, view));
    }
    if object.spec.mode == MigrationMode::Observe {
        return Next::Nothing;
    }
    match &view.schema {
        // What a run changes could not be told from what had drifted.
        _ if view.is_behind() => return Next::Wait(words::schema_busy()),
        SchemaLook::Busy => return Next::Wait(words::schema_busy()),
        SchemaLook::Taken { differences, .. }
            if object.spec.policy.while_drifted == WhileDrifted::Block && !differences.is_empty() =>
        {
            return Next::Refuse(words::drift_blocks(differences));
        }
        SchemaLook::Taken { .. } => {}
    }
    Next::UnderLock(Step::Prepare {
        digest: plan.digest.clone(),
        target: view.target.clone(),
        items: plan.list(),
    })
}

/// The next file of a run that was allowed and prepared.
fn running(world: &World, pending: Option<Pending<'_>>) -> Next {
    let Some(pending) = pending else {
        return Next::UnderLock(Step::LookBehind);
    };
    match world.scripts.get(&pending.file.sha256) {
        Some(Ok(script)) => Next::UnderLock(Step::Run {
            file: pending.file.clone(),
            script: script.clone(),
            again: pending.again,
        }),
        // The files can't change within a pass; and if they could, the next pass would read them.
        _ => Next::UnderLock(Step::LookBehind),
    }
}

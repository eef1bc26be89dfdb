//! How a set of migrations is shown.

use ace_api::{
    HeldMigration, MigrationMode, MigrationSet, MigrationSetStatus, MigrationSource, MigrationTarget, PendingMigration,
    PlanStatus, Reason, SchemaStatus,
};
use jiff::Timestamp;

use super::{
    Decision,
    conditions::conditions,
    drift::verdict,
    plan::{Plan, pending_digest},
    standing::{Standing, standing},
    work::{self, remembered},
    world::{Counts, PlatformSight, SchemaLook, SourceSight, Stop, World},
};
use crate::{bounds::bounded, names::reconcile_at};

/// Pending migrations that a status names.
const PENDING: usize = 20;
/// Skipped files that a status names.
const SKIPPED: usize = 10;

/// The status that follows from what is known and decided. Equal knowledge gives an equal status, whatever the clock says.
pub fn status(object: &MigrationSet, world: &World, decision: &Decision, now: Timestamp) -> MigrationSetStatus {
    let memo = &world.memo;
    let verdict = verdict(object, world, now);
    let counts = counts(object, world);
    let status = MigrationSetStatus {
        conditions: conditions(object, world, decision, verdict.as_ref(), &counts, now),
        observed_generation: object.metadata.generation,
        last_handled_reconcile_at: handled(object, world, decision).or_else(|| memo.last_handled_reconcile_at.clone()),
        source: source(world).or_else(|| memo.source.clone()),
        target: target(world).or_else(|| memo.target.clone()),
        head: counts.head,
        applied: counts.applied,
        pending: counts.pending,
        unknown_applied: counts.unknown,
        unverified: counts.unverified,
        plan: counts.plan,
        schema: schema(object, world).or_else(|| memo.schema.clone()),
        held: held(object, world),
        drift: verdict.map_or_else(|| memo.drift.clone(), |verdict| verdict.drift),
        history: match &world.announced {
            Some(shown) => shown.history.clone(),
            None => memo.history.clone(),
        },
    };
    bounded(status, shorten)
}

/// Drops the one thing that is missed least; whether there was one.
fn shorten(status: &mut MigrationSetStatus) -> bool {
    let warned = status.history.iter_mut().rev().find(|event| !event.warnings.is_empty());
    let skipped = status.source.as_mut().map(|source| &mut source.skipped);
    let differences = status.drift.as_mut().map(|drift| &mut drift.fields);
    let pending = status.plan.as_mut().map(|plan| &mut plan.pending);
    warned.and_then(|event| event.warnings.pop()).is_some()
        || skipped.and_then(Vec::pop).is_some()
        || differences.and_then(Vec::pop).is_some()
        || pending.and_then(Vec::pop).is_some()
        || status.history.pop().is_some()
}

/// Files and ledgers as they were last seen; while a run goes on, as they were last announced.
pub(super) fn counts(object: &MigrationSet, world: &World) -> Counts {
    if let Some(shown) = &world.announced {
        return shown.counts.clone();
    }
    let Some(standing) = known(object, world) else {
        let memo = &world.memo;
        return Counts {
            head: memo.head.clone(),
            applied: memo.applied,
            pending: memo.pending,
            unknown: memo.unknown_applied,
            unverified: memo.unverified,
            plan: memo.plan.clone(),
        };
    };
    let count = |number: usize| Some(i32::try_from(number).unwrap_or(i32::MAX));
    let plan = plan(object, world, &standing).filter(|plan| !plan.items.is_empty());
    Counts {
        head: head(&standing, world.memo.head.as_ref()),
        applied: count(standing.applied),
        pending: count(standing.pending.len() + standing.baseline.len()),
        unknown: count(standing.unknown).filter(|number| *number > 0),
        unverified: count(standing.unverified).filter(|number| *number > 0),
        plan: plan.as_ref().map(shown_plan),
    }
}

/// What would run, as far as that is known: nothing before the files were read, or while one of them can't be.
pub fn planned(object: &MigrationSet, world: &World) -> Option<Plan> {
    plan(object, world, &known(object, world)?)
}

fn known<'a>(object: &MigrationSet, world: &'a World) -> Option<Standing<'a>> {
    let (folder, view) = (world.folder()?, world.view()?);
    Some(standing(object, folder, view, remembered(world, view)))
}

/// The head of the ledger; where it went back, the one from which it did, until a person has decided what that means.
fn head(standing: &Standing<'_>, before: Option<&String>) -> Option<String> {
    let regressed = standing.pending.iter().any(|pending| pending.again);
    if regressed && before > standing.head.as_ref() {
        return before.cloned();
    }
    standing.head.clone()
}

fn plan(object: &MigrationSet, world: &World, standing: &Standing<'_>) -> Option<Plan> {
    let (PlatformSight::Present(platform), Some(view)) = (&world.platform, world.view()) else {
        return None;
    };
    Plan::of(object, world, view, standing, &platform.project)
}

fn shown_plan(plan: &Plan) -> PlanStatus {
    let pending = plan.items.iter().take(PENDING).map(|item| PendingMigration {
        version: item.file.version.to_string(),
        name: item.file.name.chars().take(128).collect(),
        risks: item.classes(),
    });
    PlanStatus {
        digest: plan.digest.clone(),
        approval_required: plan.needs_approval,
        pending: pending.collect(),
    }
}

/// The files as they were read; nothing while they can't be.
pub(super) fn source(world: &World) -> Option<MigrationSource> {
    let SourceSight::Ready {
        content: folder,
        artifact_revision,
    } = &world.source
    else {
        return None;
    };
    let clipped = |text: &str| text[..text.floor_char_boundary(256)].to_owned();
    Some(MigrationSource {
        artifact_revision: clipped(artifact_revision),
        files: i32::try_from(folder.files.len()).unwrap_or(i32::MAX),
        skipped: folder
            .skipped
            .iter()
            .take(SKIPPED)
            .map(|skipped| clipped(&skipped.file_name))
            .collect(),
    })
}

fn target(world: &World) -> Option<MigrationTarget> {
    let target = &world.view()?.target;
    Some(MigrationTarget {
        system_identifier: target.system_identifier.clone(),
        timeline: target.timeline,
        database: target.database.clone(),
        database_oid: target.database_oid,
        server_version: target.server_version.clone(),
    })
}

fn schema(object: &MigrationSet, world: &World) -> Option<SchemaStatus> {
    let view = world.view()?;
    let SchemaLook::Taken { digest, objects, .. } = &view.schema else {
        return None;
    };
    let own = view.house.as_ref().and_then(|house| house.reference.as_ref());
    let reference = match object.spec.mode {
        MigrationMode::Observe => object.spec.accepted_schema.clone(),
        MigrationMode::Apply => own.map(|own| own.digest.clone()),
    };
    Some(SchemaStatus {
        digest: digest.clone(),
        reference_digest: reference,
        objects: i32::try_from(*objects).unwrap_or(i32::MAX),
    })
}

/// What is not tried again by itself: noted when a run stops, dropped when something that matters has changed.
fn held(object: &MigrationSet, world: &World) -> Option<HeldMigration> {
    if world.memo.held.is_none() && world.stop.is_none() {
        return None;
    }
    let Some(standing) = known(object, world) else {
        return world.memo.held.clone();
    };
    let digest = pending_digest(standing.pending.iter().map(|pending| pending.file));
    if let Some(Stop::Refused(refusal)) = &world.stop {
        return Some(HeldMigration {
            reason: refusal.reason().as_str().to_owned(),
            message: ace_api::message(&refusal.message),
            version: refusal.version.to_string(),
            digest,
            generation: object.metadata.generation.unwrap_or_default(),
            reconcile_at: reconcile_at(object),
        });
    }
    let held = world.memo.held.clone()?;
    work::stands(&held, object, &digest).then_some(held)
}

fn handled(object: &MigrationSet, world: &World, decision: &Decision) -> Option<String> {
    let looked = world.view().is_some_and(|view| view.at >= world.began);
    let ended = !matches!(decision, Decision::Do(_) | Decision::Release { .. });
    reconcile_at(object).filter(|_| looked && ended)
}

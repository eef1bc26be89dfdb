//! How a set of migrations is shown.

use ace_api::{
    ConditionType, Conditions, HeldMigration, MigrationMode, MigrationReason, MigrationSet, MigrationSetStatus,
    MigrationSource, MigrationTarget, PendingMigration, PlanStatus, Reason, SchemaDriftReason, SchemaStatus,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    Decision, Why, decide,
    drift::{Verdict, verdict},
    plan::{Plan, pending_digest},
    standing::{Standing, standing},
    step::Step,
    work::{self, remembered},
    world::{Counts, PlatformSight, SchemaLook, SourceSight, Stop, World},
};
use crate::{bounds::bounded, names::reconcile_at, script::File};

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

fn source(world: &World) -> Option<MigrationSource> {
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

fn conditions(
    object: &MigrationSet,
    world: &World,
    decision: &Decision,
    verdict: Option<&Verdict>,
    counts: &Counts,
    now: Timestamp,
) -> Vec<Condition> {
    use ConditionType::{Drifted, Ready};
    let before = &world.memo.conditions;
    let is_still_ready = Ready.is_true(before) && world.memo.observed_generation == object.metadata.generation;
    let next = Conditions::new(before, object.metadata.generation, now);
    let unseen = matches!(decision, Decision::Wait(why, _) if is_only_unseen(why));
    let refused = if unseen { still_refused(object, world) } else { None };
    let next = match decision {
        // Our books alone are written: the database is what it was.
        Decision::Do(step) if !is_run(step) && is_still_ready && counts.pending == Some(0) => next.keep(Ready),
        Decision::Do(step) => {
            let why = under_way(step, counts);
            next.reconciling(Some(false), why.reason, &why.message)
        }
        // A lost look is no news before three intervals: neither that all is well nor what a person has to do is over.
        Decision::Wait(..) if unseen && is_still_ready && is_live(object, world) => next.keep(Ready),
        Decision::Wait(why, _) => {
            if let Some(refused) = refused {
                next.stalled(refused.reason, &refused.message)
            } else {
                let ready = (why.reason != MigrationReason::NotSeen).then_some(false);
                next.reconciling(ready, why.reason, &why.message)
            }
        }
        Decision::Refuse(why, _) => next.stalled(why.reason, &why.message),
        Decision::Settled(_) | Decision::Release { .. } => {
            if let Some(why) = paused(object, world) {
                let unready = MigrationReason::Suspended;
                next.suspended(is_live(object, world), unready, why.reason, &why.message)
            } else {
                let (reason, message) = settled(object, world, verdict, counts);
                next.set(Ready, Some(true), reason, &message)
            }
        }
    };
    let drifted = match verdict {
        Some(verdict) => next.set(Drifted, verdict.value, verdict.reason, &verdict.message),
        None => next.keep_or(
            Drifted,
            SchemaDriftReason::NotCompared,
            "the schema was not compared yet",
        ),
    };
    drifted.finish()
}

fn is_only_unseen(why: &Why) -> bool {
    matches!(
        why.reason,
        MigrationReason::DatabaseUnreachable | MigrationReason::SourceFailed
    )
}

/// As far as files and database were seen, nothing is left to do.
fn is_live(object: &MigrationSet, world: &World) -> bool {
    if object.spec.mode == MigrationMode::Observe {
        return true;
    }
    match (&world.platform, world.view(), &world.source) {
        (PlatformSight::Present(platform), Some(view), SourceSight::Ready { .. }) => {
            matches!(work::next(object, world, platform, view), work::Next::Nothing)
        }
        _ => world.memo.pending == Some(0) && source(world).is_none_or(|read| world.memo.source == Some(read)),
    }
}

/// What a person was told to do and has not done, as far as files and database were seen.
fn still_refused(object: &MigrationSet, world: &World) -> Option<Why> {
    use MigrationReason as Reason;
    let memo = &world.memo;
    let stalled = ConditionType::Stalled.of(&memo.conditions)?;
    if memo.observed_generation != object.metadata.generation || decide::is_only_reported(object, world) {
        return None;
    }
    if let (PlatformSight::Present(platform), Some(view)) = (&world.platform, world.view()) {
        match work::next(object, world, platform, view) {
            work::Next::Refuse(why) => return Some(why),
            work::Next::Wait(why) if why.reason == Reason::SourceFailed => {}
            _ => return None,
        }
    }
    // As it was said, where one of both can't be seen now; what only the one or the other said is not known to last.
    let reason = Reason::named(&stalled.reason)?;
    let lasts = !matches!(
        reason,
        Reason::SourceRefused
            | Reason::SourceInvalid
            | Reason::AccessMissing
            | Reason::DatabaseMissing
            | Reason::DatabaseRefused
            | Reason::HostNotAllowed
            | Reason::PoolerUnsupported
    );
    let same_files = source(world).is_none_or(|read| memo.source == Some(read));
    (lasts && same_files).then(|| Why::new(reason, stalled.message.clone()))
}

fn is_run(step: &Step) -> bool {
    matches!(step, Step::Prepare { .. } | Step::Run { .. } | Step::LookBehind)
}

fn paused(object: &MigrationSet, world: &World) -> Option<Why> {
    if object.spec.suspend {
        return Some(Why::new(MigrationReason::SuspendedByUser, "`spec.suspend` is true"));
    }
    match &world.platform {
        PlatformSight::Present(platform) if platform.suspended => {
            let message = format!("Platform `{}` is suspended", object.spec.platform_ref.name);
            Some(Why::new(MigrationReason::SuspendedByPlatform, message))
        }
        _ => None,
    }
}

/// While steps are made: only those whose object is read afresh are shown, so what is said is what is about to be written.
fn under_way(step: &Step, counts: &Counts) -> Why {
    if is_run(step) {
        let message = format!("running {}", migrations(counts.pending));
        return Why::new(MigrationReason::Applying, message);
    }
    let number = |files: &[File]| migrations(i32::try_from(files.len()).ok());
    let message = match step {
        Step::Claim => "taking the database for this set".to_owned(),
        Step::Adopt(files) => format!("noting {} that others have run", number(files)),
        Step::Baseline(files) => format!("recording {} without running them", number(files)),
        Step::SetReference { .. } => "noting what the schema should be".to_owned(),
        _ => "comparing files and ledgers".to_owned(),
    };
    Why::new(MigrationReason::FirstLook, message)
}

fn migrations(number: Option<i32>) -> String {
    match number.unwrap_or_default() {
        1 => "1 migration".to_owned(),
        number => format!("{number} migrations"),
    }
}

fn settled(
    object: &MigrationSet,
    world: &World,
    verdict: Option<&Verdict>,
    counts: &Counts,
) -> (MigrationReason, String) {
    let drift = verdict.filter(|verdict| verdict.value == Some(true));
    if object.spec.mode == MigrationMode::Observe {
        let reported = reported(object, world);
        let verb = if counts.pending == Some(1) { "is" } else { "are" };
        let pending = counts.pending.filter(|number| *number > 0);
        let pending = pending.map(|_| format!("{} {verb} pending", migrations(counts.pending)));
        let drift = drift.map(|verdict| verdict.message.clone());
        let message = reported
            .or(pending)
            .into_iter()
            .chain(drift)
            .collect::<Vec<_>>()
            .join("; ");
        let message = if message.is_empty() {
            "every migration is applied".to_owned()
        } else {
            message
        };
        return (MigrationReason::Observed, message);
    }
    let head = world
        .view()
        .and_then(|view| view.ledger.keys().next_back())
        .map(|head| format!(", the last one is {head}"))
        .unwrap_or_default();
    let message = format!("every migration is applied{head}");
    let message = drift.map_or(message.clone(), |verdict| format!("{message}; {}", verdict.message));
    (MigrationReason::Applied, message)
}

/// In `Observe`: what would be a refusal.
fn reported(object: &MigrationSet, world: &World) -> Option<String> {
    let (PlatformSight::Present(platform), Some(view)) = (&world.platform, world.view()) else {
        return None;
    };
    match work::next(object, world, platform, view) {
        work::Next::Refuse(why) => Some(why.message),
        _ => None,
    }
}

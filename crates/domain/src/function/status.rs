//! How a function is shown.

use ace_api::{
    ConditionType, Conditions, DriftReason, EdgeFunction, EdgeFunctionStatus, FunctionEventType, FunctionReason,
    IntentType, Live, Mode, Reason, Wanted, clipped,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    Decision, Why, checks,
    compare::{FOREIGN, Sighting},
    intent::remember,
    learn::held as new_hold,
    rollout::held,
    standing::is_live,
    step::Step,
    verdict::{Verdict, verdict},
    world::{PlatformSight, SourceSight, World},
};
use crate::{bounds::bounded, names::reconcile_at};

/// The status that follows from what is known and decided. Equal knowledge gives an equal status, whatever the clock says.
pub fn status(object: &EdgeFunction, world: &World, decision: &Decision, now: Timestamp) -> EdgeFunctionStatus {
    if is_about_to_be_seen(object, world, decision) {
        return world.memo.clone();
    }
    // Judged before the intent of this very decision is noted: what a correction is about to undo is still there.
    let verdict = verdict(object, world, now);
    let mut world = world.clone();
    note(object, &mut world, decision, now);
    let conditions = conditions(object, &world, decision, &verdict, now);
    let live = live(&world);
    let source = source(object, &world);
    let url = match &world.platform {
        PlatformSight::Present(platform) => Some(checks::url(object, platform)),
        PlatformSight::Absent => world.memo.url.clone(),
    };
    let handled = handled(object, &world, decision);
    let drift = match verdict {
        Verdict::Keep => world.memo.drift,
        Verdict::Says { drift, .. } => drift,
    };
    let status = EdgeFunctionStatus {
        conditions,
        observed_generation: object.metadata.generation,
        last_handled_reconcile_at: if handled {
            reconcile_at(object)
        } else {
            world.memo.last_handled_reconcile_at
        },
        url,
        source,
        applied: world.memo.applied,
        live,
        intent: world.memo.intent,
        proven: world.memo.proven,
        held: world.memo.held,
        drift,
        history: world.memo.history,
    };
    bounded(status, shorten)
}

/// Names one difference less; their paths may be long.
fn shorten(status: &mut EdgeFunctionStatus) -> bool {
    status.drift.as_mut().and_then(|drift| drift.fields.pop()).is_some()
}

/// The Platform's first look is under way, and nobody takes the status for the end until it wakes the function: a write would
/// say nothing that the next one does not.
fn is_about_to_be_seen(object: &EdgeFunction, world: &World, decision: &Decision) -> bool {
    let waits = matches!(decision, Decision::Wait(why, _) if why.reason == FunctionReason::WaitingForPlatform);
    let first = matches!(&world.platform, PlatformSight::Present(platform) if !platform.looked);
    let memo = &world.memo;
    let is_ready = ConditionType::Ready.is_true(&memo.conditions);
    waits && first && !(is_ready && memo.observed_generation == object.metadata.generation)
}

/// Notes in the memo what the decision itself changes: the intent of a deploy, and what is not tried again.
fn note(object: &EdgeFunction, world: &mut World, decision: &Decision, now: Timestamp) {
    match decision {
        Decision::Do(Step::Deploy { intent, .. }) => world.memo.intent = Some(intent.clone()),
        Decision::Refuse(why, _) if is_kept(why.reason.as_str()) => {
            let digest = world.wish();
            let standing =
                held(object, world, digest.as_deref()).is_some_and(|held| held.reason == why.reason.as_str());
            if !standing {
                if why.reason == FunctionReason::DriftContested {
                    let revision = world
                        .memo
                        .applied
                        .as_ref()
                        .map(|applied| applied.revision.clone())
                        .unwrap_or_default();
                    remember(world, FunctionEventType::Contested, &revision, None, now);
                }
                world.memo.held = Some(new_hold(object, why.reason, &why.message, digest));
            }
        }
        _ => {}
    }
    let Some(kept) = &world.memo.held else { return };
    let digest = world.wanted();
    let is_spent = if kept.reason == FunctionReason::UnknownOwnDeploy.as_str() {
        world.memo.applied.is_some()
    } else {
        digest.is_some() && held(object, world, digest.as_deref()).is_none()
    };
    if is_spent {
        world.memo.held = None;
    }
}

/// Refusals that only a change of source, spec or `reconcile-at` lifts, and that nothing else in status remembers.
fn is_kept(reason: &str) -> bool {
    [FunctionReason::DriftContested, FunctionReason::UnknownOwnDeploy]
        .iter()
        .any(|kept| kept.as_str() == reason)
}

fn handled(object: &EdgeFunction, world: &World, decision: &Decision) -> bool {
    let looked = world.look.as_ref().is_some_and(|look| look.started >= world.began);
    let acted_upon = match decision {
        Decision::Settled(_) | Decision::Wait(..) => looked,
        // Who does not own the slug has no look of its own.
        Decision::Refuse(why, _) => looked || why.reason == FunctionReason::SlugClaimed,
        Decision::Do(_) | Decision::Release { .. } => false,
    };
    reconcile_at(object).is_some() && acted_upon
}

fn source(object: &EdgeFunction, world: &World) -> Option<Wanted> {
    let SourceSight::Ready {
        content,
        artifact_revision,
    } = &world.source
    else {
        return world.memo.source.clone();
    };
    let digest = content.digest().to_string();
    Some(Wanted {
        revision: content.revision().to_string(),
        files: i32::try_from(content.files().len()).unwrap_or(i32::MAX),
        bytes: i64::try_from(content.bytes()).unwrap_or(i64::MAX),
        artifact_revision: Some(clipped(artifact_revision, 256)),
        failed: held(object, world, Some(&digest))
            .is_some_and(|held| held.source_digest.as_ref() == Some(&digest) && !is_kept(&held.reason)),
        digest,
    })
}

fn live(world: &World) -> Option<Live> {
    let (entry, revision) = match world.sighting() {
        Some(Sighting::Absent) => return None,
        Some(Sighting::Applied(entry)) => (entry, world.applied().map(|applied| applied.revision.clone())),
        None
        | Some(
            Sighting::Foreign {
                suspected_until: Some(_),
                ..
            }
            | Sighting::Need(_),
        ) => return world.memo.live.clone(),
        Some(Sighting::Foreign { entry, .. }) => (entry, None),
    };
    Some(Live {
        version: entry.stamp.version,
        updated_time: entry.stamp.updated_time,
        revision: revision.unwrap_or_else(|| FOREIGN.to_owned()),
        verify_jwt: entry.verify_jwt,
        stamp: entry.stamp.clone(),
    })
}

fn conditions(
    object: &EdgeFunction,
    world: &World,
    decision: &Decision,
    verdict: &Verdict,
    now: Timestamp,
) -> Vec<Condition> {
    use ConditionType::{Drifted, Ready};
    let next = Conditions::new(&world.memo.conditions, object.metadata.generation, now);
    let next = match decision {
        Decision::Do(step) => {
            let why = under_way(step);
            next.reconciling(Some(false), why.reason, &why.message)
        }
        Decision::Wait(why, _) => {
            let ready = (why.reason != FunctionReason::NotSeen).then_some(false);
            next.reconciling(ready, why.reason, &why.message)
        }
        Decision::Refuse(why, _) => next.stalled(why.reason, &why.message),
        Decision::Settled(_) | Decision::Release { .. } => {
            if let Some(why) = paused(object, world) {
                let reason = suspended(object, world);
                next.set(Ready, Some(reason != FunctionReason::Suspended), reason, &why.message)
                    .set(ConditionType::Suspended, Some(true), why.reason, &why.message)
            } else {
                let (reason, message) = settled(object, world, verdict);
                next.set(Ready, Some(true), reason, &message)
            }
        }
    };
    let drifted = match verdict {
        Verdict::Says {
            value, reason, message, ..
        } => next.set(Drifted, *value, *reason, message),
        Verdict::Keep => next.keep_or(
            Drifted,
            DriftReason::NotCompared,
            "the live function was not compared yet",
        ),
    };
    drifted.finish()
}

/// The reason of `Ready` while nothing is looked at.
fn suspended(object: &EdgeFunction, world: &World) -> FunctionReason {
    let stays = is_live(object, world) && ConditionType::Ready.is_true(&world.memo.conditions);
    match object.spec.mode {
        _ if !stays => FunctionReason::Suspended,
        Mode::Observe => FunctionReason::Observed,
        Mode::Apply | Mode::Enforce => FunctionReason::Live,
    }
}

fn paused(object: &EdgeFunction, world: &World) -> Option<Why> {
    if object.spec.suspend {
        let message = "`spec.suspend` is true: nothing is looked at or written";
        return Some(Why::new(FunctionReason::SuspendedByUser, message));
    }
    match &world.platform {
        PlatformSight::Present(platform) if platform.suspended => {
            let platform = &object.spec.platform_ref.name;
            let message = format!("Platform `{platform}` is suspended: nothing is looked at or written");
            Some(Why::new(FunctionReason::SuspendedByPlatform, message))
        }
        _ => None,
    }
}

fn under_way(step: &Step) -> Why {
    let Step::Deploy { intent, .. } = step else {
        return Why::new(FunctionReason::Retrying, "under way");
    };
    let revision = revision_of(&intent.source_digest);
    match intent.type_ {
        IntentType::RollOut => Why::new(FunctionReason::Deploying, format!("deploying {revision}")),
        IntentType::Correction => Why::new(
            FunctionReason::CorrectingDrift,
            format!("deploying {revision} again over a foreign change"),
        ),
        IntentType::RollBack => Why::new(
            FunctionReason::RollingBack,
            format!("checks failed; deploying {revision} again"),
        ),
    }
}

fn revision_of(digest: &str) -> String {
    super::intent::revision(digest)
        .map(|revision| revision.to_string())
        .unwrap_or_default()
}

fn settled(object: &EdgeFunction, world: &World, verdict: &Verdict) -> (FunctionReason, String) {
    let drift = match verdict {
        Verdict::Says { value, message, .. } => value.filter(|drifted| *drifted).map(|_| message.clone()),
        Verdict::Keep => {
            let before = ConditionType::Drifted.of(&world.memo.conditions);
            before.filter(|c| c.status == "True").map(|c| c.message.clone())
        }
    };
    if object.spec.mode == Mode::Observe {
        let message = drift.unwrap_or_else(|| match (world.applied(), world.wanted()) {
            (Some(applied), Some(wanted)) if applied.source_digest != wanted => {
                format!(
                    "{} is live; the source wants {}",
                    applied.revision,
                    revision_of(&wanted)
                )
            }
            (Some(applied), _) if applied.verify_jwt != object.spec.verify_jwt => format!(
                "{} is live with verifyJWT {}; the spec wants {}",
                applied.revision, applied.verify_jwt, object.spec.verify_jwt
            ),
            (Some(applied), _) => format!("{} is live", applied.revision),
            (None, Some(wanted)) if matches!(world.sighting(), Some(Sighting::Absent)) => {
                format!("nothing is live yet; the source wants {}", revision_of(&wanted))
            }
            (None, _) => "the function was looked at".to_owned(),
        });
        return (FunctionReason::Observed, message);
    }
    let revision = world
        .applied()
        .map(|applied| applied.revision.clone())
        .unwrap_or_default();
    let unarchived = world
        .memo
        .proven
        .as_ref()
        .is_some_and(|proven| proven.archive.is_none());
    let note = if unarchived {
        "; it is too large to be archived, so there is no roll-back to it"
    } else {
        ""
    };
    (
        FunctionReason::Live,
        drift.unwrap_or_else(|| format!("{revision} is live{note}")),
    )
}

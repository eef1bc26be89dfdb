//! The status of a function.

use ace_api::{
    ConditionType, DriftReason, EdgeFunction, EdgeFunctionStatus, FunctionEventType, FunctionReason, Held, IntentType,
    Live, Mode, Reason, Wanted, clipped,
};
use jiff::Timestamp;

use super::{
    Cause, Decision, checks,
    compare::{Comparison, FOREIGN},
    decide::decide,
    drift::{DriftAssessment, assessment},
    intent::remember,
    live::{is_live, is_proved},
    rollout::{held, missing},
    state::{PlatformState, SourceState, State},
    step::Step,
    update::hold,
};
use crate::reconcile::{
    annotations::{is_leaving, reconcile_at},
    decision::{Cause as DriftCause, StepError},
    held,
    size::bounded,
    status::{Shown, common, is_ready, with_drift},
};

/// The status that follows from state and decision. An equal state gives an equal status at any time, so that it is not written
/// again.
pub fn status(object: &EdgeFunction, state: &State, decision: &Decision, now: Timestamp) -> EdgeFunctionStatus {
    // A list that is made a moment later, for several functions at once, is worth no write.
    let is_shared = matches!(state.step_error, Some(StepError::Shared(_)));
    if is_shared || is_about_to_be_seen(object, state, decision) {
        return state.memo.clone();
    }
    // Assessed before the intent of this decision is recorded: the drift that a correction is about to undo is still there.
    let assessment = assessment(object, state, now);
    let mut state = state.clone();
    note(object, &mut state, decision, now);
    let shown = shown(object, &state, decision, assessment.as_ref(), now);
    let before = &state.memo.common;
    let handled = decision.is_answer() && is_observed(&state, decision);
    let common = common(object, before, shown, handled, now);
    let unassessed = DriftCause::new(DriftReason::NotCompared, "the live function has not been compared yet");
    let common = with_drift(common, before, assessment.as_ref(), &unassessed, now);
    let live = live(&state);
    let source = source(object, &state);
    let url = match &state.platform {
        PlatformState::Present(platform) => Some(checks::url(object, platform)),
        PlatformState::Absent => state.memo.url.clone(),
    };
    let drift = assessment.map_or(state.memo.drift, |assessment| assessment.drift);
    let status = EdgeFunctionStatus {
        common,
        url,
        source,
        applied: state.memo.applied,
        live,
        intent: state.memo.intent,
        proven: state.memo.proven,
        held: state.memo.held,
        drift,
        history: state.memo.history,
    };
    bounded(status, shorten)
}

/// Drops one path; they may be long.
fn shorten(status: &mut EdgeFunctionStatus) -> bool {
    let secrets = status.source.as_mut().and_then(|source| source.secret_files.as_mut());
    let differences = status.drift.as_mut().map(|drift| &mut drift.fields);
    differences.and_then(Vec::pop).is_some() || secrets.and_then(|secrets| secrets.paths.pop()).is_some()
}

/// The Platform's first check has not ended; when it does, the function is enqueued. Until then the status is not final, and
/// writing it would cost a request for nothing.
fn is_about_to_be_seen(object: &EdgeFunction, state: &State, decision: &Decision) -> bool {
    let waits = matches!(decision, Decision::Wait(cause, _) if cause.reason == FunctionReason::WaitingForPlatform);
    let first = matches!(&state.platform, PlatformState::Present(platform) if !platform.first_check_done);
    waits && first && !is_ready(&state.memo.common, object)
}

/// Refusals that only a change of source, spec or `reconcile-at` ends, and that nothing else in status remembers.
const KEPT: [FunctionReason; 2] = [FunctionReason::DriftContested, FunctionReason::UnknownOwnDeploy];

fn is_kept(held: &Held) -> bool {
    KEPT.iter().any(|kept| held::is(&held.outcome, *kept))
}

/// Records what the decision itself changes: the intent of a deploy, and what is not retried.
fn note(object: &EdgeFunction, state: &mut State, decision: &Decision, now: Timestamp) {
    match decision {
        Decision::Do(Step::Deploy { intent, .. }) => state.memo.intent = Some(intent.clone()),
        Decision::Refuse(cause, _) if KEPT.contains(&cause.reason) => {
            let digest = state.desired_digest();
            let standing =
                held(object, state, digest.as_deref()).is_some_and(|held| held::is(&held.outcome, cause.reason));
            if !standing {
                if cause.reason == FunctionReason::DriftContested {
                    let revision = applied_revision(state);
                    remember(state, FunctionEventType::Contested, &revision, None, now);
                }
                hold(object, state, cause.reason, &cause.message, digest);
            }
        }
        _ => {}
    }
    let Some(kept) = &state.memo.held else { return };
    let digest = state.wanted();
    let is_spent = if held::is(&kept.outcome, FunctionReason::UnknownOwnDeploy) {
        state.memo.applied.is_some()
    } else {
        digest.is_some() && held(object, state, digest.as_deref()).is_none()
    };
    if is_spent {
        state.memo.held = None;
    }
}

fn is_observed(state: &State, decision: &Decision) -> bool {
    let is_listed = state
        .listing
        .as_ref()
        .is_some_and(|listing| listing.started >= state.began);
    // An object that does not own the slug makes no list of its own.
    is_listed || matches!(decision, Decision::Refuse(cause, _) if cause.reason == FunctionReason::SlugClaimed)
}

fn source(object: &EdgeFunction, state: &State) -> Option<Wanted> {
    let SourceState::Ready {
        content,
        artifact_revision,
        secret_files,
    } = &state.source
    else {
        return state.memo.source.clone();
    };
    let digest = content.digest().to_string();
    Some(Wanted {
        revision: content.revision().to_string(),
        files: i32::try_from(content.files().len()).unwrap_or(i32::MAX),
        bytes: i64::try_from(content.bytes()).unwrap_or(i64::MAX),
        artifact_revision: Some(clipped(artifact_revision, 256)),
        failed: held(object, state, Some(&digest))
            .is_some_and(|held| held.source_digest.as_ref() == Some(&digest) && !is_kept(held)),
        secret_files: secret_files.clone(),
        digest,
    })
}

/// `status.live.revision` of content that only its mark suggests.
const UNPROVED: &str = "unproved";

fn live(state: &State) -> Option<Live> {
    let (entry, revision) = match state.comparison() {
        Some(Comparison::Absent) => return None,
        Some(Comparison::Applied(entry)) if !is_proved(state, entry) => (entry, Some(UNPROVED.to_owned())),
        Some(Comparison::Applied(entry)) => (entry, state.applied().map(|applied| applied.revision.clone())),
        None
        | Some(
            Comparison::Foreign {
                suspected_until: Some(_),
                ..
            }
            | Comparison::Unlisted { .. },
        ) => return state.memo.live.clone(),
        Some(Comparison::Foreign { entry, .. }) => (entry, None),
    };
    Some(Live {
        version: entry.stamp.version,
        updated_time: entry.stamp.updated_time,
        revision: revision.unwrap_or_else(|| FOREIGN.to_owned()),
        verify_jwt: entry.verify_jwt,
        state: entry.state.as_ref().map(|state| clipped(state, 64)),
        stamp: entry.stamp.clone(),
    })
}

fn shown(
    object: &EdgeFunction,
    state: &State,
    decision: &Decision,
    assessment: Option<&DriftAssessment>,
    now: Timestamp,
) -> Shown<FunctionReason> {
    let suspension = || {
        state
            .platform
            .suspension(object.spec.suspend, &object.spec.platform_ref)
    };
    let at_rest = || match suspension() {
        None if is_unseen(state, assessment) => Shown::Unchanged,
        suspension => Shown::at_rest(
            suspension,
            || is_live(object, state),
            || settled(object, state, assessment, now),
        ),
    };
    Shown::of(decision, |step| in_progress(object, step), at_rest)
}

/// No list can be compared, as after a restart until the first one: nothing is known that would change a `Ready` that is True.
fn is_unseen(state: &State, assessment: Option<&DriftAssessment>) -> bool {
    let is_ready = ConditionType::Ready.is_true(&state.memo.common.conditions);
    is_ready && assessment.is_none() && state.comparison().is_none()
}

fn in_progress(object: &EdgeFunction, step: &Step) -> Cause {
    if is_leaving(object) {
        let message = format!("deleting function {}", object.slug());
        return Cause::new(FunctionReason::Deleting, message);
    }
    let Step::Deploy { intent, .. } = step else {
        let message = format!("reconciling function {}", object.slug());
        return Cause::new(FunctionReason::Retrying, message);
    };
    let revision = revision_of(&intent.source_digest);
    match intent.type_ {
        IntentType::RollOut => Cause::new(FunctionReason::Deploying, format!("deploying {revision}")),
        IntentType::Correction => Cause::new(
            FunctionReason::CorrectingDrift,
            format!("deploying {revision} again to correct an out-of-band change"),
        ),
        IntentType::RollBack => Cause::new(
            FunctionReason::RollingBack,
            format!("checks failed; rolling back to {revision}"),
        ),
    }
}

fn revision_of(digest: &str) -> String {
    super::intent::revision(digest)
        .map(|revision| revision.to_string())
        .unwrap_or_default()
}

fn settled(object: &EdgeFunction, state: &State, assessment: Option<&DriftAssessment>, now: Timestamp) -> Cause {
    let mut cause = at_rest(object, state, told(object, state, assessment));
    if let Some(waiting) = would_wait(object, state, now) {
        cause.message = format!("{}; with `mode: Apply` it would wait: {waiting}", cause.message);
    }
    let entry = state.listing.as_ref().and_then(|listing| listing.entry.as_ref());
    if let Some(shown) = entry.and_then(|entry| entry.state.as_ref()) {
        cause.message = format!("{}; the platform shows it as {shown}", cause.message);
    }
    cause
}

/// What a function that is only observed would wait for if it were rolled out, whatever became of the last step and of the list
/// that `reconcile-at` asks for: the answer must not change with an attempt that failed.
fn would_wait(object: &EdgeFunction, state: &State, now: Timestamp) -> Option<String> {
    let (Mode::Observe, PlatformState::Present(platform)) = (object.spec.mode, &state.platform) else {
        return None;
    };
    let mut applying = object.clone();
    applying.spec.mode = Mode::Apply;
    let mut unhindered = state.clone();
    unhindered.step_error = None;
    unhindered.memo.common.last_handled_reconcile_at = reconcile_at(object);
    let Decision::Wait(first, _) = decide(&applying, &unhindered, now) else {
        return None;
    };
    // Where it waits for something else, that is not among them.
    let all = missing(object, state, platform).skip_while(|cause| cause.reason != first.reason);
    let all: Vec<String> = all.map(|cause| cause.message).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// What `Drifted` tells that `Ready` must not deny.
fn told(object: &EdgeFunction, state: &State, assessment: Option<&DriftAssessment>) -> Option<String> {
    let Some(assessment) = assessment else {
        let before = ConditionType::Drifted.of(&state.memo.common.conditions);
        let denied = before.filter(|c| c.status == "True" || c.reason == DriftReason::NotComparable.as_str());
        return denied.map(|c| c.message.clone());
    };
    match assessment.value {
        Some(false) => None,
        None if matches!(state.comparison(), Some(Comparison::Absent)) => None,
        None if object.spec.mode == Mode::Enforce && assessment.cause.reason == DriftReason::NotComparable => {
            Some(format!("{}; it is not overwritten", assessment.cause.message))
        }
        _ => Some(assessment.cause.message.clone()),
    }
}

fn at_rest(object: &EdgeFunction, state: &State, drift: Option<String>) -> Cause {
    if object.spec.mode == Mode::Observe {
        let message = drift.unwrap_or_else(|| match (state.applied(), state.wanted()) {
            (Some(applied), Some(wanted)) if applied.source_digest != wanted => {
                format!("{} is live; the source has {}", applied.revision, revision_of(&wanted))
            }
            (Some(applied), _) if applied.verify_jwt != object.spec.verify_jwt => format!(
                "{} is live with `verifyJWT` {}; the spec has {}",
                applied.revision, applied.verify_jwt, object.spec.verify_jwt
            ),
            (Some(applied), _) => format!("{} is live", applied.revision),
            (None, Some(wanted)) if matches!(state.comparison(), Some(Comparison::Absent)) => {
                format!("nothing is live yet; the source has {}", revision_of(&wanted))
            }
            (None, _) => "the function was observed".to_owned(),
        });
        return Cause::new(FunctionReason::Observed, message);
    }
    let revision = applied_revision(state);
    let unarchived = state
        .memo
        .proven
        .as_ref()
        .is_some_and(|proven| proven.archive.is_none());
    let note = if unarchived {
        "; it is too large to archive, so it can't be rolled back to"
    } else {
        ""
    };
    Cause::new(
        FunctionReason::Live,
        drift.unwrap_or_else(|| format!("{revision} is live{note}")),
    )
}

fn applied_revision(state: &State) -> String {
    state
        .applied()
        .map(|applied| applied.revision.clone())
        .unwrap_or_default()
}

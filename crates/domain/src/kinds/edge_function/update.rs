//! Updates the state by the results of steps.

use ace_api::{Check, EdgeFunction, FunctionEventType, FunctionReason, Held, Intent, IntentType, Proven, Rollback};
use jiff::Timestamp;

use super::{
    checks,
    drift::{DriftAssessment, assessment},
    intent::{self, remember},
    lost_deploys,
    recognise::recognise,
    state::{CheckAnswer, Obstacle, PlatformState, State},
    step::{Step, StepResult},
};
use crate::{
    bundle::Closure,
    reconcile::{annotations::is_leaving, decision::StepError, held, timing::CHECK_ATTEMPTS},
};

/// Updates the status by what the state implies: the outcome of a deploy, an adoption, a redeploy of the same content.
pub fn infer(object: &EdgeFunction, state: &mut State, now: Timestamp) {
    if state
        .memory
        .unsent
        .take()
        .is_some_and(|unsent| state.memo.intent.as_ref() == Some(&unsent))
    {
        state.memo.intent = None;
    }
    if !matches!(state.platform, PlatformState::Present(_)) || is_leaving(object) && state.memo.intent.is_none() {
        return;
    }
    if state.memo.intent.is_some() {
        intent::settle(state, now);
    }
    // An object that is being deleted adopts nothing: it deletes only what it deployed.
    if state.memo.intent.is_none() && !is_leaving(object) {
        recognise(object, state, now);
    }
}

pub(super) fn update_from_result(
    object: &EdgeFunction,
    state: &mut State,
    step: &Step,
    result: StepResult,
    now: Timestamp,
) {
    match result {
        StepResult::Listed(listing) => state.listing = Some(listing),
        StepResult::Got(None) => {
            state.memory.absent = Some(now);
            state.memory.confirmed_absent = Some(now);
        }
        StepResult::Got(Some(entry)) => {
            if let Some(listing) = &mut state.listing {
                (listing.started, listing.since) = (now, now);
                listing.lists = vec![now];
                listing.entry = Some(entry);
            }
        }
        StepResult::Body(body) => state.note_body(body, now),
        StepResult::Archive(content) => {
            if let Step::LoadArchive(name) = step {
                state.memory.archive = Some((name.clone(), content));
            }
        }
        StepResult::Archived(name) => match step {
            Step::ArchiveForeign(body) => state.memory.archived = Some(body.stamp.clone()),
            Step::ArchiveProven { content, verify_jwt } => {
                state.memo.proven = Some(proven(content, *verify_jwt, Some(name)));
            }
            _ => {}
        },
        StepResult::ArchiveTooLarge(bytes) => match step {
            Step::ArchiveForeign(body) => state.memory.unarchivable = Some((body.stamp.clone(), bytes)),
            Step::ArchiveProven { content, verify_jwt } => {
                state.memo.proven = Some(proven(content, *verify_jwt, None));
            }
            _ => {}
        },
        StepResult::Deployed(stamp) => {
            if let Step::Deploy { intent, verify_jwt, .. } = step {
                sent(object, state, intent, *verify_jwt, now);
                state.memory.sent = Some(stamp);
                state.memory.lost_deploys = None;
            }
        }
        StepResult::Patched => {
            if let Step::PatchJwt(verify_jwt) = step {
                update_from_patch(object, state, *verify_jwt, now);
            }
        }
        StepResult::Probed(answer) => {
            if let Step::Probe(probe) = step {
                update_from_probe(object, state, &probe.check, &answer, now);
            }
        }
        StepResult::GatewayUnreachable => {
            state.step_error = Some(StepError::Unanswered(
                "the platform's gateway can't be reached".to_owned(),
            ));
        }
        StepResult::Deleted => {
            wrote(state, now);
            state.memo.applied = None;
            if let Some(listing) = &mut state.listing {
                listing.entry = None;
            }
        }
    }
}

pub(super) fn update_from_error(
    object: &EdgeFunction,
    state: &mut State,
    step: &Step,
    step_error: StepError,
    now: Timestamp,
) {
    match (step, step_error) {
        (Step::Deploy { intent, verify_jwt, .. }, StepError::OutcomeUnknown(says)) => {
            sent(object, state, intent, *verify_jwt, now);
            lost_deploys::note(object, state, intent, says);
        }
        // If the source has other content, `held` belongs to that: a refused correction is only retried later.
        (Step::Deploy { intent, .. }, StepError::Refused(says))
            if intent.type_ == IntentType::Correction && state.wanted().as_ref() != Some(&intent.source_digest) =>
        {
            state.memo.intent = None;
            state.step_error = Some(StepError::Refused(format!("the platform refuses a correction: {says}")));
        }
        (Step::Deploy { intent, .. }, StepError::Refused(says)) => {
            state.memo.intent = None;
            let reason = if intent.type_ == IntentType::RollBack {
                FunctionReason::ChecksFailed
            } else {
                FunctionReason::DeployRefused
            };
            let (message, digest) = match (intent.type_, &state.memo.held) {
                (IntentType::RollBack, Some(held)) => (
                    format!("{}; the roll-back was refused: {says}", held.outcome.message),
                    held.source_digest.clone(),
                ),
                _ => (
                    format!("the platform refuses the deploy: {says}; change the source or the spec"),
                    Some(intent.source_digest.clone()),
                ),
            };
            hold(object, state, reason, &message, digest);
        }
        (Step::PatchJwt(_) | Step::Delete, StepError::OutcomeUnknown(says)) => {
            wrote(state, now);
            state.step_error = Some(StepError::OutcomeUnknown(says));
        }
        // What is known of the function is decided upon all the same: its stamp may be a new one.
        (Step::ReadBody(stamp), step_error) => {
            state.memory.obstacle = Some((stamp.clone(), Obstacle::Unread(now, step_error)));
        }
        (step, step_error) => {
            if let Step::Deploy { .. } = step {
                state.memo.intent = None;
            }
            state.step_error = Some(step_error);
        }
    }
}

/// A deploy was sent, with or without a response.
fn sent(object: &EdgeFunction, state: &mut State, intent: &Intent, verify_jwt: bool, now: Timestamp) {
    if intent.type_ == IntentType::Correction {
        note_drift(object, state, now);
    }
    state.memo.intent = Some(intent.clone());
    state.memory.sent = None;
    state.memory.sent_jwt = Some(verify_jwt);
    wrote(state, now);
}

/// Records the drift that is being corrected, so that the status can say afterwards what it was.
fn note_drift(object: &EdgeFunction, state: &mut State, now: Timestamp) {
    if let Some(DriftAssessment { drift: Some(drift), .. }) = assessment(object, state, now) {
        state.memo.drift = Some(drift);
    }
}

fn wrote(state: &mut State, now: Timestamp) {
    state.memory.confirmed_absent = None;
    state.memory.body = None;
    if let Some(listing) = &mut state.listing {
        listing.last_write = Some(now);
    }
}

fn update_from_patch(object: &EdgeFunction, state: &mut State, verify_jwt: bool, now: Timestamp) {
    if state.applied().is_some_and(|applied| applied.verify_jwt == verify_jwt) {
        note_drift(object, state, now);
    }
    state.memory.patched = state
        .listing
        .as_ref()
        .and_then(|listing| listing.entry.as_ref())
        .map(|entry| entry.stamp.clone());
    wrote(state, now);
    let Some(applied) = &mut state.memo.applied else { return };
    let corrected = applied.verify_jwt == verify_jwt;
    applied.verify_jwt = verify_jwt;
    let (revision, version) = (applied.revision.clone(), applied.stamp.version);
    let type_ = if corrected {
        FunctionEventType::Corrected
    } else {
        FunctionEventType::Configured
    };
    remember(state, type_, &revision, Some(version), now);
    if corrected && let Some(drift) = &mut state.memo.drift {
        drift.corrected_time = Some(now);
    }
}

fn update_from_probe(object: &EdgeFunction, state: &mut State, check: &Check, answer: &CheckAnswer, now: Timestamp) {
    let Some(applied) = state.applied().cloned() else {
        return;
    };
    let mut run = checks::run(state, &applied.source_digest);
    run.not_before = None;
    if matches!(answer, CheckAnswer::Status(status) if check.expect_status.contains(status)) {
        run.passed += 1;
        run.failed = 0;
    } else {
        run.failed += 1;
        run.not_before = Some(now + state.timing.check_retry());
    }
    let failed = run.failed >= CHECK_ATTEMPTS;
    state.memory.checks = if failed { None } else { Some(run) };
    if !failed {
        return;
    }
    let got = match answer {
        CheckAnswer::Status(status) => format!("got {status}"),
        CheckAnswer::TimedOut => format!("got no answer within {} s", check.timeout().as_secs()),
    };
    let origin = state.memo.history.iter().find(|event| {
        use FunctionEventType::{Adopted, Deployed, RolledBack};
        matches!(event.type_, Adopted | Deployed | RolledBack)
    });
    let deployed_by_us = origin.is_none_or(|event| event.type_ != FunctionEventType::Adopted);
    let archived = state.memo.proven.as_ref().filter(|proven| proven.archive.is_some());
    let (reason, message) =
        match archived.filter(|_| deployed_by_us && object.spec.rollback == Rollback::OnFailedChecks) {
            Some(proven) => (
                FunctionReason::RolledBack,
                format!(
                    "check {} {got}; roll-back to {}; change the source",
                    check.name, proven.revision
                ),
            ),
            None => (
                FunctionReason::ChecksFailed,
                format!(
                    "check {} {got}; {} stays live; change the source",
                    check.name, applied.revision
                ),
            ),
        };
    hold(object, state, reason, &message, Some(applied.source_digest));
}

/// Records a failure that is not retried until source, spec or `reconcile-at` change.
pub(super) fn hold(
    object: &EdgeFunction,
    state: &mut State,
    reason: FunctionReason,
    message: &str,
    digest: Option<String>,
) {
    state.memo.held = Some(Held {
        outcome: held::hold(object, reason, message),
        source_digest: digest,
    });
}

fn proven(content: &Closure, verify_jwt: bool, archive: Option<String>) -> Proven {
    Proven {
        revision: content.revision().to_string(),
        source_digest: content.digest().to_string(),
        verify_jwt: Some(verify_jwt),
        archive,
    }
}

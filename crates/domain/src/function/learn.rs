//! What a step taught, and what follows from what is known.

use ace_api::{
    Check, EdgeFunction, FunctionEventType, FunctionReason, Held, Intent, IntentType, Proven, Reason, Rollback,
};
use jiff::Timestamp;

use super::{
    checks,
    cleanup::is_leaving,
    intent::{self, remember},
    recognise::recognise,
    step::{Fact, Step},
    verdict::{Verdict, verdict},
    world::{CheckAnswer, CheckRun, PlatformSight, World},
};
use crate::{decision::Trouble, names::reconcile_at, pace::CHECK_ATTEMPTS, source::Closure};

/// Takes over what a step taught.
pub fn learn(object: &EdgeFunction, world: &mut World, step: &Step, outcome: Result<Fact, Trouble>, now: Timestamp) {
    world.trouble = None;
    match outcome {
        Ok(fact) => learn_fact(object, world, step, fact, now),
        Err(trouble) => learn_trouble(object, world, step, trouble, now),
    }
    understand(object, world, now);
}

/// Remembers that a step whose intent is recorded was not sent.
pub fn leave_undone(world: &mut World, step: &Step) {
    if let Step::Deploy { intent, .. } = step {
        world.recall.unsent = Some(intent.clone());
    }
}

/// Draws what follows from what is known: the outcome of a deploy, an adoption, a redeploy of the same code.
pub fn understand(object: &EdgeFunction, world: &mut World, now: Timestamp) {
    if world
        .recall
        .unsent
        .take()
        .is_some_and(|unsent| world.memo.intent.as_ref() == Some(&unsent))
    {
        world.memo.intent = None;
    }
    if !matches!(world.platform, PlatformSight::Present(_)) || is_leaving(object) && world.memo.intent.is_none() {
        return;
    }
    if world.memo.intent.is_some() {
        intent::settle(world, now);
    }
    // A leaving object takes nothing over: it deletes what it made itself, and nothing else.
    if world.memo.intent.is_none() && !is_leaving(object) {
        recognise(object, world, now);
    }
}

fn learn_fact(object: &EdgeFunction, world: &mut World, step: &Step, fact: Fact, now: Timestamp) {
    match fact {
        Fact::Listed(look) => world.look = Some(look),
        Fact::Got(None) => world.recall.absent = Some(now),
        Fact::Got(Some(entry)) => {
            if let Some(look) = &mut world.look {
                (look.started, look.since) = (now, now);
                look.lists = vec![now];
                look.entry = Some(entry);
            }
        }
        Fact::Body(body) => world.recall.body = Some(body),
        Fact::Archive(content) => {
            if let Step::LoadArchive(name) = step {
                world.recall.archive = Some((name.clone(), content));
            }
        }
        Fact::Archived(name) => match step {
            Step::ArchiveForeign(body) => world.recall.archived = Some(body.stamp.clone()),
            Step::ArchiveProven { content, .. } => world.memo.proven = Some(proven(content, Some(name))),
            _ => {}
        },
        Fact::ArchiveTooLarge(bytes) => match step {
            Step::ArchiveForeign(body) => world.recall.unarchivable = Some((body.stamp.clone(), bytes)),
            Step::ArchiveProven { content, .. } => world.memo.proven = Some(proven(content, None)),
            _ => {}
        },
        Fact::Deployed(stamp) => {
            if let Step::Deploy { intent, verify_jwt, .. } = step {
                sent(object, world, intent, *verify_jwt, now);
                world.recall.sent = Some(stamp);
            }
        }
        Fact::Patched => {
            if let Step::PatchJwt(verify_jwt) = step {
                learn_patch(object, world, *verify_jwt, now);
            }
        }
        Fact::Probed(answer) => {
            if let Step::Probe(probe) = step {
                learn_probe(object, world, &probe.check, &answer, now);
            }
        }
        Fact::GatewayUnreachable => {
            world.trouble = Some(Trouble::Unanswered(
                "the platform's gateway can't be reached".to_owned(),
            ));
        }
        Fact::Deleted => {
            wrote(world, now);
            world.memo.applied = None;
            if let Some(look) = &mut world.look {
                look.entry = None;
            }
        }
    }
}

fn learn_trouble(object: &EdgeFunction, world: &mut World, step: &Step, trouble: Trouble, now: Timestamp) {
    match (step, trouble) {
        (Step::Deploy { intent, verify_jwt, .. }, Trouble::OutcomeUnknown) => {
            sent(object, world, intent, *verify_jwt, now);
        }
        // Where other content is wanted, what is held is about that: a correction that is refused is only tried again later.
        (Step::Deploy { intent, .. }, Trouble::Refused(says))
            if intent.type_ == IntentType::Correction && world.wanted().as_ref() != Some(&intent.source_digest) =>
        {
            world.memo.intent = None;
            world.trouble = Some(Trouble::Refused(format!("the platform refuses a correction: {says}")));
        }
        (Step::Deploy { intent, .. }, Trouble::Refused(says)) => {
            world.memo.intent = None;
            let reason = if intent.type_ == IntentType::RollBack {
                FunctionReason::ChecksFailed
            } else {
                FunctionReason::DeployRefused
            };
            let message = match (intent.type_, &world.memo.held) {
                (IntentType::RollBack, Some(held)) => format!("{}; the roll-back was refused: {says}", held.message),
                _ => format!("the platform refuses the deploy: {says}; change the source or the spec"),
            };
            let digest = match (intent.type_, &world.memo.held) {
                (IntentType::RollBack, Some(held)) => held.source_digest.clone(),
                _ => Some(intent.source_digest.clone()),
            };
            hold(object, world, reason, &message, digest);
        }
        (Step::PatchJwt(_) | Step::Delete, Trouble::OutcomeUnknown) => {
            wrote(world, now);
            world.trouble = Some(Trouble::OutcomeUnknown);
        }
        (step, trouble) => {
            if let Step::Deploy { .. } = step {
                world.memo.intent = None;
            }
            world.trouble = Some(trouble);
        }
    }
}

/// A deploy is on its way or has arrived.
fn sent(object: &EdgeFunction, world: &mut World, intent: &Intent, verify_jwt: bool, now: Timestamp) {
    if intent.type_ == IntentType::Correction {
        note_drift(object, world, now);
    }
    world.memo.intent = Some(intent.clone());
    world.recall.sent = None;
    world.recall.sent_jwt = Some(verify_jwt);
    wrote(world, now);
}

/// Notes the drift that is about to be undone, so that the status can say afterwards what it was.
fn note_drift(object: &EdgeFunction, world: &mut World, now: Timestamp) {
    if let Verdict::Says { drift: Some(drift), .. } = verdict(object, world, now) {
        world.memo.drift = Some(drift);
    }
}

fn wrote(world: &mut World, now: Timestamp) {
    world.recall.body = None;
    if let Some(look) = &mut world.look {
        look.last_write = Some(now);
    }
}

fn learn_patch(object: &EdgeFunction, world: &mut World, verify_jwt: bool, now: Timestamp) {
    if world.applied().is_some_and(|applied| applied.verify_jwt == verify_jwt) {
        note_drift(object, world, now);
    }
    world.recall.patched = world
        .look
        .as_ref()
        .and_then(|look| look.entry.as_ref())
        .map(|entry| entry.stamp.clone());
    wrote(world, now);
    let Some(applied) = &mut world.memo.applied else { return };
    let corrected = applied.verify_jwt == verify_jwt;
    applied.verify_jwt = verify_jwt;
    let (revision, version) = (applied.revision.clone(), applied.stamp.version);
    let type_ = if corrected {
        FunctionEventType::Corrected
    } else {
        FunctionEventType::Configured
    };
    remember(world, type_, &revision, Some(version), now);
    if corrected && let Some(drift) = &mut world.memo.drift {
        drift.corrected_time = Some(now);
    }
}

fn learn_probe(object: &EdgeFunction, world: &mut World, check: &Check, answer: &CheckAnswer, now: Timestamp) {
    let Some(applied) = world.applied().cloned() else {
        return;
    };
    let mut run = checks::run(world, &applied.source_digest);
    run.not_before = None;
    if matches!(answer, CheckAnswer::Status(status) if check.expect_status.contains(status)) {
        run.passed += 1;
        run.failed = 0;
    } else {
        run.failed += 1;
        run.not_before = Some(now + world.pace.check_retry());
    }
    let failed = run.failed >= CHECK_ATTEMPTS;
    world.recall.checks = if failed { None } else { Some(run) };
    if !failed {
        return;
    }
    let got = match answer {
        CheckAnswer::Status(status) => format!("got {status}"),
        CheckAnswer::TimedOut => format!("had no answer in {} s", check.timeout_seconds.unwrap_or(10)),
    };
    let origin = world.memo.history.iter().find(|event| {
        use FunctionEventType::{Adopted, Deployed, RolledBack};
        matches!(event.type_, Adopted | Deployed | RolledBack)
    });
    let deployed_by_us = origin.is_none_or(|event| event.type_ != FunctionEventType::Adopted);
    let archived = world.memo.proven.as_ref().filter(|proven| proven.archive.is_some());
    let (reason, message) =
        match archived.filter(|_| deployed_by_us && object.spec.rollback == Rollback::OnFailedChecks) {
            Some(proven) => (
                FunctionReason::RolledBack,
                format!(
                    "check {} {got}; {} is live again; change the source",
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
    hold(object, world, reason, &message, Some(applied.source_digest));
}

/// Notes what is not tried again by itself.
pub(super) fn hold(
    object: &EdgeFunction,
    world: &mut World,
    reason: FunctionReason,
    message: &str,
    digest: Option<String>,
) {
    world.memo.held = Some(held(object, reason, message, digest));
}

/// What is not tried again, as of this spec.
pub(super) fn held(object: &EdgeFunction, reason: FunctionReason, message: &str, digest: Option<String>) -> Held {
    Held {
        reason: reason.as_str().to_owned(),
        message: ace_api::message(message),
        source_digest: digest,
        generation: object.metadata.generation.unwrap_or_default(),
        reconcile_at: reconcile_at(object),
    }
}

fn proven(content: &Closure, archive: Option<String>) -> Proven {
    Proven {
        revision: content.revision().to_string(),
        source_digest: content.digest().to_string(),
        archive,
    }
}

/// A fresh run of checks.
pub(super) fn new_run(digest: &str) -> CheckRun {
    CheckRun {
        digest: digest.to_owned(),
        passed: 0,
        failed: 0,
        not_before: None,
    }
}

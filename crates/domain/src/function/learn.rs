//! What a step taught, and what follows from what is known.

use ace_api::{
    Check, EdgeFunction, FunctionEventType, FunctionReason, Held, Intent, IntentType, Proven, Reason, Rollback,
};
use bytes::Bytes;
use jiff::Timestamp;

use super::{
    checks,
    cleanup::is_leaving,
    compare::FOREIGN,
    intent::{self, make_applied, remember},
    step::{Fact, Step},
    verdict::{Verdict, verdict},
    world::{BodyContent, CheckAnswer, CheckRun, Entry, PlatformSight, World},
};
use crate::{
    decision::Trouble,
    names::reconcile_at,
    pace::CHECK_ATTEMPTS,
    source::{BodyDigest, BodyFiles, Closure, Proof, proves},
};

/// How a transpiled script names its source map.
const SOURCE_MAP: &[u8] = b"//# sourceMappingURL=";

/// Takes over what a step taught.
pub fn learn(object: &EdgeFunction, world: &mut World, step: &Step, outcome: Result<Fact, Trouble>, now: Timestamp) {
    world.trouble = None;
    match outcome {
        Ok(fact) => learn_fact(object, world, step, fact, now),
        Err(trouble) => learn_trouble(object, world, step, trouble, now),
    }
    understand(object, world, now);
}

/// Draws what follows from what is known: the outcome of a deploy, an adoption, a redeploy of the same code.
pub fn understand(object: &EdgeFunction, world: &mut World, now: Timestamp) {
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
        Fact::Got(None) => world.recall.absent = world.look.as_ref().map(|look| look.started),
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
            hold(object, world, reason, message, digest);
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
    hold(object, world, reason, message, Some(applied.source_digest));
}

/// Notes what is not tried again by itself.
pub(super) fn hold(
    object: &EdgeFunction,
    world: &mut World,
    reason: FunctionReason,
    message: String,
    digest: Option<String>,
) {
    world.memo.held = Some(held(object, reason, &message, digest));
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

/// The live content may be known although its stamp is not: redeployed as it was, or made by somebody who was first.
fn recognise(object: &EdgeFunction, world: &mut World, now: Timestamp) {
    let Some(look) = world.look.as_ref().filter(|look| look.is_fresh()) else {
        return;
    };
    let Some(entry) = look.entry.clone() else { return };
    let body = world.body_of(&entry).map(|body| body.content.clone());
    let files = match &body {
        Some(BodyContent::Files { files, digest }) => Some((files.as_ref(), *digest)),
        _ => None,
    };
    let Some(applied) = world.applied().cloned() else {
        return adopt_at_first_contact(object, world, &entry, body.is_some(), files, now);
    };
    if applied.stamp == entry.stamp {
        if applied.body_digest.is_none()
            && let (Some((_, digest)), Some(applied)) = (files, &mut world.memo.applied)
        {
            applied.body_digest = Some(digest.to_string());
        }
        return;
    }
    if body.is_none() {
        return;
    }
    let known = applied.body_digest.is_some() && files.is_some();
    // The same bundle, of which something else was changed: the JWT rule, or the name.
    let same_bundle = entry.stamp.bundle_digest.is_some()
        && (&entry.stamp.id, entry.stamp.version, &entry.stamp.bundle_digest)
            == (&applied.stamp.id, applied.stamp.version, &applied.stamp.bundle_digest);
    let same = same_bundle
        || match (&applied.body_digest, files) {
            (Some(before), Some((_, digest))) => *before == digest.to_string(),
            _ => entry
                .mark
                .as_ref()
                .is_some_and(|mark| mark.to_string() == applied.revision),
        };
    let is_source = |content: &Closure| files.is_some_and(|(files, _)| proves(content, files) == Proof::Proved);
    let same = same
        || !known
            && world
                .content_of(&applied.source_digest)
                .is_some_and(|content| is_source(content));
    let proved = world
        .content()
        .filter(|content| is_source(content))
        .map(|content| content.digest().to_string());
    let digest = files.map(|(_, digest)| digest);
    if same || proved.as_deref() == Some(&applied.source_digest) {
        redeployed(world, &entry, digest);
    } else if let Some(wanted) = proved {
        adopt(object, world, &wanted, &entry, digest, now);
    }
}

fn redeployed(world: &mut World, entry: &Entry, digest: Option<BodyDigest>) {
    if let Some(applied) = &mut world.memo.applied {
        applied.stamp = entry.stamp.clone();
        applied.body_digest = digest.map(|digest| digest.to_string());
    }
}

/// Without a memo, live content is ours when the mark says so and the bytes do not say otherwise, or when the bytes prove it.
fn adopt_at_first_contact(
    object: &EdgeFunction,
    world: &mut World,
    entry: &Entry,
    body_read: bool,
    files: Option<(&BodyFiles, BodyDigest)>,
    now: Timestamp,
) {
    if !body_read {
        return;
    }
    let archived = world.archived().map(|archived| &archived.content);
    let digest = world.content().into_iter().chain(archived).find_map(|content| {
        let marked = entry.mark.as_ref() == Some(&content.revision());
        let is_ours = match files.map(|(files, _)| proves(content, files)) {
            Some(Proof::Proved) => true,
            Some(Proof::Differs(_)) => marked && files.is_some_and(|(files, _)| is_transpiled(content, files)),
            Some(Proof::Unanchored) | None => marked,
        };
        is_ours.then(|| content.digest().to_string())
    });
    if let Some(digest) = digest {
        adopt(object, world, &digest, entry, files.map(|(_, digest)| digest), now);
    }
}

/// What is not ours in a marked body is another form of our scripts, not an edited one: it carries a source map.
fn is_transpiled(content: &Closure, body: &BodyFiles) -> bool {
    let is_mapped = |bytes: &Bytes| bytes.windows(SOURCE_MAP.len()).any(|window| window == SOURCE_MAP);
    let mut others = body
        .files()
        .values()
        .filter(|bytes| content.files().values().all(|ours| ours != *bytes))
        .peekable();
    others.peek().is_some() && others.all(is_mapped)
}

fn adopt(
    object: &EdgeFunction,
    world: &mut World,
    digest: &str,
    entry: &Entry,
    body: Option<BodyDigest>,
    now: Timestamp,
) {
    let verify_jwt = entry.verify_jwt.unwrap_or(object.spec.verify_jwt);
    make_applied(
        world,
        digest,
        verify_jwt,
        entry.stamp.clone(),
        FunctionEventType::Adopted,
        now,
    );
    if let Some(applied) = &mut world.memo.applied {
        applied.body_digest = body.map(|digest| digest.to_string());
    }
    if world.memo.live.as_ref().is_some_and(|live| live.revision == FOREIGN) {
        world.memo.live = None;
    }
    world.memo.drift = None;
    world.recall.checks = None;
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

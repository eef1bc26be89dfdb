//! Checks after a deploy, and the roll-back when they fail.

use std::sync::Arc;

use ace_api::{Applied, CheckAuth, EdgeFunction, FunctionReason, Held, IntentType, Proven};
use jiff::Timestamp;

use super::{
    Cause, Decision,
    live::is_proven,
    rollout::{Before, deploy},
    state::{Archived, CheckRun, PlatformFacts, Probe, State},
    step::Step,
};
use crate::{
    bundle::Closure,
    reconcile::{decision::Requeue, held},
};

/// The unfinished run of checks for content of this digest, or a new one.
pub(super) fn run(state: &State, digest: &str) -> CheckRun {
    state
        .memory
        .checks
        .clone()
        .filter(|run| run.digest == digest)
        .unwrap_or_else(|| CheckRun {
            digest: digest.to_owned(),
            passed: 0,
            failed: 0,
            not_before: None,
        })
}

/// A check needs the anonymous key, and it could not be read.
pub(super) fn lacks_key(object: &EdgeFunction, platform: &PlatformFacts) -> bool {
    !platform.anon_key
        && object
            .spec
            .checks
            .iter()
            .any(|check| check.auth == Some(CheckAuth::Anon))
}

/// The next check of the applied content, or the archiving after the last one; `None` when it is proven.
pub(super) fn next(
    object: &EdgeFunction,
    state: &State,
    platform: &PlatformFacts,
    applied: &Applied,
    now: Timestamp,
) -> Option<Decision> {
    if is_proven(state, applied) {
        return None;
    }
    if lacks_key(object, platform) {
        return Some(Decision::Wait(waits_for_key(), Requeue::OnChange));
    }
    let run = run(state, &applied.source_digest);
    let waiting = Cause::new(FunctionReason::Checking, "running the checks of the last deploy");
    if let Some(not_before) = run.not_before.filter(|not_before| *not_before > now) {
        return Some(Decision::Wait(waiting, Requeue::At(not_before)));
    }
    Some(match object.spec.checks.get(run.passed) {
        Some(check) => Decision::Do(Step::Probe(Probe {
            check: check.clone(),
            url: url(object, platform),
        })),
        None => match state.content_of(&applied.source_digest) {
            Some(content) => Decision::Do(Step::ArchiveProven {
                content: content.clone(),
                verify_jwt: applied.verify_jwt,
            }),
            None => return None,
        },
    })
}

pub(super) fn waits_for_key() -> Cause {
    let message = "a check has `auth: Anon`, but the Platform has no anonymous key: set its `spec.anonKeySecretRef` to a Secret key that holds this project's (`sb_publishable_…`, or a JWT for the role `anon`)";
    Cause::new(FunctionReason::WaitingForKey, message)
}

/// Deploys the proven content again, over content that failed its checks.
pub(super) fn roll_back(
    object: &EdgeFunction,
    state: &State,
    before: Before<'_>,
    held: &Held,
    now: Timestamp,
) -> Decision {
    let lost = |what: &str| {
        let message = format!("{}; but {what}, so the failed content stays live", held.outcome.message);
        Decision::Refuse(Cause::new(FunctionReason::ChecksFailed, message), Requeue::OnChange)
    };
    let Some(proven) = &state.memo.proven else {
        return lost("no earlier version has passed its checks");
    };
    if let Some((content, rule)) = state.archived().and_then(|archived| restored(object, proven, archived)) {
        return deploy(object, state, IntentType::RollBack, content, rule, before, now);
    }
    match (&proven.archive, &state.memory.archive) {
        (Some(name), Some((read, archived))) if name == read => lost(match archived {
            None => "the archive of the last version that passed its checks is missing or damaged",
            Some(_) => "the archive of the last version that passed its checks holds something else now",
        }),
        (Some(name), _) => Decision::Do(Step::LoadArchive(name.clone())),
        (None, _) => lost("the last version that passed its checks was too large to archive"),
    }
}

/// Content and rule of an archive that is what was archived. Whoever may write ConfigMaps can replace it, so content and rule are those
/// in the status, too: one of the two alone changes nothing that is deployed.
fn restored<'a>(object: &EdgeFunction, proven: &Proven, archived: &'a Archived) -> Option<(&'a Arc<Closure>, bool)> {
    let Archived { content, verify_jwt } = archived;
    if content.digest().to_string() != proven.source_digest {
        return None;
    }
    match proven.verify_jwt {
        Some(rule) => (rule == *verify_jwt).then_some((content, rule)),
        None => Some((content, *verify_jwt || object.spec.verify_jwt)),
    }
}

/// The content is held because its checks failed, and the proven content replaces it.
pub(super) fn is_roll_back(held: &Held) -> bool {
    held::is(&held.outcome, FunctionReason::RolledBack)
}

/// After a roll-back the status has the rule twice: while the two differ, neither is brought back.
pub(super) fn is_rule_doubtful(state: &State, held: Option<&Held>, applied: &Applied) -> bool {
    let proven = state.memo.proven.as_ref().and_then(|proven| proven.verify_jwt);
    held.is_some_and(is_roll_back) && proven.is_some_and(|rule| rule != applied.verify_jwt)
}

/// The roll-back has not happened: the failed content is still the applied one.
pub(super) fn is_roll_back_due(state: &State, held: &Held) -> bool {
    let failed = held.source_digest.as_ref();
    is_roll_back(held) && failed.is_some() && failed == state.applied().map(|applied| &applied.source_digest)
}

pub(super) fn url(object: &EdgeFunction, platform: &PlatformFacts) -> String {
    format!("{}/functions/v1/{}", platform.gateway, object.slug())
}

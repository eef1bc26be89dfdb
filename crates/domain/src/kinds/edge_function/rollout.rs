//! Deploys: their preconditions, and the upload.

use std::sync::Arc;

use ace_api::{EdgeFunction, FunctionEventType, FunctionReason, Held, Intent, IntentType};
use jiff::Timestamp;

use super::{
    Cause, Decision, checks,
    live::is_proved,
    lost_deploys,
    source_problems::no_later,
    state::{BodyContent, LiveFunction, PlatformFacts, State},
    step::Step,
};
use crate::{
    bundle::Closure,
    reconcile::{
        decision::Requeue,
        held::{self, is_unchanged_since},
        messages::listed,
        timing::CONTEST_CORRECTIONS,
    },
};

/// What is live before a deploy.
#[derive(Clone, Copy, Debug)]
pub(super) enum Before<'a> {
    Nothing,
    /// Content that this object deployed or adopted.
    Known(&'a LiveFunction),
    /// Content that may be foreign: it is archived before it is overwritten.
    Foreign(&'a LiveFunction),
}

impl<'a> Before<'a> {
    /// The list shows the stamp of what was applied.
    pub(super) fn applied(state: &State, entry: &'a LiveFunction) -> Self {
        if is_proved(state, entry) {
            Self::Known(entry)
        } else {
            Self::Foreign(entry)
        }
    }

    pub(super) fn stamp(self) -> Option<ace_api::Stamp> {
        match self {
            Self::Nothing => None,
            Self::Known(entry) | Self::Foreign(entry) => Some(entry.stamp.clone()),
        }
    }
}

/// What is held, if it holds for this content, this generation and this `reconcile-at`.
pub(super) fn held<'a>(object: &EdgeFunction, state: &'a State, digest: Option<&str>) -> Option<&'a Held> {
    state.memo.held.as_ref().filter(|held| {
        let same_content = held.source_digest.is_none() || held.source_digest.as_deref() == digest;
        same_content && is_unchanged_since(&held.outcome, object)
    })
}

/// What is held of the content that should be live.
pub(super) fn held_now<'a>(object: &EdgeFunction, state: &'a State) -> Option<&'a Held> {
    held(object, state, state.desired_digest().as_deref())
}

pub(super) fn is_contest(held: &Held) -> bool {
    held::is(&held.outcome, FunctionReason::DriftContested)
}

pub(super) fn refuse_held(held: &Held, requeue: Requeue) -> Decision {
    Decision::Refuse(held::cause(&held.outcome, FunctionReason::DeployRefused), requeue)
}

/// Deploys the desired content, or says what it waits for.
pub(super) fn roll_out(
    object: &EdgeFunction,
    state: &State,
    platform: &PlatformFacts,
    content: &Arc<Closure>,
    before: Before<'_>,
    now: Timestamp,
) -> Decision {
    if let Some(held) = held(object, state, Some(&content.digest().to_string())) {
        return refuse_held(held, Requeue::OnChange);
    }
    if let Some(cause) = missing(object, state, platform).next() {
        return Decision::Wait(cause, Requeue::OnChange);
    }
    deploy(
        object,
        state,
        IntentType::RollOut,
        content,
        object.spec.verify_jwt,
        before,
        now,
    )
}

/// Deploys the applied content again, over foreign content or none; `None` when that content is not available any more.
pub(super) fn correct(object: &EdgeFunction, state: &State, before: Before<'_>, now: Timestamp) -> Option<Decision> {
    let applied = state.applied()?;
    // Content that was refused or failed its checks must not overwrite what replaced it.
    let failed = held_now(object, state).filter(|held| held.source_digest.as_ref() == Some(&applied.source_digest));
    if let Some(failed) = failed {
        return Some(refuse_held(failed, Requeue::OnChange));
    }
    if checks::is_rule_doubtful(state, held_now(object, state), applied) {
        return None;
    }
    if let Some(contest) = contest(object, state, now) {
        return Some(contest);
    }
    if let Some(content) = state.content_of(&applied.source_digest) {
        return Some(deploy(
            object,
            state,
            IntentType::Correction,
            content,
            applied.verify_jwt,
            before,
            now,
        ));
    }
    let proven = state
        .memo
        .proven
        .as_ref()
        .filter(|proven| proven.source_digest == applied.source_digest)?;
    let name = proven.archive.as_ref()?;
    let was_read = state.memory.archive.as_ref().is_some_and(|(read, _)| read == name);
    (!was_read).then(|| Decision::Do(Step::LoadArchive(name.clone())))
}

/// The function is changed out of band after each correction.
pub(super) fn contest(object: &EdgeFunction, state: &State, now: Timestamp) -> Option<Decision> {
    if let Some(held) = held_now(object, state).filter(|held| is_contest(held)) {
        return Some(refuse_held(held, Requeue::OnChange));
    }
    let window = state.timing.contest_window();
    let corrections = state
        .memo
        .history
        .iter()
        .take_while(|event| event.type_ != FunctionEventType::Contested)
        .filter(|event| event.type_ == FunctionEventType::Corrected && event.time + window > now)
        .count();
    (corrections >= CONTEST_CORRECTIONS).then(|| {
        let message = format!(
            "corrected {corrections} times within an hour and changed out of band again: find out what changes it, then change the source, the spec or the annotation `ops.mobulace.com/reconcile-at` to resume corrections"
        );
        Decision::Refuse(Cause::new(FunctionReason::DriftContested, message), Requeue::OnChange)
    })
}

/// What a roll-out waits for, in the order in which it does.
pub(super) fn missing(object: &EdgeFunction, state: &State, platform: &PlatformFacts) -> impl Iterator<Item = Cause> {
    let key = checks::lacks_key(object, platform).then(checks::waits_for_key);
    let all = [
        unset_secrets(object, state),
        unapplied(object, state),
        lower_waves(state),
        key,
    ];
    all.into_iter().flatten()
}

fn unset_secrets(object: &EdgeFunction, state: &State) -> Option<Cause> {
    let requires = object.spec.requires.as_ref()?;
    let message = match &state.secrets {
        _ if requires.secrets.is_empty() => return None,
        None => "the project's secrets have not been listed yet".to_owned(),
        Some(names) => match missing_secrets(object, names) {
            missing if missing.is_empty() => return None,
            missing => format!("set these secrets in the project: {}", missing.join(", ")),
        },
    };
    Some(Cause::new(FunctionReason::WaitingForSecrets, message))
}

fn unapplied(object: &EdgeFunction, state: &State) -> Option<Cause> {
    let migration = object.spec.requires.as_ref()?.migration.as_ref()?;
    let (set, version) = (&migration.name, &migration.version);
    let message = match &state.migrations {
        Some(applied) if applied.contains(version) => return None,
        Some(_) => format!("MigrationSet `{set}` has not applied {version} yet"),
        None => format!("MigrationSet `{set}` does not exist, or its database has not been observed yet"),
    };
    Some(Cause::new(FunctionReason::WaitingForMigration, message))
}

fn lower_waves(state: &State) -> Option<Cause> {
    if state.blockers.is_empty() {
        return None;
    }
    let blockers = listed(&state.blockers, 5, String::clone);
    let message = format!("waiting for functions of lower waves: {blockers}");
    Some(Cause::new(FunctionReason::WaitingForWave, message))
}

/// The groups of required secrets of which none is set, as `A or B`.
pub(super) fn missing_secrets(object: &EdgeFunction, names: &std::collections::BTreeSet<String>) -> Vec<String> {
    let groups = object.spec.requires.iter().flat_map(|requires| &requires.secrets);
    groups
        .filter(|group| !group.any_of.iter().any(|name| names.contains(name)))
        .map(|group| group.any_of.join(" or "))
        .collect()
}

pub(super) fn deploy(
    object: &EdgeFunction,
    state: &State,
    type_: IntentType,
    content: &Arc<Closure>,
    verify_jwt: bool,
    before: Before<'_>,
    now: Timestamp,
) -> Decision {
    if let Some(pause) = lost_deploys::pause(object, state, content, now) {
        return pause;
    }
    if let Before::Foreign(entry) = before
        && let Some(first) = archive_first(state, entry, now)
    {
        return first;
    }
    let intent = Intent {
        type_,
        source_digest: content.digest().to_string(),
        before: before.stamp(),
        start_time: now,
    };
    Decision::Do(Step::Deploy {
        intent,
        content: content.clone(),
        verify_jwt,
    })
}

/// A foreign body is archived before it is overwritten; if it can't be, nothing is written.
fn archive_first(state: &State, entry: &LiveFunction, now: Timestamp) -> Option<Decision> {
    if state.memory.archived.as_ref() == Some(&entry.stamp) {
        return None;
    }
    let refuse = |reason, message: String| Some(Decision::Refuse(Cause::new(reason, message), Requeue::OnChange));
    if let Some((_, bytes)) = state
        .memory
        .unarchivable
        .as_ref()
        .filter(|(stamp, _)| *stamp == entry.stamp)
    {
        let message = format!(
            "version {} was not deployed from this object and packs to {bytes} bytes, too large to archive: download it, then delete the live function",
            entry.stamp.version
        );
        return refuse(FunctionReason::ArchiveTooLarge, message);
    }
    match (state.body_of(entry), state.unread_now(&entry.stamp)) {
        (Some(body), _) if body.content != BodyContent::TooLarge => {
            Some(Decision::Do(Step::ArchiveForeign(body.clone())))
        }
        (None, Some((cause, requeue))) if state.refused_body(&entry.stamp).is_none() => {
            Some(no_later(Decision::Wait(cause, Requeue::OnChange), requeue, now))
        }
        (None, None) => Some(Decision::Do(Step::ReadBody(entry.stamp.clone()))),
        _ => Some(unreadable(state, entry)),
    }
}

/// Nothing is written over content that can't be archived.
pub(super) fn unreadable(state: &State, entry: &LiveFunction) -> Decision {
    let version = entry.stamp.version;
    let why = match state.refused_body(&entry.stamp) {
        Some(says) => format!("can't be read: {says}"),
        None => "is too large to read".to_owned(),
    };
    let message = format!(
        "version {version} was not deployed from this object and {why}; it is not overwritten: download it, then delete the live function"
    );
    Decision::Refuse(
        Cause::new(FunctionReason::ArchiveUnreadable, message),
        Requeue::OnChange,
    )
}

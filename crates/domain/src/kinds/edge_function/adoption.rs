//! A live function of which the status has no record: it is adopted, replaced, or refused until a person decides.

use std::sync::Arc;

use ace_api::{AdoptionPolicy, EdgeFunction, FunctionReason, Held, Mode};
use jiff::Timestamp;

use super::{
    Cause, Decision,
    drift::named_files,
    rollout::{self, Before, refuse_held, roll_out},
    state::{Difference, LiveFunction, PlatformFacts, State},
    step::Step,
};
use crate::{
    bundle::Closure,
    reconcile::{annotations::reconcile_at, decision::Requeue, held},
};

pub(super) fn adopt_or_refuse(
    object: &EdgeFunction,
    state: &State,
    platform: &PlatformFacts,
    content: &Arc<Closure>,
    (entry, difference): (&LiveFunction, &Difference),
    now: Timestamp,
) -> Decision {
    let mark = entry.mark.as_ref().filter(|mark| **mark != content.revision());
    if let Some(mark) = mark {
        let name = archive_name(object, &mark.to_string());
        if state.memory.archive.as_ref().is_none_or(|(read, _)| *read != name) {
            return Decision::Do(Step::LoadArchive(name));
        }
    }
    if object.spec.mode == Mode::Observe {
        return Decision::Settled(Requeue::OnChange);
    }
    if let Some((cause, requeue)) = state.unread_now(&entry.stamp)
        && state.refused_body(&entry.stamp).is_none()
    {
        return Decision::Wait(cause, requeue);
    }
    let is_unknown = |held: &Held| held::is(&held.outcome, FunctionReason::UnknownOwnDeploy);
    let digest = content.digest().to_string();
    if let Some(held) = rollout::held(object, state, Some(&digest)).filter(|held| !is_unknown(held)) {
        return refuse_held(held, Requeue::OnChange);
    }
    let retry_requested = (state.memo.held.as_ref())
        .is_some_and(|held| is_unknown(held) && held.outcome.reconcile_at != reconcile_at(object));
    match mark {
        _ if object.spec.adoption_policy == AdoptionPolicy::Always => {}
        Some(_) if retry_requested => {}
        Some(mark) => {
            let message = format!(
                "version {} was deployed by an ace-operator as revision {mark}, but the status of this object has no record of it: change the annotation `ops.mobulace.com/reconcile-at` to replace it, or set `spec.adoptionPolicy: Always`",
                entry.stamp.version
            );
            return Decision::Refuse(Cause::new(FunctionReason::UnknownOwnDeploy, message), Requeue::OnChange);
        }
        None => {
            let differs = match difference {
                Difference::Fields(fields) => {
                    let files = named_files(fields).map(|names| format!(" in {names}"));
                    format!("differs from the source{}", files.unwrap_or_default())
                }
                Difference::NotComparable(why) => format!("can't be compared with the source ({why})"),
                Difference::NotRead => format!("can't be read ({})", state.why_unread(&entry.stamp)),
            };
            let message = format!(
                "version {} is live, was not deployed from this object and {differs}: change the source to match it, or set `spec.adoptionPolicy: Always` to archive and replace it",
                entry.stamp.version
            );
            return Decision::Refuse(Cause::new(FunctionReason::AdoptionConflict, message), Requeue::OnChange);
        }
    }
    roll_out(object, state, platform, content, Before::Foreign(entry), now)
}

/// Name of the ConfigMap that archives this revision of the object's function.
pub fn archive_name(object: &EdgeFunction, revision: &str) -> String {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let room = 253 - 1 - revision.len();
    let name = name.get(..name.floor_char_boundary(room)).unwrap_or_default();
    format!("{name}-{revision}")
}

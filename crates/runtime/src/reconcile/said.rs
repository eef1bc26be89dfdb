//! What is said of an object where no pass could say it.

use std::sync::Arc;

use ace_api::{ANNOTATION_RECONCILE_AT, CommonStatus, ConditionType, KindEntry, ObjectStatus};
use ace_domain::reconcile::{
    decision::Requeue,
    kind::Kind,
    pass::{End, Outcome},
    status::{definition_outdated, internal_error, not_observed, status_refused},
};
use jiff::Timestamp;
use kube::{Resource as _, ResourceExt as _, core::object::HasStatus};

use super::{
    Controller,
    context::Context,
    controller::Object,
    pass::{Kept, PassError, VERSION, now, show},
    status_writer::{self as write, Read},
};

/// Says in the status of `object` that a pass over it panicked. What that pass has written of it stays.
pub(super) async fn put_aside<C: Controller>(
    context: &Context<C>,
    object: Arc<Object<C>>,
    kept: &mut Kept<C>,
    place: &str,
) -> Result<End, PassError> {
    let message = format!(
        "the operator hit an internal error at {place} in version {VERSION}: report it; this object is not tried again until its \
         spec or the annotation `{ANNOTATION_RECONCILE_AT}` change"
    );
    let object = say(context, object, kept, message, internal_error).await?;
    kept.put_aside(&object);
    Ok(End {
        outcome: Outcome::Refused,
        requeue: Requeue::OnChange,
    })
}

/// Says in the status of `object` that another one was refused, for these fields: what else is written there stays.
pub(super) async fn say_refused<C: Controller>(
    context: &Context<C>,
    object: Arc<Object<C>>,
    kept: &mut Kept<C>,
    fields: &str,
) -> Result<End, PassError> {
    let message = format!(
        "the API server refused the status of version {VERSION} of the operator ({fields}): install the definitions of that \
         version, and report it if that does not help; until then nothing that is observed can be shown"
    );
    say(context, object, kept, message, status_refused).await?;
    Ok(End {
        outcome: Outcome::Waiting,
        requeue: Requeue::After(context.tools.timing.backoff_most()),
    })
}

/// Says in the status of `object` that its definition does not have this field.
pub(super) async fn say_outdated<C: Controller>(
    context: &Context<C>,
    object: Arc<Object<C>>,
    kept: &mut Kept<C>,
    field: &str,
) -> Result<End, PassError> {
    let message = format!(
        "the installed definition is older than version {VERSION} of the operator, and has no {field}: install the definitions of \
         that version; until then nothing is done that would be recorded there"
    );
    say(context, object, kept, message, definition_outdated).await?;
    Ok(End {
        outcome: Outcome::Refused,
        requeue: Requeue::After(context.tools.timing.backoff_most()),
    })
}

/// Says in the status of `object` that passes could not observe it for three intervals. Of one that is suspended nothing is said.
pub(super) async fn say_unobserved<C: Controller>(
    context: &Context<C>,
    object: Arc<Object<C>>,
    kept: &mut Kept<C>,
) -> Result<End, PassError> {
    let end = End {
        outcome: Outcome::OutOfTime,
        requeue: Requeue::Backoff,
    };
    if C::Kind::is_suspended(&object) {
        return Ok(end);
    }
    let message = format!(
        "not observed for three intervals: reading what the object depends on did not end in time in version {VERSION} of the \
         operator, and is tried again; if the API server and the source answer, report it"
    );
    say(context, object, kept, message, not_observed).await?;
    Ok(end)
}

/// The conditions that the kind has beside `Ready`.
pub(super) fn other_conditions<C: Controller>() -> Vec<ConditionType> {
    let kind = KindEntry::named(&Object::<C>::kind(&()));
    let conditions = kind.map_or(&[][..], |kind| kind.conditions);
    conditions.iter().map(|(type_, _)| *type_).collect()
}

/// Writes the common fields that `said` makes of a message into the status of `object`, and answers with the object that they are of.
async fn say<C: Controller>(
    context: &Context<C>,
    object: Arc<Object<C>>,
    kept: &mut Kept<C>,
    message: String,
    said: impl FnOnce(&Object<C>, &[ConditionType], &CommonStatus, String, Timestamp) -> CommonStatus,
) -> Result<Arc<Object<C>>, PassError> {
    let object = kept.newer_than(&object).unwrap_or(object);
    let before = object.status().cloned().unwrap_or_default();
    let mut status = before.clone();
    *status.common_mut() = said(&object, &other_conditions::<C>(), before.common(), message, now());
    show::<C>(context, &object, &status);
    if status != before {
        let version = object.resource_version();
        let read = Read {
            version: version.as_deref(),
            status: &before,
        };
        let written = write::status::<C::Kind>(&context.tools.client, &object, read, &status).await;
        let written = written.map_err(PassError::Write)?;
        context.tools.metrics.status_written(C::Kind::NAME);
        kept.note_write(&object, &written);
    }
    Ok(object)
}

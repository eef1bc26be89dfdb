//! Objects that another version of the operator, or of a definition, has made, and this one can't read.

use ace_api::{CommonStatus, field_manager};
use ace_domain::reconcile::{key::Key, kind::Kind, status::object_unreadable};
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use serde_json::{Map, Value, json};

use super::{
    Controller,
    context::Context,
    controller::Object,
    pass::{VERSION, now, show_common},
    said::other_conditions,
    scheduler::Due,
    status_writer::{WriteError, within},
};
use crate::{causes::with_causes, metrics::PassOutcome, queue::Class, request::listed};

/// Says so in the object's own status. What else is written there stays, and its field manager, so that the version that wrote it goes
/// on where it was.
pub(super) async fn say_unreadable<C: Controller>(context: &Context<C>, key: &Key) -> Due {
    let kind = C::Kind::NAME;
    let guard = context.tools.metrics.pass(kind);
    match say(context, key).await {
        Ok(None) => Due::ON_CHANGE,
        Ok(Some(place)) => {
            tracing::error!(kind, object = %key, %place, version = VERSION, "the object can't be read; nothing is done for it");
            guard.finish(PassOutcome::ObjectUnreadable);
            Due::ON_CHANGE
        }
        Err(WriteError::Gone) => {
            guard.finish(PassOutcome::Gone);
            Due::ON_CHANGE
        }
        Err(error) => {
            tracing::warn!(kind, object = %key, error = %with_causes(&error), "the object can't be read, which could not be said in its status; it is tried again");
            guard.finish(PassOutcome::Failed);
            Due {
                wait: Some(context.tools.timing.backoff_most()),
                class: Class::Retry,
            }
        }
    }
}

/// Where the object can't be read, as its status says now; `None` where it can be meanwhile.
async fn say<C: Controller>(context: &Context<C>, key: &Key) -> Result<Option<String>, WriteError> {
    let kind = ApiResource::erase::<Object<C>>(&());
    let api = Api::<DynamicObject>::namespaced_with(context.tools.client.clone(), &key.namespace, &kind);
    let stored = within(listed(&api, &key.name)).await?.ok_or(WriteError::Gone)?;
    let Some(place) = unreadable_place::<Object<C>>(&stored) else {
        return Ok(None);
    };
    let before = stored.data.get("status").and_then(Value::as_object).cloned();
    let before = before.unwrap_or_default();
    let common = serde_json::from_value(before.clone().into()).unwrap_or_else(|_| CommonStatus::default());
    let message = format!(
        "version {VERSION} of the operator can't read this object, {place}: install the version that wrote it, or change that field (in \
         the status by `kubectl edit --subresource=status`); until then nothing is done for it"
    );
    let common = object_unreadable(&stored, &other_conditions::<C>(), &common, message, now());
    show_common::<C>(context, key, &common, None);
    let status = replaced(&before, &common);
    if status != before {
        let patch = json!({
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "metadata": { "name": key.name, "uid": stored.uid(), "resourceVersion": stored.resource_version() },
            "status": status,
        });
        let parameters = PatchParams::apply(&field_manager(C::Kind::NAME)).force();
        within(api.patch_status(&key.name, &parameters, &Patch::Apply(&patch))).await?;
        context.tools.metrics.status_written(C::Kind::NAME);
    }
    Ok(Some(place))
}

/// The field that can't be read, and why.
fn unreadable_place<O: serde::de::DeserializeOwned>(stored: &DynamicObject) -> Option<String> {
    let all = serde_json::to_value(stored).ok()?;
    let error = serde_path_to_error::deserialize::<_, O>(all).err()?;
    Some(format!("at {}: {}", error.path(), error.inner()))
}

/// The fields of a status with these in place of those that every status has.
fn replaced(before: &Map<String, Value>, common: &CommonStatus) -> Map<String, Value> {
    let mut status = before.clone();
    for field in ["conditions", "observedGeneration", "lastHandledReconcileAt"] {
        status.remove(field);
    }
    if let Ok(Value::Object(common)) = serde_json::to_value(common) {
        status.extend(common);
    }
    status
}

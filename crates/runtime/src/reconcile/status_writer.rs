//! Writes to the object itself: its status and our finalizer, and nothing else of it.

use std::sync::Arc;

use ace_api::{FINALIZER, field_manager};
use ace_domain::reconcile::kind::Kind;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::object::HasStatus,
};
use serde_json::json;

use crate::request::{DEADLINE, answer, listed};

/// Somebody who changes an object more often than this while one status is written has it written by the next pass.
const ATTEMPTS: usize = 3;

/// Why an object could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// It is gone, or another object of the same name is there.
    #[error("the object is gone")]
    Gone,
    /// It is not as it was read: somebody has changed it since, or another process has.
    #[error("the object has changed")]
    Changed,
    /// No answer in time.
    #[error("the API server did not answer in {} s", DEADLINE.as_secs())]
    TimedOut,
    /// The status is none that the API server takes, by its size or by these fields.
    #[error("the API server refused the status: {0}")]
    InvalidStatus(String),
    /// The definition on the API server is older than this process, and has no such field.
    #[error("the definition has no field {0}")]
    OutdatedDefinition(String),
    /// The API server refused.
    #[error("the API server refused the write")]
    Refused(#[source] Box<kube::Error>),
}

pub(super) async fn within<T>(request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, WriteError> {
    match answer(request).await {
        None => Err(WriteError::TimedOut),
        Some(Err(kube::Error::Api(status))) if status.is_not_found() || status.is_conflict() => Err(WriteError::Gone),
        Some(Err(error)) => Err(WriteError::Refused(Box::new(error))),
        Some(Ok(value)) => Ok(value),
    }
}

fn api<K: Kind>(client: &Client, object: &K::Object) -> Api<K::Object> {
    Api::namespaced(client.clone(), &object.namespace().unwrap_or_default())
}

/// What a status is written over: the status as it was read, and the version of the object that it was in.
pub(super) struct Read<'a, K: Kind> {
    pub(super) version: Option<&'a str>,
    pub(super) status: &'a K::Status,
}

/// Applies the status, and answers with the object as it then is. What a user changes meanwhile does not matter; another status
/// does: whoever was stopped for a while, or reads late, takes back nothing that was noted since.
pub(super) async fn status<K: Kind>(
    client: &Client,
    object: &K::Object,
    read: Read<'_, K>,
    status: &K::Status,
) -> Result<Arc<K::Object>, WriteError> {
    let mut version = read.version.map(str::to_owned);
    for _ in 0..ATTEMPTS {
        match apply::<K>(client, object, version.as_deref(), status).await {
            Err(WriteError::Gone) => {}
            written => return written,
        }
        let current = current::<K>(client, object).await?;
        if current.status().unwrap_or(&K::Status::default()) != read.status {
            break;
        }
        version = current.resource_version();
    }
    Err(WriteError::Changed)
}

/// The object as the API server has it now.
async fn current<K: Kind>(client: &Client, object: &K::Object) -> Result<K::Object, WriteError> {
    let listed = within(listed(&api::<K>(client, object), &object.name_any())).await?;
    let same = listed.filter(|current| current.uid() == object.uid());
    same.ok_or(WriteError::Gone)
}

/// The same, if the object is still of this version. What is announced so is announced by one process only.
pub(super) async fn announcement<K: Kind>(
    client: &Client,
    object: &K::Object,
    version: Option<&str>,
    status: &K::Status,
) -> Result<Arc<K::Object>, WriteError> {
    let written = apply::<K>(client, object, version, status).await;
    // Either it is another object, or another version of this one: the next pass tells.
    written.map_err(|error| match error {
        WriteError::Gone => WriteError::Changed,
        error => error,
    })
}

async fn apply<K: Kind>(
    client: &Client,
    object: &K::Object,
    version: Option<&str>,
    status: &K::Status,
) -> Result<Arc<K::Object>, WriteError> {
    // Another object of the same name must not get this one's status.
    let mut metadata = json!({ "name": object.name_any(), "uid": object.uid() });
    if let (Some(version), Some(fields)) = (version, metadata.as_object_mut()) {
        fields.insert("resourceVersion".to_owned(), version.into());
    }
    let patch = json!({
        "apiVersion": K::Object::api_version(&()),
        "kind": K::Object::kind(&()),
        "metadata": metadata,
        "status": status,
    });
    let parameters = PatchParams::apply(&field_manager(K::NAME)).force();
    let api = api::<K>(client, object);
    let written = within(api.patch_status(&object.name_any(), &parameters, &Patch::Apply(&patch))).await;
    match written {
        Err(WriteError::Refused(error)) => Err(invalid(&error).unwrap_or(WriteError::Refused(error))),
        written => written.map(slim::<K>),
    }
}

/// A refusal that stays for as long as the status is the same. The fields are named, but not what is in them.
fn invalid(error: &kube::Error) -> Option<WriteError> {
    let kube::Error::Api(status) = error else { return None };
    if let Some(field) = undeclared(&status.message) {
        return Some(WriteError::OutdatedDefinition(field.to_owned()));
    }
    // What can't be read, what is too large, and what breaks the rules of the definition.
    if ![400, 413, 422].contains(&status.code) {
        return None;
    }
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let fields: Vec<&str> = causes
        .map(|cause| cause.field.as_str())
        .filter(|field| !field.is_empty())
        .collect();
    Some(WriteError::InvalidStatus(if fields.is_empty() {
        format!("{} ({})", status.reason, status.code)
    } else {
        fields.join(", ")
    }))
}

/// The field that a definition does not have, of the answer to a server-side apply that names it (500, Kubernetes 1.37):
/// `failed to create typed patch object (…): .status.intent: field not declared in schema`.
fn undeclared(message: &str) -> Option<&str> {
    let (before, _) = message.split_once(": field not declared in schema")?;
    let (_, field) = before.rsplit_once(": ")?;
    Some(field.trim_start_matches('.'))
}

/// Adds our finalizer, or takes it off.
pub(super) async fn finalizer<K: Kind>(
    client: &Client,
    object: &K::Object,
    wanted: bool,
) -> Result<Arc<K::Object>, WriteError> {
    let mut finalizers = object.finalizers().to_vec();
    finalizers.retain(|name| name != FINALIZER);
    if wanted {
        finalizers.push(FINALIZER.to_owned());
    }
    // The version makes sure that nobody else's finalizer is lost.
    let patch = json!({ "metadata": { "resourceVersion": object.resource_version(), "uid": object.uid(), "finalizers": finalizers } });
    let api = api::<K>(client, object);
    within(api.patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(&patch)))
        .await
        .map(slim::<K>)
}

fn slim<K: Kind>(mut object: K::Object) -> Arc<K::Object> {
    object.meta_mut().managed_fields = None;
    Arc::new(object)
}

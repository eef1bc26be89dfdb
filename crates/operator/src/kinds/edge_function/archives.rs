//! Archives: immutable ConfigMaps, owned by the function's object.

use std::collections::BTreeMap;

use ace_api::{EdgeFunction, LABEL_ARCHIVE, LABEL_FUNCTION};
use ace_domain::{
    bundle::Closure,
    kinds::edge_function::{
        ArchiveData, ArchiveFault, Body, FOREIGN_ARCHIVES, StepResult, archive_name, foreign_archive, proven_archive,
        read_proven_archive,
    },
    reconcile::decision::StepError,
};
use k8s_openapi::{ByteString, api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
};

use super::EdgeFunctions;
use ace_runtime::request::answer;

const PROVEN: &str = "Proven";
const FOREIGN: &str = "Foreign";

/// Reads the archive of a proven version.
pub(super) async fn load(kind: &EdgeFunctions, object: &EdgeFunction, name: &str) -> Result<StepResult, StepError> {
    let found = within(kind, object, api(kind, object).get_opt(name)).await?;
    let archived = found.filter(|map| is_ours(map, object)).and_then(|map| {
        let data = ArchiveData {
            data: map.data.unwrap_or_default(),
            binary: map
                .binary_data
                .unwrap_or_default()
                .into_iter()
                .map(|(key, bytes)| (key, bytes.0.into()))
                .collect(),
        };
        read_proven_archive(&data)
            .inspect_err(|fault| tracing::warn!(archive = name, %fault, "archive can't be used"))
            .ok()
    });
    Ok(StepResult::Archive(archived))
}

/// Archives content that passed its checks, and deletes the archive before it.
pub(super) async fn keep_proven(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    content: &Closure,
    verify_jwt: bool,
) -> Result<Result<String, ArchiveFault>, StepError> {
    let data = match proven_archive(content, verify_jwt) {
        Ok(data) => data,
        Err(fault) => return Ok(Err(fault)),
    };
    let name = archive_name(object, &content.revision().to_string());
    create(kind, object, &name, PROVEN, data).await?;
    // A first archive has none before it. One that is missing from a lost status is deleted by the next roll-out.
    let before = object.status.as_ref().and_then(|status| status.proven.as_ref());
    if before.is_some_and(|proven| proven.archive.as_ref() != Some(&name)) {
        prune(kind, object, PROVEN, 1, &name).await?;
    }
    Ok(Ok(name))
}

/// Archives a foreign body, and deletes all but the last few older ones.
pub(super) async fn keep_foreign(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    body: &Body,
) -> Result<Result<String, ArchiveFault>, StepError> {
    let data = match foreign_archive(body) {
        Ok(data) => data,
        Err(fault) => return Ok(Err(fault)),
    };
    let id: String = body
        .stamp
        .id
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(8)
        .collect();
    let name = archive_name(object, &format!("foreign-{}-{}", id.to_lowercase(), body.stamp.version));
    create(kind, object, &name, FOREIGN, data).await?;
    prune(kind, object, FOREIGN, FOREIGN_ARCHIVES, &name).await?;
    Ok(Ok(name))
}

fn api(kind: &EdgeFunctions, object: &EdgeFunction) -> Api<ConfigMap> {
    Api::namespaced(kind.client.clone(), &object.namespace().unwrap_or_default())
}

fn is_ours(map: &ConfigMap, object: &EdgeFunction) -> bool {
    map.owner_references()
        .iter()
        .any(|owner| Some(&owner.uid) == object.uid().as_ref())
}

async fn create(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    name: &str,
    what: &str,
    data: ArchiveData,
) -> Result<(), StepError> {
    let map = ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from([
                (LABEL_ARCHIVE.to_owned(), what.to_owned()),
                (LABEL_FUNCTION.to_owned(), label(object)),
            ])),
            owner_references: object.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        data: Some(data.data),
        binary_data: Some(
            data.binary
                .into_iter()
                .map(|(key, bytes)| (key, ByteString(bytes.to_vec())))
                .collect(),
        ),
        immutable: Some(true),
    };
    let api = api(kind, object);
    match answer(api.create(&PostParams::default(), &map)).await {
        // The name has the content's digest or the version's stamp, so an existing archive has the same content.
        Some(Err(kube::Error::Api(status))) if status.is_already_exists() => Ok(()),
        answer => understood(kind, object, answer).map(|_| ()),
    }
}

/// Deletes all but the newest `keep` archives of one kind; `name` always stays.
async fn prune(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    what: &str,
    keep: usize,
    name: &str,
) -> Result<(), StepError> {
    let selector = format!("{LABEL_ARCHIVE}={what},{LABEL_FUNCTION}={}", label(object));
    let api = api(kind, object);
    let mut found = within(
        kind,
        object,
        api.list_metadata(&ListParams::default().labels(&selector)),
    )
    .await?
    .items;
    found.sort_by_key(|map| std::cmp::Reverse((map.name_any() == name, map.creation_timestamp())));
    for map in found.into_iter().skip(keep) {
        if let Some(Err(error)) = answer(api.delete(&map.name_any(), &DeleteParams::default())).await {
            tracing::debug!(archive = map.name_any(), %error, "old archive could not be deleted");
        }
    }
    Ok(())
}

/// A label's value takes 63 characters.
fn label(object: &EdgeFunction) -> String {
    let name = object.name_any();
    let cut = name.floor_char_boundary(63);
    name[..cut].trim_end_matches(['-', '.']).to_owned()
}

async fn within<T>(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, StepError> {
    understood(kind, object, answer(request).await)
}

fn understood<T>(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    answer: Option<Result<T, kube::Error>>,
) -> Result<T, StepError> {
    match answer {
        Some(Ok(value)) => Ok(value),
        Some(Err(kube::Error::Api(status))) if status.is_forbidden() => Err(StepError::AccessMissing(format!(
            "the operator is not allowed to write archives (ConfigMaps) in this namespace; to allow it, run: {}",
            kind.installation
                .grant_namespace(&object.namespace().unwrap_or_default())
        ))),
        Some(Err(kube::Error::Api(status))) => Err(StepError::Failed(format!(
            "the API server refused an archive: {}",
            status.message
        ))),
        Some(Err(_)) | None => Err(StepError::Unanswered("the API server did not answer".to_owned())),
    }
}

#[cfg(test)]
#[path = "archives_tests.rs"]
mod tests;

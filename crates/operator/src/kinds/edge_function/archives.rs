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
use ace_runtime::{
    children::{ChildError, Children, label_value},
    reconcile::on_own_thread,
};
use k8s_openapi::{ByteString, api::core::v1::ConfigMap};
use kube::ResourceExt;

use super::EdgeFunctions;

const PROVEN: &str = "Proven";
const FOREIGN: &str = "Foreign";

/// Reads the archive of a proven version.
pub(super) async fn load(kind: &EdgeFunctions, object: &EdgeFunction, name: &str) -> Result<StepResult, StepError> {
    let found = archives(kind, object).get(name).await;
    let Some(map) = found.map_err(|error| failure(kind, object, &error))? else {
        return Ok(StepResult::Archive(None));
    };
    let binary = map.binary_data.unwrap_or_default();
    let data = ArchiveData {
        data: map.data.unwrap_or_default(),
        binary: binary.into_iter().map(|(key, bytes)| (key, bytes.0.into())).collect(),
    };
    // Others may have written it: it is unpacked, and its modules are read.
    let archived = on_own_thread(move || read_proven_archive(&data))
        .await
        .inspect_err(|fault| tracing::warn!(archive = name, %fault, "archive can't be used"))
        .ok();
    Ok(StepResult::Archive(archived))
}

/// Archives content that passed its checks, and deletes the archive before it.
pub(super) async fn keep_proven(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    content: &Closure,
    verify_jwt: bool,
) -> Result<StepResult, StepError> {
    let name = archive_name(object, &content.revision().to_string());
    // A first archive has none before it. One that is missing from a lost status is deleted by the next roll-out.
    let before = object.status.as_ref().and_then(|status| status.proven.as_ref());
    let keep = before
        .is_some_and(|proven| proven.archive.as_ref() != Some(&name))
        .then_some(1);
    archive(kind, object, name, (PROVEN, keep), proven_archive(content, verify_jwt)).await
}

/// Archives a foreign body, and deletes all but the last few older ones.
pub(super) async fn keep_foreign(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    body: &Body,
) -> Result<StepResult, StepError> {
    let id = body.stamp.id.chars().filter(char::is_ascii_alphanumeric).take(8);
    let id = id.collect::<String>().to_lowercase();
    let name = archive_name(object, &format!("foreign-{id}-{}", body.stamp.version));
    archive(
        kind,
        object,
        name,
        (FOREIGN, Some(FOREIGN_ARCHIVES)),
        foreign_archive(body),
    )
    .await
}

/// Writes an archive, and deletes all but the newest `keep` of those like it.
async fn archive(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    name: String,
    (what, keep): (&str, Option<usize>),
    data: Result<ArchiveData, ArchiveFault>,
) -> Result<StepResult, StepError> {
    let data = match data {
        Ok(data) => data,
        Err(ArchiveFault::TooLarge(bytes)) => return Ok(StepResult::ArchiveTooLarge(bytes)),
        Err(fault) => return Err(StepError::Failed(fault.to_string())),
    };
    let labels = BTreeMap::from([
        (LABEL_ARCHIVE.to_owned(), what.to_owned()),
        (LABEL_FUNCTION.to_owned(), label_value(&object.name_any())),
    ]);
    let binary = data.binary.into_iter();
    let map = ConfigMap {
        data: Some(data.data),
        binary_data: Some(binary.map(|(key, bytes)| (key, ByteString(bytes.to_vec()))).collect()),
        immutable: Some(true),
        ..ConfigMap::default()
    };
    let archives = archives(kind, object);
    let made = archives.create(&name, labels.clone(), map).await;
    made.map_err(|error| failure(kind, object, &error))?;
    if let Some(keep) = keep {
        let pruned = archives.prune(&labels, keep, &name).await;
        pruned.map_err(|error| failure(kind, object, &error))?;
    }
    Ok(StepResult::Archived(name))
}

fn archives<'a>(kind: &EdgeFunctions, object: &'a EdgeFunction) -> Children<'a, EdgeFunction, ConfigMap> {
    Children::of(&kind.client, object)
}

fn failure(kind: &EdgeFunctions, object: &EdgeFunction, error: &ChildError) -> StepError {
    match error {
        ChildError::Forbidden => StepError::AccessMissing(format!(
            "the operator is not allowed to write archives (ConfigMaps) in this namespace; to allow it, run: {}",
            kind.installation
                .grant_namespace(&object.namespace().unwrap_or_default())
        )),
        ChildError::Unanswered => StepError::Unanswered("the API server did not answer".to_owned()),
        ChildError::NameTaken(_) | ChildError::Refused(_) => StepError::Failed(format!("an archive failed: {error}")),
    }
}

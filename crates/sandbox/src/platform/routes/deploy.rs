//! `POST functions/deploy`: the multipart upload, its check, and what becomes of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::multipart::{Field, MultipartRejection};
use axum::extract::{Multipart, Path, RawQuery, State};
use axum::http::StatusCode;
use serde::Deserialize;
use uuid::Uuid;

use crate::platform::answer::Failure;
use crate::platform::calls::deployment;
use crate::platform::guard::query_value;
use crate::platform::hub::{Hub, now};
use crate::platform::state::{Deploy, Files, Ids, Planned, Project, Record};
use crate::runtime::CheckError;

/// Part `metadata`.
#[derive(Deserialize)]
struct Metadata {
    entrypoint_path: String,
    #[serde(default)]
    import_map_path: Option<String>,
    #[serde(default)]
    verify_jwt: Option<bool>,
    #[serde(default)]
    name: Option<String>,
}

pub(super) async fn deploy(
    State(hub): State<Arc<Hub>>,
    Path(reference): Path<String>,
    RawQuery(query): RawQuery,
    multipart: Result<Multipart, MultipartRejection>,
) -> Result<(StatusCode, Json<Record>), Failure> {
    hub.site(&reference)?;
    let multipart = multipart.map_err(|rejection| Failure::bad(rejection.body_text()))?;
    let (metadata, files) = read(multipart).await?;
    let slug = query_value(query.as_deref(), "slug").or_else(|| metadata.name.clone());
    let bundle_only = match query_value(query.as_deref(), "bundleOnly").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Failure::bad("bundleOnly: Expected true or false")),
    };
    let deploy = Deploy {
        slug: slug.unwrap_or_default(),
        name: metadata.name,
        verify_jwt: metadata.verify_jwt,
        entrypoint: metadata.entrypoint_path,
        // The official CLI sends an empty path when there is no import map.
        import_map: metadata.import_map_path.filter(|path| !path.is_empty()),
        files,
        bundle_only,
    };
    let _alone = hub.deploying(&reference, &deploy.slug).await;
    let ids = Ids {
        function: Uuid::new_v4(),
        deployment: Uuid::new_v4(),
    };
    let planned = hub.look(&reference, |project| project.plan(&deploy, ids))?;
    let accepted = check(&hub, &reference, &deploy.slug, planned).await;
    let deployed = match accepted {
        Ok(()) => {
            let deploy = move |project: &mut Project| project.deploy(&deploy, ids, now());
            hub.change(&reference, deploy).await
        }
        Err(failure) => Err(failure),
    };
    match deployed {
        Ok(record) => Ok((StatusCode::CREATED, Json(hub.shown(&record)))),
        Err(failure) => {
            let discarded = hub.store.discard(&reference, ids.deployment);
            discarded.map_err(|error| Failure::internal("remove a refused upload", &error))?;
            Err(failure)
        }
    }
}

/// Unpacks the upload and has the runtime look at it.
async fn check(hub: &Arc<Hub>, reference: &str, slug: &str, planned: Planned) -> Result<(), Failure> {
    let (store, reference_of, bundle) = (hub.store.clone(), reference.to_owned(), planned.bundle.clone());
    let unpacked = tokio::task::spawn_blocking(move || store.unpack(&reference_of, &bundle)).await;
    unpacked
        .map_err(|error| Failure::internal("unpack the upload", &error))?
        .map_err(|error| Failure::internal("unpack the upload", &error))?;
    let deployment = deployment(hub, reference, slug, planned.id, &planned.bundle)?;
    match hub.runtime.check(&deployment).await {
        Ok(()) => Ok(()),
        Err(CheckError::Refused(refused)) => Err(Failure::bad(refused.to_string())),
        Err(CheckError::Failed(error)) => Err(Failure::internal("bundle the function", &error)),
    }
}

/// Reads the parts in whatever order they come.
async fn read(mut multipart: Multipart) -> Result<(Metadata, Files), Failure> {
    let (mut metadata, mut files) = (None, Files::new());
    while let Some(field) = multipart.next_field().await.map_err(|error| unreadable(&error))? {
        match field.name() {
            Some("metadata") => metadata = Some(read_metadata(field).await?),
            Some("file") => {
                let name = field.file_name().unwrap_or_default().to_owned();
                files.insert(name, field.bytes().await.map_err(|error| unreadable(&error))?);
            }
            _ => {}
        }
    }
    let metadata = metadata.ok_or_else(|| Failure::bad("metadata: Required"))?;
    Ok((metadata, files))
}

async fn read_metadata(field: Field<'_>) -> Result<Metadata, Failure> {
    let bytes = field.bytes().await.map_err(|error| unreadable(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| Failure::bad(format!("metadata: {error}")))
}

/// 413 when the request is too large, else 400.
fn unreadable(error: &axum::extract::multipart::MultipartError) -> Failure {
    Failure::new(error.status(), error.body_text())
}

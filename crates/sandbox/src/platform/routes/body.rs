//! `GET functions/{slug}/body`: the sources as multipart, or the bundle.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use uuid::Uuid;

use crate::platform::answer::Failure;
use crate::platform::hub::{Bodies, Hub};
use crate::platform::state::{Bundle, Files};
use crate::platform::transpile::transpiled;

pub(super) async fn body(
    State(hub): State<Arc<Hub>>,
    Path((reference, slug)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (id, bundle) = hub.look(&reference, |project| {
        Ok((project.get(&slug)?.id, project.body(&slug)?.clone()))
    })?;
    let bodies = hub.knobs().bodies;
    let accepts = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let multipart = accepts.into_iter().any(|value| value.contains("multipart/form-data"));
    if !multipart || bodies == Bodies::Eszip {
        return Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bundle.blob()).into_response());
    }
    let files = match bodies {
        Bodies::Transpiled => {
            let (cache, root) = (
                hub.store.transpile_dir(),
                hub.store.bundle_dir(&reference, bundle.deployment),
            );
            let files = transpiled(&hub.deno, &cache, &root, &bundle.files).await;
            files.map_err(|error| Failure::internal("retrieve function body", &error))?
        }
        _ => bundle.files.clone(),
    };
    let deployment = format!("{reference}_{id}_{}", bundle.version);
    let boundary = format!("sandbox-{}", Uuid::new_v4().simple());
    let parts = parts(&boundary, &deployment, &bundle, &files);
    Ok((
        [(
            header::CONTENT_TYPE,
            format!("multipart/form-data; boundary={boundary}"),
        )],
        parts,
    )
        .into_response())
}

/// Metadata first, then each file under the container's folder, relative as production names them. The entrypoint has the
/// same form: clients, the official CLI among them, place each file by its way from the entrypoint.
fn parts(boundary: &str, deployment: &str, bundle: &Bundle, files: &Files) -> Vec<u8> {
    let metadata = json!({
        "deployment_id": deployment,
        "deno2_entrypoint_path": format!("user_fn_{deployment}/{}", bundle.entrypoint),
        "original_size": files.values().map(bytes::Bytes::len).sum::<usize>(),
        "compressed_size": bundle.blob().len(),
        "module_count": files.len(),
    });
    let mut body = Vec::new();
    let mut part = |name: &str, media_type: &str, content: &[u8]| {
        let head =
            format!("--{boundary}\r\nContent-Disposition: form-data; {name}\r\nContent-Type: {media_type}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    };
    part("name=\"metadata\"", "application/json", metadata.to_string().as_bytes());
    for (path, bytes) in files {
        // As browsers write names in form data (HTML, "multipart/form-data encoding algorithm").
        let path = path.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        let name = format!("name=\"file\"; filename=\"user_fn_{deployment}/{path}\"");
        part(&name, "application/octet-stream", bytes);
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body
}

//! `GET functions/{slug}/body`: the sources as multipart, or the bundle.

use std::io;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use uuid::Uuid;

use crate::platform::answer::Failure;
use crate::platform::hub::{Bodies, Hub, Knobs};
use crate::platform::state::{Bundle, Files};
use crate::platform::transpile::transpiled;
use crate::platform::type_only::without_type_only;

pub(super) async fn body(
    State(hub): State<Arc<Hub>>,
    Path((reference, slug)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (id, bundle) = hub.look(&reference, |project| {
        Ok((project.get(&slug)?.id, project.body(&slug)?.clone()))
    })?;
    let knobs = hub.knobs();
    let accepts = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let multipart = accepts.into_iter().any(|value| value.contains("multipart/form-data"));
    if !multipart || knobs.bodies == Bodies::Eszip {
        return Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bundle.blob()).into_response());
    }
    let files = seen(&hub, &reference, &bundle, knobs).await;
    let files = files.map_err(|error| Failure::internal("retrieve function body", &error))?;
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

/// The files as the knobs let them be seen.
async fn seen(hub: &Hub, reference: &str, bundle: &Bundle, knobs: Knobs) -> io::Result<Files> {
    let (cache, root) = (
        hub.store.transpile_dir(),
        hub.store.bundle_dir(reference, bundle.deployment),
    );
    let mut files = bundle.files.clone();
    if !knobs.type_only_files {
        files = without_type_only(&hub.deno, &cache, &root, bundle).await?;
    }
    if knobs.bodies == Bodies::Transpiled {
        files = transpiled(&hub.deno, &cache, &root, &files).await?;
    }
    Ok(files)
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

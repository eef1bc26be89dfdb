//! Projects coming into being: keys, a gateway of their own, a record on disk.

use std::sync::Arc;

use axum::http::StatusCode;

use super::answer::Failure;
use super::calls::gateway;
use super::hub::{Hub, Site, now};
use super::keys::{Keys, new_reference};
use super::serve::{bind_gateway, serve};
use super::state::{Project, is_reference};
use super::store::Saved;
use super::{ProjectAccess, StartError};

/// Makes a project, under a reference of its own choice when none is given.
pub(super) async fn create(
    hub: &Arc<Hub>,
    reference: Option<String>,
    name: Option<String>,
) -> Result<ProjectAccess, Failure> {
    let reference = reference.unwrap_or_else(new_reference);
    if !is_reference(&reference) {
        return Err(Failure::bad("ref: must be twenty lower-case letters"));
    }
    if hub.site(&reference).is_ok() {
        return Err(Failure::new(
            StatusCode::CONFLICT,
            "ref: there is a project of this reference",
        ));
    }
    let opened = open(hub, fresh(&reference, name.as_deref())).await;
    opened.map_err(|error| Failure::internal("create the project", &error))?;
    access(hub, &reference)
}

/// A project that nobody has seen yet.
pub(super) fn fresh(reference: &str, name: Option<&str>) -> Saved {
    let project = Project::new(reference, name.unwrap_or(reference), now());
    Saved {
        keys: Keys::new(reference, now() / 1000),
        gateway_port: 0,
        project,
    }
}

/// Opens the gateway of a project and adds it.
pub(super) async fn open(hub: &Arc<Hub>, mut saved: Saved) -> Result<(), StartError> {
    let listener = bind_gateway(hub.host, saved.gateway_port)
        .await
        .map_err(StartError::Listen)?;
    let port = listener.local_addr().map_err(StartError::Listen)?.port();
    if port != saved.gateway_port {
        saved.gateway_port = port;
        hub.store.save(&saved).map_err(StartError::Store)?;
    }
    let reference = saved.project.reference.clone();
    hub.add(
        saved.project,
        Site {
            keys: saved.keys,
            host: hub.host,
            gateway_port: port,
        },
    );
    hub.tasks
        .spawn(serve(listener, gateway(hub.clone(), reference), hub.stop.clone()));
    Ok(())
}

/// How to reach a project.
pub(super) fn access(hub: &Hub, reference: &str) -> Result<ProjectAccess, Failure> {
    let site = hub.site(reference)?;
    Ok(ProjectAccess {
        reference: reference.to_owned(),
        gateway_url: site.gateway_url(),
        anon_key: site.keys.anon,
        service_role_key: site.keys.service_role,
        jwt_secret: site.keys.jwt_secret,
        database_url: hub.database.as_ref().map(|database| database.url().to_owned()),
    })
}

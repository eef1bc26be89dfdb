//! The real CRDs of Flux's sources.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::assets;
use super::cluster::{Cluster, ClusterError};
use super::control_plane::blocking;
use super::error::BedError;
use super::file::BedFile;

/// The API server serves a new kind within a second; it is busy when many are made at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// The CRDs of GitRepository, OCIRepository, Bucket and ExternalArtifact as one YAML stream.
pub async fn flux_crds() -> Result<String, BedError> {
    let crds = blocking(|| Ok(assets::flux_crds()?)).await?;
    Ok(crds.into_iter().map(|(_, text)| text).collect())
}

/// Installs them into a bed that is up, and waits until objects of them can be made.
pub async fn install_flux_crds(bed: &BedFile) -> Result<(), BedError> {
    let cluster = Cluster::from_kubeconfig(&bed.kubeconfig)?;
    let crds = blocking(|| Ok(assets::flux_crds()?)).await?;
    let path = |name: &str| format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
    for (name, text) in &crds {
        cluster.apply(&path(name), "ace-dev", text.clone()).await?;
    }
    for (name, _) in &crds {
        let deadline = Instant::now() + PATIENCE;
        while !is_established(&cluster.get(&path(name)).await?) {
            if Instant::now() > deadline {
                let message = format!("not established after {} s", PATIENCE.as_secs());
                return Err(ClusterError::Refused {
                    action: format!("install {name}"),
                    status: 504,
                    message,
                }
                .into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

fn is_established(crd: &Value) -> bool {
    let conditions = crd["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Established" && condition["status"] == "True")
}

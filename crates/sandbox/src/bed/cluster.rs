//! The few requests to the API server that the bed makes itself, as the cluster's administrator.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::BedError;
use super::file;

const DEADLINE: Duration = Duration::from_secs(30);

/// A request that the API server did not grant.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error("could not reach the API server to {action}")]
    Unreachable { action: String, source: reqwest::Error },
    /// An answer that is a refusal.
    #[error("could not {action}: {status}: {message}")]
    Refused {
        action: String,
        status: u16,
        /// The API server's words.
        message: String,
    },
    /// A kubeconfig that the bed did not write.
    #[error("could not read the cluster's address from the kubeconfig: {0}")]
    Kubeconfig(String),
}

/// A cluster and a user of it.
#[derive(Clone)]
pub(super) struct Cluster {
    client: reqwest::Client,
    pub(super) server: String,
    authority: String,
    token: String,
}

impl Cluster {
    /// `authority` is the PEM of the only authority that is trusted.
    pub(super) fn new(server: String, authority: &str, token: String) -> Result<Cluster, ClusterError> {
        let broken = |error: &dyn std::fmt::Display| ClusterError::Kubeconfig(error.to_string());
        let mut roots = rustls::RootCertStore::empty();
        let certificate = rustls::pki_types::pem::PemObject::from_pem_slice(authority.as_bytes());
        roots
            .add(certificate.map_err(|error| broken(&error))?)
            .map_err(|error| broken(&error))?;
        // The provider is named, so that this neither needs nor sets the process's default.
        let tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| broken(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .timeout(DEADLINE)
            .build()
            .map_err(|error| broken(&error))?;
        Ok(Cluster {
            client,
            server,
            authority: authority.to_owned(),
            token,
        })
    }

    /// The cluster of a kubeconfig in the shape that the bed writes.
    pub(super) fn from_kubeconfig(path: &Path) -> Result<Cluster, BedError> {
        let text = std::fs::read_to_string(path).map_err(BedError::file("read", path))?;
        Ok(Cluster::from_text(&text)?)
    }

    fn from_text(text: &str) -> Result<Cluster, ClusterError> {
        use base64::Engine as _;
        let value = |key: &str| {
            text.lines()
                .find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "))
                .ok_or_else(|| ClusterError::Kubeconfig(format!("it has no {key}")))
        };
        let authority = base64::engine::general_purpose::STANDARD
            .decode(value("certificate-authority-data")?)
            .map_err(|error| ClusterError::Kubeconfig(error.to_string()))?;
        Cluster::new(
            value("server")?.to_owned(),
            &String::from_utf8_lossy(&authority),
            value("token")?.to_owned(),
        )
    }

    /// A kubeconfig of this cluster and user.
    pub(super) fn kubeconfig(&self) -> String {
        self.kubeconfig_for("ace-bed", &self.token)
    }

    /// A kubeconfig of this cluster and another user.
    pub(super) fn kubeconfig_for(&self, name: &str, token: &str) -> String {
        file::kubeconfig(name, &self.server, &self.authority, token)
    }

    /// Whether every part of the API server says that it is ready.
    pub(super) async fn is_ready(&self) -> bool {
        let answer = self
            .request(reqwest::Method::GET, "/readyz")
            .timeout(Duration::from_secs(2))
            .send()
            .await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, ClusterError> {
        self.answer(format!("read {path}"), self.request(reqwest::Method::GET, path))
            .await
    }

    /// Server-side apply, by force: `path` ends in the object's name, or in `/status`. `object` is JSON or YAML.
    pub(super) async fn apply(&self, path: &str, manager: &str, object: String) -> Result<Value, ClusterError> {
        let request = self
            .request(
                reqwest::Method::PATCH,
                &format!("{path}?fieldManager={manager}&force=true"),
            )
            .header("content-type", "application/apply-patch+yaml")
            .body(object);
        self.answer(format!("apply {path}"), request).await
    }

    /// A token of a ServiceAccount, valid for `seconds`.
    pub(super) async fn service_account_token(
        &self,
        namespace: &str,
        name: &str,
        seconds: u32,
    ) -> Result<String, ClusterError> {
        #[derive(Deserialize)]
        struct Status {
            token: String,
        }
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": seconds}});
        let action = format!("get a token of ServiceAccount {namespace}/{name}");
        let request = self
            .request(reqwest::Method::POST, &path)
            .header("content-type", "application/json")
            .body(body.to_string());
        let mut answer = self.answer(action, request).await?;
        let status: Result<Status, _> = serde_json::from_value(answer["status"].take());
        Ok(status
            .map_err(|_| ClusterError::Kubeconfig("the token request was answered without a token".into()))?
            .token)
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.server))
            .bearer_auth(&self.token)
    }

    async fn answer(&self, action: String, request: reqwest::RequestBuilder) -> Result<Value, ClusterError> {
        let unreachable = |source| ClusterError::Unreachable {
            action: action.clone(),
            source,
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let body = answer.text().await.map_err(unreachable)?;
        let body: Value = serde_json::from_str(&body).unwrap_or(Value::String(body));
        if status.is_success() {
            return Ok(body);
        }
        let message = body["message"]
            .as_str()
            .or(body.as_str())
            .unwrap_or_default()
            .to_owned();
        Err(ClusterError::Refused {
            action,
            status: status.as_u16(),
            message,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_of_the_bed_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let certificates = crate::bed::certificates::Certificates::ensure(directory.path()).unwrap();
        let authority = std::fs::read_to_string(certificates.authority).unwrap();
        let text = file::kubeconfig("bed", "https://127.0.0.1:1", &authority, "secret");
        let cluster = Cluster::from_text(&text).unwrap();
        assert_eq!(
            (cluster.server.as_str(), cluster.token.as_str()),
            ("https://127.0.0.1:1", "secret")
        );
        assert_eq!(
            Cluster::from_text("apiVersion: v1").err().unwrap().to_string(),
            "could not read the cluster's address from the kubeconfig: it has no certificate-authority-data"
        );
    }
}

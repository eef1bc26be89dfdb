use std::fmt::Debug;
use std::time::Duration;

use ace_api::{Database, SecretKeyReference, SecretUse};
use ace_database::{Access, Limits};
use ace_domain::bundle::Folder;
use ace_domain::inputs::{ArtifactState, SecretProblem, read_config_map, secret_text};
use ace_domain::kinds::platform::DatabaseFailure;
use ace_domain::reconcile::key::SourceKey;
use ace_egress::SecretString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::ListParams;
use kube::config::KubeConfigOptions;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Config, Resource};
use serde::de::DeserializeOwned;

use crate::plan::PlanError;

/// Deadline of one request: the client has none.
const DEADLINE: Duration = Duration::from_secs(20);

/// The cluster, as the caller's kubeconfig reaches it.
pub(crate) struct Cluster {
    client: Client,
    /// Namespace of the context.
    pub(crate) namespace: String,
}

impl Cluster {
    /// Reads the kubeconfig, without any request.
    pub(crate) async fn connect(context: Option<&str>) -> Result<Self, PlanError> {
        // An error means that the process already has a provider, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = match context {
            None => Config::infer().await.map_err(|error| error.to_string()),
            Some(context) => {
                let options = KubeConfigOptions {
                    context: Some(context.to_owned()),
                    ..KubeConfigOptions::default()
                };
                let config = Config::from_kubeconfig(&options).await;
                config.map_err(|error| error.to_string())
            }
        };
        let config = config.map_err(PlanError::Kubeconfig)?;
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config).map_err(|error| PlanError::Kubeconfig(error.to_string()))?;
        Ok(Self { client, namespace })
    }

    /// One object, if it exists.
    pub(crate) async fn find<K>(&self, namespace: &str, name: &str) -> Result<Option<K>, PlanError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let what = format!("{} {namespace}/{name}", K::kind(&()));
        let objects = Api::<K>::namespaced(self.client.clone(), namespace);
        let forbidden = || PlanError::Forbidden {
            what: what.clone(),
            // The core group has no name.
            resource: [K::plural(&()), K::group(&())]
                .join(".")
                .trim_end_matches('.')
                .to_owned(),
            namespace: namespace.to_owned(),
        };
        answer(&what, objects.get_opt(name), forbidden).await
    }

    /// All objects of a kind in a namespace.
    pub(crate) async fn list<K>(&self, namespace: &str) -> Result<Vec<K>, PlanError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let what = format!("the list of {} in {namespace}", K::plural(&()));
        let objects = Api::<K>::namespaced(self.client.clone(), namespace);
        let unlisted = || PlanError::Unlisted {
            resource: format!("{}.{}", K::plural(&()), K::group(&())),
            namespace: namespace.to_owned(),
        };
        let list = answer(&what, objects.list(&ListParams::default()), unlisted).await?;
        Ok(list.items)
    }

    /// One key of a Secret that a Platform names for its database.
    pub(crate) async fn secret(
        &self,
        namespace: &str,
        reference: &SecretKeyReference,
    ) -> Result<Result<SecretString, DatabaseFailure>, PlanError> {
        match self.text(namespace, reference, SecretUse::Database).await {
            Ok(text) => Ok(text.map_err(DatabaseFailure::from)),
            Err(PlanError::Forbidden { .. }) => Err(PlanError::Secret {
                namespace: namespace.to_owned(),
                name: reference.name.clone(),
                key: reference.key.clone(),
            }),
            Err(error) => Err(error),
        }
    }

    /// One key of a Secret that a Platform names for this use.
    pub(crate) async fn text(
        &self,
        namespace: &str,
        reference: &SecretKeyReference,
        wanted: SecretUse,
    ) -> Result<Result<SecretString, SecretProblem>, PlanError> {
        match self.find::<Secret>(namespace, &reference.name).await {
            Ok(secret) => Ok(secret_text(secret, namespace, reference, wanted).map(SecretString::new)),
            Err(error @ PlanError::Forbidden { .. }) => Err(error),
            // The cause may quote the answer, which is a Secret.
            Err(_) => Err(PlanError::Unanswered {
                what: format!("Secret {namespace}/{}", reference.name),
                cause: "the API server does not answer".to_owned(),
            }),
        }
    }

    /// The access to a database with this password, or the failure that the operator would report.
    pub(crate) async fn access(
        &self,
        namespace: &str,
        database: &Database,
        password: Result<SecretString, DatabaseFailure>,
    ) -> Result<Result<Access, DatabaseFailure>, PlanError> {
        let authority = match Access::authority(database) {
            Some(reference) => Some(self.secret(namespace, reference).await?),
            None => None,
        };
        Ok(password.and_then(|password| {
            let authority = authority.transpose()?;
            let authority = authority.as_ref().map(SecretString::reveal);
            Access::new(database, password.reveal(), authority, Limits::default())
        }))
    }

    /// The files that a ConfigMap carries, for who reads a folder of them.
    pub(crate) async fn config_map(&self, key: &SourceKey, folder: Folder) -> Result<ArtifactState, PlanError> {
        let map = self.find::<ConfigMap>(&key.namespace, &key.name).await?;
        Ok(read_config_map(key, map, folder))
    }
}

/// The answer to a request for `what`. `forbidden`: what a missing right means.
async fn answer<T>(
    what: &str,
    request: impl Future<Output = Result<T, kube::Error>>,
    forbidden: impl FnOnce() -> PlanError,
) -> Result<T, PlanError> {
    let cause = match tokio::time::timeout(DEADLINE, request).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(kube::Error::Api(status))) if status.is_forbidden() => return Err(forbidden()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the API server does not answer".to_owned(),
    };
    Err(PlanError::Unanswered {
        what: what.to_owned(),
        cause,
    })
}

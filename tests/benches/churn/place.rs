//! A namespace of one tenant, and the objects in it.

use std::time::Duration;

use ace_api::{EdgeFunction, LABEL_USE, LABEL_WATCH, MigrationSet, NotificationChannel, Platform};
use ace_tests::make_namespace;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams},
    core::NamespaceResourceScope as Namespaced,
};
use serde_json::{Value, json};
use tokio::time::sleep;

/// Between two attempts, and two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// How often something is tried before the run is given up.
const ATTEMPTS: usize = 60;

/// A namespace, in which the operator has its rights.
pub struct Place {
    namespace: String,
    client: Client,
}

impl Place {
    pub async fn create(client: &Client, namespace: &str) -> Self {
        make_namespace(client, namespace).await;
        Self {
            namespace: namespace.to_owned(),
            client: client.clone(),
        }
    }

    /// Objects of a kind, whatever is in them.
    pub fn untyped<K: Resource<DynamicType = (), Scope = Namespaced>>(&self) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &ApiResource::erase::<K>(&()))
    }

    /// Applies an object; an API server that is busy is asked again.
    async fn apply<K>(&self, name: &str, mut object: Value)
    where
        K: Resource<DynamicType = (), Scope = Namespaced>,
    {
        let resource = ApiResource::erase::<K>(&());
        object["apiVersion"] = json!(resource.api_version);
        object["kind"] = json!(resource.kind);
        object["metadata"]["name"] = json!(name);
        let (api, parameters) = (self.untyped::<K>(), PatchParams::apply("team").force());
        for attempt in 1.. {
            match api.patch(name, &parameters, &Patch::Apply(&object)).await {
                Ok(_) => return,
                Err(kube::Error::Api(status)) if status.code == 422 => {
                    panic!("{} {name}: {}", resource.kind, status.message)
                }
                Err(error) => assert!(attempt < ATTEMPTS, "{} {name}: {error}", resource.kind),
            }
            sleep(PAUSE).await;
        }
    }

    /// A Secret that the operator may use for these.
    pub async fn secret(&self, name: &str, uses: &str, data: Value) {
        let metadata = json!({ "labels": { LABEL_USE: uses } });
        self.apply::<Secret>(name, json!({ "metadata": metadata, "stringData": data }))
            .await;
    }

    /// A source tree as an archive; unwatched ones are polled.
    pub async fn tree(&self, name: &str, archive: &[u8], is_watched: bool) {
        let labels = if is_watched {
            json!({ LABEL_WATCH: "true" })
        } else {
            json!({})
        };
        let data = json!({ "tree.tar.gz": STANDARD.encode(archive) });
        self.apply::<ConfigMap>(name, json!({ "metadata": { "labels": labels }, "binaryData": data }))
            .await;
    }

    pub async fn platform(&self, name: &str, spec: Value) {
        self.apply::<Platform>(name, json!({ "spec": spec })).await;
    }

    pub async fn function(&self, name: &str, spec: Value) {
        self.apply::<EdgeFunction>(name, json!({ "spec": spec })).await;
    }

    pub async fn migrations(&self, name: &str, spec: Value) {
        self.apply::<MigrationSet>(name, json!({ "spec": spec })).await;
    }

    pub async fn channel(&self, name: &str, spec: Value) {
        self.apply::<NotificationChannel>(name, json!({ "spec": spec })).await;
    }

    /// Deletes an object, and does not wait until it has gone.
    pub async fn delete<K>(&self, name: &str)
    where
        K: Resource<DynamicType = (), Scope = Namespaced>,
    {
        for attempt in 1.. {
            match self.untyped::<K>().delete(name, &DeleteParams::background()).await {
                Ok(_) => return,
                Err(kube::Error::Api(status)) if status.code == 404 => return,
                Err(error) => assert!(attempt < ATTEMPTS, "{name} is to be deleted: {error}"),
            }
            sleep(PAUSE).await;
        }
    }

    /// Deletes the namespace with all that is in it, and waits until it has gone.
    pub async fn remove(self) {
        let all: Api<Namespace> = Api::all(self.client.clone());
        for _ in 0..3 * ATTEMPTS {
            if let Ok(None) = all.get_opt(&self.namespace).await {
                return;
            }
            // Refused where it is under way.
            let _ = all.delete(&self.namespace, &DeleteParams::background()).await;
            sleep(PAUSE).await;
        }
        println!("the namespace {} has not gone", self.namespace);
    }
}

//! People beside the operator, with rights of their own.

use std::{
    path::PathBuf,
    process::{Command, Output},
    sync::OnceLock,
};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{Space, built};

/// Somebody with the rights of a ServiceAccount, who runs `kubectl ace` and has nothing else in the environment.
pub struct Person {
    namespace: String,
    kubeconfig: PathBuf,
}

impl Person {
    /// With these rules of a Role, in the namespace of a test.
    ///
    /// # Panics
    /// If the API server refuses them.
    pub async fn new(space: &Space, name: &str, rules: Value) -> Self {
        let metadata = json!({ "name": name });
        let subject = json!({ "kind": "ServiceAccount", "name": name });
        let group = "rbac.authorization.k8s.io";
        let version = format!("{group}/v1");
        let role = json!({ "apiGroup": group, "kind": "Role", "name": name });
        for object in [
            json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata }),
            json!({ "apiVersion": version, "kind": "Role", "metadata": metadata, "rules": rules }),
            json!({
                "apiVersion": version, "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": [subject],
            }),
        ] {
            space.apply(&object.to_string()).await;
        }
        let kubeconfig = space.bed.bed.service_account_kubeconfig(&space.name, name).await;
        Self {
            namespace: space.name.clone(),
            kubeconfig: kubeconfig.expect("the ServiceAccount has a token"),
        }
    }

    /// Begins to run `kubectl ace` in the namespace, with these variables.
    ///
    /// # Panics
    /// Where the result is awaited, if it can't be run.
    pub fn ace(&self, arguments: &[&str], variables: &[(&'static str, &str)]) -> JoinHandle<Output> {
        static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
        let (namespace, kubeconfig) = (self.namespace.clone(), self.kubeconfig.clone());
        let owned = |text: &&str| (*text).to_owned();
        let arguments: Vec<String> = arguments.iter().map(owned).collect();
        let variables: Vec<(&str, String)> = variables.iter().map(|(name, value)| (*name, owned(value))).collect();
        tokio::task::spawn_blocking(move || {
            Command::new(PROGRAM.get_or_init(|| built("ace-cli", "kubectl-ace")))
                .args(arguments)
                .args(["--namespace", &namespace])
                .env_clear()
                .env("KUBECONFIG", kubeconfig)
                .envs(variables)
                .output()
                .expect("kubectl-ace can be run")
        })
    }
}

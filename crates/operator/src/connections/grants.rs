//! The commands that grant missing rights to the operator.

use ace_api::Process;

/// Names under which the operator is installed; they are part of the commands in messages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Installation {
    /// Namespace of the operator's ServiceAccount.
    pub namespace: String,
    /// Name of the ServiceAccount, of the ClusterRole bound for the whole cluster, and of the bindings.
    pub service_account: String,
    /// ClusterRole that a RoleBinding grants in one namespace.
    pub namespace_role: String,
}

impl Default for Installation {
    /// The operator, as `deploy/` installs it.
    fn default() -> Self {
        Self::of(&[Process::Operator])
    }
}

impl Installation {
    /// As `deploy/` installs a process that does what these do.
    pub fn of(processes: &[Process]) -> Self {
        let name = processes.first().copied().unwrap_or(Process::Operator).name();
        Self {
            namespace: "ace-system".to_owned(),
            service_account: name.to_owned(),
            namespace_role: format!("{name}-namespace"),
        }
    }

    /// Command that grants access to Secrets and ConfigMaps of `namespace`.
    pub fn grant_namespace(&self, namespace: &str) -> String {
        let Self {
            namespace: home,
            service_account: account,
            namespace_role: role,
        } = self;
        format!(
            "kubectl create rolebinding {account} -n {namespace} --clusterrole={role} --serviceaccount={home}:{account}"
        )
    }

    /// Command that grants the cluster-wide rights: the operator's kinds, events and Flux sources.
    pub fn grant_cluster(&self) -> String {
        let Self {
            namespace: home,
            service_account: account,
            ..
        } = self;
        format!("kubectl create clusterrolebinding {account} --clusterrole={account} --serviceaccount={home}:{account}")
    }
}

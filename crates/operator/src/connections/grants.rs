//! The commands that grant missing rights to the operator.

use ace_api::Process;

/// Names under which the operator is installed; they are part of the commands in messages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Installation {
    /// Namespace of the operator's ServiceAccount.
    pub namespace: String,
    /// Name of the bindings, and of the role with what is done in every namespace; others begin with it.
    pub name: String,
    /// Name of the ServiceAccount.
    pub service_account: String,
    /// It works in single namespaces, with a Role in each and no ClusterRole.
    pub is_limited: bool,
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
            name: name.to_owned(),
            service_account: name.to_owned(),
            is_limited: false,
        }
    }

    /// Command that grants access to Secrets and ConfigMaps of `namespace`.
    pub fn grant_namespace(&self, namespace: &str) -> String {
        let kind = if self.is_limited { "role" } else { "clusterrole" };
        let role = format!("{}-namespace", self.name);
        self.bind(&self.name, namespace, kind, &role)
    }

    /// Command that grants what is done in every namespace, or in `namespace` as in the others where these are single ones: the
    /// operator's kinds, events and Flux sources.
    pub fn grant_cluster(&self, namespace: &str) -> String {
        let Self {
            namespace: home,
            name,
            service_account: account,
            is_limited,
        } = self;
        if *is_limited {
            let role = format!("{name}-watch");
            return self.bind(&role, namespace, "role", &role);
        }
        format!("kubectl create clusterrolebinding {name} --clusterrole={name} --serviceaccount={home}:{account}")
    }

    /// Command that grants what is done in the operator's own namespace: with its Lease.
    pub fn grant_own(&self) -> String {
        let role = format!("{}-own", self.name);
        self.bind(&role, &self.namespace, "role", &role)
    }

    fn bind(&self, binding: &str, namespace: &str, kind: &str, role: &str) -> String {
        let (home, account) = (&self.namespace, &self.service_account);
        format!("kubectl create rolebinding {binding} -n {namespace} --{kind}={role} --serviceaccount={home}:{account}")
    }
}

#[cfg(test)]
mod tests {
    use ace_api::Process;

    use super::Installation;

    fn blue(is_limited: bool) -> Installation {
        Installation {
            namespace: "ops".to_owned(),
            name: "blue-operator".to_owned(),
            service_account: "deployer".to_owned(),
            is_limited,
        }
    }

    #[test]
    fn the_commands_have_the_names_of_deploy_where_nobody_says_otherwise() {
        let installed = Installation::of(&[Process::Worker]);
        assert_eq!(
            installed.grant_namespace("ace"),
            "kubectl create rolebinding ace-worker -n ace --clusterrole=ace-worker-namespace --serviceaccount=ace-system:ace-worker"
        );
        assert_eq!(
            installed.grant_cluster("ace"),
            "kubectl create clusterrolebinding ace-worker --clusterrole=ace-worker --serviceaccount=ace-system:ace-worker"
        );
    }

    #[test]
    fn the_commands_follow_the_names_of_another_release() {
        assert_eq!(
            blue(false).grant_namespace("ace"),
            "kubectl create rolebinding blue-operator -n ace --clusterrole=blue-operator-namespace --serviceaccount=ops:deployer"
        );
        assert_eq!(
            blue(false).grant_cluster("ace"),
            "kubectl create clusterrolebinding blue-operator --clusterrole=blue-operator --serviceaccount=ops:deployer"
        );
        assert_eq!(
            blue(false).grant_own(),
            "kubectl create rolebinding blue-operator-own -n ops --role=blue-operator-own --serviceaccount=ops:deployer"
        );
    }

    #[test]
    fn where_single_namespaces_are_watched_roles_of_theirs_are_bound() {
        assert_eq!(
            blue(true).grant_namespace("ace"),
            "kubectl create rolebinding blue-operator -n ace --role=blue-operator-namespace --serviceaccount=ops:deployer"
        );
        assert_eq!(
            blue(true).grant_cluster("ace"),
            "kubectl create rolebinding blue-operator-watch -n ace --role=blue-operator-watch --serviceaccount=ops:deployer"
        );
    }
}

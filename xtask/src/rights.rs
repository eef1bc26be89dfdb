//! The one table of what the operator may do. The RBAC manifests are made from it, and the test of used rights reads it.

use std::fmt::Write as _;

use ace_api::GROUP;
use serde_json::{Value, json};

use crate::yaml;

/// Name of the ServiceAccount, and of the ClusterRole that is bound to it for the whole cluster.
pub const OPERATOR: &str = "ace-operator";
/// Namespace of the operator.
pub const NAMESPACE: &str = "ace-system";
/// Name of the ClusterRole that a RoleBinding grants in one namespace.
pub const NAMESPACE_ROLE: &str = "ace-operator-namespace";

/// API group of the Flux sources.
const FLUX: &str = "source.toolkit.fluxcd.io";

/// Where a right holds.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Scope {
    /// In every namespace.
    Cluster,
    /// Only where a RoleBinding grants it.
    Namespace,
}

/// What may be done with one resource, and why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Right {
    /// Where it holds.
    pub scope: Scope,
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Plural, with the subresource behind a slash.
    pub resource: &'static str,
    /// The verbs, as the API server's audit log names them.
    pub verbs: &'static [&'static str],
    /// The reason, for the reference.
    pub why: &'static str,
}

const READ: &[&str] = &["get", "list", "watch"];

/// Everything that the operator may do; there is nothing else.
pub const RIGHTS: &[Right] = &[
    cluster(
        GROUP,
        "platforms",
        &["list", "watch"],
        "Platforms are read; their spec is never written.",
    ),
    cluster(
        GROUP,
        "platforms/status",
        &["patch"],
        "Status is written by server-side apply.",
    ),
    cluster(
        GROUP,
        "edgefunctions",
        &["list", "watch", "patch"],
        "Read; `patch` puts the finalizer on and takes it off, nothing else.",
    ),
    cluster(
        GROUP,
        "edgefunctions/status",
        &["patch"],
        "Status is written by server-side apply.",
    ),
    cluster(
        GROUP,
        "migrationsets",
        &["list", "watch"],
        "Read; their spec is never written.",
    ),
    cluster(
        GROUP,
        "migrationsets/status",
        &["patch"],
        "Status is written by server-side apply.",
    ),
    cluster(
        "events.k8s.io",
        "events",
        &["create", "patch"],
        "Deploys, roll-backs, drift and refusals are told as events; a repeated one is counted up.",
    ),
    cluster(FLUX, "gitrepositories", READ, "Sources of code."),
    cluster(FLUX, "ocirepositories", READ, "Sources of code."),
    cluster(FLUX, "buckets", READ, "Sources of code."),
    cluster(FLUX, "externalartifacts", READ, "Sources of code."),
    namespace(
        "secrets",
        &["get"],
        "Only the Secrets that a Platform names are read; they are never listed or watched.",
    ),
    namespace(
        "configmaps",
        &["get", "list", "watch", "create", "delete"],
        "Sources of code are read, labelled ones watched; archives of replaced and of proven content are made and removed. None is ever changed.",
    ),
];

const fn cluster(
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    why: &'static str,
) -> Right {
    Right {
        scope: Scope::Cluster,
        group,
        resource,
        verbs,
        why,
    }
}

const fn namespace(resource: &'static str, verbs: &'static [&'static str], why: &'static str) -> Right {
    Right {
        scope: Scope::Namespace,
        group: "",
        resource,
        verbs,
        why,
    }
}

/// The command that grants the rights of [`Scope::Namespace`] in `namespace`.
pub fn grant_command(namespace: &str) -> String {
    format!(
        "kubectl create rolebinding {OPERATOR} -n {namespace} --clusterrole={NAMESPACE_ROLE} --serviceaccount={NAMESPACE}:{OPERATOR}"
    )
}

/// The RoleBinding that [`grant_command`] makes, without a namespace.
pub fn role_binding() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": { "name": OPERATOR },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAMESPACE_ROLE },
        "subjects": [{ "kind": "ServiceAccount", "name": OPERATOR, "namespace": NAMESPACE }],
    })
}

/// Files by path from the root of the repository.
pub(crate) fn files() -> Vec<(String, String)> {
    vec![
        ("deploy/rbac.yaml".to_owned(), yaml::file(roles())),
        (
            "deploy/components/namespace-access/role-binding.yaml".to_owned(),
            yaml::file([role_binding()]),
        ),
        ("docs/reference/rights.md".to_owned(), page()),
    ]
}

fn roles() -> Vec<Value> {
    vec![
        role(OPERATOR, &rules(Scope::Cluster)),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": { "name": OPERATOR },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": OPERATOR },
            "subjects": [{ "kind": "ServiceAccount", "name": OPERATOR, "namespace": NAMESPACE }],
        }),
        role(NAMESPACE_ROLE, &rules(Scope::Namespace)),
        aggregated("ace-view", "view", READ),
        aggregated(
            "ace-edit",
            "edit",
            &["create", "delete", "deletecollection", "patch", "update"],
        ),
    ]
}

fn role(name: &str, rules: &[Value]) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": name },
        "rules": rules,
    })
}

/// A role for people. Kubernetes hands it on to everybody who has the built-in role `to`: `edit` has all of `view`, `admin` all of `edit`.
fn aggregated(name: &str, to: &str, verbs: &[&str]) -> Value {
    let mut role = role(name, &own_kinds(verbs));
    role["metadata"]["labels"] = json!({ format!("rbac.authorization.k8s.io/aggregate-to-{to}"): "true" });
    role
}

/// One rule per group and set of verbs, in the order of the table.
fn rules(scope: Scope) -> Vec<Value> {
    let mut rules: Vec<(&str, &[&str], Vec<&str>)> = Vec::new();
    for right in RIGHTS.iter().filter(|right| right.scope == scope) {
        match rules
            .iter_mut()
            .find(|(group, verbs, _)| (*group, *verbs) == (right.group, right.verbs))
        {
            Some((_, _, resources)) => resources.push(right.resource),
            None => rules.push((right.group, right.verbs, vec![right.resource])),
        }
    }
    rules
        .into_iter()
        .map(|(group, verbs, resources)| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs }))
        .collect()
}

/// What people may do with our kinds; their status is the operator's alone.
fn own_kinds(verbs: &[&str]) -> Vec<Value> {
    let resources: Vec<&str> = RIGHTS
        .iter()
        .filter(|right| right.group == GROUP && !right.resource.contains('/'))
        .map(|right| right.resource)
        .collect();
    vec![json!({ "apiGroups": [GROUP], "resources": resources, "verbs": verbs })]
}

fn page() -> String {
    let mut text = format!(
        "<!-- Made by `cargo xtask generate`; do not edit. -->\n# What the operator may do\n\n\
         In every namespace, by the ClusterRole `{OPERATOR}`:\n\n{}\n\
         Only in namespaces with a RoleBinding to the ClusterRole `{NAMESPACE_ROLE}`:\n\n{}\n",
        table(Scope::Cluster),
        table(Scope::Namespace),
    );
    text.push_str("A namespace gets that RoleBinding from the kustomize component `deploy/components/namespace-access`, or by hand:\n\n```sh\n");
    text.push_str(&grant_command("NAMESPACE"));
    text.push_str("\n```\n\nPeople who have Kubernetes' own roles `view`, `edit` or `admin` in a namespace have the same on our kinds there (`ace-view`, `ace-edit`). ");
    text.push_str("Whoever may write an EdgeFunction runs code in the project with the project's secrets, and whoever may write a MigrationSet runs SQL in its database and approves it: grant `edit` accordingly.\n");
    text
}

fn table(scope: Scope) -> String {
    let mut text = "| group | resource | verbs | why |\n|---|---|---|---|\n".to_owned();
    for right in RIGHTS.iter().filter(|right| right.scope == scope) {
        let group = if right.group.is_empty() {
            "core".to_owned()
        } else {
            format!("`{}`", right.group)
        };
        let verbs = right.verbs.join(", ");
        let _ = writeln!(text, "| {group} | `{}` | {verbs} | {} |", right.resource, right.why);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{RIGHTS, Scope, rules};

    #[test]
    fn no_right_is_named_twice_and_none_is_a_wildcard() {
        for (n, right) in RIGHTS.iter().enumerate() {
            assert!(
                !RIGHTS[..n]
                    .iter()
                    .any(|other| (other.group, other.resource) == (right.group, right.resource)),
                "{right:?}"
            );
            assert!(
                !right.resource.contains('*') && !right.verbs.contains(&"*"),
                "{right:?}"
            );
        }
    }

    #[test]
    fn secrets_and_config_maps_are_granted_by_namespace_only() {
        assert!(
            RIGHTS
                .iter()
                .filter(|right| right.scope == Scope::Cluster)
                .all(|right| !right.group.is_empty())
        );
        assert_eq!(
            rules(Scope::Namespace),
            [
                json!({ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] }),
                json!({ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch", "create", "delete"] }),
            ]
        );
    }
}

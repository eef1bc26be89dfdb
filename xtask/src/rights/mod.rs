//! What each process of the operator may do, made from the list of kinds. The RBAC manifests are made from it, and the test of used
//! rights reads it.

use std::fmt::Write as _;

use ace_api::{GROUP, KINDS, KindEntry, Process, Scope, with_article};
use serde_json::{Value, json};

pub use ace_api::{Grant, grants};

use crate::yaml;

/// Name of the ServiceAccount of the process that watches and decides.
pub const OPERATOR: &str = "ace-operator";
/// Namespace of the operator.
pub const NAMESPACE: &str = "ace-system";

/// Name of the ClusterRole of a process that a RoleBinding grants in one namespace.
pub fn namespace_role(process: Process) -> String {
    format!("{}-namespace", process.name())
}

/// Names under which a process is installed.
pub(crate) struct Names {
    /// Of its roles and bindings, some with a word behind it.
    pub(crate) name: String,
    /// Of its ServiceAccount.
    pub(crate) account: String,
    /// Of its namespace.
    pub(crate) namespace: String,
}

impl Names {
    /// Those of `deploy/`.
    fn deployed(process: Process) -> Self {
        Self {
            name: process.name().to_owned(),
            account: process.name().to_owned(),
            namespace: NAMESPACE.to_owned(),
        }
    }

    /// A role of the process in `namespace`; in none it is a ClusterRole.
    pub(crate) fn role(&self, suffix: &str, namespace: Option<&str>, rules: &[Value]) -> Value {
        let mut role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": if namespace.is_some() { "Role" } else { "ClusterRole" },
            "metadata": { "name": format!("{}{suffix}", self.name) },
            "rules": rules,
        });
        if let Some(namespace) = namespace {
            role["metadata"]["namespace"] = json!(namespace);
        }
        role
    }

    /// What binds the ServiceAccount to a role of the process, in `namespace` or in all of them.
    pub(crate) fn binding(&self, suffix: &str, namespace: Option<&str>, kind: &str, role: &str) -> Value {
        let mut binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" },
            "metadata": { "name": format!("{}{suffix}", self.name) },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": format!("{}{role}", self.name) },
            "subjects": [{ "kind": "ServiceAccount", "name": self.account, "namespace": self.namespace }],
        });
        if let Some(namespace) = namespace {
            binding["metadata"]["namespace"] = json!(namespace);
        }
        binding
    }

    /// What the process may do in its own namespace: for the Lease.
    pub(crate) fn own(&self, process: Process) -> Vec<Value> {
        let rules = rules(process, Scope::Own);
        if rules.is_empty() {
            return Vec::new();
        }
        let namespace = Some(self.namespace.as_str());
        vec![
            self.role(OWN, namespace, &rules),
            self.binding(OWN, namespace, "Role", OWN),
        ]
    }

    /// What it may do in every namespace, and what a RoleBinding lets it do in one.
    pub(crate) fn everywhere(&self, process: Process) -> Vec<Value> {
        vec![
            self.role("", None, &rules(process, Scope::Cluster)),
            self.binding("", None, "ClusterRole", ""),
            self.role(IN_ONE, None, &rules(process, Scope::Namespace)),
        ]
    }
}

/// Behind the name of the roles that hold where a RoleBinding says so.
pub(crate) const IN_ONE: &str = "-namespace";
/// Behind the name of what holds in the process's own namespace: a RoleBinding of the plain name may be there, too.
const OWN: &str = "-own";
const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];

/// The kinds whose objects may be written by those only who have a role of their own.
fn naming_secrets() -> impl Iterator<Item = &'static KindEntry> {
    KINDS.iter().filter(|kind| kind.names_secrets())
}

/// Name of the ClusterRole that lets people write objects of a kind that names Secrets.
fn edit_role(prefix: &str, kind: &KindEntry) -> String {
    format!("{prefix}-{}-edit", kind.name.to_lowercase())
}

/// The command that grants the rights of [`Scope::Namespace`] in `namespace`.
pub fn grant_command(process: Process, namespace: &str) -> String {
    let (name, role) = (process.name(), namespace_role(process));
    format!("kubectl create rolebinding {name} -n {namespace} --clusterrole={role} --serviceaccount={NAMESPACE}:{name}")
}

/// The RoleBinding that [`grant_command`] makes, without a namespace.
pub fn role_binding(process: Process) -> Value {
    let mut binding = Names::deployed(process).binding("", Some(""), "ClusterRole", IN_ONE);
    if let Some(metadata) = binding["metadata"].as_object_mut() {
        metadata.remove("namespace");
    }
    binding
}

/// Files by path from the root of the repository.
pub(crate) fn files() -> Vec<(String, String)> {
    vec![
        ("deploy/rbac.yaml".to_owned(), yaml::file(roles())),
        (
            "deploy/components/namespace-access/role-binding.yaml".to_owned(),
            yaml::file(Process::ALL.map(role_binding)),
        ),
        ("docs/reference/rights.md".to_owned(), page()),
    ]
}

fn roles() -> Vec<Value> {
    let of_process = |process| {
        let names = Names::deployed(process);
        names.everywhere(process).into_iter().chain(names.own(process))
    };
    Process::ALL
        .into_iter()
        .flat_map(of_process)
        .chain(people("ace"))
        .collect()
}

/// Roles for people, whose names begin with `prefix`.
pub(crate) fn people(prefix: &str) -> Vec<Value> {
    let mut roles = vec![
        aggregated(&format!("{prefix}-view"), "view", &own_kinds(KINDS, READ)),
        aggregated(
            &format!("{prefix}-edit"),
            "edit",
            &own_kinds(KINDS.iter().filter(|kind| !kind.names_secrets()), WRITE),
        ),
    ];
    roles.extend(naming_secrets().map(|kind| role(&edit_role(prefix, kind), &own_kinds([kind], WRITE))));
    roles
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
fn aggregated(name: &str, to: &str, rules: &[Value]) -> Value {
    let mut role = role(name, rules);
    role["metadata"]["labels"] = json!({ format!("rbac.authorization.k8s.io/aggregate-to-{to}"): "true" });
    role
}

/// One rule per group and set of verbs, in the order of the table.
pub(crate) fn rules(process: Process, scope: Scope) -> Vec<Value> {
    let mut rules: Vec<(&str, Vec<&str>, Vec<String>)> = Vec::new();
    for grant in grants(process).into_iter().filter(|grant| grant.scope == scope) {
        match rules
            .iter_mut()
            .find(|(group, verbs, _)| (*group, verbs) == (grant.group, &grant.verbs))
        {
            Some((_, _, resources)) => resources.push(grant.resource),
            None => rules.push((grant.group, grant.verbs, vec![grant.resource])),
        }
    }
    rules
        .into_iter()
        .map(|(group, verbs, resources)| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs }))
        .collect()
}

/// What people may do with our kinds; their status is the operator's alone.
fn own_kinds(kinds: impl IntoIterator<Item = &'static KindEntry>, verbs: &[&str]) -> Vec<Value> {
    let resources: Vec<&str> = kinds.into_iter().map(|kind| kind.plural).collect();
    vec![json!({ "apiGroups": [GROUP], "resources": resources, "verbs": verbs })]
}

fn page() -> String {
    let mut text = "<!-- Made by `cargo xtask generate`; do not edit. -->\n# What the operator may do\n\n\
         It has two processes, of one image, each with a ServiceAccount of its own.\n"
        .to_owned();
    for process in Process::ALL {
        let (name, role) = (process.name(), namespace_role(process));
        let kinds: Vec<&str> = process.kinds().map(|kind| kind.name).collect();
        let _ = write!(
            text,
            "\n## {name}\n\nReconciles {}. In every namespace, by the ClusterRole `{name}`:\n\n{}\n\
             Only in namespaces with a RoleBinding to the ClusterRole `{role}`:\n\n{}",
            kinds.join(", "),
            table(process, Scope::Cluster),
            table(process, Scope::Namespace),
        );
        if grants(process).iter().any(|grant| grant.scope == Scope::Own) {
            let table = table(process, Scope::Own);
            let _ = write!(text, "\nIn its own namespace, by the Role `{name}{OWN}`:\n\n{table}");
        }
    }
    text.push_str("\nA namespace gets these RoleBindings from the kustomize component `deploy/components/namespace-access`, or by hand:\n\n```sh\n");
    text.push_str(
        &Process::ALL
            .map(|process| grant_command(process, "NAMESPACE"))
            .join("\n"),
    );
    text.push_str("\n```\n\n## What people may do\n\n");
    text.push_str("People who have Kubernetes' own roles `view`, `edit` or `admin` in a namespace have the same on ace-ops's kinds there (`ace-view`, `ace-edit`). ");
    let writers = |names_secrets: bool| {
        let kinds = KINDS.iter().filter(move |kind| kind.names_secrets() == names_secrets);
        let each = kinds.filter_map(|kind| {
            let can = kind.writers_can?;
            Some(format!("whoever may write {} {can}", with_article(kind.name)))
        });
        capitalised(&each.collect::<Vec<_>>().join(", and "))
    };
    let _ = writeln!(text, "{}: grant `edit` accordingly.", writers(false));
    let kinds: Vec<String> = naming_secrets().map(|kind| with_article(kind.name)).collect();
    let _ = writeln!(
        text,
        "\nNone of them lets anybody write {}, which names Secrets. {}. Each has a ClusterRole of its own, which is part of no other: \
         grant it to those who may read these Secrets anyway.\n\n```sh",
        kinds.join(" or "),
        writers(true)
    );
    for kind in naming_secrets() {
        let role = edit_role("ace", kind);
        let _ = writeln!(
            text,
            "kubectl create rolebinding {role} -n NAMESPACE --clusterrole={role} --user=USER"
        );
    }
    text.push_str("```\n");
    text
}

fn table(process: Process, scope: Scope) -> String {
    let mut text = "| group | resource | verbs | why |\n|---|---|---|---|\n".to_owned();
    for grant in grants(process).into_iter().filter(|grant| grant.scope == scope) {
        let group = if grant.group.is_empty() {
            "core".to_owned()
        } else {
            format!("`{}`", grant.group)
        };
        let (verbs, why) = (grant.verbs.join(", "), capitalised(&grant.why));
        let _ = writeln!(text, "| {group} | `{}` | {verbs} | {why}. |", grant.resource);
    }
    text
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

#[cfg(test)]
mod tests;

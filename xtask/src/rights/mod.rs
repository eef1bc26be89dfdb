//! What each process of the operator may do, made from the list of kinds. The RBAC manifests are made from it, and the test of used
//! rights reads it.

use std::fmt::Write as _;

use ace_api::{CARRIERS, COMMON_RIGHTS, GROUP, KINDS, KindEntry, LEASE_RIGHT, Process, Scope, Target};
use serde_json::{Value, json};

use crate::yaml;

/// Name of the ServiceAccount of the process that watches and decides.
pub const OPERATOR: &str = "ace-operator";
/// Namespace of the operator.
pub const NAMESPACE: &str = "ace-system";

/// Name of the ClusterRole of a process that a RoleBinding grants in one namespace.
pub fn namespace_role(process: Process) -> String {
    format!("{}-namespace", process.name())
}

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];

/// What may be done with one resource, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grant {
    pub scope: Scope,
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Plural, with the subresource behind a slash.
    pub resource: String,
    /// The verbs, as the API server's audit log names them.
    pub verbs: Vec<&'static str>,
    /// The reason, for the reference.
    pub why: String,
}

impl From<&ace_api::Right> for Grant {
    fn from(right: &ace_api::Right) -> Self {
        Self {
            scope: right.scope,
            group: right.group,
            resource: right.resource.to_owned(),
            verbs: right.verbs.to_vec(),
            why: right.why.to_owned(),
        }
    }
}

/// Everything that a process may do; there is nothing else. Its own kinds come first, and no resource twice.
pub fn grants(process: Process) -> Vec<Grant> {
    let own = process.kinds().flat_map(|kind| {
        let objects = kind.rights.iter().filter(|right| right.group == GROUP);
        objects.map(Grant::from).chain([status_of(kind)])
    });
    let has_sources = process.kinds().any(|kind| {
        let mut references = kind.references.iter();
        references.any(|reference| reference.target == Target::Source)
    });
    let sources = CARRIERS.iter().filter(|_| has_sources).map(|carrier| &carrier.right);
    let others = process
        .kinds()
        .flat_map(|kind| kind.rights)
        .filter(|right| right.group != GROUP);
    let mut grants: Vec<Grant> = Vec::new();
    let all = own
        .chain(process.reads().map(reading))
        .chain(COMMON_RIGHTS.iter().map(Grant::from))
        .chain([secrets()])
        .chain((process == Process::Operator).then(|| Grant::from(&LEASE_RIGHT)))
        .chain(sources.chain(others).map(Grant::from));
    for grant in all {
        let same = |known: &&mut Grant| {
            (known.scope, known.group, &known.resource) == (grant.scope, grant.group, &grant.resource)
        };
        match grants.iter_mut().find(same) {
            None => grants.push(grant),
            Some(known) => {
                for verb in grant.verbs {
                    if !known.verbs.contains(&verb) {
                        known.verbs.push(verb);
                    }
                }
                let _ = write!(known.why, "; {}", grant.why);
            }
        }
    }
    grants
}

/// Reading the objects of a kind that the other process reconciles.
fn reading(kind: &KindEntry) -> Grant {
    Grant {
        scope: Scope::Cluster,
        group: GROUP,
        resource: kind.plural.to_owned(),
        verbs: vec!["list", "watch"],
        why: "read; the other process reconciles them".to_owned(),
    }
}

fn status_of(kind: &KindEntry) -> Grant {
    Grant {
        scope: Scope::Cluster,
        group: GROUP,
        resource: format!("{}/status", kind.plural),
        verbs: vec!["patch"],
        why: "status is written by server-side apply".to_owned(),
    }
}

/// Reading the Secrets that objects name.
fn secrets() -> Grant {
    let kinds = naming_secrets().map(|kind| with_article(kind.name));
    Grant {
        scope: Scope::Namespace,
        group: "",
        resource: "secrets".to_owned(),
        verbs: vec!["get"],
        why: format!(
            "only the Secrets that {} names are read; they are never listed or watched",
            kinds.collect::<Vec<_>>().join(" or ")
        ),
    }
}

/// The kinds whose objects may be written by those only who have a role of their own.
fn naming_secrets() -> impl Iterator<Item = &'static KindEntry> {
    KINDS.iter().filter(|kind| kind.names_secrets())
}

/// Name of the ClusterRole that lets people write objects of a kind that names Secrets.
fn edit_role(kind: &KindEntry) -> String {
    format!("ace-{}-edit", kind.name.to_lowercase())
}

fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['A', 'E', 'I', 'O']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}

/// The command that grants the rights of [`Scope::Namespace`] in `namespace`.
pub fn grant_command(process: Process, namespace: &str) -> String {
    let (name, role) = (process.name(), namespace_role(process));
    format!("kubectl create rolebinding {name} -n {namespace} --clusterrole={role} --serviceaccount={NAMESPACE}:{name}")
}

/// The RoleBinding that [`grant_command`] makes, without a namespace.
pub fn role_binding(process: Process) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": { "name": process.name() },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": namespace_role(process) },
        "subjects": [{ "kind": "ServiceAccount", "name": process.name(), "namespace": NAMESPACE }],
    })
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
    let mut roles: Vec<Value> = Process::ALL.into_iter().flat_map(of_process).collect();
    roles.extend([
        aggregated("ace-view", "view", &own_kinds(KINDS, READ)),
        aggregated(
            "ace-edit",
            "edit",
            &own_kinds(KINDS.iter().filter(|kind| !kind.names_secrets()), WRITE),
        ),
    ]);
    roles.extend(naming_secrets().map(|kind| role(&edit_role(kind), &own_kinds([kind], WRITE))));
    roles
}

fn of_process(process: Process) -> Vec<Value> {
    let name = process.name();
    let mut roles = vec![
        role(name, &rules(process, Scope::Cluster)),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": NAMESPACE }],
        }),
        role(&namespace_role(process), &rules(process, Scope::Namespace)),
    ];
    let own = rules(process, Scope::Own);
    if !own.is_empty() {
        let metadata = json!({ "name": name, "namespace": NAMESPACE });
        roles.extend([
            json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": own }),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": metadata,
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
                "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": NAMESPACE }],
            }),
        ]);
    }
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
fn rules(process: Process, scope: Scope) -> Vec<Value> {
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
            let _ = write!(text, "\nIn its own namespace, by the Role `{name}`:\n\n{table}");
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
        let role = edit_role(kind);
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

//! The rights of the process that runs this: asked of the API server, one for one.

use ace_api::{Grant, Process, Scope, grants};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::{Api, Client, Error, api::PostParams};

use super::{APPLY, Finding, Problem, Subject};
use crate::connections::grants::Installation;

/// What a process may do where it watches, and in its own namespace. Secrets and ConfigMaps are granted namespace by namespace: what
/// is missing there is said by the objects that need it.
pub(super) async fn granted(client: &Client, process: Process, subject: &Subject) -> Vec<Finding> {
    let installation = Installation {
        name: if subject.processes.len() == 1 {
            subject.installation.name.clone()
        } else {
            process.name().to_owned()
        },
        ..subject.installation.clone()
    };
    let mut findings = Vec::new();
    let everywhere = of_scope(process, Scope::Cluster);
    if subject.namespaces.is_empty() {
        let of = format!("{} has its rights in every namespace", process.name());
        findings.push(ask(client, of, &everywhere, None, &installation.grant_cluster("")).await);
    }
    for namespace in &subject.namespaces {
        let of = format!("{} has its rights in namespace {namespace}", process.name());
        let command = installation.grant_cluster(namespace);
        findings.push(ask(client, of, &everywhere, Some(namespace), &command).await);
    }
    let own = of_scope(process, Scope::Own);
    if !subject.leases.is_empty() && !own.is_empty() {
        let home = &installation.namespace;
        let of = format!("{} has its rights in its own namespace, {home}", process.name());
        findings.push(ask(client, of, &own, Some(home), &installation.grant_own()).await);
    }
    findings
}

fn of_scope(process: Process, scope: Scope) -> Vec<Grant> {
    grants(process)
        .into_iter()
        .filter(|grant| grant.scope == scope)
        .collect()
}

async fn ask(client: &Client, of: String, asked: &[Grant], namespace: Option<&str>, command: &str) -> Finding {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let (mut missing, mut count) = (Vec::new(), 0_usize);
    for grant in asked {
        let mut verbs = Vec::new();
        for verb in &grant.verbs {
            count += 1;
            match is_allowed(&reviews, grant, verb, namespace).await {
                Ok(true) => {}
                Ok(false) => verbs.push(*verb),
                Err(error) => return Finding::unanswered(of, &error),
            }
        }
        if !verbs.is_empty() {
            missing.push((grant, verbs));
        }
    }
    Finding::of(of, problem(&missing, count, command))
}

async fn is_allowed(
    reviews: &Api<SelfSubjectAccessReview>,
    grant: &Grant,
    verb: &str,
    namespace: Option<&str>,
) -> Result<bool, Error> {
    let (resource, subresource) = match grant.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (grant.resource.as_str(), None),
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(grant.group.to_owned()),
                resource: Some(resource.to_owned()),
                subresource,
                verb: Some(verb.to_owned()),
                namespace: namespace.map(str::to_owned),
                ..ResourceAttributes::default()
            }),
            non_resource_attributes: None,
        },
        ..SelfSubjectAccessReview::default()
    };
    let answered = reviews.create(&PostParams::default(), &review).await?;
    Ok(answered.status.is_some_and(|status| status.allowed))
}

/// Without any right there is no binding; without some, the role is another version's.
fn problem(missing: &[(&Grant, Vec<&str>)], asked: usize, command: &str) -> Option<Problem> {
    if missing.is_empty() {
        return None;
    }
    let lacking: usize = missing.iter().map(|(_, verbs)| verbs.len()).sum();
    let each = missing
        .iter()
        .map(|(grant, verbs)| format!("{} {}", verbs.join("/"), name(grant)));
    Some(Problem {
        said: format!("it may not {}", each.collect::<Vec<_>>().join(", ")),
        mend: if lacking == asked {
            command.to_owned()
        } else {
            format!("install the roles of version {}: {APPLY}", env!("CARGO_PKG_VERSION"))
        },
    })
}

fn name(grant: &Grant) -> String {
    match (grant.group, &grant.resource) {
        ("", resource) => resource.clone(),
        (group, resource) => format!("{resource}.{group}"),
    }
}

#[cfg(test)]
mod tests {
    use ace_api::{Process, Scope};

    use super::{of_scope, problem};

    #[test]
    fn without_any_right_the_binding_is_missing_and_without_some_the_role_is_old() {
        let own = of_scope(Process::Operator, Scope::Own);
        let lease = &own[0];
        let found = |verbs: &[&'static str]| {
            let missing = [(lease, verbs.to_vec())];
            problem(&missing, lease.verbs.len(), "kubectl create …").unwrap()
        };
        let none = found(&lease.verbs);
        assert_eq!(
            none.said,
            "it may not create/list/update/watch leases.coordination.k8s.io"
        );
        assert_eq!(none.mend, "kubectl create …");
        let one = found(&["watch"]);
        assert_eq!(one.said, "it may not watch leases.coordination.k8s.io");
        assert!(one.mend.starts_with("install the roles of version "), "{}", one.mend);
        assert_eq!(problem(&[], 4, "kubectl create …"), None);
    }
}

//! What each process of the operator may do, made from the list of kinds.

use std::fmt::Write as _;

use super::{CARRIERS, COMMON_RIGHTS, KINDS, KindEntry, LEASE_RIGHT, Process, Right, Scope, Target};
use crate::GROUP;

/// What may be done with one resource, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grant {
    /// Where it holds.
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

impl From<&Right> for Grant {
    fn from(right: &Right) -> Self {
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
        .chain([Grant::from(&LEASE_RIGHT)])
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
    let naming = KINDS.iter().filter(|kind| kind.names_secrets());
    let kinds = naming.map(|kind| with_article(kind.name));
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

/// A kind with its article.
pub fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['A', 'E', 'I', 'O']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}

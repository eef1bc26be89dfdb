use std::collections::BTreeSet;

use ace_api::{CommonStatus, EdgeFunction, MigrationSet, ObjectStatus, Source};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Resource, ResourceExt};

use super::subject::{Kind, Subject, includes_kind};

/// An object that reads from a source, as the API server shows it.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// Such as `ConfigMap/functions`.
    pub(super) source: String,
    /// Of the artifact that its content was read from last.
    pub(super) revision: Option<String>,
    /// Whether the status is that of the spec.
    pub(super) observed: bool,
    pub(super) conditions: Vec<Condition>,
    deleted: bool,
}

impl Member {
    fn new<K: Resource>(
        object: &K,
        kind: Kind,
        source: &Source,
        common: Option<&CommonStatus>,
        revision: Option<&str>,
    ) -> Self {
        let observed = common.and_then(|common| common.observed_generation);
        let kind_of_source = serde_json::to_value(source.kind).unwrap_or_default();
        Self {
            kind,
            name: object.name_any(),
            source: format!("{}/{}", kind_of_source.as_str().unwrap_or_default(), source.name),
            revision: revision.map(str::to_owned),
            observed: observed.is_some() && observed == object.meta().generation,
            conditions: common.map(|common| common.conditions.clone()).unwrap_or_default(),
            deleted: object.meta().deletion_timestamp.is_some(),
        }
    }

    /// As `kubectl` names it.
    pub(super) fn shown(&self) -> String {
        format!("{}/{}", self.kind.short(), self.name)
    }
}

impl From<&EdgeFunction> for Member {
    fn from(object: &EdgeFunction) -> Self {
        let status = object.status.as_ref();
        let revision = status.and_then(|status| status.source.as_ref()?.artifact_revision.as_deref());
        let common = status.map(ObjectStatus::common);
        Self::new(object, Kind::EdgeFunction, &object.spec.source, common, revision)
    }
}

impl From<&MigrationSet> for Member {
    fn from(object: &MigrationSet) -> Self {
        let status = object.status.as_ref();
        let revision = status.and_then(|status| Some(status.source.as_ref()?.artifact_revision.as_str()));
        let common = status.map(ObjectStatus::common);
        Self::new(object, Kind::MigrationSet, &object.spec.source, common, revision)
    }
}

/// Those that are waited for: of the subjects, and of the one source. The error says what is wrong with the choice.
pub(super) fn chosen(members: Vec<Member>, subjects: &[Subject], source: Option<&str>) -> Result<Vec<Member>, String> {
    let named = |member: &Member| {
        let own = subjects.iter().filter(|subject| subject.kind == member.kind);
        subjects.is_empty()
            || own
                .into_iter()
                .any(|subject| subject.name.as_ref().is_none_or(|name| *name == member.name))
    };
    let members: Vec<_> = members
        .into_iter()
        .filter(|member| !member.deleted && named(member))
        .collect();
    for subject in subjects {
        let is_it = |member: &Member| member.kind == subject.kind && Some(&member.name) == subject.name.as_ref();
        if let Some(name) = subject.name.as_ref().filter(|_| !members.iter().any(is_it)) {
            return Err(format!("there is no {}/{name}", subject.kind.short()));
        }
    }
    let meant = |member: &Member| match source {
        None => true,
        Some(source) if source.contains('/') => member.source.eq_ignore_ascii_case(source),
        Some(source) => member.source.split_once('/').is_some_and(|(_, name)| name == source),
    };
    let sources: BTreeSet<String> = members.iter().map(|member| member.source.clone()).collect();
    let members: Vec<_> = members.into_iter().filter(meant).collect();
    let all = sources.iter().cloned().collect::<Vec<_>>().join(", ");
    match (source, sources.len()) {
        (_, 0) => Err(format!("there is no {} to wait for", kinds(subjects))),
        (Some(source), _) if members.is_empty() => Err(format!("nothing reads from {source}; there is {all}")),
        (None, 2..) => Err(format!(
            "there is more than one source: choose one of {all} with --source"
        )),
        _ => Ok(members),
    }
}

fn kinds(subjects: &[Subject]) -> String {
    let kinds = [
        (Kind::EdgeFunction, "EdgeFunction"),
        (Kind::MigrationSet, "MigrationSet"),
    ];
    let asked = kinds.into_iter().filter(|(kind, _)| includes_kind(subjects, *kind));
    asked.map(|(_, name)| name).collect::<Vec<_>>().join(" or ")
}

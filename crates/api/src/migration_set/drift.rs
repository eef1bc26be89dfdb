//! Which out-of-band changes are no drift.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Which out-of-band changes are no drift.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftRules {
    /// ignore lists objects that others make, change and drop by right, such as a job that adds partitions; at most 32 rules. Their differences are counted in `status.schema.ignored`, and are no drift. In `Observe` only a digest is compared, so nothing can be ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub ignore: Vec<IgnoredObjects>,
}

impl DriftRules {
    /// Nothing is ignored.
    pub fn is_empty(&self) -> bool {
        self.ignore.is_empty()
    }
}

/// Objects whose differences are no drift.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.name) != has(self.partitionsOf)")
        .message("a rule of `drift.ignore` needs either `name` or `partitionsOf`"),
    validation = Rule::new("has(self.name) || !has(self.class)")
        .message("`class` belongs to `name`: with `partitionsOf` everything that belongs to the partitions is ignored")
)]
pub struct IgnoredObjects {
    /// class of the objects, with which their path in `status.drift.fields` begins, such as `table`, `column` or `grant`. All classes if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z]+(-[a-z]+)*$')").message("`class` must be the beginning of a path in `status.drift.fields`, such as 'table' or 'materialized-view'"))]
    pub class: Option<String>,
    /// name of the objects, as behind the class in `status.drift.fields`, with `*` for any characters: `public.events_*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub name: Option<String>,
    /// partitionsOf a table, such as `public.events`: its partitions of every level, and their columns, constraints, indexes, triggers, policies and grants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub partitions_of: Option<String>,
    /// reason for those who read the spec: who changes these objects.
    #[schemars(length(min = 1, max = 256))]
    pub reason: String,
}

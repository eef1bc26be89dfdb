use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::{ByName, Registering};

/// The parts of an object's status that are counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one per condition, which stand beside each other in any combination"
)]
pub struct ObjectState {
    pub ready: bool,
    pub reconciling: bool,
    pub stalled: bool,
    pub suspended: bool,
    pub drifted: bool,
    /// Number of fields that differ, while `Drifted` is True.
    pub fields: i32,
}

impl ObjectState {
    /// Reads the conditions of a status; `fields` is its `drift.count`.
    pub fn of(conditions: &[Condition], fields: Option<i32>) -> Self {
        let is = |type_: &str| {
            conditions
                .iter()
                .any(|condition| condition.type_ == type_ && condition.status == "True")
        };
        let drifted = is("Drifted");
        Self {
            ready: is("Ready"),
            reconciling: is("Reconciling"),
            stalled: is("Stalled"),
            suspended: is("Suspended"),
            drifted,
            fields: if drifted { fields.unwrap_or(0) } else { 0 },
        }
    }

    fn states(self) -> impl Iterator<Item = &'static str> {
        let states = [
            (self.ready, "Ready"),
            (!self.ready, "NotReady"),
            (self.reconciling, "Reconciling"),
            (self.stalled, "Stalled"),
            (self.suspended, "Suspended"),
            (self.drifted, "Drifted"),
        ];
        states.into_iter().filter_map(|(holds, state)| holds.then_some(state))
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct StateLabels {
    kind: &'static str,
    state: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ObjectLabels {
    kind: &'static str,
    namespace: String,
    name: String,
}

/// The last state of each object, so that gauges follow it without a list of all objects.
pub(super) struct Objects {
    known: ByName<ObjectState>,
    counts: Family<StateLabels, Gauge>,
    drifted: Family<ObjectLabels, Gauge>,
}

impl Objects {
    pub(super) fn register(registering: &mut Registering<'_>) -> Self {
        Self {
            known: ByName::new(),
            counts: registering.gauges("ace_objects"),
            drifted: registering.gauges("ace_drifted"),
        }
    }

    pub(super) fn observe(&mut self, kind: &'static str, namespace: &str, name: &str, state: ObjectState) {
        let before = self.known.insert((kind, namespace.to_owned(), name.to_owned()), state);
        if before == Some(state) {
            return;
        }
        for state in before.into_iter().flat_map(ObjectState::states) {
            self.counts.get_or_create(&StateLabels { kind, state }).dec();
        }
        for state in state.states() {
            self.counts.get_or_create(&StateLabels { kind, state }).inc();
        }
        let labels = ObjectLabels {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        if state.drifted {
            self.drifted.get_or_create(&labels).set(i64::from(state.fields));
        } else {
            self.drifted.remove(&labels);
        }
    }

    pub(super) fn forget(&mut self, kind: &'static str, namespace: &str, name: &str) {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        let Some(before) = self.known.remove(&(kind, namespace.clone(), name.clone())) else {
            return;
        };
        for state in before.states() {
            self.counts.get_or_create(&StateLabels { kind, state }).dec();
        }
        self.drifted.remove(&ObjectLabels { kind, namespace, name });
    }
}

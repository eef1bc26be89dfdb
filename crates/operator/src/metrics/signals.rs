use std::sync::{Arc, atomic::AtomicU64};

use ace_api::AlertState;
use ace_domain::{kinds::alert_rule::Measured, reconcile::key::Key};
use ace_runtime::metrics::Registering;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::Metrics;

/// Those of a series are a rule's own.
type Labels = Vec<(String, String)>;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct StateLabels {
    namespace: String,
    name: String,
    state: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct TurnLabels {
    source: &'static str,
    outcome: &'static str,
}

/// What rules measure. Gauges are made anew at each reading, so that what is gone is gone.
pub(super) struct Signals {
    values: Family<Labels, Gauge<f64, AtomicU64>>,
    states: Family<StateLabels, Gauge>,
    turns: Family<TurnLabels, Counter>,
}

impl Metrics {
    /// Has what `measure` finds of all rules shown at each reading.
    pub fn follow_rules(&self, measure: impl Fn() -> Vec<(Key, Measured)> + Send + Sync + 'static) {
        let signals: Arc<Signals> = self.signals.clone();
        self.runtime.before_text(move || signals.show(&measure()));
    }

    /// Counts a turn of a rule. `source`: `SQL`, or the name of a signal.
    pub fn evaluated(&self, source: &'static str, outcome: &'static str) {
        self.signals.turns.get_or_create(&TurnLabels { source, outcome }).inc();
    }
}

impl Signals {
    pub(super) fn register(registering: &mut Registering<'_>) -> Self {
        Self {
            values: registering.add("ace_signal", Family::default()),
            states: registering.gauges("ace_signal_state"),
            turns: registering.add("ace_signal_turns", Family::default()),
        }
    }

    fn show(&self, all: &[(Key, Measured)]) {
        self.values.clear();
        self.states.clear();
        for (key, rule) in all {
            let own = [("namespace", &key.namespace), ("name", &key.name)];
            let own = own.map(|(name, value)| (name.to_owned(), value.clone()));
            for (labels, value) in &rule.values {
                let of_series = labels.iter().map(|(name, value)| (name.clone(), value.clone()));
                let labels = own.iter().cloned().chain(of_series).collect();
                self.values.get_or_create(&labels).set(*value);
            }
            let labels = StateLabels {
                namespace: key.namespace.clone(),
                name: key.name.clone(),
                state: word(rule.state),
            };
            self.states.get_or_create(&labels).set(1);
        }
    }
}

fn word(state: AlertState) -> &'static str {
    match state {
        AlertState::Firing => "Firing",
        AlertState::Held => "Held",
        AlertState::Pending => "Pending",
        AlertState::NoData => "NoData",
        AlertState::Error => "Error",
        AlertState::Inactive => "Inactive",
        AlertState::Measured => "Measured",
        AlertState::Suspended => "Suspended",
        AlertState::Unknown => "Unknown",
    }
}

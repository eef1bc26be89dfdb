//! `Silence`: what is not told for a while. Nothing is done for it: the channels ask.

use ace_api::{AlertRule, Silence};
use ace_domain::{
    kinds::{
        alert_rule,
        silence::{self, State, covers},
    },
    reconcile::kind::NoStep,
};
use ace_runtime::{index::Dependents, reconcile::Controller};
use jiff::Timestamp;
use kube::{ResourceExt, core::DeserializeGuard, runtime::reflector::Store};

use crate::caches::beside;

pub struct Silences {
    pub rules: Store<DeserializeGuard<AlertRule>>,
    pub dependents: Dependents,
}

impl Controller for Silences {
    type Kind = silence::Kind;
    type Context = ();

    async fn observe(&self, object: &Silence, (): (), _failures: u32, _now: Timestamp) -> (State, ()) {
        let rules = beside::<alert_rule::Kind>(&self.dependents, &self.rules, object);
        let rules = rules.iter().filter_map(|rule| rule.0.as_ref().ok());
        let covered = rules.filter(|rule| covers(&object.spec.matching, &rule.name_any(), rule.labels()));
        let state = State {
            memo: object.status.clone().unwrap_or_default(),
            rules: covered.count(),
        };
        (state, ())
    }

    async fn act(&self, _: &Silence, _: &State, (): &(), step: &NoStep) -> Result<(), NoStep> {
        match *step {}
    }
}

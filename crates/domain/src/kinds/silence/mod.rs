//! One Silence: its state, the decision, and the status. What it covers is asked by the channels.

mod covers;
mod status;
#[cfg(test)]
mod tests;
mod window;

use std::time::Duration;

use ace_api::{Silence, SilenceReason, SilenceStatus};
use jiff::Timestamp;

use crate::reconcile::{
    annotations::is_leaving,
    decision::Requeue,
    dependency::{Dependency, Fact, Facts},
    event::Event,
    key::Key,
    kind::{self, NoStep},
};

pub use covers::{Quiet, covers};
pub use status::{events, status};
pub use window::{Window, window};

pub type Decision = crate::reconcile::decision::Decision<NoStep, SilenceReason>;
pub type Cause = crate::reconcile::decision::Cause<SilenceReason>;

#[derive(Clone, Debug)]
pub struct State {
    /// The status as it was last written.
    pub memo: SilenceStatus,
    /// The rules of the namespace that it covers.
    pub rules: usize,
}

/// Decides by the state alone. Time is an argument.
pub fn decide(object: &Silence, now: Timestamp) -> Decision {
    if is_leaving(object) {
        return Decision::Release { event: None };
    }
    match window(object, now) {
        Ok(window) => Decision::Settled(window.turns(now).map_or(Requeue::OnChange, Requeue::At)),
        Err(cause) => Decision::Refuse(cause, Requeue::OnChange),
    }
}

#[derive(Debug)]
pub enum Kind {}

impl kind::Kind for Kind {
    const NAME: &'static str = "Silence";

    type Object = Silence;
    type Status = SilenceStatus;
    type State = State;
    type Step = NoStep;
    type StepResult = ();
    type StepError = NoStep;
    type Reason = SilenceReason;
    type Memory = ();

    fn decide(object: &Silence, _: &State, now: Timestamp) -> Decision {
        decide(object, now)
    }

    fn update(_: &Silence, _: &mut State, step: &NoStep, _: Result<(), NoStep>, _: Timestamp) {
        match *step {}
    }

    fn status(object: &Silence, state: &State, decision: &Decision, now: Timestamp) -> SilenceStatus {
        status(object, state, decision, now)
    }

    fn memo(state: &mut State) -> &mut SilenceStatus {
        &mut state.memo
    }

    fn into_memory(_: State, _: &Decision) {}

    fn events(before: &SilenceStatus, after: &SilenceStatus) -> Vec<Event> {
        events(before, after)
    }

    fn references(object: &Silence) -> Vec<Dependency> {
        vec![Dependency::RuleNames(Key::of(object).namespace)]
    }

    fn facts(object: &Silence) -> Facts {
        let fact = Fact::is(serde_json::to_string(&object.spec).unwrap_or_default());
        vec![(Dependency::Silences(Key::of(object).namespace), fact)]
    }

    fn is_suspended(_: &Silence) -> bool {
        false
    }

    fn timed_out(step: &NoStep, _: Duration) -> NoStep {
        match *step {}
    }
}

//! One AlertRule: what a turn makes of it, the decision, and the status.
//!
//! Turns are not passes: an evaluator asks each rule at its interval and feeds [`advance`], which is pure. A rule is enqueued only
//! when its status would differ.

mod advance;
mod answer;
mod decide;
mod facts;
mod findings;
mod obstacle;
mod record;
mod series;
pub mod signals;
mod status;

#[cfg(test)]
mod tests;

use std::time::Duration;

use ace_api::{AlertRule, AlertRuleReason, AlertRuleStatus, HandledGroup};
use jiff::Timestamp;

use crate::inputs;
use crate::reconcile::{
    dependency::{Dependency, Facts},
    event::Event,
    key::Key,
    kind::{self, NoStep},
    timing::Timing,
};

pub use advance::advance;
pub use answer::{Answer, Compared, LABEL_CHARACTERS, MOST_SERIES, Row, checked, compared, named};
pub use decide::decide;
pub use facts::firing_digest;
pub use findings::{Findings, number, response};
pub use obstacle::{of_database, owner, reader_missing};
pub use record::{Measured, Record};
pub use series::Series;
pub use status::{events, status};

pub type Decision = crate::reconcile::decision::Decision<NoStep, AlertRuleReason>;
pub type Cause = crate::reconcile::decision::Cause<AlertRuleReason>;
pub type PlatformState = inputs::PlatformState<Platform>;

#[derive(Clone, Debug)]
pub struct State {
    pub timing: Timing,
    /// The status as it was last written.
    pub memo: AlertRuleStatus,
    pub platform: PlatformState,
    /// The NotificationChannels of the namespace.
    pub channels: Vec<Channel>,
    /// What is remembered of its turns; nothing before the first one.
    pub record: Option<Record>,
    /// Since when it is to be asked.
    pub followed: Timestamp,
}

/// What a rule has to know of its Platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Platform {
    pub interval: Duration,
    pub is_suspended: bool,
    /// Names of its contacts.
    pub contacts: Vec<String>,
    /// Why its database can't be asked, by its spec alone.
    pub obstacle: Option<Cause>,
}

/// What a rule has to know of a NotificationChannel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Channel {
    pub name: String,
    /// It is told by those that name none.
    pub is_default: bool,
    /// What people did about this rule where the channel tells of it.
    pub handled: Option<HandledGroup>,
}

impl Platform {
    pub fn of(platform: &ace_api::Platform) -> Self {
        let spec = &platform.spec;
        Self {
            interval: spec.interval.get(),
            is_suspended: spec.suspend,
            contacts: spec.contacts.iter().map(|contact| contact.name.clone()).collect(),
            obstacle: obstacle::of_spec(spec.database.as_ref()),
        }
    }
}

impl inputs::PlatformFacts for Platform {
    fn interval(&self) -> Duration {
        self.interval
    }

    fn is_suspended(&self) -> bool {
        self.is_suspended
    }
}

#[derive(Debug)]
pub enum Kind {}

impl kind::Kind for Kind {
    const NAME: &'static str = "AlertRule";

    type Object = AlertRule;
    type Status = AlertRuleStatus;
    type State = State;
    type Step = NoStep;
    type StepResult = ();
    type StepError = NoStep;
    type Reason = AlertRuleReason;
    type Memory = ();

    fn decide(object: &AlertRule, state: &State, now: Timestamp) -> Decision {
        decide(object, state, now)
    }

    fn update(_: &AlertRule, _: &mut State, step: &NoStep, _: Result<(), NoStep>, _: Timestamp) {
        match *step {}
    }

    fn status(object: &AlertRule, state: &State, decision: &Decision, now: Timestamp) -> AlertRuleStatus {
        status(object, state, decision, now)
    }

    fn memo(state: &mut State) -> &mut AlertRuleStatus {
        &mut state.memo
    }

    fn into_memory(_: State, _: &Decision) {}

    fn events(before: &AlertRuleStatus, after: &AlertRuleStatus) -> Vec<Event> {
        events(before, after)
    }

    fn references(object: &AlertRule) -> Vec<Dependency> {
        let platform = Key::beside(object, &object.spec.platform_ref.name);
        let namespace = platform.namespace.clone();
        vec![Dependency::Platform(platform), Dependency::ChannelNames(namespace)]
    }

    fn facts(object: &AlertRule) -> Facts {
        facts::facts(object)
    }

    fn is_suspended(object: &AlertRule) -> bool {
        object.spec.suspend
    }

    fn timed_out(step: &NoStep, _: Duration) -> NoStep {
        match *step {}
    }
}

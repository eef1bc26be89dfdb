//! One NotificationChannel: its state, the decision, and the status.

mod decide;
mod groups;
mod news;
mod rules;
mod status;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod update;

use std::time::Duration;

use ace_api::{ChannelReason, ChannelStatus, DeliveryIntent, NotificationChannel, TestDelivery};
use jiff::Timestamp;

use crate::{
    inputs::PlatformState,
    kinds::silence::Quiet,
    reconcile::{
        dependency::{Dependency, Fact, Facts},
        event::Event,
        key::Key,
        kind,
        refusals::Refusals,
        timing::Timing,
    },
};

pub use decide::decide;
pub use news::{Line, News};
use rules::channel_fact;
pub use rules::{Neighbour, Rule};
pub use status::{events, status};
pub use table::{
    Handled, Look, LookedFor, Page, PagePlatform, Row, Rows, database_not_set, handled, is_look_due, of_database,
    open_rows, unsuitable,
};
use update::conclude;
pub use update::{DEADLINE, infer};

pub type Decision = crate::reconcile::decision::Decision<Step, ChannelReason>;
pub type Cause = crate::reconcile::decision::Cause<ChannelReason>;

#[derive(Clone, Debug)]
pub struct State {
    pub timing: Timing,
    /// The status as it was last written.
    pub memo: ChannelStatus,
    /// Why nothing can be sent: the Secrets, or the host.
    pub obstacle: Option<Cause>,
    /// The rules of the namespace.
    pub rules: Vec<Rule>,
    /// All of them could be read: what is not among them does not fire.
    pub are_rules_known: bool,
    /// Its silences that are or will be.
    pub silences: Vec<Quiet>,
    /// Its channels.
    pub channels: Vec<Neighbour>,
    /// Of `platformTable`.
    pub page: Option<Page>,
    /// Name of this process.
    pub holder: String,
    pub memory: Memory,
}

impl State {
    /// The Platform of the page is absent or suspended: nothing is checked or changed.
    fn is_page_at_rest(&self) -> bool {
        let platform = self.page.as_ref().map(|page| &page.platform);
        platform.is_some_and(|platform| !matches!(platform, PlatformState::Present(present) if !present.is_suspended))
    }
}

/// One attempt to deliver a message. What is announced has the result `Sending`.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Test(TestDelivery),
    Tell(Box<Telling>),
}

/// A message about a group of alerts.
#[derive(Clone, Debug, PartialEq)]
pub struct Telling {
    pub intent: DeliveryIntent,
    /// Id of the first message of the group that may have arrived; also of this one, where it is sent again.
    pub first: Option<String>,
    pub news: News,
    /// Of `platformTable`: the rows of the group.
    pub rows: Option<Rows>,
}

/// What was announced of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Announced {
    Test(TestDelivery),
    Tell(Box<DeliveryIntent>),
}

impl Step {
    fn announced(&self) -> Announced {
        match self {
            Self::Test(test) => Announced::Test(test.clone()),
            Self::Tell(telling) => Announced::Tell(Box::new(telling.intent.clone())),
        }
    }
}

impl kind::Step for Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Test(_) => "SendTest",
            Self::Tell(_) => "Send",
        }
    }

    fn records_first(&self) -> bool {
        true
    }
}

/// The status that the receiver accepted the message with, if it has one, or why it did not.
pub type Outcome = Result<Option<i32>, StepError>;

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq)]
pub struct StepError {
    pub failure: Failure,
    /// The HTTP status, where there was an answer.
    pub code: Option<i32>,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Failure {
    /// The receiver will not take it later either.
    Refused,
    /// The receiver does not have it, and may take it later: at the earliest after this time, where it named one.
    Passing(Option<Duration>),
    /// The receiver may have it.
    Unknown,
}

impl StepError {
    fn new(failure: Failure, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            failure,
            code: None,
            message,
        }
    }
}

impl kind::StepError for StepError {
    fn is_outcome_unknown(&self) -> bool {
        self.failure == Failure::Unknown
    }
}

/// What a pass remembers of a channel.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// How often in a row the operator was refused to read a Secret.
    pub refusals: Refusals,
    /// What became of the attempt that was announced last: the status that says so may not have been written.
    pub outcome: Option<(Announced, Outcome)>,
    /// Of `platformTable`: the last look at the table.
    pub look: Option<Look>,
}

#[derive(Debug)]
pub enum Kind {}

impl kind::Kind for Kind {
    const NAME: &'static str = "NotificationChannel";

    type Object = NotificationChannel;
    type Status = ChannelStatus;
    type State = State;
    type Step = Step;
    type StepResult = Option<i32>;
    type StepError = StepError;
    type Reason = ChannelReason;
    type Memory = Memory;

    fn decide(object: &NotificationChannel, state: &State, now: Timestamp) -> Decision {
        decide(object, state, now)
    }

    fn update(object: &NotificationChannel, state: &mut State, step: &Step, outcome: Outcome, now: Timestamp) {
        let announced = step.announced();
        if outcome.is_err() {
            // The table may be another one by now.
            state.memory.look = None;
        }
        state.memory.outcome = Some((announced.clone(), outcome.clone()));
        conclude(object, state, announced, outcome, now);
    }

    fn infer(object: &NotificationChannel, state: &mut State, now: Timestamp) {
        infer(object, state, now);
    }

    fn status(object: &NotificationChannel, state: &State, decision: &Decision, now: Timestamp) -> ChannelStatus {
        status(object, state, decision, now)
    }

    fn memo(state: &mut State) -> &mut ChannelStatus {
        &mut state.memo
    }

    fn skip_step(state: &mut State, step: &Step) {
        let error = StepError::new(Failure::Passing(None), "the object changed before the attempt was made");
        state.memory.outcome = Some((step.announced(), Err(error)));
    }

    fn into_memory(state: State, _: &Decision) -> Memory {
        state.memory
    }

    fn events(before: &ChannelStatus, after: &ChannelStatus) -> Vec<Event> {
        events(before, after)
    }

    fn references(object: &NotificationChannel) -> Vec<Dependency> {
        let namespace = Key::of(object).namespace;
        let table = object.spec.platform_table.as_ref();
        let platform = table.map(|table| Dependency::Platform(Key::beside(object, &table.platform_ref.name)));
        let beside = [
            Dependency::Alerts(namespace.clone()),
            Dependency::Silences(namespace.clone()),
            Dependency::Channels(namespace),
        ];
        beside.into_iter().chain(platform).collect()
    }

    fn facts(object: &NotificationChannel) -> Facts {
        let Key { namespace, name } = Key::of(object);
        let is_default = object.spec.default;
        let groups = object.status.as_ref().map_or(&[][..], |status| &status.groups);
        let handled: Vec<_> = groups
            .iter()
            .filter_map(|group| Some((&group.key, group.handled.as_ref()?)))
            .collect();
        let told = Fact::is(if handled.is_empty() {
            format!("{name} {is_default}")
        } else {
            format!("{name} {is_default} {handled:?}")
        });
        vec![
            (Dependency::ChannelNames(namespace.clone()), told),
            (Dependency::Channels(namespace), channel_fact(object)),
        ]
    }

    fn is_suspended(object: &NotificationChannel) -> bool {
        object.spec.suspend
    }

    fn timed_out(_: &Step, after: Duration) -> StepError {
        StepError::new(Failure::Unknown, format!("no answer within {} s", after.as_secs()))
    }
}

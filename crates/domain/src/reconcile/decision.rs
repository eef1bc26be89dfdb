//! What is to be done next: the same vocabulary for every kind.

use std::time::Duration;

use jiff::Timestamp;

use super::{event::Event, kind};

/// What is to be done next. Refusing and waiting are decisions with a reason, not errors.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision<Step, Reason> {
    /// One effect; what it teaches is learned before the next decision.
    Do(Step),
    /// The world is not there yet.
    Wait(Cause<Reason>, Requeue),
    /// Only a person can go on.
    Refuse(Cause<Reason>, Requeue),
    /// Nothing to do until something changes.
    Settled(Requeue),
    /// The object is being deleted and nothing holds it back any more.
    Release {
        /// Says what stays live although the policy says `Delete`.
        event: Option<Event>,
    },
}

impl<Step, Reason> Decision<Step, Reason> {
    /// No step is left: what was observed is answered by it.
    pub fn is_answer(&self) -> bool {
        !matches!(self, Self::Do(_) | Self::Release { .. })
    }
}

/// A reason and one sentence for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause<Reason> {
    /// The word in the condition.
    pub reason: Reason,
    /// One sentence: what is, and what to do.
    pub message: String,
}

impl<Reason> Cause<Reason> {
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

/// When to look again, if nothing enqueues the object before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Requeue {
    /// Not by the clock.
    OnChange,
    After(Duration),
    /// At this time; at once where it has passed.
    At(Timestamp),
    /// After a time that grows with each failure in a row.
    Backoff,
}

impl Requeue {
    /// How long to wait from `now` on; `None` where that is not by the clock.
    pub fn wait(self, now: Timestamp) -> Option<Duration> {
        match self {
            Self::OnChange | Self::Backoff => None,
            Self::After(wait) => Some(wait),
            Self::At(then) => Some(then.duration_since(now).try_into().unwrap_or(Duration::ZERO)),
        }
    }

    /// The sooner of the two. A known time comes before a backoff.
    #[must_use]
    pub fn or_sooner(self, other: Self, now: Timestamp) -> Self {
        match (self.wait(now), other.wait(now)) {
            (Some(own), Some(others)) if others < own => other,
            (None, Some(_)) => other,
            (None, None) if self == Self::OnChange => other,
            _ => self,
        }
    }
}

/// Until when a rate limit asks to wait, and which one it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Deferral {
    pub again: Duration,
    pub by: Limiter,
}

/// Whose limit a request has to wait for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Limiter {
    Platform,
    /// `spec.requestsPerMinute` of the Platform.
    Budget,
}

impl Deferral {
    /// What a condition says. `requests_per_minute`: as the Platform's spec has it; `asked`: when. Until when is told by the
    /// minute, so that a few attempts more are no change.
    pub fn message(&self, requests_per_minute: i32, asked: Timestamp) -> String {
        const MINUTE: i64 = 60;
        let then = (asked + self.again).as_second();
        let minute = then - then.rem_euclid(MINUTE) + if then.rem_euclid(MINUTE) == 0 { 0 } else { MINUTE };
        let until = Timestamp::from_second(minute)
            .unwrap_or(Timestamp::MAX)
            .strftime("%H:%M");
        match self.by {
            Limiter::Platform => format!("rate limited by the Management API until {until} UTC"),
            Limiter::Budget => format!("`requestsPerMinute` ({requests_per_minute}) is used up until {until} UTC"),
        }
    }
}

/// Why a step had no result.
#[derive(Clone, Debug, PartialEq)]
pub enum StepError {
    /// Not sent, or refused for now: a rate limit says when to come again.
    Deferred(Deferral),
    /// A moment later one request serves others that are in flight, too. Nothing was changed.
    Shared(Duration),
    /// The other side did not answer, or said that it can't now. Nothing was changed.
    Unanswered(String),
    /// The effect may have taken place; only looking can tell. With what the other side said, if it answered that something failed
    /// within it.
    OutcomeUnknown(Option<String>),
    /// The other side refuses it and will again.
    Refused(String),
    /// The other side refuses it whatever its content: by the plan, or for a permission that the token lacks.
    NotPermitted(String),
    /// The operator lacks a right; the sentence has the command that grants it.
    AccessMissing(String),
    /// It did not work, for a reason that is none of these.
    Failed(String),
}

impl kind::StepError for StepError {
    fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown(_))
    }

    fn is_answered(&self) -> Option<bool> {
        match self {
            Self::Unanswered(_) | Self::OutcomeUnknown(None) => Some(false),
            Self::OutcomeUnknown(Some(_)) | Self::Refused(_) | Self::NotPermitted(_) => Some(true),
            Self::Deferred(_) | Self::Shared(_) | Self::AccessMissing(_) | Self::Failed(_) => None,
        }
    }
}

//! Attempts at one file that failed and may succeed: each is retried, and not for ever.

use std::time::Duration;

use ace_api::{MigrationReason, MigrationSet, RepeatedFailure, RetriedMigration, clipped};
use jiff::Timestamp;

use super::{
    Cause,
    step::{Failure, FailureKind, Refusal},
};
use crate::{
    reconcile::{annotations::reconcile_at, timing::Timing},
    sql::Version,
};

/// Attempts at a statement that the server refuses alike.
const REFUSED: u32 = 5;
/// Attempts at a statement that takes the session with it: each may have stopped the server for everybody.
const SESSION_LOST: u32 = 3;

/// Most failures unlike each other that a status keeps, and most characters of its texts.
const KEPT: usize = 8;
const TEXT: usize = 1_024;
/// The kinds of failures in a status that are no SQLSTATE.
const SESSION: &str = "SessionLost";
const OTHER: &str = "Other";

/// Failed attempts at one file, and when the next one is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempts {
    sha256: String,
    /// `reconcile-at` at the last attempt: a later request does not wait.
    reconcile_at: Option<String>,
    generation: Option<i64>,
    /// Each failure that is unlike the others: a file whose failures alternate is not retried for ever either.
    failures: Vec<Repeated>,
    /// All of them, also those that a status does not keep.
    number: u32,
    /// When the last attempt failed.
    at: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
struct Repeated {
    failure: Failure,
    times: u32,
    /// How often the server started anew between two of them.
    restarts: u32,
    /// When the server had last started before the last of them.
    server_start: String,
}

impl Attempts {
    /// The attempts with one more. Those at another file, or at other content, don't count.
    pub(super) fn with(
        before: Option<Self>,
        object: &MigrationSet,
        sha256: &str,
        failure: Failure,
        server_start: &str,
        now: Timestamp,
    ) -> Self {
        let before = before.filter(|before| before.are_at(failure.version.as_str(), sha256));
        let number = before.as_ref().map_or(0, |before| before.number);
        let mut failures = before.map(|before| before.failures).unwrap_or_default();
        // The first attempt sends statements ahead: the answers behind the line that it names may have been lost with the session.
        let is_first_loss = |repeated: &Repeated| {
            let lines = repeated.failure.line.zip(failure.line);
            failure.kind == FailureKind::SessionLost && repeated.times == 1 && lines.is_some_and(|(was, is)| was < is)
        };
        let is_alike = |repeated: &Repeated| {
            repeated.failure.kind == failure.kind && (repeated.failure.line == failure.line || is_first_loss(repeated))
        };
        let alike = failures.iter().position(is_alike).map(|alike| failures.remove(alike));
        let (times, restarts) = alike.map_or((0, 0), |before| {
            let restarted = before.server_start != server_start;
            (before.times, before.restarts + u32::from(restarted))
        });
        failures.push(Repeated {
            failure,
            times: times + 1,
            restarts,
            server_start: server_start.to_owned(),
        });
        Self {
            sha256: sha256.to_owned(),
            reconcile_at: reconcile_at(object),
            generation: object.metadata.generation,
            failures,
            number: number.saturating_add(1),
            at: now,
        }
    }

    /// What the status keeps of them.
    pub(super) fn retry(&self) -> RetriedMigration {
        let Repeated { failure, .. } = self.last();
        let kept = self.failures.len().saturating_sub(KEPT);
        RetriedMigration {
            version: failure.version.to_string(),
            digest: self.sha256.clone(),
            reconcile_at: self.reconcile_at.clone(),
            generation: self.generation,
            failures: self.failures.iter().skip(kept).map(Repeated::counted).collect(),
            attempts: Some(i32::try_from(self.number).unwrap_or(i32::MAX)),
            message: clipped(&failure.message, TEXT),
            advice: clipped(&failure.advice, TEXT),
            time: self.at,
        }
    }

    /// Those that a status has kept; `None` if it has none that can be understood.
    pub(super) fn kept(retry: &RetriedMigration) -> Option<Self> {
        let version: Version = retry.version.parse().ok()?;
        let mut failures: Vec<_> = retry
            .failures
            .iter()
            .map(|counted| Repeated::of(counted, version.clone()))
            .collect();
        let Repeated { failure, .. } = failures.last_mut()?;
        failure.message.clone_from(&retry.message);
        failure.advice.clone_from(&retry.advice);
        // An older operator has not counted those that it did not keep.
        let kept = failures.iter().map(|repeated| repeated.times).sum();
        let number = retry
            .attempts
            .and_then(|attempts| u32::try_from(attempts).ok())
            .unwrap_or(kept);
        Some(Self {
            sha256: retry.digest.clone(),
            reconcile_at: retry.reconcile_at.clone(),
            generation: retry.generation,
            failures,
            number,
            at: retry.time,
        })
    }

    /// Whether they are at this content of a file.
    pub(super) fn are_at(&self, version: &str, sha256: &str) -> bool {
        self.last().failure.version.as_str() == version && self.sha256 == sha256
    }

    /// One of them took the session with it.
    pub(super) fn have_lost_a_session(&self) -> bool {
        let mut failures = self.failures.iter();
        failures.any(|repeated| repeated.failure.kind == FailureKind::SessionLost)
    }

    /// The version of the file.
    pub(super) fn version(&self) -> &str {
        self.last().failure.version.as_str()
    }

    fn last(&self) -> &Repeated {
        self.failures
            .last()
            .expect("there is one for each attempt, and the first makes it")
    }

    /// Why it is not tried again.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let Repeated { failure, times, .. } = self.last();
        (*times >= limit(&failure.kind)).then(|| Refusal {
            version: failure.version.clone(),
            half: false,
            message: format!(
                "{}{}, in each of {times} attempts; {}",
                failure.message,
                self.restarted(),
                failure.advice
            ),
        })
    }

    /// When the next attempt is due.
    pub(super) fn due(&self, timing: Timing) -> Timestamp {
        self.at + self.wait(timing)
    }

    fn wait(&self, timing: Timing) -> Duration {
        timing.backoff(self.number.saturating_sub(1))
    }

    /// The next attempt has to wait: nobody asked for it, and the spec is the same.
    pub(super) fn waits(&self, object: &MigrationSet, sha256: &str, timing: Timing, now: Timestamp) -> bool {
        self.sha256 == sha256
            && self.reconcile_at == reconcile_at(object)
            && self.generation == object.metadata.generation
            && now < self.due(timing)
    }

    pub(super) fn cause(&self, timing: Timing) -> Cause {
        let Repeated { failure, times, .. } = self.last();
        let number = self.number;
        let limit = limit(&failure.kind);
        let counted = if number == *times {
            format!("attempt {times} of {limit} failed")
        } else {
            format!("attempt {number} failed, and {times} of {limit} in this way")
        };
        let message = format!(
            "{}{}; {counted}, the next one is at {:.0}",
            failure.message,
            self.restarted(),
            self.due(timing)
        );
        Cause::new(MigrationReason::Retrying, message)
    }

    /// The statement is suspected to stop the server.
    fn restarted(&self) -> &'static str {
        match self.last().restarts {
            0 => "",
            _ => ", and the server restarted",
        }
    }
}

impl Repeated {
    fn counted(&self) -> RepeatedFailure {
        let count = |count| i32::try_from(count).unwrap_or(i32::MAX);
        RepeatedFailure {
            kind: match &self.failure.kind {
                FailureKind::Refused(state) => clipped(state, 16),
                FailureKind::SessionLost => SESSION.to_owned(),
                FailureKind::Other => OTHER.to_owned(),
            },
            line: self.failure.line.map(i64::from),
            times: count(self.times),
            restarts: count(self.restarts),
            server_start: clipped(&self.server_start, 64),
        }
    }

    /// Only the last failure has its words, and each gets them anew when it is repeated.
    fn of(counted: &RepeatedFailure, version: Version) -> Self {
        let count = |count| u32::try_from(count).unwrap_or_default();
        Self {
            failure: Failure {
                version,
                line: counted.line.and_then(|line| u32::try_from(line).ok()),
                kind: match counted.kind.as_str() {
                    SESSION => FailureKind::SessionLost,
                    OTHER => FailureKind::Other,
                    state => FailureKind::Refused(state.to_owned()),
                },
                message: String::new(),
                advice: String::new(),
            },
            times: count(counted.times),
            restarts: count(counted.restarts),
            server_start: counted.server_start.clone(),
        }
    }
}

fn limit(kind: &FailureKind) -> u32 {
    match kind {
        FailureKind::SessionLost => SESSION_LOST,
        FailureKind::Refused(_) | FailureKind::Other => REFUSED,
    }
}

//! One series of a rule, from turn to turn.

use std::{collections::BTreeMap, time::Duration};

use ace_api::{Alert, AlertState, Severity};
use jiff::Timestamp;

use super::answer::{Limit, Row};

/// Firings of one series within the window that are flapping.
const FLAPPING: usize = 3;

/// Turns without a series that others are there in, after which it is gone.
const TURNS: u32 = 3;

/// What is remembered of one series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Nothing after a restart, until it comes back.
    pub labels: Option<BTreeMap<String, String>>,
    /// The last one that there was.
    pub value: Option<f64>,
    /// What the value is compared with: of the level that it fires at, or else of the mildest one.
    pub(super) threshold: Option<f64>,
    levels: BTreeMap<Severity, Phase>,
    /// Since when it fires.
    fired: Option<Timestamp>,
    /// When it began to, within the window in which that may be flapping.
    began: Vec<Timestamp>,
    pub(super) is_flapping: bool,
    /// Turns in a row in which it was missing.
    absent: u32,
    /// When it last had a value.
    valued: Option<Timestamp>,
}

/// Where a series is at one level. One that is not there is clear.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// Beyond the threshold, since then.
    Pending(Timestamp),
    Firing,
    /// Clear again, since then.
    Held(Timestamp),
}

/// How long things take at this turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) now: Timestamp,
    /// `condition.for`.
    pub(super) lasting: Duration,
    /// `condition.keepFiringFor`.
    pub(super) keep: Duration,
    pub(super) flapping_window: Duration,
    pub(super) flapping_clear: Duration,
}

/// What a turn made of a series, where that is news.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Change {
    Fired(Severity),
    Worsened(Severity),
    Eased(Severity),
    Resolved(Severity),
    Gone(Severity),
}

impl Series {
    /// What a status has of it. That a graver level is reached implies the milder ones.
    pub(super) fn restored(alert: &Alert, levels: impl Iterator<Item = Severity>, seen: Timestamp) -> Self {
        let phase = match alert.state {
            AlertState::Pending => Phase::Pending(alert.since),
            AlertState::Held => Phase::Held(seen),
            _ => Phase::Firing,
        };
        let milder = levels.filter(|level| *level < alert.severity).chain([alert.severity]);
        Self {
            labels: Some(alert.labels.clone()).filter(|labels| !labels.is_empty()),
            value: alert.value.as_ref().and_then(|value| value.parse().ok()),
            threshold: alert.threshold.as_ref().and_then(|value| value.parse().ok()),
            levels: milder.map(|level| (level, phase)).collect(),
            fired: (alert.state != AlertState::Pending).then_some(alert.since),
            is_flapping: alert.flapping,
            valued: Some(seen),
            ..Self::default()
        }
    }

    /// It has this value now.
    pub(super) fn valued(&mut self, row: &Row, value: f64, limits: &[Limit], pace: Pace) -> Option<Change> {
        self.seen(row);
        (self.value, self.valued) = (Some(value), Some(pace.now));
        let before = self.severity();
        // A level that there is not any more is clear.
        let gone = self
            .levels
            .keys()
            .filter(|level| limits.iter().all(|limit| limit.severity != **level));
        let gone: Vec<Severity> = gone.copied().collect();
        let keep = if self.is_flapping {
            pace.keep.max(pace.flapping_clear)
        } else {
            pace.keep
        };
        let pace = Pace { keep, ..pace };
        for limit in limits {
            let next = next(
                self.levels.get(&limit.severity).copied(),
                limit.is_breached(value),
                limit.is_recovered(value),
                pace,
            );
            self.set(limit.severity, next);
        }
        for level in gone {
            let next = next(self.levels.get(&level).copied(), false, true, pace);
            self.set(level, next);
        }
        let shown = self.severity().or_else(|| self.pending());
        let limit = limits.iter().find(|limit| Some(limit.severity) == shown);
        self.threshold = limit.or_else(|| limits.first()).map(|limit| limit.threshold);
        self.changed(before, pace)
    }

    /// It is there, and has no value.
    pub(super) fn unvalued(&mut self, row: &Row) {
        self.seen(row);
    }

    /// It is not there, and others are.
    pub(super) fn missed(&mut self) -> Option<Change> {
        self.absent += 1;
        if self.absent < TURNS {
            return None;
        }
        self.resolve().map(Change::Gone)
    }

    /// It is clear, whatever was seen. The severity that it had fired at.
    pub(super) fn resolve(&mut self) -> Option<Severity> {
        let before = self.severity();
        self.levels.clear();
        (self.fired, self.is_flapping) = (None, false);
        before
    }

    /// Nobody looked for a while: what was not proved to last begins anew.
    pub(super) fn interrupt(&mut self, now: Timestamp) {
        self.levels.retain(|_, phase| !matches!(phase, Phase::Pending(_)));
        for phase in self.levels.values_mut() {
            if let Phase::Held(since) = phase {
                *since = now;
            }
        }
    }

    /// What is asked is another question.
    pub(super) fn restart(&mut self) {
        self.levels.retain(|_, phase| !matches!(phase, Phase::Pending(_)));
    }

    /// It had no value for so long.
    pub(super) fn is_unvalued_for(&self, time: Duration, now: Timestamp) -> bool {
        self.valued.is_none_or(|valued| now >= after(valued, time))
    }

    /// Nothing is to be remembered of it, once it is not there any more.
    pub(super) fn is_forgotten(&self) -> bool {
        self.levels.is_empty() && self.began.is_empty()
    }

    pub(super) fn is_there(&self) -> bool {
        self.absent == 0
    }

    /// The alert that it is, if it is one.
    pub(super) fn state(&self) -> Option<AlertState> {
        let has = |wanted: fn(&Phase) -> bool| self.levels.values().any(wanted);
        if has(|phase| *phase == Phase::Firing) {
            Some(AlertState::Firing)
        } else if has(|phase| matches!(phase, Phase::Held(_))) {
            Some(AlertState::Held)
        } else if self.levels.is_empty() {
            None
        } else {
            Some(AlertState::Pending)
        }
    }

    /// The gravest level that it fires at, or is held at.
    pub(super) fn severity(&self) -> Option<Severity> {
        let fired = self
            .levels
            .iter()
            .filter(|(_, phase)| !matches!(phase, Phase::Pending(_)));
        fired.map(|(severity, _)| *severity).next_back()
    }

    /// The gravest level that it is about to fire at.
    pub(super) fn pending(&self) -> Option<Severity> {
        self.levels.keys().next_back().copied()
    }

    /// Since when it fires; or since when it is beyond a threshold, while it is pending.
    pub(super) fn since(&self) -> Option<Timestamp> {
        let pending = self.levels.values().filter_map(|phase| match phase {
            Phase::Pending(since) => Some(*since),
            Phase::Firing | Phase::Held(_) => None,
        });
        self.fired.or_else(|| pending.min())
    }

    /// A wait is not over: what is seen next decides whether it begins anew.
    pub(super) fn is_waiting(&self) -> bool {
        self.levels.values().any(|phase| *phase != Phase::Firing)
    }

    fn seen(&mut self, row: &Row) {
        self.absent = 0;
        if self.labels.as_ref() != Some(&row.labels) {
            self.labels = Some(row.labels.clone());
        }
    }

    fn set(&mut self, level: Severity, phase: Option<Phase>) {
        match phase {
            Some(phase) => self.levels.insert(level, phase),
            None => self.levels.remove(&level),
        };
    }

    fn changed(&mut self, before: Option<Severity>, pace: Pace) -> Option<Change> {
        let now = pace.now;
        self.began.retain(|began| now < *began + pace.flapping_window);
        match (before, self.severity()) {
            (None, Some(severity)) => {
                self.fired = Some(now);
                self.began.push(now);
                self.is_flapping = self.began.len() >= FLAPPING;
                Some(Change::Fired(severity))
            }
            (Some(severity), None) => {
                (self.fired, self.is_flapping) = (None, false);
                Some(Change::Resolved(severity))
            }
            (Some(before), Some(severity)) if before < severity => Some(Change::Worsened(severity)),
            (Some(before), Some(severity)) if before > severity => Some(Change::Eased(severity)),
            _ => None,
        }
    }
}

/// Where a level is next.
fn next(phase: Option<Phase>, is_breached: bool, is_recovered: bool, pace: Pace) -> Option<Phase> {
    let now = pace.now;
    let phase = match phase {
        None if is_breached => Some(Phase::Pending(now)),
        Some(Phase::Pending(_)) if !is_breached => None,
        Some(Phase::Firing) if is_recovered => Some(Phase::Held(now)),
        Some(Phase::Held(_)) if !is_recovered => Some(Phase::Firing),
        other => other,
    };
    match phase {
        Some(Phase::Pending(since)) if now >= after(since, pace.lasting) => Some(Phase::Firing),
        Some(Phase::Held(since)) if now >= after(since, pace.keep) => None,
        other => other,
    }
}

/// So long after a time that others may have written.
pub(super) fn after(time: Timestamp, wait: Duration) -> Timestamp {
    time.checked_add(wait).unwrap_or(Timestamp::MAX)
}

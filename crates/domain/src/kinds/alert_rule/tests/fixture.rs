//! A rule, and what its turns bring.

use ace_api::{AlertRule, AlertRuleReason, AlertRuleStatus, AlertState, ConditionType};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::{
    Answer, Cause, Channel, Kind, Platform, PlatformState, Record, Row, State, advance, checked, decide, status,
};
use crate::reconcile::{
    fixture::{at, is_small, message, shown, tells_whether_to_wait_or_to_act},
    timing::Timing,
};

#[derive(Clone)]
pub(super) struct Case {
    pub(super) object: AlertRule,
    pub(super) record: Record,
    /// As it was last written.
    pub(super) status: AlertRuleStatus,
    pub(super) platform: PlatformState,
    pub(super) channels: Vec<Channel>,
    pub(super) second: i64,
}

/// Cards left of each brand: asked every minute, an error below 10 and critical below 2 for ten minutes; clear again from 12 cards on,
/// for half an hour.
pub(super) fn cards() -> Case {
    changed(|_| {})
}

pub(super) fn changed(change: impl FnOnce(&mut Value)) -> Case {
    let mut spec = json!({
        "platformRef": { "name": "prod" },
        "source": { "sql": { "query": "select brand, value from cards", "labels": ["brand"] } },
        "condition": {
            "operator": "LessThan",
            "levels": { "error": { "threshold": "10", "recovery": "12" }, "critical": { "threshold": "2" } },
            "for": "10m",
            "keepFiringFor": "30m",
        },
        "runbookURL": "https://docs.example.com/cards",
        "notify": ["on-call"],
    });
    change(&mut spec);
    let object =
        json!({ "metadata": { "name": "cards", "namespace": "ace", "uid": "u1", "generation": 1 }, "spec": spec });
    Case {
        object: serde_json::from_value(object).unwrap(),
        record: Record::default(),
        status: AlertRuleStatus::default(),
        platform: PlatformState::Present(platform()),
        channels: vec![Channel {
            name: "on-call".to_owned(),
            is_default: false,
            handled: None,
        }],
        second: 0,
    }
}

pub(super) fn platform() -> Platform {
    Platform {
        interval: std::time::Duration::from_mins(5),
        is_suspended: false,
        contacts: vec!["devops".to_owned()],
        obstacle: None,
    }
}

/// One row of this brand.
pub(super) fn row(brand: &str, value: f64) -> Row {
    Row {
        labels: [("brand".to_owned(), brand.to_owned())].into(),
        value: Some(value),
        ..Row::default()
    }
}

/// The same, with null.
pub(super) fn null(brand: &str) -> Row {
    Row {
        value: None,
        ..row(brand, 0.0)
    }
}

pub(super) fn failed() -> Answer {
    Err(Cause::new(
        AlertRuleReason::QueryFailed,
        "the query took longer than 5s",
    ))
}

impl Case {
    /// Lets a number of minutes pass, at each of which a turn brings these rows.
    pub(super) fn asks(mut self, minutes: i64, rows: &[Row]) -> Self {
        for _ in 0..minutes {
            self = self.turn(60, rows.to_vec());
        }
        self
    }

    /// One turn, so many seconds later.
    pub(super) fn turn(self, seconds: i64, rows: Vec<Row>) -> Self {
        let answer = checked(&self.object.spec, rows);
        self.answers(seconds, &answer)
    }

    /// One turn with this answer, and the status behind it.
    pub(super) fn answers(mut self, seconds: i64, answer: &Answer) -> Self {
        self.second += seconds;
        self.record = advance(&self.object, self.record, answer, Timing::default(), at(self.second));
        self.passes()
    }

    /// Turns fail for a number of minutes.
    pub(super) fn fails(mut self, minutes: i64) -> Self {
        for _ in 0..minutes {
            self = self.answers(60, &failed());
        }
        self
    }

    /// The process ends and another one begins, so many seconds later.
    pub(super) fn restarts(mut self, seconds: i64) -> Self {
        self.second += seconds;
        self.object.status = Some(self.status.clone());
        self.record = Record::restored(&self.object);
        self.passes()
    }

    /// The spec becomes another one.
    pub(super) fn edited(mut self, change: impl FnOnce(&mut Value)) -> Self {
        let mut object = serde_json::to_value(&self.object).unwrap();
        change(&mut object["spec"]);
        self.object = serde_json::from_value(object).unwrap();
        self.object.metadata.generation = self.object.metadata.generation.map(|generation| generation + 1);
        self
    }

    pub(super) fn state(&self) -> State {
        State {
            timing: Timing::default(),
            memo: self.status.clone(),
            platform: self.platform.clone(),
            channels: self.channels.clone(),
            record: Some(self.record.clone()),
            followed: at(self.second),
        }
    }

    /// The status is written.
    pub(super) fn passes(mut self) -> Self {
        let state = self.state();
        let decision = decide(&self.object, &state, at(self.second));
        self.status = status(&self.object, &state, &decision, at(self.second));
        tells_whether_to_wait_or_to_act::<Kind>(&self.object, &self.status);
        is_small::<Kind>(&self.status);
        self
    }

    /// State, severity, and the number of alerts that fire.
    pub(super) fn says(&self) -> String {
        let AlertRuleStatus {
            state,
            severity,
            firing,
            ..
        } = &self.status;
        let severity = severity.map_or("-", ace_api::Severity::as_str);
        format!(
            "{:?} {severity} {}",
            state.unwrap_or(AlertState::Unknown),
            firing.unwrap_or_default()
        )
    }

    pub(super) fn conditions(&self) -> Vec<String> {
        shown(&self.status)
    }

    pub(super) fn message(&self, type_: ConditionType) -> String {
        message(&self.status, type_.as_str())
    }

    /// Types of the history, the oldest first.
    pub(super) fn history(&self) -> Vec<String> {
        let events = self.status.history.iter().rev();
        events
            .map(|event| format!("{:?} {} {}", event.type_, event.severity.as_str(), event.series))
            .collect()
    }

    pub(super) fn since(&self) -> Option<Timestamp> {
        self.status.since
    }
}

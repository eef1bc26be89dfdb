//! A channel with rules, a receiver and a clock, for tests.

use ace_api::{Alert, AlertState, ChannelStatus, DeliveryType, NotificationChannel, Severity, Silence};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::{
    Decision, Failure, Kind, Memory, Neighbour, Outcome, Page, PagePlatform, Rows, Rule, State, Step, StepError,
    decide, status,
};
use crate::{
    inputs::PlatformState,
    kinds::silence::Quiet,
    reconcile::{
        decision::Requeue,
        fixture::{at, is_small, tells_whether_to_wait_or_to_act},
        kind::{Kind as _, Step as _},
        timing::Timing,
    },
};

/// A message that was sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sent {
    pub second: i64,
    pub type_: DeliveryType,
    pub group: String,
    pub severity: Severity,
    pub firing: i32,
    pub id: String,
    pub first: Option<String>,
    pub key: String,
    pub digest: String,
    pub may_have_arrived: bool,
    pub since: Timestamp,
    pub accepted: bool,
    pub rows: Option<Rows>,
}

pub(super) struct Case {
    pub object: NotificationChannel,
    pub memo: ChannelStatus,
    pub memory: Memory,
    pub rules: Vec<Rule>,
    pub are_rules_known: bool,
    pub silences: Vec<Silence>,
    pub channels: Vec<Neighbour>,
    /// Of `platformTable`.
    pub page: Option<Page>,
    /// Name of the process.
    pub holder: String,
    pub second: i64,
    /// What becomes of the next attempts; then all is accepted.
    pub outcomes: Vec<Failure>,
    pub sent: Vec<Sent>,
    pub writes: usize,
}

/// A channel of this type whose spec has these fields, too.
pub(super) fn new(receiver: &str, spec: &Value) -> Case {
    let key = json!({"name": "hook", "key": "url"});
    let mut object = json!({"metadata": {"name": "ops", "namespace": "ace", "uid": "u", "generation": 1}});
    object["spec"] = match receiver {
        "slack" => json!({"slack": {"webhookURLSecretRef": key}}),
        "platformTable" => json!({"platformTable": {"platformRef": {"name": "prod"}}}),
        "pagerDuty" => json!({"pagerDuty": {"routingKeySecretRef": key}}),
        "email" => {
            json!({"email": {"host": "smtp.example.com", "from": "ace@example.com", "to": ["devops@example.com"]}})
        }
        _ => json!({"webhook": {"urlSecretRef": key, "signingSecretRef": key}}),
    };
    object["spec"]["default"] = json!(true);
    for (name, value) in spec.as_object().unwrap() {
        object["spec"][name] = value.clone();
    }
    Case {
        object: serde_json::from_value(object).unwrap(),
        memo: ChannelStatus::default(),
        memory: Memory::default(),
        rules: Vec::new(),
        are_rules_known: true,
        silences: Vec::new(),
        channels: Vec::new(),
        holder: "ace-operator-0".to_owned(),
        page: (receiver == "platformTable").then(page),
        second: 0,
        outcomes: Vec::new(),
        sent: Vec::new(),
        writes: 0,
    }
}

/// The page of a Platform that looks every five minutes, not read in this pass.
pub(super) fn page() -> Page {
    let platform = PagePlatform {
        interval: std::time::Duration::from_mins(5),
        is_suspended: false,
    };
    Page {
        platform: PlatformState::Present(platform),
        handled: None,
    }
}

/// A rule of which nothing fires.
pub(super) fn rule(name: &str) -> Rule {
    Rule {
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        platform: "prod".to_owned(),
        labels: [("team".to_owned(), "rewards".to_owned())].into(),
        notify: None,
        summary: Some("{labels.brand}: {value} left".to_owned()),
        runbook: None,
        contacts: Vec::new(),
        responses: std::collections::BTreeMap::new(),
        is_acknowledged: false,
        alerts: Vec::new(),
    }
}

impl Case {
    pub fn rule(&mut self, name: &str) -> &mut Rule {
        let at = self.rules.iter().position(|rule| rule.name == name);
        let at = at.unwrap_or_else(|| {
            self.rules.push(rule(name));
            self.rules.len() - 1
        });
        &mut self.rules[at]
    }

    /// A series of a rule fires from now on.
    pub fn fires(&mut self, name: &str, brand: &str, severity: Severity) {
        let since = at(self.second);
        let rule = self.rule(name);
        let before = rule
            .alerts
            .iter()
            .find(|alert| alert.fingerprint == brand)
            .map(|alert| alert.since);
        rule.alerts.retain(|alert| alert.fingerprint != brand);
        rule.alerts.push(Alert {
            fingerprint: brand.to_owned(),
            state: AlertState::Firing,
            severity,
            since: before.unwrap_or(since),
            labels: [("brand".to_owned(), brand.to_owned())].into(),
            value: Some("0".to_owned()),
            threshold: Some("2".to_owned()),
            flapping: false,
        });
    }

    pub fn clears(&mut self, name: &str, brand: &str) {
        self.rule(name).alerts.retain(|alert| alert.fingerprint != brand);
    }

    /// A silence of rules, between these seconds.
    pub fn silenced(&mut self, matching: &Value, from: i64, until: i64) {
        let spec = json!({"match": matching, "from": at(from), "until": at(until), "reason": "test"});
        self.silences
            .push(serde_json::from_value(json!({"metadata": {"name": "quiet"}, "spec": spec})).unwrap());
    }

    pub fn state(&self) -> State {
        let mut state = State {
            timing: Timing::default(),
            memo: self.memo.clone(),
            obstacle: None,
            rules: self.rules.clone(),
            are_rules_known: self.are_rules_known,
            silences: self
                .silences
                .iter()
                .filter_map(|silence| Quiet::of(silence, at(self.second)))
                .collect(),
            channels: self.channels.clone(),
            page: self.page.clone(),
            holder: self.holder.clone(),
            memory: self.memory.clone(),
        };
        Kind::infer(&self.object, &mut state, at(self.second));
        state
    }

    fn write(&mut self, next: ChannelStatus) {
        tells_whether_to_wait_or_to_act::<Kind>(&self.object, &next);
        is_small::<Kind>(&next);
        self.writes += usize::from(next != self.memo);
        self.memo = next;
    }

    /// One pass, and when the next one is due.
    pub fn pass(&mut self) -> Option<i64> {
        let mut state = self.state();
        for _ in 0..Kind::MAX_STEPS {
            let now = at(self.second);
            let decision = decide(&self.object, &state, now);
            let next = status(&self.object, &state, &decision, now);
            self.write(next.clone());
            let Decision::Do(step) = decision else {
                self.memory = Kind::into_memory(state, &decision);
                return match decision {
                    Decision::Wait(_, Requeue::At(time))
                    | Decision::Settled(Requeue::At(time))
                    | Decision::Refuse(_, Requeue::At(time)) => Some(time.as_second() - at(0).as_second()),
                    _ => None,
                };
            };
            assert!(step.records_first(), "what it sends is announced");
            state.memo.common = next.common;
            let outcome = self.attempt(&step);
            Kind::update(&self.object, &mut state, &step, outcome, now);
        }
        panic!("it decides in a circle");
    }

    fn attempt(&mut self, step: &Step) -> Outcome {
        let failure = (!self.outcomes.is_empty()).then(|| self.outcomes.remove(0));
        if let Step::Tell(telling) = step {
            let intent = &telling.intent;
            self.sent.push(Sent {
                second: self.second,
                type_: intent.delivery.type_,
                group: telling.news.group.clone(),
                severity: intent.severity,
                firing: intent.firing,
                id: intent.id.clone(),
                first: telling.first.clone(),
                key: intent.key.clone(),
                digest: intent.digest.clone(),
                may_have_arrived: intent.may_have_arrived,
                since: intent.since,
                accepted: failure.is_none(),
                rows: telling.rows.clone(),
            });
        }
        failure.map_or(Ok(Some(202)), |failure| Err(StepError::new(failure, "answers 503")))
    }

    /// Lets the time pass until this second, with a pass whenever one is due.
    pub fn until(&mut self, second: i64) {
        loop {
            match self.pass() {
                Some(due) if due <= second => {
                    assert!(due > self.second, "a pass is due at {due}, and it is {}", self.second);
                    self.second = due;
                }
                _ => break,
            }
        }
        self.second = second;
        self.pass();
    }

    /// The process is another one: what it remembers is lost.
    pub fn restarts(&mut self) {
        self.memory = Memory::default();
    }

    /// What was sent since the last call: `30 Trigger cards critical 1`.
    pub fn told(&mut self) -> Vec<String> {
        let line = |sent: Sent| {
            let Sent {
                second,
                type_,
                group,
                severity,
                firing,
                ..
            } = sent;
            format!("{second} {type_:?} {group} {} {firing}", severity.as_str())
        };
        std::mem::take(&mut self.sent).into_iter().map(line).collect()
    }

    /// The condition that explains `Ready`.
    pub fn shown(&self) -> String {
        crate::reconcile::fixture::shown(&self.memo)
            .last()
            .cloned()
            .unwrap_or_default()
    }
}

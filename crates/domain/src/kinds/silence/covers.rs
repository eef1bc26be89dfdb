//! Which alerts a silence covers.

use std::collections::BTreeMap;

use ace_api::{Severity, Silence, SilenceMatch, SilenceState};
use jiff::Timestamp;

use super::{Window, window};

type Labels = BTreeMap<String, String>;

/// A silence, as channels need it.
#[derive(Clone, Debug, PartialEq)]
pub struct Quiet {
    matching: SilenceMatch,
    window: Window,
}

impl Quiet {
    /// The silence that is now or comes next; nothing where there is none.
    pub fn of(object: &Silence, now: Timestamp) -> Option<Self> {
        let window = window(object, now).ok()?;
        let is_over = window.state(now) == SilenceState::Over || object.metadata.deletion_timestamp.is_some();
        (!is_over).then(|| Self {
            matching: object.spec.matching.clone(),
            window,
        })
    }

    /// Whether an alert is not told now.
    pub fn covers(&self, rule: &str, rule_labels: &Labels, alert: (Severity, &Labels), now: Timestamp) -> bool {
        let (severity, labels) = alert;
        let matching = &self.matching;
        let named = |wanted: &Option<Vec<Severity>>| wanted.as_ref().is_none_or(|wanted| wanted.contains(&severity));
        self.window.state(now) == SilenceState::Active
            && covers(matching, rule, rule_labels)
            && named(&matching.severities)
            && agree(matching.alert_labels.as_ref(), labels)
    }

    /// When it begins or ends.
    pub fn turns(&self, now: Timestamp) -> Option<Timestamp> {
        self.window.turns(now)
    }
}

/// Whether alerts of this rule can be covered.
pub fn covers(matching: &SilenceMatch, rule: &str, labels: &Labels) -> bool {
    let is_named = |rules: &Vec<String>| rules.iter().any(|name| name == rule);
    matching.rules.as_ref().is_none_or(is_named) && agree(matching.rule_labels.as_ref(), labels)
}

fn agree(wanted: Option<&Labels>, labels: &Labels) -> bool {
    wanted.is_none_or(|wanted| wanted.iter().all(|(name, value)| labels.get(name) == Some(value)))
}

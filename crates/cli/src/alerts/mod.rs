//! `kubectl ace alerts`: what fires in a namespace, the gravest first, and which rules are not answered.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::fmt::{self, Display, Formatter};

use ace_api::{Alert, AlertRule, AlertState, ConditionType, Severity, Silence};
use ace_domain::kinds::alert_rule::named;
use ace_domain::kinds::silence::Quiet;
use clap::Args;
use jiff::Timestamp;
use kube::ResourceExt;

use crate::cluster::Cluster;
use crate::plan::PlanError;
use crate::table::Table;

#[derive(Args, Debug)]
pub(crate) struct AlertsArguments {
    /// Namespace of the AlertRules. Defaults to that of your context.
    #[arg(long, short, value_name = "NS")]
    namespace: Option<String>,
    /// Context of your kubeconfig. Defaults to the current one.
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
}

/// What fires, and which rules are not answered.
#[derive(Debug, PartialEq)]
pub(crate) struct Board {
    firing: Vec<Firing>,
    /// Rules that are not Ready, with the reason and its message.
    unanswered: Vec<[String; 3]>,
    /// Rules that are asked and quiet.
    quiet: usize,
    suspended: usize,
}

/// One alert, or those of a rule of which no more than the number is shown.
#[derive(Debug, PartialEq)]
struct Firing {
    severity: Severity,
    since: Timestamp,
    rule: String,
    /// `brand Book Harbour`.
    labels: String,
    state: AlertState,
    value: Option<String>,
    acknowledged: Option<String>,
    silenced: Option<Timestamp>,
}

/// Reads the rules and silences of a namespace.
pub(crate) async fn alerts(arguments: &AlertsArguments, now: Timestamp) -> Result<Board, PlanError> {
    let cluster = Cluster::connect(arguments.context.as_deref()).await?;
    let namespace = arguments.namespace.as_deref().unwrap_or(&cluster.namespace);
    let rules = cluster.list::<AlertRule>(namespace).await?;
    let silences = cluster.list::<Silence>(namespace).await?;
    Ok(Board::of(&rules, &silences, now))
}

impl Board {
    fn of(rules: &[AlertRule], silences: &[Silence], now: Timestamp) -> Self {
        let silences: Vec<Quiet> = silences.iter().filter_map(|silence| Quiet::of(silence, now)).collect();
        let mut board = Self {
            firing: Vec::new(),
            unanswered: Vec::new(),
            quiet: 0,
            suspended: 0,
        };
        for rule in rules {
            board.add(rule, &silences, now);
        }
        board
            .firing
            .sort_by_key(|alert| (Reverse(alert.severity), alert.since, alert.rule.clone()));
        board.unanswered.sort();
        board
    }

    fn add(&mut self, rule: &AlertRule, silences: &[Quiet], now: Timestamp) {
        let status = rule.status.clone().unwrap_or_default();
        let fires: Vec<&Alert> = status.alerts.iter().filter(|alert| alert.state.fires()).collect();
        self.firing
            .extend(fires.iter().map(|alert| Firing::of(rule, alert, silences, now)));
        let conditions = status.common.conditions.as_slice();
        if rule.spec.suspend || ConditionType::Suspended.is_true(conditions) {
            self.suspended += 1;
        } else if !ConditionType::Ready.is_true(conditions) {
            let why = ConditionType::Ready.of(conditions);
            let said = |text: fn(&_) -> &String| why.map(|why| text(why).clone()).unwrap_or_default();
            self.unanswered
                .push([rule.name_any(), said(|why| &why.reason), said(|why| &why.message)]);
        } else if fires.is_empty() {
            self.quiet += 1;
        }
    }
}

impl Firing {
    fn of(rule: &AlertRule, alert: &Alert, silences: &[Quiet], now: Timestamp) -> Self {
        let name = rule.name_any();
        let covering = silences
            .iter()
            .filter(|silence| silence.covers(&name, rule.labels(), (alert.severity, &alert.labels), now));
        let taken = rule.status.as_ref().and_then(|status| status.acknowledged.as_ref());
        Self {
            severity: alert.severity,
            since: alert.since,
            labels: named(&alert.labels),
            state: alert.state,
            value: alert.value.clone(),
            acknowledged: taken.map(|taken| taken.by.clone()),
            silenced: covering.filter_map(|silence| silence.turns(now)).max(),
            rule: name,
        }
    }
}

impl Display for Board {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.firing.is_empty() {
            let titles = [
                "SEVERITY",
                "SINCE",
                "RULE",
                "VALUE",
                "STATE",
                "ACKNOWLEDGED",
                "SILENCED UNTIL",
                "SERIES",
            ];
            let mut table = Table::new(titles);
            for alert in &self.firing {
                let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
                table.row([
                    alert.severity.as_str().to_owned(),
                    format!("{:.0}", alert.since),
                    alert.rule.clone(),
                    or_none(alert.value.clone()),
                    format!("{:?}", alert.state),
                    or_none(alert.acknowledged.clone()),
                    or_none(alert.silenced.map(|until| format!("{until:.0}"))),
                    alert.labels.clone(),
                ]);
            }
            writeln!(f, "{table}")?;
        }
        if !self.unanswered.is_empty() {
            let mut table = Table::new(["NOT ANSWERED", "REASON", "MESSAGE"]);
            for rule in &self.unanswered {
                table.row(rule.clone());
            }
            writeln!(f, "{table}")?;
        }
        let (firing, unanswered) = (self.firing.len(), self.unanswered.len());
        writeln!(
            f,
            "alerts firing: {firing}; rules not answered: {unanswered}, quiet: {}, suspended: {}",
            self.quiet, self.suspended
        )
    }
}

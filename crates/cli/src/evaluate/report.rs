//! What was found, for people.

use std::fmt::{self, Display, Formatter};

use ace_api::{AlertRule, Severity};
use ace_domain::kinds::alert_rule::{Cause, Compared, number};
use kube::ResourceExt;

use crate::table::Table;

/// What a rule finds now.
pub(crate) struct Report {
    pub(super) namespace: String,
    pub(super) rule: AlertRule,
    pub(super) answer: Result<Vec<Compared>, Cause>,
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let spec = &self.rule.spec;
        writeln!(f, "AlertRule     {}/{}", self.namespace, self.rule.name_any())?;
        writeln!(f, "Platform      {}", spec.platform_ref.name)?;
        writeln!(f, "Source        {}", spec.source.name())?;
        match &self.answer {
            Err(cause) => writeln!(f, "\nIt can't be asked ({:?}): {}", cause.reason, cause.message),
            Ok(rows) if rows.is_empty() => writeln!(f, "\nnothing came back, which is no data"),
            Ok(rows) => {
                let mut table = Table::new(["SEVERITY", "VALUE", "THRESHOLD", "SERIES"]);
                for row in rows {
                    let shown = |value: Option<f64>, none: &str| value.map_or_else(|| none.to_owned(), number);
                    table.row([
                        row.severity.map_or("-", Severity::as_str).to_owned(),
                        shown(row.value, "no data"),
                        shown(row.threshold, "-"),
                        row.labels.clone(),
                    ]);
                }
                write!(f, "\n{table}\n{}", self.summary(rows))
            }
        }
    }
}

impl Report {
    fn summary(&self, rows: &[Compared]) -> String {
        let series = match rows.len() {
            1 => "1 series".to_owned(),
            count => format!("{count} series"),
        };
        let Some(condition) = &self.rule.spec.condition else {
            return format!("{series}; the rule has no `condition`: it only measures\n");
        };
        let beyond = rows.iter().filter(|row| row.severity.is_some()).count();
        match beyond {
            0 => format!("{series}, none of them beyond a threshold\n"),
            _ if condition.lasting.get().is_zero() => format!("{series}, {beyond} beyond a threshold: it would fire\n"),
            _ => format!(
                "{series}, {beyond} beyond a threshold: it would fire after {} of that\n",
                condition.lasting
            ),
        }
    }
}

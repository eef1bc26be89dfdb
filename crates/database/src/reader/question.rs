//! A query of a rule, and what is sent of it.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use ace_api::{AlertRuleSpec, SqlSource, clipped, message};
use ace_domain::kinds::alert_rule::{LABEL_CHARACTERS, MOST_SERIES, Row};

/// A query of a rule, and the columns that the rule needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub(super) query: String,
    pub(super) labels: Vec<String>,
    /// Columns that levels have their threshold from.
    pub(super) thresholds: Vec<String>,
    needs_samples: bool,
    pub(super) timeout: Duration,
}

/// Columns of a query that a rule may do without.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shape {
    pub(super) has_samples: bool,
    pub(super) has_severity: bool,
}

impl Question {
    pub fn of(sql: &SqlSource, spec: &AlertRuleSpec) -> Self {
        let condition = spec.condition.as_ref();
        let levels = condition.into_iter().flat_map(|condition| condition.levels.all());
        let mut thresholds: Vec<String> = levels.filter_map(|(_, level)| level.threshold_from.clone()).collect();
        thresholds.sort();
        thresholds.dedup();
        Self {
            query: sql.query.clone(),
            labels: sql.labels.clone(),
            thresholds,
            needs_samples: condition.is_some_and(|condition| condition.min_samples > 0),
            timeout: sql.timeout.get(),
        }
    }

    /// What these columns are, or why a rule can't use them.
    pub(super) fn shape(&self, columns: &[&str]) -> Result<Shape, String> {
        let has = |name: &str| columns.contains(&name);
        let needed = ["value"].into_iter().chain(self.labels.iter().map(String::as_str));
        let needed = needed.chain(self.thresholds.iter().map(String::as_str));
        let needed = needed.chain(self.needs_samples.then_some("samples"));
        if let Some(missing) = needed.clone().find(|name| !has(name)) {
            return Err(format!(
                "the query has no column \"{missing}\": name one of its columns so, with AS"
            ));
        }
        let is_known = |name: &str| needed.clone().any(|known| known == name) || matches!(name, "samples" | "severity");
        if let Some(other) = columns.iter().find(|name| !is_known(name)) {
            let other = clipped(&message(other), 63);
            return Err(format!(
                "the query has a column \"{other}\" that is none of the rule's: leave it out, or name it in `labels`"
            ));
        }
        let mut sorted = columns.to_vec();
        sorted.sort_unstable();
        let mut pairs = sorted.iter().zip(sorted.iter().skip(1));
        if let Some((twice, _)) = pairs.find(|(one, other)| one == other) {
            return Err(format!(
                "the query has two columns \"{twice}\": name one of them otherwise"
            ));
        }
        Ok(Shape {
            has_samples: has("samples"),
            has_severity: has("severity"),
        })
    }

    /// The query in brackets: cells and rows are cut at the server, and what is no query is refused by grammar. A comment at its end
    /// ends with the line.
    pub(super) fn statement(&self, shape: Shape) -> String {
        format!(
            "{}{}\n) AS q LIMIT {}",
            self.opening(shape),
            self.query,
            MOST_SERIES + 1
        )
    }

    /// Characters in front of the query.
    pub(super) fn offset(&self, shape: Shape) -> usize {
        self.opening(shape).chars().count()
    }

    fn opening(&self, shape: Shape) -> String {
        let mut text = "SELECT q.\"value\"::float8".to_owned();
        let mut add = |column: String| {
            let _ = write!(text, ", {column}");
        };
        if shape.has_samples {
            add("q.\"samples\"::float8".to_owned());
        }
        if shape.has_severity {
            add(format!(
                "pg_catalog.left(q.\"severity\"::text, {})",
                LABEL_CHARACTERS + 1
            ));
        }
        for label in &self.labels {
            add(format!(
                "pg_catalog.left(q.\"{label}\"::text, {})",
                LABEL_CHARACTERS + 1
            ));
        }
        for column in &self.thresholds {
            add(format!("q.\"{column}\"::float8"));
        }
        text + " FROM (\n"
    }

    /// The line of the query that this place is in; places are counted from 1, with `offset` characters in front of the query.
    pub(super) fn line(&self, place: u32, offset: usize) -> Option<usize> {
        let before = usize::try_from(place).ok()?.checked_sub(offset + 1)?;
        (before <= self.query.chars().count()).then(|| {
            self.query
                .chars()
                .take(before)
                .filter(|character| *character == '\n')
                .count()
                + 1
        })
    }
}

/// The rows of an answer to [`Question::statement`].
pub(super) fn rows(question: &Question, shape: Shape, answer: &[tokio_postgres::Row]) -> Option<Vec<Row>> {
    answer.iter().map(|row| read(question, shape, row)).collect()
}

fn read(question: &Question, shape: Shape, row: &tokio_postgres::Row) -> Option<Row> {
    let mut next = 0;
    let mut index = || {
        next += 1;
        next - 1
    };
    let number = |index: usize| row.try_get::<_, Option<f64>>(index).ok();
    let text = |index: usize| row.try_get::<_, Option<String>>(index).ok();
    let value = number(index())?;
    let samples = if shape.has_samples { number(index())? } else { None };
    let severity = if shape.has_severity { text(index())? } else { None };
    let mut labels = BTreeMap::new();
    for label in &question.labels {
        labels.insert(label.clone(), shown(&text(index())?.unwrap_or_default()));
    }
    let mut thresholds = BTreeMap::new();
    for column in &question.thresholds {
        if let Some(threshold) = number(index())?.filter(|threshold| threshold.is_finite()) {
            thresholds.insert(column.clone(), threshold);
        }
    }
    Some(Row {
        labels,
        value: value.filter(|value| value.is_finite()),
        samples,
        severity,
        thresholds,
    })
}

/// A label's value in one line of at most [`LABEL_CHARACTERS`].
fn shown(value: &str) -> String {
    let line = message(value);
    if line.chars().nth(LABEL_CHARACTERS).is_none() {
        return line;
    }
    line.chars().take(LABEL_CHARACTERS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Question, Shape};

    fn question(query: &str) -> Question {
        Question {
            query: query.to_owned(),
            labels: vec!["brand".to_owned()],
            thresholds: vec!["low".to_owned()],
            needs_samples: false,
            timeout: Duration::from_secs(5),
        }
    }

    #[test]
    fn a_query_has_the_columns_of_its_rule_and_no_other() {
        let says = |columns: &[&str]| {
            question("")
                .shape(columns)
                .map_err(|error| error.split(':').next().unwrap().to_owned())
        };
        let plain = Shape {
            has_samples: false,
            has_severity: false,
        };
        assert_eq!(says(&["low", "value", "brand"]), Ok(plain));
        let whole = Shape {
            has_samples: true,
            has_severity: true,
        };
        assert_eq!(says(&["value", "brand", "low", "samples", "severity"]), Ok(whole));
        for (columns, expected) in [
            (&["brand", "low"][..], "the query has no column \"value\""),
            (&["value", "low"], "the query has no column \"brand\""),
            (&["value", "brand"], "the query has no column \"low\""),
            (
                &["value", "brand", "low", "email"],
                "the query has a column \"email\" that is none of the rule's",
            ),
            (&["value", "brand", "low", "low"], "the query has two columns \"low\""),
        ] {
            assert_eq!(says(columns), Err(expected.to_owned()));
        }
        let needing = Question {
            needs_samples: true,
            ..question("")
        };
        assert!(needing.shape(&["value", "brand", "low"]).is_err());
    }

    #[test]
    fn what_is_sent_cuts_cells_and_rows_and_a_comment_ends_with_its_line() {
        let shape = Shape {
            has_samples: true,
            has_severity: true,
        };
        assert_eq!(
            question("select 1 -- all").statement(shape),
            "SELECT q.\"value\"::float8, q.\"samples\"::float8, pg_catalog.left(q.\"severity\"::text, 65), \
             pg_catalog.left(q.\"brand\"::text, 65), q.\"low\"::float8 FROM (\nselect 1 -- all\n) AS q LIMIT 51"
        );
    }

    #[test]
    fn a_place_is_a_line_of_the_query_and_none_of_ours() {
        let question = question("select ä,\n b\nfrom c");
        assert_eq!(
            [1, 9, 10, 11, 14].map(|place| question.line(place, 0)),
            [1, 1, 1, 2, 3].map(Some)
        );
        assert_eq!(question.line(5, 10), None);
        assert_eq!(question.line(11 + 10, 10), Some(2));
        assert_eq!(question.line(500, 0), None);
    }
}

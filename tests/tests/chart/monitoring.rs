//! Alerts and dashboard name only what the operator shows, and each alert is explained.

use std::{collections::BTreeSet, fs, process::Command};

use ace_tests::{chart, repository};
use serde_json::Value;

use super::path;

/// Endings of the series of one histogram.
const OF_HISTOGRAMS: [&str; 3] = ["_bucket", "_sum", "_count"];

fn rules() -> Vec<Value> {
    let text = fs::read_to_string(chart().join("files/rules.yaml")).unwrap();
    let file: Value = serde_yaml::from_str(&text).unwrap();
    let groups = file["groups"].as_array().unwrap().iter();
    groups
        .flat_map(|group| group["rules"].as_array().unwrap().clone())
        .collect()
}

fn expressions_of_panels() -> Vec<String> {
    let text = fs::read_to_string(chart().join("files/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    targets
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect()
}

/// The metrics of the reference.
fn listed() -> BTreeSet<String> {
    let page = fs::read_to_string(repository().join("docs/reference/metrics.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.split('`').next().unwrap().to_owned()).collect()
}

/// The metrics that an expression names.
fn named(expression: &str) -> Vec<&str> {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = expression.split(|character| !is_word(character));
    words.filter(|word| word.starts_with("ace_")).collect()
}

#[test]
fn no_alert_and_no_panel_names_a_metric_that_there_is_not() {
    let listed = listed();
    let alerts = rules()
        .into_iter()
        .map(|rule| rule["expr"].as_str().unwrap().to_owned());
    let mut count = 0;
    for expression in alerts.chain(expressions_of_panels()) {
        for name in named(&expression) {
            let metric = OF_HISTOGRAMS.iter().find_map(|ending| name.strip_suffix(ending));
            assert!(
                listed.contains(name) || metric.is_some_and(|metric| listed.contains(metric)),
                "{name} in {expression}"
            );
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}

#[test]
fn every_alert_is_explained_and_nothing_else_is() {
    let page = fs::read_to_string(repository().join("docs/operator-alerts.md")).unwrap();
    let explained: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let rules = rules();
    let alerts: BTreeSet<&str> = rules.iter().map(|rule| rule["alert"].as_str().unwrap()).collect();
    assert_eq!(explained, alerts);
    for rule in &rules {
        let name = rule["alert"].as_str().unwrap();
        let place = format!("docs/operator-alerts.md#{}", name.to_lowercase());
        assert_eq!(rule["annotations"]["runbook"], place);
        assert!(
            ["critical", "warning"].contains(&rule["labels"]["severity"].as_str().unwrap()),
            "{name}"
        );
    }
}

#[test]
fn promtool_finds_that_the_alerts_fire_when_they_should_and_no_sooner() {
    let tests = repository().join("tests/tests/chart/rules.test.yaml");
    let promtool = Command::new("promtool").args(["test", "rules", path(&tests)]).output();
    let Ok(ran) = promtool else {
        eprintln!("skipped: promtool is not installed (apt-get install prometheus)");
        return;
    };
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
}

//! The page of metrics as Prometheus reads it.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use ace_tests::on_stage;
use serde_json::json;

use super::{becomes, on_cards, rule};

ace_tests::tests![
    the_page_is_what_promtool_takes_whatever_labels_have_in_them,
    the_series_of_a_rule_go_with_it,
];

/// The page in the format before `OpenMetrics`, which is all that `promtool check metrics` reads: names of counters and of what is only
/// information have their suffixes in the comments, too.
fn before_open_metrics(page: &str) -> String {
    let comments = |word: &'static str| {
        page.lines()
            .filter_map(move |line| line.strip_prefix(word)?.split_once(' '))
    };
    let kinds: BTreeMap<&str, &str> = comments("# TYPE ").collect();
    let named = |name: &str| match kinds.get(name) {
        Some(&"counter") => format!("{name}_total"),
        Some(&"info") => format!("{name}_info"),
        _ => name.to_owned(),
    };
    let lines = page.lines().filter_map(|line| {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            return None;
        }
        let comment = ["# HELP ", "# TYPE "].into_iter().find(|word| line.starts_with(word));
        let Some((word, (name, rest))) =
            comment.and_then(|word| Some((word, line.strip_prefix(word)?.split_once(' ')?)))
        else {
            return Some(line.to_owned());
        };
        let rest = if rest == "info" { "gauge" } else { rest };
        Some(format!("{word}{} {rest}", named(name)))
    });
    lines.map(|line| line + "\n").collect()
}

async fn the_page_is_what_promtool_takes_whatever_labels_have_in_them() {
    on_cards(async |stage, _| {
        let query = "select E'a\"b\\\\c\\nd}e{f,g=h #' as brand, 'NaN'::float8 as value union all select 'inf', 'infinity' \
                     union all select 'ä', 1.5";
        rule(stage, "odd", query, &["brand"], json!({ "condition": null, "runbookURL": null })).await;
        becomes(stage, "odd", "Measured").await;
        let page = stage.operator.metrics().await;
        let brand = format!("ace_signal{{namespace=\"{}\",name=\"odd\",brand=\"ä\"}} 1.5", stage.space.name);
        assert!(page.lines().any(|line| line == brand), "{page}");
        let promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut promtool) = promtool else {
            eprintln!("skipped: promtool is not installed (apt-get install prometheus)");
            return;
        };
        let text = before_open_metrics(&page);
        promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = promtool.wait_with_output().unwrap();
        assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    })
    .await;
}

async fn the_series_of_a_rule_go_with_it() {
    on_stage("5m", async |stage| {
        let objects = json!({
            "source": { "signal": { "name": "ObjectCondition", "match": { "kind": "Platform" } } },
            "condition": null, "runbookURL": null,
        });
        rule(stage, "measures", "", &[], objects).await;
        let own = format!("{{namespace=\"{}\",name=\"measures\"", stage.space.name);
        let shown = async || {
            let page = stage.operator.metrics().await;
            let lines = page.lines().filter(|line| line.contains(&own));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let there = async || (shown().await.len() == 2).then_some(());
        stage.eventually("value and state are shown", there).await;
        let gone = stage.space.kubectl(&["delete", "alert", "measures"]).await;
        gone.expect("a rule can be deleted");
        let absent = async || shown().await.is_empty().then_some(());
        stage.eventually("nothing of it is shown", absent).await;
    })
    .await;
}

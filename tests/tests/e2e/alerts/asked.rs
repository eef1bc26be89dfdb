//! `kubectl ace alerts` and `kubectl ace evaluate`, with the rights of somebody who may only read.

use std::fs;

use ace_tests::{Person, Stage};
use serde_json::{Value, json};

use super::{CARDS, becomes, channel, on_cards, rule, until};

ace_tests::tests![
    what_fires_is_listed_with_who_takes_care_of_it_and_what_holds_it_back,
    a_rule_is_evaluated_once_with_the_callers_rights_and_nothing_is_written,
    a_signal_is_evaluated_as_the_operator_asks_it,
];

/// Runs the plugin as a person who may read these Secrets: exit code, and everything that it says.
async fn ace(stage: &Stage<'_>, secrets: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let ours = ["ops.mobulace.com"];
    let rules = json!([
        { "apiGroups": ours, "resources": ["alertrules", "platforms"], "verbs": ["get"] },
        { "apiGroups": ours, "resources": ["alertrules", "silences", "edgefunctions"], "verbs": ["list"] },
        { "apiGroups": [""], "resources": ["secrets"], "resourceNames": secrets.split(", ").collect::<Vec<_>>(), "verbs": ["get"] },
    ]);
    let person = Person::new(stage.space, "person", rules).await;
    let output = person.ace(arguments, &[]).await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

async fn what_fires_is_listed_with_who_takes_care_of_it_and_what_holds_it_back() {
    on_cards(async |stage, database| {
        channel(stage, "on-call", json!({})).await;
        database.run("UPDATE public.cards SET claimed = true").await;
        rule(stage, "cards", CARDS, &["brand"], json!({})).await;
        rule(stage, "broken", "select 1 as valeu", &[], json!({})).await;
        let firing = becomes(stage, "cards", "Firing").await;
        becomes(stage, "broken", "Error").await;
        let by = "ops.mobulace.com/acknowledge=ann:restocking";
        let annotated = stage.space.kubectl(&["annotate", "alert", "cards", by]).await;
        annotated.expect("a rule is annotated");
        let is_taken = |rule: &Value| rule["status"]["acknowledged"].is_object();
        until(stage, "cards", "is acknowledged", is_taken).await;
        let silence = json!({
            "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "Silence", "metadata": { "name": "quiet" },
            "spec": {
                "match": { "rules": ["cards"] }, "reason": "OPS-12",
                "from": "2026-01-01T00:00:00Z", "until": "2026-01-30T00:00:00Z",
            },
        });
        stage.space.apply(&silence.to_string()).await;
        let (code, said) = ace(stage, "none", &["alerts"]).await;
        assert_eq!(code, Some(0), "{said}");
        let line = said
            .lines()
            .find(|line| line.contains(" cards "))
            .expect("the rule is listed");
        let since: jiff::Timestamp = firing["status"]["since"].as_str().unwrap().parse().unwrap();
        let since = format!("{since:.0}");
        let expected = [
            "critical",
            since.as_str(),
            "cards",
            "0",
            "Firing",
            "ann:restocking",
            "-",
            "brand",
            "Book",
        ];
        assert_eq!(words(line), expected, "a silence that is over holds nothing back");
        let line = said
            .lines()
            .find(|line| line.starts_with("broken"))
            .expect("it is named");
        assert_eq!(words(line)[..2], ["broken", "QueryInvalid"]);
        let last = "alerts firing: 1; rules not answered: 1, quiet: 0, suspended: 0";
        assert_eq!(said.lines().last(), Some(last));
    })
    .await;
}

async fn a_rule_is_evaluated_once_with_the_callers_rights_and_nothing_is_written() {
    on_cards(async |stage, database| {
        channel(stage, "on-call", json!({})).await;
        rule(stage, "cards", CARDS, &["brand"], json!({})).await;
        let before = becomes(stage, "cards", "Inactive").await;
        rule(stage, "cards", CARDS, &["brand"], json!({ "suspend": true })).await;
        let before_it = becomes(stage, "cards", "Suspended").await;
        assert_ne!(before["metadata"]["generation"], before_it["metadata"]["generation"]);

        let (code, said) = ace(stage, "none", &["evaluate", "cards"]).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains("you may not read Secret") && said.contains("/reader"),
            "{said}"
        );

        let (code, said) = ace(stage, "reader", &["evaluate", "cards"]).await;
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("1 series, none of them beyond a threshold"), "{said}");
        database
            .run("INSERT INTO public.cards VALUES ('Tea'); UPDATE public.cards SET claimed = true WHERE brand = 'Book'")
            .await;
        let (code, said) = ace(stage, "reader", &["evaluate", "cards"]).await;
        assert_eq!(code, Some(2), "{said}");
        let rows: Vec<Vec<&str>> = said.lines().filter(|line| line.contains("brand ")).map(words).collect();
        assert_eq!(
            rows,
            [
                ["critical", "0", "2", "brand", "Book"],
                ["critical", "1", "2", "brand", "Tea"]
            ]
        );
        assert!(
            said.contains("2 series, 2 beyond a threshold: it would fire\n"),
            "{said}"
        );

        // As it would be applied.
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut manifest = before_it.clone();
        manifest["spec"]["source"]["sql"]["query"] = json!("select brand, code as value from public.cards");
        fs::write(file.path(), manifest.to_string()).unwrap();
        let (code, said) = ace(stage, "reader", &["evaluate", "-f", file.path().to_str().unwrap()]).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("It can't be asked (QueryInvalid): "), "{said}");
        assert!(!said.contains("code-canary"), "{said}");

        let after = until(stage, "cards", "is there", |_| true).await;
        assert_eq!(
            after["metadata"]["resourceVersion"],
            before_it["metadata"]["resourceVersion"]
        );
    })
    .await;
}

async fn a_signal_is_evaluated_as_the_operator_asks_it() {
    on_cards(async |stage, _| {
        let asked = async |signal: Value, secrets: &str| {
            let spec = json!({
                "suspend": true,
                "source": { "signal": signal },
                "condition": { "operator": "LessThan", "levels": { "warning": { "threshold": "1" } }, "for": "10m" },
            });
            rule(stage, "signal", "", &[], spec).await;
            ace(stage, secrets, &["evaluate", "signal"]).await
        };
        let secrets = "reader, supabase";
        let unhealthy = json!({
            "route": "GET /v1/projects/{ref}/health", "fault": { "unhealthy": { "service": "rest" } },
        });
        let fault = stage.project.fault(unhealthy).await;
        let (code, said) = asked(
            json!({ "name": "ProjectHealth", "match": { "service": "re*" } }),
            secrets,
        )
        .await;
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("it would fire after 10m of that"), "{said}");
        fault.off().await;
        let rows: Vec<Vec<&str>> = said
            .lines()
            .filter(|line| line.contains("service "))
            .map(words)
            .collect();
        assert_eq!(
            rows,
            [
                ["warning", "0", "1", "service", "rest"],
                ["-", "1", "1", "service", "realtime"]
            ]
        );
        let probe = json!({ "name": "ProbeSuccess", "probe": { "function": "nowhere", "expectStatus": [404] } });
        let (code, said) = asked(probe, secrets).await;
        assert_eq!(code, Some(0), "{said}");
        let objects = json!({ "name": "ObjectCondition", "match": { "kind": "EdgeFunction" } });
        let (code, said) = asked(objects, "none").await;
        assert_eq!(code, Some(2), "{said}");
        let objects = json!({ "name": "ObjectCondition", "match": { "kind": "Backup" } });
        let (code, said) = asked(objects, "none").await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("you may not list backups.ops.mobulace.com"), "{said}");
    })
    .await;
}

//! What fires, is acknowledged and is resolved.

use ace_tests::{is_current, is_true, reason_of};
use serde_json::json;

use super::{CARDS, becomes, channel, on_cards, rule, until};

ace_tests::tests![
    an_inventory_that_falls_fires_and_is_resolved_when_it_is_refilled,
    objects_that_are_not_ready_are_counted,
    a_function_that_does_not_answer_as_expected_is_told_by_a_probe,
    who_takes_care_of_what_fires_is_in_its_status,
    a_rule_that_is_asked_and_quiet_costs_no_write,
];

async fn an_inventory_that_falls_fires_and_is_resolved_when_it_is_refilled() {
    on_cards(async |stage, database| {
        channel(stage, "on-call", json!({})).await;
        rule(stage, "cards", CARDS, &["brand"], json!({})).await;
        let quiet = becomes(stage, "cards", "Inactive").await;
        assert!(is_true(&quiet, "Ready") && is_current(&quiet), "{quiet:#}");
        assert_eq!(quiet["status"]["value"], "20");
        database.run("UPDATE public.cards SET claimed = true").await;
        let firing = becomes(stage, "cards", "Firing").await;
        let status = &firing["status"];
        assert_eq!(
            json!([
                status["severity"],
                status["value"],
                status["threshold"],
                status["firing"],
                status["source"]
            ]),
            json!(["critical", "0", "2", 1, "SQL"])
        );
        assert_eq!(status["alerts"][0]["labels"], json!({ "brand": "Book" }));
        assert!(
            is_true(&firing, "Firing") && is_true(&firing, "Ready") && is_current(&firing),
            "{firing:#}"
        );
        let columns = stage
            .space
            .kubectl(&["get", "alert", "cards"])
            .await
            .expect("rules are listed");
        let (head, line) = columns.trim().split_once('\n').unwrap();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            words(head)[..8],
            [
                "NAME",
                "SEVERITY",
                "STATE",
                "VALUE",
                "THRESHOLD",
                "FIRING",
                "SINCE",
                "READY"
            ]
        );
        assert_eq!(words(line)[1..6], ["critical", "Firing", "0", "2", "1"]);
        // Between threshold and recovery it is not clear.
        database
            .run("UPDATE public.cards SET claimed = false WHERE code IN (SELECT code FROM public.cards LIMIT 11)")
            .await;
        let eased = until(stage, "cards", "is milder", |rule| {
            rule["status"]["severity"] == "error"
        })
        .await;
        assert_eq!(eased["status"]["since"], firing["status"]["since"]);
        database.run("UPDATE public.cards SET claimed = false").await;
        let clear = becomes(stage, "cards", "Inactive").await;
        let history: Vec<&str> = clear["status"]["history"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["type"].as_str().unwrap())
            .collect();
        assert_eq!(history, ["Resolved", "Eased", "Fired"]);
        assert!(
            reason_of(&clear, "Firing") == "Inactive" && clear["status"]["alerts"].is_null(),
            "{clear:#}"
        );
        stage
            .eventually("events tell of it", async || {
                let events = stage.events("cards").await;
                let told = [
                    "Fired: 1 series began to fire, critical: brand Book: 0 < 2, critical",
                    "Resolved: 1 series clear",
                ];
                told.iter()
                    .all(|told| events.iter().any(|event| event.starts_with(told)))
                    .then_some(())
            })
            .await;
    })
    .await;
}

async fn objects_that_are_not_ready_are_counted() {
    on_cards(async |stage, _| {
        channel(stage, "on-call", json!({})).await;
        let signal = json!({
            "source": { "signal": { "name": "ObjectCondition", "match": { "kind": "EdgeFunction" } } },
            "condition": { "operator": "GreaterThan", "levels": { "warning": { "threshold": "0" } }, "for": "0s" },
        });
        rule(stage, "functions", "", &[], signal).await;
        let quiet = becomes(stage, "functions", "Inactive").await;
        assert_eq!(
            (&quiet["status"]["value"], &quiet["status"]["source"]),
            (&json!("0"), &json!("ObjectCondition"))
        );
        stage.function("lost", json!({})).await;
        let firing = becomes(stage, "functions", "Firing").await;
        assert_eq!(
            firing["status"]["alerts"][0]["labels"],
            json!({ "kind": "EdgeFunction" })
        );
        stage.function("lost", json!({ "suspend": true })).await;
        becomes(stage, "functions", "Inactive").await;
    })
    .await;
}

async fn a_function_that_does_not_answer_as_expected_is_told_by_a_probe() {
    on_cards(async |stage, _| {
        channel(stage, "on-call", json!({})).await;
        let code = |status: u16| format!("Deno.serve(() => new Response('', {{ status: {status} }}));");
        stage.source(&[("health/index.ts", &code(503))]).await;
        stage.function("health", json!({})).await;
        stage.ready("health").await;
        let probe = |name: &str, operator: &str, threshold: &str| {
            json!({
                "source": { "signal": { "name": name, "probe": { "function": "health", "timeoutSeconds": 30 } } },
                "condition": { "operator": operator, "levels": { "warning": { "threshold": threshold } }, "for": "0s" },
            })
        };
        rule(stage, "answers", "", &[], probe("ProbeSuccess", "LessThan", "1")).await;
        rule(stage, "seconds", "", &[], probe("ProbeSeconds", "GreaterThan", "1000")).await;
        let firing = becomes(stage, "answers", "Firing").await;
        assert_eq!(firing["status"]["alerts"][0]["labels"], json!({ "function": "health" }));
        // How long something else took says nothing.
        becomes(stage, "seconds", "NoData").await;
        stage.source(&[("health/index.ts", &code(200))]).await;
        becomes(stage, "answers", "Inactive").await;
        becomes(stage, "seconds", "Inactive").await;
    })
    .await;
}

async fn who_takes_care_of_what_fires_is_in_its_status() {
    on_cards(async |stage, database| {
        channel(stage, "on-call", json!({})).await;
        database.run("UPDATE public.cards SET claimed = true").await;
        rule(stage, "cards", CARDS, &["brand"], json!({})).await;
        becomes(stage, "cards", "Firing").await;
        let by = "ops.mobulace.com/acknowledge=ann: restocking";
        stage
            .space
            .kubectl(&["annotate", "alert", "cards", by])
            .await
            .expect("a rule is annotated");
        let taken = until(stage, "cards", "is acknowledged", |rule| {
            rule["status"]["acknowledged"].is_object()
        })
        .await;
        assert_eq!(taken["status"]["acknowledged"]["by"], "ann: restocking");
        database.run("UPDATE public.cards SET claimed = false").await;
        let clear = becomes(stage, "cards", "Inactive").await;
        assert!(clear["status"]["acknowledged"].is_null(), "{clear:#}");
    })
    .await;
}

async fn a_rule_that_is_asked_and_quiet_costs_no_write() {
    on_cards(async |stage, database| {
        channel(stage, "on-call", json!({})).await;
        rule(stage, "cards", CARDS, &["brand"], json!({})).await;
        let before = becomes(stage, "cards", "Inactive").await;
        let namespace = &stage.space.name;
        let labels = format!("ace_signal{{namespace=\"{namespace}\",name=\"cards\",brand=\"Book\"}} ");
        // It is asked again and again, and its metric shows what it finds.
        for left in [19, 18, 17] {
            database
                .run("DELETE FROM public.cards WHERE code = (SELECT code FROM public.cards LIMIT 1)")
                .await;
            let shown = format!("{labels}{left}");
            stage
                .eventually("the metric shows the value", async || {
                    let metrics = stage.operator.metrics().await;
                    metrics
                        .lines()
                        .any(|line| line == shown || line == format!("{shown}.0"))
                        .then_some(())
                })
                .await;
        }
        let after = until(stage, "cards", "is there", |_| true).await;
        assert_eq!(
            after["metadata"]["resourceVersion"],
            before["metadata"]["resourceVersion"]
        );
    })
    .await;
}

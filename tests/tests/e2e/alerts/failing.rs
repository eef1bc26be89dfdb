//! What can't be asked, and what nobody hears.

use ace_tests::{Operator, is_observed, is_true, message_of};
use serde_json::json;

use super::{CARDS, PASSWORD, becomes, channel, fails, on_cards, rule, until};

ace_tests::tests![
    what_can_not_be_asked_is_told_apart,
    a_database_that_does_not_answer_resolves_nothing,
    a_reader_that_may_do_more_than_read_gets_no_query,
    whom_nobody_tells_is_said_and_ends_with_a_channel,
    neither_a_password_nor_a_row_is_shown,
];

async fn what_can_not_be_asked_is_told_apart() {
    on_cards(async |stage, _| {
        channel(stage, "on-call", json!({})).await;
        let quick = |query: &str| json!({ "source": { "sql": { "query": query, "timeout": "200ms" } } });
        for (name, query, spec, reason, says) in [
            (
                "no-column",
                "select\nmessage as value from public.cards",
                json!({}),
                "QueryInvalid",
                "line 2: column \"message\" does not exist",
            ),
            (
                "no-table",
                "select 1 as value from public.gone",
                json!({}),
                "QueryInvalid",
                "relation \"public.gone\" does not exist",
            ),
            (
                "writes",
                "insert into public.cards values ('x') returning 1 as value",
                json!({}),
                "QueryInvalid",
                "syntax error",
            ),
            (
                "blind",
                "select count(*) as value from public.hidden",
                json!({}),
                "QueryInvalid",
                "the reader needs BYPASSRLS",
            ),
            (
                "other-column",
                "select 1 as value, code from public.cards",
                json!({}),
                "QueryInvalid",
                "column \"code\" that is none of the rule's",
            ),
            (
                "twice",
                "select 1 as value from generate_series(1, 2)",
                json!({}),
                "QueryInvalid",
                "several rows",
            ),
            (
                "many",
                "select generate_series(1, 100000000) as value",
                json!({}),
                "TooManySeries",
                "more than 50 rows",
            ),
            (
                "slow",
                "",
                quick("select 1 as value from pg_sleep(60)"),
                "QueryFailed",
                "took longer than 200ms",
            ),
        ] {
            rule(stage, name, query, &[], spec).await;
            let message = fails(stage, name, reason).await;
            assert!(message.contains(says), "{name}: {message}");
        }
        for (name, query) in [
            ("empty", "select 1 as value where false"),
            ("null", "select null as value"),
        ] {
            rule(stage, name, query, &[], json!({})).await;
            let empty = becomes(stage, name, "NoData").await;
            assert!(is_true(&empty, "Ready"), "{empty:#}");
        }
        // A cell of 50 MB is cut where it is.
        rule(
            stage,
            "wide",
            "select repeat('x', 50000000) as brand, 50 as value",
            &["brand"],
            json!({}),
        )
        .await;
        becomes(stage, "wide", "Inactive").await;
    })
    .await;
}

async fn a_database_that_does_not_answer_resolves_nothing() {
    on_cards(async |stage, database| {
        channel(stage, "on-call", json!({})).await;
        database.run("UPDATE public.cards SET claimed = true").await;
        rule(stage, "cards", CARDS, &["brand"], json!({})).await;
        let firing = becomes(stage, "cards", "Firing").await;
        let since = firing["status"]["since"].clone();
        let role = database.reader();
        let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'");
        database
            .run(&format!("ALTER ROLE {role} PASSWORD 'another'; {end}"))
            .await;
        let message = fails(stage, "cards", "DatabasePasswordRejected").await;
        assert!(
            message.contains(&format!("`{role}`")) && message.contains("key `password` of Secret `reader`"),
            "{message}"
        );
        database.run(&format!("ALTER ROLE {role} PASSWORD '{PASSWORD}'")).await;
        stage.ask("alert", "cards", "the password is right again").await;
        until(stage, "cards", "is Ready again", |rule| is_true(rule, "Ready")).await;

        stage.change_platform(json!({ "database": { "port": 1 } })).await;
        fails(stage, "cards", "DatabaseUnreachable").await;
        stage
            .change_platform(json!({ "database": { "port": database.port } }))
            .await;
        let asked = until(stage, "cards", "is Ready at last", |rule| is_true(rule, "Ready")).await;
        assert_eq!(
            (&asked["status"]["state"], &asked["status"]["since"]),
            (&json!("Firing"), &since)
        );
        let history = asked["status"]["history"].as_array().unwrap();
        assert_eq!(history.len(), 1, "nothing was resolved: {history:#?}");
    })
    .await;
}

async fn a_reader_that_may_do_more_than_read_gets_no_query() {
    on_cards(async |stage, database| {
        channel(stage, "on-call", json!({})).await;
        let role = database.reader();
        database.run(&format!("GRANT pg_signal_backend TO {role}")).await;
        rule(stage, "cards", CARDS, &["brand"], json!({})).await;
        let message = fails(stage, "cards", "ReaderTooPowerful").await;
        assert!(
            message.contains(&format!("REVOKE pg_signal_backend FROM \"{role}\"")),
            "{message}"
        );
        database
            .run(&format!(
                "REVOKE pg_signal_backend FROM {role}; GRANT postgres TO {role}"
            ))
            .await;
        stage.ask("alert", "cards", "is it well now?").await;
        until(stage, "cards", "names the role of migrations", |rule| {
            message_of(rule, "Ready").contains(&format!("REVOKE \"postgres\" FROM \"{role}\""))
        })
        .await;
        database.run(&format!("REVOKE postgres FROM {role}")).await;
        stage.ask("alert", "cards", "and now?").await;
        becomes(stage, "cards", "Inactive").await;
        stage.change_platform(json!({ "database": { "reader": null } })).await;
        let message = fails(stage, "cards", "ReaderMissing").await;
        assert!(message.contains("CREATE ROLE ace_reader LOGIN BYPASSRLS"), "{message}");
    })
    .await;
}

async fn whom_nobody_tells_is_said_and_ends_with_a_channel() {
    on_cards(async |stage, _| {
        rule(stage, "cards", CARDS, &["brand"], json!({})).await;
        assert!(fails(stage, "cards", "WaitingForChannel").await.contains("`on-call`"));
        channel(stage, "on-call", json!({})).await;
        until(stage, "cards", "is Ready", |rule| is_true(rule, "Ready")).await;
        rule(stage, "untold", CARDS, &["brand"], json!({ "notify": null })).await;
        fails(stage, "untold", "NobodyTold").await;
        channel(stage, "ops", json!({ "default": true })).await;
        until(stage, "untold", "is Ready", |rule| is_true(rule, "Ready")).await;
        rule(stage, "cards", CARDS, &["brand"], json!({ "contacts": ["devops"] })).await;
        assert!(fails(stage, "cards", "ContactUnknown").await.contains("`devops`"));
        stage
            .change_platform(json!({ "contacts": [{ "name": "devops", "address": "mailto:devops@example.com" }] }))
            .await;
        until(stage, "cards", "is Ready with its contact", |rule| {
            is_true(rule, "Ready") && is_observed(rule)
        })
        .await;
    })
    .await;
}

async fn neither_a_password_nor_a_row_is_shown() {
    on_cards(async |stage, _| {
        channel(stage, "on-call", json!({})).await;
        for (name, query) in [
            ("cast", "select code::float8 as value from public.cards"),
            ("label", "select code as value from public.cards"),
            ("raised", "select (code || '')::int as value from public.cards limit 1"),
        ] {
            rule(stage, name, query, &[], json!({})).await;
            fails(stage, name, "QueryInvalid").await;
        }
        stage.reader("nobody-canary-role", "other-canary-2").await;
        rule(stage, "wrong", "select 1 as value", &[], json!({})).await;
        fails(stage, "wrong", "DatabasePasswordRejected").await;
        let namespace = &stage.space.name;
        let objects = stage
            .space
            .kubectl(&["get", "alert,events", "--output=yaml"])
            .await
            .expect("objects are listed");
        let log = Operator::shared().log_of(namespace);
        let metrics = stage.operator.metrics().await;
        for shown in [&objects, &log, &metrics] {
            for canary in [PASSWORD, "other-canary-2", "code-canary"] {
                assert!(!shown.contains(canary), "{canary} is shown");
            }
        }
    })
    .await;
}

//! AlertRules, end to end: the operator's process asks a real PostgreSQL, which is filled and emptied meanwhile.

mod asked;
mod failing;
mod firing;
mod heard;
mod metrics;
mod page;
mod project;

use ace_api::{AlertRule, NotificationChannel};
use ace_tests::{Database, PLATFORM, Stage, Test, is_observed, message_of, on_database, reason_of};
use serde_json::{Value, json};

/// The tests of all modules.
pub(crate) fn tests() -> Vec<Test> {
    let modules = [
        asked::tests(),
        failing::tests(),
        firing::tests(),
        heard::tests(),
        metrics::tests(),
        page::tests(),
        project::tests(),
    ];
    modules.into_iter().flatten().collect()
}

/// What the reader's role has for a password.
pub(super) const PASSWORD: &str = "reader-canary-1";

const TABLES: &str = "
    CREATE TABLE public.cards (brand text, claimed boolean NOT NULL DEFAULT false, code text);
    INSERT INTO public.cards SELECT 'Book', false, 'code-canary-' || n FROM generate_series(1, 20) n;
    CREATE TABLE public.hidden (id int);
    ALTER TABLE public.hidden ENABLE ROW LEVEL SECURITY";

pub(super) const CARDS: &str =
    "select brand, count(*) filter (where not claimed) as value from public.cards group by brand";

/// Runs a test beside a database with cards, which a reader may read.
pub(super) async fn on_cards<T>(test: impl AsyncFnOnce(&Stage<'_>, &Database) -> T) -> T {
    on_database("5m", async |stage, database| {
        database.run(TABLES).await;
        let role = database.reader();
        database
            .run(&format!(
                "CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'; GRANT USAGE ON SCHEMA public TO {role}; \
                 GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
            ))
            .await;
        stage.reader(&role, PASSWORD).await;
        test(stage, database).await
    })
    .await
}

/// A rule that is asked every five minutes of life; `spec` replaces fields of the usual one.
pub(super) async fn rule(stage: &Stage<'_>, name: &str, query: &str, labels: &[&str], spec: Value) {
    let mut usual = json!({
        "platformRef": { "name": PLATFORM },
        "source": { "sql": { "query": query, "labels": labels } },
        "interval": "5m",
        "condition": {
            "operator": "LessThan",
            "levels": { "error": { "threshold": "10", "recovery": "12" }, "critical": { "threshold": "2" } },
            "for": "0s",
        },
        "runbookURL": "https://docs.example.com/cards",
        "notify": ["on-call"],
    });
    let fields = usual.as_object_mut().unwrap();
    fields.extend(spec.as_object().unwrap().clone());
    fields.retain(|_, value| !value.is_null());
    stage
        .apply::<AlertRule>(json!({ "metadata": { "name": name }, "spec": usual }))
        .await;
}

/// The channel that the rules name, which nobody listens at.
pub(super) async fn channel(stage: &Stage<'_>, name: &str, spec: Value) {
    let mut usual = json!({ "suspend": true, "slack": { "webhookURLSecretRef": { "name": "slack", "key": "url" } } });
    usual.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    stage
        .apply::<NotificationChannel>(json!({ "metadata": { "name": name }, "spec": usual }))
        .await;
}

pub(super) async fn until(stage: &Stage<'_>, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    stage.space.wait::<AlertRule>(name, what, is).await
}

pub(super) async fn becomes(stage: &Stage<'_>, name: &str, wanted: &str) -> Value {
    until(stage, name, &format!("is {wanted}"), |rule| {
        rule["status"]["state"] == wanted && is_observed(rule)
    })
    .await
}

/// Waits until the rule is not Ready for this reason, and answers with the message.
pub(super) async fn fails(stage: &Stage<'_>, name: &str, reason: &str) -> String {
    let rule = until(stage, name, &format!("is not Ready: {reason}"), |rule| {
        reason_of(rule, "Ready") == reason && is_observed(rule)
    })
    .await;
    message_of(&rule, "Ready").to_owned()
}

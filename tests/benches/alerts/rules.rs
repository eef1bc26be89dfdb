//! The rules, and the database that they ask.

use std::time::{Duration, Instant};

use ace_api::{AlertRule, AlertState, NotificationChannel, Platform};
use ace_tests::{Database, PLATFORM, Stage, bed};
use futures::{StreamExt as _, stream};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;

/// Rows that each query counts.
const ROWS: usize = 10_000;
/// The reader's.
const PASSWORD: &str = "reader";
/// Between two looks at all rules.
const LOOK: Duration = Duration::from_secs(2);
/// For all of them to be asked.
const PATIENCE: Duration = Duration::from_mins(15);
/// Objects that are made at once.
const AT_ONCE: usize = 16;

/// A query for each rule: none is another one's.
pub fn queries(number: usize) -> Vec<String> {
    (0..number)
        .map(|number| format!("select count(*) as value from public.cards where pool = {number} and not claimed"))
        .collect()
}

/// A table of cards, somebody who may read it, and nobody who is told.
pub async fn prepare(stage: &Stage<'_>, database: &Database) {
    let role = format!("reader_of_{}", database.name);
    database
        .run(&format!(
            "CREATE TABLE public.cards (pool int, claimed boolean NOT NULL DEFAULT false); \
             INSERT INTO public.cards SELECT i % 1000 FROM generate_series(1, {ROWS}) i; \
             CREATE INDEX ON public.cards (pool); ANALYZE public.cards; \
             CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'; GRANT USAGE ON SCHEMA public TO {role}; \
             GRANT SELECT ON public.cards TO {role}"
        ))
        .await;
    stage
        .secret_offering("reader", "database", json!({ "password": PASSWORD }))
        .await;
    let reader = json!({ "user": role, "passwordSecretRef": { "name": "reader", "key": "password" } });
    let change = Patch::Merge(json!({ "spec": { "database": { "reader": reader } } }));
    let platforms = stage.space.api::<Platform>();
    let changed = platforms.patch(PLATFORM, &PatchParams::default(), &change).await;
    changed.expect("the Platform takes a reader");
    let channel = json!({
        "suspend": true, "default": true, "slack": { "webhookURLSecretRef": { "name": "slack", "key": "url" } },
    });
    stage
        .apply::<NotificationChannel>(json!({ "metadata": { "name": "team" }, "spec": channel }))
        .await;
}

/// The rules of a namespace.
pub struct Rules<'a> {
    stage: &'a Stage<'a>,
    api: Api<AlertRule>,
    number: usize,
    /// Where the audit log was before they fired.
    audited: std::cell::Cell<usize>,
}

impl<'a> Rules<'a> {
    pub async fn create(stage: &'a Stage<'a>, queries: &[String]) -> Self {
        let objects = queries.iter().enumerate().map(|(number, query)| {
            let spec = json!({
                "platformRef": { "name": PLATFORM },
                "source": { "sql": { "query": query } },
                "condition": { "operator": "LessThan", "levels": { "warning": { "threshold": "1" } }, "for": "0s" },
            });
            json!({ "metadata": { "name": format!("rule-{number}") }, "spec": spec })
        });
        stream::iter(objects)
            .for_each_concurrent(AT_ONCE, |object| async { drop(stage.apply::<AlertRule>(object).await) })
            .await;
        Self {
            stage,
            api: stage.space.api(),
            number: queries.len(),
            audited: std::cell::Cell::default(),
        }
    }

    /// Waits until all of them are in this state.
    pub async fn are(&self, state: AlertState) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let listed = self.api.list(&ListParams::default()).await;
            let rules = listed.expect("rules are listed").items;
            let is = |rule: &&AlertRule| rule.status.as_ref().is_some_and(|status| status.state == Some(state));
            let count = rules.iter().filter(is).count();
            if count == self.number {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{count} of {} rules are {state:?}",
                self.number
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Takes all cards away at once.
    pub async fn fire(&self, database: &Database) {
        self.audited.set(bed().audited());
        database.run("UPDATE public.cards SET claimed = true").await;
        self.are(AlertState::Firing).await;
    }

    /// Writes of statuses since they fire, and how many that are for each rule.
    pub fn writes(&self) -> (usize, f64) {
        let requests = bed().audit(self.audited.get());
        let own = requests
            .iter()
            .filter(|request| request.namespace == self.stage.space.name && request.is_write());
        let writes = own.filter(|request| request.resource.starts_with("alertrules")).count();
        #[expect(clippy::cast_precision_loss, reason = "a number of writes")]
        let each = writes as f64 / self.number as f64;
        (writes, each)
    }
}

//! What a set costs that has nothing to do.

use std::collections::BTreeMap;

use ace_tests::{Audited, Database, bed, on_database};
use serde_json::json;

use super::{INDEX, NOTES, OFTEN};

/// How often the operator's sessions said what, since the server was started.
async fn said(database: &Database) -> BTreeMap<String, u64> {
    let calls = "SELECT s.calls, s.query FROM extensions.pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid \
                 WHERE d.datname = current_database() AND s.query NOT LIKE '%pg_stat_statements%'";
    let rows = database.rows(calls).await.into_iter();
    rows.map(|row| {
        let (calls, query) = row.split_once('|').unwrap();
        (query.to_owned(), calls.parse().unwrap())
    })
    .collect()
}

ace_tests::tests![a_settled_set_writes_nothing_and_says_thirty_things_to_the_database_an_interval,];

async fn a_settled_set_writes_nothing_and_says_thirty_things_to_the_database_an_interval() {
    on_database(OFTEN, async |stage, database| {
        stage.migrations(&[NOTES, INDEX]).await;
        stage.migration_set(json!({})).await;
        let settled = stage.applied("20260102000000").await;
        stage.database_answers().await;
        let told = async || (stage.events("main").await.len() >= 2).then_some(());
        stage.eventually("the runs are told", told).await;
        let (before, audited) = (said(database).await, bed().audited());
        // A look is counted by what every look asks.
        let gate = |said: &BTreeMap<String, u64>| {
            let asked = said
                .iter()
                .filter(|(query, _)| query.contains("schema_migrations") && query.starts_with("SELECT"));
            asked.map(|(_, calls)| *calls).max().unwrap_or_default()
        };
        let after = stage
            .eventually("three more looks", async || {
                let after = said(database).await;
                (gate(&after) >= gate(&before) + 3).then_some(after)
            })
            .await;
        let looks = gate(&after) - gate(&before);
        let questions: BTreeMap<_, _> = after
            .iter()
            .map(|(query, calls)| (query, calls - before.get(query).copied().unwrap_or_default()))
            .filter(|(_, calls)| *calls > 0)
            .collect();
        let all: u64 = questions.values().sum();
        assert!(
            all <= 30 * (looks + 1),
            "{all} statements in {looks} looks: {questions:#?}"
        );
        let writing = |query: &str| {
            ["INSERT", "UPDATE", "DELETE", "CREATE", "ALTER"]
                .iter()
                .any(|word| query.trim_start().starts_with(word))
        };
        assert!(!questions.keys().any(|query| writing(query)), "{questions:#?}");
        let writes: Vec<_> = bed()
            .audit(audited)
            .into_iter()
            .filter(|request| request.namespace == stage.space.name && Audited::is_write(request))
            .collect();
        assert_eq!(writes, []);
        let now = stage.space.watch.versions("MigrationSet", "main").pop().unwrap();
        assert_eq!(
            now.object["metadata"]["resourceVersion"],
            settled["metadata"]["resourceVersion"]
        );
    })
    .await;
}

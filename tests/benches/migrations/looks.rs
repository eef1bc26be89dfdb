//! What it costs the server to be looked at.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use ace_database::{Connection, Reading};
use ace_tests::{Database, Operator, on_database_of};
use serde_json::json;

use crate::{
    api::{Mark, Requests},
    schema::schema,
    server::precise_cpu,
    sides::access,
    usage,
};

/// One question to the server.
#[derive(Clone, Copy)]
pub struct Question {
    /// CPU seconds of the backend.
    pub server: f64,
    /// Until the answer was there and understood.
    pub time: Duration,
}

/// The questions that a look asks, each in a session of its own, as the operator does, and again in the same one.
pub struct Looks {
    /// Objects that the fingerprint has.
    pub objects: usize,
    /// Gates at the beginning of a session.
    pub gates: Vec<Question>,
    /// The next ones.
    pub gates_again: Vec<Question>,
    /// Fingerprints at the beginning of a session.
    pub fingerprints: Vec<Question>,
    /// The next ones.
    pub fingerprints_again: Vec<Question>,
}

/// Looks `times` at a schema of 4,000 objects.
pub async fn looks(times: usize) -> Looks {
    let database = Database::create().await;
    database.run(&schema(130, 130)).await;
    let mut looks = Looks {
        objects: 0,
        gates: Vec::new(),
        gates_again: Vec::new(),
        fingerprints: Vec::new(),
        fingerprints_again: Vec::new(),
    };
    let schemas = ["public".to_owned()];
    for _ in 0..times {
        let (connection, backend) = session(&database).await;
        for gates in [&mut looks.gates, &mut looks.gates_again] {
            let (question, _) = asked(backend, async || connection.gate().await.expect("there is a gate")).await;
            gates.push(question);
        }
        connection.close().await;
        let (connection, backend) = session(&database).await;
        for fingerprints in [&mut looks.fingerprints, &mut looks.fingerprints_again] {
            let look = async || connection.fingerprint(&schemas).await.expect("the schema can be read");
            let (question, look) = asked(backend, look).await;
            if let Reading::Taken { fingerprint, .. } = look {
                looks.objects = fingerprint.len();
                fingerprints.push(question);
            }
        }
        connection.close().await;
    }
    looks
}

/// A session, and the process that serves it.
async fn session(database: &Database) -> (Connection, i32) {
    let connection = Connection::open(&access(database)).await.expect("the database answers");
    let backend = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
                   AND application_name = 'ace-operator' ORDER BY backend_start DESC LIMIT 1";
    let rows = database.rows(backend).await;
    let backend = rows.first().and_then(|pid| pid.parse().ok());
    (connection, backend.expect("the session is served"))
}

async fn asked<A>(backend: i32, ask: impl AsyncFnOnce() -> A) -> (Question, A) {
    let (cpu, began) = (precise_cpu(backend), Instant::now());
    let answer = ask().await;
    let time = began.elapsed();
    let server = precise_cpu(backend) - cpu;
    (Question { server, time }, answer)
}

/// What a set that has nothing to do costs in an interval.
pub struct Rest {
    /// Intervals that were counted.
    pub looks: f64,
    /// Statements that the database was told by others than this measurement, in all.
    pub statements: u64,
    /// Requests to the API server about the set's namespace, in all.
    pub requests: Requests,
    /// CPU seconds of the operator, in all.
    pub cpu: f64,
}

/// Three intervals in which nothing happens, on a schema of 4,000 objects.
pub async fn rest(operator: &Operator) -> Rest {
    // The shortest that a Platform takes; the operator's scale divides it.
    on_database_of(operator, "30s", async |stage, database| {
        let schema = schema(130, 130);
        stage.migrations(&[("20260101000000_all.sql", &schema)]).await;
        stage.migration_set(json!({ "policy": { "approve": [] } })).await;
        stage.applied("20260101000000").await;
        stage.database_answers().await;
        let looked = async |least: f64| {
            let enough = async || {
                let looks = operator
                    .metric(
                        "ace_steps_total",
                        &[("kind", "MigrationSet"), ("step", "Observe"), ("outcome", "Done")],
                    )
                    .await;
                (looks >= least).then_some(looks)
            };
            stage.eventually("so many looks", enough).await
        };
        let begun = looked(0.0).await;
        let first = looked(begun + 1.0).await;
        let (said_before, cpu) = (said(database).await, usage::cpu(operator.process_id()));
        let mark = Mark::now(stage.space.bed.bed.file());
        let last = looked(first + 3.0).await;
        let after = said(database).await.into_iter();
        Rest {
            looks: last - first,
            statements: after
                .map(|(query, calls)| calls - said_before.get(&query).copied().unwrap_or_default().min(calls))
                .sum(),
            requests: mark.requests(&stage.space.name),
            cpu: usage::cpu(operator.process_id()) - cpu,
        }
    })
    .await
}

/// How often sessions of this database were told what, since the server was started.
async fn said(database: &Database) -> BTreeMap<String, u64> {
    let calls = "SELECT s.calls, s.queryid FROM extensions.pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid \
                 WHERE d.datname = current_database() AND s.query NOT LIKE '%pg_stat_statements%'";
    let rows = database.rows(calls).await.into_iter();
    rows.filter_map(|row| {
        let (calls, query) = row.split_once('|')?;
        Some((query.to_owned(), calls.parse().ok()?))
    })
    .collect()
}

//! The same questions by the driver alone, and by psql.

use std::{io::Write as _, process::Stdio};

use ace_sandbox::bed::tools::postgres_bin_dir;
use ace_tests::Database;
use futures::join;
use tokio::process::Command;

use crate::{
    Cost,
    server::{Server, ended_children},
    usage,
};

const BEFORE: &str = "BEGIN READ ONLY; SET LOCAL statement_timeout = 5000";
const AFTERWARDS: &str = "ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all(); RESET ALL";

#[expect(clippy::cast_precision_loss, reason = "a number of questions")]
fn questions(queries: &[String], turns: usize) -> f64 {
    (queries.len() * turns) as f64
}

/// One session that asks as the operator does, and does nothing with the answers.
pub async fn bare(database: &Database, server: &Server, queries: &[String], turns: usize) -> Cost {
    let session = database.session().await;
    let (own, used) = (usage::cpu(std::process::id()), server.cpu());
    for query in queries.iter().cycle().take(queries.len() * turns) {
        let statement = format!("SELECT q.\"value\"::float8 FROM ({query}) AS q LIMIT 51");
        let (began, answer, ended) = join!(
            session.batch_execute(BEFORE),
            session.query_typed(&statement, &[]),
            session.batch_execute(AFTERWARDS),
        );
        began.expect("a transaction begins");
        let rows = answer.expect("the query is one");
        assert_eq!(rows.len(), 1, "{query}");
        ended.expect("a transaction ends");
    }
    // The server counts what a session used when it looks, not when it ends.
    Cost::of(
        usage::cpu(std::process::id()) - own,
        server.cpu() - used,
        questions(queries, turns),
    )
}

/// One psql that reads the same statements from a file.
pub async fn psql(database: &Database, server: &Server, queries: &[String], turns: usize) -> Cost {
    let mut file = tempfile::NamedTempFile::new().expect("a file can be made");
    for query in queries.iter().cycle().take(queries.len() * turns) {
        let asked = format!(
            "{BEFORE};\nSELECT q.\"value\"::float8 FROM ({query}) AS q LIMIT 51;\n{}\n",
            AFTERWARDS.replace("; ", ";\n") + ";"
        );
        file.write_all(asked.as_bytes()).expect("the file takes it");
    }
    let program = postgres_bin_dir().expect("PostgreSQL is installed").join("psql");
    let (own, used) = (ended_children(), server.cpu());
    let status = Command::new(program)
        .args(["--quiet", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-d", &database.url()])
        .arg("-f")
        .arg(file.path())
        .stdout(Stdio::null())
        .status()
        .await
        .expect("psql can be run");
    assert!(status.success(), "{status}");
    Cost::of(ended_children() - own, server.cpu() - used, questions(queries, turns))
}

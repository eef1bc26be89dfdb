//! psql and `pg_dump`, as a person at a terminal runs them.

use ace_domain::sql::File;
use ace_sandbox::bed::tools::postgres_bin_dir;
use ace_tests::Database;
use tokio::process::Command;

use super::Stop;

/// Runs each file in a transaction of its own, as `postgres`; answers with those that failed.
pub(crate) async fn run_all(database: &Database, files: &[File]) -> Vec<Stop> {
    let folder = tempfile::tempdir().unwrap();
    let mut stops = Vec::new();
    for file in files {
        let path = folder.path().join(&file.file_name);
        std::fs::write(&path, &*file.text).unwrap();
        let output = Command::new(postgres_bin_dir().unwrap().join("psql"))
            .args([
                "-X",
                "-q",
                "-1",
                "-v",
                "ON_ERROR_STOP=1",
                "-v",
                "VERBOSITY=verbose",
                "-f",
            ])
            .arg(&path)
            .args(["-d", &database.url()])
            .env("PGCLIENTENCODING", "UTF8")
            .output()
            .await
            .unwrap();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            stops.push(stop(&file.file_name, &said));
        }
    }
    stops
}

/// From `psql:<file>:<line>: ERROR:  <code>: <words>`.
fn stop(file: &str, said: &str) -> Stop {
    let error = said.lines().find(|line| line.contains(": ERROR:  ")).unwrap_or(said);
    let (place, rest) = error.split_once(": ERROR:  ").unwrap_or_default();
    let (code, words) = rest.split_once(": ").unwrap_or_default();
    Stop {
        file: file.to_owned(),
        line: place
            .rsplit(':')
            .next()
            .and_then(|line| line.parse().ok())
            .unwrap_or_default(),
        code: code.to_owned(),
        words: if words.is_empty() {
            said.to_owned()
        } else {
            words.to_owned()
        },
    }
}

/// The schema as SQL, without what the operator keeps.
pub(crate) async fn dump(database: &Database) -> String {
    let kept = ["--exclude-schema", "ace_ops", "--exclude-schema", "supabase_migrations"];
    database.dump(&[&["--schema-only"], &kept[..]].concat()).await
}

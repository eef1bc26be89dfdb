//! The same files by three ways into databases of one server: `psql`, the executor alone, and the operator.

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use ace_database::{Access, Limits, Locked, Password, Prepared, Session, Settings, Tls};
use ace_domain::{
    kinds::migration_set::Owner,
    sql::{File, read},
};
use ace_sandbox::bed::tools::postgres_bin_dir;
use ace_tests::{Colleague, Database, Operator, Project, SET, bed, on_database_of};
use serde_json::json;
use tokio::process::Command;

use crate::{
    api::{Mark, Requests},
    far::Distance,
    server::{Server, ended_children},
    usage,
};

/// What one way took.
pub struct Turn {
    /// From the command to the end.
    pub time: Duration,
    /// CPU seconds of `psql` or the operator; of the executor, whose process this one is, not a number.
    pub cpu: f64,
    /// CPU seconds of the server's processes.
    pub server: f64,
}

/// What the operator did besides.
pub struct Reported {
    /// Seconds by step, those that took nothing left out.
    pub steps: Vec<(&'static str, f64)>,
    /// Statuses that were written.
    pub writes: f64,
    /// Its requests to the API server.
    pub requests: Requests,
}

/// `psql` by its own for each file, all of it in one transaction.
pub async fn plain(files: &[File]) -> Turn {
    let database = Database::create().await;
    let folder = tempfile::tempdir().expect("temporary files can be written");
    for file in files {
        fs::write(folder.path().join(&file.file_name), &*file.text).expect("temporary files can be written");
    }
    let server = Server::of(&database).await;
    let (began, cpu, used) = (Instant::now(), ended_children(), server.cpu());
    for file in files {
        psql(&database, &folder.path().join(&file.file_name)).await;
    }
    Turn {
        time: began.elapsed(),
        cpu: ended_children() - cpu,
        server: server.cpu() - used,
    }
}

/// Names and texts, as a source is written.
fn named(files: &[File]) -> Vec<(&str, &str)> {
    files
        .iter()
        .map(|file| (file.file_name.as_str(), &*file.text))
        .collect()
}

async fn psql(database: &Database, file: &Path) {
    let program = postgres_bin_dir().expect("PostgreSQL is installed").join("psql");
    let output = Command::new(program)
        .args(["--no-psqlrc", "--quiet", "-1", "-v", "ON_ERROR_STOP=1", "--file"])
        .arg(file)
        .arg(database.url())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("psql can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", file.display());
}

/// The official CLI, which pushes all files; its start is a part of it.
pub async fn cli(files: &[File], database: &Database) -> Turn {
    let project = Project::create(bed().bed.file()).await;
    let colleague = Colleague::new(&project);
    colleague.migrations(&named(files));
    let server = Server::of(database).await;
    let (began, cpu, used) = (Instant::now(), ended_children(), server.cpu());
    colleague
        .run(&["db", "push", "--yes", "--db-url", &database.url()])
        .await;
    Turn {
        time: began.elapsed(),
        cpu: ended_children() - cpu,
        server: server.cpu() - used,
    }
}

/// The session that the operator uses, over the same files, which were read before.
pub async fn executor(files: &[File], database: &Database) -> Turn {
    let understood = |file: &File| read(file).unwrap_or_else(|error| panic!("{}: {error}", file.file_name));
    let scripts: Vec<_> = files.iter().map(understood).collect();
    let server = Server::of(database).await;
    let (began, used) = (Instant::now(), server.cpu());
    let mut session = Session::open(&access(database), &Settings::new("bench"))
        .await
        .expect("the database answers");
    assert_eq!(session.try_lock().await.ok(), Some(Locked::Mine));
    let owner = Owner {
        namespace: "bench".to_owned(),
        name: "main".to_owned(),
    };
    assert_eq!(session.prepare_operator_schema(&owner).await.ok(), Some(Prepared::Ours));
    for (file, script) in files.iter().zip(&scripts) {
        let ran = session.run(file, script, &|_| ()).await;
        ran.unwrap_or_else(|error| panic!("{}: {error}", file.version));
    }
    session.close().await;
    Turn {
        time: began.elapsed(),
        cpu: f64::NAN,
        server: server.cpu() - used,
    }
}

/// The way to a database for the crate that migrates it.
pub fn access(database: &Database) -> Access {
    Access {
        host: "127.0.0.1".to_owned(),
        port: database.port,
        name: database.name.clone(),
        user: "postgres".to_owned(),
        password: Password::new(&database.password).expect("the bed's password is one"),
        tls: Tls::Disable,
        limits: Limits::default(),
        allow_insecure: true,
    }
}

/// A MigrationSet is applied whose Platform and source are there, until it is Ready with nothing left to do.
pub async fn operator(files: &[File], operator: &Operator, distance: Distance) -> (Turn, Reported) {
    on_database_of(operator, "24h", async |stage, database| {
        let database = &distance.to(database).await;
        if distance == Distance::Far {
            stage.database("24h", database).await;
        }
        stage.migrations(&named(files)).await;
        stage.database_answers().await;
        let head = files.last().map(|file| file.version.to_string()).unwrap_or_default();
        let server = Server::of(database).await;
        let (steps, writes) = (steps(operator).await, writes(operator).await);
        let mark = Mark::now(stage.space.bed.bed.file());
        let (began, cpu, used) = (Instant::now(), usage::cpu(operator.process_id()), server.cpu());
        // Nothing here destroys or exposes anything, but that is not what is measured.
        stage.migration_set(json!({ "policy": { "approve": [] } })).await;
        // A test's patience is too short for a machine that others use.
        let head_is = format!("--for=jsonpath={{.status.head}}={head}");
        let wait = ["wait", &head_is, "--timeout=1h", "migrationset", SET];
        stage.space.kubectl(&wait).await.expect("the files are run");
        stage.applied(&head).await;
        let turn = Turn {
            time: began.elapsed(),
            cpu: usage::cpu(operator.process_id()) - cpu,
            server: server.cpu() - used,
        };
        let after = self::steps(operator).await;
        let differences = after
            .into_iter()
            .zip(steps)
            .map(|((step, after), (_, before))| (step, after - before));
        let reported = Reported {
            steps: differences.filter(|(_, seconds)| *seconds > 0.0).collect(),
            writes: self::writes(operator).await - writes,
            requests: mark.requests(&stage.space.name),
        };
        (turn, reported)
    })
    .await
}

const KIND: (&str, &str) = ("kind", "MigrationSet");

/// Seconds that the operator spent in each step so far.
async fn steps(operator: &Operator) -> Vec<(&'static str, f64)> {
    let names = [
        "Observe",
        "Read",
        "Begin",
        "Claim",
        "ObserveAgain",
        "SetReference",
        "Prepare",
        "Run",
        "SnapshotAfterRun",
    ];
    let mut steps = Vec::new();
    for step in names {
        let spent = operator
            .metric("ace_step_duration_seconds_sum", &[KIND, ("step", step)])
            .await;
        steps.push((step, spent));
    }
    steps
}

async fn writes(operator: &Operator) -> f64 {
    operator.metric("ace_status_writes_total", &[KIND]).await
}

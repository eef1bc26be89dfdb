//! The operator, approved by a person who never thinks; and the official CLI.

use ace_api::MigrationPolicy;
use ace_database::{Access, Limits, Password, Session, Settings, Tls};
use ace_domain::sql::{File, assess, read};
use ace_tests::{Colleague, Database, Stage, is_current, is_observed, is_true, message_of, reason_of};
use serde_json::{Value, json};

use super::Stop;

/// Rows of a table that is large.
const LARGE: u64 = 10_000;

/// What became of a history.
pub(crate) struct Applied {
    pub(crate) stops: Vec<Stop>,
    /// What of all files, planned at once on the fresh database, needs an approval: file, line, class, and what it does.
    pub(crate) risks: Vec<String>,
}

/// Applies all files; approves what wants an approval, and leaves out what fails.
pub(crate) async fn apply_all(stage: &Stage<'_>, database: &Database, files: &[File]) -> Applied {
    let mut left: Vec<&File> = files.iter().collect();
    let (mut stops, mut approvals) = (Vec::new(), Vec::new());
    write(stage, &left).await;
    let risks = risks(database, files).await;
    stage.migration_set(json!({})).await;
    let (mut seen, mut told) = (Value::Null, String::new());
    loop {
        let set = stage
            .until_set("has applied all, or stops", |set| {
                let settled = is_true(set, "Ready") && set["status"]["pending"] == 0 && is_current(set)
                    || !reason_of(set, "Stalled").is_empty() && is_observed(set);
                settled && signs(set) != seen
            })
            .await;
        seen = signs(&set);
        let count = set["status"]["applied"].as_u64().unwrap_or_default();
        let message = message_of(&set, "Stalled").to_owned();
        match reason_of(&set, "Stalled") {
            // It has not taken in yet what was done about that.
            reason if !reason.is_empty() && message == told => continue,
            "" if usize::try_from(count).unwrap() == left.len() => return Applied { stops, risks },
            "" => {}
            "ApprovalRequired" => {
                approvals.push(json!({ "plan": set["status"]["plan"]["digest"], "reason": "a trial" }));
                stage.migration_set(json!({ "approvals": approvals })).await;
            }
            reason => {
                let named = |name: &str| message.split([' ', ',', ';', ':']).any(|word| word == name);
                let failed = left
                    .iter()
                    .position(|file| named(&file.file_name) || named(file.version.as_str()));
                let failed = failed.unwrap_or_else(|| panic!("{reason}: {message}"));
                let file = left.remove(failed);
                stops.push(stop(&file.file_name, &format!("{reason}: {message}")));
                write(stage, &left).await;
            }
        }
        told = message;
    }
}

async fn risks(database: &Database, files: &[File]) -> Vec<String> {
    let access = Access {
        host: "127.0.0.1".to_owned(),
        port: database.port,
        name: database.name.clone(),
        user: "postgres".to_owned(),
        password: Password::new(&database.password).unwrap(),
        tls: Tls::Disable,
        limits: Limits::default(),
        allow_insecure: true,
    };
    let session = Session::open_read_only(&access, &Settings::new("histories"))
        .await
        .unwrap();
    let catalogue = session.catalogue(LARGE).await.unwrap();
    let read: Vec<_> = files.iter().filter_map(|file| Some((file, read(file).ok()?))).collect();
    let scripts: Vec<_> = read.iter().map(|(_, script)| script).collect();
    let of_files = read.iter().zip(assess(&scripts, &catalogue));
    let guarded = MigrationPolicy::default().approve;
    of_files
        .flat_map(|((file, _), risks)| {
            let (name, guarded) = (&file.file_name, &guarded);
            let risks = risks.into_iter().filter(|risk| guarded.contains(&risk.class));
            risks.map(move |risk| format!("{name} line {}: {:?} {}", risk.line, risk.class, risk.says))
        })
        .collect()
}

/// What differs once a new file or a new approval was taken in.
fn signs(set: &Value) -> Value {
    json!([
        set["status"]["conditions"],
        set["status"]["plan"],
        set["metadata"]["generation"]
    ])
}

/// From a condition's message.
fn stop(file: &str, message: &str) -> Stop {
    let behind = |mark: &str| message.split(mark).nth(1).unwrap_or_default();
    Stop {
        file: file.to_owned(),
        line: behind("line ")
            .chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
            .parse()
            .unwrap_or_default(),
        code: behind("SQLSTATE ").chars().take(5).collect(),
        words: message.to_owned(),
    }
}

async fn write(stage: &Stage<'_>, files: &[&File]) {
    stage.migrations(&named(files)).await;
}

/// Names and texts, as a source is written.
fn named<'a>(files: &[&'a File]) -> Vec<(&'a str, &'a str)> {
    files
        .iter()
        .map(|file| (file.file_name.as_str(), &*file.text))
        .collect()
}

/// The official CLI pushes all files.
pub(crate) async fn push(stage: &Stage<'_>, database: &Database, files: &[&File]) -> Result<(), String> {
    let colleague = Colleague::new(&stage.project);
    colleague.migrations(&named(files));
    let url = database.url();
    let arguments = ["db", "push", "--include-all", "--yes", "--db-url", &url];
    colleague.try_run(&arguments).await.map(drop)
}

/// Takes over what the CLI pushed: nothing is pending and nothing runs. Answers with how many files are adopted.
pub(crate) async fn adopt(stage: &Stage<'_>, files: &[&File]) -> Result<usize, String> {
    write(stage, files).await;
    let mut adopted = 0;
    for mode in ["Observe", "Apply"] {
        stage.migration_set(json!({ "mode": mode })).await;
        let set = stage
            .until_set("is settled", |set| {
                is_current(set) && is_true(set, "Ready") || !reason_of(set, "Stalled").is_empty() && is_observed(set)
            })
            .await;
        if set["status"]["pending"] != 0 || !is_true(&set, "Ready") {
            return Err(format!("{mode}: {}", message_of(&set, "Ready")));
        }
        adopted = set["status"]["applied"].as_u64().unwrap_or_default();
    }
    Ok(usize::try_from(adopted).unwrap())
}

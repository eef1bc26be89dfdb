//! What every step of the demo works with, and how it waits.

use std::time::Duration;

use ace_sandbox::bed::BedFile;
use serde_json::Value;

use super::database::Database;
use super::error::DemoError;
use super::http::{Project, text};
use super::kubectl::Kubectl;
use super::screen::Screen;
use super::team::{NAMESPACE, Source, Team};

/// Between two looks while the viewer waits.
pub(super) const LOOK: Duration = Duration::from_millis(700);

/// A bed with the operator at work, and the team's repository.
pub(super) struct Stage {
    pub(super) screen: Screen,
    pub(super) bed: BedFile,
    pub(super) kubectl: Kubectl,
    pub(super) project: Project,
    pub(super) database: Database,
    pub(super) team: Team,
}

/// What was waited for is there, or what is there instead.
pub(super) type Look<T> = Result<T, String>;

impl Stage {
    /// Shows `kubectl get` of objects of a kind (all of them when none is named) until `judge` is content with them.
    pub(super) async fn wait<T>(
        &self,
        kind: &str,
        what: &str,
        names: &[&str],
        patience: Duration,
        judge: impl Fn(&[Value]) -> Look<T>,
    ) -> Result<T, DemoError> {
        let line = format!("get {kind} --namespace {NAMESPACE} {}", names.join(" "));
        let mut board = self.screen.live();
        loop {
            // A look that fails is as good as one that does not show it yet.
            let objects = self.kubectl.json(line.trim()).await;
            let last = match objects.map(|object| judge(&items(object))) {
                Ok(Ok(found)) => {
                    board.clear();
                    return Ok(found);
                }
                Ok(Err(instead)) => instead,
                Err(error) => error.to_string(),
            };
            let table = self.kubectl.run(line.trim()).await.unwrap_or_default();
            board.draw(&format!("{what}: {last}"), &table);
            if board.elapsed() > patience {
                return Err(DemoError::NotSeen {
                    what: what.to_owned(),
                    patience,
                    last,
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Shows a kubectl command in the team's namespace with what it prints.
    pub(super) async fn show(&self, line: &str) -> Result<(), DemoError> {
        let line = format!("--namespace {NAMESPACE} {line}");
        self.screen.command(&format!("kubectl {line}"));
        self.screen.answer(&self.kubectl.run(&line).await?);
        Ok(())
    }

    /// Applies the functions as the team's repository has them now.
    pub(super) async fn apply_source(&self) -> Result<Source, DemoError> {
        let source = self.team.source()?;
        self.kubectl.apply(&source.object).await?;
        Ok(source)
    }

    /// Applies the migrations as the team's repository has them now; returns how many files that are.
    pub(super) async fn apply_migrations(&self) -> Result<usize, DemoError> {
        let (object, files) = self.team.migrations()?;
        self.kubectl.apply(&object).await?;
        Ok(files)
    }

    /// Shows the drift of an object (kind and name), a line for each field.
    pub(super) async fn show_drift(&self, object: &str) -> Result<(), DemoError> {
        let line = format!("--namespace {NAMESPACE} get {object}");
        self.screen
            .command(&format!("kubectl {line} -o jsonpath={{.status.drift.fields}}"));
        let object = self.kubectl.json(&line).await?;
        let fields = object["status"]["drift"]["fields"].as_array();
        for field in fields.into_iter().flatten() {
            self.screen.answer(&format!(
                "{}  wanted {}, found {}",
                text(&field["path"]),
                text(&field["desired"]),
                text(&field["observed"])
            ));
        }
        Ok(())
    }

    /// Asks for a look at an object (kind and name) now, rather than when its interval is over.
    pub(super) async fn look_now(&self, object: &str) -> Result<(), DemoError> {
        let annotation = format!("ops.mobulace.com/reconcile-at={:.3}", jiff::Timestamp::now());
        let line = format!("--namespace {NAMESPACE} annotate {object} --overwrite {annotation}");
        self.screen.command(&format!("kubectl {line}"));
        self.kubectl.run(&line).await.map(drop)
    }
}

/// The objects of a list, or the one object.
fn items(mut object: Value) -> Vec<Value> {
    match object["items"].take() {
        Value::Array(items) => items,
        _ => vec![object],
    }
}

/// The object of that name.
pub(super) fn named<'a>(objects: &'a [Value], name: &str) -> Look<&'a Value> {
    let found = objects.iter().find(|object| object["metadata"]["name"] == name);
    found.ok_or_else(|| format!("{name} is not there"))
}

/// A condition's status, reason and message; empty where there is no such condition.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> (&'a str, &'a str, &'a str) {
    let all = object["status"]["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    let found = all.iter().find(|condition| condition["type"] == kind);
    found.map_or(("", "", ""), |found| {
        (text(&found["status"]), text(&found["reason"]), text(&found["message"]))
    })
}

/// Whether the status describes the spec as it is now.
pub(super) fn is_current(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

/// `Ready=False (RolledBack), Drifted=False (NoDrift): check …`.
pub(super) fn sums_up(object: &Value) -> String {
    let (ready, reason, message) = condition(object, "Ready");
    let (drifted, why, _) = condition(object, "Drifted");
    if ready.is_empty() {
        return "not looked at yet".to_owned();
    }
    format!("Ready={ready} ({reason}), Drifted={drifted} ({why}): {message}")
}

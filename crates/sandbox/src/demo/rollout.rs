//! A broken version, which is rolled back, and its fix, which goes through.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::calls;
use super::error::{DemoError, ensure};
use super::http::{Answer, Caller, text};
use super::setup::FUNCTIONS;
use super::stage::{Look, Stage, condition, is_current, named, sums_up};
use super::team::NAMESPACE;

const FUNCTION: &str = "handle-purl";
const FILE: &str = "handle-purl/index.ts";
/// Its check asks for a page that is not there, and wants 404.
const SOUND: &str = "404, \"unknown_page\", \"there is no such page\"";
const BROKEN: &str = "500, \"unknown_page\", \"there is no such page\"";
const FIXED: &str = "404, \"unknown_page\", \"there is no such page any more\"";
const NO_SUCH_PAGE: &str = "handle-purl/NO-SUCH-PAGE";

/// A deploy, three attempts of a check 5 s apart, another deploy.
const PATIENCE: Duration = Duration::from_secs(150);

/// Breaks a function and mends it.
pub(super) async fn show(stage: &Stage) -> Result<(), DemoError> {
    let proven = revision(stage).await?;
    broken(stage, &proven).await?;
    fixed(stage, &proven).await
}

async fn broken(stage: &Stage, proven: &str) -> Result<(), DemoError> {
    let screen = stage.screen;
    screen.chapter("2. A broken version is rolled out");
    screen.note(format_args!("{FILE} now answers 500 where its check wants 404"));
    let began = Instant::now();
    stage.team.change(FILE, SOUND, BROKEN)?;
    let journal = stage.project.journal().await?;
    stage.apply_source().await?;
    screen.done("ConfigMap applied", began);
    screen.note("a check has three attempts, 5 s apart; then what was proven is deployed again");
    let began = Instant::now();
    let waited = stage.wait("fn", "roll-back", &[FUNCTION], PATIENCE, |functions| {
        is_rolled_back(named(functions, FUNCTION)?, proven)
    });
    let message = waited.await?;
    stage.show(&format!("get fn {FUNCTION}")).await?;
    screen.done("Stalled: RolledBack", began);
    screen.answer(&message);
    let uploads = stage.project.uploads(journal).await?;
    ensure(uploads == [FUNCTION, FUNCTION], || {
        format!("{FUNCTION} was to be uploaded twice, broken and proven; the operator uploaded {uploads:?}")
    })?;
    let answer = calls::get(stage, NO_SUCH_PAGE, Caller::Nobody).await?;
    ensure(answer.status == 404, || {
        format!("{FUNCTION} was rolled back and answers {}, not 404", answer.status)
    })
}

async fn fixed(stage: &Stage, proven: &str) -> Result<(), DemoError> {
    let screen = stage.screen;
    screen.chapter("3. The fix goes through");
    let began = Instant::now();
    stage.team.change(FILE, BROKEN, FIXED)?;
    let journal = stage.project.journal().await?;
    stage.apply_source().await?;
    let waited = stage.wait("fn", "fix", &[FUNCTION], PATIENCE, |functions| {
        is_live(named(functions, FUNCTION)?, proven)
    });
    let revision = waited.await?;
    stage.show(&format!("get fn {FUNCTION}")).await?;
    screen.done(format_args!("{revision} is live and proven"), began);
    let Answer { status, body } = calls::get(stage, NO_SUCH_PAGE, Caller::Nobody).await?;
    ensure(status == 404 && body.contains("any more"), || {
        format!("the fix of {FUNCTION} is live and answers {status}: {body}")
    })?;
    let uploads = stage.project.uploads(journal).await?;
    ensure(uploads == [FUNCTION], || {
        format!("one function reaches the file that was changed; the operator uploaded {uploads:?}")
    })?;
    screen.seen(format_args!(
        "uploads: 1 of {FUNCTIONS}; nothing else reaches that file"
    ));
    Ok(())
}

/// The revision that proved itself last.
async fn revision(stage: &Stage) -> Result<String, DemoError> {
    let line = format!("--namespace {NAMESPACE} get fn {FUNCTION}");
    let function = stage.kubectl.json(&line).await?;
    let revision = text(&function["status"]["proven"]["revision"]);
    ensure(!revision.is_empty(), || {
        format!("{FUNCTION} is Ready and nothing of it is proven")
    })?;
    Ok(revision.to_owned())
}

/// The proven revision is live again, and the message says why.
fn is_rolled_back(function: &Value, proven: &str) -> Look<String> {
    let status = &function["status"];
    let (stalled, reason, message) = condition(function, "Stalled");
    let done = is_current(function)
        && stalled == "True"
        && reason == "RolledBack"
        && status["live"]["revision"] == proven
        && status["source"]["revision"] != proven
        && status["source"]["failed"] == true;
    done.then(|| message.to_owned()).ok_or_else(|| sums_up(function))
}

/// Another revision than before is live and proven.
fn is_live(function: &Value, before: &str) -> Look<String> {
    let status = &function["status"];
    let revision = text(&status["live"]["revision"]);
    let done = is_current(function)
        && condition(function, "Ready").0 == "True"
        && condition(function, "Stalled").0.is_empty()
        && revision != before
        && status["source"]["revision"] == revision
        && status["proven"]["revision"] == revision;
    done.then(|| revision.to_owned()).ok_or_else(|| sums_up(function))
}

//! Somebody deploys past the operator: once where it may only say so, and once where it sets things right.

use std::time::{Duration, Instant};

use base64::Engine as _;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use super::calls;
use super::error::{DemoError, ensure};
use super::http::{Caller, text};
use super::stage::{Look, Stage, condition, is_current, named, sums_up};
use super::supabase;
use super::team::{NAMESPACE, PLATFORM};

/// In mode `Apply`.
const REPORTED: &str = "campaign-stats";
/// In mode `Enforce`. Three corrections of one function within an hour are a contest, so the demo takes turns.
const ENFORCED: [&str; 5] = [
    "gift-card-inventory",
    "health",
    "evaluate-conditions",
    "submit-lead-form",
    "unsubscribe",
];

/// A look, 15 s, a second look, a deploy and its checks.
const PATIENCE: Duration = Duration::from_secs(150);

/// A function that was deployed by hand.
struct Deployed<'a> {
    slug: &'a str,
    /// The line that is new in it.
    line: String,
    version: i64,
}

/// Redeploys two functions by the official CLI, and waits for what becomes of them.
pub(super) async fn show(stage: &Stage) -> Result<(), DemoError> {
    let screen = stage.screen;
    screen.chapter("1. Somebody deploys by hand, with the official CLI");
    let answer = format!("changed by hand at {:.0}", Timestamp::now());
    let enforced = least_corrected(stage).await?;
    let mut both = Vec::new();
    for slug in [REPORTED, enforced] {
        let line = stage.team.hijack(slug, &answer)?;
        both.push(Deployed { slug, line, version: 0 });
    }
    let began = Instant::now();
    let journal = stage.project.journal().await?;
    supabase::deploy(stage, &[REPORTED, enforced]).await?;
    screen.done("deployed", began);
    for function in &mut both {
        function.version = stage.project.version(function.slug).await?;
        let said = calls::get(stage, function.slug, Caller::Service).await?;
        ensure(said.body == answer, || {
            format!("{} was deployed by hand and does not answer so", function.slug)
        })?;
    }

    screen.note("the operator looks every 30 s; we ask for a look now");
    stage.look_now(&format!("platform {PLATFORM}")).await?;
    screen.note("a change of content is believed at a second look, 15 s later:");
    screen.note(format_args!(
        "{REPORTED} is in mode Apply: reported; {enforced} in mode Enforce: corrected"
    ));
    let began = Instant::now();
    let [reported, corrected] = &both[..] else {
        unreachable!("two functions were deployed")
    };
    let judge = |functions: &[Value]| {
        is_reported(named(functions, REPORTED)?, reported)?;
        is_corrected(named(functions, enforced)?, corrected)
    };
    let time = stage
        .wait("fn", "drift", &[REPORTED, enforced], PATIENCE, judge)
        .await?;
    stage.show(&format!("get fn {REPORTED} {enforced}")).await?;
    screen.done("one reported, one corrected", began);

    by_file(stage, REPORTED, "reported; nothing is written to the platform").await?;
    by_file(stage, enforced, "corrected").await?;
    uploads(stage, journal, enforced).await?;
    archive(stage, corrected, &time).await?;
    let healed = calls::get(stage, enforced, Caller::Service).await?;
    ensure(healed.body != answer, || {
        format!("{enforced} was corrected and still answers as by hand")
    })?;
    let standing = calls::get(stage, REPORTED, Caller::Service).await?;
    ensure(standing.body == answer, || {
        format!("{REPORTED} was not to be touched, and answers differently")
    })
}

async fn least_corrected(stage: &Stage) -> Result<&'static str, DemoError> {
    let line = format!("get fn --namespace {NAMESPACE}");
    let functions = stage.kubectl.json(&line).await?;
    let functions = functions["items"].as_array().map_or(&[][..], Vec::as_slice);
    let since = Timestamp::now() - 1.hour();
    let corrections = |name: &str| {
        let function = functions.iter().find(|function| function["metadata"]["name"] == name);
        let history = function.and_then(|function| function["status"]["history"].as_array());
        let recent = |event: &&Value| {
            let time = text(&event["time"]).parse::<Timestamp>();
            event["type"] == "Corrected" && time.is_ok_and(|time| time > since)
        };
        history.map_or(0, |history| history.iter().filter(recent).count())
    };
    let least = ENFORCED.into_iter().min_by_key(|name| corrections(name));
    least.ok_or_else(|| DemoError::Wrong("no function to correct".to_owned()))
}

/// The foreign version stays, and is named by file.
fn is_reported(function: &Value, deployed: &Deployed<'_>) -> Look<()> {
    let status = &function["status"];
    let seen = is_current(function)
        && condition(function, "Drifted").0 == "True"
        && condition(function, "Ready").0 == "True"
        && status["live"]["version"] == deployed.version
        && names_file(status, deployed.slug);
    seen.then_some(()).ok_or_else(|| instead(function))
}

/// Our content is live again, one version later. Returns when that was.
fn is_corrected(function: &Value, deployed: &Deployed<'_>) -> Look<String> {
    let status = &function["status"];
    let done = is_current(function)
        && condition(function, "Drifted").1 == "DriftCorrected"
        && condition(function, "Ready").0 == "True"
        && status["live"]["version"] == deployed.version + 1
        && status["live"]["revision"] == status["source"]["revision"]
        && names_file(status, deployed.slug);
    let time = text(&status["drift"]["correctedTime"]);
    (done && !time.is_empty())
        .then(|| time.to_owned())
        .ok_or_else(|| instead(function))
}

fn names_file(status: &Value, slug: &str) -> bool {
    let fields = status["drift"]["fields"].as_array().map_or(&[][..], Vec::as_slice);
    fields
        .iter()
        .any(|field| text(&field["path"]).contains(&format!("{slug}/index.ts")))
}

fn instead(function: &Value) -> String {
    format!("{}: {}", text(&function["metadata"]["name"]), sums_up(function))
}

async fn by_file(stage: &Stage, slug: &str, what: &str) -> Result<(), DemoError> {
    stage.show_drift(&format!("fn {slug}")).await?;
    stage.screen.seen(format_args!("{slug}: {what}"));
    Ok(())
}

/// One upload of the one function, and none of the other.
async fn uploads(stage: &Stage, journal: u64, enforced: &str) -> Result<(), DemoError> {
    let uploads = stage.project.uploads(journal).await?;
    ensure(uploads == [enforced], || {
        format!("the operator was to upload {enforced} once and nothing else; it uploaded {uploads:?}")
    })?;
    stage
        .screen
        .seen(format_args!("uploads by the operator since: 1 ({enforced})"));
    Ok(())
}

/// What was overwritten was kept, and it is what somebody deployed.
async fn archive(stage: &Stage, deployed: &Deployed<'_>, corrected: &str) -> Result<(), DemoError> {
    let labels = format!(
        "ops.mobulace.com/archive=Foreign,ops.mobulace.com/function={}",
        deployed.slug
    );
    stage.show(&format!("get configmap --selector {labels}")).await?;
    let line = format!("--namespace {NAMESPACE} get configmap --selector {labels}");
    let archives = stage.kubectl.json(&line).await?;
    let archives = archives["items"].as_array().map_or(&[][..], Vec::as_slice);
    let kept = archives.iter().find_map(|archive| {
        let files = files(archive)?;
        let (file, _) = files.into_iter().find(|(_, text)| text.contains(&deployed.line))?;
        Some((text(&archive["metadata"]["name"]), file))
    });
    let Some((name, file)) = kept else {
        return Err(DemoError::Wrong(format!(
            "{} was corrected at {corrected}, and no archive holds what was live before",
            deployed.slug
        )));
    };
    stage.screen.answer(&format!("+ {}", deployed.line));
    stage
        .screen
        .seen(format_args!("what was overwritten is kept in {name}: {file}"));
    Ok(())
}

/// Path and text of each file in an archive.
fn files(archive: &Value) -> Option<Vec<(String, String)>> {
    let packed = text(&archive["binaryData"]["content.tar.gz"]);
    let packed = base64::engine::general_purpose::STANDARD.decode(packed).ok()?;
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&packed[..]));
    let mut files = Vec::new();
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        let path = entry.path().ok()?.display().to_string();
        let mut text = String::new();
        // A static file that is no text is not what is looked for.
        if std::io::Read::read_to_string(&mut entry, &mut text).is_ok() {
            files.push((path, text));
        }
    }
    Some(files)
}

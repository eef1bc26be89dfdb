//! From an empty cluster to functions that are Ready.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use ace_sandbox::bed::BedFile;
use serde_json::Value;

use super::error::DemoError;
use super::http::text;
use super::kubectl::Kubectl;
use super::migrations;
use super::operator::Operator;
use super::screen::Screen;
use super::stage::{LOOK, Look, Stage, condition, is_current};
use super::team::{NAMESPACE, PLATFORM, Team};

/// Thirteen deploys in three waves. Measured: 9 s on two busy cores.
const ROLL_OUT: Duration = Duration::from_mins(4);

/// Functions of the example.
pub(super) const FUNCTIONS: usize = 13;

/// A look that was asked for.
const OVERVIEW: Duration = Duration::from_mins(1);

/// What the example's functions read from their environment. The values are of use here only.
const SECRETS: [&str; 3] = ["LINK_SECRET", "TWILIO_AUTH_TOKEN", "TWILIO_FROM_NUMBER"];

/// Definitions, rights and the operator itself.
pub(super) async fn operator(
    screen: Screen,
    program: &Path,
    bed: &BedFile,
    directory: &Path,
    team: &Team,
) -> Result<Operator, DemoError> {
    screen.chapter("The operator");
    let (began, kubectl) = (Instant::now(), Kubectl::new(bed));
    kubectl.apply_folder(&team.operator()?).await?;
    let established = "wait --for=condition=Established crd --all --timeout=60s";
    kubectl.run(established).await?;
    screen.done("definitions and rights: deploy/, without its Deployment", began);
    let began = Instant::now();
    let operator = Operator::start(program, bed, directory).await?;
    screen.done("ace-operator runs, with its ServiceAccount's token", began);
    screen.note(format_args!("its log: {}", operator.log().display()));
    Ok(operator)
}

/// The team's project, and its wishes.
pub(super) async fn team(stage: &Stage) -> Result<(), DemoError> {
    let (screen, bed) = (stage.screen, &stage.bed);
    screen.chapter("The team applies examples/ace-engage");
    let began = Instant::now();
    let secrets = SECRETS.map(|name| {
        let value = if name == "TWILIO_FROM_NUMBER" {
            "+15550100000".to_owned()
        } else {
            hex::encode(rand::random::<[u8; 16]>())
        };
        (name, value)
    });
    let set = stage.project.set_secrets(&secrets).await?;
    screen.done(
        format_args!("the project's secrets: {set} of {} to set", SECRETS.len()),
        began,
    );

    let began = Instant::now();
    stage.kubectl.apply_folder(&stage.team.namespace()?).await?;
    screen.done(
        format_args!("namespace {NAMESPACE}, and the operator's rights in it"),
        began,
    );
    let began = Instant::now();
    stage.kubectl.apply(&Team::secret(bed, &stage.database)).await?;
    let source = stage.apply_source().await?;
    let size = source.bytes.div_ceil(1024);
    let files = stage.apply_migrations().await?;
    screen.done(
        format_args!("Secret, ConfigMaps: functions ({size} KB), {files} migrations"),
        began,
    );
    let began = Instant::now();
    let resources = stage.team.resources(bed, &stage.database)?;
    stage.kubectl.apply_folder(&resources).await?;
    screen.done("Platform, MigrationSet and EdgeFunctions", began);
    migrations::first(stage, files).await?;

    screen.chapter("Until all is Ready: three waves, each checked over HTTP");
    let began = Instant::now();
    let waited = stage.wait("fn", "Ready", &[], ROLL_OUT, |functions| {
        all_ready(functions, &source.revision)
    });
    let count = waited.await?;
    screen.done(format_args!("{count} of {count} functions are Ready"), began);
    Ok(())
}

/// `kubectl get ace`, once the Platform has counted what is live.
pub(super) async fn overview(stage: &Stage) -> Result<(), DemoError> {
    stage.screen.chapter("One look at everything");
    stage.look_now(&format!("platform {PLATFORM}")).await?;
    let began = Instant::now();
    loop {
        let line = format!("--namespace {NAMESPACE} get platform {PLATFORM}");
        let platform = stage.kubectl.json(&line).await?;
        if platform["status"]["functions"]["managed"] == FUNCTIONS && condition(&platform, "Ready").0 == "True" {
            return stage.show("get ace").await;
        }
        if began.elapsed() > OVERVIEW {
            return Err(DemoError::NotSeen {
                what: format!("the Platform counts {FUNCTIONS} functions"),
                patience: OVERVIEW,
                last: format!(
                    "{}; {}",
                    platform["status"]["functions"],
                    condition(&platform, "Ready").2
                ),
            });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How many there are when each is Ready with this very tree; else what the others wait for.
fn all_ready(functions: &[Value], revision: &str) -> Look<usize> {
    let mut others: BTreeMap<&str, usize> = BTreeMap::new();
    let mut stalled = None;
    for function in functions {
        let (ready, reason, message) = condition(function, "Ready");
        let acted_upon = is_current(function) && text(&function["status"]["source"]["artifactRevision"]) == revision;
        if ready == "True" && acted_upon {
            continue;
        }
        let reason = if ready == "True" || reason.is_empty() {
            "Observing"
        } else {
            reason
        };
        *others.entry(reason).or_default() += 1;
        if condition(function, "Stalled").0 == "True" {
            stalled = Some(format!("; {}: {message}", text(&function["metadata"]["name"])));
        }
    }
    let waiting: usize = others.values().sum();
    if waiting == 0 && functions.len() == FUNCTIONS {
        return Ok(functions.len());
    }
    let others: Vec<String> = others
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    let ready = functions.len() - waiting;
    Err(format!(
        "{ready} of {FUNCTIONS}; {}{}",
        others.join(", "),
        stalled.unwrap_or_default()
    ))
}

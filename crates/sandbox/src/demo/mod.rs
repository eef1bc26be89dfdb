//! `ace-dev demo`: a team's functions and migrations under the operator, from an empty cluster to a table that is dropped.
//!
//! Everything runs at life's pace and against the bed; each claim is checked where it is made, and the demo fails with
//! the first that does not hold. The operator is a process of its own with the rights of its ServiceAccount.

mod calls;
mod database;
mod drift;
mod error;
mod http;
mod kubectl;
mod migrations;
mod operator;
mod rollout;
mod screen;
mod setup;
mod stage;
mod supabase;
mod team;

use std::path::{Path, PathBuf};
use std::time::Instant;

use ace_sandbox::bed::{Bed, BedError, testing};

use database::Database;
pub(crate) use error::DemoError;
use kubectl::Kubectl;
use operator::Operator;
use screen::Screen;
use stage::Stage;
use team::{NAMESPACE, Team};

/// What the viewer asked for.
pub(crate) struct DemoConfig {
    /// Directory of the bed.
    pub(crate) directory: PathBuf,
    /// Ends by itself.
    pub(crate) once: bool,
    /// The operator's program; by default the one beside our own.
    pub(crate) operator: Option<PathBuf>,
}

/// Plays the demo. Fails when something did not happen, or was not as it has to be.
///
/// `bring_up` makes the bed; it returns nothing when the viewer asked to end meanwhile.
pub(crate) async fn run(
    config: DemoConfig,
    bring_up: impl AsyncFnOnce(PathBuf) -> Result<Option<Bed>, BedError>,
    asked_to_end: impl AsyncFn(),
) -> Result<(), DemoError> {
    let (began, screen) = (Instant::now(), Screen::new());
    let (checkout, program) = (team::checkout()?, operator::program(config.operator)?);
    screen.chapter("The bed: control plane, PostgreSQL, Supabase's platform");
    let Some(mut bed) = bring_up(config.directory).await? else {
        return interrupted(config.once);
    };
    let mut operator = None;
    let outcome = tokio::select! {
        outcome = play(&screen, &checkout, &program, bed.file().clone(), bed.directory().to_owned(), &mut operator) => outcome,
        error = bed.ended() => Err(error.into()),
        () = asked_to_end() => {
            stop(bed, operator).await?;
            return interrupted(config.once);
        }
    };
    match &outcome {
        Ok(()) => screen.chapter(&format!(
            "All of it was seen, in {:.0} s",
            began.elapsed().as_secs_f64()
        )),
        // One that ends is told by whoever started it.
        Err(error) if !config.once => screen.failure(&testing::explain(error)),
        Err(_) => {}
    }
    // What went wrong can be looked at, too.
    let failure = if config.once {
        None
    } else {
        go_on(screen, &bed, operator.as_ref());
        tokio::select! {
            error = bed.ended() => Some(error.into()),
            error = ended(&mut operator) => Some(error),
            () = asked_to_end() => None,
        }
    };
    stop(bed, operator).await?;
    failure.map_or(outcome, Err)
}

/// The viewer has seen enough; whoever waits for a verdict has none.
fn interrupted(once: bool) -> Result<(), DemoError> {
    if once { Err(DemoError::Interrupted) } else { Ok(()) }
}

async fn play(
    screen: &Screen,
    checkout: &Path,
    program: &Path,
    bed: ace_sandbox::bed::BedFile,
    directory: PathBuf,
    running: &mut Option<Operator>,
) -> Result<(), DemoError> {
    let team = Team::copy(checkout, directory.join("demo"))?;
    *running = Some(setup::operator(*screen, program, &bed, &directory, &team).await?);
    let stage = Stage {
        screen: *screen,
        kubectl: Kubectl::new(&bed),
        project: http::Project::new(&bed)?,
        database: Database::of(&bed)?,
        team,
        bed,
    };
    tokio::select! {
        outcome = tour(&stage) => outcome,
        error = ended(running) => Err(error),
    }
}

/// What there is to see, in its order.
async fn tour(stage: &Stage) -> Result<(), DemoError> {
    setup::team(stage).await?;
    calls::some(stage).await?;
    setup::overview(stage).await?;
    drift::show(stage).await?;
    rollout::show(stage).await?;
    migrations::by_hand(stage).await?;
    migrations::dropping(stage).await
}

async fn ended(operator: &mut Option<Operator>) -> DemoError {
    match operator {
        Some(operator) => operator.ended().await,
        None => std::future::pending().await,
    }
}

async fn stop(bed: Bed, operator: Option<Operator>) -> Result<(), DemoError> {
    if let Some(operator) = operator {
        operator.stop().await;
    }
    Ok(bed.stop().await?)
}

fn go_on(screen: Screen, bed: &Bed, operator: Option<&Operator>) {
    let file = bed.file();
    screen.chapter("Go on, in another terminal");
    let line = |text: String| screen.answer(&text);
    let bin = bed.directory().join("bin");
    line(format!("export KUBECONFIG={}", crate::shell(&file.kubeconfig)));
    line(format!("export PATH={}:$PATH", crate::shell(&bin)));
    line(format!("kubectl --namespace {NAMESPACE} get ace"));
    line(format!("kubectl --namespace {NAMESPACE} describe fn handle-purl"));
    line(format!("kubectl --namespace {NAMESPACE} describe migs main"));
    line("kubectl explain fn.spec".to_owned());
    line(format!("curl {}/functions/v1/health", file.functions_url));
    if let Some(operator) = operator {
        line(format!("tail -f {}", crate::shell(operator.log())));
        line(format!("curl {}", operator.metrics()));
    }
    screen.note("Ctrl-C takes everything down; what is in it stays.");
}

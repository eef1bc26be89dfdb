//! `ace-dev demo`: a team's functions and migrations under the operator, from an empty cluster to a table that is dropped.
//!
//! Everything runs at life's pace and against the bed; each claim is checked where it is made, and the demo fails with
//! the first that does not hold. The operator is a process of its own with the rights of its ServiceAccount.

mod environment;
mod error;
mod expectation;
mod operator;
mod runner;
mod screen;
mod steps;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use ace_sandbox::bed::{Bed, BedError, BedFile, testing};
use futures::future::{join_all, select_all};

use environment::Environment;
pub(crate) use error::DemoError;
use operator::{OPERATOR, Operator, WORKER};
use runner::Runner;
use screen::Screen;

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
    let out = std::io::stdout();
    let is_terminal = out.is_terminal();
    let (began, screen) = (Instant::now(), Screen::new(Rc::new(RefCell::new(out)), is_terminal));
    let (checkout, program) = (environment::checkout()?, operator::program(config.operator)?);
    screen.chapter("The bed: control plane, PostgreSQL, Supabase's platform");
    let Some(mut bed) = bring_up(config.directory).await? else {
        return interrupted(config.once);
    };
    let mut running = Vec::new();
    let outcome = tokio::select! {
        outcome = play(&screen, &checkout, &program, bed.file().clone(), bed.directory().to_owned(), &mut running) => outcome,
        error = bed.ended() => Err(error.into()),
        () = asked_to_end() => {
            stop(bed, running).await?;
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
        go_on(&screen, &bed, running.first());
        tokio::select! {
            error = bed.ended() => Some(error.into()),
            error = ended(&mut running) => Some(error),
            () = asked_to_end() => None,
        }
    };
    stop(bed, running).await?;
    failure.map_or(outcome, Err)
}

/// The viewer has seen enough; whoever waits for a verdict has none.
fn interrupted(once: bool) -> Result<(), DemoError> {
    if once { Err(DemoError::Interrupted) } else { Ok(()) }
}

/// Plays the step files in their order. The first makes what the operator needs before it starts.
async fn play(
    screen: &Screen,
    checkout: &Path,
    program: &Path,
    bed: BedFile,
    directory: PathBuf,
    running: &mut Vec<Operator>,
) -> Result<(), DemoError> {
    let log = OPERATOR.log(&directory);
    let environment = Environment::of(&bed, checkout, directory.join("demo"), &log)?;
    let chapters = steps::read_all(environment.names())?;
    let mut runner = Runner { screen, environment };
    let mut chapters = chapters.iter();
    if let Some(definitions) = chapters.next() {
        runner.play(definitions).await?;
    }
    for process in [OPERATOR, WORKER] {
        let began = Instant::now();
        running.push(Operator::start(program, process, &bed, &directory).await?);
        let runs = format!("{} runs, with its ServiceAccount's token", process.account);
        screen.done(&runs, began);
        screen.note(format_args!("its log: {}", process.log(&directory).display()));
    }
    let tour = async {
        for chapter in chapters {
            runner.play(chapter).await?;
        }
        Ok(())
    };
    tokio::select! {
        outcome = tour => outcome,
        error = ended(running) => Err(error),
    }
}

/// Returns when one of them has ended by itself.
async fn ended(running: &mut [Operator]) -> DemoError {
    if running.is_empty() {
        return std::future::pending().await;
    }
    let ended = running.iter_mut().map(|operator| Box::pin(operator.ended()));
    select_all(ended).await.0
}

async fn stop(bed: Bed, running: Vec<Operator>) -> Result<(), DemoError> {
    join_all(running.into_iter().map(Operator::stop)).await;
    Ok(bed.stop().await?)
}

fn go_on(screen: &Screen, bed: &Bed, operator: Option<&Operator>) {
    screen.chapter("Go on, in another terminal");
    let line = |text: String| screen.answer(&text);
    line(format!("cd {}", crate::hints::shell(&bed.directory().join("demo"))));
    line(". ./environment     # names and programs of the commands above".to_owned());
    line("kubectl -n ace get ace".to_owned());
    line("kubectl -n ace describe fn handle-purl".to_owned());
    line("kubectl -n ace describe migs main".to_owned());
    line("kubectl explain fn.spec".to_owned());
    line("curl $F/health".to_owned());
    if let Some(operator) = operator {
        line("tail -f $OPERATOR_LOG".to_owned());
        line(format!("curl {}", operator.metrics()));
    }
    screen.note("Ctrl-C takes everything down; what is in it stays.");
}

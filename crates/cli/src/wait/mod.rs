//! `kubectl ace wait`: until all objects that read from a source have taken a revision of it.
//!
//! ```text
//! list ─▶ Member ─▶ judge ─┬─ Waiting ─▶ list …, until the time is up
//!                          └─ Taken, Stalled ─▶ exit code
//! ```

mod judge;
mod member;
mod subject;
#[cfg(test)]
mod tests;

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use ace_api::{EdgeFunction, MigrationSet};
use tokio::time::Instant;

use crate::arguments::WaitArguments;
use crate::cluster::Cluster;
use crate::plan::PlanError;
use judge::{Judge, Judged};
use member::Member;

pub(crate) use subject::Subject;

/// Between two lists: a change is seen soon, and a pipeline that waits costs the API server next to nothing.
const PAUSE: Duration = Duration::from_secs(2);
/// Most objects that are named.
const NAMED: usize = 10;

/// How the waiting ended.
#[derive(Debug)]
pub(crate) enum End {
    Taken(usize),
    Stalled(Vec<String>),
    /// With the last trouble of reading, if there was one.
    TimeIsUp(Vec<String>, Option<PlanError>),
}

/// Waits; `say` gets what has changed meanwhile.
pub(crate) async fn wait(arguments: &WaitArguments, say: impl Fn(&str)) -> Result<End, PlanError> {
    let started = Instant::now();
    let cluster = Cluster::connect(arguments.context.as_deref()).await?;
    let namespace = arguments.namespace.as_deref().unwrap_or(&cluster.namespace);
    let mut judge = Judge::new(&arguments.revision);
    let mut said = String::new();
    let mut missing = Vec::new();
    let mut trouble;
    loop {
        match members(&cluster, namespace, arguments).await {
            Ok(members) => {
                trouble = None;
                match judge.judge(&members) {
                    Judged::Taken => return Ok(End::Taken(members.len())),
                    Judged::Stalled(objects) => return Ok(End::Stalled(objects)),
                    Judged::Waiting(objects) => {
                        let taken = members.len() - objects.len();
                        let progress = format!(
                            "{taken} of {} have taken {} and are Ready",
                            members.len(),
                            arguments.revision
                        );
                        if progress != said {
                            say(&progress);
                            said = progress;
                        }
                        missing = objects;
                    }
                }
            }
            // It may answer the next time.
            Err(error @ PlanError::Unanswered { .. }) => trouble = Some(error),
            Err(error) => return Err(error),
        }
        if started.elapsed() + PAUSE > arguments.timeout.get() {
            return Ok(End::TimeIsUp(missing, trouble));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn members(cluster: &Cluster, namespace: &str, arguments: &WaitArguments) -> Result<Vec<Member>, PlanError> {
    let subjects = &arguments.subjects;
    let mut members = Vec::new();
    if subject::includes_kind(subjects, subject::Kind::EdgeFunction) {
        let functions = cluster.list::<EdgeFunction>(namespace).await?;
        members.extend(functions.iter().map(Member::from));
    }
    if subject::includes_kind(subjects, subject::Kind::MigrationSet) {
        let sets = cluster.list::<MigrationSet>(namespace).await?;
        members.extend(sets.iter().map(Member::from));
    }
    member::chosen(members, subjects, arguments.source.as_deref()).map_err(|cause| PlanError::Which {
        namespace: namespace.to_owned(),
        cause,
    })
}

impl End {
    /// 0: all have taken the revision; 2: one is stalled; 1: the time is up.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Taken(_) => ExitCode::SUCCESS,
            Self::Stalled(_) => ExitCode::from(2),
            Self::TimeIsUp(..) => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(1) => f.write_str("the one object has taken it and is Ready"),
            Self::Taken(number) => write!(f, "all {number} have taken it and are Ready"),
            Self::Stalled(objects) => {
                f.write_str("stalled, which needs a person:")?;
                list(f, objects)
            }
            Self::TimeIsUp(objects, trouble) => {
                f.write_str("the time is up:")?;
                list(f, objects)?;
                trouble.iter().try_for_each(|trouble| write!(f, "\n  {trouble}"))
            }
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, objects: &[String]) -> fmt::Result {
    for object in objects.iter().take(NAMED) {
        write!(f, "\n  {object}")?;
    }
    match objects.len().saturating_sub(NAMED) {
        0 => Ok(()),
        more => write!(f, "\n  and {more} more"),
    }
}

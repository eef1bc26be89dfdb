//! The deploy-time check: what the platform's bundler would refuse, found without running anything.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::time::timeout;

use super::deno::Deno;
use super::deployment::Deployment;
use super::graph::Graph;
use super::imports::ImportsError;

/// Downloading supabase-js with all it needs took 0.4 s; a registry that hangs must not hold a deploy for ever.
const LONGEST: Duration = Duration::from_mins(2);

/// Why the platform refuses a deploy. `Display` is the platform's wording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The entrypoint is not among the files.
    #[error("Entrypoint path does not exist - {path}")]
    EntrypointMissing {
        /// Absolute path in the container.
        path: String,
    },
    /// A local import names no file of the deployment.
    #[error("Failed to bundle the function (reason: Module not found \"{specifier}\". at {at}).")]
    ModuleNotFound {
        /// `file:///tmp/user_fn_…`
        specifier: String,
        /// `file:///tmp/user_fn_…:line:column`
        at: String,
    },
    /// An import that is neither a path nor a URL, and in no import map.
    #[error("Failed to bundle the function (reason: {message} at {at}).")]
    Unresolved {
        message: String,
        /// `file:///tmp/user_fn_…:line:column`
        at: String,
    },
    /// A module or the import map does not parse.
    #[error("Failed to bundle the function (reason: {message} at {at}).")]
    Syntax {
        message: String,
        /// `file:///tmp/user_fn_…:line:column`
        at: String,
    },
}

/// Outcome of a deploy-time check that is not "fine".
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("failed to run the deploy-time check")]
    Failed(#[from] io::Error),
}

/// Looks at the module graph; packages that it names end up in the cache, remote modules when they can be reached.
pub(super) async fn check(deno: &Deno, deployment: &Deployment) -> Result<(), CheckError> {
    let entrypoint = deployment.entrypoint_path();
    if !tokio::fs::metadata(&entrypoint)
        .await
        .is_ok_and(|found| found.is_file())
    {
        let path = deployment.container_path(&entrypoint);
        return Err(Refused::EntrypointMissing { path }.into());
    }
    let configuration = match deno.configuration(deployment) {
        Ok(path) => path,
        Err(ImportsError::Map { path, message }) => {
            let at = format!("file://{}", deployment.container_path(&path));
            return Err(Refused::Syntax { message, at }.into());
        }
        Err(ImportsError::Io(error)) => return Err(error.into()),
    };
    let mut command = deno.info(&configuration, &entrypoint);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(LONGEST, command.output())
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let graph: Graph = serde_json::from_slice(&output.stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        io::Error::other(said.lines().last().unwrap_or("deno info said nothing").to_owned())
    })?;
    graph
        .refusal(deployment, &deno.stand_in)
        .map_or(Ok(()), |refused| Err(refused.into()))
}

//! The edge runtime: one Deno process per function, started at its first call, watched, swapped and reaped.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;

/// One version of one function, unpacked on disk, as it will run.
#[derive(Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Reference of the project.
    pub project: String,
    /// Slug of the function: first segment of the path that the function sees.
    pub slug: String,
    /// The platform's id of the function.
    pub id: uuid::Uuid,
    /// The platform's version: a higher one replaces the running process.
    pub version: i64,
    /// Folder that stands for the container's `/tmp/user_fn_<project>_<id>_<version>`.
    pub root: PathBuf,
    /// Relative to `root`, e.g. `source/supabase/functions/hello/index.ts`.
    pub entrypoint: PathBuf,
    /// Relative to `root`: a `deno.json`, `deno.jsonc` or import map.
    pub import_map: Option<PathBuf>,
    /// Whole environment of the function. A change of it is a swap like a new version.
    pub environment: BTreeMap<String, String>,
}

/// Why the platform refuses a deploy. `Display` is the platform's wording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The entrypoint is not among the files; `path` is the container's.
    #[error("Entrypoint path does not exist - {path}")]
    EntrypointMissing {
        /// Absolute path in the container.
        path: String,
    },
    /// A local import names no file.
    #[error("Failed to bundle the function (reason: Module not found \"{specifier}\". at {at}).")]
    ModuleNotFound {
        /// `file:///tmp/user_fn_…`
        specifier: String,
        /// `file:///tmp/user_fn_…:line:column`
        at: String,
    },
    /// A module does not parse.
    #[error("Failed to bundle the function (reason: {message} at {at}).")]
    Syntax {
        /// The parser's words.
        message: String,
        /// `file:///tmp/user_fn_…:line:column`
        at: String,
    },
}

/// Outcome of a deploy-time check that is not "fine".
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The function's fault.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The machine's fault.
    #[error("could not run the deploy-time check")]
    Failed(#[source] io::Error),
}

/// Limits of one function's process, enforced by looking every 250 ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Resident memory of its own (without the mapped binary), in bytes. The platform: 256 MB.
    pub memory: u64,
    /// CPU time without finishing a request. The platform: 2 s a request.
    pub cpu: Duration,
    /// Age of a request at which the process is killed. The platform: 400 s (paid).
    pub wall: Duration,
    /// Time to the head of an answer, then 504. The platform: 150 s.
    pub answer: Duration,
    /// Time to load the modules and register a handler.
    pub boot: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory: 256 * 1024 * 1024,
            cpu: Duration::from_secs(2),
            wall: Duration::from_secs(400),
            answer: Duration::from_secs(150),
            boot: Duration::from_secs(10),
        }
    }
}

/// Where the runtime finds Deno and keeps its own files.
#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// The native binary.
    pub deno: PathBuf,
    /// Folder for caches and the boot file; created when absent.
    pub dir: PathBuf,
    /// A process without a request for this long is stopped.
    pub idle: Duration,
    /// Limits of each process.
    pub limits: Limits,
}

/// All functions' processes.
pub struct Runtime {
    #[expect(dead_code, reason = "the module's skeleton; processes follow")]
    config: RuntimeConfig,
}

impl Runtime {
    /// Prepares the folder; starts nothing.
    pub fn new(config: RuntimeConfig) -> io::Result<Arc<Runtime>> {
        Ok(Arc::new(Runtime { config }))
    }

    /// Deploy-time check, without running anything; also fills the npm cache. Remote imports never refuse a deploy.
    pub async fn check(&self, _deployment: &Deployment) -> Result<(), CheckError> {
        Err(CheckError::Failed(io::ErrorKind::Unsupported.into()))
    }

    /// Answers one call; starts the process at the first, swaps when version or environment changed.
    pub async fn call(&self, _deployment: &Deployment, _request: Request) -> Response {
        Response::new(axum::body::Body::empty())
    }

    /// Stops the process of a deleted function and drops its logs.
    pub fn forget(&self, _project: &str, _slug: &str) {}

    /// Last lines that the function wrote, newest last.
    pub fn logs(&self, _project: &str, _slug: &str) -> Vec<String> {
        Vec::new()
    }

    /// Stops every process and waits for them.
    pub async fn shutdown(&self) {}
}

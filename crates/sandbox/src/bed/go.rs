//! Programs that are written in Go: built once from a module of this repository, and kept in the cache outside the checkout.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::process;
use super::progress::Progress;
use super::tools::{self, ToolError};

/// How often a build says how far it is.
const REPORT: Duration = Duration::from_secs(10);

/// A program, and the module that it is built from.
pub(super) struct Program {
    /// Of the binary, and of its folder in the cache.
    pub(super) name: &'static str,
    /// What is built from where, and how long that takes.
    pub(super) what: &'static str,
    /// Names and texts of the module's files.
    pub(super) module: &'static [(&'static str, &'static str)],
    /// The package with `main`.
    pub(super) package: &'static str,
    pub(super) linker_flags: String,
    /// Packages that are compiled (`go list -deps . | wc -l`).
    pub(super) packages: usize,
}

impl Program {
    /// The folder with the program, which is built when it is not in the cache. `finish` adds to it then.
    pub(super) fn ensure(
        &self,
        progress: Progress,
        finish: impl FnOnce(&Path) -> Result<(), ToolError>,
    ) -> Result<PathBuf, ToolError> {
        let go = go()?;
        let version = tools::run(Command::new(&go).args(["env", "GOVERSION"]).current_dir("/"))?;
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        let sources = self.module.iter().flat_map(|(name, text)| [*name, *text]);
        let key = tools::digest(sources.chain([version.as_str(), &self.linker_flags]));
        let directory = tools::cache_directory()?.join(self.name).join(key);
        tools::in_cache(&directory, |unfinished| {
            self.build(&go, unfinished, progress)?;
            finish(unfinished)
        })?;
        Ok(directory)
    }

    fn build(&self, go: &Path, directory: &Path, progress: Progress) -> Result<(), ToolError> {
        let started = Instant::now();
        progress.say(format_args!("building {}", self.what));
        let sources = directory.join("source");
        fs::create_dir(&sources).map_err(ToolError::file("create", &sources))?;
        lay_out(self.module, &sources)?;
        let mut command = process::guarded(go, Signal::KILL);
        command
            .args(["build", "-v", "-trimpath", "-buildvcs=false", "-mod=readonly"])
            .arg(format!("-ldflags={}", self.linker_flags))
            .arg("-o")
            .args([&directory.join(self.name), Path::new(self.package)])
            .env("CGO_ENABLED", "0")
            .current_dir(&sources)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        watch(command, self.packages, progress, started)?;
        progress.took(self.name, started, "built, and kept in the cache");
        Ok(())
    }
}

pub(super) fn go() -> Result<PathBuf, ToolError> {
    tools::on_path("go").ok_or_else(|| ToolError::Missing {
        program: "go",
        remedy: "install Go 1.26 or newer, or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl"
            .to_owned(),
    })
}

/// Runs the compiler, and shows that it is at work: it names a package a line, and is silent while it links.
fn watch(command: Command, packages: usize, progress: Progress, started: Instant) -> Result<(), ToolError> {
    let line = tools::line_of(&command);
    let failed = |source| ToolError::Run {
        command: line.clone(),
        source,
    };
    let mut compiler = process::spawn(command).map_err(failed)?;
    let (sender, lines) = mpsc::channel();
    let pipe = compiler.stderr.take();
    // Ends with the pipe.
    std::thread::spawn(move || {
        let lines = pipe
            .into_iter()
            .flat_map(|pipe| BufReader::new(pipe).lines())
            .map_while(Result::ok);
        lines.for_each(|line| {
            // Nobody listens any more only when the wait below was given up.
            let _ = sender.send(line);
        });
    });
    let (mut done, mut output, mut next) = (0, String::new(), Instant::now() + REPORT);
    loop {
        match lines.recv_timeout(next.saturating_duration_since(Instant::now())) {
            // A package, or else what the compiler has to say about one.
            Ok(text) if !text.contains(' ') => done += 1,
            Ok(text) => output = output + &text + "\n",
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                next += REPORT;
                let seconds = started.elapsed().as_secs();
                progress.say(format_args!(
                    "  {seconds} s: {done} of at most {packages} packages compiled, then they are linked"
                ));
            }
        }
    }
    if compiler.wait().map_err(failed)?.success() {
        return Ok(());
    }
    Err(ToolError::Failed {
        command: line,
        output: tools::end_of(&output),
    })
}

pub(super) fn lay_out(module: &[(&str, &str)], directory: &Path) -> Result<(), ToolError> {
    for (name, text) in module {
        let path = directory.join(name);
        fs::write(&path, text).map_err(ToolError::file("write", path))?;
    }
    Ok(())
}

//! Supabase's own CLI, as a colleague beside the operator runs it.

use std::{env, fs, path::PathBuf};

use ace_sandbox::bed::tools;
use tempfile::TempDir;
use tokio::process::Command;

use crate::{Project, bed};

/// A colleague's checkout and home directory.
pub struct Colleague {
    home: TempDir,
    token: String,
    reference: String,
}

impl Colleague {
    /// A checkout without functions, pointed at the bed's platform.
    ///
    /// # Panics
    /// If it can't be written.
    pub fn new(project: &Project) -> Self {
        let home = tempfile::tempdir().expect("temporary files can be written");
        let profile = &bed().bed.file().supabase_profile;
        fs::copy(profile, home.path().join("profile.yaml")).expect("the bed wrote a profile");
        let colleague = Self {
            home,
            token: project.token.clone(),
            reference: project.reference.clone(),
        };
        colleague.file("config.toml", "project_id = \"checkout\"\n");
        colleague
    }

    /// Writes a file below `supabase/`.
    ///
    /// # Panics
    /// If it can't be written.
    pub fn file(&self, path: &str, content: &str) {
        let path = self.checkout().join("supabase").join(path);
        let folder = path.parent().expect("a file lies in a folder");
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, content))
            .expect("temporary files can be written");
    }

    /// Writes a tree of functions.
    pub fn files(&self, files: &[(&str, &str)]) {
        for (path, content) in files {
            self.file(&format!("functions/{path}"), content);
        }
    }

    /// Writes migrations, each by its name.
    pub fn migrations(&self, files: &[(&str, &str)]) {
        for (name, content) in files {
            self.file(&format!("migrations/{name}"), content);
        }
    }

    /// Deploys a function as `supabase functions deploy NAME --use-api` does.
    ///
    /// # Panics
    /// If the CLI fails: with what it said.
    pub async fn deploy(&self, slug: &str, verify_jwt: bool) {
        let reference = format!("--remote={}", self.reference);
        let mut arguments = vec!["functions", "deploy", slug, "--use-api", &reference, "--yes"];
        if !verify_jwt {
            arguments.push("--no-verify-jwt");
        }
        self.run(&arguments).await;
    }

    /// Runs the CLI in the checkout, and answers with what it printed.
    ///
    /// # Panics
    /// If it fails: with what it said.
    pub async fn run(&self, arguments: &[&str]) -> String {
        let ran = self.try_run(arguments).await;
        ran.unwrap_or_else(|said| panic!("supabase {arguments:?}: {said}"))
    }

    /// The same; an error is what it said when it failed.
    ///
    /// # Errors
    /// When the CLI fails.
    ///
    /// # Panics
    /// If it can't be run.
    pub async fn try_run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(tools::supabase_cli().expect("the CLI is installed"))
            .args(arguments)
            .current_dir(self.checkout())
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("SUPABASE_HOME", self.home.path().join("home"))
            .env("SUPABASE_PROFILE", self.home.path().join("profile.yaml"))
            .env("SUPABASE_ACCESS_TOKEN", &self.token)
            .env("SUPABASE_TELEMETRY_DISABLED", "1")
            .env("DO_NOT_TRACK", "1")
            .env("SUPABASE_NO_KEYRING", "1")
            .env("SUPABASE_NO_UPDATE_NOTIFIER", "1")
            .kill_on_drop(true)
            .output()
            .await
            .expect("the CLI can be run");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr))
        }
    }

    /// The directory that has `supabase/`.
    pub fn checkout(&self) -> PathBuf {
        self.home.path().join("checkout")
    }
}

//! Supabase's own CLI, as somebody uses it who does not go through the team's repository.

use std::process::Stdio;

use ace_sandbox::bed::tools;
use tokio::process::Command;

use super::error::DemoError;
use super::kubectl::output;
use super::stage::Stage;

/// Deploys functions from the other copy.
pub(super) async fn deploy(stage: &Stage, slugs: &[&str]) -> Result<(), DemoError> {
    let program = tools::supabase_cli().map_err(ace_sandbox::bed::BedError::from)?;
    let remote = format!("--remote={}", stage.bed.project);
    let line = format!("supabase functions deploy {} --use-api {remote}", slugs.join(" "));
    stage.screen.command(&line);
    let home = stage.team.elsewhere();
    let mut command = Command::new(program);
    command
        .args(["functions", "deploy"])
        .args(slugs)
        .args(["--use-api", &remote, "--yes"])
        .current_dir(&home)
        // Nothing of the viewer's own configuration, and nothing left behind in it.
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", &home)
        .env("SUPABASE_HOME", home.join("home"))
        .env("SUPABASE_PROFILE", &stage.bed.supabase_profile)
        .env("SUPABASE_ACCESS_TOKEN", &stage.bed.token)
        .env("SUPABASE_TELEMETRY_DISABLED", "1")
        .env("DO_NOT_TRACK", "1")
        .env("SUPABASE_NO_KEYRING", "1")
        .env("SUPABASE_NO_UPDATE_NOTIFIER", "1")
        .stdin(Stdio::null());
    output(&mut command, "supabase", &line, "").await.map(drop)
}

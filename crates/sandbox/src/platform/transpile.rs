//! TypeScript as JavaScript: how the body of a function looks that was bundled elsewhere.

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::state::Files;

/// Endings of what is transpiled; JavaScript stays as it is.
const TYPED: [&str; 4] = [".ts", ".mts", ".tsx", ".jsx"];

/// The files under their names, with types gone and a source map at the end. Each such file differs from its source,
/// since the source map is there even where there were no types.
pub(super) async fn transpiled(deno: &Path, cache: &Path, root: &Path, files: &Files) -> io::Result<Files> {
    let mut all = files.clone();
    for (path, bytes) in &mut all {
        if TYPED.iter().any(|ending| path.ends_with(ending)) && !path.ends_with(".d.ts") {
            *bytes = transpile(deno, cache, root, path).await?.into();
        }
    }
    Ok(all)
}

async fn transpile(deno: &Path, cache: &Path, root: &Path, path: &str) -> io::Result<Vec<u8>> {
    let output = Command::new(deno)
        .args([
            "transpile",
            "--no-config",
            "--no-lock",
            "--no-remote",
            "--source-map",
            "inline",
            "--quiet",
            "--",
        ])
        .arg(root.join(path))
        .current_dir(root)
        .env_clear()
        .env("DENO_DIR", cache)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
}

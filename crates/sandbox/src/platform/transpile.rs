//! TypeScript as JavaScript: how the body of a function looks that was bundled elsewhere.

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::state::Files;

/// Endings of what is transpiled; JavaScript stays as it is.
const TYPED: [&str; 4] = [".ts", ".mts", ".tsx", ".jsx"];

/// The files under their names, with types gone and the usual pointer to a source map at the end, so that each such file
/// differs from its source even where there were no types.
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
            "none",
            "--quiet",
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
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut script = output.stdout;
    script.extend_from_slice(format!("//# sourceMappingURL={name}.map\n").as_bytes());
    Ok(script)
}

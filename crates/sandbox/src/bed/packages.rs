//! Extensions that the distribution has in packages of less than a megabyte: fetched into the cache, and not installed.

use std::path::PathBuf;
use std::process::Command;

use super::progress::Progress;
use super::server::{Server, major};
use super::tools::{self, ToolError};

/// What follows `postgresql-15-` in the names of their packages.
///
/// Not among them: `cron`, which works in one database of a server, and the bed has one for each project; `postgis-3`,
/// which comes with 48 others. Where `PostGIS` is installed, it is offered.
const NAMES: [&str; 4] = ["hypopg", "partman", "pgtap", "plpgsql-check"];

/// Where the packages for a server of this version are, if they were fetched.
pub(super) fn fetched(server: &Server) -> Result<Option<PathBuf>, ToolError> {
    let directory = directory(server)?;
    Ok(directory.exists().then_some(directory))
}

/// Fetches the packages for the installed server. A machine without them goes without these extensions, and is told so.
pub(super) fn fetch(progress: Progress) -> Result<(), ToolError> {
    let (true, Some(apt), Some(unpack)) = (
        tools::postgres_bin_dir()?.starts_with("/usr/lib/postgresql"),
        tools::on_path("apt-get"),
        tools::on_path("dpkg-deb"),
    ) else {
        return Ok(());
    };
    let server = Server::find()?;
    let names = NAMES.map(|name| format!("postgresql-{}-{name}", major(&server.version)));
    let filled = tools::in_cache(&directory(&server)?, |unfinished| {
        progress.say(format_args!("fetching {}", names.join(", ")));
        // Lists of packages are not brought up to date for these: that takes long where there is no network.
        tools::run(Command::new(&apt).arg("download").args(&names).current_dir(unfinished))?;
        let files = std::fs::read_dir(unfinished).into_iter().flatten().flatten();
        let packages = files
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|name| name == "deb"));
        for package in packages.collect::<Vec<_>>() {
            tools::run(Command::new(&unpack).arg("--extract").args([&package, unfinished]))?;
        }
        Ok(())
    });
    match filled {
        Err(ToolError::Failed { output, .. }) => {
            let reason = output.lines().last().unwrap_or_default().to_owned();
            progress.say(format_args!(
                "  without {}: {reason} (`apt-get update` may help)",
                NAMES.join(", ")
            ));
            Ok(())
        }
        other => other,
    }
}

fn directory(server: &Server) -> Result<PathBuf, ToolError> {
    let key = tools::digest(NAMES.into_iter().chain([major(&server.version)]));
    Ok(tools::cache_directory()?.join("packages").join(key))
}

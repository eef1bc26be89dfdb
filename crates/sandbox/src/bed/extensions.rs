//! The installed PostgreSQL, laid out anew so that it offers the extensions of a Supabase project, and lets `postgres`
//! create them.
//!
//! PostgreSQL finds its extensions by way of its own program's place: a copy of the program in a folder of its own, with
//! the folders beside it at the same distance, looks there. So nothing on this machine is changed, and no user but root
//! is needed. The files in `sql/extensions` stand in for extensions that no distribution has, or that need a server for
//! each project; where both are there, they go before installed ones.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::packages;
use super::server::Server;
use super::tools::{self, ToolError};

include!(concat!(env!("OUT_DIR"), "/extension_files.rs"));

/// Extensions that the platform lets `postgres` create, a superuser or not: an extension of its server (supautils) has
/// this list in its settings. Here the extension's control file says so.
const ALLOWED: &str = "address_standardizer address_standardizer_data_us autoinc bloom btree_gin btree_gist citext cube \
    dblink dict_int dict_xsyn earthdistance fuzzystrmatch hstore http hypopg index_advisor insert_username intarray isn \
    ltree moddatetime pg_cron pg_graphql pg_hashids pg_jsonschema pg_net pg_partman pg_prewarm pg_repack \
    pg_stat_monitor pg_stat_statements pg_tle pg_trgm pg_walinspect pgaudit pgcrypto pgjwt pgmq pgroonga pgrouting \
    pgrowlocks pgsodium pgstattuple pgtap plpgsql_check plv8 postgis postgis_raster postgis_sfcgal \
    postgis_tiger_geocoder postgis_topology postgres_fdw refint rum seg sslinfo supabase_vault tablefunc tcn \
    timescaledb tsm_system_rows tsm_system_time unaccent uuid-ossp vector wrappers";

/// Programs that look for the server's files from where they are: these are copied, the others are linked.
const MOVED: [&str; 3] = ["postgres", "initdb", "pg_ctl"];

/// Where the layout is kept when PostgreSQL does not run as root and nobody else can enter root's cache: everybody may
/// enter this, and it outlives a reboot.
const OUTSIDE: &str = "/var/tmp/ace-ops";

/// Directory of `postgres`, `initdb` and the other programs, of a server that offers what a project can create. It is
/// laid out at the first call, in the cache.
pub fn project_bin_dir() -> Result<PathBuf, ToolError> {
    static FOUND: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(directory) = &*found {
        return Ok(directory.clone());
    }
    let installed = Installed::find()?;
    let layout = place()?.join(installed.key()?);
    tools::in_cache(&layout, |unfinished| installed.lay_out(unfinished))?;
    let directory = below(&layout, &installed.server.programs);
    *found = Some(directory.clone());
    Ok(directory)
}

/// An installed server, and what was fetched beside it.
struct Installed {
    server: Server,
    packages: Option<PathBuf>,
}

impl Installed {
    fn find() -> Result<Installed, ToolError> {
        let server = Server::find()?;
        let packages = packages::fetched(&server)?;
        Ok(Installed { server, packages })
    }

    /// Differs when anything that is laid out does.
    fn key(&self) -> Result<String, ToolError> {
        let changed = |path: PathBuf| {
            let metadata = fs::metadata(&path).map_err(ToolError::file("read", &path))?;
            Ok(format!(
                "{} {}.{}",
                path.display(),
                metadata.mtime(),
                metadata.mtime_nsec()
            ))
        };
        let places = [
            changed(self.server.programs.join("postgres"))?,
            changed(self.server.shared.join("extension"))?,
            changed(self.server.libraries.clone())?,
            self.packages.iter().map(|path| path.display().to_string()).collect(),
        ];
        let files = FILES.iter().flat_map(|(name, text)| [*name, *text]);
        let places = places.iter().map(String::as_str);
        Ok(tools::digest(
            files.chain(places).chain([self.server.version.as_str(), ALLOWED]),
        ))
    }

    /// The same folders below another root.
    fn lay_out(&self, root: &Path) -> Result<(), ToolError> {
        let server = &self.server;
        let [programs, shared, libraries] =
            [&server.programs, &server.shared, &server.libraries].map(|folder| below(root, folder));
        let extensions = shared.join("extension");
        for folder in [&programs, &extensions, &libraries] {
            fs::create_dir_all(folder).map_err(ToolError::file("create", folder))?;
        }
        for program in MOVED {
            copy(&server.programs.join(program), &programs.join(program))?;
        }
        for (name, text) in FILES {
            let name = name.rsplit('/').next().unwrap_or(name);
            write(&extensions.join(name), &allowed(name, text))?;
        }
        if let Some(package) = &self.packages {
            add(&below(package, &server.shared).join("extension"), &extensions, copy)?;
            add(&below(package, &server.libraries), &libraries, copy)?;
        }
        let link = |from: &Path, to: &Path| symlink(from, to).map_err(ToolError::file("create", to));
        add(&server.shared.join("extension"), &extensions, link)?;
        add(&server.programs, &programs, link)?;
        add(&server.shared, &shared, link)?;
        add(&server.libraries, &libraries, link)
    }
}

/// Adds what a folder has to another that lacks it; control files are read for what `postgres` may create.
fn add(from: &Path, to: &Path, take: impl Fn(&Path, &Path) -> Result<(), ToolError>) -> Result<(), ToolError> {
    let names = fs::read_dir(from)
        .map_err(ToolError::file("read", from))?
        .map(|entry| Ok(entry.map_err(ToolError::file("read", from))?.file_name()))
        .collect::<Result<BTreeSet<_>, ToolError>>()?;
    for name in names {
        let (from, to) = (from.join(&name), to.join(&name));
        if to.symlink_metadata().is_ok() {
            continue;
        }
        let name = name.to_string_lossy();
        if is_allowed(&name) {
            let text = fs::read_to_string(&from).map_err(ToolError::file("read", &from))?;
            write(&to, &allowed(&name, &text))?;
        } else {
            take(&from, &to)?;
        }
    }
    Ok(())
}

/// Whether this is the control file of an extension that the platform lets `postgres` create.
fn is_allowed(name: &str) -> bool {
    let extension = name.strip_suffix(".control");
    extension.is_some_and(|extension| ALLOWED.split_whitespace().any(|allowed| allowed == extension))
}

/// The text of a file of an extension; of a control file, one that lets whoever may create in the database create it.
fn allowed(name: &str, text: &str) -> String {
    if !is_allowed(name) {
        return text.to_owned();
    }
    let setting = |line: &str| line.split(['=', ' ', '\t']).next().unwrap_or_default().to_owned();
    let mut written: Vec<&str> = text
        .lines()
        .filter(|line| !["trusted", "superuser"].contains(&setting(line).as_str()))
        .collect();
    written.push("trusted = true\n");
    written.join("\n")
}

/// `/usr/lib` below `/cache` is `/cache/usr/lib`.
fn below(root: &Path, folder: &Path) -> PathBuf {
    root.join(folder.strip_prefix("/").unwrap_or(folder))
}

/// Where layouts are kept.
pub(super) fn place() -> Result<PathBuf, ToolError> {
    let cache = tools::cache_directory()?;
    fs::create_dir_all(&cache).map_err(ToolError::file("create", &cache))?;
    if !rustix::process::geteuid().is_root() || everybody_may_enter(&cache) {
        return Ok(cache.join("postgres"));
    }
    let outside = Path::new(OUTSIDE);
    if let Err(error) = fs::DirBuilder::new().mode(0o755).create(outside)
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(ToolError::file("create", outside)(error));
    }
    // Anybody can make it there before root does, and what is in it will be run.
    let found = outside.symlink_metadata().map_err(ToolError::file("read", outside))?;
    if !found.is_dir() || found.uid() != 0 || found.mode() & 0o022 != 0 {
        return Err(ToolError::file("use", outside)(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it is not root's alone: remove it",
        )));
    }
    Ok(outside.join("postgres"))
}

/// Whether any user can get as far as this directory.
pub(super) fn everybody_may_enter(directory: &Path) -> bool {
    directory
        .ancestors()
        .all(|above| fs::metadata(above).is_ok_and(|metadata| metadata.mode() & 0o001 != 0))
}

fn copy(from: &Path, to: &Path) -> Result<(), ToolError> {
    // A folder among libraries is the compiler's bitcode for just-in-time compilation, which no bed uses.
    if from.is_dir() {
        return Ok(());
    }
    fs::copy(from, to).map(drop).map_err(ToolError::file("copy", from))
}

fn write(to: &Path, text: &str) -> Result<(), ToolError> {
    fs::write(to, text).map_err(ToolError::file("write", to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_file_of_the_platforms_list_lets_anybody_create_its_extension() {
        let text = "comment = 'x'\nsuperuser = true\ntrusted = false\ntrusted_by = 'y'\n";
        assert_eq!(
            allowed("moddatetime.control", text),
            "comment = 'x'\ntrusted_by = 'y'\ntrusted = true\n"
        );
        assert_eq!(allowed("file_fdw.control", text), text);
        assert_eq!(allowed("moddatetime--1.0.sql", text), text);
    }

    #[test]
    fn every_stand_in_is_one_that_postgres_may_create_and_has_its_script() {
        let names: BTreeSet<_> = FILES.iter().filter_map(|(name, _)| name.rsplit('/').next()).collect();
        let controls: Vec<_> = names.iter().filter(|name| name.ends_with(".control")).collect();
        assert!(!controls.is_empty());
        for control in controls {
            assert!(is_allowed(control), "{control}");
            let (_, text) = FILES.iter().find(|(name, _)| name.ends_with(*control)).unwrap();
            let version = text
                .split("default_version = '")
                .nth(1)
                .and_then(|rest| rest.split('\'').next());
            let script = format!("{}--{}.sql", control.trim_end_matches(".control"), version.unwrap());
            assert!(names.contains(script.as_str()), "{script}");
        }
    }

    #[test]
    fn a_file_of_the_installed_server_that_cannot_be_read_is_named() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = from.path().join("extension");
        let error = add(&folder, to.path(), copy).unwrap_err();
        assert_eq!(error.to_string(), format!("could not read {}", folder.display()));
        let file = from.path().join("hstore.so");
        let error = copy(&file, &to.path().join("hstore.so")).unwrap_err();
        assert_eq!(error.to_string(), format!("could not copy {}", file.display()));
    }

    #[test]
    fn what_is_there_goes_before_what_is_added() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (folder, name, text) in [
            (&from, "a.sql", "theirs"),
            (&from, "b.sql", "theirs"),
            (&to, "a.sql", "ours"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        add(from.path(), to.path(), copy).unwrap();
        let read = |name| fs::read_to_string(to.path().join(name)).unwrap();
        assert_eq!([read("a.sql"), read("b.sql")], ["ours", "theirs"]);
    }
}

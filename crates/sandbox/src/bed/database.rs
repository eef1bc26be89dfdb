//! PostgreSQL with what a Supabase project has in it.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio_postgres::{Client, NoTls};

use super::control_plane::{blocking, listen};
use super::error::BedError;
use super::extensions::everybody_may_enter;
use super::file::{self, Memory};
use super::ports;
use super::process::{self, Child, Program};
use super::progress::Progress;
use super::server::major;
use super::tools;
use super::user::unprivileged_user;

/// Roles, schemas and stubs of a Supabase project; may be applied again and again.
pub const BOOTSTRAP: &str = include_str!("../../sql/supabase_bootstrap.sql");

/// The cluster's superuser: not `postgres`, which is an ordinary role on the real platform. It has no password, so it
/// can only come through the socket, whose directory is closed to others.
const SUPERUSER: &str = "bed_superuser";

/// Measured: 0.12 s; recovery after a kill takes longer.
const PATIENCE: Duration = Duration::from_mins(1);

/// A fast shutdown writes a checkpoint.
const PARTING: Duration = Duration::from_secs(10);

/// Of a Unix socket, on the systems where it is shortest (macOS; 107 bytes on Linux).
const LONGEST_SOCKET_PATH: usize = 103;
const LONGEST_SOCKET_NAME: usize = "/.s.PGSQL.65535.lock".len();

/// A PostgreSQL that is up.
pub(super) struct Database {
    pub(super) url: String,
    pub(super) child: Child,
    place: Place,
    port: u16,
}

impl Database {
    /// Makes a database of this name beside the first one, with the same in it, and says how to reach it.
    pub(super) async fn make(&self, name: &str) -> Result<String, BedError> {
        let failed = |action| move |source| BedError::Database { action, source };
        let first = self.connect("postgres").await.map_err(failed("connect"))?;
        let make = format!("CREATE DATABASE {name} OWNER postgres");
        first
            .batch_execute(&make)
            .await
            .map_err(failed("make another database"))?;
        let other = self.connect(name).await.map_err(failed("connect"))?;
        other
            .batch_execute(BOOTSTRAP)
            .await
            .map_err(failed("apply the bootstrap"))?;
        let (access, _) = self.url.rsplit_once('/').expect("the URL ends with a database");
        Ok(format!("{access}/{name}"))
    }

    /// A session of the superuser, which ends with its client.
    async fn connect(&self, database: &str) -> Result<Client, tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config
            .host_path(&self.place.socket)
            .port(self.port)
            .user(SUPERUSER)
            .dbname(database);
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Where base backups and the archived log are.
    pub(super) fn recovery(&self) -> PathBuf {
        self.place.recovery()
    }

    /// Makes a base backup, and returns when the log that it needs is archived, too.
    pub(super) fn base_backup(&self) -> Result<(), BedError> {
        let base = self.place.recovery().join("base");
        let unfinished = base.join("unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(BedError::file("remove", &unfinished))?;
        }
        let made = fs::read_dir(&base).map_err(BedError::file("read", &base))?.count();
        let whole = base.join((made + 1).to_string());
        let mut command = self.place.command("pg_basebackup");
        command
            .arg("--host")
            .arg(&self.place.socket)
            .args([
                "--port",
                &self.port.to_string(),
                "--username",
                SUPERUSER,
                "--no-password",
            ])
            .arg("--pgdata")
            .arg(&unfinished)
            .args(["--checkpoint=fast", "--wal-method=none", "--no-sync"]);
        tools::run(&mut command)?;
        fs::rename(&unfinished, &whole).map_err(BedError::file("create", &whole))
    }

    /// Takes it down, sessions that are open included.
    pub(super) fn stop(self) {
        self.child.stop(PARTING);
        // What stays behind is taken over by the next start.
        let _ = fs::remove_dir(&self.place.socket);
        if let Some(outside) = self
            .place
            .socket
            .parent()
            .filter(|parent| parent.starts_with("/var/tmp"))
        {
            // Goes when there is no data in it.
            let _ = fs::remove_dir(outside);
        }
    }
}

/// Which of a bed's servers one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The projects' own. `archives`: it keeps its log. `host`: where it listens.
    Projects { archives: bool, host: Ipv4Addr },
    /// Where backups are restored.
    Scratch,
}

/// Starts PostgreSQL on a data directory of this bed, which is made when it is not there.
pub(super) async fn start(
    directory: &Path,
    memory: &mut Memory,
    role: Role,
    progress: Progress,
) -> Result<Database, BedError> {
    let started = Instant::now();
    let (remembered, name, archives, host) = match role {
        Role::Projects { archives, host } => (&mut memory.ports.postgres, "PostgreSQL", archives, host),
        Role::Scratch => (&mut memory.ports.scratch, "scratch", false, Ipv4Addr::LOCALHOST),
    };
    let port = ports::free(*remembered).map_err(listen(name, 0))?;
    *remembered = Some(port);
    let id = match role {
        Role::Projects { .. } => memory.id.clone(),
        Role::Scratch => format!("{}-scratch", memory.id),
    };
    let place = Place::find(directory, &id)?;
    if !place.data.starts_with(directory) {
        progress.say(format_args!(
            "  PostgreSQL does not run as root, and nobody else can enter {}: its data lies in {}",
            directory.display(),
            place.data.display()
        ));
    }
    let log = directory.join("logs/postgres.log");
    let ready = place.clone();
    let child = blocking(move || {
        ready.initialize()?;
        ready.admit(host)?;
        ready.wait_for_predecessor()?;
        let path = ready.programs.join("postgres");
        let arguments = ready.arguments(host, port, archives)?;
        Child::start(Program {
            name: "postgres",
            path,
            arguments,
            user: ready.user,
            log,
            end: Signal::INT,
        })
        .map_err(|source| BedError::Start {
            name: "postgres",
            source,
        })
    })
    .await?;
    let mut database = Database {
        url: format!(
            "postgresql://postgres:{}@{host}:{port}/postgres",
            memory.database_password
        ),
        child,
        place,
        port,
    };
    database.prepare(&memory.database_password).await?;
    progress.took(
        name,
        started,
        format_args!("postgresql://postgres:…@{host}:{port}/postgres"),
    );
    Ok(database)
}

impl Database {
    async fn prepare(&mut self, password: &str) -> Result<(), BedError> {
        let deadline = Instant::now() + PATIENCE;
        let client = loop {
            match self.connect("postgres").await {
                Ok(client) => break client,
                Err(_) if Instant::now() < deadline => self.child.check()?,
                Err(_) => return Err(self.child.not_ready(PATIENCE)),
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        };
        let failed = |action| move |source| BedError::Database { action, source };
        client
            .batch_execute(BOOTSTRAP)
            .await
            .map_err(failed("apply the bootstrap"))?;
        // The password is hexadecimal: it needs no quoting.
        let password = format!("ALTER ROLE postgres PASSWORD '{password}'");
        client
            .batch_execute(&password)
            .await
            .map_err(failed("set the password"))
    }
}

/// Where PostgreSQL's files are, and whose.
#[derive(Clone)]
struct Place {
    programs: PathBuf,
    data: PathBuf,
    socket: PathBuf,
    /// User and group, when we are root and PostgreSQL must not be.
    user: Option<(u32, u32)>,
}

impl Place {
    fn find(directory: &Path, id: &str) -> Result<Place, BedError> {
        let user = if rustix::process::geteuid().is_root() {
            Some(unprivileged_user()?)
        } else {
            None
        };
        let inside = user.is_none() || everybody_may_enter(directory);
        let socket = directory.join("socket");
        let short = socket.as_os_str().len() + LONGEST_SOCKET_NAME <= LONGEST_SOCKET_PATH;
        // Everybody may enter it, its name is short, and it outlives a reboot.
        let outside = Path::new("/var/tmp").join(format!("ace-bed-{id}"));
        let base = if inside { directory } else { &outside };
        Ok(Place {
            programs: tools::project_bin_dir()?,
            data: base.join("postgres"),
            socket: if inside && short {
                socket
            } else {
                outside.join("socket")
            },
            user,
        })
    }

    fn initialize(&self) -> Result<(), BedError> {
        self.own(&self.socket)?;
        let version_file = self.data.join("PG_VERSION");
        if version_file.exists() {
            return self.check_version(&version_file);
        }
        // Made under another name: an initdb that was interrupted leaves nothing that looks like a database.
        let unfinished = self.data.with_extension("unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(BedError::file("remove", &unfinished))?;
        }
        self.own(&unfinished)?;
        let mut initdb = self.command("initdb");
        initdb
            .arg("-D")
            .arg(&unfinished)
            .args(["-U", SUPERUSER, "--no-sync", "--no-instructions"])
            .args([
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
            ]);
        tools::run(&mut initdb).map_err(|error| BedError::DatabaseMake(error.to_string()))?;
        fs::rename(&unfinished, &self.data).map_err(BedError::file("create", &self.data))
    }

    /// Lets passwords in from everywhere that reaches `host`: by itself, the server takes them from loopback only.
    fn admit(&self, host: Ipv4Addr) -> Result<(), BedError> {
        const EVERYBODY: &str = "host all all 0.0.0.0/0 scram-sha-256";
        let path = self.data.join("pg_hba.conf");
        let rules = fs::read_to_string(&path).map_err(BedError::file("read", &path))?;
        if host.is_loopback() || rules.lines().any(|line| line == EVERYBODY) {
            return Ok(());
        }
        fs::write(&path, format!("{rules}{EVERYBODY}\n")).map_err(BedError::file("write", &path))
    }

    fn check_version(&self, version_file: &Path) -> Result<(), BedError> {
        let found = fs::read_to_string(version_file)
            .map_err(BedError::file("read", version_file))?
            .trim()
            .to_owned();
        let output = tools::run(self.command("postgres").arg("--version"))?;
        let installed = major(&String::from_utf8_lossy(&output.stdout)).to_owned();
        if found == installed {
            return Ok(());
        }
        Err(BedError::DatabaseVersion {
            path: self.data.clone(),
            found,
            installed,
        })
    }

    /// A bed that was killed takes its PostgreSQL with it, which needs a moment to end.
    fn wait_for_predecessor(&self) -> Result<(), BedError> {
        let deadline = Instant::now() + PARTING;
        while self.data.join("postmaster.pid").exists() && Instant::now() < deadline {
            let status = self.command("pg_ctl").arg("status").arg("-D").arg(&self.data).output();
            let running = status
                .map_err(|source| BedError::Start { name: "pg_ctl", source })?
                .status
                .success();
            if !running {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn recovery(&self) -> PathBuf {
        self.data.with_file_name("recovery")
    }

    fn arguments(&self, host: Ipv4Addr, port: u16, archives: bool) -> Result<Vec<String>, BedError> {
        let mut settings = vec![
            ("listen_addresses", host.to_string()),
            ("port", port.to_string()),
            ("unix_socket_directories", self.socket.display().to_string()),
            ("max_connections", "200".to_owned()),
            ("shared_buffers", "32MB".to_owned()),
            ("shared_preload_libraries", "pg_stat_statements".to_owned()),
            ("wal_level", "logical".to_owned()),
            ("timezone", "UTC".to_owned()),
            ("log_timezone", "UTC".to_owned()),
            // A bed that lost power is thrown away; a bed that is killed keeps what it committed.
            ("fsync", "off".to_owned()),
            ("jit", "off".to_owned()),
        ];
        if archives {
            let recovery = self.recovery();
            for directory in [recovery.clone(), recovery.join("base"), recovery.join("wal")] {
                self.own(&directory)?;
            }
            let wal = recovery.join("wal").display().to_string();
            settings.extend([
                ("archive_mode", "on".to_owned()),
                // As the platform ships its log.
                ("archive_timeout", "120".to_owned()),
                (
                    "archive_command",
                    format!("cp '%p' '{wal}/%f.part' && mv '{wal}/%f.part' '{wal}/%f'"),
                ),
            ]);
        }
        let settings = settings
            .into_iter()
            .flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]);
        let data = ["-D".to_owned(), self.data.display().to_string()];
        Ok(data.into_iter().chain(settings).collect())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = process::guarded(&self.programs.join(program), Signal::KILL);
        command.current_dir("/");
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// Makes a directory that only PostgreSQL's user can enter.
    fn own(&self, directory: &Path) -> Result<(), BedError> {
        file::make_directory(directory)?;
        let own = || {
            if let Some((user, group)) = self.user {
                chown(directory, Some(user), Some(group))?;
            }
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
        };
        own().map_err(BedError::file("own", directory))
    }
}

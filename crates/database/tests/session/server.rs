//! A PostgreSQL of the test's own, as a Supabase project has it, that can be stopped and started again.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::PermissionsExt, fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use ace_database::{Access, Limits, Password, Tls};
use ace_sandbox::bed::{BOOTSTRAP, tools::project_bin_dir};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

/// Of the role `postgres`, which is an ordinary one.
pub const PASSWORD: &str = "canary-canary";

/// Can only come through the socket.
const SUPERUSER: &str = "bed_superuser";

/// How long a start or a stop may take on a machine that compiles meanwhile.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(20);

/// A server. Dropped, it ends and leaves nothing.
pub struct Server {
    directory: TempDir,
    user: Option<(u32, u32)>,
    /// Directory of its programs.
    programs: PathBuf,
    settings: Vec<String>,
    running: Option<(Child, Child)>,
    pub port: u16,
}

impl Server {
    /// A server with what a Supabase project has in it.
    pub async fn start() -> Self {
        Self::start_with(&[], &[]).await
    }

    /// The same with further files, which only the server can read, and settings that may name them as `{name}`.
    pub async fn start_with(files: &[(&str, &str)], settings: &[&str]) -> Self {
        let mut server = Self::of(project_bin_dir().unwrap(), files, settings).await;
        let client = server.superuser().await;
        client.batch_execute(BOOTSTRAP).await.unwrap();
        let password = format!("ALTER ROLE postgres PASSWORD '{PASSWORD}'");
        client.batch_execute(&password).await.unwrap();
        server
    }

    /// A server by these programs that has nothing in it.
    pub async fn of(programs: PathBuf, files: &[(&str, &str)], settings: &[&str]) -> Self {
        let directory = tempfile::Builder::new().prefix("ace-pg-").tempdir().unwrap();
        let mut server = Self {
            user: geteuid().is_root().then(unprivileged_user),
            programs,
            settings: Vec::new(),
            running: None,
            port: free_port(),
            directory,
        };
        server.own(server.directory.path(), 0o700);
        for (name, text) in files {
            fs::write(server.path(name), text).unwrap();
            server.own(&server.path(name), 0o600);
        }
        for setting in settings {
            let named = files.iter().fold((*setting).to_owned(), |setting, (name, _)| {
                setting.replace(&format!("{{{name}}}"), server.path(name).to_str().unwrap())
            });
            server.settings.push(named);
        }
        let data = server.path("data");
        let made = server
            .command("initdb")
            .arg("-D")
            .arg(&data)
            .args([
                "-U",
                SUPERUSER,
                "--no-sync",
                "--no-instructions",
                "--locale=C",
                "--encoding=UTF8",
            ])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        server.run().await;
        server
    }

    /// Starts it on its port, and returns when it answers.
    pub async fn run(&mut self) {
        let log = fs::File::create(self.path("log")).unwrap();
        let child = self
            .command("postgres")
            .arg("-D")
            .arg(self.path("data"))
            .args([
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "fsync=off",
                "-c",
                "shared_buffers=16MB",
            ])
            .args(["-c", "shared_preload_libraries=pg_stat_statements"])
            .args([
                "-c",
                &format!("unix_socket_directories={}", self.directory.path().display()),
            ])
            .args(["-p", &self.port.to_string()])
            .args(self.settings.iter().flat_map(|setting| ["-c", setting]))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        // Ends the server when this process is gone, in whatever way.
        let watchdog = Command::new("sh")
            .args([
                "-c",
                "read -r _; kill -QUIT \"$0\" 2>/dev/null",
                &child.id().to_string(),
            ])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        self.running = Some((child, watchdog));
        self.superuser().await;
    }

    /// Ends it at once, as a crash of the machine does not, but with the same effect on sessions.
    pub fn stop(&mut self) {
        let Some((mut child, mut watchdog)) = self.running.take() else {
            return;
        };
        // It comes first, so that it never signals a later process of the same number.
        let _ = watchdog.kill();
        let _ = watchdog.wait();
        let _ = kill_process(Pid::from_child(&child), Signal::INT);
        let _ = child.wait();
    }

    /// The way in for `postgres`, without TLS.
    pub fn access(&self) -> Access {
        Access {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            name: "postgres".to_owned(),
            user: "postgres".to_owned(),
            password: Password::new(PASSWORD).unwrap(),
            tls: Tls::Disable,
            limits: Limits::default(),
            allow_insecure: true,
        }
    }

    /// A session that may do anything.
    pub async fn superuser(&mut self) -> Client {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(client) = self.superuser_of("postgres").await {
                return client;
            }
            let ended = self
                .running
                .as_mut()
                .is_none_or(|(child, _)| child.try_wait().unwrap().is_some());
            assert!(
                !ended && Instant::now() < deadline,
                "{}",
                fs::read_to_string(self.path("log")).unwrap()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The same in this database, if the server takes it now.
    pub async fn superuser_of(&self, database: &str) -> Option<Client> {
        let mut config = Config::new();
        config
            .host_path(self.directory.path())
            .port(self.port)
            .user(SUPERUSER)
            .dbname(database);
        let (client, connection) = config.connect(NoTls).await.ok()?;
        tokio::spawn(connection);
        Some(client)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir("/");
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    fn own(&self, path: &Path, mode: u32) {
        if let Some((user, group)) = self.user {
            chown(path, Some(user), Some(group)).unwrap();
        }
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// PostgreSQL refuses to run as root: the user `postgres`, or `nobody`.
fn unprivileged_user() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(|id| id.parse().unwrap());
        Some((ids.next()?, ids.next()?))
    };
    find("postgres").or_else(|| find("nobody")).unwrap()
}

/// A port that was free just now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

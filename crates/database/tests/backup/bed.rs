//! A database to back up, on a server that tests share, a cluster to restore into, and the programs of this machine.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    process::Command,
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use ace_database::{Access, Attempt, Clients, Dump, Password, Scope, Scratch, Snapshot};
use ace_sandbox::bed::{BOOTSTRAP, tools::postgres_bin_dir};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::{io::AsyncReadExt, sync::Mutex};
use tokio_postgres::Client;

use crate::server::Server;

static SOURCE: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());
static SCRATCH: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());
static NUMBER: AtomicU32 = AtomicU32::new(0);

pub const APPLICATION: &str = "ace-worker/ace/nightly";

pub struct Bed {
    server: Arc<Server>,
    pub database: String,
}

async fn shared(server: &Mutex<Weak<Server>>) -> Arc<Server> {
    let mut shared = server.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(Server::start().await);
    *shared = Arc::downgrade(&server);
    server
}

impl Bed {
    /// A database as a project has it, with these statements of its own.
    pub async fn new(statements: &str) -> Self {
        let bed = Self {
            server: shared(&SOURCE).await,
            database: format!("bed_{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
        };
        let create = format!("CREATE DATABASE {} TEMPLATE template0", bed.database);
        let server = bed.server.superuser_of("template1").await.unwrap();
        server.batch_execute(&create).await.unwrap();
        bed.as_superuser(BOOTSTRAP).await;
        bed.run(statements).await;
        bed
    }

    pub fn access(&self) -> Access {
        Access {
            name: self.database.clone(),
            ..self.server.access()
        }
    }

    pub async fn superuser(&self) -> Client {
        self.server.superuser_of(&self.database).await.unwrap()
    }

    pub async fn as_superuser(&self, statements: &str) {
        self.superuser().await.batch_execute(statements).await.unwrap();
    }

    /// Runs statements as the project's own role.
    pub async fn run(&self, statements: &str) {
        let statements = format!("SET ROLE postgres; {statements}");
        self.superuser().await.batch_execute(&statements).await.unwrap();
    }

    pub async fn snapshot(&self) -> Box<Snapshot> {
        self.snapshot_of(&everything()).await
    }

    pub async fn snapshot_of(&self, scope: &Scope) -> Box<Snapshot> {
        match Snapshot::take(&self.access(), APPLICATION, scope, Timestamp::now())
            .await
            .unwrap()
        {
            Attempt::Taken(snapshot) => snapshot,
            Attempt::Held(by) => panic!("held by {by:?}"),
            Attempt::Busy => panic!("busy"),
        }
    }

    /// The way in for a role that may read what it is granted, and nothing else.
    pub async fn limited(&self, granted: &str) -> Access {
        let role = format!("limited_{}", self.database);
        let grant = granted.replace("{role}", &role);
        self.as_superuser(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'limited'; GRANT USAGE ON SCHEMA public TO {role}; {grant}"
        ))
        .await;
        Access {
            user: role,
            password: Password::new("limited").unwrap(),
            ..self.access()
        }
    }

    /// A whole dump of this snapshot.
    pub async fn dump(&self, snapshot: &Snapshot) -> Vec<u8> {
        let mut dump = Dump::start(&programs().clients, &self.access(), "ace-backup/1", snapshot)
            .await
            .unwrap();
        let mut bytes = Vec::new();
        dump.read_to_end(&mut bytes).await.unwrap();
        dump.finish().await.unwrap();
        bytes
    }

    /// Waits until the only column of a statement is this.
    pub async fn until(&self, statement: &str, expected: &str) {
        let superuser = self.superuser().await;
        let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
        while superuser.query_one(statement, &[]).await.unwrap().get::<_, String>(0) != expected {
            assert!(tokio::time::Instant::now() < deadline, "never: {statement}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

pub fn everything() -> Scope {
    Scope::without(&[], [])
}

/// A cluster to restore into, by a role that may make databases and roles, and is no superuser.
pub struct Cluster {
    server: Arc<Server>,
}

impl Cluster {
    pub async fn new() -> Self {
        let server = shared(&SCRATCH).await;
        let superuser = server.superuser_of("postgres").await.unwrap();
        let make = "DO $$ BEGIN CREATE ROLE scratch LOGIN CREATEDB CREATEROLE PASSWORD 'scratch-canary'; \
             EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$";
        superuser.batch_execute(make).await.unwrap();
        Self { server }
    }

    pub fn access(&self) -> Access {
        Access {
            user: "scratch".to_owned(),
            password: Password::new("scratch-canary").unwrap(),
            ..self.server.access()
        }
    }

    pub async fn scratch(&self) -> Scratch {
        let run = format!("run-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        Scratch::create(&self.access(), APPLICATION, &run, "1").await.unwrap()
    }

    pub async fn superuser_of(&self, database: &str) -> Client {
        self.server.superuser_of(database).await.unwrap()
    }

    /// Ends a session in this database, which could not be dropped before.
    pub async fn left(&self, session: Client, database: &str) {
        drop(session);
        let superuser = self.superuser_of("postgres").await;
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND usename <> 'scratch'";
        let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
        while superuser
            .query_one(sessions, &[&database])
            .await
            .unwrap()
            .get::<_, i64>(0)
            > 0
        {
            assert!(tokio::time::Instant::now() < deadline, "a session does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn has(&self, database: &str) -> bool {
        let superuser = self.superuser_of("postgres").await;
        let databases = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
        superuser.query_one(databases, &[&database]).await.unwrap().get(0)
    }
}

/// PostgreSQL's programs by major, in a directory of the test's own.
pub struct Programs {
    directory: TempDir,
    pub clients: Clients,
    pub major: u32,
}

impl Programs {
    /// None at all.
    pub fn none() -> Self {
        let directory = tempfile::Builder::new().prefix("ace-clients-").tempdir().unwrap();
        Self {
            clients: Clients::new(&format!("{}/<major>/bin", directory.path().display())).unwrap(),
            major: major(),
            directory,
        }
    }

    /// A shell script in the place of a program of this major, which says that it has this version.
    pub fn with(self, major: u32, program: &str, version: &str, script: &str) -> Self {
        let bin = self.directory.path().join(major.to_string()).join("bin");
        fs::create_dir_all(&bin).unwrap();
        let text = format!(
            "#!/bin/sh\nif [ \"$1\" = --version ]; then echo '{program} (PostgreSQL) {version} (Test)'; exit; fi\n{script}\n"
        );
        fs::write(bin.join(program), text).unwrap();
        fs::set_permissions(bin.join(program), fs::Permissions::from_mode(0o755)).unwrap();
        self
    }
}

/// Those of this machine.
pub fn programs() -> Programs {
    let programs = Programs::none();
    let version = programs.directory.path().join(programs.major.to_string());
    fs::create_dir(&version).unwrap();
    symlink(postgres_bin_dir().unwrap(), version.join("bin")).unwrap();
    programs
}

fn major() -> u32 {
    let said = Command::new(postgres_bin_dir().unwrap().join("pg_dump"))
        .arg("--version")
        .output()
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let version = said.split_once("(PostgreSQL) ").unwrap().1;
    version
        .split(|character: char| !character.is_ascii_digit())
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

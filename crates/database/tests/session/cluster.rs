//! A cluster to restore into, and the programs of this machine.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
    sync::{Arc, Weak},
    time::Duration,
};

use ace_database::{Access, Clients, Dump, Password, Scratch, Snapshot};
use ace_sandbox::bed::tools::postgres_bin_dir;
use tempfile::TempDir;
use tokio::{io::AsyncReadExt, sync::Mutex};
use tokio_postgres::Client;

use crate::{
    database::{number, shared},
    server::Server,
};

static SCRATCH: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());

/// A cluster to restore into, by a role that may make databases and roles, and is no superuser.
pub struct Cluster {
    server: Arc<Server>,
}

impl Cluster {
    pub async fn new() -> Self {
        let server = shared(&SCRATCH, Server::start()).await;
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
        let run = format!("run-{}", number());
        Scratch::create(&self.access(), "ace-worker/ace/scratch", &run, "1")
            .await
            .unwrap()
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

/// A whole dump of this snapshot.
pub async fn dump(access: &Access, snapshot: &Snapshot) -> Vec<u8> {
    let mut dump = Dump::start(&programs().clients, access, "ace-backup/1", snapshot)
        .await
        .unwrap();
    let mut bytes = Vec::new();
    dump.read_to_end(&mut bytes).await.unwrap();
    dump.finish().await.unwrap();
    bytes
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

    /// The programs of this major in a directory.
    pub fn link(self, major: u32, directory: &Path) -> Self {
        let version = self.directory.path().join(major.to_string());
        fs::create_dir(&version).unwrap();
        symlink(directory, version.join("bin")).unwrap();
        self
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
    let major = programs.major;
    programs.link(major, &postgres_bin_dir().unwrap())
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

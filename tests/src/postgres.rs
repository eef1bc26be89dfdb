//! A database of a test's own, as a Supabase project has it, and the MigrationSet that is responsible for it.

use std::{
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use ace_api::{MigrationSet, Platform};
use ace_sandbox::bed::tools::postgres_bin_dir;
use serde_json::{Value, json};
use tokio::{process::Command, sync::Mutex};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use crate::{
    Operator, PLATFORM, Stage, bed, is_current, is_observed, is_true, on_stage_of, reason_of, stage::merged, tree::pack,
};

/// The MigrationSet of every stage.
pub const SET: &str = "main";
/// The ConfigMap of [`Stage::migrations`].
pub const FILES: &str = "migrations";

/// The way to a database for the role `postgres`, which is an ordinary one.
#[derive(Clone, Debug)]
pub struct Database {
    /// Where its server listens on 127.0.0.1.
    pub port: u16,
    pub name: String,
    pub password: String,
}

/// Runs a test on a stage with a database of its own, which the Platform names; with the shared operator. The Platform looks
/// every `interval` before scaling.
///
/// # Panics
/// If the test does: with what the operator logged of the namespace.
pub async fn on_database<T>(interval: &str, test: impl AsyncFnOnce(&Stage<'_>, &Database) -> T) -> T {
    on_database_of(Operator::shared(), interval, test).await
}

/// The same with an operator of the caller's.
///
/// # Panics
/// If the test does: with what the operator logged of the namespace.
pub async fn on_database_of<T>(
    operator: &Operator,
    interval: &str,
    test: impl AsyncFnOnce(&Stage<'_>, &Database) -> T,
) -> T {
    on_stage_of(operator, interval, async |stage| {
        let database = Database::create().await;
        stage.database(interval, &database).await;
        test(stage, &database).await
    })
    .await
}

impl Database {
    /// Name of a role that reads it: roles are the whole server's.
    pub fn reader(&self) -> String {
        format!("reader_of_{}", self.name)
    }

    /// Makes a database in the bed's PostgreSQL.
    ///
    /// # Panics
    /// If that fails.
    pub async fn create() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // What a database is prepared with names roles, which all of them share.
        static ONE: Mutex<()> = Mutex::const_new(());
        let name = format!("test_{}_{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let one = ONE.lock().await;
        let url = bed().bed.make_database(&name).await.expect("a database can be made");
        drop(one);
        let (access, place) = url.rsplit_once('@').expect("the URL names a user");
        let (_, password) = access.rsplit_once(':').expect("the URL has a password");
        let port = place.split(['/', ':']).nth(1).and_then(|port| port.parse().ok());
        Self {
            port: port.expect("the URL has a port"),
            name,
            password: password.to_owned(),
        }
    }

    /// As the CLI's `--db-url` takes it.
    pub fn url(&self) -> String {
        let Self { port, name, password } = self;
        format!("postgresql://postgres:{password}@127.0.0.1:{port}/{name}?sslmode=disable")
    }

    /// A session of somebody beside the operator.
    ///
    /// # Panics
    /// If the server does not take it.
    pub async fn session(&self) -> Client {
        let mut config = Config::new();
        config
            .host("127.0.0.1")
            .port(self.port)
            .dbname(&self.name)
            .user("postgres")
            .password(&self.password)
            .application_name("colleague");
        let (client, connection) = config.connect(NoTls).await.expect("the database can be reached");
        tokio::spawn(connection);
        client
    }

    /// Runs SQL as a colleague does.
    ///
    /// # Panics
    /// If the server refuses it.
    pub async fn run(&self, sql: &str) {
        let ran = self.session().await.batch_execute(sql).await;
        assert!(ran.is_ok(), "{sql}: {ran:?}");
    }

    /// The rows that a query has, each with its columns between `|`, null as nothing.
    ///
    /// # Panics
    /// If the server refuses it.
    pub async fn rows(&self, query: &str) -> Vec<String> {
        let answer = self.session().await.simple_query(query).await;
        let messages = answer.unwrap_or_else(|error| panic!("{query}: {error:?}")).into_iter();
        messages
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => {
                    let columns = (0..row.len()).map(|column| row.try_get(column).ok().flatten().unwrap_or_default());
                    Some(columns.collect::<Vec<_>>().join("|"))
                }
                _ => None,
            })
            .collect()
    }

    /// What `pg_dump` with these arguments writes, as SQL.
    ///
    /// # Panics
    /// If it fails.
    pub async fn dump(&self, arguments: &[&str]) -> String {
        let programs = postgres_bin_dir().expect("PostgreSQL is installed");
        let output = Command::new(programs.join("pg_dump"))
            .args(["--dbname", &self.url(), "--no-sync"])
            .args(arguments)
            .output()
            .await
            .expect("pg_dump can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("a dump is text");
        // Later releases fence a dump by a key that is a new one each time.
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('\\')).collect();
        lines.join("\n")
    }

    /// Versions in the CLI's ledger, in their order.
    pub async fn ledger(&self) -> Vec<String> {
        self.rows("SELECT version FROM supabase_migrations.schema_migrations ORDER BY version")
            .await
    }
}

impl Stage<'_> {
    /// Names a database in the Platform, and puts its password where the Platform says.
    pub async fn database(&self, interval: &str, database: &Database) {
        self.password(&database.password).await;
        let named = json!({
            "host": "127.0.0.1",
            "port": database.port,
            "name": database.name,
            "tls": "Disable",
            "passwordSecretRef": { "name": "database", "key": "password" },
        });
        self.platform(json!({ "interval": interval, "database": named })).await;
    }

    /// Puts the database's password into the Secret that the Platform names.
    pub async fn password(&self, password: &str) {
        self.secret_offering("database", "database", json!({ "password": password }))
            .await;
    }

    /// Applies the folder of migrations, which is watched.
    pub async fn migrations(&self, files: &[(&str, &str)]) {
        self.source_named(FILES, &pack(files)).await;
    }

    /// Applies the MigrationSet; `spec` replaces fields of the usual one.
    pub async fn migration_set(&self, spec: Value) -> Value {
        self.migration_set_named(SET, spec).await
    }

    /// The same by another name.
    pub async fn migration_set_named(&self, name: &str, spec: Value) -> Value {
        let usual = json!({
            "platformRef": { "name": PLATFORM },
            "source": { "kind": "ConfigMap", "name": FILES },
        });
        self.apply::<MigrationSet>(json!({ "metadata": { "name": name }, "spec": merged(usual, spec) }))
            .await
    }

    /// Waits until the MigrationSet is as `is` wants it.
    pub async fn until_set(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.space.wait::<MigrationSet>(SET, what, is).await
    }

    /// Waits until every file is applied and `head` is the last of them.
    pub async fn applied(&self, head: &str) -> Value {
        let what = format!("is Ready, and its head is {head}");
        self.until_set(&what, |set| {
            let status = &set["status"];
            is_true(set, "Ready") && is_current(set) && status["head"] == head && status["pending"] == 0
        })
        .await
    }

    /// Waits until the newest generation of the MigrationSet is Stalled for this reason.
    pub async fn set_stalled(&self, reason: &str) -> Value {
        let what = format!("is Stalled/{reason}");
        self.until_set(&what, |set| reason_of(set, "Stalled") == reason && is_observed(set))
            .await
    }

    /// Waits until the MigrationSet waits for this reason.
    pub async fn set_waits(&self, reason: &str) -> Value {
        let what = format!("is Reconciling/{reason}");
        self.until_set(&what, |set| reason_of(set, "Reconciling") == reason)
            .await
    }

    /// Waits until the Platform has seen its database.
    pub async fn database_answers(&self) -> Value {
        self.space
            .wait::<Platform>(PLATFORM, "is Ready with its database", |platform| {
                is_true(platform, "Ready") && is_current(platform) && platform["status"]["database"].is_object()
            })
            .await
    }
}

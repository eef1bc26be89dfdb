use std::time::Duration;

use crate::{
    Access, Connection, Detail, OpenError, Proof, ProofError, QueryError, Scope, ScratchError, TableName,
    backup::{Tables, quoted, schema_of},
    connection::StartUp,
};

/// What the name of each begins with.
const PREFIX: &str = "ace_scratch_";

/// The longest name of a run, in bytes: PostgreSQL keeps 63 of a name.
const LONGEST: usize = 40;

/// How long making or dropping a database may take: its files are copied or removed.
const STATEMENT: Duration = Duration::from_mins(10);

/// How often the schema is read again while another session changes it.
const LOOKS: u32 = 5;

/// The database of one run on a scratch cluster. It is dropped by [`Scratch::remove`], or, where that was not reached, by
/// [`sweep_scratch`].
pub struct Scratch {
    /// The way to the database.
    access: Access,
    application: String,
    name: String,
    major: u32,
    /// Its lock says that the run lives; it ends with this session.
    cluster: Connection,
}

impl Scratch {
    /// Makes the database of this run. `access` leads to a database of the cluster that is not restored into, such as
    /// `postgres`; `source` is the system identifier of the cluster that was backed up.
    pub async fn create(access: &Access, application: &str, run: &str, source: &str) -> Result<Self, ScratchError> {
        let name = name(run)?;
        let cluster = cluster(access, application).await?;
        let known = cluster.identify().await?;
        if known.system_identifier == source {
            return Err(ScratchError::ScratchIsSource);
        }
        let [major] = cluster
            .row("SELECT (pg_catalog.current_setting('server_version_num')::pg_catalog.int4 / 10000)::pg_catalog.text")
            .await?;
        let scratch = Self {
            access: Access {
                name: name.clone(),
                ..access.clone()
            },
            application: application.to_owned(),
            major: major.parse().map_err(|_| QueryError::Protocol)?,
            name,
            cluster,
        };
        if !take(&scratch.cluster, &scratch.name).await? {
            return Err(ScratchError::RunTaken);
        }
        // What an earlier attempt of this run has left.
        drop_database(&scratch.cluster, &scratch.name).await?;
        let create = format!("CREATE DATABASE {}", quoted(&scratch.name));
        scratch.cluster.execute(&create).await?;
        Ok(scratch)
    }

    /// Name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Major version of the cluster.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Counts the rows, as those of the source were counted.
    pub async fn prove(&self, scope: &Scope, detail: Detail) -> Result<Proof, ProofError> {
        let connection = self.connect().await?;
        // Row security that is forced binds an owner, too: here that is this role, and nobody else is in the database.
        let forced = Tables::read(&connection, scope).await?.hidden;
        force(&connection, &forced, "NO FORCE").await?;
        let proof = Proof::of(&self.access, &self.application, scope, detail).await;
        force(&connection, &forced, "FORCE").await?;
        connection.close().await;
        proof
    }

    /// `sha256:…` of the restored schemas, to be compared with [`crate::Point::schema_digest`] of the same major and form; `None`
    /// while another session changes them.
    pub async fn schema_digest(&self, scope: &Scope) -> Result<Option<String>, ScratchError> {
        let connection = self.connect().await?;
        let mut schema = None;
        for _ in 0..LOOKS {
            schema = schema_of(&connection, scope).await?;
            if schema.is_some() {
                break;
            }
        }
        connection.close().await;
        Ok(schema.map(|(schema, _)| schema.digest()))
    }

    /// Drops the database, with whatever session is in it.
    pub async fn remove(self) -> Result<(), ScratchError> {
        let dropped = drop_database(&self.cluster, &self.name).await;
        self.cluster.close().await;
        Ok(dropped?)
    }

    /// A session in the database.
    pub(super) async fn connect(&self) -> Result<Connection, OpenError> {
        cluster(&self.access, &self.application).await
    }

    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    pub(super) fn application(&self) -> &str {
        &self.application
    }

    pub(super) fn cluster(&self) -> &Connection {
        &self.cluster
    }
}

/// Drops the scratch databases of runs that no longer live, and returns their names.
pub async fn sweep_scratch(access: &Access, application: &str) -> Result<Vec<String>, ScratchError> {
    let cluster = cluster(access, application).await?;
    let statement = format!(
        "SELECT datname::pg_catalog.text FROM pg_catalog.pg_database \
         WHERE pg_catalog.starts_with(datname::pg_catalog.text, '{PREFIX}') ORDER BY 1"
    );
    let mut dropped = Vec::new();
    for row in cluster.rows(&statement).await? {
        let name = row.into_iter().next().flatten().ok_or(QueryError::Protocol)?;
        if take(&cluster, &name).await? {
            drop_database(&cluster, &name).await?;
            dropped.push(name);
        }
    }
    // The locks end with the session.
    cluster.close().await;
    Ok(dropped)
}

fn name(run: &str) -> Result<String, ScratchError> {
    let of_a_run =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || "_-".contains(character);
    if run.is_empty() || run.len() > LONGEST || !run.chars().all(of_a_run) {
        return Err(ScratchError::RunInvalid);
    }
    Ok(format!("{PREFIX}{run}"))
}

/// A session that may be idle for as long as a restore takes.
async fn cluster(access: &Access, application: &str) -> Result<Connection, OpenError> {
    let mut access = access.clone();
    access.limits.statement = STATEMENT;
    let start_up = StartUp {
        application,
        runs_files: false,
        settings: vec![
            ("idle_session_timeout", "0".to_owned()),
            ("client_connection_check_interval", "2000".to_owned()),
        ],
    };
    Connection::open_as(&access, &start_up).await
}

/// Takes the lock of a scratch database, unless the run that it belongs to has it.
async fn take(cluster: &Connection, name: &str) -> Result<bool, QueryError> {
    // Names of others are no texts of ours.
    let hex = hex::encode(name);
    let statement = format!(
        "SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended('ace-ops:' \
         || pg_catalog.convert_from(pg_catalog.decode('{hex}', 'hex'), 'UTF8'), 0))"
    );
    let [taken] = cluster.row(&statement).await?;
    Ok(taken == "t")
}

async fn force(connection: &Connection, tables: &[TableName], force: &str) -> Result<(), QueryError> {
    for table in tables {
        let (schema, name) = (quoted(&table.schema), quoted(&table.name));
        let alter = format!("ALTER TABLE {schema}.{name} {force} ROW LEVEL SECURITY");
        connection.execute(&alter).await?;
    }
    Ok(())
}

async fn drop_database(cluster: &Connection, name: &str) -> Result<(), QueryError> {
    cluster
        .execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name)))
        .await
}

//! SQL on behalf of `database/query`: one connection a request, results as the platform's JSON.

use futures::TryStreamExt as _;
use serde_json::{Map, Value};
use tokio::sync::OnceCell;
use tokio_postgres::config::Host;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

mod literal;
mod value;
mod wording;

/// Login role of read-only queries, called as on the real platform. A role of its own, since a session's default can be
/// undone by `set transaction read write`; this one has nothing to write with.
const READER: &str = "supabase_read_only_user";

/// Longest time a statement may take: the platform's own limit for its API is one minute.
const STATEMENT_TIMEOUT: &str = "60s";

/// Why a query has no result. `Display` is the platform's wording without its "Failed to run sql query: ".
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL does not parse; it is not repeated, as it may hold a password.
    #[error("the database's URL is not one")]
    Url,
    /// Nobody answers, or the password is wrong.
    #[error("failed to connect to the database")]
    Connect(#[source] tokio_postgres::Error),
    /// The server refused the statement.
    #[error("{0}")]
    Refused(String),
    /// The connection broke off.
    #[error("the connection to the database was lost")]
    Lost(#[source] tokio_postgres::Error),
    /// A parameter no text can stand for.
    #[error("parameters must not contain NUL")]
    Parameter,
}

/// The one database that stands behind every project.
pub(super) struct Database {
    url: String,
    config: Config,
    version: String,
    reader: OnceCell<Config>,
}

impl Database {
    /// Connects once, so that a wrong URL is known at the start.
    pub(super) async fn open(url: &str) -> Result<Database, DatabaseError> {
        let mut config: Config = url.parse().map_err(|_| DatabaseError::Url)?;
        config.application_name("management-api");
        config.options(format!("-c statement_timeout={STATEMENT_TIMEOUT}"));
        let client = connect(&config).await?;
        let row = client
            .query_one("show server_version", &[])
            .await
            .map_err(DatabaseError::Lost)?;
        let version: String = row.try_get(0).map_err(DatabaseError::Lost)?;
        Ok(Database {
            url: url.to_owned(),
            config,
            version,
            reader: OnceCell::new(),
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// As the server calls it, e.g. `15.18 (Debian …)`: its first word.
    pub(super) fn version(&self) -> &str {
        self.version.split(' ').next().unwrap_or_default()
    }

    pub(super) fn engine(&self) -> &str {
        self.version.split(['.', ' ']).next().unwrap_or_default()
    }

    pub(super) fn host(&self) -> String {
        match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            _ => "localhost".to_owned(),
        }
    }

    pub(super) async fn ping(&self) -> Result<(), DatabaseError> {
        connect(&self.config).await.map(drop)
    }

    /// Rows of the last statement, as an array of objects.
    pub(super) async fn run(&self, sql: &str, parameters: &[Value], read_only: bool) -> Result<Value, DatabaseError> {
        let config = if read_only {
            self.reader.get_or_try_init(|| self.reader()).await?
        } else {
            &self.config
        };
        let client = connect(config).await?;
        // The simple protocol takes several statements and answers in text, but does not tell the types; preparing does
        // for a single statement. Where it fails, the statement itself fails too, or there are several: then all is text.
        let types = match client.prepare(sql).await {
            Ok(statement) => statement
                .columns()
                .iter()
                .map(|column| column.type_().clone())
                .collect(),
            Err(_) => Vec::new(),
        };
        if parameters.is_empty() {
            return rows(&client, sql, sql, &types).await;
        }
        let literals = parameters.iter().map(literal::literal).collect::<Option<Vec<_>>>();
        let literals = literals.ok_or(DatabaseError::Parameter)?.join(", ");
        let prepare = format!("PREPARE management_query AS {sql}");
        client
            .batch_execute(&prepare)
            .await
            .map_err(|error| wording::refused(error, &prepare))?;
        rows(&client, &format!("EXECUTE management_query({literals})"), sql, &types).await
    }

    /// The role logs in with the password of the URL. Where it does not get in, it is made, or given that password.
    async fn reader(&self) -> Result<Config, DatabaseError> {
        let mut config = self.config.clone();
        config.user(READER);
        // What would write by mistake fails for that reason; what undoes it fails for want of rights.
        config.options(format!(
            "-c statement_timeout={STATEMENT_TIMEOUT} -c default_transaction_read_only=on"
        ));
        if connect(&config).await.is_ok() {
            return Ok(config);
        }
        let password = self
            .config
            .get_password()
            .map(|password| String::from_utf8_lossy(password).into_owned());
        let password = literal::literal(&password.into()).ok_or(DatabaseError::Url)?;
        // One batch is one transaction; the lock is for others who do the same at the same time.
        let make = format!(
            "SELECT pg_advisory_xact_lock(hashtext('{READER}'));
             DO $make$ BEGIN
               IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{READER}') THEN CREATE ROLE {READER}; END IF;
             END $make$;
             ALTER ROLE {READER} LOGIN PASSWORD {password};
             GRANT pg_read_all_data TO {READER};"
        );
        let client = connect(&self.config).await?;
        client
            .batch_execute(&make)
            .await
            .map_err(|error| wording::refused(error, ""))?;
        Ok(config)
    }
}

async fn connect(config: &Config) -> Result<Client, DatabaseError> {
    let (client, connection) = config.connect(NoTls).await.map_err(DatabaseError::Connect)?;
    // Ends when the client is dropped.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a database connection ended early");
        }
    });
    Ok(client)
}

async fn rows(client: &Client, sql: &str, shown: &str, types: &[Type]) -> Result<Value, DatabaseError> {
    let refused = |error| wording::refused(error, shown);
    let messages = client.simple_query_raw(sql).await.map_err(refused)?;
    let mut messages = std::pin::pin!(messages);
    let (mut last, mut current) = (Vec::new(), Vec::new());
    while let Some(message) = messages.try_next().await.map_err(refused)? {
        match message {
            SimpleQueryMessage::Row(row) => {
                let columns = row.columns().iter().enumerate();
                let cell = |index| {
                    value::json(
                        row.try_get(index).ok().flatten(),
                        types.get(index).unwrap_or(&Type::TEXT),
                    )
                };
                let object: Map<String, Value> = columns
                    .map(|(index, column)| (column.name().to_owned(), cell(index)))
                    .collect();
                current.push(Value::Object(object));
            }
            SimpleQueryMessage::CommandComplete(_) => last = std::mem::take(&mut current),
            _ => {}
        }
    }
    Ok(Value::Array(last))
}

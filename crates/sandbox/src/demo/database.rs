//! The project's database, as its owner reaches it.

use ace_sandbox::bed::BedFile;
use serde_json::{Value, json};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

use super::error::DemoError;

/// How to reach it.
pub(super) struct Database {
    config: Config,
    host: String,
    port: u16,
}

impl Database {
    pub(super) fn of(bed: &BedFile) -> Result<Database, DemoError> {
        let config: Config = bed.database_url.parse().map_err(failed("read the address of"))?;
        match (config.get_hosts(), config.get_ports()) {
            ([Host::Tcp(host)], [port]) => Ok(Database {
                host: host.clone(),
                port: *port,
                config,
            }),
            _ => Err(DemoError::Wrong(
                "the bed's database has no one host and port".to_owned(),
            )),
        }
    }

    /// As the operator's flag `--allow-host` names it.
    pub(super) fn allowed(&self) -> String {
        format!("postgres://{}:{}", self.host, self.port)
    }

    /// As a Platform names it.
    pub(super) fn spec(&self) -> Value {
        json!({
            "host": self.host,
            "port": self.port,
            "tls": "Disable",
            "passwordSecretRef": {"name": "supabase", "key": "password"},
        })
    }

    pub(super) fn password(&self) -> String {
        String::from_utf8_lossy(self.config.get_password().unwrap_or_default()).into_owned()
    }

    /// Runs statements, all of them or none.
    pub(super) async fn run(&self, sql: &str) -> Result<(), DemoError> {
        let (client, connection) = self.connect().await?;
        let ran = client.batch_execute(&format!("begin;\n{sql}\n;commit;")).await;
        drop(client);
        // Its error is the client's, which is told.
        let _ = connection.await;
        ran.map_err(failed("change"))
    }

    /// Whether there is such a table.
    pub(super) async fn has_table(&self, name: &str) -> Result<bool, DemoError> {
        let (client, connection) = self.connect().await?;
        let found = client.query_one("select to_regclass($1) is not null", &[&name]).await;
        drop(client);
        let _ = connection.await;
        Ok(found.map_err(failed("ask"))?.get(0))
    }

    async fn connect(&self) -> Result<(Client, tokio::task::JoinHandle<Result<(), tokio_postgres::Error>>), DemoError> {
        let (client, connection) = self.config.connect(NoTls).await.map_err(failed("reach"))?;
        Ok((client, tokio::spawn(connection)))
    }
}

fn failed(action: &'static str) -> impl FnOnce(tokio_postgres::Error) -> DemoError {
    move |source| DemoError::Database { action, source }
}

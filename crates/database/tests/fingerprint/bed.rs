//! A server, a connection that takes fingerprints, and a session of the same role that changes things.

use ace_api::DriftField;
use ace_database::{Access, Connection, Fingerprint, Reading, differences};
use tokio_postgres::{Client, Config, NoTls};

use crate::server::{PASSWORD, Server};

pub struct Bed {
    pub server: Server,
    pub connection: Connection,
    pub psql: Client,
}

impl Bed {
    /// With this in the schema `public`.
    pub async fn start(schema: &str) -> Self {
        let server = Server::start().await;
        let connection = Connection::open(&server.access()).await.unwrap();
        let psql = session(&server.access()).await;
        psql.batch_execute(schema).await.unwrap();
        Self {
            server,
            connection,
            psql,
        }
    }

    pub async fn run(&self, sql: &str) {
        let ran = self.psql.batch_execute(sql).await;
        assert!(ran.is_ok(), "{sql}: {ran:?}");
    }

    pub async fn look(&self) -> Reading {
        self.connection.fingerprint(&public()).await.unwrap()
    }

    pub async fn fingerprint(&self) -> Fingerprint {
        taken(self.look().await)
    }

    /// What this changes in the schema, for the reader: path, desired, observed.
    pub async fn change(&self, sql: &str) -> Vec<[String; 3]> {
        let before = self.fingerprint().await;
        self.run(sql).await;
        texts(differences(&before, &self.fingerprint().await))
    }
}

pub fn public() -> Vec<String> {
    vec!["public".to_owned()]
}

pub fn taken(look: Reading) -> Fingerprint {
    match look {
        Reading::Taken { fingerprint, .. } => fingerprint,
        Reading::Busy => panic!("the schema is busy"),
    }
}

pub fn texts(differences: Vec<DriftField>) -> Vec<[String; 3]> {
    differences
        .into_iter()
        .map(|it| [it.path, it.desired, it.observed])
        .collect()
}

/// A session that takes no fingerprints.
pub async fn session(access: &Access) -> Client {
    let mut config = Config::new();
    config
        .host(&access.host)
        .port(access.port)
        .dbname(&access.name)
        .user(&access.user)
        .password(PASSWORD);
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

//! A database of the test's own, as a project has it, on a server that tests share.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use ace_database::Access;
use ace_sandbox::bed::BOOTSTRAP;
use tokio::sync::Mutex;
use tokio_postgres::Client;

use crate::server::Server;

static NUMBER: AtomicU32 = AtomicU32::new(0);

pub struct Bed {
    pub server: Arc<Server>,
    pub database: String,
}

/// Another one for each.
pub fn number() -> u32 {
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// The server that tests share: the first of them starts it, and it ends with the last.
pub async fn shared(server: &Mutex<Weak<Server>>, start: impl Future<Output = Server>) -> Arc<Server> {
    let mut shared = server.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(start.await);
    *shared = Arc::downgrade(&server);
    server
}

impl Bed {
    pub async fn on(server: Arc<Server>) -> Self {
        let database = format!("bed_{}", number());
        let superuser = server.superuser_of("template1").await.unwrap();
        superuser
            .batch_execute(&format!("CREATE DATABASE {database} TEMPLATE template0"))
            .await
            .unwrap();
        let bed = Self { server, database };
        bed.as_superuser(BOOTSTRAP).await;
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

    /// Runs statements as the superuser.
    pub async fn as_superuser(&self, statements: &str) {
        self.superuser().await.batch_execute(statements).await.unwrap();
    }

    /// Waits until the only column of a statement is this.
    pub async fn until(&self, statement: &str, expected: &[&str]) {
        let superuser = self.superuser().await;
        let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
        while column(&superuser, statement).await != expected {
            assert!(tokio::time::Instant::now() < deadline, "never: {statement}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The rows of a statement's only column, as text.
pub async fn column(client: &Client, statement: &str) -> Vec<String> {
    let rows = client.query(statement, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

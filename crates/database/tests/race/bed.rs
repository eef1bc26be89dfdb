//! One server for all tests of the binary, and databases on it that were prepared once.

use std::sync::{Arc, Weak};

use ace_database::{Connection, Reading};
use ace_sandbox::bed::BOOTSTRAP;
use tokio::sync::Mutex;
use tokio_postgres::Client;

use crate::{operator::access, server::Server, set::COUNTED};

static SHARED: Mutex<Weak<Bed>> = Mutex::const_new(Weak::new());

pub struct Bed(Server);

impl Bed {
    pub async fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().await;
        let bed = match shared.upgrade() {
            Some(bed) => bed,
            None => Arc::new(Self::start().await),
        };
        *shared = Arc::downgrade(&bed);
        bed
    }

    async fn start() -> Self {
        // Proving a password takes a tenth of a second without optimisation, and these tests open thousands of sessions.
        let rules = "host all all 127.0.0.1/32 trust\nlocal all all trust\n";
        let bed = Self(Server::start_with(&[("hba.conf", rules)], &["hba_file={hba.conf}"]).await);
        bed.superuser("template1")
            .await
            .batch_execute("CREATE DATABASE prepared TEMPLATE template0")
            .await
            .unwrap();
        let prepared = bed.superuser("prepared").await;
        prepared.batch_execute(BOOTSTRAP).await.unwrap();
        prepared.batch_execute(COUNTED).await.unwrap();
        bed
    }

    pub fn port(&self) -> u16 {
        self.0.port
    }

    pub async fn superuser(&self, database: &str) -> Client {
        self.0.superuser_of(database).await.unwrap()
    }

    pub async fn make(&self, database: &str) {
        let make = format!("CREATE DATABASE {database} TEMPLATE prepared OWNER postgres STRATEGY file_copy");
        self.superuser("template1").await.batch_execute(&make).await.unwrap();
    }

    pub async fn remove(&self, database: &str) {
        let drop = format!("DROP DATABASE {database} WITH (FORCE)");
        self.superuser("template1").await.batch_execute(&drop).await.unwrap();
    }

    /// What the schemas of a database are like, ours among them.
    pub async fn fingerprint(&self, database: &str) -> String {
        let session = Connection::open(&access(self.port(), database)).await.unwrap();
        let schemas = ["public", "ace_ops", "supabase_migrations"].map(str::to_owned);
        match session.fingerprint(&schemas).await.unwrap() {
            Reading::Taken { fingerprint, .. } => fingerprint.digest(),
            Reading::Busy => panic!("nobody is at work"),
        }
    }

    /// The only column of a statement's only row.
    pub async fn one(&self, database: &str, statement: &str) -> String {
        self.superuser(database)
            .await
            .query_one(statement, &[])
            .await
            .unwrap()
            .get(0)
    }
}

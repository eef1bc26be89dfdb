//! A database to back up.

use std::sync::Weak;

use ace_database::{Access, Attempt, Password, Scope, Snapshot};
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::{cluster, database::shared, server::Server};
pub use crate::{
    cluster::{Cluster, Programs, programs},
    database::Bed,
};

static SOURCE: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());

pub const APPLICATION: &str = "ace-worker/ace/nightly";

impl Bed {
    /// A database as a project has it, with these statements of its own.
    pub async fn new(statements: &str) -> Self {
        let bed = Self::on(shared(&SOURCE, Server::start()).await).await;
        bed.run(statements).await;
        bed
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
        cluster::dump(&self.access(), snapshot).await
    }
}

pub fn everything() -> Scope {
    Scope::without(&[], [])
}

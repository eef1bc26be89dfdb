//! A database of the test's own, on a server that tests share.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use ace_database::{
    Access, Applied, Locked, Notes, OperatorSchema, Owner, Prepared, Progress, RunError, Script, Segment, Session,
    Settings, Statement,
};
use ace_sandbox::bed::BOOTSTRAP;
use tokio::sync::Mutex;
use tokio_postgres::Client;

use crate::server::Server;

static SHARED: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());
static NUMBER: AtomicU32 = AtomicU32::new(0);

pub const APPLICATION: &str = "ace-operator/ace/main";

pub struct Bed {
    server: Arc<Server>,
    pub database: String,
}

/// Proving a password takes a tenth of a second without optimisation, and these tests open hundreds of sessions.
async fn trusting() -> Server {
    let rules = "host all all 127.0.0.1/32 trust\nlocal all all trust\n";
    Server::start_with(&[("hba.conf", rules)], &["hba_file={hba.conf}"]).await
}

impl Bed {
    pub async fn new() -> Self {
        let mut shared = SHARED.lock().await;
        let server = match shared.upgrade() {
            Some(server) => server,
            None => Arc::new(trusting().await),
        };
        *shared = Arc::downgrade(&server);
        let database = format!("bed_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let superuser = server.superuser_of("template1").await.unwrap();
        superuser
            .batch_execute(&format!("CREATE DATABASE {database} TEMPLATE template0"))
            .await
            .unwrap();
        let bed = Self { server, database };
        bed.superuser().await.batch_execute(BOOTSTRAP).await.unwrap();
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

    /// A session that may run files: its lock is had as soon as whoever has it is gone.
    pub async fn session(&self) -> Session {
        self.session_with(&self.access(), &settings()).await
    }

    pub async fn session_with(&self, access: &Access, settings: &Settings) -> Session {
        let session = Session::open(access, settings).await.unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
        while session.try_lock().await.unwrap() != Locked::Mine {
            assert!(tokio::time::Instant::now() < deadline, "the lock is not free");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(session.prepare_house(&owner()).await.unwrap(), Prepared::Ours);
        session
    }

    /// The rows of a statement's only column, as text.
    pub async fn column(&self, statement: &str) -> Vec<String> {
        column(&self.superuser().await, statement).await
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

pub async fn column(client: &Client, statement: &str) -> Vec<String> {
    let rows = client.query(statement, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

pub fn settings() -> Settings {
    Settings::new(APPLICATION)
}

pub fn owner() -> Owner {
    Owner {
        namespace: "ace".to_owned(),
        name: "main".to_owned(),
    }
}

/// A file of one statement per line.
pub fn sentences(texts: &[&str]) -> Vec<Statement> {
    let line = |(index, text): (usize, &&str)| Statement {
        text: (*text).to_owned(),
        line: u32::try_from(index).unwrap() + 1,
    };
    texts.iter().enumerate().map(line).collect()
}

pub fn file(version: &str, texts: &[&str]) -> Script {
    script(version, vec![Segment::Together(sentences(texts))])
}

pub fn script(version: &str, segments: Vec<Segment>) -> Script {
    let texts = segments.iter().flat_map(|segment| match segment {
        Segment::Together(sentences) => sentences.iter().collect::<Vec<_>>(),
        Segment::Alone(sentence, _) => vec![sentence],
    });
    Script {
        version: version.to_owned(),
        name: format!("file_{version}"),
        sha256: format!("sha256:{version}"),
        recorded: texts.map(|sentence| sentence.text.clone()).collect(),
        segments,
    }
}

pub fn nobody(_: Progress) {}

/// Runs a file of these statements, as version 1 of a database that has none.
pub async fn run(session: &mut Session, texts: &[&str]) -> Result<Applied, RunError> {
    session.run(&file("1", texts), &nobody).await
}

/// What is in `ace_ops`.
pub async fn notes(session: &Session) -> Notes {
    match session.ledgers().await.unwrap().operator_schema {
        OperatorSchema::Present(notes) => *notes,
        other => panic!("{other:?}"),
    }
}

//! Sessions that run files in a database of the test's own.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use ace_database::{Access, Locked, Prepared, Progress, RunError, Session, Settings};
use ace_domain::{
    kinds::migration_set::{OperatorSchema, Owner, Ran},
    sql::{Alone, File, Script, Segment, Statement},
};
use tokio::sync::Mutex;
use tokio_postgres::Client;

pub use crate::database::{Bed, column};
use crate::{database::shared, proxy::Proxy, server::Server};

static SHARED: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());

pub const APPLICATION: &str = "ace-operator/ace/main";

/// Proving a password takes a tenth of a second without optimisation, and these tests open hundreds of sessions.
async fn trusting() -> Server {
    let rules = "host all all 127.0.0.1/32 trust\nlocal all all trust\n";
    Server::start_with(&[("hba.conf", rules)], &["hba_file={hba.conf}"]).await
}

impl Bed {
    pub async fn new() -> Self {
        Self::on(shared(&SHARED, trusting()).await).await
    }

    /// On a server of its own: whoever reads a schema sees it move while roles are made.
    pub async fn alone() -> Self {
        Self::on(Arc::new(trusting().await)).await
    }

    /// Waits until the server, which has crashed under this session, takes others again.
    pub async fn restarted(&self, crashed: &Client) {
        let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
        while !crashed.is_closed() || self.server.superuser_of(&self.database).await.is_none() {
            assert!(tokio::time::Instant::now() < deadline, "it does not restart");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A session that may run files. It takes the lock as soon as its holder has ended.
    pub async fn session(&self) -> Session {
        self.session_with(&self.access(), &settings()).await
    }

    /// As [`Self::session`], through a proxy.
    pub async fn session_through(&self, proxy: &Proxy) -> Session {
        let access = Access {
            port: proxy.port,
            ..self.access()
        };
        self.session_with(&access, &settings()).await
    }

    pub async fn session_with(&self, access: &Access, settings: &Settings) -> Session {
        let session = Session::open(access, settings).await.unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
        while session.try_lock().await.unwrap() != Locked::Mine {
            assert!(tokio::time::Instant::now() < deadline, "the lock is not free");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(session.prepare_operator_schema(&owner()).await.unwrap(), Prepared::Ours);
        session
    }

    /// The segments that began: version, number, and whether each is done.
    pub async fn steps(&self) -> Vec<String> {
        self.column("SELECT concat_ws(' ', version, segment, done) FROM ace_ops.step ORDER BY version, segment")
            .await
    }

    /// The rows of a statement's only column, as text.
    pub async fn column(&self, statement: &str) -> Vec<String> {
        column(&self.superuser().await, statement).await
    }
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

/// A file, and what it is taken to hold: statements that no file may have, too.
pub struct Migration {
    pub file: File,
    pub script: Script,
}

impl Migration {
    pub async fn run(&self, session: &mut Session) -> Result<Ran, RunError> {
        session.run(&self.file, &self.script, &nobody).await
    }

    pub async fn run_again(&self, session: &mut Session) -> Result<Ran, RunError> {
        session.run_again(&self.file, &self.script, &nobody).await
    }
}

pub fn statement(text: &str) -> Statement {
    Statement {
        text: text.to_owned(),
        offset: 0,
        line: 1,
    }
}

/// What a statement builds that runs alone.
pub fn create_index(table: &str, name: &str, if_not_exists: bool) -> Alone {
    Alone::CreateIndex {
        schema: None,
        table: table.to_owned(),
        name: name.to_owned(),
        if_not_exists,
    }
}

/// One statement per line.
pub fn statements(texts: &[&str]) -> Vec<Statement> {
    let line = |(index, text): (usize, &&str)| Statement {
        line: u32::try_from(index).unwrap() + 1,
        ..statement(text)
    };
    texts.iter().enumerate().map(line).collect()
}

pub fn migration(version: &str, texts: &[&str]) -> Migration {
    segments(version, vec![Segment::Together(statements(texts))])
}

pub fn segments(version: &str, segments: Vec<Segment>) -> Migration {
    let mut script = Script::default();
    script.segments = segments;
    script.recorded = script
        .executable_statements()
        .map(|statement| statement.text.clone())
        .collect();
    let file = file(version, &script.recorded.join(";\n"));
    Migration { file, script }
}

pub fn file(version: &str, text: &str) -> File {
    File {
        version: version.parse().unwrap(),
        name: format!("file_{version}"),
        file_name: format!("{version}_file_{version}.sql"),
        sha256: format!("sha256:{version}"),
        text: text.into(),
    }
}

pub fn nobody(_: Progress) {}

/// Runs a file of these statements, as version 1 of a database that has none.
pub async fn run(session: &mut Session, texts: &[&str]) -> Result<Ran, RunError> {
    migration("1", texts).run(session).await
}

/// The session was terminated while this line ran.
pub fn terminated(line: u32) -> RunError {
    RunError::Lost {
        line: Some(line),
        words: Some("terminating connection due to administrator command (SQLSTATE 57P01)".to_owned()),
    }
}

/// What is in `ace_ops`.
pub async fn operator_schema(session: &Session) -> OperatorSchema {
    session.ledgers().await.unwrap().operator_schema.unwrap()
}

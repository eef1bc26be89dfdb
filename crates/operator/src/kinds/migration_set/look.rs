//! The steps that write nothing: a dry run makes them, too.

use std::{collections::BTreeMap, sync::Arc};

use ace_api::MigrationSet;
use ace_database::{Access, Parsed, Session, Settings};
use ace_domain::{
    migration::{Answer, Fact, Step, Trouble, World},
    script::{File, read},
};
use tokio::task::spawn_blocking;

use super::{session, words};
use crate::{doorman::not_open, driver::Key};

/// The way to a set's database, for those who only look.
pub struct Looker {
    pub(super) access: Access,
    pub(super) settings: Settings,
}

impl Looker {
    /// `program` is what the sessions are recognised by, followed by the set's name.
    pub fn new(access: Access, object: &MigrationSet, program: &str) -> Self {
        let settings = Settings {
            lock_timeout: object.spec.lock_timeout.get(),
            statement_timeout: object.spec.statement_timeout.get(),
            ..Settings::new(&format!("{program}/{}", Key::of(object)))
        };
        Self { access, settings }
    }

    /// Makes a step in a session through which nothing can be written; nothing for a step that writes or takes the lock.
    pub async fn make(&self, object: &MigrationSet, known: &World, step: &Step) -> Option<Result<Fact, Trouble>> {
        match step {
            Step::Look => Some(self.look(object, known).await),
            Step::Read(files) => Some(read_files(files.clone()).await),
            Step::Ask(statements) => Some(self.ask(statements).await),
            _ => None,
        }
    }

    pub(super) async fn look(&self, object: &MigrationSet, known: &World) -> Result<Fact, Trouble> {
        let session = self.open().await?;
        let view = session::view(object, known, &session, None).await;
        session.close().await;
        Ok(Fact::Looked(Box::new(view?)))
    }

    pub(super) async fn ask(&self, statements: &[String]) -> Result<Fact, Trouble> {
        let session = self.open().await?;
        let answers = answers(&session, statements).await;
        session.close().await;
        answers
    }

    async fn open(&self) -> Result<Session, Trouble> {
        let session = Session::open_read_only(&self.access, &self.settings).await;
        session.map_err(|error| Trouble::Database(not_open(&error)))
    }
}

/// Large files take long to be read, and other passes want to go on.
pub(super) async fn read_files(files: Vec<File>) -> Result<Fact, Trouble> {
    let reading = spawn_blocking(move || {
        let read = files.iter().map(|file| (file.sha256.clone(), read(file).map(Arc::new)));
        read.collect::<BTreeMap<_, _>>()
    });
    let scripts = reading.await;
    scripts
        .map(Fact::Read)
        .map_err(|_| Trouble::Passing("the files could not be read".to_owned()))
}

/// What the server says of statements.
pub(super) async fn answers(session: &Session, statements: &[String]) -> Result<Fact, Trouble> {
    let mut answers = BTreeMap::new();
    for statement in statements {
        let parsed = session
            .parses(statement)
            .await
            .map_err(|error| words::not_said(&error))?;
        let answer = match parsed {
            Parsed::Yes => Answer::Parses,
            Parsed::No { line, message } => Answer::Fault { line, message },
        };
        answers.insert(statement.clone(), answer);
    }
    Ok(Fact::Asked(answers))
}

//! Sessions of the reader of one Platform's database: opened when they are needed, and used again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ace_api::{AlertRuleReason, Database, Platform};
use ace_database::{AskError, Limits, Question, Reader, Shape};
use ace_domain::{
    kinds::alert_rule::{Cause, Row, of_database, owner, reader_missing},
    reconcile::{key::Key, timing::Timing},
};
use ace_runtime::clock;
use jiff::Timestamp;
use kube::{Client, ResourceExt};
use tokio::sync::Semaphore;

use super::rules::Turn;
use crate::connections::{database::DatabaseConnector, grants::Installation, hosts::CredentialHosts};

/// What it takes to open a session.
pub struct ReaderSettings {
    /// Client of the API server, to read Secrets.
    pub client: Client,
    pub hosts: CredentialHosts,
    pub allow_insecure_database: bool,
    /// Names in the commands of messages.
    pub installation: Installation,
}

/// The sessions of one Platform, as its spec is.
pub(super) struct Readers {
    of: (Option<String>, Option<i64>),
    namespace: String,
    project: String,
    /// As the reader sees it.
    database: Database,
    /// The role of migrations.
    owner: String,
    /// Interval of the Platform: how often a person's mistake is tried again.
    interval: std::time::Duration,
    turns: Semaphore,
    idle: Mutex<Vec<Reader>>,
    /// Why there is no session, until when that holds.
    failed: Mutex<Option<(Timestamp, Cause)>>,
}

/// What became of a question.
pub(super) enum Asked {
    /// No session was free in time.
    Late,
    Failed(Cause),
    Rows(Vec<Row>, Shape),
}

impl Readers {
    /// The sessions of this Platform; new ones where its spec is another one.
    pub(super) fn of(all: &mut HashMap<Key, Arc<Self>>, platform: &Platform) -> Result<Arc<Self>, Cause> {
        let key = Key::of(platform);
        let of = (platform.uid(), platform.metadata.generation);
        if let Some(readers) = all.get(&key).filter(|readers| readers.of == of) {
            return Ok(readers.clone());
        }
        let database = platform.spec.database.as_ref();
        let reader = database.and_then(|database| Some((database, database.reader.as_ref()?)));
        let Some((database, reader)) = reader else {
            return Err(reader_missing());
        };
        let readers = Arc::new(Self {
            of,
            namespace: key.namespace.clone(),
            project: platform.spec.project.clone(),
            owner: owner(database, &platform.spec.project).to_owned(),
            interval: platform.spec.interval.get(),
            turns: Semaphore::new(usize::try_from(reader.connections).unwrap_or(1).max(1)),
            database: database.as_reader().unwrap_or_else(|| database.clone()),
            idle: Mutex::default(),
            failed: Mutex::default(),
        });
        all.insert(key, readers.clone());
        Ok(readers)
    }

    /// Asks as soon as a session is free; a turn that comes an interval too late then is none.
    pub(super) async fn ask(
        &self,
        settings: &ReaderSettings,
        question: &Question,
        turn: &Turn,
        timing: Timing,
    ) -> Asked {
        let Ok(_turn) = self.turns.acquire().await else {
            return Asked::Late;
        };
        if turn.is_late(timing, clock::now()) {
            return Asked::Late;
        }
        loop {
            let (reader, is_used) = match self.idle() {
                Some(reader) => (reader, true),
                None => match self.open(settings, turn, timing).await {
                    Ok(reader) => (reader, false),
                    Err(cause) => return Asked::Failed(cause),
                },
            };
            let answer = answer(&reader, question, turn.shape).await;
            if !matches!(answer, Err(AskError::Lost(_))) {
                self.lock_idle().push(reader);
            } else if is_used {
                // The server has ended an idle session, or was restarted: that is no answer to this question.
                continue;
            }
            return match answer {
                Ok((rows, shape)) => Asked::Rows(rows, shape),
                Err(error) => Asked::Failed(error.cause(&self.database)),
            };
        }
    }

    async fn open(&self, settings: &ReaderSettings, turn: &Turn, timing: Timing) -> Result<Reader, Cause> {
        let now = clock::now();
        let held = self
            .failed()
            .clone()
            .filter(|(until, _)| now < *until && !turn.is_requested);
        if let Some((_, cause)) = held {
            return Err(cause);
        }
        let opened = self.connect(settings).await;
        let failed = opened.as_ref().err().map(|cause| {
            // Supabase bans addresses that send wrong passwords.
            let passes = matches!(
                cause.reason,
                AlertRuleReason::DatabaseUnreachable | AlertRuleReason::SecretMissing | AlertRuleReason::Retrying
            );
            let wait = if passes {
                timing.probe()
            } else if cause.reason == AlertRuleReason::AccessMissing {
                timing.rights()
            } else {
                timing.interval(self.interval)
            };
            (clock::now() + wait, cause.clone())
        });
        *self.failed() = failed;
        opened
    }

    async fn connect(&self, settings: &ReaderSettings) -> Result<Reader, Cause> {
        let connector = DatabaseConnector {
            client: &settings.client,
            hosts: &settings.hosts,
            allow_insecure: settings.allow_insecure_database,
            names: &settings.installation,
            limits: Limits::default(),
        };
        let access = connector.access(&self.namespace, &self.project, &self.database).await;
        let access = access.map_err(|failure| of_database(&failure, &self.database))?;
        let opened = Reader::open(&access, &self.owner).await;
        opened.map_err(|error| error.cause(&self.database))
    }

    /// A session that nobody uses.
    fn idle(&self) -> Option<Reader> {
        let mut idle = self.lock_idle();
        idle.retain(Reader::is_open);
        idle.pop()
    }

    fn lock_idle(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self) -> MutexGuard<'_, Option<(Timestamp, Cause)>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rows of a query; its columns are looked at first, where they are not known.
async fn answer(reader: &Reader, question: &Question, known: Option<Shape>) -> Result<(Vec<Row>, Shape), AskError> {
    let shape = match known {
        Some(shape) => shape,
        None => reader.shape(question).await?,
    };
    Ok((reader.ask(question, shape).await?, shape))
}

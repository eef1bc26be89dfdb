//! Restores a backup into a database of its own on the Platform's scratch server, and compares its rows with the source's.

use std::time::Duration;

use ace_api::{Assertion, AssertionResult, Backup, BackupReason, Platform, RestoreStepName};
use ace_archive::Identities;
use ace_database::{Access, AssertionError, Detail, Difference, Limits, Scope, Scratch, ScratchError, TableName};
use ace_domain::kinds::{
    backup::{TaskError, database},
    platform::DatabaseFailure,
};
use tokio::time::Instant;

use super::{
    Backups, error, fields,
    given::{self, Given},
    verify::{Stored, opened, read_error},
};
use crate::connections::database::DatabaseConnector;

/// A database that every server has: others are made from there.
const MAINTENANCE: &str = "postgres";

/// Most differences that a message names.
const NAMED: usize = 3;

/// The restored database has each row of the source, and no other.
pub(super) async fn content(
    kind: &Backups,
    object: &Backup,
    given: &Given,
    stored: &Stored,
    identities: &Identities,
) -> Result<(), TaskError> {
    let (uid, run) = stored.run.ids();
    let drill = Drill {
        kind,
        namespace: &given.namespace,
        platform: given.platform()?,
        stored,
        identities,
        application: given.application(object),
        name: format!("{uid}_{run}"),
        assertions: &[],
    };
    drill.run(Steps::begin(), |_| ()).await.map(drop)
}

/// One restore into scratch.
pub(crate) struct Drill<'a> {
    pub(crate) kind: &'a Backups,
    pub(crate) namespace: &'a str,
    /// Whose scratch server it is.
    pub(crate) platform: &'a Platform,
    pub(crate) stored: &'a Stored,
    pub(crate) identities: &'a Identities,
    /// Name of the sessions.
    pub(crate) application: String,
    /// Part of the database's name.
    pub(crate) name: String,
    pub(crate) assertions: &'a [Assertion],
}

/// What was restored, and is the same as the source.
pub(crate) struct Drilled {
    /// Until the last assertion passed; that the database is dropped takes nobody's time.
    pub(crate) steps: Vec<(RestoreStepName, Duration)>,
    pub(crate) tables: u64,
    pub(crate) rows: u64,
    pub(crate) assertions: Vec<AssertionResult>,
}

impl Drill<'_> {
    /// The database is dropped at the end, however that comes; what a process that was killed leaves is dropped by the next run.
    /// `steps`: since when the first one, which fetches, is under way.
    pub(crate) async fn run(&self, mut steps: Steps, tell: impl Fn(RestoreStepName)) -> Result<Drilled, TaskError> {
        tell(RestoreStepName::Fetch);
        let access = self.access().await?;
        let swept = ace_database::sweep_scratch(&access, &self.application).await;
        swept.map_err(|wrong| self.failed(&wrong))?;
        let source = &self.stored.manifest.snapshot.system_identifier;
        let scratch = Scratch::create(&access, &self.application, &self.name, source).await;
        let scratch = scratch.map_err(|wrong| self.failed(&wrong))?;
        steps.end(RestoreStepName::Fetch);
        let compared = self.compare(&scratch, &mut steps, tell).await;
        let removed = scratch.remove().await;
        let (tables, rows, assertions) = compared?;
        removed.map_err(|wrong| self.failed(&wrong))?;
        Ok(Drilled {
            steps: steps.done,
            tables,
            rows,
            assertions,
        })
    }

    async fn compare(
        &self,
        scratch: &Scratch,
        steps: &mut Steps,
        tell: impl Fn(RestoreStepName),
    ) -> Result<(u64, u64, Vec<AssertionResult>), TaskError> {
        let Stored {
            store, run, manifest, ..
        } = self.stored;
        tell(RestoreStepName::Restore);
        let reader = store.read(run, &manifest.archive.sealed, self.identities);
        let restored = scratch.restore(&self.kind.clients, opened(reader), &manifest.snapshot.roles);
        restored.await.map_err(|wrong| self.failed(&wrong))?;
        steps.end(RestoreStepName::Restore);
        tell(RestoreStepName::Prove);
        let source = fields::proof(manifest);
        let has_hashes = source.tables.values().all(|counted| counted.hash.is_some());
        let detail = if has_hashes { Detail::Rows } else { Detail::Counts };
        // What was left out is said by the manifest: the schedule may have been changed since.
        let data = manifest.scope.exclude_data.iter().map(|name| given::table(name));
        let data: Result<Vec<TableName>, TaskError> = data.collect();
        let scope = Scope::without(&manifest.scope.exclude_schemas, data?);
        let proof = scratch
            .prove(&scope, detail)
            .await
            .map_err(|wrong| error::of_proof(&wrong))?;
        steps.end(RestoreStepName::Prove);
        tell(RestoreStepName::Compare);
        self.same(&source.differences(&proof))?;
        let mut assertions = Vec::new();
        for assertion in self.assertions {
            assertions.push(asserted(scratch, assertion).await?);
        }
        steps.end(RestoreStepName::Compare);
        Ok((source.tables.len() as u64, source.rows(), assertions))
    }

    fn same(&self, differences: &[Difference]) -> Result<(), TaskError> {
        if differences.is_empty() {
            return Ok(());
        }
        let named: Vec<String> = differences.iter().take(NAMED).map(Difference::to_string).collect();
        let more = match differences.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let message = format!(
            "what was restored from BackupDestination `{}` is not what was backed up: {}{more}",
            self.stored.destination,
            named.join(", ")
        );
        Err(error::last(BackupReason::VerificationFailed, message))
    }

    fn failed(&self, wrong: &ScratchError) -> TaskError {
        of_scratch(self.platform, &self.stored.destination, wrong)
    }

    /// Access to the scratch server: reads its Secrets.
    async fn access(&self) -> Result<Access, TaskError> {
        let missing = || {
            let message = "the Platform has no `spec.scratch`: name a PostgreSQL server there, or set the schedule's `verify` to `Archive`";
            error::obstacle(BackupReason::ScratchMissing, message)
        };
        let scratch = self.platform.spec.scratch.as_ref().ok_or_else(missing)?;
        let connector = DatabaseConnector {
            client: &self.kind.client,
            hosts: &self.kind.hosts,
            allow_insecure: self.kind.allow_insecure_database,
            names: &self.kind.installation,
            limits: Limits::default(),
        };
        let access = connector.scratch(self.namespace, scratch, MAINTENANCE).await;
        access.map_err(|failure| match failure {
            DatabaseFailure::HostNotAllowed => error::obstacle(
                BackupReason::HostNotAllowed,
                format!(
                    "the operator's flag `--allow-scratch-host` does not allow `spec.scratch` of the Platform: add `{}:{}` to it",
                    scratch.host, scratch.port
                ),
            ),
            failure => database(&scratch.database(MAINTENANCE), &failure),
        })
    }
}

/// The steps so far, and when the one that is under way began.
pub(crate) struct Steps {
    began: Instant,
    done: Vec<(RestoreStepName, Duration)>,
}

impl Steps {
    /// The first one begins now.
    pub(crate) fn begin() -> Self {
        Self {
            began: Instant::now(),
            done: Vec::new(),
        }
    }

    fn end(&mut self, name: RestoreStepName) {
        let now = Instant::now();
        self.done.push((name, now - self.began));
        self.began = now;
    }
}

async fn asserted(scratch: &Scratch, assertion: &Assertion) -> Result<AssertionResult, TaskError> {
    let Assertion { name, sql, expect } = assertion;
    match scratch.assert(sql, expect).await {
        Ok(asserted) => Ok(AssertionResult {
            name: name.clone(),
            passed: asserted.passed,
            digest: asserted.digest,
        }),
        Err(wrong @ (AssertionError::Refused(_) | AssertionError::NotOneValue { .. })) => {
            let message = format!("assertion `{name}`: {wrong}");
            Err(error::last(BackupReason::VerificationFailed, message))
        }
        Err(wrong) => Err(error::failed(BackupReason::Failed, wrong.to_string())),
    }
}

fn of_scratch(platform: &Platform, destination: &str, wrong: &ScratchError) -> TaskError {
    let spec = platform.spec.scratch.as_ref();
    let spec = spec.map(|spec| spec.database(MAINTENANCE));
    match (wrong, spec) {
        (ScratchError::Open(failed), Some(spec)) => database(&spec, &failed.clone().into()),
        (ScratchError::Query(failed), Some(spec)) => database(&spec, &failed.clone().into()),
        (ScratchError::ScratchIsSource, _) => error::last(BackupReason::ScratchIsSource, wrong.to_string()),
        (ScratchError::RunTaken, _) => error::failed(BackupReason::Failed, wrong.to_string()),
        (ScratchError::Client(failed), _) => error::of_client(failed),
        (ScratchError::Source(source), _) => match read_error(source) {
            Some(read) => error::of_read(destination, read),
            None => error::failed(BackupReason::Failed, wrong.to_string()),
        },
        (_, _) => error::last(BackupReason::VerificationFailed, wrong.to_string()),
    }
}

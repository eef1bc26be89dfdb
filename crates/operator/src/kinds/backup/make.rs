//! Makes a backup: snapshot under the database's lock, proof and dump of it, the manifest last.

use std::time::Duration;

use ace_api::{Backup, BackupProgress, BackupProof, BackupReason, BackupRun, BackupSchedule, BackupStep, CopyState};
use ace_archive::{FORMAT, Manifest, Origin, Parts, Recipients, RunPath, Seal, Sealed, Store};
use ace_database::{Access, Attempt, Detail, Dump, Proof, Requirement, Snapshot};
use ace_domain::{
    kinds::backup::{Done, Made, Outcome, Problem, TaskError, busy, dropped, may_be_finished},
    reconcile::key::Key,
};
use ace_runtime::{clock, request::answer, tasks::Running};
use bytes::BytesMut;
use kube::{Api, ResourceExt};
use tokio::{io::AsyncReadExt, time::Instant};

use crate::backups::backups_of;

use super::{
    Backups, error, fields,
    given::{self, Given},
};

/// How much is read of a dump at a time: the size of its pipe.
const CHUNK: usize = 64 << 10;

/// One attempt, within the schedule's deadline. Whoever is asked to end does so until the manifest is written.
pub(super) async fn make(
    kind: &Backups,
    object: &Backup,
    given: &Given,
    run: &BackupRun,
    running: &Running<BackupProgress>,
) -> Outcome {
    let given = &given.with_current_schedule(kind).await?;
    let deadline = given.schedule()?.spec.deadline.get();
    let stored = running
        .cancel()
        .run_until_cancelled(Box::pin(store(kind, object, given, run, running)));
    let stored = match tokio::time::timeout(deadline, stored).await {
        Ok(Some(stored)) => stored?,
        Ok(None) => return Err(error::stopped()),
        Err(_) => return Err(error::failed(BackupReason::Failed, too_late(deadline))),
    };
    let stored = match stored {
        Stored::Before(made) => return Ok(Done::Made(made)),
        Stored::Now(stored) => stored,
    };
    commit(kind, object, run, *stored).await
}

fn too_late(deadline: Duration) -> String {
    let deadline = ace_api::Duration::from_secs(deadline.as_secs());
    format!("it was not stored within the schedule's deadline of {deadline}")
}

/// What is stored, and its manifest, which is not.
struct Data {
    snapshot: Box<Snapshot>,
    place: Place,
    manifest: Manifest,
}

/// The destination that takes the stream.
struct Place {
    destination: String,
    store: Store,
    path: RunPath,
    /// The backup before, as its manifest there has it.
    previous: Option<(Manifest, ace_archive::Digest)>,
}

enum Stored {
    /// The run is complete already.
    Before(Box<Made>),
    Now(Box<Data>),
}

async fn store(
    kind: &Backups,
    object: &Backup,
    given: &Given,
    run: &BackupRun,
    running: &Running<BackupProgress>,
) -> Result<Stored, TaskError> {
    let schedule = given.schedule()?;
    tell(running, BackupStep::Lease, 0, None, None);
    let recipients = Recipients::parse(&schedule.spec.encryption.recipients)
        .map_err(|wrong| error::last(BackupReason::RecipientInvalid, wrong.to_string()))?;
    let required = requirements(schedule)?;
    let scope = given.scope()?;
    let access = given.access(kind).await?;
    let mut place = match place(kind, object, given, run).await? {
        Found::Complete(made) => return Ok(Stored::Before(made)),
        Found::Empty(place) => *place,
    };
    place.previous = previous(kind, object, &place).await;
    let application = given.application(object);
    let taken = Snapshot::take(&access, &application, &scope, clock::now()).await;
    let snapshot = match taken.map_err(|error| error::of_snapshot(given, &error))? {
        Attempt::Taken(snapshot) => snapshot,
        Attempt::Held(by) => return Err(busy(object, by)),
        Attempt::Busy => {
            return Err(TaskError {
                problem: Problem::Busy(None),
                message: "other sessions are changing the schema".to_owned(),
            });
        }
    };
    let detail = match schedule.spec.proof {
        BackupProof::Rows => Detail::Rows,
        BackupProof::Counts => Detail::Counts,
    };
    let dump = Dump::start(&kind.clients, &access, &application, &snapshot).await;
    let dump = dump.map_err(|error| error::of_client(&error))?;
    let client = dump.client().to_owned();
    let parts = Parts::new(snapshot.point().size, Given::concurrency());
    let seal = place.store.seal(&place.path, &recipients, parts);
    let stream = Stream {
        dump,
        seal,
        total: snapshot.point().size,
        destination: &place.destination,
        running,
    };
    let proved = prove(&snapshot, &access, &application, detail, &required, &place);
    let (proof, sealed) = tokio::select! {
        lost = snapshot.lost() => return Err(error::of_snapshot(given, &lost)),
        stored = stream.stored(proved) => stored?,
    };
    let manifest = Manifest {
        tables: fields::tables(&proof),
        previous: place.previous.take().map(|(_, digest)| digest),
        ..manifest(object, given, run, &snapshot, sealed, client)?
    };
    Ok(Stored::Now(Box::new(Data {
        snapshot,
        place,
        manifest,
    })))
}

fn requirements(schedule: &BackupSchedule) -> Result<Vec<(Requirement, Option<i32>)>, TaskError> {
    let required = schedule.spec.scope.require.iter().map(|required| {
        let requirement = Requirement {
            table: given::table(&required.table)?,
            min_rows: u64::try_from(required.min_rows).unwrap_or_default(),
        };
        Ok((requirement, required.max_drop_percent))
    });
    required.collect()
}

enum Found {
    Complete(Box<Made>),
    Empty(Box<Place>),
}

/// The first destination of the schedule that answers.
async fn place(kind: &Backups, object: &Backup, given: &Given, run: &BackupRun) -> Result<Found, TaskError> {
    let path = given::run_path(object, run)?;
    let mut first = None;
    for named in &given.schedule()?.spec.destinations {
        let destination = named.name.clone();
        let asked = async {
            let store = given.store(kind, &destination).await?;
            match store.manifest(&path).await {
                Ok((manifest, _)) => Ok(Found::Complete(Box::new(fields::made(&destination, &path, &manifest)))),
                Err(wrong) => match error::of_manifest(&destination, &wrong) {
                    Some(error) => Err(error),
                    None => Ok(Found::Empty(Box::new(Place {
                        destination: destination.clone(),
                        store,
                        path: path.clone(),
                        previous: None,
                    }))),
                },
            }
        };
        match asked.await {
            Ok(found) => return Ok(found),
            Err(error) => first = first.or(Some(error)),
        }
    }
    let none = || {
        error::obstacle(
            BackupReason::WaitingForDestination,
            "the schedule names no BackupDestination",
        )
    };
    Err(first.unwrap_or_else(none))
}

/// The manifest of the newest complete backup of the schedule, if this destination has it.
async fn previous(kind: &Backups, object: &Backup, place: &Place) -> Option<(Manifest, ace_archive::Digest)> {
    let schedule = Key::beside(object, &object.spec.schedule_ref.as_ref()?.name);
    let found = backups_of(&kind.caches.dependents, &kind.caches.backups, schedule, |other| {
        let status = other.status.as_ref().filter(|_| other.uid() != object.uid())?;
        let mut copies = status.copies.iter();
        let here = copies.find(|copy| copy.destination == place.destination && copy.state == CopyState::Complete)?;
        Some((status.snapshot.as_ref()?.time, here.path.clone()?))
    });
    let (_, path) = found.into_iter().flatten().max()?;
    let path = RunPath::parse(&path)?;
    place.store.manifest(&path).await.ok()
}

/// Counts the rows of the snapshot by a second connection, and holds them against what the schedule requires.
async fn prove(
    snapshot: &Snapshot,
    access: &Access,
    application: &str,
    detail: Detail,
    required: &[(Requirement, Option<i32>)],
    place: &Place,
) -> Result<Proof, TaskError> {
    let proof = match snapshot.prove(access, application, detail).await {
        Ok(proof) => proof,
        Err(error) => {
            // Its snapshot goes with the session that exported it, and so does the lock.
            snapshot.prove_held().await.map_err(|lost| lease_lost(&lost))?;
            return Err(error::of_proof(&error));
        }
    };
    let before = place.previous.as_ref().map(|(manifest, _)| fields::proof(manifest));
    for (requirement, most) in required {
        requirement
            .met_by(&proof)
            .map_err(|unmet| error::of_requirement(&unmet))?;
        let rows = |proof: &Proof| proof.rows_of(&requirement.table);
        if let (Some(now), Some(before), Some(most)) = (rows(&proof), before.as_ref().and_then(rows), *most) {
            dropped(&requirement.table.to_string(), before, now, most)?;
        }
    }
    Ok(proof)
}

/// A dump that is being stored.
struct Stream<'a> {
    dump: Dump,
    seal: Seal,
    /// About how many bytes there will be.
    total: u64,
    destination: &'a str,
    running: &'a Running<BackupProgress>,
}

impl Stream<'_> {
    /// Stores it to its end, and proves it then: beside the dump it would be a second busy session, which others feel (measured).
    async fn stored(
        mut self,
        proved: impl Future<Output = Result<Proof, TaskError>>,
    ) -> Result<(Proof, Sealed), TaskError> {
        self.pumped().await?;
        // A pipe that was cut short ends like any other: only the exit code says that the dump is whole.
        self.dump.finish().await.map_err(|error| error::of_client(&error))?;
        tell(
            self.running,
            BackupStep::Finish,
            self.seal.raw_bytes(),
            Some(self.total),
            None,
        );
        let proof = proved.await?;
        let sealed = self.seal.finish().await;
        let sealed = sealed.map_err(|error| error::while_storing(self.destination, &error))?;
        Ok((proof, sealed))
    }

    async fn pumped(&mut self) -> Result<(), TaskError> {
        let (began, mut bytes) = (Instant::now(), 0_u64);
        loop {
            let mut chunk = BytesMut::with_capacity(CHUNK);
            let read = self.dump.read_buf(&mut chunk).await.map_err(|error| {
                error::failed(
                    BackupReason::Failed,
                    format!("the output of pg_dump can't be read: {}", error.kind()),
                )
            })?;
            if read == 0 {
                return Ok(());
            }
            bytes += read as u64;
            let written = self.seal.write(chunk.freeze()).await;
            written.map_err(|error| error::while_storing(self.destination, &error))?;
            let rate = bytes.checked_div(began.elapsed().as_secs());
            tell(self.running, BackupStep::Dump, bytes, Some(self.total), rate);
        }
    }
}

fn tell(running: &Running<BackupProgress>, step: BackupStep, bytes: u64, total: Option<u64>, rate: Option<u64>) {
    running.progress(BackupProgress {
        step,
        bytes: fields::signed(bytes),
        total: total.map(fields::signed),
        bytes_per_second: rate.map(fields::signed),
    });
}

/// Writes the manifest, under the lock, for an object that still wants it. It is not cut off: whether it was written would be unknown.
async fn commit(kind: &Backups, object: &Backup, run: &BackupRun, data: Data) -> Outcome {
    let Data {
        snapshot,
        place,
        manifest,
    } = data;
    let objects = Api::<Backup>::namespaced(kind.client.clone(), &object.namespace().unwrap_or_default());
    let Some(Ok(fresh)) = answer(objects.get_opt(&object.name_any())).await else {
        let message = "the API server did not say whether the backup is still wanted";
        return Err(error::failed(BackupReason::Failed, message));
    };
    let fresh = fresh.filter(|fresh| fresh.uid() == object.uid());
    if !fresh.is_some_and(|fresh| may_be_finished(&fresh, run)) {
        return Err(error::stopped());
    }
    // `pg_dump` outlives the session that exported its snapshot: without the lock, migrations may have run meanwhile.
    let held = snapshot.prove_held().await;
    held.map_err(|lost| lease_lost(&lost))?;
    let committed = place.store.commit(&place.path, &manifest).await;
    snapshot.release().await;
    committed.map_err(|error| error::of_commit(&place.destination, &error))?;
    Ok(Done::Made(Box::new(fields::made(
        &place.destination,
        &place.path,
        &manifest,
    ))))
}

fn lease_lost(lost: &impl std::fmt::Display) -> TaskError {
    error::failed(BackupReason::LeaseLost, lost.to_string())
}

/// The manifest, but for the tables.
fn manifest(
    object: &Backup,
    given: &Given,
    run: &BackupRun,
    snapshot: &Snapshot,
    sealed: Sealed,
    client: String,
) -> Result<Manifest, TaskError> {
    let (schedule, (platform, _)) = (given.schedule()?, given.database()?);
    let point = snapshot.point();
    Ok(Manifest {
        format: FORMAT,
        tool: concat!("ace-operator/", env!("CARGO_PKG_VERSION")).to_owned(),
        origin: Origin {
            namespace: given.namespace.clone(),
            platform: platform.name_any(),
            schedule: Some(schedule.name_any()),
            backup: object.name_any(),
            uid: object.uid().unwrap_or_default(),
            run: run.id.clone(),
            attempt: u32::try_from(run.attempt).unwrap_or_default(),
            class: format!("{:?}", object.spec.class),
            reason: Some(object.spec.reason.clone()).filter(|reason| !reason.is_empty()),
            started: run.start_time,
            finished: clock::now().max(run.start_time),
        },
        snapshot: fields::snapshot(point),
        archive: ace_archive::Archive {
            sealed,
            client,
            not_covered: point.not_covered.clone(),
        },
        scope: ace_archive::Scope {
            exclude_schemas: schedule.spec.scope.exclude_schemas.clone(),
            exclude_data: schedule.spec.scope.exclude_data.clone(),
        },
        recipients: schedule.spec.encryption.recipients.clone(),
        tables: Vec::new(),
        previous: None,
    })
}

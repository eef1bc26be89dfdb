//! The backup without which a plan that can lose data does not run: of this very database, taken after its last applied file,
//! verified, and young by the server's clock. Where there is none, one is made, under a name that follows from the plan.

use std::collections::BTreeSet;

use ace_api::{
    BackupClass, BackupSchedule, MigrationMode, MigrationReason, MigrationSet, RequiredBackup, Snapshot,
    VerificationLevel, clipped,
};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    Cause,
    candidate::{Candidate, Flaw},
    gates::Next,
    plan::{Item, Plan},
    state::{Observation, State},
    step::Step,
};
use crate::{
    bundle::short_digest,
    kinds::backup_schedule::{Known, Phase},
};

/// Most Backups that are made for one plan: one that is too old whenever the plan could run needs a person.
const MOST: u32 = 3;

/// What is known of the backups that a plan may have to wait for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backups {
    /// The BackupSchedule in `requires.backup`, if it exists.
    pub schedule: Option<Schedule>,
    /// The Backups of that schedule.
    pub all: Vec<Candidate>,
    /// Names of those that were read again under the lock.
    pub checked: BTreeSet<String>,
    /// Name of the one after which the files of the current run run.
    pub run: Option<String>,
}

/// What a set has to know of the BackupSchedule in `requires.backup`.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Name of the Platform whose database it backs up.
    pub platform: String,
    /// The level that its backups have to pass.
    pub level: VerificationLevel,
}

/// A Backup that is made for a plan.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    pub name: String,
    /// Name of its BackupSchedule.
    pub schedule: String,
    /// Its `spec.reason`, which names the plan.
    pub reason: String,
    /// The first file that waits for it.
    pub version: String,
    /// The newest Backup that is there instead, and why it is none for the plan.
    pub instead: Option<(String, Flaw)>,
}

/// Whether a plan may run, as far as backups go.
enum Verdict {
    /// It needs no backup.
    Open,
    /// It may, after this Backup.
    By(String),
    Make(Request),
    /// With the name of the Backup.
    Wait(Option<String>, Cause),
    Refuse(Option<String>, Cause),
}

impl Backups {
    /// Adds a Backup that the cache does not have yet.
    pub(super) fn learn(&mut self, made: Candidate) {
        self.all.retain(|backup| backup.known.name != made.known.name);
        self.all.push(made);
    }

    /// The Backup of this name was read again.
    pub(super) fn check(&mut self, name: &str, found: Option<Candidate>) {
        self.all.retain(|backup| backup.known.name != name);
        if let Some(found) = found {
            self.checked.insert(name.to_owned());
            self.all.push(found);
        }
    }

    /// The one of the current run is lost.
    pub(super) fn lose(&mut self, name: &str, found: Option<Candidate>) {
        self.run = None;
        self.check(name, found);
    }
}

impl Schedule {
    pub fn of(object: &BackupSchedule) -> Self {
        Self {
            platform: object.spec.platform_ref.name.clone(),
            level: object.spec.verify.level(),
        }
    }
}

impl Request {
    /// The first Backup that is made for a plan.
    fn first(object: &MigrationSet, required: &RequiredBackup, plan: &Plan, version: &str) -> Self {
        let digits = short_digest(&plan.digest).trim_start_matches("sha256:");
        Self {
            name: format!("{}-plan-{digits}", required.schedule),
            schedule: required.schedule.clone(),
            reason: clipped(
                &format!("for plan {} of MigrationSet {}", plan.digest, object.name_any()),
                256,
            ),
            version: version.to_owned(),
            instead: None,
        }
    }

    /// The one after so many.
    fn after(self, made: u32) -> Self {
        Self {
            name: match made {
                0 => self.name,
                made => format!("{}-{}", self.name, made + 1),
            },
            ..self
        }
    }

    /// Which of the plan's Backups one of this name would be.
    fn number(&self, name: &str) -> Option<u32> {
        match name.strip_prefix(&self.name)? {
            "" => Some(1),
            rest => rest.strip_prefix('-')?.parse().ok(),
        }
    }

    /// The Backup as it is in the end, if it is made `now` of the database that was observed.
    pub fn complete(&self, observation: &Observation, now: Timestamp) -> Candidate {
        let target = &observation.target;
        Candidate {
            known: Known {
                class: BackupClass::PreMigration,
                phase: Phase::Stored,
                point: Some(observation.server_time),
                level: Some(VerificationLevel::Content),
                destinations: BTreeSet::from([String::new()]),
                ..Known::made(&self.name, String::new(), now)
            },
            snapshot: Some(Snapshot {
                time: observation.server_time,
                lsn: String::new(),
                system_identifier: target.system_identifier.clone(),
                timeline: target.timeline,
                database: target.database.clone(),
                server_version: target.server_version.clone(),
                head: observation.ledger.keys().next_back().cloned(),
                schema_digest: None,
            }),
            schedule: Some(self.schedule.clone()),
            reason: self.reason.clone(),
        }
    }

    /// Why the plan does not run yet.
    pub(super) fn cause(&self) -> Cause {
        waits(&self.version, &self.name, self.instead.as_ref(), None)
    }
}

/// The next thing to do about the backup that `plan` needs; `None` if it may run.
pub(super) fn missing(object: &MigrationSet, state: &State, observation: &Observation, plan: &Plan) -> Option<Next> {
    match verdict(object, state, observation, plan) {
        // What the cache has may be a moment old, and no other session of ours runs a file now.
        Verdict::By(name) if state.locked && !state.backups.checked.contains(&name) => {
            Some(Next::Step(Step::CheckBackup(name)))
        }
        Verdict::Open | Verdict::By(_) => None,
        Verdict::Make(request) => Some(Next::Step(Step::MakeBackup(request))),
        Verdict::Wait(_, cause) => Some(Next::Wait(cause)),
        Verdict::Refuse(_, cause) => Some(Next::Refuse(cause)),
    }
}

/// The Backup by which `plan` may run, or for which it waits.
pub(super) fn named(object: &MigrationSet, state: &State, observation: &Observation, plan: &Plan) -> Option<String> {
    if object.spec.mode == MigrationMode::Observe {
        return None;
    }
    match verdict(object, state, observation, plan) {
        Verdict::Open => None,
        Verdict::By(name) => Some(name),
        Verdict::Make(request) => Some(request.name),
        Verdict::Wait(name, _) | Verdict::Refuse(name, _) => name,
    }
}

fn verdict(object: &MigrationSet, state: &State, observation: &Observation, plan: &Plan) -> Verdict {
    let Some(required) = &object.spec.requires.backup else {
        return Verdict::Open;
    };
    let needs = |item: &&Item| item.classes().iter().any(|class| required.classes.contains(class));
    let Some(item) = plan.items.iter().find(needs).filter(|_| !plan.without_backup) else {
        return Verdict::Open;
    };
    let flaw = |backup: &Candidate| backup.flaw(required, observation, state.locked);
    let of_schedule = state.backups.all.iter();
    let of_schedule = of_schedule.filter(|backup| backup.schedule.as_ref() == Some(&required.schedule));
    let usable = of_schedule.clone().filter(|backup| flaw(backup).is_none());
    if let Some(newest) = usable.max_by_key(|backup| (backup.known.point, &backup.known.name)) {
        return Verdict::By(newest.known.name.clone());
    }
    if let Some(cause) = unfit(object, state, required) {
        return cause;
    }
    let version = item.file.version.as_str();
    let request = Request::first(object, required, plan, version);
    let flawed = of_schedule.clone().filter(|backup| backup.known.point.is_some());
    let newest = flawed.max_by_key(|backup| (backup.known.point, &backup.known.name));
    let instead = newest.and_then(|backup| Some((backup.known.name.clone(), flaw(backup)?)));
    let request = Request { instead, ..request };
    let own = of_schedule.filter(|backup| backup.is_of(&request));
    let last = own.filter_map(|backup| Some((request.number(&backup.known.name)?, backup)));
    let Some((number, last)) = last.max_by_key(|(number, _)| *number) else {
        return Verdict::Make(request);
    };
    let name = last.known.name.clone();
    let said = last.known.said.as_ref().map(|(_, message)| message.as_str());
    match flaw(last) {
        Some(Flaw::Unfinished) => {
            let cause = waits(version, &name, request.instead.as_ref(), said);
            Verdict::Wait(Some(name), cause)
        }
        Some(Flaw::Unverified) if last.is_being_verified() => {
            let cause = waits(version, &name, request.instead.as_ref(), None);
            Verdict::Wait(Some(name), cause)
        }
        Some(Flaw::Failed) => {
            let cause = failed(version, &name, said.unwrap_or_default());
            Verdict::Refuse(Some(name), cause)
        }
        Some(flaw) if number >= MOST => {
            let cause = too_many(version, &name, number, flaw);
            Verdict::Refuse(Some(name), cause)
        }
        _ => Verdict::Make(request.after(number)),
    }
}

/// What keeps every backup of the schedule from being one for this set.
fn unfit(object: &MigrationSet, state: &State, required: &RequiredBackup) -> Option<Verdict> {
    let (name, platform) = (&required.schedule, &object.spec.platform_ref.name);
    let Some(schedule) = &state.backups.schedule else {
        let message = format!("there is no BackupSchedule `{name}` in this namespace");
        let cause = Cause::new(MigrationReason::WaitingForSchedule, message);
        return Some(Verdict::Wait(None, cause));
    };
    let message = if schedule.platform != *platform {
        format!(
            "BackupSchedule `{name}` backs up Platform `{}`: name one of Platform `{platform}` in `requires.backup.schedule`",
            schedule.platform
        )
    } else if schedule.level < required.verified.level() {
        format!(
            "BackupSchedule `{name}` verifies its backups to {:?}, and `requires.backup.verified` is {:?}: raise its `verify`, or \
             lower `verified`",
            schedule.level, required.verified
        )
    } else {
        return None;
    };
    let cause = Cause::new(MigrationReason::BackupUnusable, message);
    Some(Verdict::Refuse(None, cause))
}

/// `instead`: the newest Backup that is there, and why it is none for the plan. `said`: what the Backup's own condition says, where
/// that is more than that it is being made.
fn waits(version: &str, name: &str, instead: Option<&(String, Flaw)>, said: Option<&str>) -> Cause {
    let other = instead.filter(|(other, _)| other != name);
    let other = other.map(|(other, flaw)| format!(", as `{other}` is {}", flaw.says()));
    let said = said.map(|said| format!(": {said}")).unwrap_or_default();
    let message = format!(
        "{version} waits for Backup `{name}`, which is being made{}{said}",
        other.unwrap_or_default()
    );
    Cause::new(MigrationReason::WaitingForBackup, message)
}

const PASS: &str = "or add `withoutBackup: true` to the approval of the plan";

fn failed(version: &str, name: &str, said: &str) -> Cause {
    let message = format!(
        "{version} waits for Backup `{name}`, which failed: {said}; mend that and delete the Backup, and another is made, {PASS}"
    );
    Cause::new(MigrationReason::BackupUnusable, message)
}

fn too_many(version: &str, name: &str, number: u32, flaw: Flaw) -> Cause {
    let message = format!(
        "{version} did not run after any of the {number} Backups that were made for it, and the last, `{name}`, is {}: delete them, \
         and another is made, {PASS}",
        flaw.says()
    );
    Cause::new(MigrationReason::BackupUnusable, message)
}

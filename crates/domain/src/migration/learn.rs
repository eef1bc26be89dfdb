//! What steps teach.

use std::sync::Arc;

use ace_api::{MigrationEvent, MigrationEventType, MigrationSet};
use jiff::Timestamp;

use super::{
    standing::left,
    status::counts,
    step::{Fact, Ran, Step, Trouble},
    world::{Announced, Counts, House, LedgerRow, Missed, OwnRow, PlatformSight, Stop, StoredPlan, View, World},
};
use crate::script::{File, Script, Segment};

/// Entries of a history.
const HISTORY: usize = 10;
/// Warnings of one run that a status keeps, and characters of each.
const WARNINGS: usize = 4;
const WARNING: usize = 200;

/// Takes in what a step taught, or why it taught nothing.
pub fn learn(object: &MigrationSet, world: &mut World, step: &Step, outcome: Result<Fact, Trouble>, now: Timestamp) {
    match outcome {
        Ok(fact) => taught(object, world, step, fact, now),
        Err(trouble) => troubled(world, step, trouble, now),
    }
}

fn taught(object: &MigrationSet, world: &mut World, step: &Step, fact: Fact, now: Timestamp) {
    world.trouble = None;
    match (step, fact) {
        (step, Fact::Looked(view)) => {
            world.recall.view = Some(Arc::from(view));
            world.recall.missed = None;
            world.unseen = None;
            match step {
                Step::Begin => world.locked = true,
                Step::LookBehind => {
                    world.looked_behind = true;
                    world.prepared = false;
                    world.announced = None;
                }
                _ => {}
            }
        }
        (_, Fact::Read(scripts)) => world.scripts.extend(scripts),
        (_, Fact::Asked(answers)) => world.answers.extend(answers),
        (step, Fact::Written) => {
            world.unseen = Some(step.name());
            world.wrote.insert(step.name());
            remember_writing(object, world, step, now);
        }
        (Step::Prepare { digest, target, items }, Fact::Prepared) => {
            world.prepared = true;
            world.wrote.insert(step.name());
            with_house(world, |house| {
                house.plan = Some(StoredPlan {
                    digest: digest.clone(),
                    system_identifier: target.system_identifier.clone(),
                    timeline: target.timeline,
                    database_oid: target.database_oid,
                    items: items.clone(),
                });
            });
            let counts = counts(object, world);
            announce(world, counts, now);
        }
        (Step::Run { file, .. }, Fact::Ran(ran)) => has_run(world, file, ran, now),
        (_, Fact::Prepared | Fact::Ran(_)) => {}
    }
}

fn remember_writing(object: &MigrationSet, world: &mut World, step: &Step, now: Timestamp) {
    let event = |type_, version: Option<&str>| MigrationEvent {
        type_,
        version: version.map(str::to_owned),
        duration_milliseconds: None,
        warnings: Vec::new(),
        time: now,
    };
    match step {
        Step::Adopt(versions) => {
            for file in versions {
                remember(world, event(MigrationEventType::Adopted, Some(file.version.as_str())));
            }
        }
        Step::Baseline(files) => {
            for file in files {
                remember(world, event(MigrationEventType::Baselined, Some(file.version.as_str())));
            }
        }
        Step::SetReference { digest, .. } if object.spec.accepted_schema.as_ref() == Some(digest) => {
            remember(world, event(MigrationEventType::SchemaAccepted, None));
        }
        Step::SetReference { .. } if world.view().is_some_and(View::is_reworded) => {
            remember(world, event(MigrationEventType::SchemaReworded, None));
        }
        _ => {}
    }
}

/// The ledgers have the file's rows: that is known without another look.
fn has_run(world: &mut World, file: &File, ran: Ran, now: Timestamp) {
    let version = file.version.to_string();
    with_view(world, |view| {
        view.ledger.insert(version.clone(), LedgerRow::default());
        if let Some(house) = &mut view.house {
            let row = OwnRow {
                sha256: file.sha256.clone(),
                time: now,
            };
            house.rows.insert(version.clone(), row);
            house.half.remove(&version);
        }
    });
    falls_behind(world);
    world.memo.held = None;
    world.recall.blocked = 0;
    let duration = i64::try_from(ran.duration.as_millis()).unwrap_or(i64::MAX);
    let warnings = ran.warnings.into_iter().take(WARNINGS);
    let event = MigrationEvent {
        type_: MigrationEventType::Applied,
        version: Some(version),
        duration_milliseconds: Some(duration),
        warnings: warnings
            .map(|warning| warning.chars().take(WARNING).collect())
            .collect(),
        time: now,
    };
    remember(world, event);
    let is_old = |shown: &&Announced| now >= shown.at + world.pace.progress();
    let shown = world.announced.as_ref().filter(is_old);
    if let Some((shown, view)) = shown.zip(world.view()) {
        let counts = later(&shown.counts, view);
        announce(world, counts, now);
    }
}

/// The schema is no longer the one that was seen.
fn falls_behind(world: &mut World) {
    with_house(world, |house| {
        if let Some(reference) = &mut house.reference {
            reference.behind = true;
        }
    });
    world.looked_behind = false;
}

/// Notes what the status shows until the next announcement.
fn announce(world: &mut World, counts: Counts, now: Timestamp) {
    world.announced = Some(Announced {
        at: now,
        counts,
        behind: world.is_behind(),
        history: world.memo.history.clone(),
    });
}

/// What is shown of a run that went on. Nothing is counted or judged anew, which would take longer the more files there are.
fn later(shown: &Counts, view: &View) -> Counts {
    let pending = i32::try_from(left(view).len()).ok();
    let ran = shown.pending.zip(pending).map(|(before, now)| before - now);
    Counts {
        // Where the ledger went back, it is the one from which it did.
        head: shown.head.clone().max(view.ledger.keys().next_back().cloned()),
        applied: shown.applied.zip(ran).map(|(applied, ran)| applied + ran),
        pending,
        // What is being run stays what was allowed.
        ..shown.clone()
    }
}

fn remember(world: &mut World, event: MigrationEvent) {
    world.memo.history.insert(0, event);
    world.memo.history.truncate(HISTORY);
}

fn with_view(world: &mut World, change: impl FnOnce(&mut View)) {
    if let Some(view) = &mut world.recall.view {
        change(Arc::make_mut(view));
    }
}

fn with_house(world: &mut World, change: impl FnOnce(&mut House)) {
    with_view(world, |view| {
        if let Some(house) = &mut view.house {
            change(house);
        }
    });
}

fn troubled(world: &mut World, step: &Step, trouble: Trouble, now: Timestamp) {
    match trouble {
        // Both leave the session as it was: the run stops, and the look behind it follows.
        Trouble::Blocked { version, blockers } => {
            world.recall.blocked = world.recall.blocked.saturating_add(1);
            stop(world, step, Stop::Blocked(version, blockers));
        }
        Trouble::Refused(refusal) => stop(world, step, Stop::Refused(refusal)),
        trouble => {
            if let (Trouble::Database(why), PlatformSight::Present(platform)) = (&trouble, &world.platform) {
                world.recall.missed = Some(Missed {
                    at: now,
                    place: platform.place.clone(),
                    trouble: why.clone(),
                });
            }
            if matches!(step, Step::LookBehind) {
                world.looked_behind = true;
            }
            // Whatever it was: another pass begins with another session, and finds in the ledgers what is done.
            world.locked = false;
            world.prepared = false;
            world.announced = None;
            world.trouble = Some(trouble);
        }
    }
}

fn stop(world: &mut World, step: &Step, by: Stop) {
    if matches!(step, Step::Run { script, .. } if keeps_parts(script)) {
        falls_behind(world);
    }
    world.stop = Some(by);
    world.prepared = false;
    world.announced = None;
}

/// Parts of it stay although it stopped.
fn keeps_parts(script: &Script) -> bool {
    !matches!(script.segments.as_slice(), [] | [Segment::Together(_)])
}

//! What to do next about a database's migrations.

use std::time::Duration;

use ace_api::{MigrationMode, MigrationReason, MigrationSet};
use jiff::Timestamp;

use super::{
    Decision, Why,
    step::{Step, Trouble},
    words, work,
    world::{PlatformFacts, PlatformSight, SchemaLook, SourceSight, Stop, View, World},
};
use crate::{decision::Again, names::is_look_asked, platform::DatabaseTrouble};

/// What to do next.
pub fn decide(object: &MigrationSet, world: &World, now: Timestamp) -> Decision {
    if object.metadata.deletion_timestamp.is_some() {
        return Decision::Release { left_live: None };
    }
    if object.spec.suspend {
        return Decision::Settled(Again::OnWake);
    }
    let platform = match &world.platform {
        PlatformSight::Present(platform) => platform,
        PlatformSight::Absent => return Decision::Wait(words::platform_missing(object), Again::OnWake),
    };
    if platform.suspended {
        return Decision::Settled(Again::OnWake);
    }
    if platform.database.is_none() {
        return Decision::Refuse(words::database_missing(object), Again::OnWake);
    }
    if let Some(stop) = &world.stop {
        return stopped(object, world, stop, now);
    }
    if let Some(trouble) = &world.trouble {
        return troubled(object, world, platform, trouble, now);
    }
    if !world.locked
        && let Some(decision) = look(object, world, platform, now)
    {
        return decision;
    }
    let Some(view) = world.view() else {
        return Decision::Do(Step::Look);
    };
    if world.unseen.is_some() {
        return Decision::Do(Step::LookAgain);
    }
    let rest = Again::at(view.at + freshness(object, world, view), now);
    match work::next(object, world, platform, view) {
        work::Next::Step(step) => Decision::Do(step),
        work::Next::UnderLock(step) if world.wrote.contains(step.name()) => {
            Decision::Wait(unseen(&step), Again::Backoff)
        }
        work::Next::UnderLock(step) if world.locked => Decision::Do(step),
        work::Next::UnderLock(_) => Decision::Do(Step::Begin),
        work::Next::Wait(why) if why.reason == MigrationReason::SourceFailed => Decision::Wait(why, Again::Backoff),
        work::Next::Wait(why) => Decision::Wait(why, rest),
        work::Next::Refuse(_) if is_only_reported(object, world) => Decision::Settled(rest),
        work::Next::Refuse(why) => Decision::Refuse(why, rest),
        work::Next::Nothing => Decision::Settled(rest),
    }
}

/// In `Observe`, what would be a refusal is a sentence. That no file could be looked at is none.
pub(super) fn is_only_reported(object: &MigrationSet, world: &World) -> bool {
    object.spec.mode == MigrationMode::Observe && world.folder().is_some()
}

/// How long a look counts. A schema that could not be read, or not behind a run, is looked at again soon.
fn freshness(object: &MigrationSet, world: &World, view: &View) -> Duration {
    if view.schema == SchemaLook::Busy || work::owes_look(object, view) {
        world.pace.backoff_first().min(world.interval())
    } else {
        world.interval()
    }
}

/// A step wrote, and a look does not show it: nobody can say why, and writing again would not help.
fn unseen(step: &Step) -> Why {
    let message = format!(
        "the database does not show what step {} wrote; it is looked at again",
        step.name()
    );
    Why::new(MigrationReason::Retrying, message)
}

/// The run stopped, and the session still stands: the schema is looked at before a person is called or others are waited for.
fn stopped(object: &MigrationSet, world: &World, stop: &Stop, now: Timestamp) -> Decision {
    if world.is_behind() && world.locked && !world.looked_behind {
        return Decision::Do(Step::LookBehind);
    }
    match stop {
        Stop::Refused(refusal) => {
            let rest = world.view().map_or(Again::After(world.interval()), |view| {
                Again::at(view.at + freshness(object, world, view), now)
            });
            Decision::Refuse(Why::new(refusal.reason(), refusal.message.clone()), rest)
        }
        Stop::Blocked(version, blockers) => Decision::Wait(
            words::blocked(version, blockers),
            Again::After(world.pace.lock_retry(world.recall.blocked)),
        ),
    }
}

/// A look, when one is due; a wait, when the last one was in vain and the next is not due yet.
fn look(object: &MigrationSet, world: &World, platform: &PlatformFacts, now: Timestamp) -> Option<Decision> {
    let asked = is_look_asked(object, world.memo.last_handled_reconcile_at.as_ref());
    let missed = world.recall.missed.as_ref();
    if let Some(missed) = missed.filter(|missed| missed.place == platform.place) {
        let due = missed.at + patience(world, &missed.trouble);
        if now < due && !(asked && missed.at < world.began) {
            let trouble = Trouble::Database(missed.trouble.clone());
            return Some(troubled(object, world, platform, &trouble, now));
        }
        return Some(Decision::Do(Step::Look));
    }
    // A pass looks once: a look that takes longer than it counts would be made for ever.
    let is_due = world
        .view()
        .is_none_or(|view| view.at < world.began && (asked || now >= view.at + freshness(object, world, view)));
    is_due.then_some(Decision::Do(Step::Look))
}

/// How long a look in vain counts. Supabase bans addresses that come with wrong passwords.
fn patience(world: &World, trouble: &DatabaseTrouble) -> Duration {
    if trouble.passes() {
        world.pace.probe()
    } else {
        world.interval()
    }
}

fn troubled(
    object: &MigrationSet,
    world: &World,
    platform: &PlatformFacts,
    trouble: &Trouble,
    now: Timestamp,
) -> Decision {
    let wait = |why: Why, again| {
        let reason = if world.is_lost(now) {
            MigrationReason::NotSeen
        } else {
            why.reason
        };
        Decision::Wait(Why::new(reason, why.message), again)
    };
    match trouble {
        Trouble::Database(trouble) => {
            let why = words::database(platform, trouble);
            let missed = world.recall.missed.as_ref().map_or(now, |missed| missed.at);
            let again = Again::at(missed + patience(world, trouble), now);
            if trouble.passes() {
                wait(why, again)
            } else {
                Decision::Refuse(why, again)
            }
        }
        Trouble::Busy(who) => wait(words::busy(who), Again::After(world.pace.turn())),
        Trouble::Passing(how) => wait(Why::new(MigrationReason::Retrying, how.clone()), Again::Backoff),
        Trouble::Claimed(by) => Decision::Refuse(words::claimed(object, by), Again::After(world.interval())),
        // Learned as what stopped the run: see `learn`.
        Trouble::Blocked { .. } | Trouble::Refused(_) => {
            wait(Why::new(MigrationReason::Retrying, "the run stopped"), Again::Backoff)
        }
    }
}

/// Why there are no files, if there are none.
pub(super) fn sourceless(source: &SourceSight) -> Option<work::Next> {
    use MigrationReason::{AccessMissing, SourceFailed, SourceInvalid, SourceMissing, SourceRefused};
    let next = match source {
        SourceSight::Ready { .. } => return None,
        SourceSight::Waiting(message) => work::Next::Wait(Why::new(SourceMissing, message.clone())),
        SourceSight::Failed(message) => work::Next::Wait(Why::new(SourceFailed, message.clone())),
        SourceSight::Refused(message) => work::Next::Refuse(Why::new(SourceRefused, message.clone())),
        SourceSight::Invalid(message) => work::Next::Refuse(Why::new(SourceInvalid, message.clone())),
        SourceSight::AccessMissing(message) => work::Next::Refuse(Why::new(AccessMissing, message.clone())),
    };
    Some(next)
}

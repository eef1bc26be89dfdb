//! What happens on a walk.

use std::time::Duration;

use ace_api::{Approval, Baseline, MigrationMode, OutOfOrder, WhileDrifted};
use ace_domain::kinds::migration_set::Owner;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

use super::{
    database::{CONTENTS, digest, effect, text},
    operator::{Loss, Model},
};

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Time passes.
    Wait(u64),
    /// The file of this slot has this content from now on.
    File(usize, usize),
    /// A person approves what the status shows.
    Approve,
    /// All approvals are taken back.
    Withdraw,
    Suspend(bool),
    Mode(MigrationMode),
    Order(OutOfOrder),
    Drifted(WhileDrifted),
    /// A baseline through this slot, with the live digest or another.
    Baseline(usize, bool),
    /// The live schema is accepted.
    Accept,
    /// Another schema is watched, too.
    Schemas(bool),
    /// Somebody asks for a look.
    CheckSyntax(u64),
    /// Somebody changes or drops an object by hand.
    Edit(usize, Option<u32>),
    /// The CLI runs what is next, and records its statements or not.
    Push(bool),
    /// `supabase migration repair --status reverted`.
    Revert(usize),
    /// `supabase migration repair --status applied`.
    Repair(usize),
    Snapshot,
    Restore,
    /// The server becomes one of another major version.
    Upgrade,
    /// Every backup is lost.
    LoseBackups,
    /// Another set owns the database, or gives it back.
    Foreign(bool),
    /// Somebody holds what files need, for so many seconds.
    Lock(u64),
    /// Another process runs migrations.
    Busy(u64),
    Outage(u64),
    /// The source can't be read.
    Source(u64),
    /// The operator is killed after so many steps.
    Kill(u32),
    Lose(Loss),
    /// Something happens in the middle of a pass, after so many steps.
    Meanwhile(u32, Box<Act>),
}

const SLOTS: usize = 8;

pub(crate) fn version(slot: usize) -> String {
    format!("2026010{slot}")
}

/// What may happen while a pass goes on.
fn sudden() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => any::<bool>().prop_map(Act::Suspend),
        1 => Just(Act::Mode(MigrationMode::Observe)),
        2 => Just(Act::Withdraw),
        1 => Just(Act::LoseBackups),
        4 => (0..4_usize, any::<Option<u32>>()).prop_map(|(object, definition)| Act::Edit(object, definition)),
        1 => (1..100_u64).prop_map(Act::Lock),
        1 => (1..100_u64).prop_map(Act::Outage),
    ]
}

pub(crate) fn acts() -> impl Strategy<Value = Act> {
    let slot = || 0..SLOTS;
    let mode = prop_oneof![4 => Just(MigrationMode::Apply), 1 => Just(MigrationMode::Observe)];
    let order = prop_oneof![Just(OutOfOrder::Refuse), Just(OutOfOrder::Apply)];
    let drifted = prop_oneof![2 => Just(WhileDrifted::Apply), 1 => Just(WhileDrifted::Block)];
    let loss = prop_oneof![
        Just(Loss::Before),
        (0..2_usize).prop_map(Loss::Part),
        Just(Loss::SyntaxCheck)
    ];
    prop_oneof![
        10 => (1..400_u64).prop_map(Act::Wait),
        1 => (1_000..8_000_u64).prop_map(Act::Wait),
        10 => (slot(), 0..CONTENTS).prop_map(|(slot, content)| Act::File(slot, content)),
        6 => Just(Act::Approve),
        1 => Just(Act::Withdraw),
        1 => any::<bool>().prop_map(Act::Suspend),
        2 => mode.prop_map(Act::Mode),
        2 => order.prop_map(Act::Order),
        1 => drifted.prop_map(Act::Drifted),
        2 => (slot(), any::<bool>()).prop_map(|(slot, live)| Act::Baseline(slot, live)),
        1 => Just(Act::Accept),
        1 => any::<bool>().prop_map(Act::Schemas),
        2 => any::<u64>().prop_map(Act::CheckSyntax),
        5 => (0..4_usize, any::<Option<u32>>()).prop_map(|(object, definition)| Act::Edit(object, definition)),
        4 => any::<bool>().prop_map(Act::Push),
        4 => slot().prop_map(Act::Revert),
        1 => slot().prop_map(Act::Repair),
        1 => Just(Act::Snapshot),
        2 => Just(Act::Restore),
        1 => Just(Act::Upgrade),
        1 => Just(Act::LoseBackups),
        1 => any::<bool>().prop_map(Act::Foreign),
        2 => (1..200_u64).prop_map(Act::Lock),
        1 => (1..60_u64).prop_map(Act::Busy),
        1 => (1..2_000_u64).prop_map(Act::Outage),
        1 => (1..200_u64).prop_map(Act::Source),
        5 => (0..40_u32).prop_map(Act::Kill),
        4 => loss.prop_map(Act::Lose),
        4 => (0..30_u32, sudden()).prop_map(|(steps, act)| Act::Meanwhile(steps, Box::new(act))),
    ]
}

/// Lets one thing happen.
pub(crate) fn act(model: &mut Model, act: &Act) {
    let now = model.now;
    let until = |seconds: u64| now + Duration::from_secs(seconds);
    match act {
        Act::Wait(seconds) => model.run(until(*seconds), 2_000),
        Act::File(slot, content) => model.set_file(version(*slot), text(*slot, *content)),
        Act::Approve => approve(model),
        Act::CheckSyntax(value) => model.ask(*value),
        Act::Withdraw
        | Act::Suspend(_)
        | Act::Mode(_)
        | Act::Order(_)
        | Act::Drifted(_)
        | Act::Baseline(..)
        | Act::Accept
        | Act::Schemas(_) => change(model, act),
        Act::Lock(seconds) => model.blocked_until = until(*seconds),
        Act::Busy(seconds) => model.busy_until = until(*seconds),
        Act::Outage(seconds) => model.outage_until = until(*seconds),
        Act::Source(seconds) => model.source_until = until(*seconds),
        Act::Kill(steps) => model.kill_in = Some(*steps),
        Act::LoseBackups => {
            model.backups.clear();
            model.set.enqueue(now);
        }
        Act::Lose(loss) => model.loss = Some(*loss),
        Act::Meanwhile(steps, act) => model.meanwhile = Some((*steps, (**act).clone())),
        _ => {
            outside(model, act);
            forget(model);
        }
    }
}

/// What others do to the database.
fn outside(model: &mut Model, act: &Act) {
    match act {
        Act::Edit(object, definition) => {
            let definition = definition.map(|number| format!("by hand {number}"));
            model.db.edit(&format!("public.t{object}"), definition);
        }
        Act::Push(records) => push(model, *records),
        Act::Revert(slot) => {
            model.db.ledger.remove(&version(*slot));
        }
        Act::Repair(slot) => {
            let file = model.file(&version(*slot));
            if let Some(file) = file.filter(|file| !model.db.ledger.contains_key(file.version.as_str())) {
                model.db.record(&file);
            }
        }
        Act::Snapshot => model.snapshot = Some(model.db.clone()),
        Act::Restore => {
            let timeline = model.db.target.timeline;
            if let Some(snapshot) = &model.snapshot {
                model.db = snapshot.clone();
                model.db.target.timeline = timeline + 1;
            }
        }
        Act::Upgrade => model.db.target.server_version = format!("{}.0", model.db.target.server_major() + 1),
        Act::Foreign(other) => {
            let name = if *other { "other" } else { "main" };
            if let Some(bookkeeping) = &mut model.db.bookkeeping {
                bookkeeping.owner = Some(Owner {
                    namespace: "ace".to_owned(),
                    name: name.to_owned(),
                });
            }
        }
        _ => {}
    }
}

fn change(model: &mut Model, act: &Act) {
    let live = digest(&model.db.live);
    model.spec(|spec| match act {
        Act::Withdraw => spec.approvals.clear(),
        Act::Suspend(suspend) => spec.suspend = *suspend,
        Act::Mode(mode) => spec.mode = *mode,
        Act::Order(order) => spec.policy.out_of_order = *order,
        Act::Drifted(drifted) => spec.policy.while_drifted = *drifted,
        Act::Baseline(slot, named) => {
            spec.baseline = Some(Baseline {
                through: version(*slot),
                schema_digest: if *named { live } else { "sha256:other".to_owned() },
            });
        }
        Act::Accept => spec.accepted_schema = Some(live),
        Act::Schemas(both) => {
            spec.schemas = vec!["public".to_owned()];
            spec.schemas.extend(both.then(|| "private".to_owned()));
        }
        _ => {}
    });
}

pub(crate) fn approve(model: &mut Model) {
    let plan = model.set.object.status.as_ref().and_then(|status| status.plan.clone());
    if let Some(plan) = plan {
        let approval = Approval {
            plan: plan.digest,
            without_backup: false,
            reason: None,
        };
        model.spec(|spec| {
            if !spec.approvals.contains(&approval) {
                spec.approvals.push(approval);
            }
        });
    }
}

/// The CLI runs the first file that the ledger has not, if it can.
fn push(model: &mut Model, records: bool) {
    let next = model
        .files
        .keys()
        .find(|version| !model.db.ledger.contains_key(*version));
    let Some(file) = next.and_then(|version| model.file(version)) else {
        return;
    };
    let fails = effect(&file.text).broken || file.text.contains("FROBNICATE public");
    if !fails {
        model.runs += 1;
        model.db.apply(&file, model.runs, false);
        model.db.record(&file);
        let bookkeeping = model.db.bookkeeping.as_ref();
        // What runs again where our bookkeeping have it already leaves no trace that anybody could tell from the first time.
        if !bookkeeping.is_some_and(|bookkeeping| bookkeeping.rows.contains_key(file.version.as_str())) {
            *model.ever.entry(file.version.to_string()).or_default() += 1;
        }
        if !records {
            model.db.ledger.insert(file.version.to_string(), None);
        }
    }
}

/// What neither our bookkeeping nor the head that status remembers can tell, nobody knows.
fn forget(model: &mut Model) {
    let remembered = model.set.object.status.as_ref().and_then(|status| status.head.clone());
    let (ledger, bookkeeping) = (&model.db.ledger, model.db.bookkeeping.as_ref());
    let regressed = remembered.filter(|head| ledger.keys().next_back().is_none_or(|last| last < head));
    model.ever.retain(|version, _| {
        let noted = bookkeeping.is_some_and(|bookkeeping| bookkeeping.rows.contains_key(version));
        ledger.contains_key(version) || noted || regressed.as_ref().is_some_and(|head| version <= head)
    });
}

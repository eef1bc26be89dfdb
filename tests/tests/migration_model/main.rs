//! The loop of decisions about migrations over a database in memory, in virtual time.
//!
//! Random walks change files, spec and approvals, edit the schema by hand, let the CLI push and repair, restore the database,
//! cut connections anywhere and kill the operator after any step. Whatever happens: files run in their order, none while an
//! edited one is there, none that can lose data without a backup where one is asked for, none twice without an approval that
//! says so, and what was changed by hand never becomes the reference.
//! When the world stops, it comes to rest; and when a person does what the messages say, every migration is applied.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod database;
mod effects;
mod judge;
mod operator;
mod walk;

use std::time::Duration;

use ace_api::{Baseline, MigrationMode, OutOfOrder, WhileDrifted};
use proptest::{
    collection::vec,
    prelude::any,
    test_runner::{Config, TestRunner},
};

use database::{BROKEN, CONTENTS, digest, text};
use operator::Model;
use walk::{Act, act, acts, approve, version};

/// Passes in which it comes to rest: some dozen are usual.
const ENOUGH: u32 = 500;
const HOUR: Duration = Duration::from_hours(1);
/// What a person does, one thing after the other, until everything is applied.
const REMEDIES: usize = 60;

#[test]
fn whatever_happens_no_file_runs_twice_and_it_ends_applied_or_says_why_not() {
    let mut runner = TestRunner::new(Config {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 300,
        ..Config::default()
    });
    runner
        .run(
            &(any::<bool>(), any::<bool>(), vec(acts(), 1..50)),
            |(bare, gated, acts)| {
                let faults = walk(bare, gated, &acts);
                proptest::prop_assert!(faults.is_empty(), "{faults:#?}");
                Ok(())
            },
        )
        .unwrap_or_else(|error| panic!("{error}"));
}

/// `CONVERGENCE_CASES` asks for more walks than the few hundred of every run.
fn cases() -> u32 {
    let asked = std::env::var("CONVERGENCE_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(256)
}

/// One walk; what went wrong on it.
fn walk(bare: bool, gated: bool, acts: &[Act]) -> Vec<String> {
    let mut model = Model::new(bare, gated);
    for slot in [1, 3] {
        model.files.insert(version(slot), text(slot, 0));
    }
    for next in acts {
        act(&mut model, next);
        if !model.faults.is_empty() {
            return model.faults;
        }
    }
    rests(&mut model);
    heal(&mut model);
    model.faults
}

/// Nothing happens any more: it comes to rest, is ready or says why it is not, and at rest it only looks.
fn rests(model: &mut Model) {
    let now = model.now;
    (model.kill_in, model.meanwhile, model.loss) = (None, None, None);
    (model.outage_until, model.busy_until) = (now, now);
    (model.blocked_until, model.source_until) = (now, now);
    let first = model.passes;
    model.run(now + HOUR, ENOUGH);
    if model.passes - first >= ENOUGH {
        model.fault("it does not come to rest");
        return;
    }
    let (writes, steps) = (model.writes, model.steps.len());
    model.run(model.now + HOUR, ENOUGH);
    if model.writes != writes {
        model.fault("it writes at rest");
    }
    let reads = |step: &&&str| ["Observe", "Read", "Assess", "CheckSyntax"].contains(step);
    let made: Vec<_> = model.steps[steps..]
        .iter()
        .filter(|step| !reads(step))
        .copied()
        .collect();
    let looks = model.steps[steps..].iter().filter(|step| **step == "Observe").count();
    if !made.is_empty() || looks > 13 {
        model.fault(format!("at rest it makes {looks} looks and {made:?}"));
    }
    let settled = ["Ready", "Stalled", "Suspended"]
        .iter()
        .any(|type_| model.reason(type_).is_some());
    if !settled {
        let conditions = model
            .set
            .object
            .status
            .as_ref()
            .map(|status| status.common.conditions.clone());
        model.fault(format!("it is neither ready nor stalled: {conditions:?}"));
    }
}

/// A person does what the messages say, and then everything is applied.
fn heal(model: &mut Model) {
    model.spec(|spec| {
        spec.suspend = false;
        spec.mode = MigrationMode::Apply;
    });
    let mut said = Vec::new();
    for round in 0..REMEDIES {
        act(model, &Act::CheckSyntax(round as u64));
        model.run(model.now + Duration::from_mins(10), ENOUGH);
        let Some(reason) = model.reason("Stalled") else {
            // A backup may be in the making.
            if model.reason("Reconciling").is_some() {
                continue;
            }
            break;
        };
        remedy(model, &reason);
        said.push(reason);
        if !model.faults.is_empty() {
            return;
        }
    }
    let status = model.set.object.status.clone().unwrap_or_default();
    let applied = model.files.keys().all(|version| model.db.ledger.contains_key(version));
    let counted = usize::try_from(status.applied.unwrap_or_default()) == Ok(model.files.len());
    if !(model.reason("Ready").is_some() && applied && counted && status.pending == Some(0)) {
        model.fault(format!("it is not healed by {said:?}: {status:#?}"));
    }
}

fn remedy(model: &mut Model, reason: &str) {
    let live = digest(&model.db.live);
    match reason {
        "ApprovalRequired" | "LedgerRegressed" | "AppliedElsewhere" => approve(model),
        "OutOfOrder" => model.spec(|spec| spec.policy.out_of_order = OutOfOrder::Apply),
        "DriftBlocked" => model.spec(|spec| spec.policy.while_drifted = WhileDrifted::Apply),
        "DatabaseClaimed" => act(model, &Act::Foreign(false)),
        "BaselineRequired" | "BaselineMismatch" => {
            let named = model
                .set
                .object
                .spec
                .baseline
                .clone()
                .filter(|named| reason == "BaselineMismatch" && model.files.contains_key(&named.through));
            let last = model.files.keys().next_back().cloned().unwrap_or_default();
            model.spec(|spec| {
                spec.baseline = Some(Baseline {
                    through: named.map_or(last, |named| named.through),
                    schema_digest: live,
                });
            });
        }
        "ChecksumMismatch" | "HalfApplied" => put_back(model),
        "BackupUnusable" => act(model, &Act::LoseBackups),
        "MigrationFailed" | "MigrationRefused" => mend(model),
        _ => model.fault(format!("nobody can mend {reason}")),
    }
}

/// Every file is again what was run, or begun, under its version; what others have finished is no longer begun.
fn put_back(model: &mut Model) {
    let (ledger, bookkeeping) = (&model.db.ledger, &mut model.db.bookkeeping);
    if let Some(bookkeeping) = bookkeeping {
        bookkeeping.half.retain(|version, _| !ledger.contains_key(version));
    }
    for slot in 0..10 {
        let version = version(slot);
        let bookkeeping = model.db.bookkeeping.clone().unwrap_or_default();
        let noted = bookkeeping
            .rows
            .get(&version)
            .filter(|_| model.db.ledger.contains_key(&version));
        let begun = bookkeeping.half.get(&version).map(|(sha256, _)| sha256.clone());
        let wanted = noted.map(|row| row.sha256.clone()).or(begun);
        let recorded = model.db.ledger.get(&version).cloned().flatten();
        for content in 0..CONTENTS {
            let before = model.files.insert(version.clone(), text(slot, content));
            let file = model.file(&version).unwrap();
            let pieces = || {
                ace_domain::sql::split(&file.text)
                    .into_iter()
                    .map(|piece| file.text[piece].to_owned())
            };
            let is_it = match (&wanted, &recorded) {
                (Some(sha256), _) => file.sha256 == *sha256,
                (None, Some(statements)) => before.is_some() && pieces().eq(statements.iter().cloned()),
                (None, None) => false,
            };
            if is_it {
                break;
            }
            match before {
                Some(before) => model.files.insert(version.clone(), before),
                None => model.files.remove(&version),
            };
        }
    }
}

/// Every file that was not run is one that works.
fn mend(model: &mut Model) {
    let half = model
        .db
        .bookkeeping
        .as_ref()
        .map(|bookkeeping| bookkeeping.half.clone())
        .unwrap_or_default();
    for slot in 0..10 {
        let version = version(slot);
        let bad = [BROKEN, 5, 6].map(|content| text(slot, content));
        let is_bad = model.files.get(&version).is_some_and(|file| bad.contains(file));
        if is_bad && !half.contains_key(&version) && !model.db.ledger.contains_key(&version) {
            model.files.insert(version, text(slot, 0));
        }
    }
}

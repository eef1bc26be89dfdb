//! Convergence: the real loop of decisions over the sandbox's own state machine, in virtual time.
//!
//! Random walks change desired states, deploy behind the operator's back, lose answers, serve stale lists and kill the operator after
//! any step. When the world stops, everything settles within a bounded number of passes and stays so without a request but the
//! interval's list; healed, the desired state is what is live.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod effects;
mod fleet;
mod index;
mod judge;
mod observe;
mod outside;
mod walk;

use std::time::Duration;

use ace_api::{AdoptionPolicy, DeletionPolicy, Mode};
use proptest::{
    collection::vec,
    prelude::any,
    test_runner::{Config, TestRunner},
};

use fleet::Fleet;
use outside::{Outside, Request};
use walk::{Act, NAMES, act, specs};

/// Passes in which a fleet of four settles: some hundred are usual after the worst walk.
const ENOUGH: u32 = 2_000;
const HOUR: Duration = Duration::from_hours(1);

#[test]
fn whatever_happens_it_settles_stays_settled_and_ends_at_the_desired_state() {
    let mut runner = TestRunner::new(Config {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    });
    let walks = (any::<bool>(), any::<bool>(), vec(walk::acts(), 1..40));
    runner
        .run(&walks, |(echo, files, acts)| {
            let faults = walk(echo, files, &acts);
            proptest::prop_assert!(faults.is_empty(), "{faults:#?}");
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// `CONVERGENCE_CASES` asks for more walks than the few hundred of every run.
fn cases() -> u32 {
    std::env::var("CONVERGENCE_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(256)
}

/// One walk; what went wrong on it.
fn walk(echo: bool, files: bool, acts: &[Act]) -> Vec<String> {
    let mut fleet = Fleet::new(Outside::new(echo, files), &["first", "second"]);
    for (name, spec) in specs() {
        fleet.apply(name, &spec);
    }
    for next in acts {
        act(&mut fleet, next);
        if !fleet.outside.faults.is_empty() {
            return fleet.outside.faults;
        }
    }
    settles(&mut fleet, "after the walk");
    heal(&mut fleet);
    settles(&mut fleet, "after it was healed");
    is_desired(&mut fleet);
    fleet.outside.faults
}

/// Nothing happens any more: it comes to rest, and at rest it only lists.
fn settles(fleet: &mut Fleet, when: &str) {
    fleet.kill_in = None;
    fleet.outside.loss = None;
    fleet.outside.deferrals = 0;
    // Long enough for a clock that was set wrong to be right again.
    let quiet = fleet.outside.now + HOUR * 12;
    let first = fleet.passes;
    fleet.run(quiet, ENOUGH);
    if fleet.passes - first >= ENOUGH {
        fleet.outside.faults.push(format!("{when} it does not come to rest"));
        return;
    }
    let (requests, writes, passes) = (fleet.outside.journal.len(), fleet.writes, fleet.passes);
    fleet.run(quiet + HOUR, ENOUGH);
    let made: Vec<Request> = fleet.outside.journal[requests..].to_vec();
    let lists = made.iter().filter(|request| **request == Request::List).count();
    let projects = made.iter().filter(|request| **request == Request::Project).count();
    if made.len() > lists + projects || lists > 12 || projects > 1 {
        fleet.outside.faults.push(format!("{when} it asks at rest: {made:?}"));
    }
    if fleet.writes != writes {
        fleet.outside.faults.push(format!("{when} it writes at rest"));
    }
    if fleet.passes - passes > 13 {
        fleet.outside.faults.push(format!(
            "{when} it reconciles at rest: {} passes",
            fleet.passes - passes
        ));
    }
    if fleet.outside.is_late() {
        fleet
            .outside
            .faults
            .push(format!("{when} a deploy is still on its way"));
    }
}

/// A person does all that the messages ask for.
fn heal(fleet: &mut Fleet) {
    fleet.outside.healed = true;
    for (slug, text) in fleet.tree.clone() {
        if text == outside::REFUSED {
            fleet.set_source(&slug, 1);
        }
    }
    for (name, spec) in specs() {
        fleet.apply(name, &spec);
    }
    let asked = fleet.now().to_string();
    for name in NAMES {
        let Some(at) = fleet.find(name) else { continue };
        fleet.change(at, |object| {
            object.spec.suspend = false;
            object.spec.wave = i32::from(name != "first");
            object.spec.mode = Mode::Enforce;
            object.spec.adoption_policy = AdoptionPolicy::Always;
            object.spec.deletion_policy = DeletionPolicy::Retain;
            let annotations = object.metadata.annotations.get_or_insert_default();
            annotations.insert(ace_api::ANNOTATION_RECONCILE_AT.to_owned(), asked.clone());
        });
    }
}

/// Of each slug one object is Ready and has what it wants live; the others say whose it is.
fn is_desired(fleet: &mut Fleet) {
    let mut wrong = Vec::new();
    for (slug, text) in &fleet.tree {
        let mut ready = 0;
        for managed in fleet.objects.iter().filter(|managed| managed.object.slug() == *slug) {
            let status = managed.object.status.clone().unwrap_or_default();
            let ready_is = status
                .common
                .conditions
                .iter()
                .find(|c| c.type_ == "Ready")
                .map(|c| (c.status.as_str(), c.reason.as_str()));
            match ready_is {
                Some(("True", "Live")) => {
                    ready += 1;
                    let live = fleet.outside.truth(slug).map(|(text, _, rule)| (text, rule));
                    // What can't be compared is said to be so, and is not corrected.
                    let opaque = status.common.conditions.iter().any(|c| c.reason == "NotComparable");
                    let rule = managed.object.spec.verify_jwt;
                    let is_desired = live.is_some_and(|(seen, ruled)| (seen == *text || opaque) && ruled == rule);
                    if !is_desired {
                        wrong.push(format!("{slug}: wants {text}, live is {live:?}"));
                    }
                }
                Some(("False", "SlugClaimed")) => {}
                other => wrong.push(format!(
                    "{slug}: {:?} is {other:?}: {status:#?}",
                    managed.object.metadata.name
                )),
            }
        }
        if ready != 1 {
            wrong.push(format!("{slug}: {ready} objects are ready"));
        }
    }
    fleet.outside.faults.extend(wrong);
}

//! Deliberate mistakes, kept as patches in `tests/seeded`: each is applied to a scratch copy of the repository, and must be killed
//! there by the test that its header names. One that survives, or no longer applies, fails.
//!
//! Without `SEEDED` those run that the change at hand touches (see [`changes`]); `SEEDED=all` runs all of them, `SEEDED=07` those
//! whose name contains `07`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod changes;
mod patch;
mod scratch;

use std::{collections::BTreeMap, env, path::Path, time::Instant};

use changes::Changes;
use patch::{Seeded, Suite, seeded};
use scratch::Scratch;

/// How many patches there are. One that is added or removed is counted here, so that none gets lost unnoticed.
const PATCHES: usize = 317;

#[test]
fn no_patch_is_lost_and_each_applies_and_names_a_test_that_is_there() {
    let root = ace_tests::repository();
    let bugs = seeded(&root);
    assert_eq!(
        bugs.len(),
        PATCHES,
        "patches in tests/seeded; `PATCHES` is their number"
    );
    let mut wrong = Vec::new();
    for bug in &bugs {
        if let Err(error) = scratch::applies(&root, bug) {
            wrong.push(format!("{} no longer applies: {error}", bug.name));
        }
        if bug.killers(&root).is_empty() {
            wrong.push(format!(
                "{}: there is no test {} in {}",
                bug.name, bug.killed_by, bug.suite
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_seeded_bug_that_a_change_touches_is_killed_by_the_test_that_its_patch_names() {
    let (root, started) = (ace_tests::repository(), Instant::now());
    let asked = env::var("SEEDED").unwrap_or_default();
    let all = seeded(&root);
    let bugs: Vec<&Seeded> = match asked.as_str() {
        "all" => all.iter().collect(),
        "" => {
            let changes = Changes::of(&root);
            println!("{changes}");
            all.iter().filter(|bug| changes.touch(&bug.depends_on(&root))).collect()
        }
        part => all.iter().filter(|bug| bug.name.contains(part)).collect(),
    };
    assert!(asked.is_empty() || !bugs.is_empty(), "no patch is called {asked}");

    let scratch = Scratch::of(&root);
    let mut suites: BTreeMap<&Suite, Vec<&str>> = BTreeMap::new();
    for bug in &bugs {
        suites.entry(&bug.suite).or_default().push(&bug.killed_by);
    }
    for (suite, killers) in suites {
        let sound = scratch.test(suite, &killers);
        assert!(sound.passed, "without a bug tests of {suite} fail:\n{}", sound.output);
    }
    let mut survivors = Vec::new();
    for bug in &bugs {
        scratch.restore();
        let outcome = scratch.kills(bug);
        println!("{}: {} {outcome:?}", bug.name, bug.says);
        if let Err(why) = outcome {
            survivors.push(format!("{}: {why}", bug.name));
        }
    }
    println!(
        "{} of {} seeded bugs in {} s",
        bugs.len(),
        all.len(),
        started.elapsed().as_secs()
    );
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
}

#[test]
fn a_bug_is_touched_by_what_it_patches_by_what_kills_it_and_by_its_patch() {
    let root = ace_tests::repository();
    let bugs = seeded(&root);
    let bug = bugs.iter().find(|bug| bug.name.starts_with("executor_01")).unwrap();
    let touches = |path: &str| Changes::named(&[path]).touch(&bug.depends_on(&root));
    let patch = format!("tests/seeded/{}.patch", bug.name);
    for path in [
        patch.as_str(),
        bug.patched[0].to_str().unwrap(),
        "crates/database/tests/executor/main.rs",
    ] {
        assert!(
            Path::new(path).starts_with("tests") || root.join(path).exists(),
            "{path}"
        );
        assert!(touches(path), "{path}");
    }
    for path in [
        "README.md",
        "crates/database/src/lib.rs",
        "crates/database/tests/race/main.rs",
    ] {
        assert!(!touches(path), "{path}");
    }
}

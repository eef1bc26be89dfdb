//! A look that fails, in every state in which a function can be while somebody deploys over it.

use ace_api::{FunctionReason, IntentType, Mode};

use super::{
    super::{Claim, Decision, Listing, LiveFunction, Memory, SourceState, Step, StepResult},
    fixture::{Case, settled},
    intents::killed,
    looks::failures,
    values::{A, B, cause, deploy, entry, foreign, names},
};
use crate::{
    reconcile::{
        decision::StepError,
        fixture::{at, message, shown},
    },
    testing::failed_looks,
};

/// A function, how `Ready` begins whatever a look ends in (in `Enforce`), and whether there is a look at all.
struct Row {
    name: &'static str,
    case: Case,
    ready: &'static str,
    looks: bool,
    /// `Drifted` stays as it was: whether the new stamp is drift is not assessed.
    keeps: bool,
}

fn rows() -> Vec<Row> {
    let refused = StepError::Refused("400: Module not found".to_owned());
    let mut held = settled().wants(B);
    held.does(deploy(IntentType::RollOut, B, Some(3), at(0)), Err(refused));
    let requires = serde_json::json!({ "secrets": [{ "anyOf": ["STRIPE_KEY"] }] });
    let lost = Claim::Lost(Some("ace/older".to_owned()));
    let row = |name, ready, case| Row {
        name,
        case,
        ready,
        looks: true,
        keeps: false,
    };
    let untouched = |name, ready, case| Row {
        looks: false,
        ..row(name, ready, case)
    };
    vec![
        row(
            "a held refusal",
            "Ready=False/DeployRefused",
            held.written().restarted(),
        ),
        row(
            "an unusable source",
            "Ready=False/SourceInvalid",
            settled().with(|case| case.state.source = SourceState::Invalid("no such import".to_owned())),
        ),
        row(
            "a missing secret",
            "Ready=False/WaitingForSecrets",
            settled().wants(B).with(|case| {
                case.object.spec.requires = Some(serde_json::from_value(requires).unwrap());
                case.state.secrets = names(&["RESEND_API_KEY"]);
            }),
        ),
        Row {
            keeps: true,
            ..row("a deploy whose outcome is open", "Ready=False/OutcomeUnknown", killed())
        },
        untouched(
            "a slug of another object",
            "Ready=False/SlugClaimed",
            settled().with(|case| case.state.claim = lost),
        ),
        untouched(
            "a project that is down",
            "Ready=False/WaitingForPlatform",
            settled().platform(|platform| platform.down = Some("INACTIVE".to_owned())),
        ),
        Row {
            keeps: true,
            ..untouched(
                "suspended",
                "Ready=True/Live",
                settled().with(|case| case.object.spec.suspend = true),
            )
        },
        Row {
            keeps: true,
            ..untouched(
                "suspended with its Platform",
                "Ready=True/Live",
                settled().platform(|platform| platform.suspended = true),
            )
        },
        untouched("being deleted", "Ready=True/Live", super::cleanup::leaving()),
    ]
}

/// Lists have shown this for a minute, and nothing else is known.
fn shows(case: Case, entry: Option<LiveFunction>) -> Case {
    case.with(|case| {
        case.state.began = case.now;
        case.state.memory = Memory::default();
        case.state.listing = Some(Listing {
            first: at(-660),
            started: case.now,
            since: at(-60),
            lists: vec![at(-60), case.now],
            last_write: None,
            entry,
        });
    })
}

/// Makes the looks that are due, which end so; true if there was one.
fn looks(case: &mut Case, outcome: &Result<StepResult, StepError>) -> bool {
    let mut looked = false;
    loop {
        match case.decide() {
            Decision::Do(step @ Step::ReadBody(_)) if !looked => {
                looked = true;
                case.does(step, outcome.clone());
            }
            Decision::Do(step @ Step::LoadArchive(_)) => case.does(step, Ok(StepResult::Archive(None))),
            _ => return looked,
        }
    }
}

fn writes(case: &mut Case) -> bool {
    matches!(case.decide(), Decision::Do(step) if step.writes_platform())
}

#[test]
fn no_status_says_more_of_a_new_stamp_than_was_seen_whatever_the_function_waits_for() {
    for (outcome, words) in failures() {
        for row in rows() {
            for entry in [foreign(9), entry(A, 9)] {
                let name = format!("{}, {:?}, {words}", row.name, entry.mark);
                let mut case = shows(row.case.clone(), Some(entry));
                assert_eq!(looks(&mut case, &outcome), row.looks, "{name}");
                let (status, known) = (case.status(), &row.case.state.memo);
                assert_eq!(shown(&status)[0], row.ready, "{name}");
                let drifted = if row.keeps {
                    shown(known).pop()
                } else {
                    Some("Drifted=Unknown/NotComparable".to_owned())
                };
                assert_eq!(shown(&status).pop(), drifted, "{name}");
                let live = status.live.clone().unwrap();
                assert_eq!(live.version, 9, "{name}");
                assert!(
                    ["foreign", "unproved"].contains(&live.revision.as_str()),
                    "{name}: {live:?}"
                );
                let says = message(&status, "Ready");
                assert!(!says.ends_with(" is live") && !writes(&mut case), "{name}: {says}");
            }
        }
    }
}

#[test]
fn no_request_for_one_function_that_fails_makes_it_absent() {
    for (reply, step_error) in failed_looks() {
        for mode in [Mode::Enforce, Mode::Apply, Mode::Observe] {
            let mut new = shows(settled().mode(mode).forgotten(), None);
            if mode != Mode::Observe {
                new.does(Step::Get, Err(step_error.clone()));
                let reason = cause(new.decide()).0;
                let waits = [
                    FunctionReason::Retrying,
                    FunctionReason::RateLimited,
                    FunctionReason::NotPermitted,
                ];
                assert!(waits.contains(&reason), "{reply:?}: {reason:?}");
            }
            let mut known = shows(settled().mode(mode), None);
            known.does(Step::Get, Err(step_error.clone()));
            let status = known.status();
            assert_eq!(
                shown(&status).pop().unwrap(),
                "Drifted=Unknown/NotCompared",
                "{mode:?}, {reply:?}"
            );
            assert_eq!((&status.live, &status.drift), (&known.state.memo.live, &None));
            assert!(!writes(&mut known) && !writes(&mut new), "{mode:?}, {reply:?}");
        }
    }
}

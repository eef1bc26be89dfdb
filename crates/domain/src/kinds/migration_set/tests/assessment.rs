//! The risks of a plan are judged by a step, and what was judged is kept.

use std::sync::Arc;

use super::{
    super::{Decision, Kind, Observation, Step, StepError, StepResult, decide, status},
    fixture::{Case, pending},
    values::{A, B, DROP, HARMLESS, V1, V2, V3, V4},
};
use crate::reconcile::kind::{Kind as _, Step as _};

/// The names of the steps from here to the first that needs the lock, or to the end.
fn steps(case: &mut Case) -> Vec<&'static str> {
    let mut names = Vec::new();
    while let Decision::Do(step) = decide(&case.object, &case.state, case.now) {
        let result = match &step {
            Step::Assess(unassessed) => StepResult::Assessed(Arc::new(unassessed.clone().assess())),
            Step::Observe => case.sees(|_| ()).unwrap(),
            _ => break,
        };
        names.push(step.name());
        Kind::update(&case.object, &mut case.state, &step, Ok(result), case.now);
    }
    names
}

/// Classes of the risks that the status shows, by file.
fn shown(case: &Case) -> Vec<Vec<&'static str>> {
    let decision = decide(&case.object, &case.state, case.now);
    let plan = status(&case.object, &case.state, &decision, case.now).plan.unwrap();
    let pending = plan.pending.iter();
    pending
        .map(|file| file.risks.iter().map(|risk| risk.as_str()).collect())
        .collect()
}

fn looks_again(case: &mut Case, change: impl FnOnce(&mut Observation)) {
    let result = case.sees(change);
    Kind::update(&case.object, &mut case.state, &Step::Observe, result, case.now);
}

#[test]
fn the_risks_of_a_plan_are_judged_once_for_its_files_and_what_the_database_holds() {
    let mut case = pending(DROP);
    assert_eq!(steps(&mut case), ["Assess"]);
    assert_eq!(shown(&case), [["DataLoss"]]);

    looks_again(&mut case, |_| ());
    assert_eq!(steps(&mut case), [""; 0], "an equal catalogue");
    let mut case = case.next_pass();
    assert_eq!(steps(&mut case), [""; 0], "another pass");

    looks_again(&mut case, |observation| {
        Arc::make_mut(&mut observation.catalogue)
            .extensions
            .insert("postgis".to_owned());
    });
    assert_eq!(steps(&mut case), ["Assess"], "another catalogue");

    let mut case = case.files(&[(V1, A), (V2, B), (V3, DROP), (V4, HARMLESS)]);
    assert_eq!(steps(&mut case), ["Assess"], "another file");
    assert_eq!(shown(&case), [vec!["DataLoss"], vec![]]);
}

#[test]
fn a_plan_without_pending_files_has_nothing_to_judge() {
    let mut case = pending(DROP).files(&[(V1, A), (V2, B)]);
    assert_eq!(steps(&mut case), [""; 0]);
}

#[test]
fn what_failed_is_told_before_anything_is_judged() {
    let passing = StepError::Passing("the answer was lost".to_owned());
    let case = pending(DROP).with(|case| case.state.step_error = Some(passing));
    let decision = decide(&case.object, &case.state, case.now);
    assert!(matches!(decision, Decision::Wait(..)), "{decision:?}");
}

//! The order of a pass, with a kind whose decisions the test writes down.

use std::time::Duration;

use ace_api::{FINALIZER, FunctionReason};
use serde_json::{Value, json};

use super::scripted::{
    Decision, Failed, Known, SETTLED, Scripted, Step, end, ended, known, leaving, log, now, object, pass, pass_over,
    plain, record,
};
use crate::reconcile::{
    decision::{self, Requeue},
    event::Event,
    kind::Kind,
    pass::{Effect, Outcome, Pass},
};

#[test]
fn a_step_is_made_and_taken_in_before_the_next_decision() {
    let mut pass = pass(&[Decision::Do(Step::Read), SETTLED]);
    assert!(matches!(pass.next(now()), Effect::Act(Step::Read)));
    pass.acted(Ok("seen"), now());
    assert_eq!(ended(&mut pass), end(Outcome::Settled, Requeue::OnChange));
    assert_eq!(log(pass), ["inferred", "Read: Ok(\"seen\")"]);
}

#[test]
fn a_status_is_written_only_if_it_differs_and_its_events_are_told_once() {
    let mut unchanged = pass(&[SETTLED]);
    assert_eq!(ended(&mut unchanged), end(Outcome::Settled, Requeue::OnChange));

    let mut changed = Pass::<Scripted>::new(plain(), now() + Duration::from_mins(1));
    let url = Some("new".to_owned());
    changed.next(now());
    changed.observed(
        Known {
            url,
            ..known(&[SETTLED])
        },
        now(),
    );
    assert!(matches!(changed.next(now()), Effect::Report(status) if status.url.as_deref() == Some("new")));
    let told = changed.status_written(&plain());
    assert_eq!(told, [Event::normal("Changed", "None to Some(\"new\")")]);
    assert_eq!(changed.shown().url.as_deref(), Some("new"));
    assert_eq!(
        changed.status_written(&plain()),
        [],
        "an answer that nothing was asked for"
    );
    assert_eq!(ended(&mut changed), end(Outcome::Settled, Requeue::OnChange));
}

#[test]
fn a_step_that_can_not_be_repeated_is_announced_first_even_if_that_says_nothing_new() {
    let announced = object(|value| value["status"] = json!({ "observedGeneration": 1, "url": "Write is next" }));
    let mut pass = pass_over(announced.clone(), &[Decision::Do(Step::Write), SETTLED]);
    record(&mut pass, &announced);
    assert!(matches!(pass.next(now()), Effect::Act(Step::Write)));
    pass.acted(Ok("written"), now());
    let expected = ["inferred", "Write: Ok(\"written\")"];
    assert_eq!(log(pass), expected);
}

#[test]
fn each_announcement_is_made_in_the_version_that_the_one_before_has_left() {
    let versioned = |version: &str| object(|value| value["metadata"]["resourceVersion"] = json!(version));
    let step = || Decision::Do(Step::Write);
    let mut pass = pass_over(versioned("5"), &[step(), step(), SETTLED]);
    assert_eq!(pass.version(), Some("5"));
    record(&mut pass, &versioned("8"));
    assert!(matches!(pass.next(now()), Effect::Act(Step::Write)));
    pass.acted(Ok("written"), now());
    assert_eq!(pass.version(), Some("8"));
}

#[test]
fn a_step_that_can_not_be_made_now_is_not_announced() {
    let mut pass = pass(&[Decision::Do(Step::Write), SETTLED]);
    assert!(matches!(pass.next(now()), Effect::Admit(Step::Write)));
    pass.admitted(Err(Failed), now());
    assert_eq!(ended(&mut pass), end(Outcome::Settled, Requeue::OnChange));
    assert_eq!(log(pass), ["inferred", "Write: Err(Failed)"]);
}

#[test]
fn an_announced_step_is_not_made_when_the_object_was_changed_suspended_or_deleted_meanwhile() {
    let changes: [fn(&mut Value); 3] = [
        |value| value["metadata"]["generation"] = json!(2),
        |value| value["spec"]["suspend"] = json!(true),
        |value| value["metadata"]["deletionTimestamp"] = json!("2026-11-23T10:00:00Z"),
    ];
    for change in changes {
        let mut pass = pass(&[Decision::Do(Step::Write), SETTLED]);
        record(&mut pass, &object(change));
        assert_eq!(
            ended(&mut pass),
            end(Outcome::StartedOver, Requeue::After(Duration::ZERO))
        );
        let expected = ["inferred", "Write was not made"];
        assert_eq!(log(pass), expected);
    }
}

#[test]
fn a_changed_annotation_does_not_stop_an_announced_step() {
    let mut pass = pass(&[Decision::Do(Step::Write), SETTLED]);
    let annotated = object(|value| value["metadata"]["annotations"] = json!({ "a": "b" }));
    record(&mut pass, &annotated);
    assert!(matches!(pass.next(now()), Effect::Act(Step::Write)));
}

#[test]
fn a_step_whose_announcement_was_lost_is_known_not_to_have_been_made() {
    let mut pass = pass(&[Decision::Do(Step::Write), SETTLED]);
    pass.next(now());
    pass.admitted(Ok(()), now());
    assert!(matches!(pass.next(now()), Effect::Record(_)));
    let (state, decision) = pass.into_parts().unwrap();
    assert_eq!(decision, Decision::Do(Step::Write));
    assert_eq!(state.log, ["inferred", "Write was not made"]);
}

#[test]
fn what_was_learned_is_kept_when_the_last_status_was_lost() {
    let mut pass = pass(&[Decision::Do(Step::Read), SETTLED]);
    pass.next(now());
    pass.acted(Ok("seen"), now());
    let mut changed = known(&[SETTLED]);
    changed.url = Some("new".to_owned());
    pass.observed(changed, now());
    assert!(matches!(pass.next(now()), Effect::Report(_)));
    let (state, decision) = pass.into_parts().unwrap();
    assert_eq!((state.url.as_deref(), decision), (Some("new"), SETTLED));
}

#[test]
fn decisions_that_go_in_a_circle_end() {
    let mut pass = pass(&[Decision::Do(Step::Read)]);
    for _ in 0..Scripted::MAX_STEPS {
        assert!(matches!(pass.next(now()), Effect::Act(Step::Read)));
        pass.acted(Ok("again"), now());
    }
    assert_eq!(ended(&mut pass), end(Outcome::Endless, Requeue::Backoff));
    assert_eq!(log(pass).len(), 1 + Scripted::MAX_STEPS);
}

#[test]
fn no_step_begins_at_the_deadline_and_what_was_learned_is_kept() {
    let mut pass = pass(&[Decision::Do(Step::Read)]);
    let deadline = now() + Duration::from_mins(1);
    assert!(matches!(pass.next(now()), Effect::Act(_)));
    pass.acted(Ok("seen"), now());
    let Effect::End(ended) = pass.next(deadline) else {
        panic!("a step begins at the deadline")
    };
    assert_eq!(ended, end(Outcome::OutOfTime, Requeue::Backoff));
    assert_eq!(log(pass), ["inferred", "Read: Ok(\"seen\")"]);
}

#[test]
fn a_pass_that_could_not_observe_ends_with_a_backoff_and_tells_nothing() {
    let mut pass = Pass::<Scripted>::new(plain(), now());
    assert!(matches!(pass.next(now()), Effect::Observe));
    pass.unobserved();
    assert_eq!(ended(&mut pass), end(Outcome::OutOfTime, Requeue::Backoff));
    assert!(pass.into_parts().is_none(), "what was kept before stays");
}

#[test]
fn a_finalizer_is_added_before_anything_is_observed_and_taken_off_where_it_is_not_wanted() {
    let delete = |finalizers: &[&str]| {
        object(|value| {
            value["spec"]["deletionPolicy"] = json!("Delete");
            value["metadata"]["finalizers"] = json!(finalizers);
        })
    };
    let mut added = Pass::<Scripted>::new(delete(&[]), now());
    assert!(matches!(added.next(now()), Effect::SetFinalizer(true)));
    added.finalizer_set(delete(&[FINALIZER]));
    assert!(matches!(added.next(now()), Effect::Observe));

    let retained = object(|value| value["metadata"]["finalizers"] = json!([FINALIZER, "other"]));
    let mut removed = Pass::<Scripted>::new(retained, now());
    assert!(matches!(removed.next(now()), Effect::SetFinalizer(false)));
}

#[test]
fn an_object_that_is_deleted_is_cleaned_up_only_while_it_has_our_finalizer() {
    let mut theirs = Pass::<Scripted>::new(leaving(&["other"]), now());
    assert_eq!(ended(&mut theirs), end(Outcome::Gone, Requeue::OnChange));
    assert!(theirs.into_parts().is_none());

    let mut ours = Pass::<Scripted>::new(leaving(&[FINALIZER]), now());
    assert!(matches!(ours.next(now()), Effect::Observe));
}

#[test]
fn a_deleted_object_whose_policy_became_retain_loses_the_finalizer_and_nothing_else_is_done() {
    let retained = object(|value| {
        value["metadata"]["deletionTimestamp"] = json!("2026-11-23T10:00:00Z");
        value["metadata"]["finalizers"] = json!([FINALIZER]);
    });
    let mut pass = Pass::<Scripted>::new(retained.clone(), now());
    assert!(matches!(pass.next(now()), Effect::SetFinalizer(false)));
    pass.finalizer_set(retained);
    assert_eq!(ended(&mut pass), end(Outcome::Gone, Requeue::OnChange));
}

#[test]
fn a_release_says_what_stays_before_the_finalizer_goes() {
    let event = Some(Event::warning("LeftLive", "it stays"));
    let mut pass = pass_over(leaving(&[FINALIZER]), &[Decision::Release { event: event.clone() }]);
    assert!(matches!(pass.next(now()), Effect::Publish(told) if Some(&told) == event.as_ref()));
    assert!(matches!(pass.next(now()), Effect::SetFinalizer(false)));
    pass.finalizer_set(leaving(&[]));
    assert_eq!(ended(&mut pass), end(Outcome::Gone, Requeue::OnChange));
}

#[test]
fn a_status_is_cut_to_its_bounds_before_it_is_written_and_compared() {
    let long = |script: &[Decision]| Known {
        url: Some("ü".repeat(513)),
        ..known(script)
    };
    let cut = Some(format!("{}…", "ü".repeat(511)));
    let mut first = pass(&[]);
    first.observed(long(&[SETTLED]), now());
    assert!(matches!(first.next(now()), Effect::Report(status) if status.url == cut));

    let shown = object(|value| value["status"] = json!({ "url": cut }));
    let mut again = Pass::<Scripted>::new(shown, now() + Duration::from_mins(1));
    again.next(now());
    again.observed(long(&[SETTLED]), now());
    assert_eq!(ended(&mut again), end(Outcome::Settled, Requeue::OnChange));
}

#[test]
fn waiting_and_refusing_end_a_pass_with_their_own_requeue() {
    let cause = decision::Cause::new(FunctionReason::Retrying, "why");
    let after = Requeue::After(Duration::from_secs(7));
    let mut waiting = pass(&[Decision::Wait(cause.clone(), Requeue::Backoff)]);
    assert_eq!(ended(&mut waiting), end(Outcome::Waiting, Requeue::Backoff));
    let mut refused = pass(&[Decision::Refuse(cause, after)]);
    assert_eq!(ended(&mut refused), end(Outcome::Refused, after));
}

#[test]
fn conditions_that_were_announced_keep_their_transition_times_in_the_next_status() {
    let mut pass = pass(&[Decision::Do(Step::Write), SETTLED]);
    let mut state = known(&[Decision::Do(Step::Write), SETTLED]);
    state.announces = ace_api::Conditions::new(&[], Some(1), now())
        .set(
            ace_api::ConditionType::Ready,
            Some(false),
            FunctionReason::Deploying,
            "deploying",
        )
        .finish();
    let announced = state.announces.clone();
    pass.observed(state, now());
    record(&mut pass, &plain());
    assert_eq!(pass.state().unwrap().memo.common.conditions, announced);
}

mod deliveries;
mod fixture;
mod model;
mod rows;
mod told;

use std::time::Duration;

use ace_api::{ANNOTATION_TEST_AT, ChannelStatus, DeliveryResult, NotificationChannel};
use serde_json::json;

use super::{
    Cause, ChannelReason, Decision, Failure, Kind, Memory, Outcome, State, Step, StepError, decide, events, status,
};
use crate::reconcile::fixture::{
    at, does_not_differ_when_only_the_clock_moved, is_not_finished_when_new, is_small, message, shown,
    tells_whether_to_wait_or_to_act,
};
use crate::reconcile::{
    decision::Requeue,
    event::Event,
    kind::{Kind as _, Step as _},
    refusals::Refusals,
    timing::Timing,
};

const BUSY: Failure = Failure::Passing(None);

struct Case {
    object: NotificationChannel,
    state: State,
    second: i64,
}

/// A channel of this type that nobody has asked for a message.
fn channel(receiver: &str) -> Case {
    let key = json!({ "name": "hook", "key": "url" });
    let mut object = json!({ "metadata": { "name": "ops", "namespace": "ace", "generation": 1 } });
    object["spec"] = match receiver {
        "slack" => json!({ "slack": { "webhookURLSecretRef": key } }),
        _ => json!({ "webhook": { "urlSecretRef": key, "signingSecretRef": key } }),
    };
    let (timing, memo, memory) = (Timing::default(), ChannelStatus::default(), Memory::default());
    Case {
        object: serde_json::from_value(object).unwrap(),
        state: State {
            timing,
            memo,
            obstacle: None,
            rules: Vec::new(),
            are_rules_known: true,
            silences: Vec::new(),
            channels: Vec::new(),
            page: None,
            holder: "ace-operator-0".to_owned(),
            memory,
        },
        second: 0,
    }
}

impl Case {
    fn asks(mut self, value: &str) -> Self {
        self.object.metadata.annotations = Some([(ANNOTATION_TEST_AT.to_owned(), value.to_owned())].into());
        self
    }

    fn decide(&self) -> Decision {
        decide(&self.object, &self.state, at(self.second))
    }

    fn status(&self) -> ChannelStatus {
        let status = status(&self.object, &self.state, &self.decide(), at(self.second));
        tells_whether_to_wait_or_to_act::<Kind>(&self.object, &status);
        is_small::<Kind>(&status);
        status
    }

    /// The attempt that is due is announced in the status.
    fn announces(&mut self) -> Step {
        let Decision::Do(step) = self.decide() else {
            panic!("no attempt is due: {}", self.says());
        };
        assert!(step.records_first(), "it can't be repeated safely");
        self.state.memo = self.status();
        step
    }

    /// An attempt is made when it is due.
    fn tries(mut self, outcome: Result<i32, Failure>) -> Self {
        let due = self.state.memo.test.as_ref().and_then(|test| test.retry_time);
        self.second = due.map_or(self.second, |due| due.as_second() - at(0).as_second());
        let outcome: Outcome = outcome
            .map(Some)
            .map_err(|failure| StepError::new(failure, "answers 503"));
        let step = self.announces();
        Kind::update(&self.object, &mut self.state, &step, outcome, at(self.second));
        self
    }

    /// The next pass, which finds the status as it was written, and this memory.
    fn remembering(mut self, memory: Memory) -> Self {
        self.state.memory = memory;
        Kind::infer(&self.object, &mut self.state, at(self.second));
        self
    }

    /// The condition that explains `Ready`, and what comes next.
    fn says(&self) -> String {
        let next = match self.decide() {
            Decision::Do(Step::Test(test)) => {
                let time = test.delivery.time.as_second() - at(0).as_second();
                format!("sends {} of {time}, attempt {}", test.handled, test.delivery.attempts)
            }
            Decision::Wait(_, Requeue::At(due)) => format!("waits till {}", due.as_second() - at(0).as_second()),
            Decision::Settled(Requeue::OnChange) | Decision::Refuse(_, Requeue::OnChange) => "rests".to_owned(),
            other => format!("{other:?}"),
        };
        format!("{}, {next}", shown(&self.status()).last().unwrap())
    }
}

#[test]
fn a_channel_that_can_send_is_ready_and_each_value_of_the_annotation_sends_one_message() {
    let new = channel("slack");
    is_not_finished_when_new::<Kind>(&new.object);
    assert_eq!(new.says(), "Ready=True/Untested, rests");
    let asked = new.asks("a");
    assert_eq!(asked.says(), "Reconciling=True/Delivering, sends a of 0, attempt 1");
    let mut sent = asked.tries(Ok(200));
    assert_eq!(sent.says(), "Ready=True/Accepted, rests");
    let decision = sent.decide();
    does_not_differ_when_only_the_clock_moved::<Kind>(&sent.object, &mut sent.state, &decision, at(0));
    let told = [Event::normal("Accepted", "the receiver accepted a test message")];
    assert_eq!(events(&ChannelStatus::default(), &sent.state.memo), told);
    assert_eq!(events(&sent.state.memo, &sent.status()), []);
    sent.second = 9;
    let mut other = sent.asks("b");
    assert_eq!(
        other.says(),
        "Ready=True/Accepted, sends b of 9, attempt 1",
        "it says nothing yet"
    );
    other = other.tries(Ok(200));
    other.object.metadata.generation = Some(2);
    assert_eq!(other.says(), "Ready=True/Untested, rests");
    other.object.spec.suspend = true;
    assert_eq!(other.asks("c").says(), "Suspended=True/SuspendedByUser, rests");
}

#[test]
fn a_message_is_sent_again_where_nobody_reads_it_twice_and_five_times_at_most() {
    let asked_to_wait = |seconds| Failure::Passing(Some(Duration::from_secs(seconds)));
    for (receiver, failures, says) in [
        ("slack", &[BUSY][..], "Reconciling=True/Retrying, waits till 15"),
        ("slack", &[BUSY; 2], "Reconciling=True/Retrying, waits till 45"),
        (
            "slack",
            &[asked_to_wait(40)],
            "Reconciling=True/Retrying, waits till 40",
        ),
        ("slack", &[asked_to_wait(1)], "Reconciling=True/Retrying, waits till 15"),
        ("slack", &[BUSY; 5], "Stalled=True/NotDelivered, rests"),
        ("slack", &[Failure::Unknown], "Stalled=True/DeliveryUnknown, rests"),
        ("slack", &[Failure::Refused], "Stalled=True/Refused, rests"),
        (
            "webhook",
            &[Failure::Unknown],
            "Reconciling=True/Retrying, waits till 15",
        ),
        ("webhook", &[Failure::Unknown; 5], "Stalled=True/DeliveryUnknown, rests"),
        (
            "webhook",
            &[Failure::Unknown, Failure::Refused],
            "Stalled=True/Refused, rests",
        ),
    ] {
        let case = failures
            .iter()
            .fold(channel(receiver).asks("a"), |case, failure| case.tries(Err(*failure)));
        assert_eq!(case.says(), says, "{receiver} {failures:?}");
        // Whoever asks again need not wait.
        let again = case.asks("b").says();
        assert!(again.contains("sends b of") && again.ends_with("attempt 1"), "{again}");
    }
    let mut waiting = channel("slack").asks("a").tries(Err(BUSY));
    assert_eq!(
        message(&waiting.status(), "Ready"),
        "attempt 1 of 5 failed: answers 503"
    );
    waiting.second = 15;
    assert_eq!(waiting.says(), "Reconciling=True/Delivering, sends a of 0, attempt 2");
    let refused = waiting.tries(Err(Failure::Refused)).status();
    let says = "the last message was refused (attempt 2): answers 503. To send a test message, change the annotation `ops.mobulace.com/test-at`";
    assert_eq!(message(&refused, "Stalled"), says);
    assert_eq!(
        events(&ChannelStatus::default(), &refused),
        [Event::warning("Refused", says)]
    );
}

#[test]
fn an_attempt_whose_outcome_was_lost_with_the_process_is_not_made_again_for_slack() {
    for (receiver, says) in [
        ("slack", "Stalled=True/DeliveryUnknown, rests"),
        ("webhook", "Reconciling=True/Retrying, waits till 15"),
    ] {
        let announced = || {
            let mut case = channel(receiver).asks("a");
            let step = case.announces();
            (case, step)
        };
        assert_eq!(announced().0.remembering(Memory::default()).says(), says);
        // Only the write of the status was lost.
        let (case, step) = announced();
        let outcome = Some((step.announced(), Ok(Some(200))));
        let known = case.remembering(Memory {
            outcome,
            ..Memory::default()
        });
        assert_eq!(known.state.memo.deliveries[0].result, DeliveryResult::Accepted);
        // It was not made, as the object changed after it was announced.
        let (mut case, step) = announced();
        Kind::skip_step(&mut case.state, &step);
        let memory = case.state.memory.clone();
        assert_eq!(
            case.remembering(memory).says(),
            "Reconciling=True/Retrying, waits till 15"
        );
    }
}

#[test]
fn what_prevents_a_message_is_shown_and_the_message_sent_afterwards() {
    use ChannelReason::{AccessMissing, HostNotAllowed, Retrying, SecretInvalid, SecretMissing};
    for (reason, by) in [
        (SecretMissing, "Reconciling"),
        (Retrying, "Reconciling"),
        (AccessMissing, "Stalled"),
        (SecretInvalid, "Stalled"),
        (HostNotAllowed, "Stalled"),
    ] {
        let mut case = channel("slack").asks("a");
        case.state.obstacle = Some(Cause::new(reason, "act"));
        assert_eq!(
            shown(&case.status()),
            [format!("Ready=False/{reason:?}"), format!("{by}=True/{reason:?}")]
        );
        assert!(case.says().ends_with("Backoff)"), "{}", case.says());
        case.state.obstacle = None;
        assert!(case.says().ends_with("sends a of 0, attempt 1"), "{}", case.says());
    }
    let mut doubted = channel("slack");
    doubted.state.memo = doubted.status();
    doubted.state.obstacle = Some(Cause::new(AccessMissing, "act"));
    doubted.state.memory.refusals = Refusals::default().after(true);
    assert_eq!(shown(&doubted.status()), ["Ready=True/Untested"]);
    assert!(doubted.says().ends_with("After(2s))"), "{}", doubted.says());
}

mod inventory;

use std::time::Duration;

use ace_api::{BackupDestination, DestinationReason, DestinationStatus, StoreCapabilities};
use serde_json::json;

use super::{
    Cause, Claim, Decision, Kind, Listed, Memory, Problem, State, Step, StepError, StepResult, claim, decide, events,
    status, store,
};
use crate::reconcile::fixture::{
    after, at, does_not_differ_when_only_the_clock_moved, is_not_finished_when_new, is_small, message, shown,
    tells_whether_to_wait_or_to_act,
};
use crate::reconcile::{decision::Requeue, event::Event, kind::Kind as _, timing::Timing};

const ABLE: StoreCapabilities = StoreCapabilities {
    conditional_create: true,
    ranges: true,
    multipart: true,
    checksums: true,
    delete: true,
};

struct Case {
    object: BackupDestination,
    state: State,
    second: i64,
}

fn destination() -> Case {
    let object = json!({
        "metadata": { "name": "primary", "namespace": "ace", "uid": "u1", "generation": 1, "creationTimestamp": "2026-11-23T00:00:00Z" },
        "spec": {
            "s3": { "endpoint": "https://s3.eu-central-1.amazonaws.com", "region": "eu-central-1", "bucket": "ace-backups" },
            "prefix": "prod",
            "credentialsSecretRef": { "name": "backup-store" },
        },
    });
    Case {
        object: serde_json::from_value(object).unwrap(),
        state: State {
            timing: Timing::default(),
            began: at(0),
            memo: DestinationStatus::default(),
            obstacle: None,
            claim: Claim::Own,
            memory: Memory {
                first: Some(at(0)),
                ..Memory::default()
            },
            step_error: None,
        },
        second: 0,
    }
}

fn listed(second: i64) -> Listed {
    Listed {
        at: at(second),
        backups: 31,
        bytes: 7_400_000_000,
        newest: Some(at(-3_600)),
        unfinished: 1,
        ..Listed::default()
    }
}

impl Case {
    fn decide(&self) -> Decision {
        decide(&self.object, &self.state, at(self.second))
    }

    fn status(&self) -> DestinationStatus {
        let status = status(&self.object, &self.state, &self.decide(), at(self.second));
        tells_whether_to_wait_or_to_act::<Kind>(&self.object, &status);
        is_small::<Kind>(&status);
        status
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is written where it is passed")]
    fn learns(mut self, step: Step, outcome: Result<StepResult, StepError>) -> Self {
        assert_eq!(self.decide(), Decision::Do(step.clone()));
        self.state.memo = self.status();
        Kind::update(&self.object, &mut self.state, &step, outcome, at(self.second));
        self
    }

    fn fails(self, step: Step, problem: Problem) -> Self {
        let message = "the store answers 500".to_owned();
        self.learns(step, Err(StepError { problem, message }))
    }

    fn lists(self) -> Self {
        let listed = listed(self.second);
        self.learns(Step::List, Ok(StepResult::Listed(listed)))
    }

    /// Listed and tried, with the status that says so.
    fn available(self) -> Self {
        let mut case = self.lists().learns(Step::Probe, Ok(StepResult::Probed(ABLE)));
        case.state.memo = case.status();
        case
    }

    /// The next pass begins then.
    fn later(mut self, second: i64) -> Self {
        self.state.memo = self.status();
        (self.second, self.state.began, self.state.step_error) = (second, at(second), None);
        self
    }

    fn says(&self) -> [String; 3] {
        let status = self.status();
        let shown = shown(&status);
        [
            shown[0].clone(),
            shown.last().unwrap().clone(),
            message(&status, "Ready"),
        ]
    }
}

#[test]
fn a_new_destination_is_listed_then_tried_and_then_listed_once_per_interval() {
    let case = destination();
    is_not_finished_when_new::<Kind>(&case.object);
    assert_eq!(case.decide(), Decision::Do(Step::List));
    assert_eq!(
        case.says()[..2],
        ["Ready=False/Observing", "Drifted=Unknown/NotCompared"]
    );
    let case = case.available();
    assert_eq!(
        case.says(),
        [
            "Ready=True/Available",
            "Drifted=False/NoDrift",
            "written, read and listed"
        ]
    );
    let due = |second| Requeue::At(at(second) + Timing::default().rhythm(Duration::from_hours(1), "u1"));
    assert_eq!(case.decide(), Decision::Settled(due(0)));
    let status = case.status();
    assert_eq!(status.store.as_deref(), Some("s3/ace-backups"));
    assert_eq!((status.capabilities, status.stored.unwrap().backups), (Some(ABLE), 31));
    let case = case.later(3_800);
    assert_eq!(case.decide(), Decision::Do(Step::List), "and is not tried again");
    assert_eq!(
        case.says()[0],
        "Ready=True/Available",
        "what is asked at intervals changes nothing"
    );
    assert_eq!(case.lists().decide(), Decision::Settled(due(3_800)));
}

#[test]
fn a_status_differs_only_when_the_store_does() {
    let mut case = destination().available();
    let decision = case.decide();
    does_not_differ_when_only_the_clock_moved::<Kind>(&case.object, &mut case.state, &decision, at(case.second));
    let before = case.status();
    let case = case.later(4_000).lists();
    assert_eq!(case.status(), before);
}

#[test]
fn after_a_restart_it_is_listed_again_and_not_tried_again() {
    let mut case = destination().available().later(60);
    case.state.memory = Memory {
        first: Some(at(60)),
        ..Memory::default()
    };
    assert_eq!(case.says()[..2], ["Ready=True/Available", "Drifted=False/NoDrift"]);
    let case = case.lists();
    assert!(matches!(case.decide(), Decision::Settled(_)));
    assert_eq!(case.status().capabilities, Some(ABLE));
}

#[test]
fn another_spec_is_tried_anew_even_if_the_process_ended_before_it_was() {
    let mut case = destination().available().later(60);
    case.object.metadata.generation = Some(2);
    assert_eq!(case.decide(), Decision::Do(Step::Probe));
    assert_eq!(case.status().capabilities, None);
    let mut case = case.later(61);
    case.state.memory = Memory {
        first: Some(at(61)),
        ..Memory::default()
    };
    assert_eq!(case.lists().decide(), Decision::Do(Step::Probe));
}

#[test]
fn each_problem_of_a_store_has_a_reason_and_says_what_to_do() {
    let hour = after(3_600);
    for (step, problem, reason, requeue, advice) in [
        (
            Step::List,
            Problem::HostNotAllowed,
            "HostNotAllowed",
            hour,
            "`--allow-store-host`",
        ),
        (
            Step::List,
            Problem::Credentials,
            "CredentialsRejected",
            hour,
            "put a valid one into the Secret",
        ),
        (
            Step::List,
            Problem::Denied,
            "CredentialsRejected",
            hour,
            "s3:ListBucket",
        ),
        (Step::Probe, Problem::Denied, "ReadOnly", hour, "s3:PutObject"),
        (Step::List, Problem::NoBucket, "BucketMissing", hour, "create it"),
        (
            Step::List,
            Problem::Clock,
            "ClockSkew",
            hour,
            "set the one that is wrong",
        ),
        (Step::Probe, Problem::Refused, "StoreRefused", hour, "check endpoint"),
        (Step::Probe, Problem::Full, "Full", after(30), "make room"),
        (
            Step::List,
            Problem::Unanswered,
            "Unreachable",
            after(30),
            "the store answers 500",
        ),
    ] {
        let case = if step == Step::Probe {
            destination().lists()
        } else {
            destination()
        };
        let case = case.fails(step, problem);
        let says = case.says();
        assert_eq!(says[0], format!("Ready=False/{reason}"), "{problem:?}");
        assert!(
            says[2].starts_with("the store answers 500") && says[2].contains(advice),
            "{says:?}"
        );
        let (Decision::Wait(_, again) | Decision::Refuse(_, again)) = case.decide() else {
            panic!("{problem:?} is passed over");
        };
        assert_eq!(again, requeue, "{problem:?}");
    }
}

#[test]
fn a_list_that_fails_changes_nothing_before_three_intervals_and_says_nothing_of_what_is_stored() {
    let case = destination().available();
    let before = case.status();
    let mut case = case.later(4_000).fails(Step::List, Problem::Unanswered);
    assert_eq!(case.status(), before);
    case.second = 3 * 3_600;
    assert_eq!(case.status(), before);
    case.second += 1;
    assert_eq!(case.says()[..2], ["Ready=Unknown/NotObserved", "Drifted=False/NoDrift"]);
    assert_eq!(case.status().stored, before.stored);
}

#[test]
fn a_store_that_never_answered_is_unknown_after_three_intervals_of_this_process() {
    let mut case = destination().fails(Step::List, Problem::Unanswered);
    assert_eq!(case.says()[0], "Ready=False/Unreachable");
    case.second = 3 * 3_600 + 1;
    assert_eq!(case.says()[0], "Ready=Unknown/NotObserved");
}

#[test]
fn a_key_that_may_not_delete_is_told() {
    let able = StoreCapabilities { delete: false, ..ABLE };
    let case = destination().lists().learns(Step::Probe, Ok(StepResult::Probed(able)));
    assert_eq!(case.says()[0], "Ready=True/Available");
    assert_eq!(
        case.says()[2],
        "written, read and listed; the key may not delete, so that nothing will expire"
    );
}

#[test]
fn what_belongs_to_no_backup_is_drift_that_is_named_and_counted_and_ends() {
    let mut case = destination().available().later(4_000);
    let foreign_names: Vec<String> = ["a.txt", "b.txt", "c.txt"].map(str::to_owned).to_vec();
    let found = Listed {
        foreign: 100_000,
        foreign_names,
        ..listed(4_000)
    };
    case = case.learns(Step::List, Ok(StepResult::Listed(found)));
    let status = case.status();
    assert_eq!(case.says()[..2], ["Ready=True/Available", "Drifted=True/Unexpected"]);
    assert_eq!(
        message(&status, "Drifted"),
        "objects below the prefix belong to no backup, and are not touched: `a.txt`, `b.txt`, `c.txt` and 99997 more"
    );
    let drift = status.drift.as_ref().unwrap();
    assert_eq!(
        (drift.count, drift.fields.len(), drift.detected_time),
        (100_000, 3, at(4_000))
    );
    let told: Vec<Event> = events(&case.state.memo, &status);
    assert_eq!(told, [Event::warning("DriftDetected", message(&status, "Drifted"))]);
    let case = case.later(8_000).lists();
    assert_eq!(case.says()[1], "Drifted=False/NoDrift");
    assert_eq!(case.status().drift.unwrap().corrected_time, Some(at(8_000)));
}

#[test]
fn nothing_is_asked_while_it_is_suspended_claimed_or_without_its_secret() {
    let mut case = destination();
    case.object.spec.suspend = true;
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    assert_eq!(shown(&case.status())[1], "Suspended=True/SuspendedByUser");
    let mut case = destination();
    case.state.claim = Claim::Lost(Some("ace/older".to_owned()));
    assert_eq!(
        case.says()[2],
        "the prefix, or one above or below it in this store, belongs to BackupDestination ace/older, which is older: create another with a prefix of its own"
    );
    case.state.claim = Claim::Lost(None);
    assert!(case.says()[2].contains("an older BackupDestination of another namespace"));
    let mut case = destination();
    case.state.obstacle = Some(Cause::new(
        DestinationReason::SecretMissing,
        "there is no Secret `backup-store`",
    ));
    assert_eq!(case.says()[0], "Ready=False/SecretMissing");
    case.object.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(0)));
    assert_eq!(case.decide(), Decision::Release { event: None });
}

/// Another destination: its name, when it was created, its prefix, and whether it has listed the store.
fn other(name: &str, created: &str, prefix: &str, has_listed: bool) -> BackupDestination {
    let mut object = destination().object;
    let metadata = &mut object.metadata;
    let (namespace, name) = name.split_once('/').unwrap();
    (metadata.namespace, metadata.name, metadata.uid) = (
        Some(namespace.to_owned()),
        Some(name.to_owned()),
        Some(format!("{namespace} {name}")),
    );
    metadata.creation_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
        created.parse().unwrap(),
    ));
    prefix.clone_into(&mut object.spec.prefix);
    let stored = has_listed.then(|| json!({ "backups": 0, "bytes": 0, "unfinished": 0 }));
    object.status =
        Some(serde_json::from_value(json!({ "observedGeneration": 1, "conditions": [], "stored": stored })).unwrap());
    object
}

#[test]
fn the_oldest_that_has_listed_the_store_keeps_a_prefix_what_is_above_it_and_what_is_below() {
    let own = destination().object;
    let (before, since) = ("2026-11-22T00:00:00Z", "2026-11-24T00:00:00Z");
    let neighbour = Claim::Lost(Some("ace/older".to_owned()));
    for (rival, expected) in [
        (other("ace/older", before, "prod", true), neighbour.clone()),
        (other("ace/older", before, "prod/daily", true), neighbour.clone()),
        (other("shop/older", before, "prod", true), Claim::Lost(None)),
        (other("ace/older", before, "production", true), Claim::Own),
        (other("ace/older", before, "prod", false), Claim::Own),
        (other("ace/newer", since, "prod", true), Claim::Own),
    ] {
        assert_eq!(claim(&own, [&own, &rival]), expected, "{:?}", rival.spec.prefix);
    }
    let mut elsewhere = other("ace/older", before, "prod", true);
    let s3 = elsewhere.spec.s3.as_mut().unwrap();
    "https://S3.eu-central-1.amazonaws.com:443".clone_into(&mut s3.endpoint);
    assert_eq!(claim(&own, [&elsewhere]), neighbour, "another spelling of one server");
    "another-bucket".clone_into(&mut elsewhere.spec.s3.as_mut().unwrap().bucket);
    assert_eq!(claim(&own, [&elsewhere]), Claim::Own);
    assert_ne!(store(&own.spec), store(&elsewhere.spec));
    let mut deeper = other("ace/newer", since, "daily", true);
    "prod".clone_into(&mut deeper.spec.prefix);
    assert_eq!(
        claim(&deeper, [&own]),
        Claim::Own,
        "who has not listed it claims nothing"
    );
}

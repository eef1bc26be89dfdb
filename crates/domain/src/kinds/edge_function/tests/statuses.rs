//! Rules that every status keeps.

use ace_api::{
    Conditions, Drift, FunctionEvent, FunctionEventType, FunctionReason, Held, MESSAGE_LIMIT, Mode, SecretFiles, Stamp,
};

use super::{
    super::{Claim, Decision, Kind, PlatformState, SourceState, status},
    fixture::{Case, settled},
    values::{A, B, X, bundle, check, digest, entry, field, foreign, stamp},
};
use crate::reconcile::{
    decision::StepError,
    fixture::{
        at, does_not_differ_when_only_the_clock_moved, is_not_finished_when_new, is_small,
        tells_whether_to_wait_or_to_act,
    },
    held::hold,
};

/// One state of each kind.
fn states() -> Vec<Case> {
    let lost = Claim::Lost(Some("ace/older".to_owned()));
    let mut all = vec![
        settled(),
        settled().wants(B),
        settled().forgotten().sees(None),
        settled().forgotten().sees(Some(foreign(4))).read(X),
        settled().sees(Some(foreign(4))),
        settled().sees(Some(foreign(4))).read(X),
        settled()
            .sees(Some(foreign(4)))
            .with(|case| case.state.memory.body = Some(bundle(&stamp(4)))),
        settled().sees(None),
        settled().wants(B).written().restarted(),
        settled().platform(|platform| platform.seen = at(-901)),
        settled().platform(|platform| platform.listed = false),
        settled().platform(|platform| platform.answering = false).wants(B),
        settled().platform(|platform| platform.suspended = true),
        settled().with(|case| case.object.spec.suspend = true),
        settled().with(|case| case.state.platform = PlatformState::Absent),
        settled().with(|case| case.state.claim = lost),
        settled().with(|case| case.state.source = SourceState::Invalid("x".to_owned())),
        settled().with(|case| case.state.source = SourceState::Waiting("x".to_owned())),
        settled()
            .wants(B)
            .with(|case| case.state.blockers = vec!["shared".to_owned()]),
        settled()
            .wants(B)
            .with(|case| case.state.step_error = Some(StepError::OutcomeUnknown(None))),
        super::checks::failed(),
        super::checks::deployed(),
        super::memory::rolled_back(),
    ];
    let modes: Vec<Case> = all
        .iter()
        .flat_map(|case| [Mode::Apply, Mode::Observe].map(|mode| case.clone().mode(mode)))
        .collect();
    all.extend(modes);
    all
}

#[test]
fn a_status_does_not_differ_when_only_the_clock_moved() {
    for mut case in states() {
        let decision = case.decide();
        does_not_differ_when_only_the_clock_moved::<Kind>(&case.object, &mut case.state, &decision, case.now);
    }
}

#[test]
fn every_status_tells_pipelines_whether_to_wait_or_to_act() {
    for mut case in states() {
        let status = case.status();
        tells_whether_to_wait_or_to_act::<Kind>(&case.object, &status);
    }
}

#[test]
fn secrets_in_the_source_are_shown_and_written_once() {
    let mut case = settled().with(|case| {
        if let SourceState::Ready { secret_files, .. } = &mut case.state.source {
            *secret_files = SecretFiles::of(["functions/.env"].into_iter());
        }
    });
    let shown = case.status();
    let found = shown.source.clone().and_then(|source| source.secret_files).unwrap();
    assert_eq!((found.count, found.paths), (1, vec!["functions/.env".to_owned()]));
    assert_eq!(case.written().status(), shown, "nothing is written again");
}

#[test]
fn the_worst_status_stays_within_twelve_kibibytes() {
    let mut case = worst();
    for decision in [
        case.decide(),
        Decision::Refuse(
            super::super::Cause::new(FunctionReason::RolledBack, "\"".repeat(2_000)),
            crate::reconcile::decision::Requeue::OnChange,
        ),
    ] {
        let status = status(&case.object, &case.state, &decision, case.now);
        is_small::<Kind>(&status);
        assert_eq!(status.drift.unwrap().count, 40, "what is not named is counted");
    }
}

fn worst() -> Case {
    let long = |bytes: usize| "\"".repeat(bytes);
    let big = Stamp {
        id: long(64),
        version: i64::MAX,
        updated_time: at(0),
        bundle_digest: Some(long(128)),
    };
    let fields: Vec<_> = (0..16)
        .map(|n| field(&format!("files/{n:02}{}", long(248)), &long(128), &long(128)))
        .collect();
    let event = FunctionEvent {
        type_: FunctionEventType::RolledBack,
        revision: "0".repeat(12),
        version: Some(i64::MAX),
        time: at(0),
    };
    let mut seen = entry(A, 9);
    seen.stamp = big.clone();
    seen.mark = None;
    settled()
        .mode(Mode::Apply)
        .asks(&long(256))
        .sees(Some(seen))
        .with(|case| {
            case.object.spec.checks = vec![check("preflight")];
            if let SourceState::Ready { secret_files, .. } = &mut case.state.source {
                *secret_files = SecretFiles::of([&*long(300); 9].into_iter());
            }
            case.state.listing.as_mut().unwrap().started = at(0);
            let memo = &mut case.state.memo;
            memo.common.last_handled_reconcile_at = Some(long(256));
            memo.applied.as_mut().unwrap().stamp.bundle_digest = Some(long(128));
            memo.held = Some(Held {
                outcome: hold(&case.object, FunctionReason::ChecksFailed, &long(MESSAGE_LIMIT)),
                source_digest: Some(digest(A)),
            });
            memo.live = Some(ace_api::Live {
                version: i64::MAX,
                updated_time: at(0),
                revision: "foreign".to_owned(),
                verify_jwt: Some(false),
                state: None,
                stamp: big,
            });
            memo.drift = Some(Drift {
                detected_time: at(0),
                count: 40,
                fields,
                corrected_time: None,
            });
            memo.history = vec![event; 10];
            memo.common.conditions = Conditions::new(&[], Some(4), at(0))
                .set(
                    ace_api::ConditionType::Drifted,
                    Some(true),
                    FunctionReason::Live,
                    &long(MESSAGE_LIMIT),
                )
                .finish();
        })
}

#[test]
fn a_new_object_is_never_taken_for_a_finished_one() {
    is_not_finished_when_new::<Kind>(&settled().object);
}

//! Rules that every status keeps.

use std::collections::BTreeSet;

use ace_api::{
    ConditionType, Conditions, Drift, DriftField, MESSAGE_LIMIT, MigrationEvent, MigrationEventType, MigrationReason,
    SchemaDriftReason, SharedConditionReason, SharedReason, WhileDrifted,
};

use super::{
    super::{
        Cause, Decision, Kind, PlatformState, Refusal, SchemaObservation, SourceState, StepError, StepResult, status,
    },
    fixture::{Case, fresh, pending, ran, settled},
    values::{A, B, DROP, HARMLESS, LIVE, OTHER, V1, V2, V3, V4, differs, owner, recorded, taken},
};
use crate::{
    kinds::platform::DatabaseFailure,
    reconcile::{
        decision::Requeue,
        fixture::{
            at, does_not_differ_when_only_the_clock_moved, is_not_finished_when_new, is_small, message, shown,
            tells_whether_to_wait_or_to_act,
        },
    },
};

/// One state of each kind.
fn states() -> Vec<Case> {
    let text = || "x".to_owned();
    let step_error = |case: Case, step_error: StepError| case.with(|case| case.state.step_error = Some(step_error));
    let in_vain = |cause: DatabaseFailure| settled().restarted().failed_observation(0, cause);
    let ending = |outcome: Result<StepResult, StepError>| {
        let mut case = pending(HARMLESS).prepared();
        case.does("Run", outcome);
        case
    };
    let refusal = |half| {
        Err(StepError::Refused(Refusal {
            version: V3.parse().unwrap(),
            half,
            message: text(),
        }))
    };
    let blocked = || StepError::Blocked {
        version: V3.parse().unwrap(),
        blockers: Vec::new(),
    };
    let drifted = pending(HARMLESS)
        .observation(|observation| observation.schema = taken(OTHER, vec![differs("table/public.t")]))
        .spec(|spec| spec.policy.while_drifted = WhileDrifted::Block);
    let mut all = vec![
        settled(),
        pending(HARMLESS),
        pending(HARMLESS).locked(),
        pending(HARMLESS).prepared(),
        pending(DROP),
        pending("COMMIT;"),
        pending(HARMLESS).row(V3, recorded(&[HARMLESS])).locked(),
        settled().files(&[(V1, A), (V2, "SELECT 2;")]),
        settled().files(&[(V1, A), ("202601015", HARMLESS), (V2, B)]),
        settled().gone(V2),
        super::elsewhere::applied_elsewhere(),
        settled().snapshot_pending(),
        settled().observation(|observation| observation.schema = SchemaObservation::Busy),
        settled().observation(|observation| observation.schema = taken(OTHER, vec![differs("table/public.t")])),
        settled().operator_schema(|operator_schema| operator_schema.newer = true),
        settled().operator_schema(|operator_schema| operator_schema.owner = Some(owner("a", "b"))),
        settled().operator_schema(|operator_schema| operator_schema.half = [(V4.to_owned(), OTHER.to_owned())].into()),
        settled()
            .operator_schema(|operator_schema| operator_schema.reference = None)
            .locked(),
        fresh(),
        fresh().locked(),
        fresh().observation(|observation| observation.schema = taken(LIVE, Vec::new())),
        super::baseline::named(V2, OTHER),
        super::baseline::named(V2, LIVE).locked(),
        drifted,
        settled().with(|case| case.state.platform = PlatformState::Absent),
        settled().platform(|platform| platform.database = None),
        settled().platform(|platform| platform.suspended = true),
        settled().spec(|spec| spec.suspend = true),
        pending(HARMLESS).next_pass().spec(|spec| spec.suspend = true),
        settled().source(SourceState::Waiting(text())),
        settled().source(SourceState::Failed(text())),
        settled().source(SourceState::Refused(text())),
        settled().source(SourceState::Invalid(text())),
        settled().source(SourceState::AccessMissing(text())),
        settled().forgotten().source(SourceState::Failed(text())),
        settled().restarted(),
        settled().restarted().forgotten(),
        in_vain(DatabaseFailure::Unanswered(text())),
        in_vain(DatabaseFailure::Unanswered(text())).forgotten(),
        in_vain(DatabaseFailure::Unanswered(text()))
            .later(901)
            .failed_observation(901, DatabaseFailure::Unanswered(text())),
        in_vain(DatabaseFailure::SecretMissing(text())),
        in_vain(DatabaseFailure::SecretUnanswered(text())),
        in_vain(DatabaseFailure::SecretInvalid(text())),
        in_vain(DatabaseFailure::AccessMissing(text())),
        in_vain(DatabaseFailure::SecretNotOffered(text())),
        in_vain(DatabaseFailure::HostNotAllowed),
        in_vain(DatabaseFailure::Pooler),
        in_vain(DatabaseFailure::PasswordRejected),
        in_vain(DatabaseFailure::CertificateRefused(text())),
        in_vain(DatabaseFailure::Refused("42501".to_owned())),
        in_vain(DatabaseFailure::Damaged(text())),
        in_vain(DatabaseFailure::Insecure(text())),
        in_vain(DatabaseFailure::Excess(text())),
        step_error(pending(HARMLESS), StepError::Busy(None)),
        step_error(pending(HARMLESS), StepError::Passing(text())),
        step_error(pending(HARMLESS), StepError::Claimed(owner("ace", &text()))),
        ending(ran()),
        ending(refusal(false)),
        ending(refusal(true)),
        ending(refusal(false)).next_pass(),
        ending(Err(super::attempts::lost(4))),
        ending(Err(super::attempts::lost(4))).next_pass(),
        ending(Err(blocked())),
        ending(Err(blocked())).next_pass().locked(),
    ];
    all.extend(about_backups());
    let observing: Vec<Case> = all
        .iter()
        .filter(|case| !case.state.prepared)
        .map(|case| case.clone().observe())
        .collect();
    all.extend(observing);
    all
}

fn about_backups() -> Vec<Case> {
    let gated = super::backup::gated;
    let step_error = |step_error| gated().with(|case| case.state.step_error = Some(step_error));
    vec![
        gated(),
        super::backup::waiting(),
        super::backup::failed(),
        gated().with(|case| case.state.backups.schedule = None),
        step_error(StepError::NameTaken("theirs".to_owned())),
        step_error(StepError::AccessMissing("run this".to_owned())),
    ]
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
    for case in states() {
        tells_whether_to_wait_or_to_act::<Kind>(&case.object, &case.status());
    }
}

#[test]
fn every_reason_is_reported_by_some_state() {
    let said: BTreeSet<String> = states()
        .iter()
        .flat_map(|case| case.status().common.conditions)
        .map(|condition| condition.reason)
        .collect();
    // No state makes the shared ones: they are for a pass that has none.
    let shared = [SharedReason::ALL, SharedConditionReason::ALL].concat();
    let all = MigrationReason::ALL.iter().chain(SchemaDriftReason::ALL);
    let missing: Vec<_> = all
        .filter(|reason| !shared.contains(reason))
        .map(|reason| reason.name)
        .filter(|reason| !said.contains(*reason))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn while_ace_ops_is_written_the_message_says_what_is_recorded() {
    let adopts = |files: &[(&str, &str)]| {
        let case = settled().forgotten().files(&[&[(V1, A), (V2, B)], files].concat());
        let rows = files.iter();
        rows.fold(case, |case, (version, text)| case.row(version, recorded(&[text])))
            .locked()
    };
    let noted = settled().state.memory.observation.unwrap().operator_schema.clone();
    let named = super::baseline::named(V2, LIVE)
        .observation(|observation| observation.operator_schema = noted)
        .unnoted(V1)
        .unnoted(V2);
    for (case, words) in [
        (fresh().locked(), "claiming the database for this MigrationSet"),
        (
            adopts(&[(V3, HARMLESS)]),
            "recording 1 migration applied outside this operator",
        ),
        (
            adopts(&[(V3, HARMLESS), (V4, DROP)]),
            "recording 2 migrations applied outside this operator",
        ),
        (named.locked(), "recording 2 migrations as applied, without running SQL"),
        (
            settled()
                .forgotten()
                .operator_schema(|operator_schema| operator_schema.reference = None)
                .locked(),
            "storing the live schema as the reference",
        ),
        (
            settled().restarted().forgotten(),
            "comparing the files with the migration ledgers",
        ),
    ] {
        let status = case.status();
        assert_eq!(
            shown(&status)[..2],
            ["Ready=False/Observing", "Reconciling=True/Observing"]
        );
        assert_eq!(message(&status, "Ready"), words);
    }
}

#[test]
fn suspended_it_stays_ready_while_nothing_is_known_to_be_left_to_do() {
    let suspended = |case: Case| case.spec(|spec| spec.suspend = true);
    let expected = [
        "Ready=True/Applied",
        "Suspended=True/SuspendedByUser",
        "Drifted=False/NoDrift",
    ];
    assert_eq!(shown(&suspended(settled()).status()), expected);
    assert_eq!(shown(&suspended(settled().restarted()).status()), expected);
    for unfinished in [
        pending(HARMLESS),
        pending(HARMLESS).next_pass(),
        pending(HARMLESS).next_pass().restarted(),
        settled().files(&[(V1, A), (V2, "SELECT 2;")]),
        settled().forgotten(),
    ] {
        let status = suspended(unfinished).status();
        assert_eq!(
            shown(&status)[..2],
            ["Ready=False/Suspended", "Suspended=True/SuspendedByUser"]
        );
    }
    let platform = settled().platform(|platform| platform.suspended = true);
    assert_eq!(shown(&platform.status())[1], "Suspended=True/SuspendedByPlatform");
}

#[test]
fn in_observe_what_would_be_a_refusal_is_only_a_message() {
    let ready = |case: Case| message(&case.observe().status(), "Ready");
    assert_eq!(ready(settled()), "every migration is applied");
    assert_eq!(ready(pending(HARMLESS)), "1 migration is pending");
    let two = settled().files(&[(V1, A), (V2, B), (V3, HARMLESS), (V4, "SELECT 4;")]);
    assert_eq!(ready(two), "2 migrations are pending");
    assert!(ready(pending(DROP)).starts_with("20260103000000 drops table public.a; to approve it, add plan sha256:"));
    let edited = settled()
        .files(&[(V1, A), (V2, "SELECT 2;")])
        .spec(|spec| spec.accepted_schema = Some(OTHER.to_owned()));
    assert_eq!(
        ready(edited),
        "20260102000000: the file differs from what was applied; restore it, and write the change as a new migration; 1 \
         object differs: schema"
    );
}

#[test]
fn drift_is_reported_beside_what_is_applied() {
    let case = settled().observation(|observation| observation.schema = taken(OTHER, vec![differs("table/public.t")]));
    let message = message(&case.status(), "Ready");
    assert_eq!(
        message,
        "every migration is applied, the last one is 20260102000000; 1 object differs: table public.t"
    );
}

#[test]
fn of_a_long_name_of_a_file_the_first_128_letters_are_shown() {
    let case = pending(DROP).with(|case| {
        let SourceState::Ready { content, .. } = &mut case.state.source else {
            panic!("the source is ready");
        };
        std::sync::Arc::make_mut(content).files.last_mut().unwrap().name = "ä".repeat(230);
    });
    let status = case.status();
    let shown = &status.plan.unwrap().pending[0];
    assert_eq!(
        (shown.version.as_str(), shown.name.as_str()),
        (V3, "ä".repeat(128).as_str())
    );
}

#[test]
fn the_worst_status_stays_within_twelve_kibibytes() {
    let case = worst();
    for decision in [
        case.decide(),
        Decision::Refuse(
            Cause::new(MigrationReason::HalfApplied, "\"".repeat(2_000)),
            Requeue::OnChange,
        ),
    ] {
        let status = status(&case.object, &case.state, &decision, case.now);
        is_small::<Kind>(&status);
        let counted = (status.pending, status.drift.map(|drift| drift.count));
        assert_eq!(counted, (Some(40), Some(40)), "what is not named is counted");
    }
}

/// Everything is as long as it can be, and every character is written as two.
fn worst() -> Case {
    let long = |bytes: usize| "\"".repeat(bytes);
    let files: Vec<(String, String)> = (0..40)
        .map(|number| {
            (
                format!("{number:064}"),
                format!("DROP TABLE public.t{number}; DELETE FROM public.x; DO $$ BEGIN END $$;"),
            )
        })
        .collect();
    let files: Vec<_> = files
        .iter()
        .map(|(version, text)| (version.as_str(), text.as_str()))
        .collect();
    let fields: Vec<_> = (0..40)
        .map(|number| DriftField {
            path: format!("{number}{}", long(300)),
            desired: long(300),
            observed: long(300),
        })
        .collect();
    let event = MigrationEvent {
        type_: MigrationEventType::SchemaAccepted,
        version: Some("0".repeat(64)),
        duration_milliseconds: Some(i64::MAX),
        warnings: vec![long(200); 4],
        time: at(0),
    };
    let mut case = fresh()
        .files(&files)
        .asks(&long(256))
        .observation(|observation| {
            observation.schema = taken(OTHER, fields);
            observation
                .operator_schema
                .clone_from(&settled().state.memory.observation.unwrap().operator_schema);
            observation.target.server_version = format!("15.{}", long(61));
            observation.target.database = long(63);
        })
        .spec(|spec| spec.policy.out_of_order = ace_api::OutOfOrder::Apply);
    let folder = case.state.folder().unwrap().as_ref().clone();
    let named = folder.files.into_iter().map(|file| crate::sql::File {
        name: long(200),
        ..file
    });
    let skipped = (0..20).map(|number| crate::sql::Skipped {
        file_name: format!("{number}{}", long(300)),
        why: "x",
    });
    case.state.source = SourceState::Ready {
        content: std::sync::Arc::new(crate::sql::Folder {
            files: named.collect(),
            skipped: skipped.collect(),
        }),
        artifact_revision: long(300),
        secret_files: ace_api::SecretFiles::of([&*long(300); 9].into_iter()),
    };
    let memo = &mut case.state.memo;
    memo.common.last_handled_reconcile_at = Some(long(256));
    memo.history = vec![event; 10];
    memo.drift = Some(Drift {
        detected_time: at(0),
        count: 40,
        fields: Vec::new(),
        corrected_time: None,
    });
    memo.common.conditions = Conditions::new(&[], Some(3), at(0))
        .set(
            ConditionType::Drifted,
            Some(true),
            SchemaDriftReason::OutOfBandChange,
            &long(MESSAGE_LIMIT),
        )
        .finish();
    case.state.stop = Some(super::super::Stop::Refused(Refusal {
        version: "0".repeat(64).parse().unwrap(),
        half: true,
        message: long(2_000),
    }));
    case
}

#[test]
fn a_new_object_is_never_taken_for_a_finished_one() {
    is_not_finished_when_new::<Kind>(&settled().object);
}

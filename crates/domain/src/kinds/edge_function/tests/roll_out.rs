//! The roll-out of changed desired content.

use std::sync::Arc;

use ace_api::{FunctionEvent, FunctionEventType, FunctionReason, IntentType, MigrationRequirement, Mode, Requires};

use super::{
    super::{Claim, Decision, Step, StepResult},
    fixture::{Case, settled},
    values::{A, B, X, applied, archive, body, cause, content, deploy, digest, entry, foreign, names, proven, stamp},
};
use crate::reconcile::{
    decision::{Deferral, Limiter, Requeue, StepError},
    fixture::{at, message, reconciling, shown, stalled},
    kind::Step as _,
};

#[test]
fn changed_desired_content_is_deployed_confirmed_read_back_proven_and_only_then_ready() {
    let mut case = desired_digest();
    case.does(roll_out(), Ok(StepResult::Deployed(stamp(4))));
    assert_eq!(
        shown(&case.status())[0],
        "Ready=False/Retrying",
        "nothing is confirmed yet"
    );
    case = case.later(1);
    case.lists(at(0), Some(entry(B, 4)));
    case.does(Step::ReadBody(stamp(4)), Ok(StepResult::Body(body(B, &stamp(4)))));
    case.does(archive_of_b(), Ok(StepResult::Archived(archive(B))));
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    let status = case.status();
    assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=False/NoDrift"]);
    assert_eq!(
        (status.applied, status.proven, status.intent),
        (Some(applied(B, 4)), Some(proven(B)), None)
    );
    let deployed = FunctionEvent {
        type_: FunctionEventType::Deployed,
        revision: content(B).revision().to_string(),
        version: Some(4),
        time: at(1),
    };
    assert_eq!(status.history, [deployed]);
}

#[test]
fn the_intent_is_in_the_status_that_is_written_before_the_upload() {
    let mut case = desired_digest();
    let status = case.status();
    assert_eq!(shown(&status), reconciling("Deploying", "False/NoDrift"));
    let intent = status.intent.unwrap();
    assert_eq!(
        (intent.source_digest, intent.before, intent.start_time),
        (digest(B), Some(stamp(3)), at(0))
    );
    assert!(roll_out().records_first() && Step::Delete.records_first());
}

#[test]
fn nothing_is_written_over_what_only_an_older_list_has_shown() {
    let mut case = desired_digest().with(|case| case.state.began = at(0));
    case.lists(at(0), Some(foreign(4)));
    assert_eq!(case.decide(), Decision::Do(Step::ReadBody(stamp(4))));
}

#[test]
fn a_list_that_still_shows_what_was_before_is_a_stale_one_after_an_answer() {
    let mut case = desired_digest();
    case.does(roll_out(), Ok(StepResult::Deployed(stamp(4))));
    case = case.later(1);
    case.lists(at(0), Some(entry(A, 3)));
    let (reason, _) = cause(case.decide());
    assert_eq!(reason, FunctionReason::Confirming);
    for _ in 0..30 {
        case = case.later(3);
        let now = case.now;
        case.lists(now, Some(entry(A, 3)));
        assert_eq!(cause(case.decide()).0, FunctionReason::Confirming);
    }
    assert_eq!(shown(&case.status())[1], "Reconciling=True/Confirming");
}

#[test]
fn a_deploy_that_somebody_wrote_over_at_once_took_effect_all_the_same() {
    let mut case = desired_digest();
    case.does(roll_out(), Ok(StepResult::Deployed(stamp(4))));
    case = case.later(1);
    case.lists(at(0), Some(foreign(5)));
    assert_eq!(case.decide(), Decision::Do(Step::ReadBody(stamp(5))));
    assert_eq!(case.state.memo.applied.unwrap().stamp, stamp(4));
}

#[test]
fn the_rule_that_we_sent_is_applied_even_if_somebody_changed_it_before_the_first_list() {
    let mut case = desired_digest();
    case.does(roll_out(), Ok(StepResult::Deployed(stamp(4))));
    let mut opened = entry(B, 4);
    opened.verify_jwt = Some(true);
    case = case.later(1);
    case.lists(at(0), Some(opened));
    case.decide();
    assert!(!case.state.memo.applied.unwrap().verify_jwt);
}

#[test]
fn a_refused_deploy_is_held_until_the_source_or_the_spec_changes() {
    let mut case = desired_digest();
    case.does(
        roll_out(),
        Err(StepError::Refused("Failed to bundle the function".to_owned())),
    );
    let status = case.status();
    assert_eq!(shown(&status), stalled("DeployRefused", "False/NoDrift"));
    assert_eq!(
        message(&status, "Stalled"),
        "the platform refuses the deploy: Failed to bundle the function; change the source or the spec"
    );
    assert_eq!((status.intent, status.source.unwrap().failed), (None, true));
    let case = case.written().restarted();
    for mut released in [
        case.clone().wants(X),
        case.clone().with(|case| case.object.metadata.generation = Some(5)),
    ] {
        assert!(matches!(released.decide(), Decision::Do(Step::Deploy { .. })));
    }
}

#[test]
fn a_deploy_that_was_not_sent_leaves_no_intent() {
    for step_error in [
        StepError::Deferred(Deferral {
            again: std::time::Duration::from_secs(7),
            by: Limiter::Budget,
        }),
        StepError::Unanswered("503".to_owned()),
        StepError::Failed("the status could not be written".to_owned()),
    ] {
        let mut case = desired_digest();
        case.does(roll_out(), Err(step_error));
        assert_eq!(case.status().intent, None);
    }
}

#[test]
fn foreign_content_is_archived_before_changed_desired_content_overwrites_it_in_apply_too() {
    let mut case = desired_digest().mode(Mode::Apply).sees(Some(foreign(4))).read(X);
    case.archives_foreign();
    assert_eq!(
        case.decide(),
        Decision::Do(deploy(IntentType::RollOut, B, Some(4), at(0)))
    );
}

#[test]
fn changed_desired_content_waits_until_foreign_content_is_confirmed() {
    let mut case = desired_digest().sees(Some(foreign(4))).read(X).with(|case| {
        let listing = case.state.listing.as_mut().unwrap();
        (listing.since, listing.started, listing.lists) = (at(0), at(0), vec![at(0)]);
    });
    assert_eq!(cause(case.decide()).0, FunctionReason::Confirming);
}

#[test]
fn the_order_is_secrets_migration_wave_key_and_then_the_upload() {
    let mut case = desired_digest()
        .with(blocked)
        .platform(|platform| platform.anon_key = false);
    let mut seen = vec![cause(case.decide())];
    case.state.secrets = names(&["RESEND_API_KEY"]);
    seen.push(cause(case.decide()));
    case.state.secrets = names(&["STRIPE_KEY"]);
    seen.push(cause(case.decide()));
    case.state.migrations = Some(Arc::new(["20260203000000".to_owned()].into()));
    seen.push(cause(case.decide()));
    case.state.migrations = Some(Arc::new(["20260204400000".to_owned()].into()));
    seen.push(cause(case.decide()));
    case.state.blockers.clear();
    seen.push(cause(case.decide()));
    case = case.platform(|platform| platform.anon_key = true);
    let expected = [
        (
            FunctionReason::WaitingForSecrets,
            "the project's secrets have not been listed yet",
        ),
        (
            FunctionReason::WaitingForSecrets,
            "set these secrets in the project: STRIPE_KEY",
        ),
        (
            FunctionReason::WaitingForMigration,
            "MigrationSet `main` does not exist, or its database has not been observed yet",
        ),
        (
            FunctionReason::WaitingForMigration,
            "MigrationSet `main` has not applied 20260204400000 yet",
        ),
        (
            FunctionReason::WaitingForWave,
            "waiting for functions of lower waves: shared",
        ),
        (
            FunctionReason::WaitingForKey,
            "a check has `auth: Anon`, but the Platform has no anonymous key: set its `spec.anonKeySecretRef` to a Secret key that holds this project's (`sb_publishable_…`, or a JWT for the role `anon`)",
        ),
    ];
    assert_eq!(seen, expected.map(|(reason, message)| (reason, message.to_owned())));
    assert_eq!(case.decide(), Decision::Do(roll_out()));
}

#[test]
fn observe_says_all_that_a_roll_out_would_wait_for() {
    let case = desired_digest().mode(Mode::Observe);
    let mut case = case
        .with(blocked)
        .platform(|platform| platform.anon_key = false)
        .with(|case| case.state.secrets = names(&["RESEND_API_KEY"]));
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    let (before, after) = (content(A).revision(), content(B).revision());
    let live = format!("{before} is live; the source has {after}");
    let says = |case: &mut Case| message(&case.status(), "Ready");
    assert_eq!(
        says(&mut case),
        format!(
            "{live}; with `mode: Apply` it would wait: set these secrets in the project: STRIPE_KEY; MigrationSet `main` does not exist, or its database has not been observed yet; waiting for functions of lower waves: shared; a check has `auth: Anon`, but the Platform has no anonymous key: set its `spec.anonKeySecretRef` to a Secret key that holds this project's (`sb_publishable_…`, or a JWT for the role `anon`)"
        )
    );
    assert_eq!(shown(&case.status())[0], "Ready=True/Observed");
    case.state.secrets = names(&["STRIPE_KEY"]);
    case.state.blockers.clear();
    case = case.platform(|platform| platform.anon_key = true);
    let waits = "with `mode: Apply` it would wait: MigrationSet `main` does not exist, or its database has not been observed yet";
    assert_eq!(says(&mut case), format!("{live}; {waits}"));
    let mut new = case.clone().forgotten().sees(None);
    assert_eq!(
        says(&mut new),
        format!("nothing is live yet; the source has {after}; {waits}")
    );
    let mut replaced = case.clone().forgotten().always().sees(Some(foreign(4))).read(X);
    assert!(says(&mut replaced).ends_with(waits), "{}", says(&mut replaced));
    case.state.migrations = Some(Arc::new(["20260204400000".to_owned()].into()));
    assert_eq!(says(&mut case), live);
}

#[test]
fn observe_says_nothing_of_waiting_where_apply_would_not_wait() {
    let case = settled().mode(Mode::Observe).with(blocked);
    let case = case.with(|case| case.state.secrets = names(&["STRIPE_KEY"]));
    let says = |case: Case| message(&case.clone().status(), "Ready");
    let live = format!("{} is live", content(A).revision());
    assert_eq!(says(case.clone()), live, "what is live was rolled out");
    let conflict = case.clone().forgotten().sees(Some(foreign(4))).read(X);
    let conflict = says(conflict);
    assert!(!conflict.contains("would wait"), "it would be refused: {conflict}");
    let lost = Claim::Lost(Some("ace/older".to_owned()));
    let lost = case.wants(B).with(|case| case.state.claim = lost);
    let lost = says(lost);
    assert!(!lost.contains("would wait"), "it would be refused: {lost}");
}

/// Secrets, a migration and a lower wave are missing, and the key of a check.
fn blocked(case: &mut Case) {
    let requires = serde_json::json!({ "secrets": [{ "anyOf": ["STRIPE_KEY"] }] });
    let requires: Requires = serde_json::from_value(requires).unwrap();
    case.object.spec.requires = Some(Requires {
        migration: Some(MigrationRequirement {
            name: "main".to_owned(),
            version: "20260204400000".to_owned(),
        }),
        ..requires
    });
    case.object.spec.checks = vec![super::values::check("preflight")];
    case.object.spec.checks[0].auth = Some(ace_api::CheckAuth::Anon);
    case.state.blockers = vec!["shared".to_owned()];
    case.state.secrets = None;
}

#[test]
fn a_correction_does_not_wait_for_waves_or_secrets() {
    let mut case = settled().sees(None).with(|case| {
        case.state.blockers = vec!["shared".to_owned()];
        case.state.secrets = None;
    });
    case.is_gone();
    assert_eq!(
        case.decide(),
        Decision::Do(deploy(IntentType::Correction, A, None, at(0)))
    );
}

#[test]
fn observe_reports_other_desired_content_and_writes_nothing() {
    let mut case = desired_digest().mode(Mode::Observe);
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    let expected = format!(
        "{} is live; the source has {}",
        content(A).revision(),
        content(B).revision()
    );
    assert_eq!(message(&case.status(), "Ready"), expected);
}

#[test]
fn content_too_large_for_an_archive_is_live_without_a_way_back_and_says_so() {
    let mut case = settled().with(|case| case.state.memo.proven = None);
    let proof = Step::ArchiveProven {
        content: content(A),
        verify_jwt: false,
    };
    case.does(proof, Ok(StepResult::ArchiveTooLarge(2_000_000)));
    let status = case.status();
    let expected = format!(
        "{} is live; it is too large to archive, so it can't be rolled back to",
        content(A).revision()
    );
    assert_eq!(
        (shown(&status)[0].as_str(), message(&status, "Ready")),
        ("Ready=True/Live", expected)
    );
}

fn desired_digest() -> Case {
    settled().wants(B)
}

fn roll_out() -> Step {
    deploy(IntentType::RollOut, B, Some(3), at(0))
}

fn archive_of_b() -> Step {
    Step::ArchiveProven {
        content: content(B),
        verify_jwt: false,
    }
}

#[test]
fn desired_content_that_was_overwritten_before_it_was_proven_is_rolled_out_again() {
    let case = settled().mode(Mode::Apply).with(|case| case.state.memo.proven = None);
    let mut foreign = case.clone().sees(Some(foreign(4))).read(X);
    let body = foreign.state.memory.body.clone().unwrap();
    assert_eq!(foreign.decide(), Decision::Do(Step::ArchiveForeign(body)));
    let mut opaque = case.clone().sees(Some(super::values::foreign(4)));
    opaque.state.memory.body = Some(super::values::bundle(&stamp(4)));
    assert!(matches!(opaque.decide(), Decision::Do(Step::ArchiveForeign(_))));
    let mut gone = case.sees(None);
    gone.is_gone();
    assert_eq!(gone.decide(), Decision::Do(deploy(IntentType::RollOut, A, None, at(0))));
}

#[test]
fn absence_that_an_earlier_reconcile_confirmed_is_confirmed_again_before_a_deploy() {
    let mut case = settled().sees(None).mode(Mode::Apply);
    case.is_gone();
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    case = case.mode(Mode::Enforce).later(10);
    case.state.began = at(10);
    assert_eq!(case.decide(), Decision::Do(Step::List { not_before: at(10) }));
}

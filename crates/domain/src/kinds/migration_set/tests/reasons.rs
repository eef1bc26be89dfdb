//! Every refusal and every wait, with its message and when the database is observed again.

use std::sync::Arc;

use ace_api::{MigrationReason as Reason, OutOfOrder, WhileDrifted};

use super::{
    super::{Decision, LedgerRow, PlatformState, SchemaObservation, SourceState, StepError},
    fixture::{Case, fresh, pending, settled},
    values::{
        A, B, CONCURRENT, DROP, HARMLESS, LIVE, OTHER, Said, V1, V2, V3, V4, differs, file, own, owner, recorded, said,
        taken,
    },
};
use crate::{
    reconcile::{fixture::at, kind::Step as _},
    sql::Routine,
};

pub(super) fn refuses(case: &Case, reason: Reason, message: &str, again: Option<u64>) {
    says(case, &(true, reason, message.to_owned(), again));
}

pub(super) fn waits(case: &Case, reason: Reason, message: &str, again: Option<u64>) {
    says(case, &(false, reason, message.to_owned(), again));
}

fn says(case: &Case, expected: &Said) {
    assert_eq!(said(case), *expected);
}

#[test]
fn what_the_platform_lacks() {
    let absent = settled().with(|case| case.state.platform = PlatformState::Absent);
    waits(
        &absent,
        Reason::WaitingForPlatform,
        "there is no Platform `prod` in this namespace",
        None,
    );
    refuses(
        &settled().platform(|platform| platform.database = None),
        Reason::DatabaseMissing,
        "Platform `prod` has no database: set its `spec.database`",
        None,
    );
}

#[test]
fn a_problem_of_the_source_is_reported_with_its_own_message() {
    let words = || "its own words".to_owned();
    for (source, stalls, reason, again) in [
        (SourceState::Waiting(words()), false, Reason::WaitingForSource, 240),
        (SourceState::Failed(words()), false, Reason::Retrying, 0),
        (SourceState::Refused(words()), true, Reason::SourceRefused, 240),
        (SourceState::Invalid(words()), true, Reason::SourceInvalid, 240),
        (SourceState::AccessMissing(words()), true, Reason::AccessMissing, 240),
    ] {
        let case = settled().source(source);
        let others = Some(owner("ace", "other"));
        let shared = case
            .clone()
            .observe()
            .operator_schema(|operator_schema| operator_schema.owner = others);
        // No file was read, so there is nothing to report either.
        for case in [case.clone(), case.observe(), shared] {
            says(&case, &(stalls, reason, words(), Some(again)));
        }
    }
}

#[test]
fn whose_database_it_is() {
    refuses(
        &settled().operator_schema(|operator_schema| operator_schema.newer = true),
        Reason::OperatorTooOld,
        "schema `ace_ops` of this database was created by a newer ace-operator: upgrade this one",
        Some(240),
    );
    let message = "the database of Platform `prod` is claimed by MigrationSet ace/other; if that one no longer exists, run \
                   `DELETE FROM ace_ops.owner` in the database";
    let other = || Some(owner("ace", "other"));
    refuses(
        &settled().operator_schema(|operator_schema| operator_schema.owner = other()),
        Reason::DatabaseClaimed,
        message,
        Some(240),
    );
    let mut raced = fresh().locked();
    raced.does("Claim", Err(StepError::Claimed(owner("ace", "other"))));
    refuses(&raced, Reason::DatabaseClaimed, message, Some(300));
    // Who may read this status need not know what other namespaces have.
    let message = "the database of Platform `prod` is claimed by a MigrationSet of another namespace, which `ace_ops.owner` in the \
                   database names; if that one no longer exists, run `DELETE FROM ace_ops.owner` in the database";
    for namespace in ["acer", "payments"] {
        let foreign = || Some(owner(namespace, "secret"));
        refuses(
            &settled().operator_schema(|operator_schema| operator_schema.owner = foreign()),
            Reason::DatabaseClaimed,
            message,
            Some(240),
        );
    }
}

#[test]
fn a_file_that_is_not_what_was_applied() {
    refuses(
        &settled().files(&[(V1, A), (V2, "SELECT 2;")]),
        Reason::ChecksumMismatch,
        "20260102000000: the file differs from what was applied; restore it, and write the change as a new migration",
        Some(240),
    );
    let four = [
        (V1, "SELECT 1;"),
        (V2, "SELECT 2;"),
        (V3, "SELECT 3;"),
        (V4, "SELECT 4;"),
    ];
    let all = settled().files(&four).observation(|observation| {
        for version in [V3, V4] {
            observation.ledger.insert(version.to_owned(), LedgerRow::default());
            let rows = &mut observation.operator_schema.as_mut().unwrap().rows;
            rows.insert(version.to_owned(), own(A));
        }
    });
    refuses(
        &all,
        Reason::ChecksumMismatch,
        "20260101000000, 20260102000000, 20260103000000 and 1 more: the file differs from what was applied; restore it, and \
         write the change as a new migration",
        Some(240),
    );
}

#[test]
fn a_file_that_changed_or_went_half_way() {
    let message = "20260103000000 was applied in part and its file was changed since: restore the file, or finish the migration \
                   by hand and record it with `supabase migration repair 20260103000000 --status applied`";
    let half = |case: Case| {
        let begun = file(V3, CONCURRENT).sha256;
        case.operator_schema(|operator_schema| operator_schema.half = [(V3.to_owned(), begun)].into())
    };
    refuses(&half(pending(HARMLESS)), Reason::HalfApplied, message, Some(240));
    refuses(&half(settled()), Reason::HalfApplied, message, Some(240));
    assert!(
        matches!(half(pending(CONCURRENT)).decide(), Decision::Do(_)),
        "the same bytes go on"
    );
    // It was finished by hand and recorded.
    let finished = half(settled()).row(V3, LedgerRow::default());
    assert!(matches!(finished.decide(), Decision::Settled(_)));
    let recorded = half(pending(HARMLESS)).row(V3, recorded(&[HARMLESS]));
    assert_eq!(recorded.locked().step().name(), "Adopt");
}

#[test]
fn a_file_that_can_t_be_run() {
    refuses(
        &pending("SELECT 1;\nCOMMIT;\n"),
        Reason::MigrationRefused,
        &format!(
            "20260103000000_x.sql: {}",
            crate::sql::read(&file(V3, "SELECT 1;\nCOMMIT;\n")).unwrap_err()
        ),
        Some(240),
    );
}

#[test]
fn what_the_database_lets_foresee_of_a_file() {
    let commits = Routine {
        commits: true,
        ..Routine::default()
    };
    let named = |name: &str| ("public".to_owned(), name.to_owned());
    let knows = |text: &str| {
        pending(text).observation(|observation| {
            let catalogue = Arc::make_mut(&mut observation.catalogue);
            catalogue.routines.insert(named("fill"), commits);
            catalogue.relations.insert(named("fleet"), true);
            let columns = [("kind".to_owned(), named("vehicle"))].into();
            catalogue.enum_columns.insert(named("fleet"), columns);
        })
    };
    for (text, what) in [
        (
            "SELECT 1;\n\nCALL public.fill();\n",
            "line 3, column 1: a DO block or procedure that commits: what it did before it fails or is interrupted could not be \
             known; leave COMMIT and ROLLBACK out, or run it by hand, outside of migrations",
        ),
        (
            "ALTER TYPE vehicle ADD VALUE 'bike';\nUPDATE fleet SET kind = 'bike';\n",
            "line 2, column 25: a new enum value in the transaction that adds it, or a COMMIT after that; put what follows ALTER TYPE \
             … ADD VALUE into the next file: a value can be used when its file is committed",
        ),
    ] {
        let message = format!("20260103000000_x.sql: {what}");
        refuses(&knows(text), Reason::MigrationRefused, &message, Some(240));
        // The database that has no such procedure or column says what it thinks of it.
        assert!(
            !matches!(pending(text).decide(), Decision::Refuse(cause, _) if cause.reason == Reason::MigrationRefused)
        );
    }
}

#[test]
fn a_file_that_comes_too_late() {
    let between = "20260101500000";
    let files = [(V1, A), (between, HARMLESS), (V2, B)];
    refuses(
        &settled().files(&files),
        Reason::OutOfOrder,
        "20260101500000 would come before 20260102000000, which is already applied: give it a newer version, or set \
         `spec.policy.outOfOrder: Apply`",
        Some(240),
    );
    let applied = settled()
        .files(&files)
        .spec(|spec| spec.policy.out_of_order = OutOfOrder::Apply);
    assert_eq!(applied.step().name(), "Begin");
}

#[test]
fn what_needs_an_approval() {
    let case = pending(DROP);
    let plan = case.plan();
    refuses(
        &case,
        Reason::ApprovalRequired,
        &format!("20260103000000 drops table public.a; to approve it, add plan {plan} to `spec.approvals`"),
        Some(240),
    );
    refuses(
        &case.approve(OTHER),
        Reason::ApprovalRequired,
        &format!(
            "20260103000000 drops table public.a; to approve it, add plan {plan} to `spec.approvals`; the approvals in the spec are \
             for other plans"
        ),
        Some(240),
    );
}

#[test]
fn what_was_applied_and_is_gone_from_the_ledger() {
    let case = settled().gone(V2);
    let plan = case.plan();
    refuses(
        &case,
        Reason::LedgerRegressed,
        &format!(
            "20260102000000 was applied before but is missing from the ledger, whose head is 20260101000000: if its effects are \
             still there, record it with `supabase migration repair 20260102000000 --status applied`; if it must run again, \
             add plan {plan} to `spec.approvals`"
        ),
        Some(240),
    );
    let both = case.gone(V1);
    let plan = both.plan();
    refuses(
        &both,
        Reason::LedgerRegressed,
        &format!(
            "20260101000000 and 1 more were applied before but are missing from the ledger, whose head is empty: record those \
             whose effects are still there with `supabase migration repair VERSION --status applied`; if they must run again, \
             add plan {plan} to `spec.approvals`"
        ),
        Some(240),
    );
}

#[test]
fn a_schema_that_was_there_before_the_ledger() {
    refuses(
        &fresh().observation(|observation| observation.schema = taken(LIVE, Vec::new())),
        Reason::BaselineRequired,
        &format!(
            "the migration ledger is empty, but the schema has 3 objects: if these files created them, set `spec.baseline` to \
             {{through: <the last version that the schema contains>, schemaDigest: \"{LIVE}\"}}; if none of the files did, set \
             `through` to \"none\", and all of them run"
        ),
        Some(240),
    );
    let one = fresh().observation(|observation| {
        observation.schema = taken(LIVE, Vec::new());
        if let SchemaObservation::Taken { made, .. } = &mut observation.schema {
            *made = 1;
        }
    });
    assert!(
        said(&one)
            .2
            .starts_with("the migration ledger is empty, but the schema has 1 object: if")
    );
    for (through, nearest) in [
        ("20260101", "20260101000000, 20260102000000"),
        ("20260101500000", "20260101000000, 20260102000000"),
        (V4, V2),
    ] {
        refuses(
            &super::baseline::named(through, LIVE),
            Reason::BaselineMismatch,
            &format!(
                "`spec.baseline.through` is {through}, but no file has that version: nothing was recorded and nothing will run; \
                 the nearest versions: {nearest}"
            ),
            Some(240),
        );
    }
    refuses(
        &super::baseline::named(V1, OTHER),
        Reason::BaselineMismatch,
        &format!(
            "`spec.baseline.schemaDigest` is sha256:222222222222, but the live schema is {LIVE}: nothing was recorded; check that \
             the files up to 20260101000000 create this schema, then set its digest"
        ),
        Some(240),
    );
}

#[test]
fn a_schema_that_was_changed_by_hand_where_that_blocks() {
    let differences = vec![differs("column/public.a.x")];
    let drifted = pending(HARMLESS).observation(|observation| observation.schema = taken(OTHER, differences));
    assert_eq!(drifted.step().name(), "Begin", "by default it does not block");
    refuses(
        &drifted.spec(|spec| spec.policy.while_drifted = WhileDrifted::Block),
        Reason::DriftBlocked,
        "1 object differs: column public.a.x: revert the change, or set `spec.acceptedSchema` to `status.schema.digest` to accept it",
        Some(240),
    );
}

#[test]
fn a_schema_that_can_t_be_read_is_waited_for_and_observed_again_soon() {
    let message = "the schema can't be read now: another session holds a lock on part of it";
    let busy = |case: Case| {
        case.observation(|observation| {
            (observation.at, observation.schema) = (at(-5), SchemaObservation::Busy);
        })
    };
    waits(&busy(pending(HARMLESS)), Reason::WaitingForLock, message, Some(10));
    waits(&busy(fresh()), Reason::WaitingForLock, message, Some(10));
    assert_eq!(busy(pending(HARMLESS)).later(10).step().name(), "Observe");
}

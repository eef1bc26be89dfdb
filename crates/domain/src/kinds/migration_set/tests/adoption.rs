//! Migrations applied outside this operator: adopted if their recorded statements are those of the file.

use ace_api::{MigrationEventType, MigrationReason, MigrationSetStatus};

use super::{
    super::{Decision, LedgerRow, Step, StepResult},
    fixture::{Case, settled},
    values::{A, B, HARMLESS, V1, V2, V3, file, own, reason, recorded},
};

const TWO: &str = "-- adds two\nALTER TABLE public.a ADD COLUMN c text;\nALTER TABLE public.a ADD COLUMN d text;\n";

/// The CLI ran the third file, and has recorded this of it.
fn pushed(row: LedgerRow) -> Case {
    settled().files(&[(V1, A), (V2, B), (V3, TWO)]).row(V3, row)
}

fn counts(status: &MigrationSetStatus) -> (Option<i32>, Option<i32>, Option<i32>, Option<i32>) {
    (
        status.applied,
        status.pending,
        status.unknown_applied,
        status.unverified,
    )
}

#[test]
fn a_file_whose_recorded_statements_are_its_own_is_adopted() {
    let split = [
        "-- adds two\nALTER TABLE public.a ADD COLUMN c text",
        "ALTER TABLE public.a ADD COLUMN d text",
    ];
    for row in [recorded(&split), recorded(&[TWO]), recorded(&[TWO.trim()])] {
        let mut case = pushed(row).locked();
        assert_eq!(case.step(), Step::Adopt(vec![file(V3, TWO)]));
        case.does("Adopt", Ok(StepResult::Written));
        let seen = case.sees(|observation| {
            let rows = &mut observation.operator_schema.as_mut().unwrap().rows;
            rows.insert(V3.to_owned(), own(TWO));
            observation.ledger.insert(V3.to_owned(), LedgerRow::default());
        });
        case.does("ObserveAgain", seen);
        assert!(matches!(case.decide(), Decision::Settled(_)));
        let status = case.status();
        assert_eq!(counts(&status), (Some(3), Some(0), None, None));
        let adopted = &status.history[0];
        assert_eq!(
            (adopted.type_, adopted.version.as_deref()),
            (MigrationEventType::Adopted, Some(V3))
        );
    }
}

#[test]
fn a_file_of_whose_statements_nothing_is_recorded_counts_as_applied_and_unverified() {
    let case = pushed(LedgerRow::default());
    assert!(matches!(case.decide(), Decision::Settled(_)));
    assert_eq!(counts(&case.status()), (Some(3), Some(0), None, Some(1)));
}

#[test]
fn a_file_whose_recorded_statements_are_others_was_edited() {
    for row in [recorded(&["SELECT 1"]), recorded(&[]), recorded(&[TWO, "SELECT 1"])] {
        let case = pushed(row);
        assert_eq!(reason(&case), MigrationReason::ChecksumMismatch);
    }
}

#[test]
fn while_a_file_was_edited_nothing_is_adopted_and_nothing_runs() {
    let case = settled()
        .files(&[(V1, A), (V2, "SELECT 2;"), (V3, TWO), ("20260109", HARMLESS)])
        .row(V3, recorded(&[TWO]))
        .locked();
    assert_eq!(reason(&case), MigrationReason::ChecksumMismatch);
}

#[test]
fn a_version_without_a_file_is_only_counted() {
    let case = settled()
        .row("2019", LedgerRow::default())
        .row("2029", recorded(&["x"]));
    assert!(matches!(case.decide(), Decision::Settled(_)));
    assert_eq!(counts(&case.status()), (Some(2), Some(0), Some(2), None));
    assert_eq!(case.status().head.as_deref(), Some("2029"));
}

#[test]
fn in_observe_nothing_is_noted() {
    let case = pushed(recorded(&[TWO])).observe();
    assert!(matches!(case.decide(), Decision::Settled(_)));
    assert_eq!(counts(&case.status()), (Some(3), Some(0), None, None));
}

/// Ours has other bytes for the second file than the folder, and the CLI's ledger these statements.
fn repaired(statements: &[&str]) -> Case {
    settled().files(&[(V1, A), (V2, TWO)]).row(V2, recorded(statements))
}

#[test]
fn a_file_that_the_cli_recorded_anew_is_adopted_whatever_was_run_before() {
    let mut case = repaired(&[TWO]).locked();
    assert_eq!(case.step(), Step::Adopt(vec![file(V2, TWO)]));
    case.does("Adopt", Ok(StepResult::Written));
    let seen = case.sees(|observation| {
        let rows = &mut observation.operator_schema.as_mut().unwrap().rows;
        rows.insert(V2.to_owned(), own(TWO));
    });
    case.does("ObserveAgain", seen);
    assert!(matches!(case.decide(), Decision::Settled(_)));
    let adopted = &case.status().history[0];
    assert_eq!(
        (adopted.type_, adopted.version.as_deref()),
        (MigrationEventType::Adopted, Some(V2))
    );
}

#[test]
fn files_squashed_into_one_that_the_cli_recorded_are_adopted() {
    let squashed = format!("{A}{B}");
    let case = settled()
        .files(&[(V2, &squashed)])
        .gone(V1)
        .row(V2, recorded(&[&squashed]));
    assert_eq!(case.locked().step(), Step::Adopt(vec![file(V2, &squashed)]));
}

#[test]
fn a_file_that_was_edited_and_not_recorded_anew_is_refused() {
    for statements in [&[B][..], &[], &[TWO, "SELECT 1"]] {
        assert_eq!(reason(&repaired(statements)), MigrationReason::ChecksumMismatch);
    }
}

#[test]
fn line_ends_are_no_change_of_a_file() {
    let windows = |text: &str| text.replace('\n', "\r\n");
    let checked_out = settled().files(&[(V1, &windows(A)), (V2, &windows(B))]);
    assert!(matches!(checked_out.decide(), Decision::Settled(_)));
    let pushed = pushed(recorded(&[&windows(TWO)])).locked();
    assert_eq!(pushed.step(), Step::Adopt(vec![file(V3, TWO)]));
}

#[test]
fn a_digest_of_an_earlier_release_is_recognized_whatever_line_ends_it_was_of() {
    use sha2::{Digest, Sha256};
    let windows = B.replace('\n', "\r\n");
    for (bytes, file) in [
        (windows.clone(), B),
        (windows.clone(), &windows),
        (B.to_owned(), &windows),
        (format!("\u{feff}{B}"), B),
        (format!("\u{feff}{windows}"), B),
    ] {
        let former = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
        let case = settled().files(&[(V1, A), (V2, file)]);
        let case = case.operator_schema(|own| own.rows.get_mut(V2).unwrap().sha256 = former.clone());
        assert!(matches!(case.decide(), Decision::Settled(_)), "{bytes:?}");
        let half = |text: &str| {
            let case = settled().files(&[(V1, A), (V2, B), (V3, text)]);
            case.operator_schema(|own| drop(own.half.insert(V3.to_owned(), former.clone())))
        };
        assert!(matches!(half(file).decide(), Decision::Do(_)));
        assert_eq!(reason(&half("SELECT 1;")), MigrationReason::HalfApplied);
    }
}

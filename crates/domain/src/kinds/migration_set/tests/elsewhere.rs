//! The same SQL under another version: it does not run again by itself.

use ace_api::MigrationReason;

use super::{
    super::LedgerRow,
    fixture::{Case, pending, settled},
    values::{A, B, HARMLESS, V1, V2, V3, V4, reason, recorded, said},
};
use crate::reconcile::kind::Step as _;

/// A version by the clock of the Management API.
const CLOCK: &str = "20260102091412";

/// A dashboard applied the third file's SQL under a version of its own.
pub(super) fn applied_elsewhere() -> Case {
    pending(HARMLESS).row(CLOCK, recorded(&[HARMLESS.trim_end().trim_end_matches(';')]))
}

fn expected(version: &str, elsewhere: &str, case: &Case) -> String {
    format!(
        "{version} has the same SQL as {elsewhere}, which is applied and has no file: if it must not run again, run `supabase \
         migration repair {elsewhere} --status reverted` and `supabase migration repair {version} --status applied`; if it must \
         run again, add plan {} to `spec.approvals`",
        case.plan()
    )
}

#[test]
fn what_was_applied_under_a_version_without_a_file_does_not_run_again() {
    let case = applied_elsewhere();
    let (stalls, reason, message, _) = said(&case);
    assert_eq!((stalls, reason), (true, MigrationReason::AppliedElsewhere));
    assert_eq!(message, expected(V3, CLOCK, &case));
}

#[test]
fn nor_does_a_file_that_was_renamed_after_it_ran() {
    let case = settled().files(&[(V1, A), (V3, B)]);
    assert_eq!(said(&case).2, expected(V3, V2, &case));
    let earlier = case.operator_schema(|schema| {
        let windows = B.replace('\n', "\r\n");
        let digest = <sha2::Sha256 as sha2::Digest>::digest(windows);
        schema.rows.get_mut(V2).unwrap().sha256 = format!("sha256:{}", hex::encode(digest));
    });
    assert_eq!(reason(&earlier), MigrationReason::AppliedElsewhere);
}

#[test]
fn nor_does_one_that_was_pushed_whole_or_with_other_line_ends() {
    for statement in [HARMLESS.to_owned(), HARMLESS.replace('\n', "\r\n")] {
        let case = pending(HARMLESS).row(CLOCK, recorded(&[&statement]));
        assert_eq!(reason(&case), MigrationReason::AppliedElsewhere);
    }
}

#[test]
fn a_file_that_is_older_than_the_head_is_not_told_to_take_a_newer_version() {
    let case = pending(HARMLESS).row(V4, recorded(&[HARMLESS]));
    assert_eq!(said(&case).2, expected(V3, V4, &case));
    let new = case.files(&[(V1, A), (V2, B), (V3, "SELECT 3;")]);
    assert_eq!(reason(&new), MigrationReason::OutOfOrder);
}

#[test]
fn an_approval_of_its_plan_runs_it_again_and_of_another_s_does_not() {
    let case = applied_elsewhere();
    let approved = case.clone().approve(&case.plan()).locked();
    assert_eq!(approved.step().name(), "Prepare");
    let ordinary = pending(HARMLESS).row(CLOCK, LedgerRow::default()).plan();
    assert_eq!(reason(&case.approve(&ordinary)), MigrationReason::AppliedElsewhere);
}

#[test]
fn what_the_cli_records_under_the_file_s_version_settles_it() {
    let case = applied_elsewhere().gone(CLOCK).row(V3, recorded(&[HARMLESS])).locked();
    assert_eq!(case.step().name(), "Adopt");
}

#[test]
fn the_same_sql_under_a_version_with_a_file_is_no_repetition() {
    let case = settled().files(&[(V1, A), (V2, B), (V3, B)]).locked();
    assert_eq!(case.step().name(), "Prepare");
    let empty = pending("").row(CLOCK, recorded(&[])).locked();
    assert_eq!(empty.step().name(), "Prepare");
    let renamed = settled().noted(V1, "").files(&[(V2, B), (V3, "")]).locked();
    assert_eq!(renamed.step().name(), "Prepare");
    let others = pending(HARMLESS).row(CLOCK, recorded(&["SELECT 3"])).locked();
    assert_eq!(others.step().name(), "Prepare");
}

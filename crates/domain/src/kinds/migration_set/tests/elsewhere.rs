//! The same SQL under another version: it does not run again by itself.

use ace_api::MigrationReason;

use super::{
    super::LedgerRow,
    fixture::{Case, pending, settled},
    values::{A, B, HARMLESS, V1, V2, V3, V4, named, reason, recorded, said},
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

const WELCOME: &str = "20260103000000_welcome_credit";

/// Files of which one is pending and has a name of its own.
fn welcome(text: &str) -> Case {
    settled().files(&[(V1, A), (V2, B), (WELCOME, text)])
}

fn by_name(alike: &str, unknown: &str, same: &str, other: &str, case: &Case) -> String {
    expected(V3, CLOCK, case)
        .replace("SQL as", alike)
        .replace("no file:", &format!("no file{unknown}:"))
        .replace("it must not run again", same)
        .replace("it must run again", other)
}

#[test]
fn a_name_that_no_other_has_decides_where_nobody_recorded_what_ran() {
    let alike = |case: &Case| {
        let unknown = ", and whose statements are not recorded";
        by_name(
            "name as",
            unknown,
            "it is the same migration",
            "it is another one",
            case,
        )
    };
    let case = welcome(HARMLESS).row(CLOCK, named("welcome_credit"));
    assert_eq!(said(&case).2, alike(&case));
    let nothing = LedgerRow {
        name: Some("welcome_credit".to_owned()),
        ..recorded(&[])
    };
    let case = welcome(HARMLESS).row(CLOCK, nothing);
    assert_eq!(said(&case).2, alike(&case));
    let approved = case.clone().approve(&case.plan()).locked();
    assert_eq!(approved.step().name(), "Prepare");
}

#[test]
fn a_file_that_was_edited_after_it_ran_under_another_version_is_known_by_name_and_statements() {
    let [first, second] = ["UPDATE public.a SET b = b || '!'", "SELECT 2"];
    let both = format!("{first};\n{second};\n");
    for (file, ran) in [
        (both.as_str(), vec![first]),
        (first, vec![first, second]),
        ("SELECT 2; UPDATE public.a SET b = b || '!'", vec![first, second]),
    ] {
        let row = LedgerRow {
            name: Some("welcome_credit".to_owned()),
            ..recorded(&ran)
        };
        let case = welcome(file).row(CLOCK, row);
        let alike = "name as, and statements of,";
        let expected = by_name(alike, "", "it is the same migration", "all of it must run", &case);
        assert_eq!(said(&case).2, expected, "{file}");
    }
}

#[test]
fn a_name_that_is_used_again_for_other_statements_stops_nothing() {
    let runs = |case: Case| case.locked().step().name() == "Prepare";
    let other = LedgerRow {
        name: Some("welcome_credit".to_owned()),
        ..recorded(&["SELECT 3"])
    };
    assert!(runs(welcome(HARMLESS).row(CLOCK, other)), "its statements are known");
    let digest = welcome(HARMLESS)
        .row(CLOCK, named("welcome_credit"))
        .noted(CLOCK, "SELECT 3");
    assert!(runs(digest), "its digest is known");
}

#[test]
fn a_name_that_several_have_or_none_stops_nothing() {
    let runs = |case: Case| case.locked().step().name() == "Prepare";
    let row = || named("welcome_credit");
    assert!(
        runs(welcome(HARMLESS).row(CLOCK, row()).row("20260102091413", row())),
        "two rows"
    );
    let files = settled().files(&[
        (V1, A),
        (V2, B),
        (WELCOME, HARMLESS),
        ("20260104000000_welcome_credit", "SELECT 4"),
    ]);
    assert!(runs(files.row(CLOCK, row())), "two files");
    let applied = settled().files(&[(V1, A), ("20260102000000_welcome_credit", B), (WELCOME, HARMLESS)]);
    assert!(runs(applied.row(CLOCK, row())), "one of the files is applied");
    let unnamed = settled().files(&[(V1, A), (V2, B), (V3, HARMLESS)]);
    assert!(runs(unnamed.clone().row(CLOCK, named(""))), "no name");
    assert!(runs(unnamed.row(CLOCK, LedgerRow::default())), "null");
}

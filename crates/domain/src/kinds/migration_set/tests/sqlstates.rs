//! Every SQLSTATE that PostgreSQL knows, at a file: whether it is tried again, how often, and what a person is told.

use ace_api::MigrationReason;

use super::{
    super::{Advice, FailureKind, Refusal, StepError, may_pass},
    attempts::{attempts, fails},
    fixture::pending,
    values::{HARMLESS, V3, said},
};

const ERRCODES: &str = include_str!("errcodes.txt");

/// Code and name of each.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = ERRCODES.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' '))
}

fn in_classes(state: &str, classes: &[&str]) -> bool {
    classes.iter().any(|class| state.starts_with(class))
}

#[test]
fn a_file_is_tried_five_times_for_what_may_pass_and_once_for_everything_else() {
    assert!(all().count() > 260);
    for (state, name) in all() {
        let passes = in_classes(
            state,
            &["08", "40", "53", "57P01", "57P02", "57P03", "57P04", "57P05", "25006"],
        );
        assert_eq!(may_pass(state, false), passes, "{state} {name}");
        let expected = if passes { 5 } else { 1 };
        let tried = attempts(|_| {
            if may_pass(state, false) {
                fails(4, FailureKind::Refused(state.to_owned()))
            } else {
                refused(state)
            }
        });
        assert_eq!(tried, expected, "{state} {name}");
    }
}

#[test]
fn a_file_that_is_refused_is_held_with_line_words_and_what_to_do() {
    for (state, name) in all() {
        let mut case = pending(HARMLESS).prepared();
        case.does("Run", Err(refused(state)));
        let (stalls, reason, message, _) = said(&case);
        assert_eq!(
            (stalls, reason),
            (true, MigrationReason::MigrationFailed),
            "{state} {name}"
        );
        let (what, todo) = message.split_once("; ").unwrap();
        assert_eq!(what, format!("x.sql line 4: it says so (SQLSTATE {state})"));
        assert!(todo.len() > 10, "{state} {name}: {todo}");
    }
}

#[test]
fn the_file_is_blamed_only_where_it_may_be_wrong() {
    let blameless = [
        "40", "53000", "53100", "53300", "55006", "57", "58000", "58030", "58P02", "58P03", "F0", "XX",
    ];
    for (state, name) in all() {
        let advice = Advice::of(state, "").says(false);
        let outside = advice.contains("change the annotation");
        let inside = advice.contains("the file") || advice.contains("a later file") || !outside;
        let inside = inside || advice.starts_with("leave ") || advice.starts_with("split ");
        assert_eq!(inside, !in_classes(state, &blameless), "{state} {name}: {advice}");
    }
}

#[test]
fn advice_is_that_of_the_state() {
    let ask = "change the annotation `ops.mobulace.com/reconcile-at`";
    for (state, message, advice) in [
        ("42601", "", "correct the file".to_owned()),
        ("42P01", "", "correct the file".to_owned()),
        ("0A000", "cannot do this", "correct the file".to_owned()),
        (
            "0A000",
            "extension \"vector\" is not available",
            format!("leave the extension out, or install it on the server and {ask}"),
        ),
        (
            "42501",
            "",
            format!(
                "leave the statement out, or give the right to the user in `spec.database` of the Platform and {ask}"
            ),
        ),
        ("53100", "", format!("free disk space on the server and {ask}")),
        (
            "23505",
            "",
            format!("correct the file, or correct the rows that it meets and {ask}"),
        ),
        ("55P04", "", "use the new value in a later file".to_owned()),
        (
            "P0001",
            "",
            format!("correct the file, or change what it checks and {ask}"),
        ),
        (
            "ZZ123",
            "",
            format!("correct the file, or change what it checks and {ask}"),
        ),
        ("", "", format!("correct the file, or change what it checks and {ask}")),
    ] {
        assert_eq!(Advice::of(state, message).says(false), advice, "{state}");
    }
    assert_eq!(
        Advice::of("42601", "").says(true),
        format!("a part of the file has run: fix its cause in the database, leave the file as it is, and {ask}")
    );
}

#[test]
fn a_race_in_the_catalogue_may_pass_whatever_its_state_is() {
    assert!(may_pass("23505", true) && may_pass("XX000", true));
    assert!(!may_pass("23505", false) && !may_pass("XX000", false));
}

fn refused(state: &str) -> StepError {
    let message = "it says so";
    StepError::Refused(Refusal {
        version: V3.parse().unwrap(),
        half: false,
        message: format!(
            "x.sql line 4: {message} (SQLSTATE {state}); {}",
            Advice::of(state, message).says(false)
        ),
    })
}

use serde_json::json;

use super::fixture::{cards, changed, failed, null, row};
use crate::reconcile::fixture::at;

#[test]
fn a_series_fires_once_it_was_beyond_its_threshold_for_as_long_as_for_says() {
    let case = cards().asks(10, &[row("Book", 9.0)]);
    assert_eq!((case.says().as_str(), case.since()), ("Pending error 0", Some(at(60))));
    let case = case.asks(1, &[row("Book", 9.0)]);
    assert_eq!((case.says().as_str(), case.since()), ("Firing error 1", Some(at(660))));
    assert_eq!(case.history(), ["Fired error 1"]);
}

#[test]
fn one_good_value_ends_what_is_pending() {
    let case = cards().asks(9, &[row("Book", 9.0)]).asks(1, &[row("Book", 10.0)]);
    assert_eq!(case.says(), "Inactive - 0");
    assert_eq!(case.asks(10, &[row("Book", 9.0)]).says(), "Pending error 0");
}

#[test]
fn a_threshold_itself_is_beyond_just_where_the_operator_says_so() {
    for (operator, value, expected) in [
        ("LessThan", 10.0, "Inactive - 0"),
        ("LessThan", 9.9, "Firing error 1"),
        ("LessThanOrEqual", 10.0, "Firing error 1"),
        ("LessThanOrEqual", 10.1, "Inactive - 0"),
        ("GreaterThan", 10.0, "Inactive - 0"),
        ("GreaterThan", 10.1, "Firing error 1"),
        ("GreaterThanOrEqual", 10.0, "Firing error 1"),
        ("GreaterThanOrEqual", 9.9, "Inactive - 0"),
    ] {
        let case = changed(|spec| {
            spec["condition"] =
                json!({ "operator": operator, "levels": { "error": { "threshold": "10" } }, "for": "0s" });
        });
        assert_eq!(
            case.asks(1, &[row("Book", value)]).says(),
            expected,
            "{operator} {value}"
        );
    }
}

#[test]
fn what_fires_is_clear_past_its_recovery_and_for_as_long_as_it_is_held() {
    let firing = cards().asks(11, &[row("Book", 9.0)]);
    // Between threshold and recovery.
    assert_eq!(firing.clone().asks(60, &[row("Book", 11.0)]).says(), "Firing error 1");
    let held = firing.asks(30, &[row("Book", 12.0)]);
    assert_eq!((held.says().as_str(), held.since()), ("Held error 1", Some(at(660))));
    let clear = held.clone().asks(1, &[row("Book", 12.0)]);
    assert_eq!(clear.says(), "Inactive - 0");
    assert_eq!(clear.history(), ["Fired error 1", "Resolved error 1"]);
    // It falls again, and is the same alert.
    let again = held.asks(1, &[row("Book", 11.0)]);
    assert_eq!(
        (again.says().as_str(), again.since()),
        ("Firing error 1", Some(at(660)))
    );
    assert_eq!(again.asks(30, &[row("Book", 12.0)]).says(), "Held error 1");
}

#[test]
fn a_graver_level_is_news_and_a_milder_one_comes_after_it_was_held() {
    let critical = cards().asks(11, &[row("Book", 9.0)]).asks(11, &[row("Book", 1.0)]);
    assert_eq!(
        (critical.says().as_str(), critical.since()),
        ("Firing critical 1", Some(at(660)))
    );
    assert_eq!(critical.history(), ["Fired error 1", "Worsened critical 1"]);
    let still = critical.asks(30, &[row("Book", 5.0)]);
    assert_eq!(still.says(), "Firing critical 1");
    let milder = still.asks(1, &[row("Book", 5.0)]);
    assert_eq!(
        (milder.says().as_str(), milder.since()),
        ("Firing error 1", Some(at(660)))
    );
    assert_eq!(milder.history()[2..], ["Eased error 1"]);
}

#[test]
fn what_falls_to_the_gravest_level_at_once_fires_at_that() {
    let case = cards().asks(11, &[row("Book", 0.0)]);
    assert_eq!(
        (case.says().as_str(), case.history()),
        ("Firing critical 1", vec!["Fired critical 1".to_owned()])
    );
}

#[test]
fn an_error_resolves_nothing_and_begins_nothing() {
    let firing = cards().asks(11, &[row("Book", 9.0)]).fails(120);
    assert_eq!(
        (firing.says().as_str(), firing.since()),
        ("Firing error 1", Some(at(660)))
    );
    assert_eq!(firing.conditions()[0], "Ready=False/QueryFailed");
    assert_eq!(cards().asks(5, &[row("Book", 50.0)]).fails(120).says(), "Error - 0");
    // One that fell while nobody could see it is beyond its threshold since it was seen.
    let blind = cards()
        .asks(1, &[row("Book", 9.0)])
        .fails(12)
        .asks(1, &[row("Book", 9.0)]);
    assert_eq!(
        (blind.says().as_str(), blind.since()),
        ("Pending error 0", Some(at(840)))
    );
}

#[test]
fn a_gap_of_up_to_three_intervals_is_none() {
    let pending = cards().asks(5, &[row("Book", 9.0)]);
    let short = pending.clone().fails(2).asks(4, &[row("Book", 9.0)]);
    assert_eq!(short.says(), "Firing error 1");
    let late = pending.turn(181, vec![row("Book", 9.0)]).asks(3, &[row("Book", 9.0)]);
    assert_eq!((late.says().as_str(), late.since()), ("Pending error 0", Some(at(481))));
}

#[test]
fn what_fires_outlasts_a_gap_until_it_is_seen_to_be_clear() {
    let gap = cards()
        .asks(11, &[row("Book", 9.0)])
        .turn(36_000, vec![row("Book", 12.0)]);
    assert_eq!(gap.says(), "Held error 1");
    // What was clear before the gap does not count.
    let held = cards().asks(11, &[row("Book", 9.0)]).asks(20, &[row("Book", 12.0)]);
    let held = held.turn(3_600, vec![row("Book", 12.0)]).asks(29, &[row("Book", 12.0)]);
    assert_eq!(held.says(), "Held error 1");
    assert_eq!(held.asks(1, &[row("Book", 12.0)]).says(), "Inactive - 0");
}

#[test]
fn after_a_restart_the_status_is_what_is_known() {
    let firing = cards().asks(11, &[row("Book", 9.0)]).restarts(30);
    assert_eq!(
        (firing.says().as_str(), firing.since()),
        ("Firing error 1", Some(at(660)))
    );
    let again = firing.asks(1, &[row("Book", 9.0)]);
    assert_eq!(
        (again.history(), again.since()),
        (vec!["Fired error 1".to_owned()], Some(at(660)))
    );
    let clear = again.restarts(86_400).asks(31, &[row("Book", 50.0)]);
    assert_eq!(clear.says(), "Inactive - 0");
}

#[test]
fn a_restart_forgets_no_milder_level() {
    let case = cards()
        .asks(11, &[row("Book", 0.0)])
        .restarts(30)
        .asks(31, &[row("Book", 5.0)]);
    assert_eq!(case.says(), "Firing error 1");
}

#[test]
fn what_is_pending_outlasts_a_short_restart_and_no_long_one() {
    let pending = cards().asks(5, &[row("Book", 9.0)]);
    assert_eq!(pending.status.seen_time, Some(at(300 - 60)));
    let soon = pending.clone().restarts(20).turn(60, vec![row("Book", 9.0)]);
    assert_eq!(soon.since(), Some(at(60)));
    let late = pending.restarts(240).turn(60, vec![row("Book", 9.0)]);
    assert_eq!(late.since(), Some(at(600)));
}

#[test]
fn another_source_begins_what_is_pending_anew_and_no_other_edit_does() {
    let pending = cards().asks(5, &[row("Book", 9.0)]);
    let milder = pending.clone().edited(|spec| spec["condition"]["for"] = json!("6m"));
    let milder = milder.asks(2, &[row("Book", 9.0)]);
    assert_eq!(
        (milder.says().as_str(), milder.since()),
        ("Firing error 1", Some(at(420)))
    );
    let source = |spec: &mut serde_json::Value| spec["source"]["sql"]["query"] = json!("select 1");
    let other = pending.clone().edited(source).asks(1, &[row("Book", 9.0)]);
    assert_eq!(
        (other.says().as_str(), other.since()),
        ("Pending error 0", Some(at(360)))
    );
    // Also while nobody was there to see it.
    let unseen = pending.edited(source).restarts(10).turn(60, vec![row("Book", 9.0)]);
    assert_eq!(unseen.since(), Some(at(370)));
    let firing = cards()
        .asks(11, &[row("Book", 9.0)])
        .edited(source)
        .asks(1, &[row("Book", 9.0)]);
    assert_eq!(
        (firing.says().as_str(), firing.since()),
        ("Firing error 1", Some(at(660)))
    );
}

#[test]
fn a_series_that_is_missing_for_three_turns_is_gone_and_one_that_is_null_is_not() {
    let two = cards().asks(11, &[row("Book", 9.0), row("Tea", 50.0)]);
    let missing = two.clone().asks(2, &[row("Tea", 50.0)]);
    assert_eq!(missing.says(), "Firing error 1");
    let gone = missing.asks(1, &[row("Tea", 50.0)]);
    assert_eq!(
        (gone.says().as_str(), gone.history()[1].as_str()),
        ("Inactive - 0", "SeriesGone error 1")
    );
    assert_eq!(
        two.clone().asks(50, &[null("Book"), row("Tea", 50.0)]).says(),
        "Firing error 1"
    );
    // Turns that fail do not count, and where nothing comes back nothing is gone.
    assert_eq!(
        two.clone().asks(2, &[row("Tea", 50.0)]).fails(9).says(),
        "Firing error 1"
    );
    assert_eq!(two.asks(50, &[]).says(), "Firing error 1");
}

#[test]
fn what_is_no_number_is_no_data() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(cards().asks(60, &[row("Book", value)]).says(), "NoData - 0", "{value}");
    }
    assert_eq!(cards().asks(60, &[null("Book")]).says(), "NoData - 0");
}

#[test]
fn too_few_samples_are_no_data() {
    let case = changed(|spec| spec["condition"]["minSamples"] = json!(20));
    let with = |samples| super::super::Row {
        samples,
        ..row("Book", 0.0)
    };
    assert_eq!(case.clone().asks(11, &[with(Some(19.0))]).says(), "NoData - 0");
    assert_eq!(case.clone().asks(11, &[with(None)]).says(), "NoData - 0");
    assert_eq!(case.asks(11, &[with(Some(20.0))]).says(), "Firing critical 1");
}

#[test]
fn thresholds_come_from_the_row_and_a_null_is_no_level() {
    let case = changed(|spec| {
        spec["condition"]["levels"] =
            json!({ "warning": { "thresholdFrom": "low" }, "critical": { "thresholdFrom": "none" } });
    });
    let with = |value, thresholds: &[(&str, f64)]| super::super::Row {
        thresholds: thresholds
            .iter()
            .map(|(column, value)| ((*column).to_owned(), *value))
            .collect(),
        ..row("Book", value)
    };
    let low = case.clone().asks(11, &[with(4.0, &[("low", 5.0)])]);
    assert_eq!(
        (low.says().as_str(), low.status.threshold.as_deref()),
        ("Firing warning 1", Some("5"))
    );
    assert_eq!(
        case.clone()
            .asks(11, &[with(4.0, &[("low", 5.0), ("none", 5.0)])])
            .says(),
        "Firing critical 1"
    );
    assert_eq!(case.asks(11, &[with(4.0, &[])]).says(), "Inactive - 0");
}

#[test]
fn the_severity_of_a_row_is_that_of_its_level() {
    let case = changed(|spec| spec["condition"]["levels"] = json!({ "warning": { "threshold": "10" } }));
    let with = |severity: Option<&str>| super::super::Row {
        severity: severity.map(str::to_owned),
        ..row("Book", 0.0)
    };
    for (severity, expected) in [
        (None, "Firing warning 1"),
        (Some("critical"), "Firing critical 1"),
        (Some("info"), "Firing info 1"),
    ] {
        assert_eq!(case.clone().asks(11, &[with(severity)]).says(), expected);
    }
    let unknown = case.asks(1, &[with(Some("grave"))]);
    assert_eq!(unknown.conditions()[0], "Ready=False/QueryInvalid");
    let several = cards().asks(1, &[with(Some("info"))]);
    assert_eq!(several.conditions()[0], "Ready=False/QueryInvalid");
}

#[test]
fn rows_that_can_not_be_told_apart_are_refused_and_more_than_fifty_evaluate_nothing() {
    let twice = cards()
        .asks(11, &[row("Book", 0.0)])
        .asks(1, &[row("Book", 50.0), row("Book", 60.0)]);
    assert_eq!(
        (twice.conditions()[0].as_str(), twice.says().as_str()),
        ("Ready=False/QueryInvalid", "Firing critical 1")
    );
    let many: Vec<_> = (0..51).map(|number| row(&number.to_string(), 0.0)).collect();
    let case = cards().asks(11, &many);
    assert_eq!(
        (case.conditions()[0].as_str(), case.says().as_str()),
        ("Ready=False/TooManySeries", "Error - 0")
    );
    assert_eq!(cards().asks(11, &many[1..]).says(), "Firing critical 50");
}

#[test]
fn three_firings_within_an_hour_are_flapping_and_are_told_once() {
    let mut case = changed(|spec| {
        spec["condition"]["for"] = json!("0s");
        spec["condition"]["keepFiringFor"] = json!("0s");
    });
    for _ in 0..3 {
        case = case.asks(1, &[row("Book", 9.0)]).asks(1, &[row("Book", 50.0)]);
    }
    let flapping = ["Fired", "Resolved", "Fired", "Resolved", "Fired"].map(|what| format!("{what} error 1"));
    assert_eq!(
        (case.says().as_str(), case.history()),
        ("Held error 1", flapping.to_vec())
    );
    assert!(
        case.conditions().contains(&"Firing=True/Flapping".to_owned()),
        "{:?}",
        case.conditions()
    );
    for _ in 0..20 {
        case = case.asks(1, &[row("Book", 9.0)]).asks(1, &[row("Book", 50.0)]);
    }
    assert_eq!(case.history(), flapping);
    // Also after a restart.
    let case = case.restarts(5).asks(29, &[row("Book", 50.0)]);
    assert_eq!(case.says(), "Held error 1");
    let case = case.asks(1, &[row("Book", 50.0)]);
    assert_eq!((case.says().as_str(), case.history().len()), ("Inactive - 0", 6));
}

#[test]
fn three_firings_in_more_than_an_hour_are_three() {
    let mut case = changed(|spec| {
        spec["condition"]["for"] = json!("0s");
        spec["condition"]["keepFiringFor"] = json!("0s");
    });
    for _ in 0..3 {
        case = case.asks(1, &[row("Book", 9.0)]).asks(30, &[row("Book", 50.0)]);
    }
    assert_eq!((case.says().as_str(), case.history().len()), ("Inactive - 0", 6));
}

#[test]
fn a_refused_right_is_believed_at_the_third_turn() {
    let refused = Err(super::super::Cause::new(
        ace_api::AlertRuleReason::AccessMissing,
        "not allowed",
    ));
    let mut case = cards().asks(1, &[row("Book", 50.0)]);
    for expected in [
        "Ready=True/Evaluated",
        "Ready=True/Evaluated",
        "Ready=False/AccessMissing",
    ] {
        case = case.answers(60, &refused);
        assert_eq!(case.conditions()[0], expected);
    }
    assert_eq!(case.answers(60, &failed()).conditions()[0], "Ready=False/QueryFailed");
}

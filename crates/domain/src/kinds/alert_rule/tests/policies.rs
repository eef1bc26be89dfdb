use serde_json::json;

use super::fixture::{Case, cards, changed, null, row};

/// Within no time and without being held, with this policy.
fn with(policy: &str, then: &str) -> Case {
    changed(|spec| {
        spec["condition"]["for"] = json!("0s");
        spec["condition"]["keepFiringFor"] = json!("0s");
        spec["condition"][policy] = json!({ "after": "15m", "then": then });
    })
}

#[test]
fn while_nothing_comes_back_it_stays_as_it_was_or_is_resolved_or_fires() {
    for (then, firing, quiet) in [
        ("Keep", "Firing error 1", "NoData - 0"),
        ("Resolve", "NoData - 0", "NoData - 0"),
        ("Fire", "Firing critical 2", "Firing critical 1"),
    ] {
        let case = with("noData", then);
        let fired = case.clone().asks(1, &[row("Book", 9.0)]);
        let before = fired.clone().asks(14, &[]);
        assert_eq!(before.says(), "Firing error 1", "{then}");
        assert_eq!(before.asks(2, &[]).says(), firing, "{then}");
        assert_eq!(case.asks(1, &[row("Book", 50.0)]).asks(16, &[]).says(), quiet, "{then}");
        // A null is no more.
        assert_eq!(fired.asks(16, &[null("Book")]).says(), firing, "{then}");
    }
}

#[test]
fn what_fired_for_want_of_data_is_resolved_by_data_and_by_no_error() {
    let case = with("noData", "Fire").asks(16, &[]);
    assert_eq!(case.says(), "Firing critical 1");
    assert!(case.conditions().contains(&"Firing=True/NoData".to_owned()));
    let case = case.fails(60).restarts(60).fails(1);
    assert_eq!(case.says(), "Firing critical 1");
    let case = case.asks(1, &[row("Book", 50.0)]);
    assert_eq!(
        (case.says().as_str(), case.history()),
        (
            "Inactive - 0",
            ["Fired critical 1", "Resolved critical 1"].map(str::to_owned).to_vec()
        )
    );
}

#[test]
fn what_can_not_be_asked_fires_where_the_rule_says_so_and_ends_with_an_answer() {
    assert_eq!(with("error", "Keep").fails(60).says(), "Error - 0");
    let case = with("error", "Fire").asks(1, &[row("Book", 50.0)]).fails(15);
    assert_eq!(case.says(), "Error - 0");
    let case = case.fails(1);
    assert_eq!(case.says(), "Firing critical 1");
    assert!(case.conditions().contains(&"Firing=True/Error".to_owned()));
    // The other policy's alert is not this one's.
    let case = case.restarts(10).fails(3);
    assert_eq!((case.says().as_str(), case.history().len()), ("Firing critical 1", 1));
    assert_eq!(case.asks(1, &[]).says(), "NoData - 0");
}

#[test]
fn a_series_without_data_is_resolved_alone() {
    let case = with("noData", "Resolve").asks(1, &[row("Book", 9.0), row("Tea", 9.0)]);
    let case = case.asks(15, &[null("Book"), row("Tea", 9.0)]);
    assert_eq!(case.says(), "Firing error 1");
    assert_eq!(case.status.alerts[0].labels["brand"], "Tea");
}

#[test]
fn a_rule_without_a_condition_only_measures() {
    let firing = cards().asks(11, &[row("Book", 0.0)]);
    let case = firing.edited(|spec| spec["condition"] = serde_json::Value::Null);
    let case = case.asks(1, &[row("Book", 0.0)]);
    assert_eq!(
        (case.says().as_str(), case.history()[1].as_str()),
        ("Measured - 0", "Resolved critical 1")
    );
    assert!(case.conditions().contains(&"Firing=False/Measured".to_owned()));
    assert_eq!(
        case.record
            .values()
            .filter_map(|series| series.value)
            .collect::<Vec<_>>(),
        [0.0]
    );
}

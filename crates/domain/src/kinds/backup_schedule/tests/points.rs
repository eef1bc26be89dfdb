use jiff::Timestamp;
use serde_json::json;

use super::super::{Kind, Phase, PlatformState, measured};
use super::fixture::{Case, changed, time};
use crate::{
    kinds::platform::{Points, Window},
    reconcile::{
        dependency::Dependency, fixture::does_not_differ_when_only_the_clock_moved, key::Key, kind::Kind as _,
    },
};

/// A nightly schedule that counts what the platform keeps; its own backup of 21 November is complete.
fn counting(rpo: &str) -> Case {
    let case = changed(|spec| {
        spec["objective"] = json!({ "rpo": rpo, "countPlatform": true });
    });
    case.first_night()
}

fn pitr(latest: &str) -> Points {
    Points {
        pitr: Some(Window {
            earliest: Some(time("2026-11-14T09:00:00Z")),
            latest: Some(time(latest)),
        }),
        daily: Vec::new(),
    }
}

fn daily(newest: &str) -> Points {
    Points {
        pitr: None,
        daily: vec![time(newest), time("2026-11-19T03:00:00Z")],
    }
}

impl Case {
    fn has(self, points: Points) -> Self {
        self.platform(|platform| platform.points = Some(Ok(points)))
    }
}

#[test]
fn the_window_of_the_platform_is_a_point_with_an_age_that_is_shown_by_the_hour() {
    let case = counting("15m")
        .has(pitr("2026-11-21T08:58:10Z"))
        .at("2026-11-21T09:00:00Z");
    assert_eq!(
        case.says(),
        "Ready=True/Scheduled Fresh=True/WithinObjective Verified=True/Archive"
    );
    let point = case.status().newest_point.unwrap();
    assert_eq!(
        (point.time, point.from.as_str(), point.bytes),
        (time("2026-11-21T08:00:00Z"), "PITR", None)
    );
    assert_eq!(case.message("Fresh"), "newest point 2026-11-21T08:00:00Z");
    assert_eq!(case.next(), "at 2026-11-21T09:13:10Z", "by its exact time");
    // Five minutes later it has moved on, and the status has not.
    let before = case.status();
    let case = case.ends().has(pitr("2026-11-21T08:59:50Z")).at("2026-11-21T09:05:00Z");
    assert_eq!(case.status(), before);
    let mut same = case.clone();
    let decision = same.decide();
    does_not_differ_when_only_the_clock_moved::<Kind>(&same.object, &mut same.state, &decision, same.now);
    // It stands still: that is told, and looked at again at the Platform's interval.
    let case = case.at("2026-11-21T09:14:50Z");
    assert_eq!(
        case.says(),
        "Ready=False/Stale Stalled=True/Stale Fresh=False/Exceeded Verified=True/Archive"
    );
    assert_eq!(case.next(), "at 2026-11-21T09:19:50Z");
    assert_eq!(
        case.has(pitr("2026-11-21T09:18:00Z"))
            .at("2026-11-21T09:19:50Z")
            .message("Fresh"),
        "newest point 2026-11-21T09:00:00Z"
    );
}

#[test]
fn the_newest_of_all_points_counts_and_where_it_is_from_is_said() {
    let from = |points: Points, now: &str| {
        let case = counting("26h").has(points).at(now);
        case.status().newest_point.unwrap().from
    };
    assert_eq!(
        from(pitr("2026-11-21T00:58:00Z"), "2026-11-21T01:01:00Z"),
        "nightly-202611210100"
    );
    assert_eq!(from(daily("2026-11-21T03:00:00Z"), "2026-11-21T04:00:00Z"), "Daily");
    assert_eq!(
        from(daily("2026-11-20T03:00:00Z"), "2026-11-21T04:00:00Z"),
        "nightly-202611210100"
    );
    // Where it does not count, it is none.
    let mut case = counting("26h").has(pitr("2026-11-21T08:58:00Z"));
    case.object.spec.objective.count_platform = false;
    assert_eq!(
        case.at("2026-11-21T09:00:00Z").status().newest_point.unwrap().from,
        "nightly-202611210100"
    );
}

#[test]
fn an_objective_of_minutes_without_point_in_time_recovery_is_said_to_be_out_of_reach_at_once() {
    let unreachable = |points: Points| {
        let case = counting("15m").has(points).at("2026-11-21T01:01:00Z");
        assert!(
            case.says()
                .starts_with("Ready=False/ObjectiveUnreachable Stalled=True/ObjectiveUnreachable Fresh=True/"),
            "{}",
            case.says()
        );
        case.message("Stalled")
    };
    assert_eq!(
        unreachable(daily("2026-11-20T03:00:00Z")),
        "`objective.rpo` is 15m, and up to 25h lie between two slots of `0 2 * * *`, and a backup takes 9s; the platform has no point-in-time recovery, and a backup a day: write '27h5m' or more, or a `schedule` with more slots, such as '*/5 * * * *', or point-in-time recovery enabled for the project"
    );
    assert!(
        unreachable(Points::default())
            .contains("; the platform has neither point-in-time recovery nor a daily backup: write '27h6m' or more")
    );
    // Not yet asked: nothing is said of what may be there.
    let case = counting("15m").at("2026-11-21T01:01:00Z");
    assert!(
        case.says().starts_with("Ready=True/Scheduled Fresh=True/"),
        "{}",
        case.says()
    );
}

#[test]
fn point_in_time_recovery_reaches_as_far_as_the_platform_is_asked() {
    let says = |rpo: &str, points: Points| {
        let case = counting(rpo).has(points).at("2026-11-21T01:01:00Z");
        let says = case.says();
        (says.split(' ').next().unwrap().to_owned(), case.message("Ready"))
    };
    assert_eq!(says("8m", pitr("2026-11-21T00:59:00Z")).0, "Ready=True/Scheduled");
    let (ready, message) = says("7m", pitr("2026-11-21T00:59:00Z"));
    assert_eq!(ready, "Ready=False/ObjectiveUnreachable");
    assert!(
        message.contains("as old as the Platform's `interval`: write '8m' or more"),
        "{message}"
    );
    // A backup a day of the platform's is a day's objective, and no less.
    assert_eq!(says("25h1m", daily("2026-11-21T00:30:00Z")).0, "Ready=True/Scheduled");
    assert_eq!(
        says("24h", daily("2026-11-21T00:30:00Z")).0,
        "Ready=False/ObjectiveUnreachable"
    );
}

#[test]
fn a_platform_that_does_not_say_what_it_keeps_is_told_with_what_to_do() {
    let refused = |rpo: &str| {
        let case = counting(rpo).platform(|platform| platform.points = Some(Err("forbidden".to_owned())));
        case.at("2026-11-21T01:01:00Z")
    };
    assert_eq!(
        refused("15m").message("Stalled"),
        "`objective.countPlatform` is true, and Platform `prod` can't list the platform's backups (forbidden): give its token the permission to read backups, or remove `countPlatform`"
    );
    assert!(refused("15m").says().starts_with("Ready=False/AccessMissing"));
    assert!(
        refused("26h").says().starts_with("Ready=True/Scheduled"),
        "its own backups are enough"
    );
}

#[test]
fn where_the_platform_counts_its_own_backups_are_verified_by_their_own_slots() {
    let case = counting("15m")
        .has(pitr("2026-11-22T01:58:00Z"))
        .at("2026-11-22T01:00:00Z")
        .acts()
        .ends();
    // The one of this night is being made for an hour.
    let case = case.at("2026-11-22T02:00:00Z");
    assert!(
        case.says().contains("Fresh=True/WithinObjective Verified=True/Archive"),
        "{}",
        case.says()
    );
    let case = case.has(pitr("2026-11-22T04:59:00Z")).at("2026-11-22T05:00:00Z");
    assert!(
        case.says().contains("Fresh=True/WithinObjective Verified=False/Stale"),
        "{}",
        case.says()
    );
    assert_eq!(
        case.message("Verified"),
        "nightly-202611210100 is the newest backup that passed `Archive`, and by the slots it should be at most 27h6m old"
    );
}

#[test]
fn only_a_schedule_that_counts_them_depends_on_the_points_and_asks_for_them() {
    let platform = Key::beside(&counting("26h").object, "prod");
    let points = Dependency::Points(platform.clone());
    let asks = |object: &ace_api::BackupSchedule| {
        let facts = Kind::facts(object);
        facts
            .iter()
            .any(|(dependency, _)| *dependency == Dependency::PointsCount(platform.clone()))
    };
    let mut object = counting("26h").object;
    assert!(Kind::references(&object).contains(&points) && asks(&object));
    object.spec.objective.count_platform = false;
    assert!(!Kind::references(&object).contains(&points) && !asks(&object));
    let absent = counting("26h");
    let mut absent = absent.has(pitr("2026-11-21T08:58:00Z"));
    absent.state.platform = PlatformState::Absent;
    assert_eq!(
        absent
            .status()
            .newest_point
            .map(|point: ace_api::RecoveryPoint| point.from),
        Some("nightly-202611210100".to_owned())
    );
}

#[test]
fn what_a_status_has_rounded_may_be_as_new_as_the_end_of_its_hour() {
    let points = pitr("2026-11-21T08:58:10Z");
    let shown = points.shown();
    assert_eq!(shown.pitr.latest, Some(time("2026-11-21T08:00:00Z")));
    assert_eq!(
        Points::of(&shown).newest(),
        Some((time("2026-11-21T09:00:00Z"), "PITR"))
    );
    let shown = daily("2026-11-21T03:59:59Z").shown();
    assert_eq!(
        (shown.pitr.enabled, shown.daily.count, shown.daily.newest),
        (false, 2, Some(time("2026-11-21T03:00:00Z")))
    );
    assert_eq!(Points::of(&shown).newest().map(|(_, from)| from), Some("Daily"));
    assert_eq!(Points::default().newest(), None::<(Timestamp, &str)>);
}

#[test]
fn what_is_measured_is_exact_and_of_each_origin() {
    let case = counting("26h")
        .has(pitr("2026-11-21T08:58:10Z"))
        .at("2026-11-21T09:00:00Z");
    let measured = |case: &Case| measured(&case.object, &case.state);
    let found = measured(&case);
    assert_eq!(
        found.points,
        [
            ("dump", time("2026-11-21T01:00:04Z")),
            ("PITR", time("2026-11-21T08:58:10Z"))
        ]
    );
    assert_eq!(
        found.verified,
        [
            ("Bytes", time("2026-11-21T01:00:04Z")),
            ("Archive", time("2026-11-21T01:00:04Z"))
        ]
    );
    assert_eq!(
        (found.bytes, found.missed, found.failures, found.took),
        (Some(241_172_480), 0, 0, None)
    );
    // One that failed counts until the next that is stored.
    let case = case.at("2026-11-22T01:00:00Z").acts().ends();
    let case = case.backup("nightly-202611220100", |backup| backup.phase = Phase::Failed);
    assert_eq!(measured(&case).failures, 1);
    let case = case.at("2026-11-23T01:00:00Z").acts().ends();
    let case = case.completes("nightly-202611230100", "2026-11-23T01:00:04Z");
    assert_eq!(measured(&case).failures, 0);
}

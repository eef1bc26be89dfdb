use crate::platform::state::{BackupPlan, Backups};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Noon of a day.
const NOW: i64 = 20_000 * DAY + 12 * HOUR;

#[test]
fn a_new_project_has_no_backup_and_one_of_some_age_one_a_day_at_three_for_a_week() {
    let none = Backups {
        pitr: false,
        daily: Vec::new(),
        physical: None,
    };
    assert_eq!(BackupPlan::default().at(NOW, NOW), none);
    let times = |created: i64, now: i64| -> Vec<i64> {
        let daily = BackupPlan::default().at(created, now).daily;
        daily.into_iter().map(|(_, time)| (time - now) / HOUR).collect()
    };
    assert_eq!(
        times(NOW - 9 * HOUR, NOW),
        [] as [i64; 0],
        "created as the last one was made"
    );
    assert_eq!(times(NOW - 9 * HOUR - 1, NOW), [-9]);
    assert_eq!(times(0, NOW), [-9, -33, -57, -81, -105, -129, -153]);
    assert_eq!(times(0, NOW - 9 * HOUR).len(), 7);
    let same: Vec<(i64, i64)> = BackupPlan::default().at(0, NOW).daily;
    assert_eq!(BackupPlan::default().at(0, NOW + HOUR).daily, same, "ids stay");
}

#[test]
fn point_in_time_recovery_has_a_window_that_ends_a_moment_ago_and_no_daily_backups() {
    let plan = BackupPlan {
        pitr: true,
        ..BackupPlan::default()
    };
    let window = |created| {
        plan.at(created, NOW)
            .physical
            .map(|(first, last)| (NOW - first, NOW - last))
    };
    assert_eq!((window(0), plan.at(0, NOW).daily.len()), (Some((7 * DAY, 120_000)), 0));
    assert_eq!(window(NOW - HOUR), Some((HOUR, 120_000)));
    assert_eq!(window(NOW), None, "nothing was shipped yet");
}

use ace_api::{BackupClass, BackupReason, Retention};

use super::super::{Decision, Known, Phase, Step};
use super::fixture::{Case, DAY, HOUR, nightly, time};
use crate::reconcile::decision::Requeue;

/// One complete backup each night, the last one of 23 November, of which only the last few are kept.
fn nights(count: i32, last: i32) -> Case {
    let newest = time("2026-11-23T01:00:04Z");
    let mut case = nightly();
    case.object.spec.retention = Retention {
        last,
        daily: 0,
        weekly: 0,
        monthly: 0,
        yearly: 0,
        min_verified: 1,
        ..Retention::default()
    };
    case.state.memo.next_time = Some(time("2026-11-24T01:00:00Z"));
    for back in (0..count).rev() {
        let point = newest - DAY * back;
        let name = format!("nightly-{}", crate::reconcile::schedule::stamp(point));
        case = case.with(&name, point, BackupClass::Scheduled);
    }
    case.at("2026-11-23T09:00:00Z")
}

#[test]
fn a_backup_expires_in_two_steps_and_is_deleted_only_once_its_data_is_guarded() {
    let case = nights(4, 3);
    let (case, steps) = case.acts_to_the_end();
    assert_eq!(steps, ["expire nightly-202611200100"]);
    assert_eq!(
        case.next(),
        "at 2026-11-24T01:00:00Z",
        "the object would go without its data"
    );
    let status = case.status().retention.unwrap();
    assert_eq!(
        (status.keep, status.expiring, status.held, status.blocked),
        (3, 1, 0, None)
    );
    let case = case
        .ends()
        .backup("nightly-202611200100", |backup| backup.is_guarded = true);
    let (case, steps) = case.at("2026-11-23T09:00:05Z").acts_to_the_end();
    assert_eq!(steps, ["delete nightly-202611200100"]);
    assert_eq!(case.next(), "at 2026-11-24T01:00:00Z", "and not again while it goes");
}

#[test]
fn one_that_is_held_after_it_was_found_to_expire_is_not_deleted() {
    let (case, _) = nights(4, 3).acts_to_the_end();
    let case = case.backup("nightly-202611200100", |backup| {
        backup.is_guarded = true;
        backup.is_held = true;
    });
    let (case, steps) = case.at("2026-11-23T09:00:05Z").acts_to_the_end();
    assert_eq!(steps, Vec::<String>::new());
    assert_eq!(case.status().retention.unwrap().held, 1);
}

#[test]
fn many_at_once_wait_until_a_person_agrees_to_what_was_shown() {
    let case = nights(40, 3);
    let (case, steps) = case.acts_to_the_end();
    assert_eq!(steps, Vec::<String>::new());
    let blocked = "37 of 40 backups would expire at once: to agree to that, change the annotation `ops.mobulace.com/reconcile-at`";
    assert_eq!(case.status().retention.unwrap().blocked.as_deref(), Some(blocked));
    // Asked before it was shown, nobody has agreed to it.
    let (asked, steps) = nights(40, 3).asked("1").acts_to_the_end();
    assert_eq!(steps, Vec::<String>::new());
    assert_eq!(
        asked.ends().at("2026-11-23T09:00:05Z").acts_to_the_end().1,
        Vec::<String>::new()
    );
    // Nor has who saw that nothing passed.
    let mut unproved = nights(40, 3);
    for backup in &mut unproved.state.backups {
        backup.level = None;
    }
    let mut proved = unproved.ends().asked("1");
    proved.state.backups = nights(40, 3).state.backups;
    assert_eq!(
        proved.at("2026-11-23T09:00:05Z").acts_to_the_end().1,
        Vec::<String>::new()
    );
    let (case, steps) = case.ends().asked("1").at("2026-11-23T09:00:05Z").acts_to_the_end();
    assert_eq!((steps.len(), steps[0].as_str()), (37, "expire nightly-202610150100"));
    let status = case.status();
    assert_eq!(status.common.last_handled_reconcile_at.as_deref(), Some("1"));
    assert_eq!(status.retention.unwrap().blocked, None);
}

#[test]
fn what_was_agreed_to_is_done_over_several_passes_where_it_is_more_than_one_can() {
    let case = nights(150, 3).ends().asked("1").at("2026-11-23T09:00:05Z");
    let (case, steps) = case.acts_to_the_end();
    assert_eq!(steps.len(), 64);
    assert!(
        matches!(
            case.decide(),
            Decision::Settled(Requeue::After(std::time::Duration::ZERO))
        ),
        "{:?}",
        case.decide()
    );
    assert_eq!(case.status().common.last_handled_reconcile_at, None);
    let (case, steps) = case.ends().at("2026-11-23T09:00:06Z").acts_to_the_end();
    assert_eq!(steps.len(), 64);
    let (case, steps) = case.ends().at("2026-11-23T09:00:07Z").acts_to_the_end();
    assert_eq!(
        (steps.len(), case.status().common.last_handled_reconcile_at.as_deref()),
        (19, Some("1"))
    );
}

#[test]
fn ninety_days_of_failures_a_stopped_schedule_and_a_jumping_clock_expire_nothing() {
    let mut case = nights(3, 3);
    case.object.spec.retention.pre_migration_days = 30;
    let before = time("2026-10-25T12:00:00Z");
    let case = case.with("before-drop", before, BackupClass::PreMigration);
    let untouched = |case: Case| {
        let (case, steps) = case.acts_to_the_end();
        let gone: Vec<&String> = steps.iter().filter(|step| step.starts_with("expire")).collect();
        assert!(gone.is_empty(), "{gone:?}");
        case.ends()
    };
    let mut case = untouched(case.at("2026-11-23T09:00:00Z"));
    for night in 1..=90_i32 {
        let now = time("2026-11-23T01:00:00Z") + DAY * night;
        case = case.at(&now.to_string());
        case = untouched(case);
        for backup in case
            .state
            .backups
            .iter_mut()
            .filter(|backup| backup.phase == Phase::Running)
        {
            fail(backup);
        }
        case = untouched(case.at(&(now + HOUR).to_string()));
    }
    // Nobody looks for ten years; and the clock was wrong by as much.
    for now in ["2037-02-21T09:00:00Z", "2026-11-01T09:00:00Z", "2037-02-21T09:00:00Z"] {
        case = untouched(case.suspended(true).at(now));
        case = untouched(case.suspended(false).at(now));
    }
    assert!(
        case.state
            .backups
            .iter()
            .any(|backup| backup.name == "before-drop" && !backup.is_expiring)
    );
}

fn fail(backup: &mut Known) {
    backup.phase = Phase::Failed;
    backup.said = Some((BackupReason::Failed, "no connection".to_owned()));
}

#[test]
fn failed_ones_are_kept_for_their_messages_up_to_a_limit() {
    let mut case = nights(1, 3);
    for number in 0..8 {
        let name = format!("nightly-20261110010{number}");
        let mut failed = Known::made(
            &name,
            format!("uid of {name}"),
            time("2026-11-10T01:00:00Z") + HOUR * number,
        );
        fail(&mut failed);
        failed.is_held = number == 0;
        case.state.backups.push(failed);
    }
    let (case, steps) = case.at("2026-11-23T09:00:00Z").acts_to_the_end();
    assert_eq!(steps, ["delete nightly-202611100101", "delete nightly-202611100102"]);
    assert_eq!(
        case.state
            .backups
            .iter()
            .filter(|backup| backup.phase == Phase::Failed && !backup.is_leaving)
            .count(),
        6
    );
}

#[test]
fn nothing_expires_while_it_is_suspended_or_nothing_passed() {
    let (case, steps) = nights(4, 3)
        .suspended(true)
        .at("2026-11-23T09:00:00Z")
        .acts_to_the_end();
    assert_eq!(steps, Vec::<String>::new());
    let mut case = case.suspended(false);
    for backup in &mut case.state.backups {
        backup.level = None;
    }
    let (case, steps) = case.at("2026-11-23T09:00:00Z").acts_to_the_end();
    assert_eq!(steps, Vec::<String>::new());
    let blocked = case.status().retention.unwrap().blocked;
    assert_eq!(
        blocked.as_deref(),
        Some("no backup passed `Archive`: none expires before one does")
    );
}

#[test]
fn what_waits_for_a_backup_keeps_it() {
    let mut case = nights(4, 3);
    case.state.needed = [("nightly-202611200100".to_owned(), "Restore bring-back".to_owned())].into();
    assert_eq!(
        case.at("2026-11-23T09:00:00Z").acts_to_the_end().1,
        Vec::<String>::new()
    );
}

#[test]
fn the_next_to_expire_is_told_with_the_slot_whose_backup_takes_its_place() {
    let next = nights(3, 3).status().retention.unwrap().next.unwrap();
    assert_eq!(
        (next.name.as_str(), next.time),
        ("nightly-202611210100", time("2026-11-24T01:00:00Z"))
    );
    assert_eq!(nights(3, 100).status().retention.unwrap().next, None);
}

#[test]
fn a_step_names_the_object_and_not_only_its_name() {
    let Decision::Do(Step::Expire(victim)) = nights(4, 3).decide() else {
        panic!("nothing expires");
    };
    assert_eq!(victim.uid, "uid of nightly-202611200100");
}

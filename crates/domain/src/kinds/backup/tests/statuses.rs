use ace_api::{Backup, BackupProgress, BackupStep, CopyState};
use serde_json::json;

use super::{
    super::{Cause, Inputs, Job, Kind, Task},
    fixture::{new, path},
};
use crate::reconcile::fixture::{does_not_differ_when_only_the_clock_moved, is_not_finished_when_new, message};

#[test]
fn a_new_object_is_not_taken_for_a_complete_one() {
    is_not_finished_when_new::<Kind>(&new().object);
}

#[test]
fn a_status_does_not_differ_when_only_the_clock_moved() {
    for case in [new(), new().starts(), new().made(), new().complete()] {
        let (object, mut state, decision) = (case.object.clone(), case.state.clone(), case.decide());
        let now = crate::reconcile::fixture::at(0);
        does_not_differ_when_only_the_clock_moved::<Kind>(&object, &mut state, &decision, now);
    }
}

#[test]
fn a_complete_backup_says_how_large_it_is_where_it_is_and_what_was_proved() {
    let case = new().verified().starts();
    assert_eq!(
        message(&case.status(), "Ready"),
        "241 MB, 132 tables, in 1 of 2 places, verified to Archive"
    );
    let status = new().complete().status();
    assert_eq!(status.copies_complete.as_deref(), Some("2/2"));
    let copies: Vec<_> = status
        .copies
        .iter()
        .map(|copy| (copy.destination.as_str(), copy.state))
        .collect();
    assert_eq!(
        copies,
        [("primary", CopyState::Complete), ("second", CopyState::Complete)]
    );
    assert_eq!(status.copies[1].path, Some(path("7c1e")));
    let limited = new().state(|state| {
        let Inputs::Usable(plan) = &mut state.inputs else {
            return;
        };
        plan.unverifiable = Some("to verify more, set `encryption.identitySecretRef`".to_owned());
    });
    assert_eq!(
        message(&limited.complete().status(), "Ready"),
        "241 MB, 132 tables, in 2 of 2 places, verified to Archive; to verify more, set `encryption.identitySecretRef`"
    );
}

#[test]
fn progress_is_shown_while_the_task_runs_and_only_then() {
    const MIB: i64 = 1 << 20;
    let progress = |step, bytes, total, rate| BackupProgress {
        step,
        bytes,
        total,
        bytes_per_second: rate,
    };
    for (shown, says) in [
        (None, "taking a snapshot of the database"),
        (
            Some(progress(BackupStep::Dump, 412 * MIB, Some(890 * MIB), Some(61 * MIB))),
            "dumping the database: 412 of about 890 MiB, 61 MiB/s",
        ),
        (
            Some(progress(BackupStep::Dump, 0, Some(890 * MIB), None)),
            "dumping the database",
        ),
        // Statistics may be behind: a total that is passed is none.
        (
            Some(progress(BackupStep::Dump, 900 * MIB, Some(890 * MIB), None)),
            "dumping the database: 900 MiB",
        ),
        (
            Some(progress(BackupStep::Finish, 0, None, None)),
            "the rows are being proved, and the manifest is written",
        ),
    ] {
        let case = new()
            .starts()
            .state(|state| state.task = Some(Task::Running(Job::Make, shown.clone())));
        let status = case.status();
        assert_eq!((message(&status, "Ready").as_str(), &status.progress), (says, &shown));
    }
    assert_eq!(new().complete().status().progress, None);
}

#[test]
fn a_complete_backup_stays_ready_whatever_becomes_of_its_schedule() {
    let none = Cause::new(ace_api::BackupReason::WaitingForSchedule, "there is none");
    for inputs in [Inputs::Waiting(none.clone()), Inputs::Suspended(none)] {
        let case = new().complete().state(|state| state.inputs = inputs);
        assert_eq!(case.shows(), ["Ready=True/Complete"]);
    }
}

#[test]
fn a_status_that_an_operator_wrote_is_read_back() {
    let status = new().complete().status();
    let object: Backup = serde_json::from_value(json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "Backup", "metadata": {}, "spec": {}, "status": status,
    }))
    .unwrap();
    assert_eq!(object.status, Some(status));
}

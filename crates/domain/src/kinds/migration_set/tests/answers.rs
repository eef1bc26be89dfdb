//! What becomes of a file by the answers of the database, and by who else is there.

use std::time::Duration;

use ace_api::MigrationReason as Reason;

use super::{
    super::{Blocker, Refusal, StepError},
    fixture::pending,
    reasons::{refuses, waits},
    values::{HARMLESS, V3},
};

#[test]
fn what_the_database_says_of_a_file() {
    let refusal = |half| Refusal {
        version: V3.parse().unwrap(),
        half,
        message: "20260103000000_x.sql line 1: column b exists (SQLSTATE 42701); correct the file".to_owned(),
    };
    for (half, reason) in [(false, Reason::MigrationFailed), (true, Reason::HalfApplied)] {
        let mut case = pending(HARMLESS).prepared();
        case.does("Run", Err(StepError::Refused(refusal(half))));
        refuses(&case, reason, &refusal(half).message, Some(300));
        refuses(&case.next_pass(), reason, &refusal(half).message, Some(300));
    }
}

#[test]
fn who_holds_a_lock() {
    let blocker = |pid, application: Option<&str>, age: Option<u64>| Blocker {
        pid,
        application: application.map(str::to_owned),
        age: age.map(Duration::from_secs),
    };
    let many = || {
        vec![
            blocker(17, Some("psql"), Some(61)),
            blocker(18, None, None),
            blocker(19, Some("a"), None),
            blocker(20, Some("b"), None),
        ]
    };
    let ours = || {
        ["ace/main", "payments/secret"]
            .map(|of| blocker(7, Some(&format!("ace-operator/{of}")), None))
            .to_vec()
    };
    for (blockers, who) in [
        (Vec::new(), "another session"),
        (
            many(),
            "pid 17 (psql, in a transaction for 61 s), pid 18 (unnamed), pid 19 (a) and 1 more",
        ),
        (ours(), "pid 7 (ace-operator/ace/main), pid 7 (ace-operator)"),
    ] {
        let mut case = pending(HARMLESS).prepared();
        let version = V3.parse().unwrap();
        case.does("Run", Err(StepError::Blocked { version, blockers }));
        let message = format!("20260103000000 is waiting for a lock held by {who}; retrying");
        waits(&case, Reason::WaitingForLock, &message, Some(1));
    }
}

#[test]
fn who_has_the_lock_now_and_of_other_namespaces_no_name() {
    let session = |name: &str| Blocker {
        pid: 17,
        application: Some(name.to_owned()),
        age: None,
    };
    for (by, who) in [
        (None, "a session that is just ending"),
        (
            Some(session("ace-operator/ace/other")),
            "pid 17 (ace-operator/ace/other)",
        ),
        (Some(session("ace-operator/payments/secret")), "pid 17 (ace-operator)"),
        (
            Some(session("ace-worker/ace/nightly-1")),
            "pid 17 (ace-worker/ace/nightly-1)",
        ),
        (Some(session("ace-worker/payments/secret")), "pid 17 (ace-worker)"),
        (Some(session("supabase/cli")), "pid 17 (supabase/cli)"),
    ] {
        let mut case = pending(HARMLESS);
        case.does("Begin", Err(StepError::Busy(by)));
        let message = format!("another session has the lock of this database, for migrations or a backup: {who}");
        waits(&case, Reason::WaitingForTurn, &message, Some(5));
    }
}

#[test]
fn a_temporary_failure() {
    let mut case = pending(HARMLESS).prepared();
    case.does("Run", Err(StepError::Passing("the session ended".to_owned())));
    waits(&case, Reason::Retrying, "the session ended", Some(0));
}

use serde_json::{Value, json};

use super::{Status, status, turns, violations};

#[test]
fn sound_objects_break_no_rule() {
    let suspended = function(&[
        ("Ready", "False", "Suspended"),
        ("Suspended", "True", "SuspendedByUser"),
        ("Drifted", "Unknown", "NotCompared"),
    ]);
    let unknown = function(&[
        ("Ready", "Unknown", "NotObserved"),
        ("Reconciling", "True", "NotObserved"),
        ("Drifted", "False", "NoDrift"),
    ]);
    let mut platform = function(&[("Ready", "True", "Reachable")]);
    platform["kind"] = json!("Platform");
    let mut deleted = ready();
    deleted["metadata"]["deletionTimestamp"] = json!("2026-11-23T10:00:00Z");
    for object in [
        ready(),
        stalled(),
        reconciling(),
        suspended,
        unknown,
        platform,
        deleted,
        new(),
    ] {
        assert_eq!(violations(&object), Vec::<String>::new(), "{object}");
    }
}

#[test]
fn an_object_whose_status_was_wiped_is_a_new_one() {
    for status in [json!(null), json!({}), json!({ "observedGeneration": -1 })] {
        let mut object = ready();
        object["status"] = status;
        assert_eq!(violations(&object), Vec::<String>::new());
        assert_eq!(turns(&ready(), &object), Vec::<String>::new());
    }
}

#[test]
fn each_rule_is_broken_by_one_change() {
    let cases: Vec<(Value, &str)> = vec![
        (without(ready(), "Ready"), "Ready is not there"),
        (without(ready(), "Drifted"), "Drifted is not there"),
        (
            without(reconciling(), "Reconciling"),
            "Ready is False, and nothing says whether to wait or to act",
        ),
        (
            with(stalled(), "Reconciling", "True", "Retrying"),
            "Reconciling and Stalled are both there",
        ),
        (
            with(ready(), "Reconciling", "True", "Retrying"),
            "Ready is True beside Reconciling or Stalled",
        ),
        (
            with(ready(), "Stalled", "False", "ChecksFailed"),
            "Stalled is there though it is False",
        ),
        (
            set(reconciling(), "Ready", "status", "Unknown", "Reconciling"),
            "Ready is Unknown without Reconciling",
        ),
        (with(ready(), "Ready", "True", "Live"), "Ready is there twice"),
        (
            with(ready(), "Healthy", "True", "Live"),
            "Healthy of EdgeFunction has the unknown reason \"Live\"",
        ),
        (
            set(ready(), "Drifted", "reason", "Error", ""),
            "Drifted of EdgeFunction has the unknown reason \"Error\"",
        ),
        (
            set(ready(), "Drifted", "reason", "Missing", ""),
            "Drifted=False has the reason Missing, which belongs to True: the function that was applied does not exist any more.",
        ),
        (
            set(stalled(), "Stalled", "reason", "Retrying", ""),
            "Stalled=True has the reason Retrying, which belongs to Reconciling: an attempt failed; it is retried with backoff.",
        ),
        (
            set(ready(), "Ready", "reason", "ChecksFailed", ""),
            "Ready=True has the reason ChecksFailed, which belongs to Stalled: checks failed, and there was no proven content to roll back to.",
        ),
        (set(ready(), "Ready", "message", "", ""), "Ready has no message"),
        (
            set(ready(), "Ready", "message", &"x".repeat(1001), ""),
            "message of Ready has 1001 bytes",
        ),
        (
            set(ready(), "Ready", "message", "a\nb", ""),
            "message of Ready is not one line",
        ),
        (
            at(ready(), "/metadata/generation", json!(1)),
            "observedGeneration Some(2) is ahead of Some(1)",
        ),
        (
            at(ready(), "/status/conditions/1/observedGeneration", json!(1)),
            "Drifted describes generation Some(1), status Some(2)",
        ),
    ];
    for (object, says) in cases {
        assert_eq!(violations(&object), [says], "{object}");
    }
}

#[test]
fn a_status_that_grows_without_bound_is_noticed() {
    let mut object = ready();
    object["status"]["history"] = json!("x".repeat(12 * 1024));
    assert_eq!(violations(&object).len(), 1);
}

#[test]
fn a_generation_that_was_not_seen_yet_is_in_progress_and_sound() {
    let object = at(ready(), "/metadata/generation", json!(3));
    assert_eq!(violations(&object), Vec::<String>::new());
    assert_eq!(status(&object), Status::InProgress);
}

#[test]
fn the_operator_owns_status_and_finalizers_only() {
    let owned = |subresource: &str, fields: Value| {
        let mut object = ready();
        object["metadata"]["managedFields"] = json!([
            { "manager": "kubectl", "operation": "Apply", "fieldsV1": { "f:spec": {} } },
            { "manager": "ace-operator/edgefunction", "subresource": subresource, "fieldsV1": fields },
        ]);
        violations(&object)
    };
    assert_eq!(
        owned("status", json!({ "f:status": { "f:url": {} } })),
        Vec::<String>::new()
    );
    assert_eq!(
        owned("", json!({ "f:metadata": { "f:finalizers": {} } })),
        Vec::<String>::new()
    );
    assert_eq!(owned("", json!({ "f:metadata": { "f:labels": {} } })).len(), 1);
    assert_eq!(owned("", json!({ "f:spec": {} })).len(), 1);
    assert_eq!(owned("status", json!({ "f:spec": {}, "f:status": {} })).len(), 1);
    let created = |kind: &str, manager: &str| {
        let entry = json!({ "manager": manager, "operation": "Update", "fieldsV1": { "f:spec": {} } });
        let object =
            json!({ "kind": kind, "metadata": { "managedFields": [entry] }, "status": { "observedGeneration": -1 } });
        violations(&object).len()
    };
    assert_eq!(
        created("Backup", "ace-operator/backupschedule"),
        0,
        "it created this one"
    );
    assert_eq!(created("Backup", "ace-operator/backupdestination"), 0, "and this one");
    assert_eq!(created("Backup", "ace-operator/backup"), 1);
    assert_eq!(created("BackupSchedule", "ace-operator/backupschedule"), 1);
}

#[test]
fn a_clock_alone_moves_nothing_and_generations_do_not_go_back() {
    let later = at(
        ready(),
        "/status/conditions/0/lastTransitionTime",
        json!("2026-11-23T11:00:00Z"),
    );
    assert_eq!(
        turns(&ready(), &later),
        ["lastTransitionTime of Ready moved without its status"]
    );
    assert_eq!(turns(&reconciling(), &later), Vec::<String>::new());
    let back = at(ready(), "/status/observedGeneration", json!(1));
    assert_eq!(
        turns(&ready(), &back),
        ["observedGeneration went back from Some(2) to Some(1)"]
    );
}

#[test]
fn the_status_is_that_of_kstatus() {
    let mut deleted = ready();
    deleted["metadata"]["deletionTimestamp"] = json!("2026-11-23T10:00:00Z");
    for (object, expected) in [
        (ready(), Status::Current),
        (new(), Status::InProgress),
        (reconciling(), Status::InProgress),
        (stalled(), Status::Failed),
        (without(stalled(), "Stalled"), Status::InProgress),
        (deleted, Status::Terminating),
        // Why the definitions give every new object a status.
        (json!({ "metadata": { "generation": 1 } }), Status::Current),
    ] {
        assert_eq!(status(&object), expected, "{object}");
    }
}

fn new() -> Value {
    json!({ "kind": "EdgeFunction", "metadata": { "generation": 1 }, "status": { "observedGeneration": -1 } })
}

fn ready() -> Value {
    function(&[("Ready", "True", "Live"), ("Drifted", "False", "NoDrift")])
}

fn stalled() -> Value {
    function(&[
        ("Ready", "False", "ChecksFailed"),
        ("Stalled", "True", "ChecksFailed"),
        ("Drifted", "False", "NoDrift"),
    ])
}

fn reconciling() -> Value {
    function(&[
        ("Ready", "False", "Retrying"),
        ("Reconciling", "True", "Retrying"),
        ("Drifted", "False", "NoDrift"),
    ])
}

fn function(conditions: &[(&str, &str, &str)]) -> Value {
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|(type_, status, reason)| entry(type_, status, reason))
        .collect();
    json!({
        "kind": "EdgeFunction",
        "metadata": { "generation": 2 },
        "status": { "observedGeneration": 2, "conditions": conditions },
    })
}

fn entry(type_: &str, status: &str, reason: &str) -> Value {
    json!({
        "type": type_, "status": status, "reason": reason, "message": "as it is", "observedGeneration": 2,
        "lastTransitionTime": "2026-11-23T10:00:00Z",
    })
}

fn with(mut object: Value, type_: &str, status: &str, reason: &str) -> Value {
    object["status"]["conditions"]
        .as_array_mut()
        .unwrap()
        .push(entry(type_, status, reason));
    object
}

fn without(mut object: Value, type_: &str) -> Value {
    object["status"]["conditions"]
        .as_array_mut()
        .unwrap()
        .retain(|condition| condition["type"] != type_);
    object
}

/// Sets a field of the condition `type_`, and takes the condition `removed` away.
fn set(object: Value, type_: &str, field: &str, value: &str, removed: &str) -> Value {
    let mut object = without(object, removed);
    for condition in object["status"]["conditions"].as_array_mut().unwrap() {
        if condition["type"] == type_ {
            condition[field] = json!(value);
        }
    }
    object
}

fn at(mut object: Value, pointer: &str, value: Value) -> Value {
    *object.pointer_mut(pointer).unwrap() = value;
    object
}

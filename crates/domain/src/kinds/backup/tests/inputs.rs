use ace_api::{Backup, BackupReason, BackupSchedule, Platform, Restore, VerificationLevel};
use serde_json::{Value, json};

use crate::{kinds::migration_set::Blocker, reconcile::fixture::at};

use super::{
    super::{Inputs, Problem, busy, dropped, inputs},
    fixture::{new, with},
};

struct Around {
    object: Backup,
    schedule: Option<BackupSchedule>,
    platform: Option<Platform>,
    destinations: Vec<&'static str>,
}

#[expect(clippy::needless_pass_by_value, reason = "it is written where it is passed")]
fn around(schedule: Value, platform: Value) -> Around {
    let mut spec = json!({
        "platformRef": { "name": "prod" }, "schedule": "@daily", "attempts": 3,
        "destinations": [{ "name": "primary" }, { "name": "second", "required": false }],
        "encryption": { "recipients": ["age1"], "identitySecretRef": { "name": "key", "key": "identity" } },
        "objective": { "rpo": "26h" },
    });
    for (field, value) in schedule.as_object().unwrap() {
        spec[field] = value.clone();
    }
    let mut of_platform = json!({
        "project": "abcdefghijklmnopqrst",
        "api": { "tokenSecretRef": { "name": "supabase", "key": "token" } },
        "database": { "host": "db", "passwordSecretRef": { "name": "database", "key": "password" } },
    });
    for (field, value) in platform.as_object().unwrap() {
        of_platform[field] = value.clone();
    }
    let object = |spec: Value| json!({ "metadata": { "name": "x" }, "spec": spec });
    Around {
        object: new().object,
        schedule: Some(serde_json::from_value(object(spec)).unwrap()),
        platform: Some(serde_json::from_value(object(of_platform)).unwrap()),
        destinations: vec!["primary", "second"],
    }
}

impl Around {
    fn inputs(&self) -> Inputs {
        let destinations = self.destinations.iter().copied().collect();
        inputs(
            &self.object,
            self.schedule.as_ref(),
            self.platform.as_ref(),
            &destinations,
        )
    }

    fn waits(&self) -> (BackupReason, String) {
        match self.inputs() {
            Inputs::Waiting(cause) => (cause.reason, cause.message),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_plan_is_what_the_schedule_says() {
    let Inputs::Usable(plan) = around(json!({}), json!({})).inputs() else {
        panic!("it is usable");
    };
    let expected = super::super::Plan {
        has_identity: true,
        ..super::fixture::plan()
    };
    assert_eq!(plan, expected);
}

#[test]
fn what_is_missing_is_named() {
    let ready = || around(json!({}), json!({}));
    let without = |change: fn(&mut Around)| {
        let mut around = ready();
        change(&mut around);
        around.waits()
    };
    for (waits, reason, message) in [
        (
            without(|around| around.schedule = None),
            BackupReason::WaitingForSchedule,
            "there is no BackupSchedule `nightly` in this namespace",
        ),
        (
            without(|around| around.platform = None),
            BackupReason::WaitingForPlatform,
            "there is no Platform `prod` in this namespace",
        ),
        (
            without(|around| around.destinations.clear()),
            BackupReason::WaitingForDestination,
            "there is no BackupDestination `primary` in this namespace",
        ),
        (
            without(|around| {
                let platform = around.platform.as_mut().unwrap();
                platform.spec.database = None;
            }),
            BackupReason::DatabaseMissing,
            "Platform `prod` has no database: set its `spec.database`",
        ),
    ] {
        assert_eq!(waits, (reason, message.to_owned()));
    }
    // One that is there is enough to begin with.
    let mut around = ready();
    around.destinations = vec!["second"];
    assert!(matches!(around.inputs(), Inputs::Usable(_)));
}

#[test]
fn a_suspended_schedule_or_platform_suspends() {
    let reason = |around: Around| match around.inputs() {
        Inputs::Suspended(cause) => cause.reason,
        other => panic!("{other:?}"),
    };
    let schedule = around(json!({ "suspend": true }), json!({ "suspend": true }));
    assert_eq!(reason(schedule), BackupReason::SuspendedBySchedule);
    let platform = around(json!({}), json!({ "suspend": true }));
    assert_eq!(reason(platform), BackupReason::SuspendedByPlatform);
}

#[test]
fn without_an_identity_only_the_digest_is_verified_and_that_is_said() {
    let encryption = json!({ "recipients": ["age1"] });
    let around = around(json!({ "verify": "Bytes", "encryption": encryption }), json!({}));
    let Inputs::Usable(plan) = around.inputs() else {
        panic!("it is usable");
    };
    assert_eq!(plan.verify, Some(VerificationLevel::Bytes));
    assert!(plan.unverifiable.unwrap().contains("`encryption.identitySecretRef`"));
}

#[test]
fn an_import_needs_its_destination_and_nothing_else() {
    let import = json!({ "destination": { "name": "primary" }, "manifest": "a/manifest.json" });
    let mut around = Around {
        object: with(json!({ "import": import })).object,
        schedule: None,
        platform: None,
        destinations: vec!["primary"],
    };
    let Inputs::Usable(plan) = around.inputs() else {
        panic!("it is usable");
    };
    assert_eq!((plan.verify, plan.destinations.len()), (None, 0));
    around.destinations.clear();
    assert_eq!(around.waits().0, BackupReason::WaitingForDestination);
}

#[test]
fn whoever_has_the_lock_is_named_but_no_object_of_another_namespace() {
    let object = new().object;
    let by = |application: &str| {
        let blocker = Blocker {
            pid: 4711,
            application: Some(application.to_owned()),
            age: None,
        };
        let told = busy(&object, Some(blocker.clone()));
        assert_eq!(told.problem, Problem::Busy(Some(blocker)));
        told.message
    };
    let prefix = "another session has the lock of this database, for migrations or a backup: ";
    for (application, told) in [
        ("ace-operator/ace/main", "pid 4711 (ace-operator/ace/main)"),
        ("ace-worker/ace/nightly-2", "pid 4711 (ace-worker/ace/nightly-2)"),
        ("ace-worker/other/secret-project", "pid 4711 (ace-worker)"),
        ("ace-operator/other/main", "pid 4711 (ace-operator)"),
        ("psql", "pid 4711 (psql)"),
    ] {
        assert_eq!(by(application), format!("{prefix}{told}"));
    }
    assert!(busy(&object, None).message.ends_with("a session that is just ending"));
}

#[test]
fn a_table_may_lose_as_many_rows_as_the_schedule_allows_and_no_more() {
    for (before, now, most, is_fine) in [
        (1000, 1000, 0, true),
        (1000, 999, 0, false),
        (1000, 700, 30, true),
        (1000, 699, 30, false),
        (1000, 0, 100, true),
        (0, 0, 30, true),
        (1000, 5000, 0, true),
        (u64::MAX, u64::MAX, 0, true),
    ] {
        let told = dropped("public.recipients", before, now, most);
        assert_eq!(told.is_ok(), is_fine, "{before} {now} {most}");
    }
    let told = dropped("public.recipients", 2000, 1000, 30).unwrap_err();
    assert_eq!(told.problem, Problem::Final(BackupReason::SizeDropped));
    assert!(
        told.message
            .starts_with("table public.recipients has 1000 rows, and had 2000"),
        "{}",
        told.message
    );
}

#[test]
fn only_a_restore_of_just_this_backup_that_passed_proves_its_content() {
    let stored = new().complete();
    let object = stored.object.clone();
    let object = Backup {
        status: Some(stored.status()),
        ..object
    };
    let restore = |change: &dyn Fn(&mut Value)| -> Restore {
        let mut restore = json!({
            "metadata": { "name": "drill", "namespace": "ace" },
            "spec": { "platformRef": { "name": "prod" }, "source": { "backup": "nightly-1" } },
            "status": {
                "observedGeneration": 1,
                "conditions": [{
                    "type": "Ready", "status": "True", "reason": "Restored", "message": "restored",
                    "observedGeneration": 1, "lastTransitionTime": at(500).to_string(),
                }],
                "point": { "backup": "nightly-1", "time": at(1).to_string(), "bytes": 241_172_480, "level": "Content" },
                "recoveryTime": "6m12s",
            },
        });
        change(&mut restore);
        serde_json::from_value(restore).unwrap()
    };
    let proved = |change: &dyn Fn(&mut Value)| super::super::proved(&object, [&restore(change)]);
    assert_eq!(proved(&|_| {}), Some(at(500)));
    for change in [
        (&|restore: &mut Value| restore["metadata"]["namespace"] = json!("other")) as &dyn Fn(&mut Value),
        &|restore| restore["status"]["point"]["backup"] = json!("nightly-2"),
        // Another backup had its name.
        &|restore| restore["status"]["point"]["time"] = json!(at(-9).to_string()),
        &|restore| restore["status"]["point"]["bytes"] = json!(7),
        &|restore| restore["status"]["point"]["level"] = json!("Restored"),
        // An assertion did not pass.
        &|restore| restore["status"]["recoveryTime"] = Value::Null,
        &|restore| restore["status"]["conditions"][0]["status"] = json!("False"),
    ] {
        assert_eq!(proved(change), None);
    }
}

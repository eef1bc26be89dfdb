//! Objects whose status somebody else has written: a pass over each ends, whatever is in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use ace_api::{
    AlertRule, AlertRuleStatus, Backup, BackupDestination, BackupSchedule, BackupStatus, ChannelStatus, EdgeFunction,
    NotificationChannel, Platform, PlatformStatus, Restore, RestoreStatus, ScheduleStatus, Silence, VerificationLevel,
    within_bounds,
};
use ace_domain::{
    inputs::ArtifactState,
    kinds::{
        alert_rule, backup, backup_destination, backup_schedule, edge_function, migration_set, notification_channel,
        platform, restore, silence,
    },
    reconcile::{
        kind::Kind,
        pass::{Effect, Pass},
        schedule::Schedule,
        timing::Timing,
    },
};
use jiff::Timestamp;
use kube::{Resource, core::object::HasStatus};
use serde_json::{Value, json};

/// Most bytes of a status that we write, as JSON: those that decisions make are smaller, and what others have written is cut.
const STATUS: usize = 64 << 10;
/// When the pass is.
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// What a pass makes of an object of this kind whose status somebody else has written.
pub(crate) fn pass(kind: &str, status: &[u8]) -> String {
    let status: Value = serde_json::from_slice(status).unwrap();
    let platform_ref = json!({ "name": "prod" });
    let source = json!({ "kind": "ConfigMap", "name": "tree" });
    match kind {
        "Platform" => {
            let key = json!({ "name": "supabase", "key": "token" });
            let spec = json!({ "project": "abcdefghijklmnopqrst", "api": { "tokenSecretRef": key } });
            ended::<platform::Kind>(kind, &spec, &status, platform_state)
        }
        "EdgeFunction" => {
            let spec = json!({ "platformRef": platform_ref, "source": source, "verifyJWT": true });
            ended::<edge_function::Kind>(kind, &spec, &status, |_: &EdgeFunction, memo| edge_function::State {
                timing: Timing::default(),
                began: NOW,
                memo,
                platform: edge_function::PlatformState::Present(reached()),
                claim: edge_function::Claim::Owned,
                source: edge_function::SourceState::Waiting("it is not there yet".to_owned()),
                blockers: Vec::new(),
                listing: Some(edge_function::Listing {
                    first: NOW,
                    started: NOW,
                    entry: None,
                    since: NOW,
                    lists: vec![NOW],
                    last_write: None,
                }),
                secrets: None,
                migrations: None,
                memory: edge_function::Memory::default(),
                step_error: None,
            })
        }
        "MigrationSet" => {
            let spec = json!({ "platformRef": platform_ref, "source": source });
            let source = ArtifactState::Waiting("it is not there yet".to_owned());
            ended::<migration_set::Kind>(kind, &spec, &status, |object, _| {
                migration_set::State::new(object, None, &source, NOW)
            })
        }
        "NotificationChannel" => {
            let spec = json!({ "slack": { "webhookURLSecretRef": { "name": "slack", "key": "url" } } });
            ended::<notification_channel::Kind>(kind, &spec, &status, channel)
        }
        "Silence" => {
            let spec = json!({ "match": { "rules": ["cards"] }, "schedule": { "cron": "@daily", "duration": "1h" }, "reason": "test" });
            ended::<silence::Kind>(kind, &spec, &status, |_: &Silence, memo| silence::State {
                memo,
                rules: 0,
            })
        }
        "BackupDestination" => {
            let store = json!({ "endpoint": "https://s3.eu-central-1.amazonaws.com", "region": "eu-central-1", "bucket": "backups" });
            let spec = json!({ "s3": store, "prefix": "prod", "credentialsSecretRef": { "name": "store" } });
            ended::<backup_destination::Kind>(kind, &spec, &status, |_: &BackupDestination, memo| {
                backup_destination::State {
                    timing: Timing::default(),
                    began: NOW,
                    memo,
                    obstacle: None,
                    claim: backup_destination::Claim::Own,
                    memory: backup_destination::Memory::default(),
                    step_error: None,
                }
            })
        }
        "BackupSchedule" => {
            let spec = json!({
                "platformRef": platform_ref, "schedule": "0 2 * * *", "destinations": [{ "name": "primary" }],
                "encryption": { "recipients": ["age1"] }, "objective": { "rpo": "26h" },
            });
            ended::<backup_schedule::Kind>(kind, &spec, &status, schedule)
        }
        "Backup" => {
            let spec = json!({ "scheduleRef": { "name": "nightly" }, "class": "Scheduled" });
            ended::<backup::Kind>(kind, &spec, &status, backup)
        }
        "Restore" => {
            let spec = json!({ "platformRef": platform_ref, "source": { "backup": "nightly-1" } });
            ended::<restore::Kind>(kind, &spec, &status, restore)
        }
        "AlertRule" => {
            let spec = json!({
                "platformRef": platform_ref, "source": { "sql": { "query": "select 1 as value" } },
                "condition": { "operator": "LessThan", "levels": { "warning": { "threshold": "10" } } },
            });
            ended::<alert_rule::Kind>(kind, &spec, &status, rule)
        }
        other => panic!("nothing is known of {other}"),
    }
}

fn channel(_: &NotificationChannel, memo: ChannelStatus) -> notification_channel::State {
    notification_channel::State {
        timing: Timing::default(),
        memo,
        obstacle: None,
        rules: Vec::new(),
        are_rules_known: true,
        silences: Vec::new(),
        channels: Vec::new(),
        page: None,
        holder: String::new(),
        memory: notification_channel::Memory::default(),
    }
}

fn platform_state(_: &Platform, memo: PlatformStatus) -> platform::State {
    platform::State {
        timing: Timing::default(),
        began: NOW,
        memo,
        access: platform::Access::Open,
        has_anon_key: false,
        observation: platform::Observation::new(NOW),
        managed: BTreeSet::new(),
        needs_secrets: true,
        needs_points: true,
        memory: platform::Memory::default(),
        step_error: None,
    }
}

fn restore(_: &Restore, memo: RestoreStatus) -> restore::State {
    restore::State {
        timing: Timing::default(),
        memo,
        worker: "ace-worker-0".to_owned(),
        fresh_id: "7c1e".to_owned(),
        inputs: restore::Inputs::Usable("nightly-1".to_owned()),
        task: None,
        memory: restore::Memory::default(),
        is_stopping: false,
    }
}

/// After a restart and one turn, which began with what the status says.
fn rule(object: &AlertRule, memo: AlertRuleStatus) -> alert_rule::State {
    let answer = Ok(vec![alert_rule::Row {
        value: Some(5.0),
        ..alert_rule::Row::default()
    }]);
    let restored = alert_rule::Record::restored(object);
    let record = alert_rule::advance(object, restored, &answer, Timing::default(), NOW);
    alert_rule::State {
        timing: Timing::default(),
        memo,
        platform: alert_rule::PlatformState::Absent,
        channels: Vec::new(),
        record: Some(record),
        followed: NOW,
    }
}

/// With one Backup, which is complete.
fn schedule(object: &BackupSchedule, memo: ScheduleStatus) -> backup_schedule::State {
    let mut complete = backup_schedule::Known::made("nightly-1", "5e0c71aa-0".to_owned(), NOW);
    complete.phase = backup_schedule::Phase::Stored;
    complete.point = Some(NOW);
    complete.bytes = Some(241_172_480);
    complete.level = Some(VerificationLevel::Archive);
    backup_schedule::State {
        timing: Timing::default(),
        memo,
        schedule: Schedule::new(&object.spec.schedule, &object.spec.time_zone),
        platform: backup_schedule::PlatformState::Present(backup_schedule::Platform {
            interval: Duration::from_mins(5),
            is_suspended: false,
            has_scratch: true,
            points: None,
        }),
        absent: Vec::new(),
        recipients: None,
        drills: BTreeMap::new(),
        backups: vec![complete],
        drilled: Vec::new(),
        needed: BTreeMap::new(),
        memory: backup_schedule::Memory::default(),
        steps: 0,
        step_error: None,
    }
}

/// Of another process than the one whose run the status may name.
fn backup(_: &Backup, memo: BackupStatus) -> backup::State {
    let primary = backup::Place {
        destination: "primary".to_owned(),
        required: true,
    };
    backup::State {
        timing: Timing::default(),
        began: NOW,
        memo,
        worker: "ace-worker-0".to_owned(),
        fresh_id: "7c1e".to_owned(),
        inputs: backup::Inputs::Usable(backup::Plan {
            attempts: 3,
            verify: Some(VerificationLevel::Archive),
            unverifiable: None,
            has_identity: true,
            destinations: vec![primary],
        }),
        suspicions: BTreeMap::new(),
        task: None,
        proved: None,
        memory: backup::Memory::default(),
        has_no_manifest: false,
        is_being_made: false,
        is_stopping: false,
        step_error: None,
    }
}

/// A Platform that answers.
fn reached() -> edge_function::PlatformFacts {
    edge_function::PlatformFacts {
        project: "abcdefghijklmnopqrst".to_owned(),
        gateway: "https://abcdefghijklmnopqrst.supabase.co".to_owned(),
        requests_per_minute: 60,
        interval: Duration::from_mins(5),
        suspended: false,
        leaving: false,
        seen: NOW,
        first_check_done: true,
        listed: true,
        answering: true,
        down: None,
        refusing: None,
        message: "the platform answers".to_owned(),
        anon_key: true,
    }
}

/// A pass in which every step times out.
fn ended<K: Kind>(
    kind: &str,
    spec: &Value,
    status: &Value,
    state: impl Fn(&K::Object, K::Status) -> K::State,
) -> String {
    let object = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": kind,
        "metadata": { "name": "main", "namespace": "ace", "generation": 1 }, "spec": spec, "status": status,
    });
    // As the cache has it, which skips an object that can't be read.
    let object: K::Object = match serde_json::from_value(object) {
        Ok(object) => object,
        Err(error) => return error.to_string(),
    };
    assert_eq!(kind, K::Object::kind(&()));
    let memo = HasStatus::status(&object).cloned().unwrap_or_default();
    let mut pass = Pass::<K>::new(Arc::new(object), NOW + Duration::from_mins(1));
    let (mut steps, mut events, mut bytes) = (0, 0, 0);
    loop {
        match pass.next(NOW) {
            Effect::Observe => pass.observed(state(pass.object(), memo.clone()), NOW),
            Effect::Admit(_) => pass.admitted(Ok(()), NOW),
            Effect::Record(status) | Effect::Report(status) => {
                bytes = serde_json::to_vec(&status).unwrap().len();
                assert!(bytes <= STATUS, "a status of {bytes} bytes");
                assert_eq!(within_bounds(kind, status.clone()), status, "it is within its bounds");
                let object = pass.object().clone();
                events += pass.status_written(&object).len();
            }
            Effect::Act(step) => {
                steps += 1;
                pass.acted(Err(K::timed_out(&step, Duration::from_secs(1))), NOW);
            }
            Effect::Publish(_) => events += 1,
            Effect::SetFinalizer(_) => panic!("what stays has no finalizer"),
            Effect::End(end) => return format!("{:?}, {steps} steps, {events} events, {bytes} bytes", end.outcome),
        }
    }
}

//! A Platform whose API was just checked.

use std::collections::BTreeMap;

use ace_api::{DatabaseStatus, Platform, PlatformStatus, ProjectStatus};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    kinds::platform::{Access, DatabaseCheck, DatabaseFailure, Observation, State},
    reconcile::decision::Requeue,
    reconcile::timing::Timing,
};

/// Seconds since the reconcile began; the functions were listed at 0, and the interval is 300.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(super) fn platform(spec: &serde_json::Value) -> Platform {
    let mut object = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1",
        "kind": "Platform",
        "metadata": { "name": "prod", "namespace": "ace", "generation": 1 },
        "spec": {
            "project": "abcdefghijklmnopqrst",
            "api": { "tokenSecretRef": { "name": "supabase", "key": "token" } },
        },
    });
    for (name, value) in spec.as_object().unwrap() {
        object["spec"][name] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

pub(super) fn with_database() -> Platform {
    platform(&json!({ "database": {
        "host": "db.example.com",
        "passwordSecretRef": { "name": "supabase", "key": "password" },
        "caSecretRef": { "name": "supabase", "key": "ca.crt" },
    } }))
}

pub(super) fn reconcile_requested(mut object: Platform, value: &str) -> Platform {
    let annotation = ("ops.mobulace.com/reconcile-at".to_owned(), value.to_owned());
    object.metadata.annotations = Some(BTreeMap::from([annotation]));
    object
}

/// The API was just checked; the database was not.
pub(super) fn listed() -> State {
    let mut observation = Observation::new(at(0));
    observation.record_project(at(0), Some(project("ACTIVE_HEALTHY")));
    observation.record_list(at(0), BTreeMap::new());
    State {
        timing: Timing::default(),
        began: at(0),
        memo: PlatformStatus::default(),
        access: Access::Open,
        has_anon_key: true,
        observation,
        managed: std::collections::BTreeSet::new(),
        needs_secrets: false,
        memory: crate::kinds::platform::Memory::default(),
        step_error: None,
    }
}

pub(super) fn project(state: &str) -> ProjectStatus {
    ProjectStatus {
        state: state.to_owned(),
        region: "us-east-1".to_owned(),
    }
}

pub(super) fn identity(timeline: i64) -> DatabaseStatus {
    DatabaseStatus {
        server_version: "15.18".to_owned(),
        system_identifier: "7431200000000000001".to_owned(),
        timeline,
    }
}

pub(super) fn check(second: i64, outcome: Result<DatabaseStatus, DatabaseFailure>) -> DatabaseCheck {
    DatabaseCheck {
        at: at(second),
        generation: Some(1),
        refusals: crate::reconcile::refusals::Refusals::default(),
        outcome,
    }
}

pub(super) fn checked(outcome: Result<DatabaseStatus, DatabaseFailure>) -> State {
    let mut state = listed();
    state.memory.database = Some(check(0, outcome));
    state
}

pub(super) fn silent() -> DatabaseFailure {
    DatabaseFailure::Unanswered("no answer within 10 s".to_owned())
}

/// By the clock, in this second.
pub(super) fn next(second: i64) -> Requeue {
    Requeue::At(at(second))
}

pub(super) fn shown(status: &PlatformStatus) -> Vec<(&str, &str, &str, &str)> {
    let conditions = status.common.conditions.iter();
    conditions
        .map(|c| {
            (
                c.type_.as_str(),
                c.status.as_str(),
                c.reason.as_str(),
                c.message.as_str(),
            )
        })
        .collect()
}

//! A Platform whose API was just checked.

use std::collections::{BTreeMap, BTreeSet};

use ace_api::{DatabaseStatus, Platform, PlatformReason, PlatformStatus, ProjectStatus};
use serde_json::json;

use super::super::{Access, Cause, DatabaseCheck, DatabaseFailure, Memory, Observation, State};
use crate::reconcile::{fixture::at, timing::Timing};

pub(super) fn platform() -> Platform {
    with(&json!({}))
}

pub(super) fn with(spec: &serde_json::Value) -> Platform {
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
    with(&json!({ "database": {
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

/// Nothing was observed yet.
pub(super) fn new() -> State {
    State {
        timing: Timing::default(),
        began: at(0),
        memo: PlatformStatus::default(),
        access: Access::Open,
        has_anon_key: true,
        observation: Observation::new(at(0)),
        managed: BTreeSet::new(),
        needs_secrets: false,
        needs_points: false,
        memory: Memory::default(),
        step_error: None,
    }
}

/// The API was checked at 0, where the interval is 300 s; the database was not.
pub(super) fn listed() -> State {
    let mut state = new();
    state.observation.record_project(at(0), Some(project("ACTIVE_HEALTHY")));
    state.observation.record_list(at(0), BTreeMap::new());
    state
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

/// Type, status, reason and message of each condition.
pub(super) fn conditions(status: &PlatformStatus) -> Vec<(&str, &str, &str, &str)> {
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

pub fn closed(reason: PlatformReason, message: String) -> Access {
    Access::Closed(Cause::new(reason, message))
}

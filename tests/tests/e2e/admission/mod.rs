//! What the API server refuses, in which words, and what it admits.

mod admitted;
mod kubectl;
mod refused;
mod statuses;

use ace_tests::{Space, Test};
use kube::{
    Api, Resource,
    api::{ApiResource, DynamicObject},
    core::NamespaceResourceScope,
};
use serde_json::{Value, json};

/// The tests of all modules.
pub(crate) fn tests() -> Vec<Test> {
    let modules = [admitted::tests(), kubectl::tests(), refused::tests(), statuses::tests()];
    modules.into_iter().flatten().collect()
}

fn dynamic<K>(space: &Space) -> Api<DynamicObject>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    Api::namespaced_with(space.client.clone(), &space.name, &ApiResource::erase::<K>(&()))
}

fn parsed(object: &Value) -> DynamicObject {
    serde_json::from_value(object.clone()).unwrap()
}

fn function() -> Value {
    json!({
        "apiVersion": "ops.mobulace.com/v1alpha1",
        "kind": "EdgeFunction",
        "metadata": { "name": "hello" },
        "spec": {
            "platformRef": { "name": "prod" },
            "source": { "kind": "ConfigMap", "name": "code" },
            "verifyJWT": true,
        },
    })
}

fn migrations() -> Value {
    json!({
        "apiVersion": "ops.mobulace.com/v1alpha1",
        "kind": "MigrationSet",
        "metadata": { "name": "main" },
        "spec": {
            "platformRef": { "name": "prod" },
            "source": { "kind": "ConfigMap", "name": "migrations" },
        },
    })
}

fn rule() -> Value {
    json!({
        "apiVersion": "ops.mobulace.com/v1alpha1",
        "kind": "AlertRule",
        "metadata": { "name": "cards" },
        "spec": {
            "platformRef": { "name": "prod" },
            "source": { "sql": { "query": "select brand, 1 as value from public.cards", "labels": ["brand"] } },
            "condition": { "operator": "LessThan", "levels": { "error": { "threshold": "10" } } },
            "summary": "{labels.brand}: {value|fixed2} cards left, {threshold} wanted since {since}",
            "runbookURL": "https://docs.example.com/runbooks/cards",
        },
    })
}

fn channel() -> Value {
    json!({
        "apiVersion": "ops.mobulace.com/v1alpha1",
        "kind": "NotificationChannel",
        "metadata": { "name": "ops" },
        "spec": { "slack": { "webhookURLSecretRef": { "name": "slack", "key": "url" } } },
    })
}

fn silence() -> Value {
    json!({
        "apiVersion": "ops.mobulace.com/v1alpha1",
        "kind": "Silence",
        "metadata": { "name": "maintenance" },
        "spec": { "match": { "rules": ["sms-success"] }, "until": "2026-11-24T00:00:00Z", "reason": "OPS-12" },
    })
}

fn destination() -> Value {
    json!({
        "apiVersion": "ops.mobulace.com/v1alpha1",
        "kind": "BackupDestination",
        "metadata": { "name": "primary" },
        "spec": {
            "s3": { "endpoint": "https://s3.eu-central-1.amazonaws.com", "region": "eu-central-1", "bucket": "ace-backups" },
            "prefix": "prod",
        },
    })
}

fn schedule() -> Value {
    json!({
        "apiVersion": "ops.mobulace.com/v1alpha1",
        "kind": "BackupSchedule",
        "metadata": { "name": "nightly" },
        "spec": {
            "platformRef": { "name": "prod" },
            "schedule": "0 2 * * *",
            "destinations": [{ "name": "primary" }],
            "encryption": { "recipients": ["age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"] },
            "objective": { "rpo": "26h" },
        },
    })
}

fn platform() -> Value {
    json!({
        "apiVersion": "ops.mobulace.com/v1alpha1",
        "kind": "Platform",
        "metadata": { "name": "prod" },
        "spec": { "project": "abcdefghijklmnopqrst", "api": { "tokenSecretRef": { "name": "supabase", "key": "token" } } },
    })
}

fn backup() -> Value {
    json!({
        "apiVersion": "ops.mobulace.com/v1alpha1",
        "kind": "Backup",
        "metadata": { "name": "manual" },
        "spec": { "scheduleRef": { "name": "nightly" } },
    })
}

fn restore() -> Value {
    json!({
        "apiVersion": "ops.mobulace.com/v1alpha1",
        "kind": "Restore",
        "metadata": { "name": "drill" },
        "spec": { "platformRef": { "name": "prod" }, "source": { "backup": "manual" } },
    })
}

//! What the API server refuses, in which words, and what it admits.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use ace_api::{EdgeFunction, MigrationSet, Platform};
use ace_tests::{Space, kstatus, with_namespace};
use kube::{
    Api, Resource,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
    core::NamespaceResourceScope,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// A change (a merge patch) of a good object, and what the API server says of which field.
#[derive(Deserialize)]
struct Refusal {
    change: Value,
    causes: BTreeMap<String, String>,
}

#[tokio::test]
async fn bad_functions_are_refused_in_words_that_say_what_to_write() {
    with_namespace(async |space| {
        refused::<EdgeFunction>(space, &function(), include_str!("admission/functions.yaml")).await;
    })
    .await;
}

#[tokio::test]
async fn bad_platforms_are_refused_in_words_that_say_what_to_write() {
    with_namespace(async |space| {
        refused::<Platform>(space, &platform(), include_str!("admission/platforms.yaml")).await;
    })
    .await;
}

#[tokio::test]
async fn bad_migration_sets_are_refused_in_words_that_say_what_to_write() {
    with_namespace(async |space| {
        refused::<MigrationSet>(space, &migrations(), include_str!("admission/migrations.yaml")).await;
    })
    .await;
}

#[tokio::test]
async fn what_an_object_is_can_not_be_changed_later() {
    with_namespace(async |space| {
        let mut named = function();
        named["spec"]["slug"] = json!("hello");
        named["metadata"]["name"] = json!("named");
        let functions = dynamic::<EdgeFunction>(space);
        for object in [function(), named] {
            functions
                .create(&PostParams::default(), &parsed(&object))
                .await
                .unwrap();
        }
        let platform_ref = "`platformRef` is immutable: create another EdgeFunction for another platform";
        let slug = "`slug` is immutable, also when unset: create another EdgeFunction for another slug";
        for (name, change, field, says) in [
            (
                "hello",
                json!({ "platformRef": { "name": "other" } }),
                "spec.platformRef",
                platform_ref,
            ),
            ("hello", json!({ "slug": "hello" }), "spec.slug", slug),
            ("named", json!({ "slug": "other" }), "spec.slug", slug),
            ("named", json!({ "slug": null }), "spec.slug", slug),
        ] {
            assert_eq!(changed(&functions, name, &change).await, cause(field, says), "{change}");
        }
        let rest = json!({ "mode": "Observe", "wave": 3, "source": { "name": "other" } });
        assert_eq!(changed(&functions, "hello", &rest).await, BTreeMap::new());

        let platforms = dynamic::<Platform>(space);
        platforms
            .create(&PostParams::default(), &parsed(&platform()))
            .await
            .unwrap();
        let project = "`project` is immutable: create another Platform for another project";
        let url = "`url` is immutable: create another Platform for another gateway";
        for (change, field, says) in [
            (json!({ "project": "bbbbbbbbbbbbbbbbbbbb" }), "spec.project", project),
            (json!({ "url": "https://other.example" }), "spec.url", url),
        ] {
            assert_eq!(
                changed(&platforms, "prod", &change).await,
                cause(field, says),
                "{change}"
            );
        }
        let rest = json!({ "interval": "1h30m", "api": { "url": "https://api.example" } });
        assert_eq!(changed(&platforms, "prod", &rest).await, BTreeMap::new());

        let sets = dynamic::<MigrationSet>(space);
        sets.create(&PostParams::default(), &parsed(&migrations()))
            .await
            .unwrap();
        let other = json!({ "platformRef": { "name": "other" } });
        let platform_ref = "`platformRef` is immutable: create another MigrationSet for another platform";
        assert_eq!(
            changed(&sets, "main", &other).await,
            cause("spec.platformRef", platform_ref)
        );
        let rest = json!({ "mode": "Observe", "source": { "name": "other" }, "schemas": ["internal"] });
        assert_eq!(changed(&sets, "main", &rest).await, BTreeMap::new());
    })
    .await;
}

#[tokio::test]
async fn good_objects_are_admitted_with_their_defaults_made_visible() {
    with_namespace(async |space| {
        let created = dynamic::<EdgeFunction>(space)
            .create(&PostParams::default(), &parsed(&function()))
            .await
            .unwrap();
        assert_eq!(
            created.data["spec"],
            json!({
                "platformRef": { "name": "prod" },
                "source": { "kind": "ConfigMap", "name": "code" },
                "verifyJWT": true,
                "rollback": "OnFailedChecks",
                "wave": 0,
                "mode": "Enforce",
                "adoptionPolicy": "IfIdentical",
                "deletionPolicy": "Retain",
                "suspend": false,
            })
        );
        let created = dynamic::<Platform>(space)
            .create(&PostParams::default(), &parsed(&platform()))
            .await
            .unwrap();
        assert_eq!(
            created.data["spec"],
            json!({
                "project": "abcdefghijklmnopqrst",
                "api": { "url": "https://api.supabase.com", "tokenSecretRef": { "name": "supabase", "key": "token" } },
                "interval": "5m",
                "requestsPerMinute": 60,
                "suspend": false,
            })
        );
        let created = dynamic::<MigrationSet>(space)
            .create(&PostParams::default(), &parsed(&migrations()))
            .await
            .unwrap();
        assert_eq!(
            created.data["spec"],
            json!({
                "platformRef": { "name": "prod" },
                "source": { "kind": "ConfigMap", "name": "migrations" },
                "mode": "Apply",
                "schemas": ["public"],
                "policy": { "approve": ["DataLoss", "Exposure"], "outOfOrder": "Refuse", "whileDrifted": "Apply" },
                "lockTimeout": "2s",
                "statementTimeout": "15m",
                "suspend": false,
            })
        );
    })
    .await;
}

#[tokio::test]
async fn a_function_that_says_everything_is_admitted_as_it_is() {
    with_namespace(async |space| {
        let said = json!({
            "platformRef": { "name": "prod" },
            "slug": "Send_Email-2",
            "source": {
                "kind": "GitRepository", "name": "platform", "path": "supabase/functions",
                "digest": format!("sha256:{}", "0a".repeat(32)),
            },
            "entrypoint": "send-email/index.ts",
            "importMap": "deno.json",
            "staticFiles": ["send-email/templates/*.html"],
            "verifyJWT": false,
            "requires": {
                "secrets": [{ "anyOf": ["RESEND_API_KEY", "SENDGRID_API_KEY"] }],
                "migration": { "name": "main", "version": "20260204400000" },
            },
            "checks": [{
                "name": "preflight", "method": "OPTIONS", "path": "/healthz?to=%2Fhome", "auth": "None",
                "expectStatus": [200, 204], "timeoutSeconds": 10,
            }],
            "rollback": "Never",
            "wave": 9,
            "mode": "Apply",
            "adoptionPolicy": "Always",
            "deletionPolicy": "Delete",
            "suspend": true,
        });
        let mut object = function();
        object["spec"] = said.clone();
        // A name that is no slug is fine where the slug is said.
        object["metadata"]["name"] = json!("send.email.v2");
        let created = dynamic::<EdgeFunction>(space)
            .create(&PostParams::default(), &parsed(&object))
            .await
            .unwrap();
        assert_eq!(created.data["spec"], said);
    })
    .await;
}

#[tokio::test]
async fn nobody_takes_a_fresh_object_for_finished() {
    with_namespace(async |space| {
        space.apply(&function().to_string()).await;
        let fresh = serde_json::to_value(dynamic::<EdgeFunction>(space).get("hello").await.unwrap()).unwrap();
        assert_eq!(fresh["status"], json!({ "observedGeneration": -1 }));
        assert_eq!(kstatus::verdict(&fresh), kstatus::Verdict::InProgress);
        let waited = space
            .kubectl(&["wait", "fn/hello", "--for=condition=Ready", "--timeout=1s"])
            .await;
        assert!(!waited.success && waited.stderr.contains("timed out"), "{waited:?}");
    })
    .await;
}

#[tokio::test]
async fn kubectl_refuses_a_field_that_does_not_exist() {
    with_namespace(async |space| {
        let mut object = function();
        object["spec"]["verifyJwt"] = json!(false);
        let ran = space.kubectl_with(&["create", "-f", "-"], &object.to_string()).await;
        assert!(ran.stderr.contains("unknown field \"spec.verifyJwt\""), "{ran:?}");
    })
    .await;
}

#[tokio::test]
async fn kubectl_explain_teaches_the_modes_and_the_reasons() {
    with_namespace(async |space| {
        let explained = async |path: &str| {
            let text = space.kubectl(&["explain", path]).await.expect("the API server describes the field");
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let mode = explained("edgefunction.spec.mode").await;
        for says in [
            "ENUM: Enforce Apply Observe",
            "`Enforce`: A changed wish is rolled out; a change made behind the operator's back is reported, then corrected.",
            "`Observe`: Nothing is ever written to the platform: differences are only reported.",
        ] {
            assert!(mode.contains(says), "{mode}");
        }
        let spec = explained("migs.spec").await;
        for says in [
            "`20260301000000_add_codes.sql`. The digits are the version",
            "an approval is worth nothing anywhere else.",
            "SQL is never corrected behind anyone's back, so there is no `Enforce`.",
            "they are recorded without being run.",
        ] {
            assert!(spec.contains(says), "{spec}");
        }
        let classes = explained("migs.spec.policy.approve").await;
        assert!(classes.contains("`Opaque`: What it does can't be read off the text: DO blocks"), "{classes}");
        let conditions = explained("migs.status.conditions").await;
        assert!(conditions.contains("`ApprovalRequired` (Stalled: "), "{conditions}");
        let conditions = explained("edgefunction.status.conditions").await;
        assert!(conditions.contains("`RolledBack` (Stalled: checks failed, and the proven content is live again)"), "{conditions}");
    })
    .await;
}

#[tokio::test]
async fn the_columns_are_those_of_the_design() {
    with_namespace(async |space| {
        space.apply(&function().to_string()).await;
        space.apply(&platform().to_string()).await;
        space.apply(&migrations().to_string()).await;
        let header = async |arguments: &[&str]| {
            let text = space.kubectl(arguments).await.expect("our kinds can be listed");
            text.lines()
                .next()
                .unwrap_or_default()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            header(&["get", "fn"]).await,
            "NAME WANT LIVE VERSION JWT READY DRIFTED MESSAGE AGE"
        );
        assert_eq!(
            header(&["get", "plat"]).await,
            "NAME PROJECT STATE FUNCTIONS UNMANAGED READY MESSAGE AGE"
        );
        assert_eq!(
            header(&["get", "migs"]).await,
            "NAME HEAD APPLIED PENDING READY DRIFTED MESSAGE AGE"
        );
        let all = space
            .kubectl(&["get", "ace", "-o", "name"])
            .await
            .expect("the category is known");
        let mut all: Vec<&str> = all.lines().collect();
        all.sort_unstable();
        assert_eq!(
            all,
            [
                "edgefunction.ops.mobulace.com/hello",
                "migrationset.ops.mobulace.com/main",
                "platform.ops.mobulace.com/prod"
            ]
        );
        let chosen = space
            .kubectl(&[
                "get",
                "fn",
                "-o",
                "name",
                "--field-selector",
                "spec.platformRef.name=other",
            ])
            .await
            .expect("functions can be chosen by their platform");
        assert_eq!(chosen, "");
    })
    .await;
}

async fn refused<K>(space: &Space, good: &Value, refusals: &str)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let api = dynamic::<K>(space);
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    // Otherwise each bad one might be refused for something else.
    api.create(&dry_run, &parsed(good)).await.unwrap();
    let mut wrong = Vec::new();
    let refusals: Vec<Refusal> = serde_yaml::from_str(refusals).unwrap();
    for Refusal { change, causes } in refusals {
        let mut bad = good.clone();
        merge(&mut bad, &change);
        let said = causes_of(api.create(&dry_run, &parsed(&bad)).await);
        if said != causes {
            wrong.push(format!("{change}\n  {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn changed(api: &Api<DynamicObject>, name: &str, spec: &Value) -> BTreeMap<String, String> {
    let dry_run = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    causes_of(api.patch(name, &dry_run, &Patch::Merge(json!({ "spec": spec }))).await)
}

/// What the API server says of each field; several things are joined.
fn causes_of(answer: kube::Result<DynamicObject>) -> BTreeMap<String, String> {
    let causes = match answer {
        Ok(_) => Vec::new(),
        Err(kube::Error::Api(status)) => status.details.map(|details| details.causes).unwrap_or_default(),
        Err(other) => panic!("{other}"),
    };
    let mut said = BTreeMap::new();
    for cause in causes {
        // No cause, but the remark that rules are checked only where the schema is met.
        if cause.message.contains("some validation rules were not checked") {
            continue;
        }
        said.entry(cause.field)
            .and_modify(|said: &mut String| *said = format!("{said}; {}", cause.message))
            .or_insert(cause.message.clone());
    }
    said
}

fn cause(field: &str, says: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(field.to_owned(), format!("Invalid value: {says}"))])
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

fn platform() -> Value {
    json!({
        "apiVersion": "ops.mobulace.com/v1alpha1",
        "kind": "Platform",
        "metadata": { "name": "prod" },
        "spec": { "project": "abcdefghijklmnopqrst", "api": { "tokenSecretRef": { "name": "supabase", "key": "token" } } },
    })
}

/// JSON merge patch (RFC 7386).
fn merge(target: &mut Value, change: &Value) {
    match (target, change) {
        (Value::Object(target), Value::Object(change)) => {
            for (name, value) in change {
                if value.is_null() {
                    target.remove(name);
                } else {
                    merge(target.entry(name).or_insert(Value::Null), value);
                }
            }
        }
        (target, change) => *target = change.clone(),
    }
}

//! What the API server refuses, in which words, and what it admits.

use ace_api::{EdgeFunction, Platform};
use ace_tests::{Space, kstatus, with_namespace};
use kube::{
    Api, Resource,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
    core::NamespaceResourceScope,
};
use serde_json::{Value, json};

/// What is refused: a change (a merge patch) of a good object, and the field and message of each cause.
type Refusal = (Value, &'static [(&'static str, &'static str)]);

#[tokio::test]
async fn bad_functions_are_refused_in_words_that_say_what_to_write() {
    with_namespace(async |space| {
        refused::<EdgeFunction>(space, &function(), &functions()).await;
    })
    .await;
}

fn functions() -> Vec<Refusal> {
    let check = |change: Value| {
        let mut check = json!({ "name": "alive", "expectStatus": [200] });
        merge(&mut check, &change);
        json!({ "spec": { "checks": [check] } })
    };
    let nine: Vec<Value> = (0..9).map(|n| json!({ "name": format!("c{n}"), "expectStatus": [200] })).collect();
    let twice: Vec<Value> = (0..2).map(|_| json!({ "name": "alive", "expectStatus": [200] })).collect();
    vec![
        (json!({ "spec": { "verifyJWT": null } }), &[("spec.verifyJWT", "?")]),
        (json!({ "spec": { "platformRef": null } }), &[("spec.platformRef", "?")]),
        (json!({ "spec": { "mode": "enforce" } }), &[("spec.mode", "?")]),
        (json!({ "spec": { "mode": "Observe", "deletionPolicy": "Delete" } }), &[("spec.deletionPolicy", "?")]),
        (json!({ "spec": { "slug": "2fast" } }), &[("spec.slug", "?")]),
        (json!({ "spec": { "slug": "a/b" } }), &[("spec.slug", "?")]),
        (json!({ "metadata": { "name": "2fast" } }), &[("", "?")]),
        (json!({ "metadata": { "name": "a.b" } }), &[("", "?")]),
        (json!({ "metadata": { "name": "a".repeat(65) } }), &[("", "?")]),
        (json!({ "spec": { "source": { "kind": "HelmRepository" } } }), &[("spec.source.kind", "?")]),
        (json!({ "spec": { "source": { "path": "../functions" } } }), &[("spec.source.path", "?")]),
        (json!({ "spec": { "source": { "path": "supabase/functions/" } } }), &[("spec.source.path", "?")]),
        (json!({ "spec": { "source": { "digest": "sha256:abc" } } }), &[("spec.source.digest", "?")]),
        (json!({ "spec": { "entrypoint": "/etc/passwd" } }), &[("spec.entrypoint", "?")]),
        (json!({ "spec": { "entrypoint": "a/../../b.ts" } }), &[("spec.entrypoint", "?")]),
        (json!({ "spec": { "importMap": "./deno.json" } }), &[("spec.importMap", "?")]),
        (json!({ "spec": { "staticFiles": ["a/*.html", "../b"] } }), &[("spec.staticFiles", "?")]),
        (json!({ "spec": { "wave": 10 } }), &[("spec.wave", "?")]),
        (json!({ "spec": { "checks": nine } }), &[("spec.checks", "?")]),
        (json!({ "spec": { "checks": twice } }), &[("spec.checks", "?")]),
        (check(json!({ "expectStatus": [] })), &[("spec.checks[0].expectStatus", "?")]),
        (check(json!({ "expectStatus": [200, 42] })), &[("spec.checks[0].expectStatus[1]", "?")]),
        (check(json!({ "method": "DELETE" })), &[("spec.checks[0].method", "?")]),
        (check(json!({ "path": "https://example.com/" })), &[("spec.checks[0].path", "?")]),
        (check(json!({ "path": "/../other-function" })), &[("spec.checks[0].path", "?")]),
        (check(json!({ "auth": "ServiceRole" })), &[("spec.checks[0].auth", "?")]),
        (check(json!({ "timeoutSeconds": 31 })), &[("spec.checks[0].timeoutSeconds", "?")]),
        (check(json!({ "name": "Is it alive?" })), &[("spec.checks[0].name", "?")]),
        (json!({ "spec": { "requires": { "secrets": [{ "anyOf": ["SUPABASE_URL"] }] } } }), &[("spec.requires.secrets[0].anyOf", "?")]),
        (json!({ "spec": { "requires": { "secrets": [{ "anyOf": [] }] } } }), &[("spec.requires.secrets[0].anyOf", "?")]),
        (json!({ "spec": { "requires": { "migration": { "name": "main", "version": "v12" } } } }), &[("spec.requires.migration.version", "?")]),
        (json!({ "spec": { "adoptionPolicy": "Never" } }), &[("spec.adoptionPolicy", "?")]),
        (json!({ "spec": { "rollback": "Always" } }), &[("spec.rollback", "?")]),
    ]
}

#[tokio::test]
async fn bad_platforms_are_refused_in_words_that_say_what_to_write() {
    with_namespace(async |space| {
        refused::<Platform>(space, &platform(), &platforms()).await;
    })
    .await;
}

fn platforms() -> Vec<Refusal> {
    let database = |change: Value| {
        let mut database = json!({ "host": "db.example", "passwordSecretRef": { "name": "supabase", "key": "password" } });
        merge(&mut database, &change);
        json!({ "spec": { "database": database } })
    };
    vec![
        (json!({ "spec": { "project": "my-project" } }), &[("spec.project", "?")]),
        (json!({ "spec": { "project": "ABCDEFGHIJKLMNOPQRST" } }), &[("spec.project", "?")]),
        (json!({ "spec": { "url": "https://abcdefghijklmnopqrst.supabase.co/functions/v1" } }), &[("spec.url", "?")]),
        (json!({ "spec": { "url": "ftp://example.com" } }), &[("spec.url", "?")]),
        (json!({ "spec": { "api": { "url": "https://user:word@api.supabase.com" } } }), &[("spec.api.url", "?")]),
        (json!({ "spec": { "api": { "tokenSecretRef": null } } }), &[("spec.api.tokenSecretRef", "?")]),
        (json!({ "spec": { "api": { "tokenSecretRef": { "key": "a/b" } } } }), &[("spec.api.tokenSecretRef.key", "?")]),
        (json!({ "spec": { "interval": "5" } }), &[("spec.interval", "?")]),
        (json!({ "spec": { "interval": "29s" } }), &[("spec.interval", "?")]),
        (json!({ "spec": { "interval": "25h" } }), &[("spec.interval", "?")]),
        (json!({ "spec": { "interval": "1d" } }), &[("spec.interval", "?")]),
        (json!({ "spec": { "requestsPerMinute": 5 } }), &[("spec.requestsPerMinute", "?")]),
        (json!({ "spec": { "requestsPerMinute": 121 } }), &[("spec.requestsPerMinute", "?")]),
        (database(json!({ "port": 6543 })), &[("spec.database.port", "?")]),
        (database(json!({ "port": 0 })), &[("spec.database.port", "?")]),
        (database(json!({ "tls": "verify-full" })), &[("spec.database.tls", "?")]),
        (database(json!({ "host": "db.example:5432" })), &[("spec.database.host", "?")]),
    ]
}

#[tokio::test]
async fn what_an_object_is_can_not_be_changed_later() {
    with_namespace(async |space| {
        let mut named = function();
        named["spec"]["slug"] = json!("hello");
        named["metadata"]["name"] = json!("named");
        let cases: Vec<(&str, Value, &[(&str, &str)])> = vec![
            ("hello", json!({ "platformRef": { "name": "other" } }), &[("spec.platformRef", "?")]),
            ("hello", json!({ "slug": "hello" }), &[("spec", "?")]),
            ("named", json!({ "slug": "other" }), &[("spec", "?")]),
            ("named", json!({ "slug": null }), &[("spec", "?")]),
        ];
        let functions = dynamic::<EdgeFunction>(space);
        for object in [function(), named] {
            functions.create(&PostParams::default(), &parsed(&object)).await.unwrap();
        }
        for (name, change, causes) in cases {
            assert_eq!(changed(&functions, name, &change).await, owned(causes), "{change}");
        }
        // The rest may be.
        assert_eq!(changed(&functions, "hello", &json!({ "mode": "Observe", "wave": 3 })).await, []);

        let platforms = dynamic::<Platform>(space);
        platforms.create(&PostParams::default(), &parsed(&platform())).await.unwrap();
        let cases: Vec<(Value, &[(&str, &str)])> = vec![
            (json!({ "project": "bbbbbbbbbbbbbbbbbbbb" }), &[("spec.project", "?")]),
            (json!({ "url": "https://other.example" }), &[("spec.url", "?")]),
        ];
        for (change, causes) in cases {
            assert_eq!(changed(&platforms, "prod", &change).await, owned(causes), "{change}");
        }
        assert_eq!(changed(&platforms, "prod", &json!({ "interval": "1h30m" })).await, []);
    })
    .await;
}

#[tokio::test]
async fn good_objects_are_admitted_with_their_defaults_made_visible() {
    with_namespace(async |space| {
        let created = dynamic::<EdgeFunction>(space).create(&PostParams::default(), &parsed(&function())).await.unwrap();
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
        let created = dynamic::<Platform>(space).create(&PostParams::default(), &parsed(&platform())).await.unwrap();
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
                "name": "preflight", "method": "OPTIONS", "path": "/healthz?deep=1", "auth": "None",
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
        let created = dynamic::<EdgeFunction>(space).create(&PostParams::default(), &parsed(&object)).await.unwrap();
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
        let waited = space.kubectl(&["wait", "fn/hello", "--for=condition=Ready", "--timeout=1s"]).await;
        assert!(!waited.success && waited.stderr.contains("timed out"), "{waited:?}");
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
            "enum: Apply, Enforce, Observe",
            "`Enforce`: A changed wish is rolled out; a change made behind the operator's back is reported, then corrected.",
            "`Observe`: Nothing is ever written to the platform: differences are only reported.",
        ] {
            assert!(mode.contains(says), "{mode}");
        }
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
        let header = async |arguments: &[&str]| {
            let text = space.kubectl(arguments).await.expect("our kinds can be listed");
            text.lines().next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(header(&["get", "fn"]).await, "NAME WANT LIVE VERSION JWT READY DRIFTED MESSAGE AGE");
        assert_eq!(header(&["get", "plat"]).await, "NAME PROJECT STATE FUNCTIONS UNMANAGED READY MESSAGE AGE");
        let all = space.kubectl(&["get", "ace", "-o", "name"]).await.expect("the category is known");
        let mut all: Vec<&str> = all.lines().collect();
        all.sort_unstable();
        assert_eq!(all, ["edgefunction.ops.mobulace.com/hello", "platform.ops.mobulace.com/prod"]);
        let chosen = space
            .kubectl(&["get", "fn", "-o", "name", "--field-selector", "spec.platformRef.name=other"])
            .await
            .expect("functions can be chosen by their platform");
        assert_eq!(chosen, "");
    })
    .await;
}

async fn refused<K>(space: &Space, good: &Value, refusals: &[Refusal])
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let api = dynamic::<K>(space);
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    // Otherwise each bad one might be refused for something else.
    api.create(&dry_run, &parsed(good)).await.unwrap();
    let mut wrong = Vec::new();
    for (change, causes) in refusals {
        let mut bad = good.clone();
        merge(&mut bad, change);
        let said = causes_of(api.create(&dry_run, &parsed(&bad)).await);
        if said != owned(causes) {
            wrong.push(format!("{change}\n  {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn changed(api: &Api<DynamicObject>, name: &str, spec: &Value) -> Vec<(String, String)> {
    let dry_run = PatchParams { dry_run: true, ..PatchParams::default() };
    causes_of(api.patch(name, &dry_run, &Patch::Merge(json!({ "spec": spec }))).await)
}

/// Field and message of each cause that the API server names.
fn causes_of(answer: kube::Result<DynamicObject>) -> Vec<(String, String)> {
    match answer {
        Ok(_) => Vec::new(),
        Err(kube::Error::Api(status)) => {
            let causes = status.details.map(|details| details.causes).unwrap_or_default();
            causes.into_iter().map(|cause| (cause.field, cause.message)).collect()
        }
        Err(other) => panic!("{other}"),
    }
}

fn owned(causes: &[(&str, &str)]) -> Vec<(String, String)> {
    causes.iter().map(|(field, message)| ((*field).to_owned(), (*message).to_owned())).collect()
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

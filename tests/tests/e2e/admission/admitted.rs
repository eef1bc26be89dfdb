//! What is admitted, and what the API server makes of it.

use ace_api::{BackupDestination, BackupSchedule, EdgeFunction, MigrationSet, NotificationChannel, Platform};
use ace_tests::{kstatus, with_namespace};
use kube::api::PostParams;
use serde_json::json;

use super::{channel, destination, dynamic, function, migrations, parsed, platform, schedule};

ace_tests::tests![
    good_objects_are_admitted_with_their_defaults_made_visible,
    a_function_that_says_everything_is_admitted_as_it_is,
    nobody_takes_a_fresh_object_for_finished,
];

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
                "policy": { "approve": ["DataLoss", "Exposure", "Opaque"], "outOfOrder": "Refuse", "whileDrifted": "Apply" },
                "lockTimeout": "2s",
                "statementTimeout": "15m",
                "suspend": false,
            })
        );
        let mut defaulted = channel();
        let defaults = json!({
            "default": false, "severities": ["info", "warning", "error", "critical"], "after": "0s", "unless": "Acknowledged",
            "groupWait": "30s", "groupInterval": "5m", "repeatInterval": "4h", "maxGroups": 20, "sendResolved": true,
            "suspend": false,
        });
        defaulted["spec"].as_object_mut().unwrap().extend(defaults.as_object().unwrap().clone());
        let created = dynamic::<NotificationChannel>(space)
            .create(&PostParams::default(), &parsed(&channel()))
            .await
            .unwrap();
        assert_eq!(created.data["spec"], defaulted["spec"]);
        let mut defaulted = destination();
        (defaulted["spec"]["s3"]["pathStyle"], defaulted["spec"]["suspend"]) = (json!(false), json!(false));
        (defaulted["spec"]["interval"], defaulted["spec"]["catalogue"]) = (json!("1h"), json!("Report"));
        let created = dynamic::<BackupDestination>(space)
            .create(&PostParams::default(), &parsed(&destination()))
            .await
            .unwrap();
        assert_eq!(created.data["spec"], defaulted["spec"]);
        let created = dynamic::<BackupSchedule>(space)
            .create(&PostParams::default(), &parsed(&schedule()))
            .await
            .unwrap();
        let mut defaulted = schedule()["spec"].clone();
        defaulted["destinations"][0]["required"] = json!(true);
        defaulted["objective"]["countPlatform"] = json!(false);
        let defaults = json!({
            "timeZone": "Etc/UTC", "jitter": "0s", "catchUp": "Once", "immediate": false, "deadline": "2h", "attempts": 3,
            "proof": "Rows", "verify": "Archive", "failedLimit": 5, "suspend": false,
            "retention": {
                "last": 3, "daily": 7, "weekly": 13, "monthly": 12, "yearly": 7, "preMigrationDays": 30, "minVerified": 2,
            },
        });
        defaulted.as_object_mut().unwrap().extend(defaults.as_object().unwrap().clone());
        assert_eq!(created.data["spec"], defaulted);
    })
    .await;
}

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

async fn nobody_takes_a_fresh_object_for_finished() {
    with_namespace(async |space| {
        space.apply(&function().to_string()).await;
        let fresh = serde_json::to_value(dynamic::<EdgeFunction>(space).get("hello").await.unwrap()).unwrap();
        assert_eq!(fresh["status"], json!({ "observedGeneration": -1 }));
        assert_eq!(kstatus::status(&fresh), kstatus::Status::InProgress);
        let waited = space
            .kubectl(&["wait", "fn/hello", "--for=condition=Ready", "--timeout=1s"])
            .await;
        assert!(!waited.success && waited.stderr.contains("timed out"), "{waited:?}");
    })
    .await;
}

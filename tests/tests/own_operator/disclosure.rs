//! What an operator lets out that logs everything.

use ace_api::NotificationChannel;
use ace_tests::{
    Database, FLUX_SOURCES, Operator, OperatorOptions, Receiver, Stage, bed, is_true, on_database_of, reason_of,
};
use k8s_openapi::api::{
    core::v1::{ConfigMap, Secret},
    events::v1::Event,
};
use kube::{Api, api::ListParams};
use serde_json::{Value, json};

ace_tests::tests! {
    no_secret_gets_out,
}

/// What only the project's secrets hold.
const CANARY: &str = "canary-5f1d7c0e9b";

async fn no_secret_gets_out() {
    let options = OperatorOptions {
        log: "trace".to_owned(),
        ..OperatorOptions::default()
    };
    let operator = Operator::start(bed(), &options).await;
    on_database_of(&operator, "90s", async |stage, database| {
        migrate(stage).await;
        run(stage).await;
        notify(stage).await;
        assert_nothing_got_out(stage, database).await;
    })
    .await;
}

/// A run, and a file that the database refuses.
async fn migrate(stage: &Stage<'_>) {
    let notes = (
        "1_notes.sql",
        "CREATE TABLE public.notes (body text UNIQUE);\nALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;\n",
    );
    stage.migrations(&[notes]).await;
    stage.migration_set(json!({})).await;
    stage.applied("1").await;
    let twice = format!("INSERT INTO public.notes VALUES ('{CANARY}'), ('{CANARY}');\n");
    stage.migrations(&[notes, ("2_twice.sql", &twice)]).await;
    stage.set_stalled("MigrationFailed").await;
}

/// Roll-outs, drift, roll-back, deletion, every kind of source, and refusals.
async fn run(stage: &Stage<'_>) {
    let secrets = json!([{ "name": "CANARY", "value": CANARY }]);
    stage.project.call("POST", "secrets", Some(secrets)).await;
    stage.source(&[("hello/index.ts", &says("1"))]).await;
    let requires = json!({ "secrets": [{ "anyOf": ["CANARY"] }] });
    let checks = json!([{ "name": "root", "expectStatus": [200], "auth": "Anon" }]);
    let spec = json!({ "requires": requires, "checks": checks, "deletionPolicy": "Delete", "verifyJWT": true });
    stage.function("hello", spec.clone()).await;
    let first = stage.ready("hello").await;
    // A second proven version replaces the first one's archive.
    stage.source(&[("hello/index.ts", &says("2"))]).await;
    stage.rolled_out("hello", &first).await;
    // The same drift twice is one event, counted up.
    for _ in 0..2 {
        let version = stage.project.version("hello").await.unwrap();
        stage
            .project
            .deploy("hello", true, &[("hello/index.ts", &says("theirs"))])
            .await;
        let corrected =
            |function: &Value| function["status"]["live"]["version"] == version + 2 && is_true(function, "Ready");
        stage.until("hello", "is corrected", corrected).await;
    }
    stage
        .source(&[(
            "hello/index.ts",
            "Deno.serve(() => new Response(Deno.env.get(\"CANARY\"), { status: 500 }));\n",
        )])
        .await;
    stage
        .until("hello", "is rolled back", |function| {
            reason_of(function, "Stalled") == "RolledBack"
        })
        .await;

    for kind in FLUX_SOURCES {
        let name = format!("{kind:?}").to_lowercase();
        let source = stage
            .publish(kind, &name, &[(&format!("{name}/index.ts"), &says(&name))])
            .await;
        stage.function(&name, json!({ "source": source })).await;
        stage.ready(&name).await;
    }

    // A token that is none, and one that is refused.
    for token in [format!("{CANARY}\nrest"), format!("sbp_{}", "c".repeat(40))] {
        stage.secret(&token, &stage.project.anon_key).await;
        let stalled = |platform: &Value| ["SecretInvalid", "TokenRejected"].contains(&reason_of(platform, "Stalled"));
        stage
            .space
            .wait::<ace_api::Platform>("prod", "is Stalled", stalled)
            .await;
    }
    stage.secret(&stage.project.token, &stage.project.anon_key).await;
    stage
        .space
        .wait::<ace_api::Platform>("prod", "is Ready", |platform| is_true(platform, "Ready"))
        .await;
}

/// A message that Slack takes, and one that is refused by something that quotes the address.
async fn notify(stage: &Stage<'_>) {
    let slack = Receiver::slack(stage.space);
    let offered = json!({ "name": "slack", "labels": { ace_api::LABEL_USE: "slack" } });
    let secret = json!({ "metadata": offered, "stringData": { "url": slack.url } });
    stage.apply::<Secret>(secret).await;
    for (value, reason) in [("1", "Accepted"), ("2", "Refused")] {
        let key = json!({ "name": "slack", "key": "url" });
        let channel = json!({
            "metadata": { "name": "ops", "annotations": { ace_api::ANNOTATION_TEST_AT: value } },
            "spec": { "slack": { "webhookURLSecretRef": key } },
        });
        stage.apply::<NotificationChannel>(channel).await;
        let sent = |channel: &Value| reason_of(channel, "Ready") == reason;
        stage.space.wait::<NotificationChannel>("ops", reason, sent).await;
        let quoting = json!({ "answer": { "status": 404, "words": slack.url } });
        slack.fault(quoting).await;
    }
}

/// Neither the Platform's keys nor the project's secrets nor a value of a row are anywhere where they could be read.
async fn assert_nothing_got_out(stage: &Stage<'_>, database: &Database) {
    let project = &stage.project;
    let (_, slack_token) = stage.space.bed.bed.file().slack_webhook_url.rsplit_once('/').unwrap();
    let secrets = [
        CANARY,
        project.token.as_str(),
        project.anon_key.as_str(),
        project.service_role_key.as_str(),
        project.jwt_secret.as_str(),
        database.password.as_str(),
        "cccccccccccccccccccc",
        slack_token,
    ];
    let mut places = vec![
        ("the log".to_owned(), stage.operator.log()),
        ("metrics".to_owned(), stage.operator.metrics().await),
    ];
    for (kind, name) in [
        ("Platform", "prod"),
        ("EdgeFunction", "hello"),
        ("MigrationSet", "main"),
        ("NotificationChannel", "ops"),
    ] {
        let versions = stage.space.watch.versions(kind, name);
        assert!(versions.len() > 3, "the watch saw {kind} {name}");
        places.extend(
            versions
                .iter()
                .map(|version| (format!("{kind} {name}"), version.object.to_string())),
        );
    }
    let events = Api::<Event>::all(stage.space.client.clone())
        .list(&ListParams::default())
        .await
        .unwrap();
    assert!(events.items.len() > 3, "the operator told something");
    places.extend(
        events
            .items
            .iter()
            .map(|event| ("an event".to_owned(), format!("{event:?}"))),
    );
    let maps = stage
        .space
        .api::<ConfigMap>()
        .list(&ListParams::default().labels(ace_api::LABEL_ARCHIVE))
        .await
        .unwrap();
    for map in maps.items {
        let archive = map.binary_data.iter().flat_map(|data| data.values()).next().unwrap();
        places.push((
            "an archive".to_owned(),
            format!(
                "{:?}{:?}",
                map.data,
                ace_tests::unpack(&archive.0)
                    .values()
                    .map(|file| String::from_utf8_lossy(file))
                    .collect::<Vec<_>>()
            ),
        ));
    }
    for (place, text) in &places {
        for secret in secrets {
            assert!(!text.contains(secret), "{} is in {place}", &secret[..6]);
        }
    }
}

fn says(word: &str) -> String {
    format!("Deno.serve(() => new Response({word:?}));\n")
}

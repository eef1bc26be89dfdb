//! A Platform that names its database, end to end: the operator's process and a real PostgreSQL.

use ace_api::Platform;
use ace_tests::{PLATFORM, Stage, is_current, is_true, message_of, on_stage, reason_of};
use serde_json::{Value, json};

const HELLO: &str = r#"Deno.serve(() => new Response("hello"));"#;
const HELLO_AGAIN: &str = r#"Deno.serve(() => new Response("hello again"));"#;
const GOODBYE: &str = r#"Deno.serve(() => new Response("goodbye"));"#;

/// What the bed's `postgresql://user:password@host:port/name` says.
struct Way {
    password: String,
    port: u16,
}

impl Way {
    fn of(stage: &Stage<'_>) -> Self {
        let url = &stage.space.bed.bed.file().database_url;
        let (access, place) = url.rsplit_once('@').expect("the URL names a user");
        let password = access.rsplit_once(':').expect("the URL has a password").1.to_owned();
        let port = place.split(['/', ':']).nth(1).and_then(|port| port.parse().ok());
        Self {
            password,
            port: port.expect("the URL has a port"),
        }
    }
}

/// Names a database on this port.
async fn name_database(stage: &Stage<'_>, port: u16) {
    let database = json!({
        "host": "127.0.0.1",
        "port": port,
        "tls": "Disable",
        "passwordSecretRef": { "name": "database", "key": "password" },
    });
    stage.platform(json!({ "interval": "5m", "database": database })).await;
}

async fn platform(stage: &Stage<'_>, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    stage.space.wait::<Platform>(PLATFORM, what, is).await
}

async fn answers(stage: &Stage<'_>, message: &str) -> Value {
    let what = format!("is Ready: {message}");
    platform(stage, &what, |platform| {
        is_true(platform, "Ready") && is_current(platform) && message_of(platform, "Ready") == message
    })
    .await
}

async fn rolls_out(stage: &Stage<'_>, content: &str) {
    let before = stage.ready("hello").await;
    stage.source(&[("hello/index.ts", content)]).await;
    stage.rolled_out("hello", &before).await;
}

ace_tests::tests![a_platform_says_who_its_database_is_and_functions_do_not_depend_on_it,];

async fn a_platform_says_who_its_database_is_and_functions_do_not_depend_on_it() {
    on_stage("5m", async |stage| {
        let way = Way::of(stage);
        stage.source(&[("hello/index.ts", HELLO)]).await;
        stage.function("hello", json!({})).await;
        let without = answers(stage, "API answers").await;
        assert_eq!(without["status"]["database"], Value::Null);
        stage.ready("hello").await;

        // Before its Secret is there, a named database is waited for.
        name_database(stage, way.port).await;
        platform(stage, "waits for the Secret", |platform| {
            reason_of(platform, "Reconciling") == "DatabaseSecretMissing"
        })
        .await;
        stage.password(&way.password).await;
        let with = answers(stage, "API and database answer").await;
        let database = &with["status"]["database"];
        let identifier = database["systemIdentifier"].as_str().unwrap_or_default();
        assert!(identifier.parse::<u64>().is_ok_and(|number| number > 0), "{database}");
        assert!(database["serverVersion"].as_str().is_some_and(|version| !version.contains(' ')));
        assert_eq!(database["timeline"], 1);

        // A password that was changed elsewhere is noticed when a look is asked for, and stops nothing else.
        stage.password("canary-wrong").await;
        stage.ask("platform", PLATFORM, "1").await;
        let stalled = platform(stage, "is Stalled", |platform| is_true(platform, "Stalled")).await;
        assert_eq!(
            (reason_of(&stalled, "Stalled"), message_of(&stalled, "Ready")),
            (
                "DatabasePasswordRejected",
                "the database rejects the password of user `postgres`: put the correct one into key `password` of Secret `database`"
            )
        );
        rolls_out(stage, HELLO_AGAIN).await;
        stage.password(&way.password).await;
        stage.ask("platform", PLATFORM, "2").await;
        assert_eq!(answers(stage, "API and database answer").await["status"]["database"], *database);

        // Nobody listens on port 1.
        name_database(stage, 1).await;
        let silent = platform(stage, "waits for the database", |platform| {
            reason_of(platform, "Reconciling") == "DatabaseUnreachable"
        })
        .await;
        assert!(!is_true(&silent, "Stalled") && !is_true(&silent, "Ready"));
        assert_eq!(silent["status"]["database"], Value::Null);
        rolls_out(stage, GOODBYE).await;
        let log = stage.operator.log();
        assert!(!log.contains(&way.password) && !log.contains("canary-wrong"));
    })
    .await;
}

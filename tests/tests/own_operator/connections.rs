//! How the operator reaches what it works with, and what it does not send there.

use ace_api::Platform;
use ace_tests::{
    Account, Operator, OperatorOptions, PLATFORM, Stage, Tunnels, bed, is_true, message_of, on_database_of,
    on_stage_of, reason_of,
};
use serde_json::{Value, json};
use xtask::rights;

ace_tests::tests! {
    connections_to_the_api_server_that_are_lost_without_a_word_are_noticed,
    a_database_that_can_be_overheard_gets_no_password_without_the_flag,
    a_proxy_of_the_environment_is_used_with_a_kubeconfig_and_in_a_pod,
}

const HELLO: &str = "Deno.serve(() => new Response(\"hello\"));\n";

async fn account() -> Account {
    let kubeconfig = bed()
        .bed
        .service_account_kubeconfig(rights::NAMESPACE, rights::OPERATOR);
    Account::read(&kubeconfig.await.unwrap())
}

/// The waits for a lost connection are those of life: they are not what the scale divides.
async fn connections_to_the_api_server_that_are_lost_without_a_word_are_noticed() {
    let account = account().await;
    let tunnels = Tunnels::to(account.address()).await;
    let options = OperatorOptions {
        kubeconfig: Some(tunnels.kubeconfig(&account)),
        ..OperatorOptions::default()
    };
    let operator = Operator::start(bed(), &options).await;
    on_stage_of(&operator, "24h", async |stage| {
        stage
            .source(&[("hello/index.ts", HELLO), ("again/index.ts", HELLO)])
            .await;
        stage.function("hello", json!({})).await;
        stage.ready("hello").await;
        tunnels.lose_what_is_open();
        // An object of which only a watch tells.
        stage.function("again", json!({})).await;
        stage.ready("again").await;
    })
    .await;
}

async fn a_database_that_can_be_overheard_gets_no_password_without_the_flag() {
    let options = OperatorOptions {
        insecure_database: false,
        ..OperatorOptions::default()
    };
    let operator = Operator::start(bed(), &options).await;
    on_database_of(&operator, "90s", async |stage, database| {
        stage.migrations(&[("1_a.sql", "SELECT 1;\n")]).await;
        stage.migration_set(json!({})).await;
        let refused = |object: &Value| reason_of(object, "Stalled") == "DatabaseInsecure";
        let platform = stage.space.wait::<Platform>(PLATFORM, "is Stalled", refused).await;
        let says = message_of(&platform, "Stalled");
        assert!(says.contains("--allow-insecure-database"), "{says}");
        stage.set_stalled("DatabaseInsecure").await;
        // What is not the database goes on.
        stage.source(&[("hello/index.ts", HELLO)]).await;
        stage.function("hello", json!({})).await;
        stage.ready("hello").await;
        let written = "SELECT count(*)::text FROM pg_namespace WHERE nspname = 'ace_ops'";
        assert_eq!(database.rows(written).await, ["0"]);
    })
    .await;
}

/// Another project, of which only the real Management API knows.
async fn far_away(stage: &Stage<'_>) {
    let key = json!({ "name": "supabase", "key": "token" });
    let spec = json!({ "project": "abcdefghijklmnopqrst", "interval": "24h", "api": { "tokenSecretRef": key } });
    stage
        .apply::<Platform>(json!({ "metadata": { "name": "far" }, "spec": spec }))
        .await;
}

async fn a_proxy_of_the_environment_is_used_with_a_kubeconfig_and_in_a_pod() {
    let api_server = format!("CONNECT {}", account().await.address());
    for (in_pod, not_for, asks_for_the_api_server) in [
        (false, None, true),
        (false, Some("127.0.0.1"), false),
        // A pod reaches the API server of its cluster by an address that no proxy outside of it knows.
        (true, None, false),
    ] {
        let tunnels = Tunnels::on_request().await;
        let mut environment = vec![("HTTPS_PROXY", tunnels.url())];
        environment.extend(not_for.map(|host: &str| ("NO_PROXY", host.to_owned())));
        let options = OperatorOptions {
            in_pod,
            api_host: Some("api.supabase.com"),
            environment,
            ..OperatorOptions::default()
        };
        let operator = Operator::start(bed(), &options).await;
        on_stage_of(&operator, "90s", async |stage| {
            let near = |platform: &Value| is_true(platform, "Ready");
            stage.space.wait::<Platform>(PLATFORM, "is Ready", near).await;
            far_away(stage).await;
            let asked = async || {
                let asked = tunnels.asked();
                asked.contains(&"CONNECT api.supabase.com:443".to_owned()).then_some(())
            };
            stage
                .eventually("the proxy is asked for the Management API", asked)
                .await;
        })
        .await;
        let asked = tunnels.asked();
        assert_eq!(
            asked.contains(&api_server),
            asks_for_the_api_server,
            "in a pod: {in_pod}, {not_for:?}: {asked:?}"
        );
    }
}

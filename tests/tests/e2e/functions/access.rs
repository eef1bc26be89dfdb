//! What the operator may not, and what it can't be led to.

use ace_api::{Platform, Process};
use ace_tests::{
    Operator, PLATFORM, Project, Stage, is_observed, is_true, message_of, on_stage, reason_of, with_namespace,
};
use k8s_openapi::api::{core::v1::Secret, rbac::v1::RoleBinding};
use kube::api::DeleteParams;
use serde_json::{Value, json};
use xtask::rights;

use super::{OFTEN, RARELY, sources::says};

ace_tests::tests![
    without_rights_the_object_says_which_command_mends_it_and_after_it_all_is_well,
    a_token_that_is_refused_stalls_the_platform_and_a_good_one_mends_it,
    a_host_that_is_not_allowed_is_never_called,
    no_credential_leaves_for_another_project_and_no_secret_that_is_not_offered,
    an_access_token_is_not_shown_to_a_gateway_as_anonymous_key,
    a_secret_that_is_not_offered_stalls_the_platform_and_the_command_in_the_message_offers_it,
];

async fn without_rights_the_object_says_which_command_mends_it_and_after_it_all_is_well() {
    with_namespace(async |space| {
        let bindings = space.api::<RoleBinding>();
        bindings
            .delete(rights::OPERATOR, &DeleteParams::default())
            .await
            .unwrap();
        let project = Project::create(space.bed.bed.file()).await;
        let stage = Stage {
            space,
            project,
            operator: Operator::shared(),
        };
        stage.secret(&stage.project.token, &stage.project.anon_key).await;
        stage.source(&[("hello/index.ts", &says("hello"))]).await;
        stage.platform(json!({ "interval": OFTEN })).await;
        stage.function("hello", json!({})).await;

        let stalled = |object: &Value| reason_of(object, "Stalled") == "AccessMissing";
        let platform = space
            .wait::<Platform>(PLATFORM, "is Stalled/AccessMissing", stalled)
            .await;
        let message = message_of(&platform, "Stalled").to_owned();
        let command = &message[message.find("kubectl ").unwrap()..];
        assert_eq!(
            command,
            rights::grant_command(Process::Operator, &space.name),
            "{message}"
        );
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        space.bed.kubectl.run(&words).await.expect("the command is right");

        space
            .wait::<Platform>(PLATFORM, "is Ready", |object| is_true(object, "Ready"))
            .await;
        stage.ready("hello").await;
    })
    .await;
}

async fn a_token_that_is_refused_stalls_the_platform_and_a_good_one_mends_it() {
    on_stage(OFTEN, async |stage| {
        stage.source(&[("hello/index.ts", &says("hello"))]).await;
        stage.function("hello", json!({})).await;
        stage.ready("hello").await;
        let wrong = format!("sbp_{}", "0".repeat(40));
        stage.secret(&wrong, &stage.project.anon_key).await;
        let rejected = |object: &Value| reason_of(object, "Stalled") == "TokenRejected";
        stage
            .space
            .wait::<Platform>(PLATFORM, "is Stalled/TokenRejected", rejected)
            .await;
        stage
            .until("hello", "is out of sight", |function| {
                reason_of(function, "Ready") == "NotObserved"
            })
            .await;
        stage.secret(&stage.project.token, &stage.project.anon_key).await;
        stage
            .space
            .wait::<Platform>(PLATFORM, "is Ready", |object| is_true(object, "Ready"))
            .await;
        stage.ready("hello").await;
    })
    .await;
}

async fn a_host_that_is_not_allowed_is_never_called() {
    on_stage(RARELY, async |stage| {
        let elsewhere =
            json!({ "url": "http://127.0.0.2:9", "tokenSecretRef": { "name": "supabase", "key": "token" } });
        let ready = |object: &Value| is_true(object, "Ready");
        stage.space.wait::<Platform>(PLATFORM, "is Ready", ready).await;
        let since = stage.project.now().await;
        stage.platform(json!({ "interval": RARELY, "api": elsewhere })).await;
        let refused = |object: &Value| reason_of(object, "Stalled") == "HostNotAllowed";
        let platform = stage
            .space
            .wait::<Platform>(PLATFORM, "is Stalled/HostNotAllowed", refused)
            .await;
        assert!(
            message_of(&platform, "Stalled").ends_with("`--allow-api-host`"),
            "{platform:#}"
        );
        assert_eq!(stage.project.requests(since).await, []);
    })
    .await;
}

/// Somebody who may write Platforms names a project and a gateway of their own, and a Secret of another purpose.
async fn no_credential_leaves_for_another_project_and_no_secret_that_is_not_offered() {
    on_stage(RARELY, async |stage| {
        let file = stage.space.bed.bed.file();
        let (project, theirs) = (Project::create(file).await, Project::create(file).await);
        let unrelated = json!({ "metadata": { "name": "unrelated" }, "stringData": { "password": "canary" } });
        stage.apply::<Secret>(unrelated).await;
        stage.source(&[("catch/index.ts", &says("caught"))]).await;
        let secret = |name, key| json!({ "name": name, "key": key });
        let (token, unrelated) = (secret("supabase", "token"), secret("unrelated", "password"));
        // The same server by a name that no flag allows.
        let elsewhere = theirs.gateway.replace("127.0.0.1", "localhost");
        let offer = format!(
            "kubectl label secret -n {} unrelated ops.mobulace.com/use=",
            stage.space.name
        );
        for (name, url, token, key, reason, ending) in [
            (
                "url",
                &elsewhere,
                &token,
                &secret("supabase", "anon"),
                "HostNotAllowed",
                "`--allow-gateway-host`",
            ),
            (
                "key",
                &theirs.gateway,
                &token,
                &unrelated,
                "SecretNotOffered",
                &*format!("{offer}anon-key"),
            ),
            (
                "token",
                &theirs.gateway,
                &unrelated,
                &unrelated,
                "SecretNotOffered",
                &*format!("{offer}token"),
            ),
        ] {
            let api = json!({ "url": file.api_url, "tokenSecretRef": token });
            let spec = json!({ "project": project.reference, "url": url, "api": api, "anonKeySecretRef": key });
            stage
                .apply::<Platform>(json!({ "metadata": { "name": name }, "spec": spec }))
                .await;
            let checks = json!([{ "name": "root", "expectStatus": [200], "auth": "Anon" }]);
            let function = json!({ "platformRef": { "name": name }, "entrypoint": "catch/index.ts", "checks": checks });
            stage.function(name, function).await;
            let stalled = |object: &Value| reason_of(object, "Stalled") == reason;
            let platform = stage
                .space
                .wait::<Platform>(name, &format!("is Stalled/{reason}"), stalled)
                .await;
            assert!(message_of(&platform, "Stalled").ends_with(ending), "{platform:#}");
            stage.until(name, "was observed", is_observed).await;
        }
        assert_eq!(project.requests(0).await, []);
        assert_eq!(theirs.requests(0).await, []);
    })
    .await;
}

/// One Secret offers both uses: the label alone does not tell its keys apart.
async fn an_access_token_is_not_shown_to_a_gateway_as_anonymous_key() {
    on_stage(RARELY, async |stage| {
        let file = stage.space.bed.bed.file();
        let (project, theirs) = (Project::create(file).await, Project::create(file).await);
        let token = json!({ "name": "supabase", "key": "token" });
        let api = json!({ "url": file.api_url, "tokenSecretRef": token });
        let spec =
            json!({ "project": project.reference, "url": theirs.gateway, "api": api, "anonKeySecretRef": token });
        stage
            .apply::<Platform>(json!({ "metadata": { "name": "thief" }, "spec": spec }))
            .await;
        stage.source(&[("catch/index.ts", &says("caught"))]).await;
        let checks = json!([{ "name": "root", "expectStatus": [200], "auth": "Anon" }]);
        stage
            .function("catch", json!({ "platformRef": { "name": "thief" }, "checks": checks }))
            .await;
        let waits = |function: &Value| reason_of(function, "Reconciling") == "WaitingForKey";
        stage.until("catch", "waits for a key", waits).await;
        assert_eq!(theirs.requests(0).await, []);
    })
    .await;
}

async fn a_secret_that_is_not_offered_stalls_the_platform_and_the_command_in_the_message_offers_it() {
    on_stage(OFTEN, async |stage| {
        let ready = |object: &Value| is_true(object, "Ready");
        stage.space.wait::<Platform>(PLATFORM, "is Ready", ready).await;
        let withdraw = [
            "label",
            "secret",
            "supabase",
            "--overwrite",
            "ops.mobulace.com/use=database",
        ];
        stage.space.kubectl(&withdraw).await.expect("a Secret can be labelled");
        for uses in ["database.token", "database.token.anon-key"] {
            let command = format!(
                "kubectl label secret -n {} supabase --overwrite ops.mobulace.com/use={uses}",
                stage.space.name
            );
            let stalled = |object: &Value| {
                reason_of(object, "Stalled") == "SecretNotOffered" && message_of(object, "Stalled").ends_with(&command)
            };
            stage
                .space
                .wait::<Platform>(PLATFORM, &format!("says {command}"), stalled)
                .await;
            let words: Vec<&str> = command.split(' ').skip(1).collect();
            stage.space.bed.kubectl.run(&words).await.expect("the command is right");
        }
        stage.space.wait::<Platform>(PLATFORM, "is Ready", ready).await;
    })
    .await;
}

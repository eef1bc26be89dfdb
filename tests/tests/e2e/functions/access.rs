//! What the operator may not, and what it can't be led to.

use ace_api::Platform;
use ace_tests::{Operator, PLATFORM, Project, Stage, is_true, message_of, on_stage, reason_of, with_namespace};
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use xtask::rights;

use super::{OFTEN, RARELY, sources::says};

crate::tests![
    without_rights_the_object_says_which_command_mends_it_and_after_it_all_is_well,
    a_token_that_is_refused_stalls_the_platform_and_a_good_one_mends_it,
    a_host_that_is_not_allowed_is_never_called,
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
        assert_eq!(command, rights::grant_command(&space.name), "{message}");
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
        stage.platform(json!({ "interval": RARELY, "api": elsewhere })).await;
        let refused = |object: &Value| reason_of(object, "Stalled") == "HostNotAllowed";
        let platform = stage
            .space
            .wait::<Platform>(PLATFORM, "is Stalled/HostNotAllowed", refused)
            .await;
        assert!(
            message_of(&platform, "Stalled").contains("`--allow-host`"),
            "{platform:#}"
        );
    })
    .await;
}

//! Functions that are live before their object is, and objects that want the same function.

use ace_api::{EdgeFunction, Platform};
use ace_tests::{PLATFORM, Stage, is_current, is_true, message_of, on_stage, reason_of, with_namespace};
use jiff::{SignedDuration, Timestamp};
use kube::api::DeleteParams;
use serde_json::{Value, json};

use super::{
    OFTEN, RARELY,
    sources::{GREETER, says, who},
};

ace_tests::tests![
    live_content_that_is_the_wanted_one_is_adopted_without_an_upload,
    other_content_is_left_alone_until_it_may_be_replaced_and_is_archived_then,
    observe_sees_everything_and_writes_nothing,
    a_slug_belongs_to_the_older_object_also_of_another_namespace_until_that_goes,
    who_can_not_list_a_project_keeps_no_slug_of_it_from_those_who_can,
];

async fn live_content_that_is_the_wanted_one_is_adopted_without_an_upload() {
    on_stage(RARELY, async |stage| {
        let tree: [(&str, &str); 2] = [("hello/index.ts", GREETER), ("_shared/who.ts", &who("world"))];
        stage.project.deploy("hello", false, &tree).await;
        stage.source(&tree).await;
        stage.function("hello", json!({})).await;
        let function = stage.ready("hello").await;
        assert_eq!(function["status"]["history"][0]["type"], "Adopted");
        assert_eq!(reason_of(&function, "Drifted"), "NoDrift");
        assert_eq!(stage.project.changes(0).await, []);
        assert_eq!(stage.archives("hello", "Proven").await.len(), 1);
    })
    .await;
}

async fn other_content_is_left_alone_until_it_may_be_replaced_and_is_archived_then() {
    on_stage(RARELY, async |stage| {
        stage
            .project
            .deploy("hello", true, &[("hello/index.ts", &says("theirs"))])
            .await;
        stage.source(&[("hello/index.ts", &says("ours"))]).await;
        stage.function("hello", json!({})).await;
        let function = stage.stalled("hello", "AdoptionConflict").await;
        assert!(
            message_of(&function, "Stalled").contains("`spec.adoptionPolicy: Always`"),
            "{function:#}"
        );
        assert_eq!(function["status"]["live"]["revision"], "foreign");
        assert_eq!(stage.project.changes(0).await, []);

        stage.function("hello", json!({ "adoptionPolicy": "Always" })).await;
        stage.ready("hello").await;
        assert_eq!(stage.project.uploads(0).await, ["hello"]);
        assert_eq!(stage.project.answer("hello").await, "ours");
        let archives = stage.archives("hello", "Foreign").await;
        let kept: Vec<&String> = archives.iter().flat_map(|archive| archive.values()).collect();
        assert_eq!(
            kept.iter().filter(|content| ***content == says("theirs")).count(),
            1,
            "{archives:#?}"
        );
    })
    .await;
}

async fn observe_sees_everything_and_writes_nothing() {
    on_stage(OFTEN, async |stage| {
        stage.source(&[("hello/index.ts", &says("ours"))]).await;
        stage.function("hello", json!({ "mode": "Observe" })).await;
        let drifted = |reason: &'static str| {
            move |function: &Value| reason_of(function, "Drifted") == reason && is_true(function, "Ready")
        };
        stage.until("hello", "is not live", drifted("NotCompared")).await;

        stage
            .project
            .deploy("hello", false, &[("hello/index.ts", &says("theirs"))])
            .await;
        stage.until("hello", "is Foreign", drifted("Foreign")).await;

        stage
            .project
            .deploy("hello", false, &[("hello/index.ts", &says("ours"))])
            .await;
        stage.until("hello", "has no drift", drifted("NoDrift")).await;

        stage
            .project
            .call("PATCH", "functions/hello", Some(json!({ "verify_jwt": true })))
            .await;
        let function = stage.until("hello", "is changed", drifted("OutOfBandChange")).await;
        assert_eq!(
            function["status"]["drift"]["fields"],
            json!([{ "path": "verifyJWT", "desired": "false", "observed": "true" }])
        );

        stage.project.call("DELETE", "functions/hello", None).await;
        stage.until("hello", "is Missing", drifted("Missing")).await;
        assert_eq!(stage.project.changes(0).await, []);
        assert!(is_true(&stage.until("hello", "is Ready", is_current).await, "Ready"));
    })
    .await;
}

async fn a_slug_belongs_to_the_older_object_also_of_another_namespace_until_that_goes() {
    on_stage(RARELY, async |stage| {
        stage.source(&[("hello/index.ts", &says("older"))]).await;
        stage.function("hello", json!({})).await;
        let older = stage.ready("hello").await;
        // Ages are told in seconds; of two of the same second the lower uid would own it.
        let created: Timestamp = older["metadata"]["creationTimestamp"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let is_past = async || (Timestamp::now() >= created + SignedDuration::from_secs(1)).then_some(());
        stage.eventually("a second has passed", is_past).await;
        with_namespace(async |space| {
            let other = Stage {
                space,
                project: stage.project.clone(),
                operator: stage.operator,
            };
            other.secret(&stage.project.token, &stage.project.anon_key).await;
            other.platform(json!({ "interval": RARELY })).await;
            other.source(&[("hello/index.ts", &says("younger"))]).await;
            other
                .function(
                    "rival",
                    json!({ "slug": "hello", "entrypoint": "hello/index.ts", "adoptionPolicy": "Always" }),
                )
                .await;
            other
                .function(
                    "watcher",
                    json!({ "slug": "hello", "entrypoint": "hello/index.ts", "mode": "Observe" }),
                )
                .await;
            let rival = other.stalled("rival", "SlugClaimed").await;
            // Not its name: whoever reads this one may see nothing of that namespace.
            let owner = "an older EdgeFunction in another namespace owns slug `hello`";
            assert!(message_of(&rival, "Stalled").starts_with(owner), "{rival:#}");
            assert!(!rival.to_string().contains(&stage.space.name), "{rival:#}");
            other.ready("watcher").await;
            assert_eq!(stage.project.uploads(0).await, ["hello"]);

            let functions = stage.space.api::<EdgeFunction>();
            functions.delete("hello", &DeleteParams::default()).await.unwrap();
            other.ready("rival").await;
            assert_eq!(stage.project.answer("hello").await, "younger");
            assert_eq!(stage.project.uploads(0).await, ["hello", "hello"]);
        })
        .await;
    })
    .await;
}

async fn who_can_not_list_a_project_keeps_no_slug_of_it_from_those_who_can() {
    on_stage(RARELY, async |stage| {
        with_namespace(async |space| {
            let squatter = Stage {
                space,
                project: stage.project.clone(),
                operator: stage.operator,
            };
            // The project's reference is no secret; the token is another's.
            squatter
                .secret(&format!("sbp_{}", "0".repeat(40)), &stage.project.anon_key)
                .await;
            // Another spelling of the same server.
            let url = squatter.space.bed.bed.file().api_url.replace("127.0.0.1", "127.0.0.1.");
            let api = json!({ "url": url, "tokenSecretRef": { "name": "supabase", "key": "token" } });
            squatter.platform(json!({ "interval": RARELY, "api": api })).await;
            squatter.source(&[("hello/index.ts", &says("squatter"))]).await;
            squatter.function("hello", json!({})).await;
            let rejected = |platform: &Value| reason_of(platform, "Stalled") == "TokenRejected";
            let checked = squatter
                .space
                .wait::<Platform>(PLATFORM, "is Stalled/TokenRejected", rejected)
                .await;
            let created: Timestamp = checked["metadata"]["creationTimestamp"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap();
            let is_past = async || (Timestamp::now() >= created + SignedDuration::from_secs(2)).then_some(());
            stage.eventually("the squatter is older", is_past).await;

            stage.source(&[("hello/index.ts", &says("owner"))]).await;
            stage.function("hello", json!({})).await;
            stage.ready("hello").await;
            assert_eq!(stage.project.answer("hello").await, "owner");
            // And is told nothing of who else deploys there.
            let squatting = squatter.until("hello", "is there", |_| true).await;
            assert!(
                !squatting["status"].to_string().contains("SlugClaimed"),
                "{squatting:#}"
            );
        })
        .await;
    })
    .await;
}

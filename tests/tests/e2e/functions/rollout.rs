//! A changed desired state is rolled out: to whom, in which order, and what a failed check does.

use std::time::Duration;

use ace_tests::{BODY, LIST, Stage, UPLOAD, is_true, message_of, on_stage, reason_of};
use serde_json::{Value, json};

use super::{
    OFTEN, RARELY,
    sources::{GREETER, broken, says, who},
};

/// Three functions that reach `_shared/who.ts`, in waves against their alphabet, and one that does not.
const WAVES: [(&str, i32); 3] = [("c", 0), ("b", 1), ("a", 2)];

ace_tests::tests![
    one_byte_in_a_shared_file_uploads_exactly_those_who_reach_it_wave_by_wave,
    a_higher_wave_waits_for_a_stalled_member_and_names_it_until_it_is_suspended,
    status_that_was_wiped_is_found_again_without_an_upload,
    failed_checks_roll_back_the_failed_content_is_not_tried_again_and_a_fix_goes_through,
    without_a_proven_version_what_failed_stays_live_and_is_said_to_have_failed,
    a_missing_import_is_refused_before_any_upload_with_file_and_line,
    an_answer_that_was_lost_after_the_deploy_is_no_reason_to_deploy_again,
    a_list_that_is_stale_after_the_deploy_is_waited_out,
    kubectl_wait_returns_when_the_desired_state_is_live_and_never_before,
];

async fn one_byte_in_a_shared_file_uploads_exactly_those_who_reach_it_wave_by_wave() {
    on_stage(RARELY, async |stage| {
        shared_tree(stage, "world", "1").await;
        for (name, wave) in WAVES {
            stage.function(name, json!({ "wave": wave })).await;
        }
        stage.function("alone", json!({})).await;
        let mut before = Vec::new();
        for name in ["a", "b", "c", "alone"] {
            before.push(stage.ready(name).await);
        }

        let since = stage.project.now().await;
        shared_tree(stage, "World", "1").await;
        for (n, name) in ["a", "b", "c"].into_iter().enumerate() {
            before[n] = stage.rolled_out(name, &before[n]).await;
        }
        assert_eq!(stage.project.uploads(since).await, ["c", "b", "a"]);
        assert_eq!(stage.project.answer("a").await, "hello World");

        // A file that nobody reaches.
        let since = stage.project.now().await;
        let revision = before[0]["status"]["source"]["artifactRevision"].clone();
        shared_tree(stage, "World", "2").await;
        for name in ["a", "b", "c", "alone"] {
            stage
                .until(name, "has seen the new tree", |function| {
                    function["status"]["source"]["artifactRevision"] != revision && is_true(function, "Ready")
                })
                .await;
        }
        assert_eq!(stage.project.changes(since).await, []);
    })
    .await;
}

async fn shared_tree(stage: &Stage<'_>, name: &str, unreached: &str) {
    let (who, alone, unreached) = (who(name), says("alone"), says(unreached));
    let tree = [
        ("a/index.ts", GREETER),
        ("b/index.ts", GREETER),
        ("c/index.ts", GREETER),
        ("alone/index.ts", &alone),
        ("_shared/who.ts", &who),
        ("_shared/unreached.ts", &unreached),
    ];
    stage.source(&tree).await;
}

async fn a_higher_wave_waits_for_a_stalled_member_and_names_it_until_it_is_suspended() {
    on_stage(RARELY, async |stage| {
        stage.source(&[("second/index.ts", &says("second"))]).await;
        // Its entry is not in the tree.
        stage.function("first", json!({})).await;
        stage.function("second", json!({ "wave": 1 })).await;
        stage.stalled("first", "SourceInvalid").await;
        let named = |function: &Value| {
            message_of(function, "Ready").contains("first (stalled; fix it, or suspend it to continue without it)")
        };
        let second = stage.until("second", "names who is in its way", named).await;
        assert_eq!(reason_of(&second, "Reconciling"), "WaitingForWave");
        stage.function("first", json!({ "suspend": true })).await;
        stage.ready("second").await;
    })
    .await;
}

async fn status_that_was_wiped_is_found_again_without_an_upload() {
    on_stage(OFTEN, async |stage| {
        stage
            .source(&[("one/index.ts", &says("1")), ("two/index.ts", &says("2"))])
            .await;
        let checks = json!([{ "name": "root", "expectStatus": [200] }]);
        for name in ["one", "two"] {
            stage.function(name, json!({ "checks": checks })).await;
        }
        for name in ["one", "two"] {
            stage.ready(name).await;
        }
        let since = stage.project.now().await;
        let adopted = |function: &Value| {
            let status = &function["status"];
            let found = status["applied"]["revision"] == status["source"]["revision"];
            found && is_true(function, "Ready") && status["history"][0]["type"] == "Adopted"
        };

        let wipe = [
            "patch",
            "--subresource=status",
            "--type=merge",
            "-p",
            r#"{"status":null}"#,
        ];
        for object in ["fn/one", "fn/two", "plat/prod"] {
            stage
                .space
                .kubectl(&[&wipe[..], &[object]].concat())
                .await
                .expect("status can be wiped");
        }
        for name in ["one", "two"] {
            stage.until(name, "is found again", adopted).await;
        }
        assert_eq!(stage.project.changes(since).await, []);

        let all = [
            "delete",
            "fn/one",
            "fn/two",
            "plat/prod",
            "secret/supabase",
            "configmap/tree",
        ];
        stage.space.kubectl(&all).await.expect("everything can be deleted");
        stage.secret(&stage.project.token, &stage.project.anon_key).await;
        stage.platform(json!({ "interval": OFTEN })).await;
        stage
            .source(&[("one/index.ts", &says("1")), ("two/index.ts", &says("2"))])
            .await;
        for name in ["one", "two"] {
            stage.function(name, json!({ "checks": checks })).await;
            stage.until(name, "is found again", adopted).await;
        }
        assert_eq!(stage.project.changes(since).await, []);
        assert_eq!(stage.project.version("one").await, Some(1));
    })
    .await;
}

async fn failed_checks_roll_back_the_failed_content_is_not_tried_again_and_a_fix_goes_through() {
    on_stage(OFTEN, async |stage| {
        stage.source(&[("hello/index.ts", &says("good"))]).await;
        stage
            .function(
                "hello",
                json!({ "checks": [{ "name": "root", "expectStatus": [200] }] }),
            )
            .await;
        let good = stage.ready("hello").await;

        let since = stage.project.now().await;
        stage.source(&[("hello/index.ts", broken())]).await;
        let back = |function: &Value| {
            reason_of(function, "Stalled") == "RolledBack" && function["status"]["live"]["version"] == 3
        };
        let rolled = stage.until("hello", "was rolled back", back).await;
        let good = &good["status"]["source"]["revision"];
        let status = &rolled["status"];
        assert_eq!(
            (&status["live"]["revision"], &status["proven"]["revision"]),
            (good, good)
        );
        assert_eq!(status["source"]["failed"], true);
        let expected = format!(
            "check root got 500; roll-back to {}; change the source",
            good.as_str().unwrap()
        );
        assert_eq!(message_of(&rolled, "Stalled"), expected);
        assert_eq!(reason_of(&rolled, "Drifted"), "NoDrift");
        assert_eq!(stage.project.answer("hello").await, "good");
        assert_eq!(stage.project.uploads(since).await, ["hello", "hello"]);

        // Neither looks nor another revision of the tree with the same content bring it back.
        let since = stage.project.now().await;
        stage
            .source(&[("hello/index.ts", broken()), ("other/index.ts", &says("other"))])
            .await;
        let revision = status["source"]["artifactRevision"].clone();
        stage
            .until("hello", "has seen the new tree", |function| {
                function["status"]["source"]["artifactRevision"] != revision
            })
            .await;
        stage
            .eventually("two lists", async || {
                (stage.project.count(since, LIST).await >= 2).then_some(())
            })
            .await;
        assert_eq!(stage.project.changes(since).await, []);

        stage.source(&[("hello/index.ts", &says("better"))]).await;
        stage.ready("hello").await;
        assert_eq!(stage.project.uploads(since).await, ["hello"]);
        assert_eq!(stage.project.answer("hello").await, "better");
    })
    .await;
}

async fn without_a_proven_version_what_failed_stays_live_and_is_said_to_have_failed() {
    on_stage(RARELY, async |stage| {
        stage.source(&[("hello/index.ts", broken())]).await;
        stage
            .function(
                "hello",
                json!({ "checks": [{ "name": "root", "expectStatus": [200] }] }),
            )
            .await;
        let function = stage.stalled("hello", "ChecksFailed").await;
        assert!(
            message_of(&function, "Stalled").starts_with("check root got 500; "),
            "{function:#}"
        );
        assert_eq!(stage.project.uploads(0).await, ["hello"]);
    })
    .await;
}

async fn a_missing_import_is_refused_before_any_upload_with_file_and_line() {
    on_stage(RARELY, async |stage| {
        stage.source(&[("hello/index.ts", GREETER)]).await;
        stage.function("hello", json!({})).await;
        let function = stage.stalled("hello", "SourceInvalid").await;
        let message = message_of(&function, "Stalled");
        assert!(
            message.starts_with(r#"hello/index.ts:1 imports "../_shared/who.ts", and _shared/who.ts is not"#),
            "{message}"
        );
        assert_eq!(stage.project.changes(0).await, []);
        stage
            .source(&[("hello/index.ts", GREETER), ("_shared/who.ts", &who("world"))])
            .await;
        stage.ready("hello").await;
    })
    .await;
}

async fn an_answer_that_was_lost_after_the_deploy_is_no_reason_to_deploy_again() {
    on_stage(OFTEN, async |stage| {
        stage.source(&[("hello/index.ts", &says("hello"))]).await;
        let lost = json!({ "route": UPLOAD, "fault": { "dropAnswer": {} }, "times": 1 });
        let fault = stage.project.fault(lost).await;
        stage.function("hello", json!({})).await;
        stage.ready("hello").await;
        fault.off().await;
        assert_eq!(stage.project.uploads(0).await, ["hello"]);
        assert_eq!(stage.project.version("hello").await, Some(1));
    })
    .await;
}

async fn a_list_that_is_stale_after_the_deploy_is_waited_out() {
    on_stage(OFTEN, async |stage| {
        stage.source(&[("hello/index.ts", &says("1"))]).await;
        stage.function("hello", json!({})).await;
        let first = stage.ready("hello").await;
        let since = stage.project.now().await;
        let stale = stage
            .project
            .fault(json!({ "route": LIST, "fault": { "staleList": {} }, "times": 3 }))
            .await;
        stage.source(&[("hello/index.ts", &says("2"))]).await;
        let second = stage.rolled_out("hello", &first).await;
        stale.off().await;
        assert_eq!(second["status"]["live"]["version"], 2);
        assert_eq!(stage.project.uploads(since).await, ["hello"]);
        assert!(stage.project.count(since, BODY).await <= 1);
    })
    .await;
}

async fn kubectl_wait_returns_when_the_desired_state_is_live_and_never_before() {
    on_stage(RARELY, async |stage| {
        let other = says("other");
        stage
            .source(&[("hello/index.ts", &says("hello")), ("hello/other.ts", &other)])
            .await;
        // So long that whoever returns early is found out.
        let slow = json!({ "route": UPLOAD, "fault": { "delayMilliseconds": 1_000 } });
        stage.project.fault(slow).await;
        let wait = ["wait", "--for=condition=Ready", "fn/hello", "--timeout=60s"];
        for (version, spec, answer) in [
            (1, json!({}), "hello"),
            (2, json!({ "entrypoint": "hello/other.ts" }), "other"),
            (3, json!({ "entrypoint": "hello/index.ts" }), "hello"),
        ] {
            stage.function("hello", spec).await;
            stage.space.kubectl(&wait).await.expect("the function becomes Ready");
            assert_eq!(stage.project.version("hello").await, Some(version));
            assert_eq!(stage.project.answer("hello").await, answer);
        }
        // Not Ready, and not ever: it says so by its exit code, in its own time.
        stage
            .function("hello", json!({ "entrypoint": "hello/absent.ts" }))
            .await;
        stage.stalled("hello", "SourceInvalid").await;
        let ran = stage
            .space
            .kubectl(&["wait", "--for=condition=Ready", "fn/hello", "--timeout=1s"])
            .await;
        assert!(!ran.success, "{ran:?}");
        let stalled = stage
            .space
            .kubectl(&["wait", "--for=condition=Stalled", "fn/hello", "--timeout=60s"]);
        tokio::time::timeout(Duration::from_mins(1), stalled)
            .await
            .unwrap()
            .expect("it is Stalled");
    })
    .await;
}

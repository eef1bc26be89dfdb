//! What `kubectl` shows of the kinds, and refuses by itself.

use ace_tests::with_namespace;
use serde_json::json;

use super::{function, migrations, platform};

ace_tests::tests![
    kubectl_refuses_a_field_that_does_not_exist,
    kubectl_explain_teaches_the_modes_and_the_reasons,
    the_columns_are_those_of_the_design,
];

async fn kubectl_refuses_a_field_that_does_not_exist() {
    with_namespace(async |space| {
        let mut object = function();
        object["spec"]["verifyJwt"] = json!(false);
        let ran = space.kubectl_with(&["create", "-f", "-"], &object.to_string()).await;
        assert!(ran.stderr.contains("unknown field \"spec.verifyJwt\""), "{ran:?}");
    })
    .await;
}

async fn kubectl_explain_teaches_the_modes_and_the_reasons() {
    with_namespace(async |space| {
        let explained = async |path: &str| {
            // The API server has a definition a moment before it describes its fields.
            let text = space
                .eventually("the API server describes the field", async || {
                    let ran = space.kubectl(&["explain", path]).await;
                    ran.success.then_some(ran.stdout)
                })
                .await;
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let mode = explained("edgefunction.spec.mode").await;
        for says in [
            "ENUM: Enforce Apply Observe",
            "`Enforce`: A change of the spec or source is rolled out; an out-of-band change is reported, then corrected.",
            "`Observe`: Nothing is ever written to the platform: differences are only reported.",
        ] {
            assert!(mode.contains(says), "{mode}");
        }
        let spec = explained("migs.spec").await;
        for says in [
            "`20260301000000_add_codes.sql`. The digits are the version",
            "so an approval is valid for exactly these.",
            "An out-of-band change of the schema is reported and never corrected, so there is no `Enforce`.",
            "they are recorded without being run.",
        ] {
            assert!(spec.contains(says), "{spec}");
        }
        let classes = explained("migs.spec.policy.approve").await;
        assert!(classes.contains("`Opaque`: The effect can't be determined from the text: SQL that is put together while it runs"), "{classes}");
        let conditions = explained("migs.status.conditions").await;
        assert!(conditions.contains("`ApprovalRequired` (Stalled: "), "{conditions}");
        let conditions = explained("edgefunction.status.conditions").await;
        assert!(conditions.contains("`RolledBack` (Stalled: checks failed, and the last proven content is live again)"), "{conditions}");
    })
    .await;
}

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

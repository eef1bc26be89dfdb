//! Each form, and the change in place, by kstatus alone.

use std::fs;

use ace_api::EdgeFunction;
use ace_domain::inputs::sha256;
use ace_sandbox::bed::SourceKind;
use ace_tests::{Stage, TREE, is_current, on_database, on_stage};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use super::{FUNCTION, RARELY, apply, as_str, files, generation, objects, packed, waits};
use crate::{team::team, wait::wait};

ace_tests::tests![
    a_name_with_a_hash_is_current_when_its_content_is_live_and_never_before,
    a_pinned_digest_is_current_when_its_content_is_live_whether_source_or_spec_comes_first,
    a_commit_of_a_git_repository_is_live_in_functions_and_migrations_when_the_waiting_ends,
    content_that_changes_in_place_is_current_before_it_is_live_and_only_ace_wait_waits_for_it,
];

async fn a_name_with_a_hash_is_current_when_its_content_is_live_and_never_before() {
    on_database(RARELY, async |stage, database| {
        let kustomization = format!(
            "namespace: {}\nresources: [project.yaml]\nconfigMapGenerator: [{{name: {TREE}, files: [tree.tar.gz]}}]\n",
            stage.space.name
        );
        let dir = team(&["name-references"], &kustomization);
        let folder = dir.path().join("team");
        let documents = objects(&json!({ "kind": "ConfigMap", "name": TREE })).map(|object| object.to_string());
        fs::write(folder.join("project.yaml"), documents.join("\n---\n")).unwrap();
        let mut generations = [0, 0];
        for n in [1, 2, 3] {
            fs::write(folder.join("tree.tar.gz"), packed(n)).unwrap();
            let kubectl = ["apply", "--server-side", "-k", folder.to_str().unwrap()];
            stage
                .space
                .kubectl(&kubectl)
                .await
                .expect("the team's folder is applied");
            generations = waits(stage, database, generations, n).await;
        }
    })
    .await;
}

async fn a_pinned_digest_is_current_when_its_content_is_live_whether_source_or_spec_comes_first() {
    /// A source of the `n`th revision under a name; answers with its digest.
    async fn published(stage: &Stage<'_>, kind: &str, name: &str, n: u32) -> String {
        if kind == "ConfigMap" {
            stage.source_named(name, &packed(n)).await;
            return sha256(&packed(n));
        }
        let files = files(n);
        let kind = SourceKind::GitRepository;
        stage.published(kind, name, &as_str(&files)).await.digest
    }
    for kind in ["ConfigMap", "GitRepository"] {
        on_database(RARELY, async |stage, database| {
            let pinned = |digest: String| objects(&json!({ "kind": kind, "name": TREE, "digest": digest }));
            let mut generations = [0, 0];
            for n in [1, 2, 3] {
                // What is published elsewhere only tells the digest.
                let digest = published(stage, kind, "elsewhere", n).await;
                let source_first = n == 2;
                if source_first {
                    published(stage, kind, TREE, n).await;
                }
                apply(stage, pinned(digest)).await;
                if !source_first {
                    stage.waits(FUNCTION, "WaitingForSource").await;
                    stage.set_waits("WaitingForSource").await;
                    published(stage, kind, TREE, n).await;
                }
                generations = waits(stage, database, generations, n).await;
            }
        })
        .await;
    }
}

async fn a_commit_of_a_git_repository_is_live_in_functions_and_migrations_when_the_waiting_ends() {
    on_database(RARELY, async |stage, database| {
        let published = async |n| {
            let files = files(n);
            stage.published(SourceKind::GitRepository, TREE, &as_str(&files)).await
        };
        published(1).await;
        apply(stage, objects(&json!({ "kind": "GitRepository", "name": TREE }))).await;
        let generations = waits(stage, database, [0, 0], 1).await;

        // A pipeline knows the commit before the repository has it.
        let files = files(2);
        let next = stage
            .published(SourceKind::GitRepository, "elsewhere", &as_str(&files))
            .await;
        let (_, commit) = next.revision.split_once("sha1:").unwrap();
        let waiting = wait(stage, &["--revision", commit]).await;
        published(2).await;
        let (code, said) = waiting.await.unwrap();
        assert_eq!(code, Some(0), "{said}");
        let live = (stage.project.answer(FUNCTION).await, database.ledger().await.len());
        assert_eq!(live, ("2".to_owned(), 2), "{said}");
        // By its generation nobody could have waited for it.
        let function = stage.ready(FUNCTION).await;
        assert_eq!(generation(&function), generations[0]);
    })
    .await;
}

async fn content_that_changes_in_place_is_current_before_it_is_live_and_only_ace_wait_waits_for_it() {
    on_stage(RARELY, async |stage| {
        // Without the label the operator learns of it at its next interval, or when it is asked.
        let apply = async |n| {
            let data = json!({ "tree.tar.gz": STANDARD.encode(packed(n)) });
            let map = json!({ "metadata": { "name": TREE }, "binaryData": data });
            stage.apply::<ConfigMap>(map).await;
        };
        apply(1).await;
        let [function, _] = objects(&json!({ "kind": "ConfigMap", "name": TREE }));
        let function = stage.apply::<EdgeFunction>(function).await;
        stage.ready(FUNCTION).await;
        apply(2).await;
        let seen = stage.until(FUNCTION, "is current", is_current).await;
        assert_eq!(generation(&seen), generation(&function));
        assert_eq!(stage.project.answer(FUNCTION).await, "1");

        let new = sha256(&packed(2));
        let (code, said) = wait(stage, &["--revision", &new, "--timeout", "1s"])
            .await
            .await
            .unwrap();
        assert_eq!(code, Some(1), "{said}");
        let waiting = wait(stage, &["--revision", &new]).await;
        stage.ask("edgefunction", FUNCTION, "now").await;
        let (code, said) = waiting.await.unwrap();
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(stage.project.answer(FUNCTION).await, "2");
    })
    .await;
}

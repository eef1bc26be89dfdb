use std::sync::Arc;

use ace_domain::bundle::{Tree, TreePath};
use ace_domain::inputs::{ArtifactState, FunctionParts, SourceTree};
use ace_domain::kinds::migration_set::Unassessed;
use ace_domain::sql::File;
use bytes::Bytes;
use futures::poll;

use super::fixture::{Fixture, MAPS, config_map, keys_map, tree};
use crate::sources::entry::NextRead;
use crate::sources::read::ended;

fn parts(slug: &str) -> FunctionParts {
    FunctionParts {
        folder: None,
        slug: slug.to_owned(),
        entrypoint: None,
        import_map: None,
        static_files: Vec::new(),
    }
}

fn two_functions() -> Arc<SourceTree> {
    let path = |text: &str| TreePath::new(text).unwrap();
    let files = [
        ("a/index.ts", "import '../b/index.ts'"),
        ("b/index.ts", "import 'npm:b'"),
    ];
    let files = files.map(|(name, text)| (path(name), Bytes::from(text)));
    Arc::new(SourceTree::new(Tree::from_files(files).unwrap()))
}

#[tokio::test]
async fn a_closure_is_computed_once_for_a_tree_and_the_parts_of_a_spec() {
    let fixture = Fixture::new().await;
    let tree = two_functions();
    let first = fixture.sources.closure("team", &tree, parts("a")).await.unwrap();
    let second = fixture.sources.closure("team", &tree, parts("a")).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    let other = fixture.sources.closure("team", &tree, parts("b")).await.unwrap();
    assert_ne!(first.digest(), other.digest());
}

#[tokio::test]
async fn functions_of_one_namespace_take_turns_and_another_namespace_goes_on() {
    let fixture = Fixture::new().await;
    let tree = two_functions();
    let turn = fixture.sources.turns.of("busy").acquire_owned().await.unwrap();
    let mut waiting = Box::pin(fixture.sources.closure("busy", &tree, parts("a")));
    assert!(poll!(&mut waiting).is_pending());
    assert!(fixture.sources.closure("calm", &tree, parts("b")).await.is_ok());
    assert!(poll!(&mut waiting).is_pending());
    drop(turn);
    assert!(waiting.await.is_ok());
}

#[tokio::test]
async fn files_of_sql_are_read_in_the_turns_of_their_namespace() {
    let fixture = Fixture::new().await;
    let file = File {
        version: "1".parse().unwrap(),
        name: "init".to_owned(),
        file_name: "1_init.sql".to_owned(),
        sha256: "digest".to_owned(),
        text: "select 1".into(),
    };
    let turn = fixture.sources.turns.of("busy").acquire_owned().await.unwrap();
    let mut waiting = Box::pin(fixture.sources.scripts("busy", vec![file.clone()]));
    assert!(poll!(&mut waiting).is_pending());
    assert!(fixture.sources.scripts("calm", vec![file]).await["digest"].is_ok());
    assert!(poll!(&mut waiting).is_pending());
    drop(turn);
    assert_eq!(waiting.await.len(), 1);
}

#[tokio::test]
async fn risks_are_judged_in_the_turns_of_their_namespace() {
    let fixture = Fixture::new().await;
    let turn = fixture.sources.turns.of("busy").acquire_owned().await.unwrap();
    let mut waiting = Box::pin(fixture.sources.assessment("busy", Unassessed::default()));
    assert!(poll!(&mut waiting).is_pending());
    let none = fixture.sources.assessment("calm", Unassessed::default()).await;
    assert!(poll!(&mut waiting).is_pending());
    drop(turn);
    assert_eq!(waiting.await, none);
}

#[tokio::test]
async fn an_import_that_no_map_has_is_refused_with_file_and_line() {
    let fixture = Fixture::new().await;
    let tree = Arc::new(SourceTree::new(tree(&[("index.ts", "\nimport 'zod'")])));
    let parts = FunctionParts {
        entrypoint: Some("index.ts".to_owned()),
        ..parts("a")
    };
    let refused = fixture.sources.closure("team", &tree, parts).await.unwrap_err();
    assert!(
        refused.starts_with("index.ts:2 imports \"zod\", which no import map"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_panic_over_an_archive_is_the_operators_and_not_the_archives() {
    let fixture = Fixture::new().await;
    let key = config_map("functions");
    let read = async {
        let unpacked = fixture.sources.tree(&key, "sha256:0", |_| panic!("a bug")).await;
        unreachable!("{unpacked:?}")
    };
    let reading = ended(&key, read).await;
    let ArtifactState::Failed(says) = reading.artifact_state else {
        panic!("{:?}", reading.artifact_state);
    };
    assert!(says.starts_with("the operator hit an internal error at "), "{says}");
    assert!(
        says.ends_with("when it read ConfigMap ace/functions: report it"),
        "{says}"
    );
    // It is read again, and no other read waits for its turn.
    assert_eq!(reading.again, NextRead::Soon);
    fixture
        .cluster
        .put(&format!("{MAPS}/functions"), keys_map(&[("index.ts", "")]));
    assert!(matches!(fixture.artifact_state(&key).await, ArtifactState::Ready(_)));
}

#[tokio::test]
async fn what_is_learned_of_a_tree_counts_and_is_bounded() {
    let fixture = Fixture::new().await;
    let tree = two_functions();
    let before = tree.bytes();
    fixture.sources.closure("team", &tree, parts("a")).await.unwrap();
    let learned = tree.bytes();
    assert!(learned > before + 500, "{before} {learned}");
    // Each message names the slug: 40 MB of them.
    for number in 0..40 {
        let slug = format!("{number}{}", "x".repeat(500_000));
        assert!(fixture.sources.closure("team", &tree, parts(&slug)).await.is_err());
    }
    assert!(tree.bytes() < before + (17 << 20), "{}", tree.bytes());
}

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use ace_domain::inputs::ArtifactState;
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::fixture::{
    Fixture, MAPS, REPOSITORIES, archive, config_map, content, keys_map, next, points_at, repository, tree, until,
    watched,
};
use crate::sources::{
    Sources,
    watch::{Target, follow, run_by, set_synced},
};
use ace_runtime::testing::{Answer, server};

fn map_path() -> String {
    format!("{MAPS}/functions")
}

/// Runs the sources until the guard is dropped.
fn run(fixture: &Fixture) -> DropGuard {
    let stop = CancellationToken::new();
    tokio::spawn(fixture.sources.clone().run(stop.clone()));
    stop.drop_guard()
}

fn requests(fixture: &Fixture, path: &str) -> usize {
    fixture
        .api
        .requests()
        .iter()
        .filter(|asked| **asked == format!("GET {path}"))
        .count()
}

#[tokio::test]
async fn a_refresh_tells_everybody_of_another_content_and_of_nothing_else() {
    let fixture = Fixture::new().await;
    let key = config_map("functions");
    fixture.cluster.put(&map_path(), keys_map(&[("a.ts", "1")]));
    let (mut one, mut other) = (Box::pin(fixture.sources.changes()), Box::pin(fixture.sources.changes()));
    fixture.artifact_state(&key).await;
    assert!(!fixture.sources.refresh(&key).await);
    // Another version of the object with the same content.
    fixture.cluster.put(&map_path(), keys_map(&[("a.ts", "1")]));
    assert!(!fixture.sources.refresh(&key).await);
    fixture.cluster.put(&map_path(), keys_map(&[("a.ts", "2")]));
    assert!(fixture.sources.refresh(&key).await);
    assert!(!fixture.sources.refresh(&key).await);
    assert_eq!(
        [next(&mut one).await, next(&mut other).await],
        [key.clone(), key.clone()]
    );
    assert_eq!(content(&fixture.artifact_state(&key).await).2, tree(&[("a.ts", "2")]));
    fixture.cluster.remove(&map_path());
    assert!(fixture.sources.refresh(&key).await);
    assert_eq!(next(&mut one).await, key);
}

#[tokio::test]
async fn what_was_parsed_of_a_file_is_kept_while_the_file_stays_the_same() {
    let fixture = Fixture::new().await;
    let key = config_map("functions");
    let shared = "export const a = 1";
    let importing = |text: &str| keys_map(&[("a.ts", shared), ("b.ts", text)]);
    fixture.cluster.put(&map_path(), importing("import './a.ts'"));
    let index = |artifact_state: &ArtifactState| match artifact_state {
        ArtifactState::Ready(artifact) => artifact.tree.at(None).unwrap(),
        other => panic!("{other:?}"),
    };
    let before = index(&fixture.artifact_state(&key).await);
    let source = ace_domain::bundle::FunctionSource {
        slug: "b",
        entrypoint: Some("b.ts"),
        import_map: None,
        static_files: &[],
    };
    before.closure(&source).unwrap();
    assert_eq!(before.parsed(), 2);
    fixture
        .cluster
        .put(&map_path(), importing("import './a.ts' // changed"));
    fixture.sources.refresh(&key).await;
    assert_eq!(index(&fixture.artifact_state(&key).await).parsed(), 1);
}

#[tokio::test]
async fn a_failed_read_takes_no_known_content_away() {
    let fixture = Fixture::new().await;
    let key = config_map("functions");
    fixture.cluster.put(&map_path(), keys_map(&[("a.ts", "1")]));
    let before = fixture.artifact_state(&key).await;
    fixture.cluster.fail(&map_path(), 503);
    assert!(!fixture.sources.refresh(&key).await);
    assert_eq!(fixture.artifact_state(&key).await, before);
}

#[tokio::test]
async fn a_labelled_map_that_changes_in_place_is_reported_at_once_and_polled_no_more() {
    let fixture = Fixture::new().await;
    let key = config_map("functions");
    let mut changes = Box::pin(fixture.sources.changes());
    fixture.cluster.put(&map_path(), watched(keys_map(&[("a.ts", "1")])));
    fixture.artifact_state(&key).await;
    let _running = run(&fixture);
    until("the watch is open", || fixture.cluster.watched(MAPS)).await;
    fixture.cluster.put(&map_path(), watched(keys_map(&[("a.ts", "2")])));
    assert_eq!(next(&mut changes).await, key);
    assert_eq!(content(&fixture.artifact_state(&key).await).2, tree(&[("a.ts", "2")]));
    let before = requests(&fixture, &map_path());
    assert!(!fixture.sources.refresh(&key).await);
    assert_eq!(requests(&fixture, &map_path()), before);

    fixture.cluster.remove(&map_path());
    assert_eq!(next(&mut changes).await, key);
    assert!(matches!(fixture.artifact_state(&key).await, ArtifactState::Waiting(_)));
}

#[tokio::test]
async fn a_watch_that_panics_is_opened_again_and_until_then_its_objects_are_polled() {
    let fixture = Fixture::new().await;
    let key = config_map("functions");
    fixture.cluster.put(&map_path(), watched(keys_map(&[("a.ts", "1")])));
    fixture.artifact_state(&key).await;
    let (begun, may_begin) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let follow = {
        let (begun, may_begin) = (begun.clone(), may_begin.clone());
        move |sources: Arc<Sources>, target: Target, rereads: Arc<Semaphore>| {
            let (begun, may_begin) = (begun.clone(), may_begin.clone());
            async move {
                if begun.fetch_add(1, Ordering::SeqCst) == 0 {
                    set_synced(&sources, &target, true);
                    panic!("a panic of this test");
                }
                may_begin.acquire().await.unwrap().forget();
                follow(sources, target, rereads).await;
            }
        }
    };
    let stop = CancellationToken::new();
    tokio::spawn(run_by(follow, fixture.sources.clone(), stop.clone()));
    let _running = stop.drop_guard();
    until("it is followed again", || begun.load(Ordering::SeqCst) > 1).await;
    // What nobody tells is asked for.
    fixture.cluster.put(&map_path(), watched(keys_map(&[("a.ts", "2")])));
    assert!(fixture.sources.refresh(&key).await);
    let mut changes = Box::pin(fixture.sources.changes());
    may_begin.add_permits(1);
    until("the watch is open", || fixture.cluster.watched(MAPS)).await;
    fixture.cluster.put(&map_path(), watched(keys_map(&[("a.ts", "3")])));
    assert_eq!(next(&mut changes).await, key);
}

#[tokio::test]
async fn a_map_without_the_label_is_polled_though_its_namespace_is_watched() {
    let fixture = Fixture::new().await;
    let key = config_map("functions");
    fixture.cluster.put(&map_path(), keys_map(&[("a.ts", "1")]));
    fixture.artifact_state(&key).await;
    let _running = run(&fixture);
    until("the watch is open", || fixture.cluster.watched(MAPS)).await;
    fixture.cluster.put(&map_path(), keys_map(&[("a.ts", "2")]));
    assert!(fixture.sources.refresh(&key).await);
}

/// Two of three maps change while no watch is open; `meanwhile` says what else happens.
async fn changed_while_the_watch_was_broken(meanwhile: impl FnOnce(&Fixture)) {
    let fixture = Fixture::new().await;
    let keys = ["changed", "removed", "same"].map(config_map);
    let path = |name: &str| format!("{MAPS}/{name}");
    let mut changes = Box::pin(fixture.sources.changes());
    for key in &keys {
        fixture
            .cluster
            .put(&path(&key.name), watched(keys_map(&[("a.ts", "1")])));
        fixture.artifact_state(key).await;
    }
    let _running = run(&fixture);
    until("the watch is open", || fixture.cluster.watched(MAPS)).await;
    fixture.cluster.fail(MAPS, 503);
    fixture.cluster.break_watches();
    fixture
        .cluster
        .put(&path("changed"), watched(keys_map(&[("a.ts", "2")])));
    fixture.cluster.remove(&path("removed"));
    meanwhile(&fixture);
    fixture.cluster.mend(MAPS);
    let reported = BTreeSet::from([next(&mut changes).await, next(&mut changes).await]);
    assert_eq!(reported, BTreeSet::from([config_map("changed"), config_map("removed")]));
}

#[tokio::test]
async fn a_change_that_a_broken_watch_missed_is_reported_when_it_is_open_again() {
    changed_while_the_watch_was_broken(|_| {}).await;
}

#[tokio::test]
async fn a_change_that_only_a_new_list_shows_is_reported() {
    changed_while_the_watch_was_broken(|fixture| fixture.cluster.compact()).await;
}

#[tokio::test]
async fn a_map_that_is_created_later_is_found_though_nothing_watches_it() {
    let fixture = Fixture::new().await;
    let key = config_map("functions");
    let mut changes = Box::pin(fixture.sources.changes());
    let _running = run(&fixture);
    assert!(matches!(fixture.artifact_state(&key).await, ArtifactState::Waiting(_)));
    fixture.cluster.put(&map_path(), keys_map(&[("a.ts", "1")]));
    assert_eq!(next(&mut changes).await, key);
    assert_eq!(content(&fixture.artifact_state(&key).await).2, tree(&[("a.ts", "1")]));
}

#[tokio::test]
async fn a_right_that_is_given_later_is_found_by_itself() {
    let fixture = Fixture::new().await;
    let key = config_map("functions");
    let mut changes = Box::pin(fixture.sources.changes());
    fixture.cluster.put(&map_path(), watched(keys_map(&[("a.ts", "1")])));
    fixture.cluster.fail(&map_path(), 403);
    fixture.cluster.fail(MAPS, 403);
    let _running = run(&fixture);
    assert!(matches!(
        fixture.artifact_state(&key).await,
        ArtifactState::AccessMissing(_)
    ));
    until("the watch was refused", || requests(&fixture, MAPS) > 1).await;
    fixture.cluster.mend(&map_path());
    fixture.cluster.mend(MAPS);
    assert_eq!(next(&mut changes).await, key);
    until("the watch is open", || fixture.cluster.watched(MAPS)).await;
}

#[tokio::test]
async fn another_artifact_of_a_flux_source_is_reported_though_flux_was_installed_later() {
    let fixture = Fixture::new().await;
    fixture.cluster.serve_no_flux();
    let (key, path) = (repository("platform"), format!("{REPOSITORIES}/platform"));
    let mut changes = Box::pin(fixture.sources.changes());
    let _running = run(&fixture);
    assert!(matches!(fixture.artifact_state(&key).await, ArtifactState::Waiting(_)));

    let archives = ["1", "2"].map(|text| archive(&[("a.ts", text)]));
    let artifacts = server({
        let archives = archives.clone();
        move |asked| Answer::bytes(archives[usize::from(asked.path == "/2")].clone())
    })
    .await;
    fixture
        .cluster
        .put(&path, points_at(&format!("{}/1", artifacts.url()), &archives[0]));
    fixture
        .cluster
        .serve_flux(&["v1"], &[("GitRepository", "gitrepositories")]);
    let mut seen = Vec::new();
    while !matches!(fixture.artifact_state(&key).await, ArtifactState::Ready(_)) {
        seen.push(next(&mut changes).await);
    }
    until("the watch is open", || fixture.cluster.watched(REPOSITORIES)).await;
    fixture
        .cluster
        .put(&path, points_at(&format!("{}/2", artifacts.url()), &archives[1]));
    while content(&fixture.artifact_state(&key).await).2 != tree(&[("a.ts", "2")]) {
        seen.push(next(&mut changes).await);
    }
    assert!(seen.iter().all(|reported| *reported == key), "{seen:?}");
}

#[tokio::test]
async fn nothing_of_flux_is_requested_while_no_source_needs_it() {
    let fixture = Fixture::new().await;
    fixture.cluster.put(&map_path(), keys_map(&[("a.ts", "1")]));
    let _running = run(&fixture);
    fixture.artifact_state(&config_map("functions")).await;
    until("the watch is open", || fixture.cluster.watched(MAPS)).await;
    assert_eq!(
        fixture
            .api
            .requests()
            .iter()
            .filter(|asked| asked.contains("/apis"))
            .count(),
        0
    );
}

#[tokio::test]
async fn what_nobody_uses_any_more_is_neither_watched_nor_repeated() {
    let fixture = Fixture::new().await;
    let _running = run(&fixture);
    assert!(matches!(
        fixture.artifact_state(&config_map("absent")).await,
        ArtifactState::Waiting(_)
    ));
    until("the watch is open", || fixture.cluster.watched(MAPS)).await;
    fixture.sources.retain(|key| *key == config_map("absent"));
    assert_eq!(fixture.sources.state().entries.len(), 1, "what is used stays");
    fixture.sources.retain(|_| false);
    until("the watch is closed", || !fixture.cluster.watched(MAPS)).await;
    assert!(fixture.sources.state().entries.is_empty() && fixture.sources.state().targets.is_empty());
}

use std::collections::BTreeSet;

use tokio_util::sync::{CancellationToken, DropGuard};

use super::world::{
    MAPS, REPOSITORIES, World, archive, config_map, content, keys_map, next, points_at, repository, tree, until,
    watched,
};
use crate::fake::{Answer, server};
use crate::sources::Sight;

fn map_path() -> String {
    format!("{MAPS}/functions")
}

/// Runs the sources until the guard is dropped.
fn run(world: &World) -> DropGuard {
    let stop = CancellationToken::new();
    tokio::spawn(world.sources.clone().run(stop.clone()));
    stop.drop_guard()
}

fn requests(world: &World, path: &str) -> usize {
    world
        .api
        .asked()
        .iter()
        .filter(|asked| **asked == format!("GET {path}"))
        .count()
}

#[tokio::test]
async fn a_refresh_tells_everybody_of_another_content_and_of_nothing_else() {
    let world = World::new().await;
    let key = config_map("functions");
    world.cluster.put(&map_path(), keys_map(&[("a.ts", "1")]));
    let (mut one, mut other) = (Box::pin(world.sources.changes()), Box::pin(world.sources.changes()));
    world.sight(&key).await;
    assert!(!world.sources.refresh(&key).await);
    // Another version of the object with the same content.
    world.cluster.put(&map_path(), keys_map(&[("a.ts", "1")]));
    assert!(!world.sources.refresh(&key).await);
    world.cluster.put(&map_path(), keys_map(&[("a.ts", "2")]));
    assert!(world.sources.refresh(&key).await);
    assert!(!world.sources.refresh(&key).await);
    assert_eq!(
        [next(&mut one).await, next(&mut other).await],
        [key.clone(), key.clone()]
    );
    assert_eq!(content(&world.sight(&key).await).2, tree(&[("a.ts", "2")]));
    world.cluster.remove(&map_path());
    assert!(world.sources.refresh(&key).await);
    assert_eq!(next(&mut one).await, key);
}

#[tokio::test]
async fn what_was_parsed_of_a_file_is_kept_while_the_file_stays_the_same() {
    let world = World::new().await;
    let key = config_map("functions");
    let shared = "export const a = 1";
    let importing = |text: &str| keys_map(&[("a.ts", shared), ("b.ts", text)]);
    world.cluster.put(&map_path(), importing("import './a.ts'"));
    let index = |sight: &Sight| match sight {
        Sight::Ready(artifact) => artifact.tree.at(None).unwrap(),
        other => panic!("{other:?}"),
    };
    let before = index(&world.sight(&key).await);
    let source = ace_domain::source::FunctionSource {
        slug: "b",
        entrypoint: Some("b.ts"),
        import_map: None,
        static_files: &[],
    };
    before.closure(&source).unwrap();
    assert_eq!(before.parsed(), 2);
    world.cluster.put(&map_path(), importing("import './a.ts' // changed"));
    world.sources.refresh(&key).await;
    assert_eq!(index(&world.sight(&key).await).parsed(), 1);
}

#[tokio::test]
async fn a_failed_look_takes_no_known_content_away() {
    let world = World::new().await;
    let key = config_map("functions");
    world.cluster.put(&map_path(), keys_map(&[("a.ts", "1")]));
    let before = world.sight(&key).await;
    world.cluster.fail(&map_path(), 503);
    assert!(!world.sources.refresh(&key).await);
    assert_eq!(world.sight(&key).await, before);
}

#[tokio::test]
async fn a_labelled_map_that_changes_in_place_is_told_at_once_and_polled_no_more() {
    let world = World::new().await;
    let key = config_map("functions");
    let mut changes = Box::pin(world.sources.changes());
    world.cluster.put(&map_path(), watched(keys_map(&[("a.ts", "1")])));
    world.sight(&key).await;
    let _running = run(&world);
    until("the watch is open", || world.cluster.watched(MAPS)).await;
    world.cluster.put(&map_path(), watched(keys_map(&[("a.ts", "2")])));
    assert_eq!(next(&mut changes).await, key);
    assert_eq!(content(&world.sight(&key).await).2, tree(&[("a.ts", "2")]));
    let before = requests(&world, &map_path());
    assert!(!world.sources.refresh(&key).await);
    assert_eq!(requests(&world, &map_path()), before);

    world.cluster.remove(&map_path());
    assert_eq!(next(&mut changes).await, key);
    assert!(matches!(world.sight(&key).await, Sight::Waiting(_)));
}

#[tokio::test]
async fn a_map_without_the_label_is_polled_though_its_namespace_is_watched() {
    let world = World::new().await;
    let key = config_map("functions");
    world.cluster.put(&map_path(), keys_map(&[("a.ts", "1")]));
    world.sight(&key).await;
    let _running = run(&world);
    until("the watch is open", || world.cluster.watched(MAPS)).await;
    world.cluster.put(&map_path(), keys_map(&[("a.ts", "2")]));
    assert!(world.sources.refresh(&key).await);
}

/// Two of three maps change while no watch is open; `meanwhile` says what else happens.
async fn changed_while_the_watch_was_broken(meanwhile: impl FnOnce(&World)) {
    let world = World::new().await;
    let keys = ["changed", "removed", "same"].map(config_map);
    let path = |name: &str| format!("{MAPS}/{name}");
    let mut changes = Box::pin(world.sources.changes());
    for key in &keys {
        world.cluster.put(&path(&key.name), watched(keys_map(&[("a.ts", "1")])));
        world.sight(key).await;
    }
    let _running = run(&world);
    until("the watch is open", || world.cluster.watched(MAPS)).await;
    world.cluster.fail(MAPS, 503);
    world.cluster.break_watches();
    world.cluster.put(&path("changed"), watched(keys_map(&[("a.ts", "2")])));
    world.cluster.remove(&path("removed"));
    meanwhile(&world);
    world.cluster.mend(MAPS);
    let told = BTreeSet::from([next(&mut changes).await, next(&mut changes).await]);
    assert_eq!(told, BTreeSet::from([config_map("changed"), config_map("removed")]));
}

#[tokio::test]
async fn a_change_that_a_broken_watch_missed_is_told_when_it_is_open_again() {
    changed_while_the_watch_was_broken(|_| {}).await;
}

#[tokio::test]
async fn a_change_that_only_a_new_list_shows_is_told() {
    changed_while_the_watch_was_broken(|world| world.cluster.compact()).await;
}

#[tokio::test]
async fn a_map_that_is_created_later_is_found_though_nothing_watches_it() {
    let world = World::new().await;
    let key = config_map("functions");
    let mut changes = Box::pin(world.sources.changes());
    let _running = run(&world);
    assert!(matches!(world.sight(&key).await, Sight::Waiting(_)));
    world.cluster.put(&map_path(), keys_map(&[("a.ts", "1")]));
    assert_eq!(next(&mut changes).await, key);
    assert_eq!(content(&world.sight(&key).await).2, tree(&[("a.ts", "1")]));
}

#[tokio::test]
async fn a_right_that_is_given_later_is_found_by_itself() {
    let world = World::new().await;
    let key = config_map("functions");
    let mut changes = Box::pin(world.sources.changes());
    world.cluster.put(&map_path(), watched(keys_map(&[("a.ts", "1")])));
    world.cluster.fail(&map_path(), 403);
    world.cluster.fail(MAPS, 403);
    let _running = run(&world);
    assert!(matches!(world.sight(&key).await, Sight::AccessMissing(_)));
    until("the watch was refused", || requests(&world, MAPS) > 1).await;
    world.cluster.mend(&map_path());
    world.cluster.mend(MAPS);
    assert_eq!(next(&mut changes).await, key);
    until("the watch is open", || world.cluster.watched(MAPS)).await;
}

#[tokio::test]
async fn another_artifact_of_a_flux_source_is_told_though_flux_was_installed_later() {
    let world = World::new().await;
    world.cluster.serve_no_flux();
    let (key, path) = (repository("platform"), format!("{REPOSITORIES}/platform"));
    let mut changes = Box::pin(world.sources.changes());
    let _running = run(&world);
    assert!(matches!(world.sight(&key).await, Sight::Waiting(_)));

    let archives = ["1", "2"].map(|text| archive(&[("a.ts", text)]));
    let artifacts = server({
        let archives = archives.clone();
        move |asked| Answer::bytes(archives[usize::from(asked.path == "/2")].clone())
    })
    .await;
    world
        .cluster
        .put(&path, points_at(&format!("{}/1", artifacts.url()), &archives[0]));
    world
        .cluster
        .serve_flux(&["v1"], &[("GitRepository", "gitrepositories")]);
    let mut seen = Vec::new();
    while !matches!(world.sight(&key).await, Sight::Ready(_)) {
        seen.push(next(&mut changes).await);
    }
    until("the watch is open", || world.cluster.watched(REPOSITORIES)).await;
    world
        .cluster
        .put(&path, points_at(&format!("{}/2", artifacts.url()), &archives[1]));
    while content(&world.sight(&key).await).2 != tree(&[("a.ts", "2")]) {
        seen.push(next(&mut changes).await);
    }
    assert!(seen.iter().all(|told| *told == key), "{seen:?}");
}

#[tokio::test]
async fn nothing_of_flux_is_asked_for_while_no_source_needs_it() {
    let world = World::new().await;
    world.cluster.put(&map_path(), keys_map(&[("a.ts", "1")]));
    let _running = run(&world);
    world.sight(&config_map("functions")).await;
    until("the watch is open", || world.cluster.watched(MAPS)).await;
    assert_eq!(
        world.api.asked().iter().filter(|asked| asked.contains("/apis")).count(),
        0
    );
}

#[tokio::test]
async fn what_nobody_uses_any_more_is_neither_watched_nor_repeated() {
    let world = World::new().await;
    let _running = run(&world);
    assert!(matches!(world.sight(&config_map("absent")).await, Sight::Waiting(_)));
    until("the watch is open", || world.cluster.watched(MAPS)).await;
    world.sources.retain(&BTreeSet::new());
    until("the watch is closed", || !world.cluster.watched(MAPS)).await;
    assert!(world.sources.state().entries.is_empty() && world.sources.state().targets.is_empty());
}

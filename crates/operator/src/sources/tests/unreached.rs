//! What nobody reaches stops nobody: links, odd entries, and the rest of a large repository.

use std::sync::Arc;

use ace_api::Source;
use ace_domain::bundle::{ArchiveLimits, Closure};
use ace_domain::inputs::{ArtifactState, FunctionParts, SourceState, usable};
use ace_runtime::testing::{Answer, Server, server};
use serde_json::json;

use super::fixture::{
    Fixture, MAPS, REPOSITORIES, archive, archive_map, config_map, content, linked_archive, next, points_at, repository,
};
use crate::sources::Settings;

const HELLO: (&str, &str) = ("supabase/functions/hello/index.ts", "Deno.serve(() => new Response())");

fn parts(folder: &str, slug: &str) -> FunctionParts {
    FunctionParts {
        folder: Some(folder.parse().unwrap()),
        slug: slug.to_owned(),
        entrypoint: None,
        import_map: None,
        static_files: Vec::new(),
    }
}

/// The closure of a function in `supabase/functions`.
async fn closure(fixture: &Fixture, state: &ArtifactState, slug: &str) -> Result<Arc<Closure>, String> {
    let ArtifactState::Ready(artifact) = state else {
        panic!("the source is refused for all: {state:?}")
    };
    let parts = parts("supabase/functions", slug);
    fixture.sources.closure("ace", &artifact.tree, parts).await
}

/// A tree of functions, and so many other files in 410 folders.
fn monorepo(others: usize) -> Vec<u8> {
    let others: Vec<(String, String)> = (0..others)
        .map(|at| {
            (
                format!("apps/web/d{}/{at}.ts", at % 410),
                format!("export const n = {at};"),
            )
        })
        .collect();
    let others = others.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    let shared = ("supabase/migrations/1_a.sql", "SELECT 1");
    archive(&others.chain([HELLO, shared]).collect::<Vec<_>>())
}

/// A GitRepository with this artifact, and the server of it.
async fn git_repository(fixture: &Fixture, bytes: &[u8]) -> Server {
    fixture
        .cluster
        .serve_flux(&["v1"], &[("GitRepository", "gitrepositories")]);
    let bytes = bytes.to_vec();
    let artifacts = server({
        let bytes = bytes.clone();
        move |_| Answer::bytes(bytes.clone())
    })
    .await;
    let url = format!("{}/{}.tar.gz", artifacts.url(), bytes.len());
    fixture
        .cluster
        .put(&format!("{REPOSITORIES}/platform"), points_at(&url, &bytes));
    artifacts
}

/// Why an object that reads this folder can't use the source.
fn refusal(state: &ArtifactState, kind: &str, path: Option<&str>) -> Option<String> {
    let source: Source = serde_json::from_value(json!({ "kind": kind, "name": "platform", "path": path })).unwrap();
    match usable::<()>(&source, state) {
        Ok(_) => None,
        Err(SourceState::Refused(message)) => Some(message),
        Err(other) => panic!("{other:?}"),
    }
}

async fn carried(bytes: &[u8]) -> (Fixture, ArtifactState) {
    let fixture = Fixture::new().await;
    fixture.cluster.put(&format!("{MAPS}/functions"), archive_map(bytes));
    let state = fixture.artifact_state(&config_map("functions")).await;
    (fixture, state)
}

#[tokio::test]
async fn case_84_a_link_in_the_node_modules_of_one_function_stops_no_other() {
    let link = "supabase/functions/other/node_modules/.bin/tsc";
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Fifo] {
        let (fixture, state) = carried(&linked_archive(&[HELLO], kind, link)).await;
        let files = closure(&fixture, &state, "hello").await.unwrap().files().len();
        assert_eq!(files, 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_function_whose_import_leads_to_a_link_is_told_so_and_its_neighbour_goes_on() {
    let importing = (
        "supabase/functions/other/index.ts",
        "\nimport { cors } from '../_shared/cors.ts';",
    );
    let link = "supabase/functions/_shared";
    let bytes = linked_archive(&[HELLO, importing], tar::EntryType::Symlink, link);
    let (fixture, state) = carried(&bytes).await;
    assert!(closure(&fixture, &state, "hello").await.is_ok());
    let says = "other/index.ts:2 imports \"../_shared/cors.ts\": _shared is a link, which is not followed; put the file itself there (tar --dereference --hard-dereference)";
    assert_eq!(closure(&fixture, &state, "other").await.err().as_deref(), Some(says));
}

#[tokio::test]
async fn a_source_path_that_is_a_link_is_told_so() {
    let bytes = linked_archive(&[("README.md", "")], tar::EntryType::Symlink, "supabase");
    let (fixture, state) = carried(&bytes).await;
    let says =
        "supabase is a link, which is not followed; put the file itself there (tar --dereference --hard-dereference)";
    assert_eq!(closure(&fixture, &state, "hello").await.err().as_deref(), Some(says));
}

#[tokio::test]
async fn case_85_of_a_monorepo_with_20_502_files_the_folder_that_is_read_counts() {
    let fixture = Fixture::new().await;
    let artifacts = git_repository(&fixture, &monorepo(20_500)).await;
    let key = repository("platform");
    let state = fixture.artifact_at(&key, "supabase/functions").await;
    assert!(closure(&fixture, &state, "hello").await.is_ok());
    let (revision, _, kept) = content(&state);
    assert_eq!((revision.as_str(), kept.len()), ("main@sha1:4f2c", 1));
    assert_eq!(refusal(&state, "GitRepository", Some("supabase/functions")), None);
    // A set of migrations reads another folder, and then both are there.
    let both = fixture.artifact_at(&key, "supabase/migrations").await;
    assert_eq!((content(&both).2.len(), &both), (2, &state));
    for folder in ["supabase/functions", "supabase/migrations", "supabase/functions/hello"] {
        fixture.artifact_at(&key, folder).await;
    }
    assert_eq!(artifacts.requests().len(), 2, "each folder costs one download");
}

async fn keeping_200_files() -> Fixture {
    let limits = ArchiveLimits {
        entries: 200,
        ..ArchiveLimits::default()
    };
    Fixture::with(|settings| Settings { limits, ..settings }).await
}

#[tokio::test]
async fn who_reads_a_whole_monorepo_is_refused_and_those_of_a_folder_are_not() {
    let fixture = keeping_200_files().await;
    let _artifacts = git_repository(&fixture, &monorepo(500)).await;
    let key = repository("platform");
    let whole = fixture.artifact_state(&key).await;
    let says = "the source has 502 files, more than the 200 that are read; let `spec.source.path` name a smaller folder; `spec.ignore` or `spec.sparseCheckout` of the GitRepository leaves out what nobody needs";
    assert_eq!(refusal(&whole, "GitRepository", None).as_deref(), Some(says));
    let apps = fixture.artifact_at(&key, "apps").await;
    let says = refusal(&apps, "GitRepository", Some("apps")).unwrap();
    assert!(
        says.starts_with("`apps` has 500 files, more than the 200 that are read; "),
        "{says}"
    );
    let functions = fixture.artifact_at(&key, "supabase/functions").await;
    assert!(closure(&fixture, &functions, "hello").await.is_ok());
    assert_eq!(
        refusal(&functions, "GitRepository", None),
        refusal(&whole, "GitRepository", None)
    );
}

#[tokio::test]
async fn a_config_map_of_as_many_files_is_read_by_its_folder_too() {
    let fixture = keeping_200_files().await;
    let bytes = monorepo(500);
    fixture.cluster.put(&format!("{MAPS}/functions"), archive_map(&bytes));
    let state = fixture
        .artifact_at(&config_map("functions"), "supabase/functions")
        .await;
    assert!(closure(&fixture, &state, "hello").await.is_ok());
    assert_eq!(content(&state).2.len(), 1);
}

#[tokio::test]
async fn a_source_that_grows_beyond_the_limit_keeps_each_folder_that_is_read() {
    let fixture = keeping_200_files().await;
    let key = config_map("functions");
    let place = format!("{MAPS}/functions");
    fixture.cluster.put(&place, archive_map(&monorepo(100)));
    let small = fixture.artifact_at(&key, "supabase/functions").await;
    assert_eq!(content(&small).2.len(), 102);
    fixture.cluster.put(&place, archive_map(&monorepo(500)));
    assert!(fixture.sources.refresh(&key).await, "the content has changed");
    for folder in ["supabase/functions", "supabase/migrations"] {
        let state = fixture.artifact_at(&key, folder).await;
        assert!(content(&state).2.has_folder(folder), "{folder}");
    }
    let both = fixture.artifact_at(&key, "supabase/functions").await;
    assert_eq!(content(&both).2.len(), 2);
}

/// Two folders of 150 and 160 files, of which one fits.
fn two_large_folders() -> Vec<u8> {
    let files = (0..310).map(|at| format!("apps/{}/{at}.ts", if at < 150 { "a" } else { "b" }));
    let files: Vec<String> = files.collect();
    archive(&files.iter().map(|path| (path.as_str(), "")).collect::<Vec<_>>())
}

#[tokio::test]
async fn an_object_that_reads_another_folder_leaves_the_room_of_the_one_before() {
    let fixture = keeping_200_files().await;
    let _artifacts = git_repository(&fixture, &two_large_folders()).await;
    let key = repository("platform");
    for (folder, files) in [("apps/a", 150), ("apps/b", 160), ("apps/a", 150)] {
        let state = fixture.artifact_for("one", &key, Some(folder)).await;
        assert_eq!(refusal(&state, "GitRepository", Some(folder)), None, "{folder}");
        assert_eq!(content(&state).2.len(), files, "{folder}");
    }
}

#[tokio::test]
async fn who_had_no_room_is_told_when_the_reader_of_another_folder_is_gone() {
    let mut fixture = keeping_200_files().await;
    let bytes = two_large_folders();
    let (key, same) = (config_map("functions"), config_map("copy"));
    for name in ["functions", "copy"] {
        fixture.cluster.put(&format!("{MAPS}/{name}"), archive_map(&bytes));
    }
    let mut changes = Box::pin(fixture.sources.changes());
    let unused = fixture.unused.take().unwrap();
    tokio::spawn(fixture.sources.clone().forget_unused(unused));
    for reads_beside in [&key, &same] {
        fixture.artifact_for("small", reads_beside, Some("apps/a")).await;
        let crowded = fixture.artifact_for("large", &key, Some("apps/b")).await;
        let says = refusal(&crowded, "ConfigMap", Some("apps/b")).unwrap();
        assert!(
            says.starts_with("`apps/b` has 160 files, and the folders that others read"),
            "{says}"
        );
        fixture.goes("small", reads_beside);
        while next(&mut changes).await != key {}
        let alone = fixture.artifact_for("large", &key, Some("apps/b")).await;
        assert_eq!(refusal(&alone, "ConfigMap", Some("apps/b")), None);
        assert_eq!(content(&alone).2.len(), 160);
    }
}

#[tokio::test]
async fn a_source_that_grows_beyond_the_limit_is_read_once_for_all_who_read_it_while_it_was_small() {
    let fixture = keeping_200_files().await;
    let (key, place) = (config_map("functions"), format!("{MAPS}/functions"));
    fixture.cluster.put(&place, archive_map(&monorepo(100)));
    let folders = ["supabase/functions", "supabase/migrations"];
    for folder in folders {
        fixture.artifact_at(&key, folder).await;
    }
    fixture.cluster.put(&place, archive_map(&monorepo(500)));
    assert!(fixture.sources.refresh(&key).await, "the content has changed");
    for folder in folders {
        assert_eq!(content(&fixture.artifact_at(&key, folder).await).2.len(), 2, "{folder}");
    }
    assert_eq!(fixture.api.requests().len(), 2);
}

use std::time::Duration;

use ace_api::Source;
use ace_domain::inputs::{ArtifactState, sha256};
use ace_runtime::index::Dependents;
use futures::future::join_all;

use super::fixture::{Fixture, MAPS, archive, archive_map, config_map, content, keys_map, odd_archive, tree};
use crate::sources::Settings;

const FILES: [(&str, &str); 2] = [
    ("_shared/cors.ts", "export {}"),
    ("hello/index.ts", "import '../_shared/cors.ts'"),
];

fn map_path() -> String {
    format!("{MAPS}/functions")
}

#[tokio::test]
async fn an_archive_is_the_tree_and_its_digest_the_revision() {
    let fixture = Fixture::new().await;
    let bytes = archive(&FILES);
    fixture.cluster.put(&map_path(), archive_map(&bytes));
    let artifact_state = fixture.artifact_state(&config_map("functions")).await;
    assert_eq!(content(&artifact_state), (sha256(&bytes), sha256(&bytes), tree(&FILES)));
}

#[tokio::test]
async fn flat_keys_are_files_in_the_root() {
    let fixture = Fixture::new().await;
    let files = [("cors.ts", "export {}"), ("index.ts", "import './cors.ts'")];
    fixture.cluster.put(&map_path(), keys_map(&files));
    let (revision, digest, files_seen) = content(&fixture.artifact_state(&config_map("functions")).await);
    assert_eq!((&revision, files_seen), (&digest, tree(&files)));
    assert_eq!(revision.len(), "sha256:".len() + 64);
}

#[tokio::test]
async fn what_can_not_be_used_is_refused_with_what_to_change() {
    let fixture = Fixture::new().await;
    let mut both = archive_map(&archive(&FILES));
    both["data"] = serde_json::json!({ "index.ts": "" });
    let whole = archive(&FILES);
    let cases = [
        (
            both,
            "ConfigMap ace/functions can't be used: it holds the archive functions.tar.gz and other keys (index.ts); keep the archive or the files, not both",
        ),
        (
            archive_map(&whole[..whole.len() / 2]),
            "ConfigMap ace/functions can't be used: the archive is truncated",
        ),
        (
            archive_map(b"no archive"),
            "ConfigMap ace/functions can't be used: the archive is not a valid tar.gz",
        ),
        (
            archive_map(&odd_archive(tar::EntryType::GNUSparse)),
            "ConfigMap ace/functions can't be used: a.ts is not a plain file",
        ),
    ];
    for (map, says) in cases {
        fixture.cluster.put(&map_path(), map);
        fixture.sources.refresh(&config_map("functions")).await;
        match fixture.artifact_state(&config_map("functions")).await {
            ArtifactState::Refused(text) => assert!(text.starts_with(says), "{text}"),
            other => panic!("{says}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_map_that_is_not_there_is_waited_for() {
    let fixture = Fixture::new().await;
    let says = "ConfigMap ace/functions does not exist; create it";
    assert_eq!(
        fixture.artifact_state(&config_map("functions")).await,
        ArtifactState::Waiting(says.to_owned())
    );
}

#[tokio::test]
async fn a_missing_right_comes_with_the_command_that_gives_it() {
    let fixture = Fixture::new().await;
    fixture.cluster.fail(&map_path(), 403);
    let says = "the operator is not allowed to read ConfigMap ace/functions; to allow it, run: kubectl create rolebinding ace-operator -n ace --clusterrole=ace-operator-namespace --serviceaccount=ace-system:ace-operator";
    assert_eq!(
        fixture.artifact_state(&config_map("functions")).await,
        ArtifactState::AccessMissing(says.to_owned())
    );
}

#[tokio::test]
async fn an_api_server_that_does_not_answer_is_a_failure_and_no_refusal() {
    let fixture = Fixture::new().await;
    fixture.cluster.fail(&map_path(), 500);
    let says = "ConfigMap ace/functions can't be read: the API server answered 500";
    assert_eq!(
        fixture.artifact_state(&config_map("functions")).await,
        ArtifactState::Failed(says.to_owned())
    );

    let gone = Fixture::new().await;
    drop(gone.api);
    let says = "ConfigMap ace/functions can't be read: the API server did not answer";
    let artifact_state = gone.sources.artifact_state(&config_map("functions"), None).await;
    assert!(
        matches!(&artifact_state, ArtifactState::Failed(text) if text.starts_with(says)),
        "{artifact_state:?}"
    );
}

#[tokio::test]
async fn an_api_server_that_hangs_is_given_up_at_the_deadline() {
    // A server that accepts and never answers.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = kube::Config::new(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
    config.default_retry = false;
    let client = kube::Client::try_from(config).unwrap();
    let settings = Settings {
        read: Duration::from_millis(20),
        ..Settings::new(ace_egress::AllowedHosts::default())
    };
    let (dependents, metrics) = (Dependents::new().0, crate::metrics::Metrics::new("1.2.3"));
    let sources = crate::sources::Sources::new(client, settings, dependents, metrics).unwrap();
    let says = "ConfigMap ace/functions can't be read: the API server did not answer in time";
    assert_eq!(
        sources.artifact_state(&config_map("functions"), None).await,
        ArtifactState::Failed(says.to_owned())
    );
}

#[tokio::test]
async fn a_hundred_who_ask_at_once_cost_one_request_and_share_one_tree() {
    let fixture = Fixture::new().await;
    fixture.cluster.put(&map_path(), archive_map(&archive(&FILES)));
    let key = config_map("functions");
    let states = join_all((0..100).map(|_| fixture.artifact_state(&key))).await;
    let trees: Vec<_> = states
        .iter()
        .map(|artifact_state| match artifact_state {
            ArtifactState::Ready(artifact) => artifact.tree.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(trees.windows(2).all(|pair| std::sync::Arc::ptr_eq(&pair[0], &pair[1])));
    fixture.artifact_state(&key).await;
    assert_eq!(fixture.api.requests(), [format!("GET {}", map_path())]);
    let reads = "ace_source_reads_total{kind=\"ConfigMap\",outcome=\"Ready\"} 1\n";
    assert!(fixture.metrics.runtime.text().unwrap().contains(reads));
}

#[tokio::test]
async fn all_functions_below_one_path_share_what_was_parsed() {
    let fixture = Fixture::new().await;
    fixture.cluster.put(&map_path(), archive_map(&archive(&FILES)));
    let ArtifactState::Ready(artifact) = fixture.artifact_state(&config_map("functions")).await else {
        panic!("it is ready")
    };
    let folder = "hello".parse().unwrap();
    let (first, second) = (
        artifact.tree.at(Some(&folder)).unwrap(),
        artifact.tree.at(Some(&folder)).unwrap(),
    );
    assert!(std::sync::Arc::ptr_eq(&first, &second));
    assert_eq!(first.tree(), &tree(&[("index.ts", "import '../_shared/cors.ts'")]));
    assert!(artifact.tree.at(Some(&"absent".parse().unwrap())).is_none());
}

#[tokio::test]
async fn an_artifact_state_that_is_logged_shows_no_source_code() {
    let fixture = Fixture::new().await;
    fixture.cluster.put(&map_path(), keys_map(&[("a.ts", "canary")]));
    let shown = format!("{:?}", fixture.artifact_state(&config_map("functions")).await);
    assert!(
        shown.contains("1 files") && !shown.contains("canary") && !shown.contains("99, 97"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_stop_the_read_for_the_others() {
    let fixture = Fixture::new().await;
    fixture.cluster.put(&map_path(), archive_map(&archive(&FILES)));
    let key = config_map("functions");
    let first = {
        let (sources, key) = (fixture.sources.clone(), key.clone());
        tokio::spawn(async move { sources.artifact_state(&key, None).await })
    };
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    content(&fixture.artifact_state(&key).await);
    assert_eq!(fixture.api.requests(), [format!("GET {}", map_path())]);
}

#[tokio::test]
async fn what_no_watch_covers_is_read_again_for_another_pin_and_for_who_asks() {
    let fixture = Fixture::new().await;
    let (key, get) = (config_map("functions"), format!("GET {}", map_path()));
    let [first, second, third] = ["1", "2", "3"].map(|text| archive(&[("index.ts", text)]));
    let put = |bytes: &[u8]| fixture.cluster.put(&map_path(), archive_map(bytes));
    let state_of = async |pin: Option<&[u8]>, asks| {
        let mut source = serde_json::json!({ "kind": "ConfigMap", "name": "functions" });
        source["digest"] = pin.map(sha256).into();
        let source: Source = serde_json::from_value(source).unwrap();
        let (revision, ..) = content(&fixture.sources.state_of(&key, &source, asks).await);
        (
            revision,
            fixture.api.requests().iter().filter(|made| **made == get).count(),
        )
    };
    put(&first);
    assert_eq!(state_of(Some(&first), false).await, (sha256(&first), 1));
    put(&second);
    assert_eq!(
        state_of(Some(&first), false).await,
        (sha256(&first), 1),
        "what is pinned is known"
    );
    assert_eq!(state_of(None, false).await, (sha256(&first), 1), "once per interval");
    assert_eq!(state_of(Some(&second), false).await, (sha256(&second), 2));
    put(&third);
    assert_eq!(state_of(None, true).await, (sha256(&third), 3));
    // It still has not what is pinned.
    assert_eq!(state_of(Some(&first), false).await, (sha256(&third), 4));
}

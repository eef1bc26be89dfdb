use std::{sync::Arc, time::Duration};

use ace_domain::bundle::ArchiveLimits;
use ace_domain::inputs::{ArtifactState, sha256};
use ace_domain::reconcile::key::SourceKey;
use axum::body::Body;
use futures::stream;
use serde_json::json;
use tokio::time::timeout;

use super::fixture::{FLUX, Fixture, REPOSITORIES, archive, content, odd_archive, points_at, repository, tree, until};
use crate::sources::Settings;
use ace_runtime::testing::{Answer, Server, server};

const FILES: [(&str, &str); 1] = [("supabase/functions/hello/index.ts", "Deno.serve(() => new Response())")];
const KINDS: [(&str, &str); 2] = [("GitRepository", "gitrepositories"), ("Bucket", "buckets")];

fn path() -> String {
    format!("{REPOSITORIES}/platform")
}

async fn flux() -> Fixture {
    flux_with(|settings| settings).await
}

async fn flux_with(change: impl FnOnce(Settings) -> Settings) -> Fixture {
    let fixture = Fixture::with(change).await;
    fixture.cluster.serve_flux(&["v1", "v1beta2"], &KINDS);
    fixture
}

/// A server of one artifact, and its URL.
async fn serving(bytes: &[u8]) -> (Server, String) {
    let bytes = bytes.to_vec();
    let server = server(move |_| Answer::bytes(bytes.clone())).await;
    let url = format!("{}/gitrepository/ace/platform/4f2c.tar.gz", server.url());
    (server, url)
}

/// The state of a source whose artifact has the digest of `bytes` and is answered with `answer`.
async fn seen(
    fixture: &Fixture,
    bytes: &[u8],
    answer: impl Fn() -> Answer + Clone + Send + Sync + 'static,
) -> ArtifactState {
    let server = server(move |_| answer()).await;
    fixture
        .cluster
        .put(&path(), points_at(&format!("{}/a.tar.gz", server.url()), bytes));
    let artifact_state = fixture.artifact_state(&repository("platform")).await;
    // A port of its own for each server: what differs between two runs.
    let hide = |text: String| text.replace(&server.url(), "SERVER");
    match artifact_state {
        ArtifactState::Refused(text) => ArtifactState::Refused(hide(text)),
        ArtifactState::Failed(text) => ArtifactState::Failed(hide(text)),
        other => other,
    }
}

#[tokio::test]
async fn an_artifact_is_fetched_once_for_all_who_point_at_it() {
    let fixture = flux().await;
    let bytes = archive(&FILES);
    let (artifacts, url) = serving(&bytes).await;
    fixture.cluster.put(&path(), points_at(&url, &bytes));
    fixture
        .cluster
        .put(&format!("{REPOSITORIES}/mirror"), points_at(&url, &bytes));
    let artifact_state = fixture.artifact_state(&repository("platform")).await;
    assert_eq!(
        content(&artifact_state),
        ("main@sha1:4f2c".to_owned(), sha256(&bytes), tree(&FILES))
    );
    let mirrored = fixture.artifact_state(&repository("mirror")).await;
    let (ArtifactState::Ready(one), ArtifactState::Ready(other)) = (&artifact_state, &mirrored) else {
        panic!("{mirrored:?}")
    };
    assert!(Arc::ptr_eq(&one.tree, &other.tree));
    assert_eq!(artifacts.requests(), ["GET /gitrepository/ace/platform/4f2c.tar.gz"]);
}

#[tokio::test]
async fn an_artifact_that_another_object_has_is_no_leave_to_name_any_address() {
    let fixture = flux().await;
    let bytes = archive(&FILES);
    let (artifacts, url) = serving(&bytes).await;
    fixture.cluster.put(&path(), points_at(&url, &bytes));
    content(&fixture.artifact_state(&repository("platform")).await);
    let elsewhere = "https://attacker.example/a.tar.gz";
    fixture
        .cluster
        .put(&format!("{REPOSITORIES}/mirror"), points_at(elsewhere, &bytes));
    let refused = fixture.artifact_state(&repository("mirror")).await;
    let ArtifactState::Refused(says) = &refused else {
        panic!("{refused:?}")
    };
    assert!(
        says.contains("is at https://attacker.example, which the operator is not allowed to call"),
        "{says}"
    );
    assert_eq!(artifacts.requests().len(), 1);
}

#[tokio::test]
async fn artifacts_that_are_sent_slowly_keep_only_their_own_namespace_waiting() {
    let never = Duration::from_hours(1);
    let fixture = flux_with(|settings| Settings {
        download: never,
        ..settings
    })
    .await;
    let trickling =
        server(|_| Answer::bytes(Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>()))).await;
    let elsewhere = |number: usize| SourceKey {
        namespace: "slow".to_owned(),
        ..repository(&format!("slow-{number}"))
    };
    for number in 0..4 {
        let path = format!("{FLUX}/v1/namespaces/slow/gitrepositories/slow-{number}");
        let url = format!("{}/{number}.tar.gz", trickling.url());
        fixture
            .cluster
            .put(&path, points_at(&url, &[u8::try_from(number).unwrap()]));
        let (sources, key) = (fixture.sources.clone(), elsewhere(number));
        tokio::spawn(async move { sources.artifact_state(&key, None).await });
    }
    until("a slow download has begun", || !trickling.requests().is_empty()).await;
    let bytes = archive(&FILES);
    let (_artifacts, url) = serving(&bytes).await;
    fixture.cluster.put(&path(), points_at(&url, &bytes));
    let key = repository("platform");
    let quick = timeout(Duration::from_secs(30), fixture.artifact_state(&key)).await;
    content(&quick.expect("others are not kept waiting"));
    assert_eq!(trickling.requests().len(), 1, "one at a time of a namespace");
}

#[tokio::test]
async fn a_cluster_that_serves_only_the_older_version_is_read_by_it() {
    let fixture = Fixture::new().await;
    fixture.cluster.serve_flux(&["v1beta2"], &KINDS);
    let bytes = archive(&FILES);
    let (_artifacts, url) = serving(&bytes).await;
    fixture.cluster.put(
        &format!("{FLUX}/v1beta2/namespaces/ace/gitrepositories/platform"),
        points_at(&url, &bytes),
    );
    assert_eq!(
        content(&fixture.artifact_state(&repository("platform")).await).1,
        sha256(&bytes)
    );
}

#[tokio::test]
async fn what_is_not_there_yet_is_waited_for() {
    let bare = Fixture::new().await;
    bare.cluster.serve_no_flux();
    let says =
        "GitRepository ace/platform can't exist: the cluster does not serve its kind; install Flux's source-controller";
    assert_eq!(
        bare.artifact_state(&repository("platform")).await,
        ArtifactState::Waiting(says.to_owned())
    );

    let fixture = flux().await;
    let says = "GitRepository ace/platform does not exist; create it";
    assert_eq!(
        fixture.artifact_state(&repository("platform")).await,
        ArtifactState::Waiting(says.to_owned())
    );

    fixture.cluster.put(
        &path(),
        json!({ "metadata": { "generation": 1 }, "spec": {}, "status": { "observedGeneration": -1 } }),
    );
    fixture.sources.refresh(&repository("platform")).await;
    let says = "GitRepository ace/platform is not ready: its controller has not produced an artifact yet";
    assert_eq!(
        fixture.artifact_state(&repository("platform")).await,
        ArtifactState::Waiting(says.to_owned())
    );
}

#[tokio::test]
async fn a_missing_right_comes_with_the_command_that_gives_it() {
    let fixture = flux().await;
    fixture.cluster.fail(&path(), 403);
    let says = "the operator is not allowed to read GitRepository ace/platform; to allow it, run: kubectl create clusterrolebinding ace-operator --clusterrole=ace-operator --serviceaccount=ace-system:ace-operator";
    assert_eq!(
        fixture.artifact_state(&repository("platform")).await,
        ArtifactState::AccessMissing(says.to_owned())
    );
}

#[tokio::test]
async fn bytes_that_are_not_what_the_object_says_are_refused() {
    let bytes = archive(&FILES);
    let artifact_state = seen(&flux().await, &bytes, || Answer::bytes("something else")).await;
    let ArtifactState::Refused(text) = artifact_state else {
        panic!("{artifact_state:?}")
    };
    let (sent, named) = (sha256(b"something else"), sha256(&bytes));
    let says = "the artifact of GitRepository ace/platform does not match the digest in its object: SERVER sent";
    assert_eq!(
        text,
        format!(
            "{says} {}, the object has {}; reconcile the source",
            &sent[..19],
            &named[..19]
        )
    );
}

#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    let elsewhere = server(|_| Answer::bytes("secret")).await;
    let to = elsewhere.url();
    let artifact_state = seen(&flux().await, b"secret", move || {
        Answer::bytes("").code(302).header("location", &to)
    })
    .await;
    let says = "the artifact of GitRepository ace/platform is answered with a redirect by SERVER, which is not followed; serve it directly";
    assert_eq!(artifact_state, ArtifactState::Refused(says.to_owned()));
    assert_eq!(elsewhere.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn an_archive_that_is_too_large_is_refused_by_its_declared_length_and_while_it_comes() {
    let limits = ArchiveLimits {
        compressed: 1_000,
        ..ArchiveLimits::default()
    };
    let small = |settings| Settings { limits, ..settings };
    let says = "the artifact of GitRepository ace/platform has more than 1000 bytes; `spec.ignore` or `spec.sparseCheckout` of the GitRepository leaves out what nobody needs";
    let declared = seen(&flux_with(small).await, b"", || Answer::bytes(vec![0; 1_001])).await;
    assert_eq!(declared, ArtifactState::Refused(says.to_owned()));
    // Without an end: only counting stops it.
    let endless = || {
        Answer::bytes(Body::from_stream(stream::repeat_with(|| {
            Ok::<_, std::convert::Infallible>(vec![0; 100])
        })))
    };
    assert_eq!(
        seen(&flux_with(small).await, b"", endless).await,
        ArtifactState::Refused(says.to_owned())
    );
}

#[tokio::test]
async fn a_host_that_is_not_allowed_is_not_called() {
    let fixture = flux_with(|settings| Settings {
        hosts: ace_egress::AllowedHosts::default(),
        ..settings
    })
    .await;
    let (artifacts, url) = serving(b"").await;
    fixture.cluster.put(&path(), points_at(&url, b""));
    let (key, place) = (repository("platform"), artifacts.url());
    let says = format!(
        "the artifact of GitRepository ace/platform is at {place}, which the operator is not allowed to call; add --allow-source-host={place} to its flags to allow it"
    );
    assert_eq!(fixture.artifact_state(&key).await, ArtifactState::Refused(says));
    for odd in ["no url", "http://user:canary@127.0.0.1/a.tar.gz", "file:///etc/passwd"] {
        fixture.cluster.put(&path(), points_at(odd, b""));
        fixture.sources.refresh(&key).await;
        let artifact_state = fixture.artifact_state(&key).await;
        assert!(
            matches!(&artifact_state, ArtifactState::Refused(text) if !text.contains("canary")),
            "{artifact_state:?}"
        );
    }
    assert_eq!(artifacts.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_without_the_archive_is_retried() {
    for (code, says) in [(404, "SERVER answered 404"), (503, "SERVER answered 503")] {
        let artifact_state = seen(&flux().await, b"", move || Answer::bytes("").code(code)).await;
        assert_eq!(
            artifact_state,
            ArtifactState::Failed(format!(
                "the artifact of GitRepository ace/platform can't be downloaded: {says}"
            ))
        );
    }
    let (artifacts, url) = serving(b"").await;
    drop(artifacts);
    let fixture = flux().await;
    fixture.cluster.put(&path(), points_at(&url, b""));
    let artifact_state = fixture.artifact_state(&repository("platform")).await;
    assert!(matches!(artifact_state, ArtifactState::Failed(_)), "{artifact_state:?}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_failure_and_no_refusal_of_the_archive() {
    let broken = || {
        let chunks = [Ok("half"), Err(std::io::Error::other("cut"))];
        Answer::bytes(Body::from_stream(stream::iter(chunks)))
    };
    // It breaks before or after its head, as the machine has it.
    let artifact_state = seen(&flux().await, b"half", broken).await;
    assert!(matches!(artifact_state, ArtifactState::Failed(_)), "{artifact_state:?}");
}

#[tokio::test]
async fn what_is_too_large_to_download_or_to_unpack_is_left_out_by_the_same_fields() {
    let bytes = archive(&FILES);
    let mut advice = Vec::new();
    for (compressed, unpacked) in [(bytes.len() - 1, 1_000_000), (1_000_000, 1)] {
        let limits = ArchiveLimits {
            compressed,
            unpacked,
            ..ArchiveLimits::default()
        };
        let fixture = flux_with(|settings| Settings { limits, ..settings }).await;
        let sent = bytes.clone();
        let ArtifactState::Refused(text) = seen(&fixture, &bytes, move || Answer::bytes(sent.clone())).await else {
            panic!("not refused")
        };
        advice.push(text.rsplit("; ").next().unwrap().to_owned());
    }
    assert!(advice[0].contains("`spec.sparseCheckout`"), "{advice:?}");
    assert_eq!(advice[0], advice[1]);
}

#[tokio::test]
async fn an_archive_that_is_what_the_object_says_and_yet_damaged_is_refused() {
    let whole = archive(&FILES);
    let (truncated, sparse) = (
        whole[..whole.len() / 2].to_vec(),
        odd_archive(tar::EntryType::GNUSparse),
    );
    let leaves_out = "; `spec.ignore` or `spec.sparseCheckout` of the GitRepository leaves out what nobody needs";
    for (bytes, says, end) in [
        (truncated, "the archive is truncated", "again"),
        (sparse, "a.ts is not a plain file", leaves_out),
    ] {
        let sent = bytes.clone();
        let artifact_state = seen(&flux().await, &bytes, move || Answer::bytes(sent.clone())).await;
        let says = format!("the artifact of GitRepository ace/platform can't be used: {says}");
        assert!(
            matches!(&artifact_state, ArtifactState::Refused(text) if text.starts_with(&says) && text.ends_with(end)),
            "{artifact_state:?}"
        );
    }
}

#[tokio::test]
async fn a_tree_that_was_given_up_is_fetched_anew() {
    let fixture = flux_with(|settings| Settings { cache: 1, ..settings }).await;
    let archives = ["one", "two"].map(|text| archive(&[("a.ts", text)]));
    let mut servers = Vec::new();
    for (name, bytes) in ["one", "two"].iter().zip(&archives) {
        let (artifacts, url) = serving(bytes).await;
        fixture
            .cluster
            .put(&format!("{REPOSITORIES}/{name}"), points_at(&url, bytes));
        servers.push(artifacts);
    }
    for name in ["one", "two", "one", "one"] {
        assert_eq!(
            content(&fixture.artifact_state(&repository(name)).await).2,
            tree(&[("a.ts", name)])
        );
    }
    assert_eq!(
        servers.iter().map(|server| server.requests().len()).collect::<Vec<_>>(),
        [2, 1]
    );
}

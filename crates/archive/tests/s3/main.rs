//! A store against a real server that speaks the protocol of S3, and against servers that do less.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod backups;
mod support;

use ace_archive::{Capabilities, Settings, Store, StoreProblem};
use support::{ALL, Fake, bucket, http, server, store};

#[tokio::test]
async fn what_a_store_can_do_is_tried_and_leaves_nothing_behind() {
    let server = server().await;
    let store = store(&server, "prod");
    assert_eq!(store.probe("one").await, Ok(ALL));
    assert_eq!(store.contents().await.unwrap(), ace_archive::Contents::default());
    let left = std::fs::read_dir(server.directory.join("ace-backups/prod"))
        .into_iter()
        .flatten();
    assert_eq!(left.count(), 0, "no object, and no folder of one");
}

#[tokio::test]
async fn a_list_finds_the_backups_below_the_prefix_and_what_is_none() {
    let server = server().await;
    let one = "prod/daily/2026/11/23/20261123T010003Z-5e0c71aa-7c1e";
    for (path, size) in [
        (format!("prod/{one}/dump.pgc.zst.age"), 100),
        (format!("prod/{one}/manifest.json"), 10),
        (
            "prod/daily/20261124T010003Z-5e0c71ab-7c1e/dump.pgc.zst.age".to_owned(),
            50,
        ),
        ("prod/a file with ü.txt".to_owned(), 1),
        ("production/not/below.txt".to_owned(), 1),
    ] {
        server.put(&path, size);
    }
    let contents = store(&server, "prod").contents().await.unwrap();
    assert_eq!(contents.backups.len(), 2);
    assert_eq!(contents.foreign.names, ["a file with ü.txt"]);
    let complete: Vec<_> = contents
        .complete()
        .map(|(time, backup)| (time.to_string(), backup.bytes))
        .collect();
    assert_eq!(complete, [("2026-11-23T01:00:03Z".to_owned(), 110)]);
}

#[tokio::test]
async fn a_list_goes_on_where_a_page_ends() {
    let server = server().await;
    for number in 0..1_050 {
        server.put(&format!("prod/others/{number}"), 1);
    }
    let contents = store(&server, "prod").contents().await.unwrap();
    assert_eq!(contents.foreign.count, 1_050);
}

#[tokio::test]
async fn a_refusal_is_told_by_its_cause() {
    let server = server().await;
    let problem = async |settings: &Settings| {
        let store = Store::new(settings, "prod", &http()).unwrap();
        let (listed, tried) = (
            store.contents().await.unwrap_err(),
            store.probe("one").await.unwrap_err(),
        );
        assert_eq!(listed.problem, tried.problem, "{listed} {tried}");
        listed
    };
    let none = problem(&bucket(&server, |s3| s3.bucket = "no-such-bucket".to_owned())).await;
    assert_eq!(
        (none.problem, none.message.as_str()),
        (StoreProblem::NoBucket, "the store answers 404 (NoSuchBucket)")
    );
    let wrong = problem(&bucket(&server, |s3| {
        s3.credentials.as_mut().unwrap().secret_access_key = ace_egress::SecretString::new("another".to_owned());
    }))
    .await;
    assert_eq!(wrong.problem, StoreProblem::Credentials);
    assert_eq!(wrong.message, "the store answers 403 (SignatureDoesNotMatch)");
    let unknown = problem(&bucket(&server, |s3| {
        s3.credentials.as_mut().unwrap().access_key_id = ace_egress::SecretString::new("nobody".to_owned());
    }))
    .await;
    assert_eq!(unknown.problem, StoreProblem::Credentials);
    let nobody = problem(&bucket(&server, |s3| s3.endpoint = "http://127.0.0.1:1".to_owned())).await;
    assert_eq!(
        (nobody.problem, nobody.message.as_str()),
        (StoreProblem::Unanswered, "no connection to the host")
    );
}

#[tokio::test]
async fn no_text_of_a_store_and_no_key_is_in_an_error() {
    let fake = Fake::start(|_| {
        (
            403,
            "<Error><Code>AccessDenied</Code><Message>key verysecret of anna@example.com</Message></Error>",
        )
    })
    .await;
    let store = fake.store();
    let error = store.contents().await.unwrap_err();
    assert_eq!(error.problem, StoreProblem::Denied);
    let text = format!("{error} {error:?} {store:?}");
    assert!(!text.contains("anna") && !text.contains("verysecret"), "{text}");
}

#[tokio::test]
async fn each_status_means_what_a_store_means_by_it() {
    for (status, body, expected) in [
        (507, "", StoreProblem::Full),
        (403, "<Error><Code>QuotaExceeded</Code></Error>", StoreProblem::Full),
        (
            403,
            "<Error><Code>RequestTimeTooSkewed</Code></Error>",
            StoreProblem::Clock,
        ),
        (
            400,
            "<Error><Code>ExpiredToken</Code></Error>",
            StoreProblem::Credentials,
        ),
        (301, "", StoreProblem::Refused),
        (
            400,
            "<Error><Code>AuthorizationHeaderMalformed</Code></Error>",
            StoreProblem::Refused,
        ),
        (200, "<html>a portal</html>", StoreProblem::Refused),
        (404, "<html>not found</html>", StoreProblem::Refused),
        (404, "<Error><Code>NoSuchBucket</Code></Error>", StoreProblem::NoBucket),
    ] {
        let fake = Fake::start(move |_| (status, body)).await;
        let error = fake.store().contents().await.unwrap_err();
        assert_eq!(error.problem, expected, "{status} {body}: {error}");
        assert_eq!(fake.requests(), 1, "{status} is not repeated");
    }
}

#[tokio::test]
async fn a_store_that_says_later_is_asked_again_a_few_times() {
    let fake = Fake::start(|_| (503, "<Error><Code>SlowDown</Code></Error>")).await;
    let error = fake.store().contents().await.unwrap_err();
    assert_eq!(
        (error.problem, error.message.as_str()),
        (StoreProblem::Throttled, "the store answers 503 (SlowDown)")
    );
    assert_eq!(fake.requests(), 4);
}

#[tokio::test]
async fn what_a_store_ignores_or_refuses_is_no_capability() {
    let server = server().await;
    for (lacks, expected) in [
        (
            "if-none-match",
            Capabilities {
                conditional_create: false,
                ..ALL
            },
        ),
        ("range", Capabilities { ranges: false, ..ALL }),
        (
            "uploads",
            Capabilities {
                multipart: false,
                ..ALL
            },
        ),
        (
            "x-amz-checksum-sha256",
            Capabilities {
                checksums: false,
                ..ALL
            },
        ),
        ("delete", Capabilities { delete: false, ..ALL }),
    ] {
        let proxy = Fake::before(&server, lacks).await;
        let store = Store::new(
            &bucket(&server, |s3| s3.endpoint.clone_from(&proxy.url)),
            "prod",
            &http(),
        )
        .unwrap();
        assert_eq!(store.probe(lacks).await, Ok(expected), "{lacks}");
    }
}

#[tokio::test]
async fn a_store_that_gives_back_other_bytes_is_none() {
    let server = server().await;
    let proxy = Fake::before(&server, "bytes").await;
    let store = Store::new(
        &bucket(&server, |s3| s3.endpoint.clone_from(&proxy.url)),
        "prod",
        &http(),
    )
    .unwrap();
    let error = store.probe("one").await.unwrap_err();
    assert_eq!(error.message, "the store gives back other bytes than were written");
}

#[tokio::test]
async fn a_directory_is_a_store_too() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings::Local(directory.path().to_owned());
    let store = Store::new(&settings, "prod", &http()).unwrap();
    let able = store.probe("one").await.unwrap();
    assert_eq!(
        able,
        Capabilities {
            checksums: false,
            ..ALL
        }
    );
    assert_eq!(
        std::fs::read_dir(directory.path()).unwrap().count(),
        0,
        "no object, and no folder of one"
    );
    std::fs::create_dir(directory.path().join("prod")).unwrap();
    std::fs::write(directory.path().join("prod/x"), "1").unwrap();
    assert_eq!(store.contents().await.unwrap().foreign.names, ["x"]);
    let missing = Settings::Local(directory.path().join("missing"));
    let error = Store::new(&missing, "prod", &http()).unwrap_err();
    assert!(error.to_string().starts_with("there is no directory `"), "{error}");
}

#[test]
fn a_host_that_no_flag_allows_is_named_before_anything_is_sent() {
    let fails = |change: &dyn Fn(&mut ace_archive::S3)| {
        let mut s3 = support::elsewhere();
        change(&mut s3);
        Store::new(&Settings::S3(s3), "prod", &http()).unwrap_err().to_string()
    };
    assert_eq!(
        fails(&|_| {}),
        "the operator's flags do not allow the host `ace-backups.s3.eu-central-1.amazonaws.com`"
    );
    assert_eq!(
        fails(&|s3| s3.path_style = true),
        "the operator's flags do not allow the host `s3.eu-central-1.amazonaws.com`"
    );
    assert_eq!(
        fails(&|s3| "s3.amazonaws.com/x".clone_into(&mut s3.endpoint)),
        "the endpoint is not a URL: write an origin, such as `https://s3.eu-central-1.amazonaws.com`"
    );
    assert_eq!(
        fails(&|s3| "https://s3.amazonaws.com/x".clone_into(&mut s3.endpoint)),
        "the endpoint has more than a scheme, a host and a port: leave the rest out"
    );
}

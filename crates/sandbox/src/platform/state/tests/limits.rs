use bytes::Bytes;
use uuid::Uuid;

use super::super::{Activate, BUNDLE_LIMIT, Deploy, Files, Record, Refusal, container_path};
use super::{entry, hello, ids, project};

#[test]
fn one_wrong_entry_activates_none() {
    let mut project = project();
    let first = project
        .deploy(
            &Deploy {
                bundle_only: true,
                ..hello()
            },
            ids(1),
            100,
        )
        .unwrap();
    let before = project.clone();
    let wrong = [
        Activate {
            ezbr_sha256: Some("0".repeat(64)),
            ..entry(&first)
        },
        Activate {
            id: Uuid::from_u128(8).to_string(),
            ..entry(&first)
        },
        Activate {
            slug: "nobody".to_owned(),
            ..entry(&first)
        },
        Activate {
            version: 0,
            ..entry(&first)
        },
    ];
    for wrong in wrong {
        assert!(
            project.activate(&[entry(&first), wrong.clone()], 200).is_err(),
            "{wrong:?}"
        );
        assert_eq!(project, before);
    }
}

#[test]
fn the_plan_limits_new_functions_and_no_redeploys() {
    let mut project = project();
    project.function_limit = 1;
    project.deploy(&hello(), ids(1), 100).unwrap();
    project.deploy(&hello(), ids(2), 100).unwrap();
    let second = Deploy {
        slug: "second".to_owned(),
        ..hello()
    };
    assert_eq!(project.deploy(&second, ids(3), 100), Err(Refusal::TooManyFunctions));
    project.function_limit = 2;
    let waiting: Vec<Record> = ["b", "c"]
        .map(|slug| Deploy {
            slug: slug.to_owned(),
            bundle_only: true,
            ..hello()
        })
        .iter()
        .map(|deploy| project.deploy(deploy, ids(4), 100).unwrap())
        .collect();
    let entries: Vec<Activate> = waiting.iter().map(entry).collect();
    assert_eq!(project.activate(&entries, 200), Err(Refusal::TooManyFunctions));
}

#[test]
fn what_a_deploy_may_not_say_is_refused_and_leaves_no_trace() {
    let named = |name: &str| Files::from([(name.to_owned(), Bytes::new())]);
    let bad = |path: &str| Refusal::BadPath { path: path.to_owned() };
    let large = Files::from([("index.ts".to_owned(), Bytes::from(vec![0; BUNDLE_LIMIT]))]);
    let both = Files::from([("a".to_owned(), Bytes::new()), ("a/b".to_owned(), Bytes::new())]);
    let cases = [
        (
            Deploy {
                slug: "1st".to_owned(),
                ..hello()
            },
            Refusal::BadSlug,
        ),
        (
            Deploy {
                slug: "a b".to_owned(),
                ..hello()
            },
            Refusal::BadSlug,
        ),
        (
            Deploy {
                slug: String::new(),
                ..hello()
            },
            Refusal::BadSlug,
        ),
        (
            Deploy {
                files: named("../../etc/passwd"),
                ..hello()
            },
            bad("../../etc/passwd"),
        ),
        (
            Deploy {
                files: named("/etc/passwd"),
                ..hello()
            },
            bad("/etc/passwd"),
        ),
        (
            Deploy {
                files: named(""),
                ..hello()
            },
            bad(""),
        ),
        (
            Deploy {
                entrypoint: "../../x".to_owned(),
                ..hello()
            },
            bad("../../x"),
        ),
        (
            Deploy {
                import_map: Some("/x".to_owned()),
                ..hello()
            },
            bad("/x"),
        ),
        (Deploy { files: both, ..hello() }, bad("source/a")),
        (
            Deploy {
                files: large,
                ..hello()
            },
            Refusal::BundleTooLarge,
        ),
    ];
    for (deploy, refusal) in cases {
        let mut project = project();
        assert_eq!(project.deploy(&deploy, ids(1), 100), Err(refusal));
        assert_eq!(project, super::project());
    }
}

#[test]
fn files_lie_under_source_or_beside_it() {
    let paths = ["index.ts", "./a//b.ts", "../_shared/cors.ts", "a/../b.ts"].map(|name| container_path(name).unwrap());
    assert_eq!(
        paths,
        ["source/index.ts", "source/a/b.ts", "_shared/cors.ts", "source/b.ts"]
    );
}

#[test]
fn only_a_few_uploads_wait_for_activation() {
    let mut project = project();
    for deployment in 1..=20 {
        project
            .deploy(
                &Deploy {
                    bundle_only: true,
                    ..hello()
                },
                ids(deployment),
                100,
            )
            .unwrap();
    }
    let kept: Vec<u128> = project.bundles().map(|bundle| bundle.deployment.as_u128()).collect();
    assert_eq!(kept, (13..=20).collect::<Vec<_>>());
}

use std::collections::BTreeMap;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    Activate, BUNDLE_LIMIT, Deploy, Files, Ids, Patch, Project, Record, Refusal, State, Status, container_path,
    is_reference,
};

const REFERENCE: &str = "abcdefghijklmnopqrst";
const ID: Uuid = Uuid::from_u128(7);

fn project() -> Project {
    Project::new(REFERENCE, "Test", 1)
}

fn files(content: &str) -> Files {
    Files::from([(
        "supabase/functions/hello/index.ts".to_owned(),
        Bytes::from(content.to_owned()),
    )])
}

fn hello() -> Deploy {
    Deploy {
        slug: "hello".to_owned(),
        name: None,
        verify_jwt: None,
        entrypoint: "supabase/functions/hello/index.ts".to_owned(),
        import_map: None,
        files: files("Deno.serve(() => new Response())"),
        bundle_only: false,
    }
}

fn ids(deployment: u128) -> Ids {
    Ids {
        function: ID,
        deployment: Uuid::from_u128(deployment),
    }
}

fn entry(record: &Record) -> Activate {
    Activate {
        id: record.id.to_string(),
        slug: record.slug.clone(),
        name: record.name.clone(),
        status: record.status,
        version: record.version,
        verify_jwt: Some(record.verify_jwt),
        ezbr_sha256: Some(record.ezbr_sha256.clone()),
    }
}

#[test]
fn a_first_deploy_is_version_one_and_asks_for_a_jwt() {
    let mut project = project();
    let record = project.deploy(&hello(), ids(1), 100).unwrap();
    let wanted = Record {
        id: ID,
        slug: "hello".to_owned(),
        name: "hello".to_owned(),
        status: Status::Active,
        version: 1,
        created_at: 100,
        updated_at: 100,
        verify_jwt: true,
        import_map: false,
        entrypoint_path: format!("file:///tmp/user_fn_{REFERENCE}_{ID}_1/source/supabase/functions/hello/index.ts"),
        import_map_path: None,
        ezbr_sha256: hex::encode(Sha256::digest(project.body("hello").unwrap().blob())),
    };
    assert_eq!((&record, project.list()), (&wanted, vec![&wanted]));
}

#[test]
fn the_same_source_again_is_a_new_version_with_a_new_digest_and_keeps_what_it_does_not_say() {
    let mut project = project();
    let said = Deploy {
        name: Some("Hello".to_owned()),
        verify_jwt: Some(false),
        ..hello()
    };
    let first = project.deploy(&said, ids(1), 100).unwrap();
    let second = project.deploy(&hello(), ids(2), 100).unwrap();
    assert_ne!(second.ezbr_sha256, first.ezbr_sha256);
    let wanted = Record {
        version: 2,
        // The clock stood still: the time moves on all the same.
        updated_at: 101,
        entrypoint_path: first.entrypoint_path.replace("_1/", "_2/"),
        ezbr_sha256: second.ezbr_sha256.clone(),
        ..first
    };
    assert_eq!(second, wanted);
}

#[test]
fn an_upload_of_bundle_only_changes_nothing_that_is_live() {
    let mut project = project();
    project.deploy(&hello(), ids(1), 100).unwrap();
    let before: Vec<Record> = project.list().into_iter().cloned().collect();
    let pending = project
        .deploy(
            &Deploy {
                bundle_only: true,
                ..hello()
            },
            ids(2),
            200,
        )
        .unwrap();
    let new = project
        .deploy(
            &Deploy {
                slug: "new".to_owned(),
                bundle_only: true,
                ..hello()
            },
            ids(3),
            200,
        )
        .unwrap();
    assert_eq!((pending.version, new.version), (2, 1));
    assert_eq!(project.list(), before.iter().collect::<Vec<_>>());
    assert_eq!(project.get("new"), Err(Refusal::FunctionNotFound));
    assert_eq!(project.bundles().count(), 3);
}

#[test]
fn activating_makes_the_very_upload_live_and_repeating_it_changes_nothing() {
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
    let other = Deploy {
        bundle_only: true,
        files: files("other"),
        ..hello()
    };
    project.deploy(&other, ids(2), 100).unwrap();
    let live = project.activate(&[entry(&first)], 300).unwrap();
    assert_eq!(
        live,
        [Record {
            updated_at: 300,
            ..first.clone()
        }]
    );
    assert_eq!(project.body("hello").unwrap().deployment, Uuid::from_u128(1));
    let after = project.clone();
    assert_eq!(project.activate(&[entry(&first)], 400).unwrap(), live);
    assert_eq!(project, after);
}

#[test]
fn the_caller_of_activate_decides_the_version() {
    let mut project = project();
    let first = project.deploy(&hello(), ids(1), 100).unwrap();
    let bumped = project
        .activate(
            &[Activate {
                version: 9,
                ..entry(&first)
            }],
            200,
        )
        .unwrap();
    assert_eq!(
        bumped,
        [Record {
            version: 9,
            updated_at: 200,
            ..first.clone()
        }]
    );
    assert_eq!(project.deploy(&hello(), ids(2), 300).unwrap().version, 10);
}

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
fn a_patch_moves_the_time_and_not_the_version() {
    let mut project = project();
    let first = project.deploy(&hello(), ids(1), 100).unwrap();
    let patched = project
        .patch(
            "hello",
            Patch {
                name: None,
                verify_jwt: Some(false),
            },
            50,
        )
        .unwrap();
    assert_eq!(
        patched,
        Record {
            verify_jwt: false,
            updated_at: 101,
            ..first
        }
    );
    assert_eq!(
        project.patch("nobody", Patch::default(), 50),
        Err(Refusal::FunctionNotFound)
    );
}

#[test]
fn a_deleted_function_comes_back_as_another_one() {
    let mut project = project();
    project.deploy(&hello(), ids(1), 100).unwrap();
    project.deploy(&hello(), ids(2), 100).unwrap();
    project.delete("hello").unwrap();
    assert_eq!(
        (project.delete("hello"), project.bundles().count()),
        (Err(Refusal::FunctionNotFound), 0)
    );
    let again = Ids {
        function: Uuid::from_u128(8),
        deployment: Uuid::from_u128(3),
    };
    let record = project.deploy(&hello(), again, 100).unwrap();
    assert_eq!((record.id, record.version), (again.function, 1));
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
        assert_eq!(project, self::project());
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

#[test]
fn secrets_show_their_digests_among_the_platforms_own() {
    let mut project = project();
    project
        .set_secrets(
            vec![("B".to_owned(), "1".to_owned()), ("B".to_owned(), "abc".to_owned())],
            5,
        )
        .unwrap();
    let reserved = BTreeMap::from([("SUPABASE_URL".to_owned(), "http://x".to_owned())]);
    let listed: Vec<(String, i64)> = project
        .secrets(&reserved)
        .into_iter()
        .map(|digest| (digest.name, digest.updated))
        .collect();
    assert_eq!(listed, [("B".to_owned(), 5), ("SUPABASE_URL".to_owned(), 1)]);
    // FIPS 180-2, appendix B.1.
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(project.secrets(&BTreeMap::new())[0].digest, digest);
    assert_eq!(
        project.environment(),
        BTreeMap::from([("B".to_owned(), "abc".to_owned())])
    );
    assert!(!format!("{project:?}").contains("abc\""));
}

#[test]
fn secrets_out_of_bounds_are_refused_all_together() {
    let item = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let numbered = |count: usize| {
        (0..count)
            .map(|number| item(&format!("N{number}"), "x"))
            .collect::<Vec<_>>()
    };
    let cases = [
        (vec![item("SUPABASE_X", "x")], Refusal::ReservedSecret),
        (vec![item("", "x")], Refusal::BadSecretName),
        (vec![item("A=B", "x")], Refusal::BadSecretName),
        (vec![item(&"A".repeat(257), "x")], Refusal::BadSecretName),
        (vec![item("A", &"x".repeat(24_577))], Refusal::BadSecretValue),
        (vec![item("A", "\0")], Refusal::BadSecretValue),
        (numbered(101), Refusal::TooManyItems),
    ];
    for (mut items, refusal) in cases {
        let mut project = project();
        items.insert(0, item("FINE", "x"));
        assert_eq!(project.set_secrets(items, 5), Err(refusal));
        assert_eq!(project, self::project());
    }
    let mut project = project();
    project
        .set_secrets(vec![item(&"é".repeat(256), &"é".repeat(24_576))], 5)
        .unwrap();
    project.set_secrets(numbered(99), 5).unwrap();
    assert_eq!(
        project.set_secrets(vec![item("ONE_MORE", "x")], 5),
        Err(Refusal::TooManySecrets)
    );
    project.set_secrets(vec![item("N0", "changed")], 6).unwrap();
}

#[test]
fn unsetting_spares_the_platforms_own_secrets() {
    let mut project = project();
    project.set_secrets(vec![("A".to_owned(), "x".to_owned())], 5).unwrap();
    let names = |names: [&str; 2]| names.map(str::to_owned);
    assert_eq!(
        project.unset_secrets(&names(["A", "SUPABASE_URL"])),
        Err(Refusal::ReservedSecret)
    );
    assert_eq!(project.environment().len(), 1);
    project.unset_secrets(&names(["A", "NOBODY"])).unwrap();
    assert_eq!(project.environment().len(), 0);
}

#[test]
fn projects_do_not_see_each_other() {
    let other = "tsrqponmlkjihgfedcba";
    let mut state = State::default();
    state.insert(project());
    state.insert(Project::new(other, "Other", 1));
    state.deploy(REFERENCE, &hello(), ids(1), 100).unwrap();
    assert_eq!(state.list(other), Ok(Vec::new()));
    assert_eq!(state.list("nobody"), Err(Refusal::ProjectNotFound));
    assert_eq!(state.get(other, "hello"), Err(Refusal::FunctionNotFound));
    assert_eq!(
        [REFERENCE, "short", "ABCDEFGHIJKLMNOPQRST"].map(is_reference),
        [true, false, false]
    );
}

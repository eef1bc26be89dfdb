mod backups;
mod limits;
mod secrets;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Activate, Deploy, Files, Ids, Patch, Project, Record, Refusal, State, Status, is_reference};

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
fn a_deploy_without_a_jwt_rule_keeps_the_one_that_is_live() {
    let mut project = project();
    let open = Deploy {
        verify_jwt: Some(false),
        ..hello()
    };
    project.deploy(&open, ids(1), 100).unwrap();
    assert!(!project.deploy(&hello(), ids(2), 200).unwrap().verify_jwt);
    let closed = Patch {
        name: None,
        verify_jwt: Some(true),
    };
    project.patch("hello", closed, 300).unwrap();
    assert!(project.deploy(&hello(), ids(3), 400).unwrap().verify_jwt);
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
fn the_same_source_again_is_a_new_version_with_a_new_digest_and_keeps_a_jwt_rule_that_is_left_out() {
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

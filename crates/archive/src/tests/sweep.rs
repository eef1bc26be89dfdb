use jiff::{Timestamp, ToSpan};
use object_store::path::Path;

use super::{DIRECTORY, backup, data_path, manifest_path, noise, run};
use crate::commit::ManifestReadError;
use crate::error::StoreProblem;
use crate::faulty::{Fault, Faulty, Meddling};
use crate::layout::Contents;
use crate::run::RunPath;
use crate::sweep::Swept;

const ANOTHER: &str = "ace/prod/scheduled/2026/11/24/20261124T010003Z-5e0c71ab-0001";

fn deleted_path() -> String {
    format!("prod/{DIRECTORY}/manifest.deleted.json")
}

/// Long after everything, and long before.
fn later() -> Timestamp {
    "2100-01-01T00:00:00Z".parse().unwrap()
}

fn earlier() -> Timestamp {
    "2020-01-01T00:00:00Z".parse().unwrap()
}

async fn contents(faulty: &std::sync::Arc<Faulty>) -> Contents {
    faulty.store().contents().await.unwrap()
}

fn is_empty(swept: &Swept) -> bool {
    swept.runs.is_empty() && swept.error.is_none()
}

#[tokio::test]
async fn what_was_not_finished_is_swept_when_it_is_old_and_its_runner_is_gone() {
    let (faulty, _) = backup(&noise(1_000)).await;
    let another = RunPath::parse(ANOTHER).unwrap();
    faulty.lay(&format!("prod/{ANOTHER}/dump.pgc.zst.age"), noise(50)).await;
    faulty.lay(&format!("prod/{ANOTHER}/notes.txt"), noise(5)).await;
    faulty.lay("prod/notes.txt", noise(5)).await;
    let (store, found) = (faulty.store(), contents(&faulty).await);
    assert!(
        is_empty(&store.sweep(&found, earlier(), |_| false).await),
        "it is young"
    );
    assert!(
        is_empty(&store.sweep(&found, later(), |run| *run == another).await),
        "its runner lives"
    );
    let swept = store.sweep(&found, later(), |_| false).await;
    assert_eq!((swept.runs, swept.bytes, swept.error), (vec![another], 50, None));
    let left = [
        data_path(),
        manifest_path(),
        format!("prod/{ANOTHER}/notes.txt"),
        "prod/notes.txt".to_owned(),
    ];
    assert_eq!(faulty.names().await, left);
}

#[tokio::test]
async fn a_run_that_is_finished_while_others_sweep_is_complete_or_gone_and_never_half() {
    let (faulty, _) = backup(&noise(1_000)).await;
    let bytes = faulty.bytes(&manifest_path()).await;
    faulty.remove(&manifest_path()).await;
    let found = contents(&faulty).await;
    // Behind the first list, before the deletion.
    faulty.lay(&manifest_path(), bytes.clone()).await;
    assert!(is_empty(&faulty.store().sweep(&found, later(), |_| false).await));
    assert_eq!(faulty.names().await.len(), 2);
    // Behind the deletion.
    faulty.remove(&manifest_path()).await;
    let finished = Meddling::Write(Path::from(manifest_path()), bytes);
    let meddled = faulty.with(Fault::BehindDelete(finished));
    let swept = meddled.store().sweep(&found, later(), |_| false).await;
    assert_eq!(swept.runs, [run()]);
    assert!(faulty.names().await.is_empty());
}

#[tokio::test]
async fn a_sweep_that_fails_says_so() {
    let (faulty, _) = backup(&noise(1_000)).await;
    faulty.remove(&manifest_path()).await;
    let found = contents(&faulty).await;
    let failing = faulty.with(Fault::List(StoreProblem::Denied));
    let swept = failing.store().sweep(&found, later(), |_| false).await;
    assert_eq!(swept.error.unwrap().problem, StoreProblem::Denied);
    assert_eq!((swept.runs.len(), faulty.names().await.len()), (0, 1));
}

#[tokio::test]
async fn a_backup_is_deleted_in_two_steps_with_72_hours_between() {
    let (faulty, sealed) = backup(&noise(1_000)).await;
    let store = faulty.store();
    let manifest = faulty.bytes(&manifest_path()).await;
    store.expire(&run()).await.unwrap();
    assert_eq!(faulty.names().await, [data_path(), deleted_path()]);
    assert_eq!(faulty.bytes(&deleted_path()).await, manifest);
    assert_eq!(store.manifest(&run()).await, Err(ManifestReadError::Missing));
    assert!(
        is_empty(&store.sweep(&contents(&faulty).await, later(), |_| false).await),
        "it is not unfinished"
    );
    store.expire(&run()).await.unwrap();

    let since: Timestamp = "2026-11-25T00:00:00Z".parse().unwrap();
    let mut found = Contents::default();
    for file in ["dump.pgc.zst.age", "manifest.deleted.json"] {
        let path: Vec<&str> = DIRECTORY.split('/').chain([file]).collect();
        found.add(&path, sealed.bytes, since);
    }
    let passed = |hours: i64| since + hours.hours();
    assert!(is_empty(&store.delete_expired(&found, passed(72) - 1.second()).await));
    assert!(is_empty(&store.delete_expired(&found, passed(-1)).await));
    let swept = store.delete_expired(&found, passed(72)).await;
    assert_eq!(
        (swept.runs, swept.bytes, swept.error),
        (vec![run()], sealed.bytes, None)
    );
    assert!(faulty.names().await.is_empty());
}

#[tokio::test]
async fn a_deletion_that_was_cut_off_goes_on_and_one_that_was_regretted_is_taken_back() {
    let (faulty, _) = backup(&noise(1_000)).await;
    let (store, manifest) = (faulty.store(), faulty.bytes(&manifest_path()).await);
    // Between the two halves of the first step: it is still there.
    faulty.lay(&deleted_path(), manifest.clone()).await;
    assert_eq!(contents(&faulty).await.complete().count(), 1);
    assert!(is_empty(&store.delete_expired(&contents(&faulty).await, later()).await));
    store.expire(&run()).await.unwrap();
    assert_eq!(faulty.names().await, [data_path(), deleted_path()]);
    assert_eq!(store.keep(&run()).await, Ok(true));
    assert_eq!(faulty.names().await, [data_path(), manifest_path()]);
    assert_eq!(faulty.bytes(&manifest_path()).await, manifest);
    assert_eq!(store.keep(&run()).await, Ok(false), "there is nothing to take back");
    // Between the two halves of the second step.
    store.expire(&run()).await.unwrap();
    faulty.remove(&data_path()).await;
    assert_eq!(store.keep(&run()).await, Ok(false), "its data is gone");
    let swept = store.delete_expired(&contents(&faulty).await, later()).await;
    assert_eq!(swept.runs, [run()]);
    assert!(faulty.names().await.is_empty());
}

#[tokio::test]
async fn a_backup_that_was_kept_while_the_second_step_was_decided_stays() {
    let (faulty, _) = backup(&noise(1_000)).await;
    let store = faulty.store();
    store.expire(&run()).await.unwrap();
    let found = contents(&faulty).await;
    store.keep(&run()).await.unwrap();
    assert!(is_empty(&store.delete_expired(&found, later()).await));
    assert_eq!(faulty.names().await, [data_path(), manifest_path()]);
}

#[tokio::test]
async fn what_is_not_there_is_not_said_to_be_expired() {
    let faulty = Faulty::new(Fault::None);
    assert_eq!(faulty.store().expire(&run()).await, Err(ManifestReadError::Missing));
    let (faulty, _) = backup(&noise(1_000)).await;
    let failing = faulty.with(Fault::Put(0, StoreProblem::Full));
    assert!(matches!(
        failing.store().expire(&run()).await,
        Err(ManifestReadError::Store(_))
    ));
    assert_eq!(faulty.names().await, [data_path(), manifest_path()]);
}

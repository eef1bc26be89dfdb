use object_store::path::Path;

use super::{backup, data_path, manifest, manifest_path, noise, run, sealed};
use crate::commit::{CommitError, ManifestReadError};
use crate::digest::Digest;
use crate::error::StoreProblem;
use crate::faulty::{Fault, Faulty, Meddling};
use crate::manifest::ManifestError;
use crate::read::Finding;
use crate::seal::Sealed;

/// Data without a manifest.
async fn unfinished() -> (std::sync::Arc<Faulty>, Sealed) {
    let faulty = Faulty::new(Fault::None);
    let sealed = sealed(&faulty.store(), &noise(1_000)).await;
    (faulty, sealed)
}

#[tokio::test]
async fn a_manifest_is_read_back_with_the_digest_that_the_next_one_names() {
    let (faulty, sealed) = unfinished().await;
    let store = faulty.store();
    let written = manifest(sealed);
    let digest = store.commit(&run(), &written).await.unwrap();
    assert_eq!(digest, Digest::of(&faulty.bytes(&manifest_path()).await));
    assert_eq!(store.manifest(&run()).await, Ok((written, digest)));
    let contents = store.contents().await.unwrap();
    assert_eq!(contents.present(&run(), sealed.bytes), Ok(()));
}

#[tokio::test]
async fn there_is_no_manifest_without_the_data_that_it_names() {
    let (faulty, sealed) = unfinished().await;
    let other = faulty.with(Fault::Size(1));
    let size = sealed.bytes + 1;
    let error = other.store().commit(&run(), &manifest(sealed)).await.unwrap_err();
    assert_eq!(error, CommitError::Data(Finding::Changed { size }));
    faulty.remove(&data_path()).await;
    let none = faulty.with(Fault::None);
    let error = none.store().commit(&run(), &manifest(sealed)).await.unwrap_err();
    assert_eq!(error, CommitError::Data(Finding::Missing));
    assert_eq!(
        (other.puts(), none.puts()),
        (0, 0),
        "nothing is written, not even for a moment"
    );
}

#[tokio::test]
async fn a_run_that_was_swept_while_its_manifest_was_written_is_none() {
    let (faulty, sealed) = unfinished().await;
    let swept = Meddling::Delete(Path::from(data_path()));
    let store = faulty.with(Fault::BehindPut(swept)).store();
    let error = store.commit(&run(), &manifest(sealed)).await.unwrap_err();
    assert_eq!(error, CommitError::Data(Finding::Missing));
    assert!(faulty.names().await.is_empty());
}

#[tokio::test]
async fn a_list_that_fails_says_nothing_and_nothing_is_written() {
    let (faulty, sealed) = unfinished().await;
    let store = faulty.with(Fault::List(StoreProblem::Denied)).store();
    match store.commit(&run(), &manifest(sealed)).await {
        Err(CommitError::Store(error)) => assert_eq!(error.problem, StoreProblem::Denied),
        other => panic!("{other:?}"),
    }
    assert_eq!(faulty.names().await, [data_path()]);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_looked_for_and_a_write_that_failed_is_an_error() {
    for fault in [
        Fault::LostPut(0),
        // The first attempt is refused for its condition.
        Fault::Put(0, StoreProblem::Unsupported),
        Fault::NoCondition,
    ] {
        let (faulty, sealed) = unfinished().await;
        let store = faulty.with(fault.clone()).store();
        store.commit(&run(), &manifest(sealed)).await.unwrap();
        assert!(store.manifest(&run()).await.is_ok(), "{fault:?}");
    }
    let (faulty, sealed) = unfinished().await;
    let store = faulty.with(Fault::Put(0, StoreProblem::Full)).store();
    match store.commit(&run(), &manifest(sealed)).await {
        Err(CommitError::Store(error)) => assert_eq!(error.problem, StoreProblem::Full),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.manifest(&run()).await, Err(ManifestReadError::Missing));
}

#[tokio::test]
async fn the_same_manifest_is_written_twice_and_another_never() {
    let (faulty, sealed) = backup(&noise(1_000)).await;
    let store = faulty.store();
    let digest = Digest::of(&faulty.bytes(&manifest_path()).await);
    assert_eq!(store.commit(&run(), &manifest(sealed)).await, Ok(digest));
    let mut other = manifest(sealed);
    other.origin.attempt = 2;
    assert_eq!(store.commit(&run(), &other).await, Err(CommitError::Taken));
    assert_eq!(Digest::of(&faulty.bytes(&manifest_path()).await), digest);
}

#[tokio::test]
async fn a_manifest_that_is_too_large_or_of_no_use_is_not_taken_into_memory() {
    let (faulty, _) = backup(&noise(1_000)).await;
    faulty.lay(&manifest_path(), vec![b' '; (8 << 20) + 1]).await;
    let store = faulty.store();
    let error = store.manifest(&run()).await.unwrap_err();
    assert_eq!(error, ManifestReadError::Manifest(ManifestError::TooLarge));
    faulty.lay(&manifest_path(), "{}").await;
    let error = store.manifest(&run()).await.unwrap_err();
    assert!(
        matches!(error, ManifestReadError::Manifest(ManifestError::Invalid(_))),
        "{error}"
    );
    // Nobody can say whether there is one.
    let store = faulty.with(Fault::Get(0, StoreProblem::Unanswered)).store();
    assert!(matches!(store.manifest(&run()).await, Err(ManifestReadError::Store(_))));
}

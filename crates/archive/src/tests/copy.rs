use super::{all, backup, data_path, identities, manifest, noise, run};
use crate::copy::CopyError;
use crate::error::StoreProblem;
use crate::faulty::{Fault, Faulty};
use crate::read::{Finding, Layer};
use crate::upload::Parts;

fn parts() -> Parts {
    Parts::of(100_000, 2)
}

#[tokio::test]
async fn a_copy_is_the_same_bytes_and_reads_as_the_first() {
    let data = noise(500_000);
    let (from, sealed) = backup(&data).await;
    let to = Faulty::new(Fault::None);
    let mut copied = Vec::new();
    from.store()
        .copy_data(&run(), &sealed, &to.store(), parts(), |bytes| copied.push(bytes))
        .await
        .unwrap();
    assert_eq!(copied.last(), Some(&sealed.bytes));
    assert_eq!(to.bytes(&data_path()).await, from.bytes(&data_path()).await);
    // It is none before its manifest.
    assert!(
        to.store()
            .contents()
            .await
            .unwrap()
            .present(&run(), sealed.bytes)
            .is_err()
    );
    to.store().commit(&run(), &manifest(sealed)).await.unwrap();
    let read = all(to.store().read(&run(), &sealed, &identities())).await.unwrap();
    assert_eq!(read, data);
}

#[tokio::test]
async fn the_same_size_is_no_proof_on_either_side() {
    let (from, sealed) = backup(&noise(500_000)).await;
    let intact = from.bytes(&data_path()).await;
    let mut damaged = intact.to_vec();
    damaged[300_000] ^= 1;
    // Where it comes from: nothing appears.
    from.lay(&data_path(), damaged.clone()).await;
    let to = Faulty::new(Fault::None);
    let error = from
        .store()
        .copy_data(&run(), &sealed, &to.store(), parts(), |_| {})
        .await
        .unwrap_err();
    let corrupt = Finding::Corrupt { layer: Layer::Digest };
    assert_eq!(error, CopyError::From(corrupt.into()));
    assert!(to.names().await.is_empty());
    assert_eq!(to.pending(), 0);
    // Where it goes: what lies there is written anew.
    from.lay(&data_path(), intact.clone()).await;
    to.lay(&data_path(), damaged).await;
    from.store()
        .copy_data(&run(), &sealed, &to.store(), parts(), |_| {})
        .await
        .unwrap();
    assert_eq!(to.bytes(&data_path()).await, intact);
}

#[tokio::test]
async fn a_copy_that_fails_says_on_which_side_and_leaves_nothing() {
    let (from, sealed) = backup(&noise(500_000)).await;
    let to = Faulty::new(Fault::Part(2, StoreProblem::Full));
    match from
        .store()
        .copy_data(&run(), &sealed, &to.store(), parts(), |_| {})
        .await
    {
        Err(CopyError::To(error)) => assert_eq!(error.problem, StoreProblem::Full),
        other => panic!("{other:?}"),
    }
    assert_eq!((to.names().await.len(), to.pending()), (0, 0));
    let to = Faulty::new(Fault::None);
    let from = from.with(Fault::Get(0, StoreProblem::Denied));
    let error = from
        .store()
        .copy_data(&run(), &sealed, &to.store(), parts(), |_| {})
        .await
        .unwrap_err();
    assert!(matches!(error, CopyError::From(_)), "{error}");
    assert!(to.names().await.is_empty());
}

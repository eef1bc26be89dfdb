use super::{all, backup, data_path, identities, noise, run};
use crate::error::StoreProblem;
use crate::faulty::Fault;
use crate::read::{Finding, ReadError};

/// Of three pieces, as they are read here.
const LARGE: usize = 250_000;

fn problem(error: ReadError) -> StoreProblem {
    match error {
        ReadError::Store(error) => error.problem,
        ReadError::Found(finding) => panic!("{finding}: what could not be looked at is no finding"),
    }
}

#[tokio::test]
async fn a_store_without_ranges_or_with_etags_that_are_not_stable_is_read_all_the_same() {
    let data = noise(LARGE);
    let (faulty, sealed) = backup(&data).await;
    for fault in [Fault::None, Fault::NoRanges, Fault::Etags] {
        let store = faulty.with(fault.clone()).store();
        let read = all(store.read(&run(), &sealed, &identities())).await.unwrap();
        assert_eq!(read, data, "{fault:?}");
        store.verify_key(&run(), &sealed, &identities()).await.unwrap();
        store.verify_bytes(&run(), &sealed, None).await.unwrap();
    }
}

#[tokio::test]
async fn a_download_that_breaks_is_gone_on_with_a_few_times() {
    let data = noise(LARGE);
    let (faulty, sealed) = backup(&data).await;
    let store = faulty.with(Fault::Breaks(2)).store();
    let read = all(store.read(&run(), &sealed, &identities())).await.unwrap();
    assert_eq!(read, data);
    let store = faulty.with(Fault::Breaks(3)).store();
    let error = all(store.read(&run(), &sealed, &identities())).await.unwrap_err();
    assert_eq!(problem(error), StoreProblem::Unanswered);
}

#[tokio::test]
async fn what_is_replaced_while_it_is_read_has_changed_and_is_not_called_damaged() {
    for (behind, has_same_size) in [(0, true), (1, true), (0, false)] {
        for with in [Some(identities()), None] {
            let (faulty, sealed) = backup(&noise(LARGE)).await;
            let size = if has_same_size { sealed.bytes } else { 10 };
            let other = noise(usize::try_from(size).unwrap());
            let store = faulty.with(Fault::Replaced(behind, other)).store();
            let found = store.verify_bytes(&run(), &sealed, with.as_ref()).await;
            assert_eq!(
                found,
                Err(Finding::Changed { size }.into()),
                "behind piece {behind}, {with:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_could_not_be_looked_at_is_an_error_and_no_finding() {
    let (faulty, sealed) = backup(&noise(LARGE)).await;
    for at in 0..3 {
        for expected in [StoreProblem::Denied, StoreProblem::NoBucket, StoreProblem::Throttled] {
            let store = faulty.with(Fault::Get(at, expected)).store();
            let error = store
                .verify_bytes(&run(), &sealed, Some(&identities()))
                .await
                .unwrap_err();
            assert_eq!(problem(error), expected, "piece {at}");
            let store = faulty.with(Fault::Get(at, expected)).store();
            let error = store.verify_bytes(&run(), &sealed, None).await.unwrap_err();
            assert_eq!(problem(error), expected, "piece {at}, without an identity");
        }
    }
    let store = faulty.with(Fault::Get(0, StoreProblem::Unanswered)).store();
    let error = store.verify_key(&run(), &sealed, &identities()).await.unwrap_err();
    assert_eq!(problem(error), StoreProblem::Unanswered);
    let store = faulty.with(Fault::List(StoreProblem::Throttled)).store();
    assert_eq!(store.contents().await.unwrap_err().problem, StoreProblem::Throttled);
}

#[tokio::test]
async fn missing_is_what_a_list_does_not_show() {
    let (faulty, sealed) = backup(&noise(1_000)).await;
    faulty.remove(&data_path()).await;
    let store = faulty.store();
    let error = store.verify_key(&run(), &sealed, &identities()).await.unwrap_err();
    assert_eq!(error, Finding::Missing.into());
    // The list failed, too: nobody knows.
    let store = faulty.with(Fault::List(StoreProblem::Unanswered)).store();
    let error = store.verify_key(&run(), &sealed, &identities()).await.unwrap_err();
    assert_eq!(problem(error), StoreProblem::Unanswered);
}

#[tokio::test]
async fn a_reader_that_is_dropped_reads_no_further() {
    let data = noise(LARGE);
    let (faulty, sealed) = backup(&data).await;
    let counted = faulty.with(Fault::None);
    let mut reader = counted.store().read(&run(), &sealed, &identities());
    assert!(reader.next().await.unwrap().is_some());
    drop(reader);
    assert!(counted.gets() <= 3, "{}", counted.gets());
}

use std::io::Read;

use super::{DIRECTORY, all, data_path, identities, noise, others, recipients, run, sealed};
use crate::digest::Digest;
use crate::error::StoreProblem;
use crate::faulty::{Fault, Faulty};
use crate::keys::Recipients;
use crate::seal::HEAD;
use crate::upload::Parts;

#[tokio::test]
async fn data_comes_back_as_it_was_whatever_its_size() {
    for length in [0, 1, 64 << 10, (64 << 10) + 1, 100_000, 200_000, 1_000_003] {
        let faulty = Faulty::new(Fault::None);
        let (store, data) = (faulty.store(), noise(length));
        let sealed = sealed(&store, &data).await;
        assert_eq!(sealed.raw_bytes, length as u64);
        let stored = faulty.bytes(&data_path()).await;
        assert_eq!(
            (sealed.bytes, sealed.digest),
            (stored.len() as u64, Digest::of(&stored))
        );
        assert_eq!(sealed.head_digest, Digest::of(&stored[..stored.len().min(HEAD)]));
        let read = all(store.read(&run(), &sealed, &identities())).await.unwrap();
        assert_eq!(read, data, "{length}");
        assert_eq!(faulty.pending(), 0);
    }
}

#[tokio::test]
async fn what_is_stored_is_a_frame_of_zstd_with_a_checksum_within_age() {
    let faulty = Faulty::new(Fault::None);
    let data = noise(100_000);
    sealed(&faulty.store(), &data).await;
    let stored = faulty.bytes(&data_path()).await;
    let age = age::Decryptor::new_buffered(&stored[..]).unwrap();
    let mut frame = Vec::new();
    age.decrypt(identities().iter())
        .unwrap()
        .read_to_end(&mut frame)
        .unwrap();
    assert_eq!(zstd::decode_all(&frame[..]).unwrap(), data);
    assert_eq!(
        frame[4] & 0b100,
        0b100,
        "the frame's descriptor has the bit of a checksum"
    );
}

#[tokio::test]
async fn each_recipient_opens_it_and_nobody_else() {
    let (first, second) = (others(), others());
    let recipients: Vec<String> = [&first, &second].iter().flat_map(|key| key.recipients()).collect();
    let faulty = Faulty::new(Fault::None);
    let store = faulty.store();
    let recipients = Recipients::parse(&recipients).unwrap();
    let mut seal = store.seal(&run(), &recipients, Parts::of(100_000, 2));
    seal.write("abc".into()).await.unwrap();
    let sealed = seal.finish().await.unwrap();
    for key in [&first, &second] {
        assert_eq!(all(store.read(&run(), &sealed, key)).await.unwrap(), b"abc");
    }
    let error = all(store.read(&run(), &sealed, &identities())).await.unwrap_err();
    assert_eq!(error.to_string(), "the identity does not open it");
}

#[tokio::test]
async fn nothing_is_there_before_the_end_and_nothing_after_giving_up() {
    let faulty = Faulty::new(Fault::None);
    let store = faulty.store();
    let mut seal = store.seal(&run(), &recipients(), Parts::of(100_000, 2));
    let data = noise(700_000);
    for piece in data.chunks(100_000) {
        seal.write(data.slice_ref(piece)).await.unwrap();
    }
    assert!(faulty.names().await.is_empty());
    assert!(seal.abort().await);
    assert!(faulty.names().await.is_empty());
    assert_eq!(faulty.pending(), 0);

    let mut dropped = store.seal(&run(), &recipients(), Parts::of(100_000, 2));
    for piece in data.chunks(100_000) {
        dropped.write(data.slice_ref(piece)).await.unwrap();
    }
    drop(dropped);
    faulty.until_nothing_is_pending().await;
    assert!(faulty.names().await.is_empty());
}

#[tokio::test]
async fn a_store_that_fails_says_why_while_data_is_written_or_at_its_end() {
    for problem in [
        StoreProblem::Full,
        StoreProblem::Denied,
        StoreProblem::Credentials,
        StoreProblem::NoBucket,
        StoreProblem::Throttled,
        StoreProblem::Unanswered,
    ] {
        for fault in [Fault::Part(1, problem), Fault::Completion(problem)] {
            let faulty = Faulty::new(fault.clone());
            let store = faulty.store();
            let mut seal = store.seal(&run(), &recipients(), Parts::of(100_000, 2));
            let data = noise(1_000_000);
            let mut failed = None;
            for piece in data.chunks(50_000) {
                if let Err(error) = seal.write(data.slice_ref(piece)).await {
                    failed = Some(error);
                    break;
                }
            }
            let error = match failed {
                Some(error) => error,
                None => seal.finish().await.unwrap_err(),
            };
            assert_eq!(error.problem, problem, "{fault:?}");
            assert!(faulty.names().await.is_empty(), "{fault:?}");
            faulty.until_nothing_is_pending().await;
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_at_the_end_is_looked_for() {
    for fault in [Fault::LostCompletion, Fault::LostPut(0)] {
        let length = if matches!(fault, Fault::LostPut(_)) {
            1_000
        } else {
            500_000
        };
        let faulty = Faulty::new(fault.clone());
        let (store, data) = (faulty.store(), noise(length));
        let sealed = sealed(&store, &data).await;
        let read = all(store.read(&run(), &sealed, &identities())).await.unwrap();
        assert_eq!(read, data, "{fault:?}");
    }
}

#[tokio::test]
async fn what_was_compressed_is_counted_as_it_goes() {
    let faulty = Faulty::new(Fault::None);
    let mut seal = faulty.store().seal(&run(), &recipients(), Parts::of(100_000, 2));
    // More pieces than wait between: the first ones were taken.
    for _ in 0..20 {
        seal.write(noise(1_000)).await.unwrap();
    }
    assert!(seal.raw_bytes() >= 10_000, "{}", seal.raw_bytes());
    assert_eq!(seal.finish().await.unwrap().raw_bytes, 20_000);
    assert_eq!(faulty.names().await, [format!("prod/{DIRECTORY}/dump.pgc.zst.age")]);
}

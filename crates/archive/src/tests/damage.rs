//! Which level notices which damage.

use std::io::{Read, Write};

use bytes::Bytes;

use super::{all, backup, data_path, identities, manifest_path, noise, others, recipients, run};
use crate::digest::Digest;
use crate::faulty::Faulty;
use crate::keys::Identities;
use crate::read::{Finding, Layer, ReadError};
use crate::seal::{HEAD, Sealed};

/// Of age, with its tag.
const CHUNK: usize = (64 << 10) + 16;

/// What each level says: `Present`, `Key`, `Bytes` without an identity, `Bytes`.
type Says = [Option<Finding>; 4];

async fn levels(faulty: &std::sync::Arc<Faulty>, sealed: &Sealed, identities: &Identities) -> Says {
    let (store, run) = (faulty.store(), run());
    let found = |result: Result<(), ReadError>| match result {
        Ok(()) => None,
        Err(ReadError::Found(finding)) => Some(finding),
        Err(ReadError::Store(error)) => panic!("{error}"),
    };
    let contents = store.contents().await.unwrap();
    [
        contents.present(&run, sealed.bytes).err(),
        found(store.verify_key(&run, sealed, identities).await),
        found(store.verify_bytes(&run, sealed, None).await),
        found(store.verify_bytes(&run, sealed, Some(identities)).await),
    ]
}

fn corrupt(layer: Layer) -> Finding {
    Finding::Corrupt { layer }
}

fn changed(size: usize) -> Says {
    [Some(Finding::Changed { size: size as u64 }); 4]
}

fn flipped(stored: &[u8], at: usize) -> Vec<u8> {
    let mut stored = stored.to_vec();
    stored[at] ^= 1;
    stored
}

/// What is done to the bytes that are stored, and what the levels say of it: by their length, as an archive that is written anew has a
/// header of another length.
type Damage = (&'static str, fn(&[u8]) -> Vec<u8>, fn(usize) -> Says);

const DAMAGES: [Damage; 8] = [
    ("nothing", <[u8]>::to_vec, |_| [None; 4]),
    (
        "cut at half",
        |stored| stored[..stored.len() / 2].to_vec(),
        |length| changed(length / 2),
    ),
    (
        "cut at half, and filled with zeroes",
        |stored| {
            let mut cut = stored[..stored.len() / 2].to_vec();
            cut.resize(stored.len(), 0);
            cut
        },
        |_| unseen_by_list_and_head(),
    ),
    (
        "one byte flipped in the middle",
        |stored| flipped(stored, stored.len() / 2),
        |_| unseen_by_list_and_head(),
    ),
    (
        "the last byte flipped",
        |stored| flipped(stored, stored.len() - 1),
        |_| unseen_by_list_and_head(),
    ),
    (
        "one byte flipped in the header",
        |stored| flipped(stored, 60),
        |_| unseen_by_list(),
    ),
    (
        "other bytes altogether",
        |stored| noise(stored.len()).to_vec(),
        |_| unseen_by_list(),
    ),
    (
        "one byte more",
        |stored| [stored, b"x"].concat(),
        |length| changed(length + 1),
    ),
];

fn unseen_by_list_and_head() -> Says {
    [
        None,
        None,
        Some(corrupt(Layer::Digest)),
        Some(corrupt(Layer::Encryption)),
    ]
}

fn unseen_by_list() -> Says {
    let header = Some(corrupt(Layer::Header));
    [None, header, Some(corrupt(Layer::Digest)), header]
}

/// The length of age's header: behind the line of its MAC, and the nonce.
fn header(stored: &[u8]) -> usize {
    let mac = stored.windows(5).position(|window| window == b"\n--- ").unwrap();
    let line = stored[mac + 1..].iter().position(|byte| *byte == b'\n').unwrap();
    mac + 1 + line + 1 + 16
}

/// What is known of these bytes, had they been written.
fn known(stored: &[u8], raw_bytes: u64) -> Sealed {
    Sealed {
        bytes: stored.len() as u64,
        raw_bytes,
        digest: Digest::of(stored),
        head_digest: Digest::of(&stored[..stored.len().min(HEAD)]),
    }
}

fn decrypted(stored: &[u8]) -> Vec<u8> {
    let age = age::Decryptor::new_buffered(stored).unwrap();
    let mut within = Vec::new();
    age.decrypt(identities().iter())
        .unwrap()
        .read_to_end(&mut within)
        .unwrap();
    within
}

fn encrypted(within: &[u8]) -> Vec<u8> {
    let age = age::Encryptor::with_recipients(recipients().iter()).unwrap();
    let mut stored = Vec::new();
    let mut writer = age.wrap_output(&mut stored).unwrap();
    writer.write_all(within).unwrap();
    writer.finish().unwrap();
    stored
}

#[tokio::test]
async fn each_damage_is_noticed_by_the_levels_that_can() {
    let data = noise(500_000);
    for (name, damage, expected) in DAMAGES {
        let (faulty, sealed) = backup(&data).await;
        let stored = faulty.bytes(&data_path()).await;
        faulty.lay(&data_path(), damage(&stored)).await;
        let says = levels(&faulty, &sealed, &identities()).await;
        assert_eq!(says, expected(stored.len()), "{name}");
    }
}

#[tokio::test]
async fn another_key_is_told_from_damage() {
    let (faulty, sealed) = backup(&noise(100_000)).await;
    let mismatch = Some(Finding::KeyMismatch);
    let says = levels(&faulty, &sealed, &others()).await;
    assert_eq!(says, [None, mismatch, None, mismatch]);
    // Damaged, and another's: nobody can say whose it is.
    let mut stored = faulty.bytes(&data_path()).await.to_vec();
    stored[60] ^= 1;
    faulty.lay(&data_path(), stored).await;
    let says = levels(&faulty, &sealed, &others()).await;
    assert_eq!(says[1], Some(corrupt(Layer::Header)));
}

#[tokio::test]
async fn an_older_object_under_the_name_opens_and_is_noticed() {
    let (older, _) = backup(&noise(500_000)).await;
    let stored = older.bytes(&data_path()).await;
    // Another size.
    let (faulty, sealed) = backup(&noise(500_100)).await;
    faulty.lay(&data_path(), stored.clone()).await;
    assert_eq!(levels(&faulty, &sealed, &identities()).await, changed(stored.len()));
    // The same size, for the same recipients, whole: only the digest tells.
    let (faulty, mut sealed) = backup(&noise(500_000)).await;
    sealed.bytes = stored.len() as u64;
    faulty.lay(&data_path(), stored).await;
    let digest = Some(corrupt(Layer::Digest));
    assert_eq!(
        levels(&faulty, &sealed, &identities()).await,
        [None, None, digest, digest]
    );
}

#[tokio::test]
async fn without_its_data_or_its_manifest_a_backup_is_missing() {
    let (faulty, sealed) = backup(&noise(1_000)).await;
    faulty.remove(&data_path()).await;
    assert_eq!(
        levels(&faulty, &sealed, &identities()).await,
        [Some(Finding::Missing); 4]
    );
    let (faulty, sealed) = backup(&noise(1_000)).await;
    faulty.remove(&manifest_path()).await;
    assert_eq!(
        levels(&faulty, &sealed, &identities()).await,
        [Some(Finding::Missing), None, None, None]
    );
}

/// A manifest that agrees with what is there proves nothing: each layer is complete by itself.
#[tokio::test]
async fn each_layer_notices_by_itself_that_something_is_missing() {
    let data = noise(500_000);
    let (faulty, sealed) = backup(&data).await;
    let stored = faulty.bytes(&data_path()).await;
    let frame = decrypted(&stored);
    let edge = header(&stored) + 3 * CHUNK;
    let mut without_end = frame.clone();
    without_end.truncate(frame.len() - 4);
    let mut flipped = frame.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let length = sealed.raw_bytes;
    let table: [(&str, Vec<u8>, u64, Finding); 8] = [
        (
            "cut at the edge of a chunk",
            stored[..edge].to_vec(),
            length,
            corrupt(Layer::Encryption),
        ),
        (
            "cut behind the header",
            stored[..header(&stored)].to_vec(),
            length,
            corrupt(Layer::Encryption),
        ),
        (
            "cut within the header",
            stored[..100].to_vec(),
            length,
            corrupt(Layer::Header),
        ),
        (
            "one byte more",
            [&stored[..], b"x"].concat(),
            length,
            corrupt(Layer::Encryption),
        ),
        (
            "a frame without its checksum",
            encrypted(&without_end),
            length,
            corrupt(Layer::Compression),
        ),
        (
            "a frame with another checksum",
            encrypted(&flipped),
            length,
            corrupt(Layer::Compression),
        ),
        ("not compressed", encrypted(&data), length, corrupt(Layer::Compression)),
        (
            "data of another size",
            stored.to_vec(),
            length + 1,
            corrupt(Layer::Length),
        ),
    ];
    for (name, stored, raw_bytes, expected) in table {
        let sealed = known(&stored, raw_bytes);
        faulty.lay(&data_path(), Bytes::from(stored)).await;
        let found = faulty.store().verify_bytes(&run(), &sealed, Some(&identities())).await;
        assert_eq!(found, Err(expected.into()), "{name}");
    }
}

#[tokio::test]
async fn data_that_grows_beyond_what_is_known_of_it_is_not_unpacked_to_its_end() {
    let (faulty, _) = backup(&noise(1_000)).await;
    let bomb = encrypted(&zstd::encode_all(&vec![0; 64 << 20][..], 19).unwrap());
    let sealed = known(&bomb, 1 << 20);
    faulty.lay(&data_path(), bomb).await;
    let mut reader = faulty.store().read(&run(), &sealed, &identities());
    let mut read = 0;
    let error = loop {
        match reader.next().await {
            Ok(Some(piece)) => read += piece.len(),
            Ok(None) => panic!("it was taken"),
            Err(error) => break error,
        }
    };
    assert_eq!(error, corrupt(Layer::Length).into());
    assert!(read <= 1 << 20, "{read}");
    let _ = all(reader).await;
}

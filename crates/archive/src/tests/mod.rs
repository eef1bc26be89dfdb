//! A backup written, read, damaged and deleted, over a store in memory.

mod commit;
mod copy;
mod damage;
mod manifest;
mod read;
mod seal;
mod sweep;

use std::sync::Arc;

use bytes::Bytes;

use crate::digest::Digest;
use crate::faulty::{Fault, Faulty};
use crate::keys::{Identities, Recipients};
use crate::manifest::{Archive, Manifest, Origin, Scope, Snapshot, Table};
use crate::read::{ReadError, Reader};
use crate::run::RunPath;
use crate::seal::Sealed;
use crate::store::Store;
use crate::upload::Parts;

pub const IDENTITY: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
pub const RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
pub const DIRECTORY: &str = "ace/prod/scheduled/2026/11/23/20261123T010003Z-5e0c71aa-7c1e";

/// Where the data of [`run`] lies in the store.
pub fn data_path() -> String {
    format!("prod/{DIRECTORY}/dump.pgc.zst.age")
}

pub fn manifest_path() -> String {
    format!("prod/{DIRECTORY}/manifest.json")
}

pub fn run() -> RunPath {
    RunPath::parse(DIRECTORY).unwrap()
}

pub fn identities() -> Identities {
    Identities::parse(IDENTITY.as_bytes()).unwrap()
}

/// Of another key.
pub fn others() -> Identities {
    use age::secrecy::ExposeSecret;
    let other = age::x25519::Identity::generate();
    Identities::parse(other.to_string().expose_secret().as_bytes()).unwrap()
}

pub fn recipients() -> Recipients {
    Recipients::parse(&[RECIPIENT]).unwrap()
}

/// Bytes that can't be compressed by much, the same each time.
pub fn noise(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let bytes = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    });
    bytes.take(length).collect::<Vec<u8>>().into()
}

/// In parts of 100,000 bytes, two at a time.
pub async fn sealed(store: &Store, data: &Bytes) -> Sealed {
    let mut seal = store.seal(&run(), &recipients(), Parts::of(100_000, 2));
    for piece in data.chunks(70_001) {
        seal.write(data.slice_ref(piece)).await.unwrap();
    }
    seal.finish().await.unwrap()
}

pub fn manifest(sealed: Sealed) -> Manifest {
    Manifest {
        format: 1,
        tool: "ace-operator/0.1.0".to_owned(),
        origin: Origin {
            namespace: "ace".to_owned(),
            platform: "prod".to_owned(),
            schedule: Some("nightly".to_owned()),
            backup: "nightly-202611230100".to_owned(),
            uid: "5e0c71aa-0000-4000-8000-000000000000".to_owned(),
            run: "7c1e".to_owned(),
            attempt: 1,
            class: "Scheduled".to_owned(),
            reason: None,
            started: "2026-11-23T01:00:03Z".parse().unwrap(),
            finished: "2026-11-23T01:00:12Z".parse().unwrap(),
        },
        snapshot: Snapshot {
            time: "2026-11-23T01:00:04Z".parse().unwrap(),
            lsn: "3A/41F2C8".to_owned(),
            system_identifier: "7431200000000000001".to_owned(),
            timeline: 1,
            database: "postgres".to_owned(),
            server_version: "15.18".to_owned(),
            head: Some("20260204400000".to_owned()),
            schema_digest: None,
            roles: Vec::new(),
        },
        archive: Archive {
            sealed,
            client: "15.18".to_owned(),
            not_covered: vec!["storage files".to_owned()],
        },
        scope: Scope::default(),
        recipients: vec![RECIPIENT.to_owned()],
        tables: vec![Table {
            schema: "public".to_owned(),
            name: "recipients".to_owned(),
            rows: Some(2_600_000),
            hash: Some("-31415926535".to_owned()),
        }],
        previous: Some(Digest::of(b"the one before")),
    }
}

/// A complete backup.
pub async fn backup(data: &Bytes) -> (Arc<Faulty>, Sealed) {
    let faulty = Faulty::new(Fault::None);
    let store = faulty.store();
    let sealed = sealed(&store, data).await;
    store.commit(&run(), &manifest(sealed)).await.unwrap();
    (faulty, sealed)
}

pub async fn all(mut reader: Reader) -> Result<Vec<u8>, ReadError> {
    let mut all = Vec::new();
    while let Some(piece) = reader.next().await? {
        all.extend_from_slice(&piece);
    }
    Ok(all)
}

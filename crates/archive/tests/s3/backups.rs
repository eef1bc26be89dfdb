//! A backup in a real store, and in stores that fail.

use std::path::{Path, PathBuf};

use ace_archive::{
    Archive, CommitError, DATA, Finding, Identities, Manifest, Origin, Parts, ReadError, Reader, Recipients, RunPath,
    Scope, Sealed, Snapshot, Store, StoreProblem,
};
use bytes::Bytes;
use jiff::{Timestamp, ToSpan};

use super::support::{Fake, Server, server, store};

const IDENTITY: &[u8] = b"AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
const RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

/// Two parts of 5 MiB are needed for it, and it is read in three pieces.
const LARGE: usize = 9 << 20;

fn run() -> RunPath {
    let started = "2026-11-23T01:00:03Z".parse().unwrap();
    RunPath::new(&["ace", "prod", "scheduled"], started, "5e0c71aa", "7c1e").unwrap()
}

fn identities() -> Identities {
    Identities::parse(IDENTITY).unwrap()
}

fn recipients() -> Recipients {
    Recipients::parse(&[RECIPIENT]).unwrap()
}

/// Bytes that can't be compressed by much.
fn noise(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let bytes: Vec<u8> = words.take(length / 8).flatten().collect();
    bytes.into()
}

async fn sealed(store: &Store, data: &Bytes) -> Result<Sealed, ace_archive::StoreError> {
    let mut seal = store.seal(&run(), &recipients(), Parts::new(data.len() as u64, 4));
    for piece in data.chunks(1 << 20) {
        seal.write(data.slice_ref(piece)).await?;
    }
    seal.finish().await
}

async fn all(mut reader: Reader) -> Result<Vec<u8>, ReadError> {
    let mut all = Vec::new();
    while let Some(piece) = reader.next().await? {
        all.extend_from_slice(&piece);
    }
    Ok(all)
}

fn manifest(sealed: Sealed) -> Manifest {
    let text = str::to_owned;
    let time: Timestamp = "2026-11-23T01:00:04Z".parse().unwrap();
    Manifest {
        format: ace_archive::FORMAT,
        tool: text("ace-operator/0.1.0"),
        origin: Origin {
            namespace: text("ace"),
            platform: text("prod"),
            schedule: None,
            backup: text("manual"),
            uid: text("5e0c71aa-0000-4000-8000-000000000000"),
            run: text("7c1e"),
            attempt: 1,
            class: text("Manual"),
            reason: None,
            started: time,
            finished: time,
        },
        snapshot: Snapshot {
            time,
            lsn: text("3A/41F2C8"),
            system_identifier: text("7431200000000000001"),
            timeline: 1,
            database: text("postgres"),
            server_version: text("15.18"),
            head: None,
            schema_digest: None,
            roles: Vec::new(),
        },
        archive: Archive {
            sealed,
            client: text("15.18"),
            not_covered: Vec::new(),
        },
        scope: Scope::default(),
        recipients: recipients().texts(),
        tables: Vec::new(),
        previous: None,
    }
}

/// Files of the store itself, but for what it keeps of uploads that are under way.
fn files(server: &Server) -> Vec<PathBuf> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path(), files);
            } else {
                files.push(entry.path());
            }
        }
    }
    let mut found = Vec::new();
    walk(&server.directory.join("ace-backups"), &mut found);
    found
}

async fn before(server: &Server, lacks: &'static str) -> (Fake, Store) {
    let proxy = Fake::before(server, lacks).await;
    let store = proxy.store();
    (proxy, store)
}

#[tokio::test]
async fn a_backup_is_written_in_parts_listed_read_and_verified() {
    let server = server().await;
    let (store, data) = (store(&server, "prod"), noise(LARGE));
    let sealed = sealed(&store, &data).await.unwrap();
    let written = manifest(sealed);
    let digest = store.commit(&run(), &written).await.unwrap();
    let contents = store.contents().await.unwrap();
    assert_eq!(contents.present(&run(), sealed.bytes), Ok(()));
    assert_eq!(contents.backups.len(), 1);
    assert_eq!(store.manifest(&run()).await, Ok((written, digest)));
    store.verify_key(&run(), &sealed, &identities()).await.unwrap();
    store.verify_bytes(&run(), &sealed, None).await.unwrap();
    let read = all(store.read(&run(), &sealed, &identities())).await.unwrap();
    assert!(read == data, "it comes back as it was");
    // Written once more, as by a worker that did not see its own answer.
    assert_eq!(store.commit(&run(), &manifest(sealed)).await, Ok(digest));
    let mut other = manifest(sealed);
    other.origin.attempt = 2;
    assert_eq!(store.commit(&run(), &other).await, Err(CommitError::Taken));
}

#[tokio::test]
async fn what_is_given_up_leaves_no_file() {
    let server = server().await;
    let (store, data) = (store(&server, "prod"), noise(2 * LARGE));
    let mut seal = store.seal(&run(), &recipients(), Parts::new(0, 2));
    for piece in data.chunks(1 << 20) {
        seal.write(data.slice_ref(piece)).await.unwrap();
    }
    assert!(seal.abort().await);
    assert_eq!(files(&server), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_process_that_dies_between_data_and_manifest_leaves_no_backup_and_what_it_left_is_swept() {
    let server = server().await;
    let store = store(&server, "prod");
    sealed(&store, &noise(1 << 10)).await.unwrap();
    let contents = store.contents().await.unwrap();
    assert_eq!(contents.complete().count(), 0);
    assert_eq!(
        store
            .sweep(&contents, run().started() - 1.second(), |_| false)
            .await
            .runs,
        []
    );
    let swept = store.sweep(&contents, Timestamp::now() + 1.hour(), |_| false).await;
    assert_eq!((swept.runs, swept.error), (vec![run()], None));
    assert_eq!(files(&server), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn an_upload_that_nobody_goes_on_with_is_found_and_given_up() {
    let server = server().await;
    // Deletions do not get through, as those of a process that was killed.
    let (_proxy, dying) = before(&server, "delete").await;
    let data = noise(2 * LARGE);
    let mut seal = dying.seal(&run(), &recipients(), Parts::new(0, 2));
    for piece in data.chunks(1 << 20) {
        seal.write(data.slice_ref(piece)).await.unwrap();
    }
    assert!(!seal.abort().await, "nobody said that it is gone");
    let store = store(&server, "prod");
    assert_eq!(
        store.contents().await.unwrap().backups.len(),
        0,
        "no list of objects shows it"
    );
    assert!(!files(&server).is_empty());
    let later = Timestamp::now() + 1.hour();
    assert_eq!(
        store.sweep_uploads(run().started(), |_| false).await,
        Ok(Some(vec![])),
        "it is young"
    );
    assert_eq!(
        store.sweep_uploads(later, |living| *living == run()).await,
        Ok(Some(vec![]))
    );
    assert_eq!(store.sweep_uploads(later, |_| false).await, Ok(Some(vec![run()])));
    assert_eq!(store.sweep_uploads(later, |_| false).await, Ok(Some(vec![])));
    assert_eq!(files(&server), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_completion_whose_answer_is_lost_and_a_part_that_is_throttled_are_no_failures() {
    let server = server().await;
    for lacks in ["completion", "throttled"] {
        let (_proxy, store) = before(&server, lacks).await;
        let data = noise(LARGE);
        let sealed = sealed(&store, &data).await.unwrap();
        store.verify_bytes(&run(), &sealed, Some(&identities())).await.unwrap();
    }
}

#[tokio::test]
async fn a_store_that_is_full_or_forbids_says_so_at_the_first_part() {
    let server = server().await;
    for (lacks, problem) in [("room", StoreProblem::Full), ("right", StoreProblem::Denied)] {
        let (proxy, store) = before(&server, lacks).await;
        let error = sealed(&store, &noise(LARGE)).await.unwrap_err();
        assert_eq!(error.problem, problem, "{error}");
        // The upload begun, two parts at most, and it is given up: none is repeated.
        assert!(proxy.requests() <= 4, "{} requests", proxy.requests());
        assert_eq!(files(&server), Vec::<PathBuf>::new());
    }
}

#[tokio::test]
async fn a_store_without_ranges_or_stable_etags_or_connections_that_last_is_read_all_the_same() {
    let server = server().await;
    let data = noise(LARGE);
    let sealed = sealed(&store(&server, "prod"), &data).await.unwrap();
    for lacks in ["range", "etag", "connection"] {
        let (_proxy, store) = before(&server, lacks).await;
        let read = all(store.read(&run(), &sealed, &identities())).await.unwrap();
        assert!(read == data, "{lacks}");
        store.verify_key(&run(), &sealed, &identities()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_gone_is_missing_and_a_bucket_that_is_gone_says_nothing_of_it() {
    let server = server().await;
    let store = store(&server, "prod");
    let sealed = sealed(&store, &noise(1 << 10)).await.unwrap();
    let path = server.directory.join(format!("ace-backups/prod/{}/{DATA}", run()));
    std::fs::remove_file(path).unwrap();
    let error = store.verify_key(&run(), &sealed, &identities()).await.unwrap_err();
    assert_eq!(error, Finding::Missing.into());
    std::fs::remove_dir_all(server.directory.join("ace-backups")).unwrap();
    match store.verify_key(&run(), &sealed, &identities()).await.unwrap_err() {
        ReadError::Store(error) => assert_eq!(error.problem, StoreProblem::NoBucket),
        ReadError::Found(finding) => panic!("{finding}"),
    }
}

#[tokio::test]
async fn a_backup_is_copied_to_a_directory_and_deleted_there_in_two_steps() {
    let server = server().await;
    let from = store(&server, "prod");
    let sealed = sealed(&from, &noise(LARGE)).await.unwrap();
    from.commit(&run(), &manifest(sealed)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let settings = ace_archive::Settings::Local(directory.path().to_owned());
    let to = Store::new(&settings, "second", &super::support::http()).unwrap();
    from.copy_data(&run(), &sealed, &to, Parts::new(sealed.bytes, 4), |_| {})
        .await
        .unwrap();
    to.commit(&run(), &manifest(sealed)).await.unwrap();
    to.verify_bytes(&run(), &sealed, Some(&identities())).await.unwrap();
    to.expire(&run()).await.unwrap();
    let contents = to.contents().await.unwrap();
    assert_eq!(
        to.delete_expired(&contents, Timestamp::now() + 71.hours()).await.runs,
        []
    );
    assert_eq!(
        to.delete_expired(&contents, Timestamp::now() + 73.hours()).await.runs,
        [run()]
    );
    assert_eq!(to.contents().await.unwrap().backups.len(), 0);
    // What a process that was killed leaves in a directory.
    let half = directory.path().join(format!("second/{}/{DATA}#1", run()));
    std::fs::create_dir_all(half.parent().unwrap()).unwrap();
    std::fs::write(&half, "half").unwrap();
    assert_eq!(to.contents().await.unwrap().backups.len(), 0);
    assert_eq!(
        to.sweep_uploads(Timestamp::now() + 1.hour(), |_| false).await,
        Ok(Some(vec![run()]))
    );
    assert!(!half.exists());
}

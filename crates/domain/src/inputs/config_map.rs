//! The content of a ConfigMap as a source. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use k8s_openapi::api::core::v1::ConfigMap;
use sha2::{Digest, Sha256};

use super::{ArtifactState, SourceTree};
use crate::bundle::{ArchiveLimits, Folder, Scope, Tree, read_for};
use crate::reconcile::key::SourceKey;

/// Prefix of the hashed data, so that no archive can have the digest of flat keys.
const DOMAIN: &str = "ace-config-map-keys-v1";
/// Most keys in a message.
const NAMED: usize = 3;

/// The source in a ConfigMap.
#[derive(Debug, Eq, PartialEq)]
pub enum Carried {
    /// The one `*.tar.gz` or `*.tgz` in `binaryData`.
    Archive(Bytes),
    /// Each key is a file in the root of the tree. Keys can't contain `/`, and there is no substitute for it: a tree with
    /// folders needs an archive.
    Keys(BTreeMap<String, Bytes>),
}

/// The state of a ConfigMap as a source.
pub fn read_config_map(key: &SourceKey, map: Option<ConfigMap>, folder: Folder) -> ArtifactState {
    let Some(map) = map else {
        return ArtifactState::absent(key);
    };
    let folders = [folder].into();
    let read = carried(map).and_then(|carried| {
        Ok((
            carried.digest(),
            carried.into_tree(&ArchiveLimits::default(), &folders)?,
        ))
    });
    match read {
        Ok((digest, (tree, scope))) => {
            let tree = SourceTree::new(tree).within(scope);
            ArtifactState::ready(digest.clone(), digest, Arc::new(tree))
        }
        Err(why) => ArtifactState::unusable(key, &why),
    }
}

/// The content of the ConfigMap, or a message that says what to change.
pub fn carried(map: ConfigMap) -> Result<Carried, String> {
    let texts = map.data.unwrap_or_default();
    let mut binaries = map.binary_data.unwrap_or_default();
    if let Some(key) = texts.keys().find(|key| is_archive(key)) {
        return Err(format!(
            "its key {key} is in `data`, which holds only text, so it is not gzip; pack it with `tar czf`, and `kubectl create configmap --from-file` puts it into `binaryData`"
        ));
    }
    let archives: Vec<String> = binaries.keys().filter(|key| is_archive(key)).cloned().collect();
    match archives.as_slice() {
        [] if texts.is_empty() && binaries.is_empty() => {
            Err("it is empty; put one tar.gz into `binaryData`, or use one key per file".to_owned())
        }
        [] => {
            let texts = texts.into_iter().map(|(key, text)| (key, Bytes::from(text)));
            let binaries = binaries.into_iter().map(|(key, bytes)| (key, Bytes::from(bytes.0)));
            Ok(Carried::Keys(texts.chain(binaries).collect()))
        }
        [archive] => {
            let others: Vec<&String> = texts
                .keys()
                .chain(binaries.keys())
                .filter(|key| *key != archive)
                .collect();
            if others.is_empty() {
                let bytes = binaries.remove(archive).map(|bytes| bytes.0).unwrap_or_default();
                return Ok(Carried::Archive(Bytes::from(bytes)));
            }
            Err(format!(
                "it holds the archive {archive} and other keys ({}); keep the archive or the files, not both",
                named(&others)
            ))
        }
        several => Err(format!(
            "it holds {} archives ({}); keep one",
            several.len(),
            named(&several.iter().collect::<Vec<_>>())
        )),
    }
}

impl Carried {
    /// The files for those who read these folders, or a message that says what to change.
    pub fn into_tree(self, limits: &ArchiveLimits, folders: &BTreeSet<Folder>) -> Result<(Tree, Scope), String> {
        match self {
            Self::Archive(bytes) => read_for(&bytes, limits, folders).map_err(|error| error.to_string()),
            Self::Keys(files) => Tree::from_keys(files)
                .map(|tree| (tree, Scope::Everything))
                .map_err(|error| error.to_string()),
        }
    }

    /// `sha256:` and 64 digits. Of an archive it is what `sha256sum` prints for the file. Of flat keys it covers each key and
    /// its bytes, in the order of the keys, each preceded by its length as eight bytes big-endian; whether a key lies in
    /// `data` or in `binaryData` makes no difference, as it makes none for the tree.
    pub fn digest(&self) -> String {
        match self {
            Self::Archive(bytes) => sha256(bytes),
            Self::Keys(files) => {
                let mut hash = Sha256::new();
                let mut field = |bytes: &[u8]| {
                    hash.update((bytes.len() as u64).to_be_bytes());
                    hash.update(bytes);
                };
                field(DOMAIN.as_bytes());
                for (key, bytes) in files {
                    field(key.as_bytes());
                    field(bytes);
                }
                text(&hash.finalize())
            }
        }
    }
}

/// The digest of some bytes as a Flux source writes it.
pub fn sha256(bytes: &[u8]) -> String {
    text(&Sha256::digest(bytes))
}

fn text(hash: &[u8]) -> String {
    format!("sha256:{}", hex::encode(hash))
}

fn is_archive(key: &str) -> bool {
    [".tar.gz", ".tgz"].iter().any(|ending| key.ends_with(ending))
}

fn named(keys: &[&String]) -> String {
    let mut text = keys
        .iter()
        .take(NAMED)
        .map(|key| key.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    if keys.len() > NAMED {
        text.push_str(", …");
    }
    text
}

#[cfg(test)]
mod tests {
    use ace_api::SourceKind;
    use bytes::Bytes;
    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::{ArtifactState, Carried, SourceKey, carried, read_config_map};

    fn map(data: &[(&str, &str)], binary: &[(&str, &[u8])]) -> ConfigMap {
        ConfigMap {
            data: Some(
                data.iter()
                    .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()))
                    .collect(),
            ),
            binary_data: Some(
                binary
                    .iter()
                    .map(|(key, bytes)| ((*key).to_owned(), ByteString(bytes.to_vec())))
                    .collect(),
            ),
            ..ConfigMap::default()
        }
    }

    #[test]
    fn a_map_is_its_files_or_the_message_says_what_to_do() {
        let key = SourceKey {
            namespace: "ace".to_owned(),
            kind: SourceKind::ConfigMap,
            name: "files".to_owned(),
        };
        let absent = "ConfigMap ace/files does not exist; create it";
        assert_eq!(
            read_config_map(&key, None, None),
            ArtifactState::Waiting(absent.to_owned())
        );
        for (map, says) in [
            (map(&[], &[]), "it is empty; "),
            (
                map(&[], &[("a.tgz", b"no archive")]),
                "the archive is not a valid tar.gz",
            ),
        ] {
            let ArtifactState::Refused(message) = read_config_map(&key, Some(map), None) else {
                panic!("{says}");
            };
            let says = format!("ConfigMap ace/files can't be used: {says}");
            assert!(message.starts_with(&says), "{message}");
        }
        let ArtifactState::Ready(artifact) = read_config_map(&key, Some(map(&[("1_a.sql", "SELECT 1")], &[])), None)
        else {
            panic!("it has one file");
        };
        assert_eq!(artifact.revision, artifact.digest);
        let files: Vec<_> = artifact
            .tree
            .tree()
            .iter()
            .map(|(path, bytes)| (path.as_str(), &**bytes))
            .collect();
        assert_eq!(files, [("1_a.sql", &b"SELECT 1"[..])]);
    }

    #[test]
    fn one_archive_alone_is_the_source_under_either_ending() {
        for key in ["functions.tar.gz", "functions.tgz"] {
            assert_eq!(
                carried(map(&[], &[(key, b"gz")])),
                Ok(Carried::Archive(Bytes::from_static(b"gz")))
            );
        }
    }

    #[test]
    fn flat_keys_of_both_kinds_are_files_and_a_double_underscore_is_no_folder() {
        let keys = [
            ("a__b.ts", Bytes::from_static(b"text")),
            ("c.wasm", Bytes::from_static(b"\0asm")),
        ];
        assert_eq!(
            carried(map(&[("a__b.ts", "text")], &[("c.wasm", b"\0asm")])),
            Ok(Carried::Keys(keys.map(|(key, bytes)| (key.to_owned(), bytes)).into()))
        );
    }

    #[test]
    fn what_carries_no_single_source_is_refused_with_what_to_change() {
        let cases = [
            (
                map(&[], &[]),
                "it is empty; put one tar.gz into `binaryData`, or use one key per file",
            ),
            (
                map(
                    &[("a.ts", ""), ("b.ts", "")],
                    &[("f.tgz", b""), ("c.ts", b""), ("d.ts", b"")],
                ),
                "it holds the archive f.tgz and other keys (a.ts, b.ts, c.ts, …); keep the archive or the files, not both",
            ),
            (
                map(&[], &[("a.tgz", b""), ("b.tar.gz", b"")]),
                "it holds 2 archives (a.tgz, b.tar.gz); keep one",
            ),
            (
                map(&[("f.tar.gz", "H4sI")], &[]),
                "its key f.tar.gz is in `data`, which holds only text, so it is not gzip; pack it with `tar czf`, and `kubectl create configmap --from-file` puts it into `binaryData`",
            ),
        ];
        for (map, says) in cases {
            assert_eq!(carried(map), Err(says.to_owned()));
        }
    }

    #[test]
    fn digests_are_those_that_other_tools_compute() {
        // `printf gz | sha256sum`
        assert_eq!(
            Carried::Archive(Bytes::from_static(b"gz")).digest(),
            "sha256:2ed534af191bc3baaf1e09263808bf1bdd68db6241bd8f81e2bb014653dcbb36"
        );
        // python3: f = lambda b: struct.pack('>Q', len(b)) + b; sha256(f(domain) + f(b'a.ts') + f(b'1') + f(b'b.ts') + f(b''))
        let keys = [("a.ts", "1"), ("b.ts", "")].map(|(key, text)| (key.to_owned(), Bytes::from(text)));
        assert_eq!(
            Carried::Keys(keys.into()).digest(),
            "sha256:cb48cd7922a31dfb70949e47c781921f3fb96b140ac67ec65192c1a16fbd1432"
        );
    }

    #[test]
    fn a_byte_that_moves_from_one_key_to_the_next_is_another_digest() {
        let digest = |data: &[(&str, &str)]| carried(map(data, &[])).unwrap().digest();
        assert_ne!(digest(&[("a", "1"), ("b", "2")]), digest(&[("a", "12"), ("b", "")]));
        assert_ne!(digest(&[("a", "b")]), digest(&[("ab", "")]));
        assert_eq!(
            digest(&[("a", "1")]),
            carried(map(&[], &[("a", b"1")])).unwrap().digest()
        );
    }
}

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::marks::undoes_by_name;
use super::split::split;
use super::text::{BYTE_ORDER_MARK, part};
use super::version::{VERSION_DIGITS, Version};
use crate::bundle::{LeftOut, MissingFolder, Tree, TreePath};
use crate::reconcile::messages::listed;

/// An `<14 digits>_init.sql` older than this is a file of an early CLI; the official one still skips it.
const FIRST_INIT: &str = "20211209000000";

/// The migrations of one folder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Folder {
    /// Ordered by version; no version is there twice.
    pub files: Vec<File>,
    /// Files of the folder's top level that are no migrations, and folders with SQL in them, ordered by name.
    pub skipped: Vec<Skipped>,
}

/// One migration as it lies in the folder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// The digits before the first `_` of the file name.
    pub version: Version,
    /// The part between that `_` and `.sql`, as the CLI records it; may be empty.
    pub name: String,
    /// Without the folder.
    pub file_name: String,
    /// `sha256:` and 64 hexadecimal digits, of the text with LF as line ends: a checkout may change them.
    pub sha256: String,
    /// The file without a byte order mark.
    pub text: Arc<str>,
}

/// A file that is no migration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Skipped {
    /// Without the folder.
    pub file_name: String,
    /// Why, as `is skipped: …` continues.
    pub why: &'static str,
}

/// Why a folder can't be read. Each has to be fixed in the source.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum FolderError {
    #[error(transparent)]
    Missing(MissingFolder),
    /// A migration, or a folder on the way to it, is in the source and can't be read.
    #[error("{path} {why}")]
    LeftOut {
        /// What it is, from the source's root.
        path: String,
        /// Why it is not read, and what to do.
        why: LeftOut,
    },
    /// No file of the folder is a migration.
    #[error(
        "the folder {folder} has no migrations; their files must be named <digits>_<name>.sql and be at its top level"
    )]
    Empty {
        /// The folder, `.` for the source's root.
        folder: String,
    },
    /// Two files with one version.
    #[error("{first} and {second} have the same version; give one of them another version")]
    Duplicate {
        /// The one that is first by name.
        first: String,
        second: String,
    },
    /// Two files with one version, one of which undoes the other.
    #[error("{undo} has the version of {first} and undoes it; remove it from the folder: every file there is run")]
    Undo {
        /// The file that undoes.
        undo: String,
        first: String,
    },
    #[error("the version of {file_name} is longer than {VERSION_DIGITS} digits; write a shorter one")]
    Version { file_name: String },
    #[error("{file_name} is not UTF-8 (byte {offset}); save it as UTF-8")]
    Encoding {
        file_name: String,
        /// Of the first byte that is wrong, from 0.
        offset: usize,
    },
    /// More than one of those that are about files.
    #[error("{}", in_words(.0))]
    Several(Vec<FolderError>),
}

/// All pairs of files with one version in one sentence, and the other errors.
fn in_words(errors: &[FolderError]) -> String {
    let pair = |error: &FolderError| match error {
        FolderError::Duplicate { first, second } => Some(format!("{first} and {second}")),
        _ => None,
    };
    let pairs: Vec<String> = errors.iter().filter_map(pair).collect();
    let alike = match pairs.as_slice() {
        [] => None,
        [pair] => Some(format!(
            "{pair} have the same version; give one of them another version"
        )),
        pairs => Some(format!(
            "{} have the same version; give one of each pair another version",
            listed(pairs, NAMED, String::clone)
        )),
    };
    let others: Vec<&FolderError> = errors.iter().filter(|error| pair(error).is_none()).collect();
    let more = others.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| format!("and {more} more such files"));
    let others = others.into_iter().take(NAMED).map(ToString::to_string);
    alike
        .into_iter()
        .chain(others)
        .chain(more)
        .collect::<Vec<_>>()
        .join("; ")
}

/// Most files, or pairs of files, that a message names.
const NAMED: usize = 5;

impl FolderError {
    /// The kind of error, as a label of bounded cardinality.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing(_) => "FolderMissing",
            Self::LeftOut { .. } => "FileLeftOut",
            Self::Empty { .. } => "FolderEmpty",
            Self::Duplicate { .. } => "DuplicateVersion",
            Self::Undo { .. } => "UndoFile",
            Self::Version { .. } => "InvalidVersion",
            Self::Encoding { .. } => "NotUtf8",
            Self::Several(errors) => errors.first().map_or("FolderEmpty", Self::reason),
        }
    }
}

impl File {
    /// The statements for the CLI's ledger row, as the CLI splits them: with comments and an outer `BEGIN … COMMIT`.
    pub fn recorded(&self) -> Vec<String> {
        let pieces = split(&self.text).into_iter();
        pieces.map(|piece| part(&self.text, piece).to_owned()).collect()
    }

    /// The digest is of this file: as it is taken now, or as earlier releases took it, of the bytes with their line ends and
    /// byte order mark.
    pub fn has_digest(&self, digest: &str) -> bool {
        self.sha256 == digest || self.former_digests().any(|former| former == digest)
    }

    /// Every digest that is of this file; see [`File::has_digest`].
    pub fn digests(&self) -> impl Iterator<Item = String> {
        std::iter::once(self.sha256.clone()).chain(self.former_digests())
    }

    fn former_digests(&self) -> impl Iterator<Item = String> {
        let unix = with_line_feeds(&self.text);
        let windows = unix.replace('\n', "\r\n");
        // With line ends of both kinds.
        let mixed = (*self.text != *unix && *self.text != *windows).then(|| self.text.to_string());
        let marked = |text: &str| digest(&format!("{BYTE_ORDER_MARK}{text}"));
        let of_unix = marked(&unix);
        let others = [Some(windows), mixed].into_iter().flatten();
        let others = others.flat_map(move |text| [marked(&text), digest(&text)]);
        std::iter::once(of_unix).chain(others)
    }
}

impl Folder {
    /// The file of this version.
    pub fn file(&self, version: &str) -> Option<&File> {
        let found = self.files.binary_search_by(|file| file.version.as_str().cmp(version));
        self.files.get(found.ok()?)
    }
}

/// Reads the migrations at the top level of `folder`, or of the tree's root, by the file rules of the official CLI 3.1.0.
pub fn read_folder(tree: &Tree, folder: Option<&TreePath>) -> Result<Folder, FolderError> {
    let (folder, mut errors) = read_readable(tree, folder);
    match (folder, errors.pop()) {
        (Some(folder), None) => Ok(folder),
        (_, Some(error)) if errors.is_empty() => Err(error),
        (_, last) => Err(FolderError::Several(errors.into_iter().chain(last).collect())),
    }
}

/// The same without the files that would be refused, and why; `None` if none is left.
pub fn read_readable(tree: &Tree, folder: Option<&TreePath>) -> (Option<Folder>, Vec<FolderError>) {
    let subtree = match folder.map(|folder| below(tree, folder)).transpose() {
        Ok(subtree) => subtree,
        Err(error) => return (None, vec![error]),
    };
    let tree = subtree.as_ref().unwrap_or(tree);
    let is_migration = |path: &&TreePath| path.folder().is_empty() && parts(path.as_str()).is_some();
    if let Some((path, why)) = tree.left_out().iter().find(|(path, _)| is_migration(path)) {
        let path = folder.map_or_else(|| path.to_string(), |folder| format!("{folder}/{path}"));
        return (None, vec![FolderError::LeftOut { path, why: *why }]);
    }
    let mut files: BTreeMap<Version, File> = BTreeMap::new();
    let (mut skipped, mut errors) = (Vec::new(), Vec::new());
    let first = first_entry(tree);
    for (path, bytes) in tree.iter().filter(|(path, _)| path.folder().is_empty()) {
        let file_name = path.as_str().to_owned();
        let why = match parts(&file_name) {
            _ if first == Some(path.as_str()) && is_first_init(&file_name) => {
                "an `init` file of an early Supabase CLI; rename it to have it run"
            }
            None if is_flyway_undo(&file_name) => "a file that undoes a migration; remove it from the folder",
            None => "migrations are named <digits>_<name>.sql",
            Some((digits, name)) => {
                let added = read_file(digits, name, &file_name, bytes).and_then(|file| add(&mut files, file));
                errors.extend(added.err());
                continue;
            }
        };
        skipped.push(Skipped { file_name, why });
    }
    skipped.extend(folders(tree).into_iter().map(|folder| Skipped {
        file_name: format!("{folder}/"),
        why: "a folder: migrations are read from the top level only; move its files there",
    }));
    skipped.sort_by(|a, b| a.file_name.cmp(&b.file_name));
    if files.is_empty() && errors.is_empty() {
        errors.push(FolderError::Empty {
            folder: folder.map_or(".", TreePath::as_str).to_owned(),
        });
    }
    let files: Vec<File> = files.into_values().collect();
    let folder = (!files.is_empty()).then_some(Folder { files, skipped });
    (folder, errors)
}

fn below(tree: &Tree, folder: &TreePath) -> Result<Tree, FolderError> {
    tree.subtree(folder).ok_or_else(|| match tree.missing(folder) {
        MissingFolder::LeftOut { path, why } => FolderError::LeftOut {
            path: path.to_string(),
            why,
        },
        absent @ MissingFolder::Absent { .. } => FolderError::Missing(absent),
    })
}

/// Of two files with one version the first stays; of one that undoes and another, the other.
fn add(files: &mut BTreeMap<Version, File>, file: File) -> Result<(), FolderError> {
    let Some(other) = files.remove(&file.version) else {
        files.insert(file.version.clone(), file);
        return Ok(());
    };
    let error = same_version(other.file_name.clone(), file.file_name.clone());
    let undone = matches!(&error, FolderError::Undo { undo, .. } if *undo == other.file_name);
    let stays = if undone { file } else { other };
    files.insert(stays.version.clone(), stays);
    Err(error)
}

fn same_version(first: String, second: String) -> FolderError {
    match (undoes_by_name(&first), undoes_by_name(&second)) {
        (true, _) => FolderError::Undo {
            undo: first,
            first: second,
        },
        (_, true) => FolderError::Undo { undo: second, first },
        _ => FolderError::Duplicate { first, second },
    }
}

/// `U2__name.sql`, as Flyway names it.
fn is_flyway_undo(file_name: &str) -> bool {
    let version = file_name
        .strip_suffix(".sql")
        .and_then(|name| name.strip_prefix('U')?.split_once("__"));
    version.is_some_and(|(version, _)| version.starts_with(|first: char| first.is_ascii_digit()))
}

/// The folders of the top level in which there is SQL.
fn folders(tree: &Tree) -> BTreeSet<&str> {
    let below = tree.iter().filter_map(|(path, _)| path.as_str().strip_suffix(".sql"));
    below.filter_map(|path| Some(path.split_once('/')?.0)).collect()
}

fn read_file(digits: &str, name: &str, file_name: &str, bytes: &Bytes) -> Result<File, FolderError> {
    let version = digits.parse().map_err(|_| FolderError::Version {
        file_name: file_name.to_owned(),
    })?;
    let text = std::str::from_utf8(bytes).map_err(|error| FolderError::Encoding {
        file_name: file_name.to_owned(),
        offset: error.valid_up_to(),
    })?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    Ok(File {
        version,
        name: name.to_owned(),
        file_name: file_name.to_owned(),
        sha256: digest(&with_line_feeds(text)),
        text: text.into(),
    })
}

fn digest(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}

/// The text with LF where it has CR LF.
pub(crate) fn with_line_feeds(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") {
        Cow::Owned(text.replace("\r\n", "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Version and name: `^([0-9]+)_(.*)\.sql$`.
fn parts(file_name: &str) -> Option<(&str, &str)> {
    let (digits, name) = file_name.strip_suffix(".sql")?.split_once('_')?;
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    valid.then_some((digits, name))
}

/// The first name of the top level by bytes, folders included: only that one can be an old `init`.
fn first_entry(tree: &Tree) -> Option<&str> {
    let names: BTreeSet<_> = tree
        .iter()
        .filter_map(|(path, _)| path.as_str().split('/').next())
        .collect();
    names.first().copied()
}

/// Whether 14 digits before `_init.sql` are older than the CLI's own change of that name. As there, more digits may
/// precede them.
fn is_first_init(file_name: &str) -> bool {
    let digits = |stem: &str| {
        let stem = stem.as_bytes();
        let digits = stem
            .len()
            .checked_sub(FIRST_INIT.len())
            .and_then(|start| stem.get(start..))?;
        (digits.iter().all(u8::is_ascii_digit) && digits < FIRST_INIT.as_bytes()).then_some(())
    };
    file_name
        .split_once("_init.sql")
        .and_then(|(stem, _)| digits(stem))
        .is_some()
}

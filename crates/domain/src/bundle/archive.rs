use std::collections::BTreeMap;
use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};

use super::left_out::LeftOut;
use super::limits::{ArchiveError, ArchiveLimits};
use super::path::{TreePath, TreePathError};
use super::tree::Tree;

/// Longest name shown in an error, in bytes.
const SHOWN: usize = 120;
/// Most bytes reserved by the size in a header before the data are read.
const RESERVED: u64 = 64 << 10;
/// Most bytes of a PAX extension header: a path of 512 bytes and whatever attributes a Mac adds fit.
const EXTENSION: u64 = 64 << 10;
/// Bytes of zero that end a tar: two blocks.
const END_OF_TAR: usize = 1_024;

/// Reads a `tar.gz` into a tree, without what is neither a file nor a folder: [`Tree::left_out`] has that. Refuses paths that lead
/// out of the tree, duplicates, damage, truncation, and whatever exceeds `limits`, which are checked while inflating.
pub fn read_archive(bytes: &[u8], limits: &ArchiveLimits) -> Result<Tree, ArchiveError> {
    read_archive_where(bytes, limits, |_| true)
}

/// Like [`read_archive`], but keeps only what `keep` wants: of a repository's archive one folder is used, and the rest must be
/// checked but need not be held.
pub fn read_archive_where(
    bytes: &[u8],
    limits: &ArchiveLimits,
    keep: impl Fn(&TreePath) -> bool,
) -> Result<Tree, ArchiveError> {
    let mut tree = Tree::default();
    visit(bytes, limits, keep, &mut |path, entry| {
        let added = match entry {
            Entry::File(content) => tree.add(path, content),
            Entry::LeftOut(why) => tree.leave_out(path, why),
        };
        added.map_err(ArchiveError::Conflict)?;
        if tree.len() + tree.left_out().len() > limits.entries {
            return Err(ArchiveError::Entries { limit: limits.entries });
        }
        Ok(())
    })?;
    Ok(tree)
}

/// What an archive has at a path.
pub(super) enum Entry {
    File(Bytes),
    LeftOut(LeftOut),
}

/// Reads an archive to its end, and hands over what `wants` takes.
pub(super) fn visit(
    bytes: &[u8],
    limits: &ArchiveLimits,
    wants: impl FnMut(&TreePath) -> bool,
    take: &mut impl FnMut(TreePath, Entry) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    if bytes.len() > limits.compressed {
        return Err(ArchiveError::Compressed {
            bytes: bytes.len(),
            limit: limits.compressed,
        });
    }
    let mut stream = Stream {
        decoder: GzDecoder::new(bytes),
        left: limits.unpacked,
        zeros: 0,
        fault: None,
    };
    let read = read_entries(&mut stream, limits, wants, take).and_then(|()| stream.end());
    read.map_err(|fault| match (fault, stream.fault) {
        (Fault::Refused(error), _) => error,
        // The tar library reports a failing stream with a message of its own; the stream has the cause.
        (_, Some(StreamFault::Limit)) => ArchiveError::Unpacked { limit: limits.unpacked },
        (_, Some(StreamFault::Gzip)) => ArchiveError::Gzip,
        (Fault::Damaged { entry }, Some(StreamFault::Truncated)) => ArchiveError::Truncated { entry },
        (Fault::Damaged { entry }, None) => ArchiveError::Tar { entry },
    })
}

/// Packs files into a `tar.gz`: the same files give the same bytes at any time.
///
/// # Panics
/// Never: memory takes every byte, and a [`TreePath`] is what a tar takes.
pub fn write_archive(files: &BTreeMap<TreePath, Bytes>) -> Vec<u8> {
    // The default takes 28 % less time than the best, and 0.4 % more bytes (measured on 92 real functions).
    let gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    let mut builder = tar::Builder::new(gzip);
    let written = files.iter().try_for_each(|(path, bytes)| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, path.as_str(), bytes.as_ref())
    });
    written
        .and_then(|()| builder.into_inner())
        .and_then(flate2::write::GzEncoder::finish)
        .expect("a write to memory does not fail, and a TreePath is relative and without `..`")
}

enum Fault {
    Refused(ArchiveError),
    Damaged { entry: Option<String> },
}

impl From<ArchiveError> for Fault {
    fn from(error: ArchiveError) -> Self {
        Self::Refused(error)
    }
}

fn read_entries(
    stream: &mut Stream<'_>,
    limits: &ArchiveLimits,
    mut wants: impl FnMut(&TreePath) -> bool,
    take: &mut impl FnMut(TreePath, Entry) -> Result<(), ArchiveError>,
) -> Result<(), Fault> {
    let mut name_ahead = None;
    let mut last = None;
    let mut archive = tar::Archive::new(stream);
    let entries = archive.entries().map_err(|_| Fault::Damaged { entry: None })?;
    // Raw: the library would read long names and extension headers of any size into memory.
    for entry in entries.raw(true) {
        let damaged = |_: io::Error| Fault::Damaged { entry: last.clone() };
        let mut entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        let header_name = entry.path_bytes().into_owned();
        if kind.is_gnu_longlink() {
            // Where the next entry, a link, leads: it is not followed.
            continue;
        }
        if kind.is_gnu_longname() {
            // With its terminating zero.
            let mut long = read_whole(&mut entry, limits.path as u64 + 1, limits)?;
            if long.last() == Some(&0) {
                long.pop();
            }
            name_ahead.get_or_insert(long);
            continue;
        }
        if kind.is_pax_global_extensions() || kind.is_pax_local_extensions() {
            let data = read_whole(&mut entry, EXTENSION, limits)?;
            if kind.is_pax_local_extensions() {
                name_ahead = pax_path(&data, &header_name)?.or(name_ahead);
            }
            continue;
        }
        let name = name_ahead.take().unwrap_or(header_name);
        last = Some(shown(&name));
        let Some((path, left_out)) = accepted(kind, &name, entry.size(), limits)? else {
            continue;
        };
        if !wants(&path) {
            continue;
        }
        let content = match left_out {
            Some(why) => Entry::LeftOut(why),
            None => Entry::File(read_whole(&mut entry, limits.file as u64, limits)?.into()),
        };
        take(path, content)?;
    }
    if name_ahead.is_some() {
        return Err(Fault::Damaged { entry: last });
    }
    Ok(())
}

/// The path of an entry, and why it is left out if it is; `None` for a folder.
fn accepted(
    kind: tar::EntryType,
    name: &[u8],
    size: u64,
    limits: &ArchiveLimits,
) -> Result<Option<(TreePath, Option<LeftOut>)>, ArchiveError> {
    let entry = || shown(name);
    let mut left_out = match kind {
        kind if kind.is_gnu_sparse() => return Err(ArchiveError::Special { entry: entry() }),
        kind if kind.is_symlink() || kind.is_hard_link() => Some(LeftOut::Link),
        kind if !kind.is_file() && !kind.is_dir() => Some(LeftOut::Special),
        _ if size > limits.file as u64 => Some(LeftOut::TooLarge {
            bytes: size,
            limit: limits.file,
        }),
        _ => None,
    };
    let text = String::from_utf8_lossy(name).replace(char::is_control, "\u{fffd}");
    if text.as_bytes() != name {
        left_out = Some(LeftOut::Name);
    }
    if text.len() > limits.path {
        return Err(ArchiveError::PathTooLong {
            entry: entry(),
            limit: limits.path,
        });
    }
    // `tar -c .` writes `./`, `./a`, `./a/b`.
    let mut relative = text.as_str();
    while let Some(rest) = relative.strip_prefix("./") {
        relative = rest;
    }
    // Before POSIX a folder was a file whose name ends with a slash.
    let folder = kind.is_dir() || (relative.ends_with('/') && size == 0);
    if folder {
        relative = relative.strip_suffix('/').unwrap_or(relative);
        if matches!(relative, "" | ".") && !text.starts_with('/') {
            return Ok(None);
        }
    }
    match TreePath::new(relative) {
        Ok(_) if folder => Ok(None),
        Ok(path) => Ok(Some((path, left_out))),
        Err(TreePathError::TooLong) => Err(ArchiveError::PathTooLong {
            entry: entry(),
            limit: limits.path,
        }),
        Err(rule) => Err(ArchiveError::Path { entry: entry(), rule }),
    }
}

/// The whole content of an entry of at most `most` bytes.
fn read_whole<R: Read>(entry: &mut tar::Entry<'_, R>, most: u64, limits: &ArchiveLimits) -> Result<Vec<u8>, Fault> {
    let size = entry.size();
    let name = shown(&entry.path_bytes());
    if size > most {
        return Err(ArchiveError::PathTooLong {
            entry: name,
            limit: limits.path,
        }
        .into());
    }
    let mut data = Vec::with_capacity(usize::try_from(size.min(RESERVED)).unwrap_or_default());
    match entry.read_to_end(&mut data) {
        Ok(read) if read as u64 == size => Ok(data),
        Ok(_) | Err(_) => Err(Fault::Damaged { entry: Some(name) }),
    }
}

/// The path that a PAX header gives to the next entry. A size beside the header's own is refused: parsers that disagree
/// about it see different archives.
fn pax_path(data: &[u8], name: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    let mut path = None;
    for extension in tar::PaxExtensions::new(data) {
        let extension = extension.map_err(|_| Fault::Damaged {
            entry: Some(shown(name)),
        })?;
        match extension.key_bytes() {
            b"path" => path = Some(extension.value_bytes().to_vec()),
            key if key == b"size" || key.starts_with(b"GNU.sparse.") => {
                return Err(ArchiveError::Special { entry: shown(name) }.into());
            }
            _ => {}
        }
    }
    Ok(path)
}

/// A name from an archive, fit for a message.
fn shown(name: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(name)
        .chars()
        .flat_map(char::escape_debug)
        .collect();
    if text.len() <= SHOWN {
        return text;
    }
    format!("{}…", text.get(..text.floor_char_boundary(SHOWN)).unwrap_or_default())
}

#[derive(Clone, Copy)]
enum StreamFault {
    Limit,
    Truncated,
    Gzip,
}

/// Counts the inflated bytes, and keeps the failure and the number of zeros at the end.
struct Stream<'a> {
    decoder: GzDecoder<&'a [u8]>,
    left: usize,
    zeros: usize,
    fault: Option<StreamFault>,
}

impl Stream<'_> {
    /// Reads to the end and checks that only padding was left, that the end was marked, and that nothing follows.
    fn end(&mut self) -> Result<(), Fault> {
        let mut block = [0; 8 << 10];
        loop {
            match self.read(&mut block) {
                Ok(0) => break,
                Ok(read) if block.iter().take(read).all(|byte| *byte == 0) => {}
                Ok(_) => return Err(ArchiveError::Trailing.into()),
                Err(_) => return Err(Fault::Damaged { entry: None }),
            }
        }
        if self.zeros < END_OF_TAR {
            return Err(ArchiveError::Truncated { entry: None }.into());
        }
        if self.decoder.get_ref().is_empty() {
            Ok(())
        } else {
            Err(ArchiveError::Trailing.into())
        }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buffer).inspect_err(|error| {
            let truncated = error.kind() == io::ErrorKind::UnexpectedEof;
            self.fault = Some(if truncated {
                StreamFault::Truncated
            } else {
                StreamFault::Gzip
            });
        })?;
        if read > self.left {
            self.fault = Some(StreamFault::Limit);
            return Err(io::Error::other("limit"));
        }
        self.left -= read;
        let read_bytes = buffer.get(..read).unwrap_or_default();
        let zeros = read_bytes.iter().rev().take_while(|byte| **byte == 0).count();
        self.zeros = if zeros == read { self.zeros + read } else { zeros };
        Ok(read)
    }
}

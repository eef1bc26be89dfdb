//! Source trees, packed as sources carry them.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

/// A tar.gz of files by path, as sources carry it.
///
/// # Panics
/// If a path is too long for an archive.
pub fn pack(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        archive
            .append_data(&mut header, path, content.as_bytes())
            .expect("the path fits into an archive");
    }
    gzip(&archive.into_inner().expect("memory can be written to"))
}

/// Bytes in gzip's format.
///
/// # Panics
/// Never: memory can be written to.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer
        .write_all(bytes)
        .and_then(|()| packer.finish())
        .expect("memory can be written to")
}

/// The files in a tar.gz, by path.
///
/// # Panics
/// If it is none.
pub fn unpack(archive: &[u8]) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let entries = archive.entries().expect("it is an archive");
    entries
        .map(|entry| {
            let mut entry = entry.expect("the archive is whole");
            let path = entry.path().expect("paths are text").to_string_lossy().into_owned();
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).expect("the archive is whole");
            (path, content)
        })
        .collect()
}

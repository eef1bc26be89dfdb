//! Malformed and malicious archives.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

/// Builds archives that no well-meaning tool writes.
#[derive(Default)]
pub(crate) struct Hostile(Vec<u8>);

impl Hostile {
    pub(crate) fn entry(mut self, kind: EntryType, name: &[u8], data: &[u8]) -> Self {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_entry_type(kind);
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        self.block(header.as_bytes());
        self.block(data);
        self
    }

    pub(crate) fn file(self, name: &str, data: &str) -> Self {
        self.entry(EntryType::Regular, name.as_bytes(), data.as_bytes())
    }

    /// An extension header that gives the next entry its path. A record begins with its own length.
    pub(crate) fn pax_path(self, path: &str) -> Self {
        let rest = format!(" path={path}\n");
        let digits = (rest.len() + 2).to_string().len();
        self.entry(
            EntryType::XHeader,
            b"pax",
            format!("{}{rest}", rest.len() + digits).as_bytes(),
        )
    }

    /// A header that promises `size` bytes and does not bring them.
    pub(crate) fn promise(mut self, name: &str, size: u64) -> Self {
        let mut header = Header::new_ustar();
        header.set_path(name).unwrap();
        header.set_size(size);
        header.set_cksum();
        self.block(header.as_bytes());
        self
    }

    pub(crate) fn block(&mut self, data: &[u8]) {
        self.0.extend_from_slice(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
    }

    pub(crate) fn ended(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1_024]);
        gzip(&self.0)
    }

    pub(crate) fn unended(self) -> Vec<u8> {
        gzip(&self.0)
    }
}

pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

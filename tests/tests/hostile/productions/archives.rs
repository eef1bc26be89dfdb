//! Productions of archives.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::Production;

const FILE: u8 = b'0';
const LINK: u8 = b'2';
const FOLDER: u8 = b'5';
const LONG_NAME: u8 = b'L';
const PAX: u8 = b'x';
const PAX_OF_ALL: u8 = b'g';

pub(super) fn archives() -> Vec<Production> {
    let production = |name, bytes: fn(usize) -> Vec<u8>| Production {
        reader: "tar.gz",
        name,
        input: Box::new(move |times| gzip(&[bytes(times), vec![0; 1_024]].concat())),
    };
    vec![
        production("empty files", |times| {
            many(times, |at| entry(FILE, &format!("f{at}.ts"), b""))
        }),
        production("one file again", |times| many(times, |_| entry(FILE, "index.ts", b"1"))),
        production("folders", |times| {
            many(times, |at| entry(FOLDER, &format!("d{at}/"), b""))
        }),
        production("a link to a link", |times| {
            many(times, |at| entry(LINK, &format!("l{at}"), b""))
        }),
        production("folders in folders, by a long name", |times| {
            let path = [&"a/".repeat(times), "index.ts"].concat();
            [
                entry(LONG_NAME, "././@LongLink", path.as_bytes()),
                entry(FILE, "short", b"1"),
            ]
            .concat()
        }),
        production("folders in folders, by a PAX header", |times| {
            [
                path(&[&"a/".repeat(times), "index.ts"].concat()),
                entry(FILE, "short", b"1"),
            ]
            .concat()
        }),
        production("deep files", |times| {
            let deep = "a/".repeat(40);
            many(times, |at| {
                [path(&format!("{deep}{at}.ts")), entry(FILE, "short", b"")].concat()
            })
        }),
        production("one long name after another", |times| {
            many(times, |_| entry(LONG_NAME, "././@LongLink", b"index.ts"))
        }),
        production("one PAX header after another", |times| {
            many(times, |_| path("index.ts"))
        }),
        production("one PAX header of all after another", |times| {
            many(times, |_| entry(PAX_OF_ALL, "pax", b"11 mtime=1\n"))
        }),
        production("records of a PAX header", |times| {
            [
                entry(PAX, "pax", "11 mtime=1\n".repeat(times).as_bytes()),
                entry(FILE, "index.ts", b"1"),
            ]
            .concat()
        }),
        production("a size of a PAX header", |times| {
            let record = |length: usize| format!("{length} size={times}00000000000\n");
            let length = record(10).len();
            [
                entry(PAX, "pax", record(length).as_bytes()),
                entry(FILE, "index.ts", b"1"),
            ]
            .concat()
        }),
        production("empty blocks", |times| vec![0; times * 512]),
        production("one file of nothing but zeros", |times| {
            entry(FILE, "index.ts", &vec![0; times * 1_000])
        }),
        production("files of nothing but zeros", |times| {
            many(times, |at| entry(FILE, &format!("f{at}.ts"), &[0; 512]))
        }),
        production("unknown entries", |times| {
            many(times, |at| entry(b'Z', &format!("z{at}"), b"a"))
        }),
        Production {
            reader: "tar.gz",
            name: "members",
            input: Box::new(|times| gzip(&entry(FILE, "index.ts", b"1")).repeat(times)),
        },
    ]
}

fn many(times: usize, one: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    (0..times).flat_map(one).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A header and its content, filled up to whole blocks.
fn entry(kind: u8, name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    let start = &name.as_bytes()[..name.len().min(100)];
    header.as_old_mut().name[..start.len()].copy_from_slice(start);
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_size(content.len() as u64);
    header.set_cksum();
    let padding = content.len().next_multiple_of(512) - content.len();
    [&header.as_bytes()[..], content, &vec![0; padding]].concat()
}

/// The header that gives the next entry its path.
fn path(path: &str) -> Vec<u8> {
    let record = |length: usize| format!("{length} path={path}\n");
    let length = (1..8)
        .map(|digits| record(0).len() - 1 + digits)
        .find(|length| record(*length).len() == *length);
    entry(PAX, "pax", record(length.unwrap()).as_bytes())
}

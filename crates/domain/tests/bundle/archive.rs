//! An archive is untrusted input: what is not a plain tree of files is refused, with its name and what to do.

use ace_domain::bundle::{
    ArchiveError, ArchiveLimits, LeftOut, Tree, TreeError, TreePathError, read_archive, read_archive_where,
    write_archive,
};
use bytes::Bytes;
use tar::EntryType;

use crate::hostile::{Hostile, gzip};
use crate::support::{path, tree};

fn read(bytes: &[u8]) -> Result<Tree, ArchiveError> {
    read_archive(bytes, &ArchiveLimits::default())
}

fn refused(archive: impl AsRef<[u8]>) -> ArchiveError {
    read(archive.as_ref()).unwrap_err()
}

#[test]
fn what_is_packed_is_read_back() {
    let long = format!("{}/index.ts", "folder/".repeat(60).trim_end_matches('/'));
    let tree = tree(&[
        ("hello/index.ts", "x"),
        ("_shared/ü.ts", "y"),
        (".hidden/deno.json", "{}"),
        ("empty", ""),
        (&long, "z"),
    ]);
    assert_eq!(read(&write_archive(tree.files())).unwrap(), tree);
}

#[test]
fn the_same_files_are_packed_into_the_same_bytes() {
    let one = tree(&[("b", "2"), ("a", "1")]);
    let other = tree(&[("a", "1"), ("b", "2")]);
    assert_eq!(write_archive(one.files()), write_archive(other.files()));
}

#[test]
fn what_tar_writes_for_the_folder_itself_is_a_tree() {
    let archive = Hostile::default()
        .entry(
            EntryType::XGlobalHeader,
            b"pax_global_header",
            b"52 comment=0123456789012345678901234567890123456789\n",
        )
        .entry(EntryType::Directory, b"./", b"")
        .entry(EntryType::Directory, b"./hello/", b"")
        .file("./hello/index.ts", "x")
        .entry(EntryType::XHeader, b"PaxHeaders/y", b"21 path=_shared/y.ts\n")
        .file("shortened", "y")
        .ended();
    assert_eq!(
        read(&archive).unwrap(),
        tree(&[("hello/index.ts", "x"), ("_shared/y.ts", "y")])
    );
}

#[test]
fn an_empty_archive_is_an_empty_tree() {
    assert_eq!(read(&Hostile::default().ended()).unwrap(), Tree::default());
}

/// Why the one entry of an archive that is no file was left out; a file beside it was read.
fn left_out(archive: impl AsRef<[u8]>) -> (String, LeftOut) {
    let tree = read(archive.as_ref()).unwrap();
    assert_eq!(tree.files(), crate::support::tree(&[("a", "1")]).files());
    assert_eq!(tree.left_out().len(), 1);
    let (path, why) = tree.left_out().iter().next().unwrap();
    (path.to_string(), *why)
}

#[test]
fn links_are_left_out_whatever_they_point_at() {
    for kind in [EntryType::Symlink, EntryType::Link] {
        let archive = Hostile::default()
            .file("a", "1")
            .entry(EntryType::GNULongLink, b"././@LongLink", &[b'x'; 200])
            .entry(kind, b"hello/index.ts", b"")
            .ended();
        assert_eq!(
            left_out(archive),
            ("hello/index.ts".to_owned(), LeftOut::Link),
            "{kind:?}"
        );
    }
}

#[test]
fn devices_pipes_and_unknown_kinds_are_left_out() {
    for kind in [
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::Continuous,
        EntryType::new(b'Z'),
    ] {
        let archive = Hostile::default().file("a", "1").entry(kind, b"dev", b"").ended();
        assert_eq!(left_out(archive), ("dev".to_owned(), LeftOut::Special), "{kind:?}");
    }
}

#[test]
fn a_sparse_file_is_refused_because_what_follows_it_is_read_in_two_ways() {
    let archive = Hostile::default().entry(EntryType::GNUSparse, b"dev", b"").ended();
    let entry = "dev".to_owned();
    assert_eq!(refused(archive), ArchiveError::Special { entry });
}

#[test]
fn a_link_and_a_file_at_one_path_contradict_each_other() {
    for (link, file) in [("hello", "hello/index.ts"), ("hello/index.ts", "hello/index.ts")] {
        let before = Hostile::default().entry(EntryType::Symlink, link.as_bytes(), b"");
        let behind = Hostile::default().file(file, "1");
        for archive in [
            before.file(file, "1"),
            behind.entry(EntryType::Symlink, link.as_bytes(), b""),
        ] {
            assert_eq!(refused(archive.ended()).reason(), "Conflict", "{link} {file}");
        }
    }
}

#[test]
fn a_pax_header_that_changes_the_size_is_refused() {
    for record in ["12 size=999\n", "25 GNU.sparse.major=1000\n"] {
        let archive = Hostile::default()
            .entry(EntryType::XHeader, b"pax", record.as_bytes())
            .file("a", "1")
            .ended();
        assert_eq!(
            refused(archive),
            ArchiveError::Special {
                entry: "pax".to_owned()
            },
            "{record}"
        );
    }
}

#[test]
fn paths_that_leave_the_tree_are_refused() {
    let cases = [
        ("../etc/passwd", TreePathError::Segment),
        ("hello/../../x", TreePathError::Segment),
        ("hello/./x", TreePathError::Segment),
        ("hello//x", TreePathError::Segment),
        ("/etc/passwd", TreePathError::Absolute),
    ];
    for (name, rule) in cases {
        let expected = ArchiveError::Path {
            entry: name.escape_debug().to_string(),
            rule,
        };
        assert_eq!(refused(Hostile::default().file(name, "").ended()), expected);
        let hidden = Hostile::default().pax_path(name).file("a", "").ended();
        assert_eq!(refused(hidden), expected);
    }
    let folder = Hostile::default().entry(EntryType::Directory, b"../x/", b"").ended();
    assert_eq!(
        refused(folder),
        ArchiveError::Path {
            entry: "../x/".to_owned(),
            rule: TreePathError::Segment
        }
    );
}

#[test]
fn a_name_that_no_import_can_have_is_left_out_and_shown_without_its_bytes() {
    for (name, shown) in [
        (&b"hello/\xff\xfe.ts"[..], "hello/\u{fffd}\u{fffd}.ts"),
        (b"line\nbreak", "line\u{fffd}break"),
    ] {
        let file = Hostile::default().file("a", "1").entry(EntryType::Regular, name, b"");
        assert_eq!(left_out(file.ended()), (shown.to_owned(), LeftOut::Name));
    }
    let alike = Hostile::default()
        .file("a", "1")
        .entry(EntryType::Regular, b"\xff", b"")
        .entry(EntryType::Regular, b"\xfe", b"");
    assert_eq!(left_out(alike.ended()), ("\u{fffd}".to_owned(), LeftOut::Name));
}

#[test]
fn a_path_that_is_too_long_is_refused_by_name_and_shown_cut() {
    let name = format!("{}\0", "a".repeat(600));
    let archive = Hostile::default()
        .entry(EntryType::GNULongName, b"././@LongLink", name.as_bytes())
        .file("a", "")
        .ended();
    assert_eq!(
        refused(archive),
        ArchiveError::PathTooLong {
            entry: "././@LongLink".to_owned(),
            limit: 512
        }
    );
    let limits = ArchiveLimits {
        path: 20,
        ..ArchiveLimits::default()
    };
    let archive = Hostile::default().file(&"b".repeat(21), "").ended();
    let expected = ArchiveError::PathTooLong {
        entry: "b".repeat(21),
        limit: 20,
    };
    assert_eq!(read_archive(&archive, &limits).unwrap_err(), expected);
}

#[test]
fn two_files_at_one_path_are_refused_also_when_spelt_differently() {
    let archive = Hostile::default()
        .file("hello/index.ts", "1")
        .file("./hello/index.ts", "2")
        .ended();
    assert_eq!(
        refused(archive),
        ArchiveError::Conflict(TreeError::Duplicate(path("hello/index.ts")))
    );
    for names in [["hello", "hello/index.ts"], ["hello/index.ts", "hello"]] {
        let archive = Hostile::default().file(names[0], "1").file(names[1], "2").ended();
        assert_eq!(
            refused(archive),
            ArchiveError::Conflict(TreeError::FileAndFolder(path("hello")))
        );
    }
}

#[test]
fn a_truncated_archive_is_refused_wherever_it_was_cut() {
    let whole = write_archive(tree(&[("hello/index.ts", &"x1".repeat(2_000)), ("z", "1")]).files());
    for length in 0..whole.len() {
        let error = refused(&whole[..length]);
        assert_eq!(error.reason(), "Truncated", "cut at {length}: {error}");
    }
    let unended = Hostile::default().file("a", "1").unended();
    assert_eq!(refused(unended), ArchiveError::Truncated { entry: None });
}

#[test]
fn damage_is_noticed_or_changes_nothing() {
    let packed = tree(&[("hello/index.ts", "some text")]);
    let whole = write_archive(packed.files());
    for at in 10..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        // Within a run of zeros, a reference that points elsewhere in it means the same.
        assert!(read(&damaged).ok().is_none_or(|found| found == packed), "byte {at}");
    }
    assert_eq!(refused(b"no archive at all"), ArchiveError::Gzip);
    assert_eq!(refused(gzip(&[7; 2_048])).reason(), "NotAnArchive");
}

#[test]
fn nothing_may_follow_the_end() {
    let whole = write_archive(tree(&[("a", "1")]).files());
    assert_eq!(refused([whole.as_slice(), b"garbage"].concat()), ArchiveError::Trailing);
    assert_eq!(
        refused([whole.as_slice(), whole.as_slice()].concat()),
        ArchiveError::Trailing
    );
    let mut behind = Hostile::default().file("a", "1");
    behind.block(&[0; 1_024]);
    assert_eq!(refused(behind.file("b", "2").ended()), ArchiveError::Trailing);
}

#[test]
fn a_bomb_is_refused_while_it_inflates() {
    let limits = ArchiveLimits {
        unpacked: 100_000,
        file: 50_000,
        ..ArchiveLimits::default()
    };
    let one = Hostile::default().file("zeros", &"\0".repeat(60_000)).ended();
    let kept = read_archive(&one, &limits).unwrap();
    let (bytes, limit) = (60_000, 50_000);
    assert_eq!(
        kept.left_out_at("zeros"),
        Some((&path("zeros"), LeftOut::TooLarge { bytes, limit }))
    );
    let many = (0..9)
        .fold(Hostile::default(), |all, at| {
            all.file(&format!("f{at}"), &"\0".repeat(40_000))
        })
        .ended();
    assert_eq!(
        read_archive(&many, &limits).unwrap_err(),
        ArchiveError::Unpacked { limit: 100_000 }
    );
    let padding = gzip(&vec![0; 200_000]);
    assert_eq!(
        read_archive(&padding, &limits).unwrap_err(),
        ArchiveError::Unpacked { limit: 100_000 }
    );
    let unwanted = read_archive_where(&many, &limits, |_| false).unwrap_err();
    assert_eq!(unwanted, ArchiveError::Unpacked { limit: 100_000 });
    let small = ArchiveLimits {
        compressed: 10,
        ..limits
    };
    assert_eq!(
        read_archive(&one, &small).unwrap_err(),
        ArchiveError::Compressed {
            bytes: one.len(),
            limit: 10
        }
    );
}

#[test]
fn a_declared_size_reserves_no_memory_before_its_bytes_are_there() {
    let lie = Hostile::default().promise("huge", 20 << 20).unended();
    assert_eq!(
        refused(lie),
        ArchiveError::Tar {
            entry: Some("huge".to_owned())
        }
    );
    let beyond = Hostile::default().promise("huge", 8 << 30).unended();
    assert_eq!(refused(beyond).reason(), "NotAnArchive");
}

#[test]
fn one_file_too_many_is_refused_and_the_last_allowed_one_is_not() {
    let files = |count: usize| {
        (0..count)
            .fold(Hostile::default(), |all, at| {
                all.file(&format!("d{}/f{at}", at % 7), "")
            })
            .ended()
    };
    assert_eq!(refused(files(20_001)), ArchiveError::Entries { limit: 20_000 });
    let limits = ArchiveLimits {
        entries: 5,
        ..ArchiveLimits::default()
    };
    assert_eq!(read_archive(&files(5), &limits).unwrap().len(), 5);
}

#[test]
fn only_the_wanted_folder_is_kept_and_its_limit_is_not_that_of_the_rest() {
    let archive = Hostile::default()
        .file("video.mp4", &"v".repeat(900))
        .file("functions/a/index.ts", "1")
        .ended();
    let limits = ArchiveLimits {
        file: 100,
        ..ArchiveLimits::default()
    };
    let kept = read_archive_where(&archive, &limits, |path| path.as_str().starts_with("functions/")).unwrap();
    assert_eq!(kept, tree(&[("functions/a/index.ts", "1")]));
    assert_eq!(kept.subtree(&path("functions")).unwrap(), tree(&[("a/index.ts", "1")]));
    assert_eq!(kept.subtree(&path("function")), None);
}

#[test]
fn keys_of_a_config_map_are_files_at_the_root() {
    let keys = [("index.ts", Bytes::from("1")), ("deno.json", Bytes::from("{}"))];
    assert_eq!(
        Tree::from_keys(keys).unwrap(),
        tree(&[("index.ts", "1"), ("deno.json", "{}")])
    );
    let error = Tree::from_keys([("..", Bytes::new())]).unwrap_err();
    assert_eq!(
        error,
        TreeError::Key {
            key: "..".to_owned(),
            source: TreePathError::Segment
        }
    );
}

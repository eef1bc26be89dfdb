//! Of an archive with more files than are kept, the folders that somebody reads are kept.

use std::collections::BTreeSet;

use ace_domain::bundle::{ArchiveError, ArchiveLimits, Fit, Folder, Scope, TooMany, Tree, read_for, write_archive};
use bytes::Bytes;

use crate::hostile::Hostile;
use crate::support::path;

const LIMITS: ArchiveLimits = ArchiveLimits {
    compressed: 1 << 20,
    unpacked: 1 << 20,
    file: 1_000,
    entries: 10,
    path: 512,
};

fn folder(name: &str) -> Folder {
    (!name.is_empty()).then(|| path(name))
}

/// So many files in each of these folders.
fn archive(folders: &[(&str, usize)]) -> Vec<u8> {
    let files = folders
        .iter()
        .flat_map(|(folder, files)| (0..*files).map(move |at| path(&format!("{folder}/{at}"))));
    write_archive(&files.map(|path| (path, Bytes::new())).collect())
}

fn read(archive: &[u8], folders: &[&str]) -> (Tree, Scope) {
    let folders: BTreeSet<Folder> = folders.iter().map(|name| folder(name)).collect();
    read_for(archive, &LIMITS, &folders).unwrap()
}

fn many(files: usize) -> Fit {
    Fit::TooMany(TooMany { files, limit: 10 })
}

fn files(tree: &Tree, below: &str) -> usize {
    tree.subtree(&path(below)).map_or(0, |tree| tree.len())
}

#[test]
fn an_archive_within_the_limit_is_kept_whole_whoever_reads_it() {
    let (tree, scope) = read(&archive(&[("a", 6), ("b", 4)]), &["a"]);
    assert_eq!((tree.len(), scope), (10, Scope::Everything));
}

#[test]
fn of_a_larger_one_each_folder_that_is_read_is_kept_and_the_rest_is_not() {
    let archive = archive(&[("a", 6), ("apps", 50), ("b/c", 3), ("b/d", 1)]);
    let (tree, scope) = read(&archive, &["a", "b/c"]);
    assert_eq!((tree.len(), files(&tree, "a"), files(&tree, "b/c")), (9, 6, 3));
    for (name, fit) in [
        ("a", Some(Fit::Kept)),
        ("a/x", Some(Fit::Kept)),
        ("b/c", Some(Fit::Kept)),
        ("b", None),
        ("apps", None),
        ("", None),
    ] {
        assert_eq!(scope.fit(folder(name).as_ref()), fit, "{name}");
    }
}

#[test]
fn a_folder_with_too_many_files_stops_its_own_readers_only() {
    let archive = archive(&[("a", 6), ("apps", 50)]);
    let (tree, scope) = read(&archive, &["", "a", "apps"]);
    assert_eq!((tree.len(), files(&tree, "a")), (6, 6));
    let fits = ["", "apps", "a"].map(|name| scope.fit(folder(name).as_ref()));
    assert_eq!(fits, [Some(many(56)), Some(many(50)), Some(Fit::Kept)]);
}

#[test]
fn all_folders_together_have_no_more_files_than_one_may_have() {
    let (tree, scope) = read(&archive(&[("a", 6), ("b", 5), ("c", 4)]), &["a", "b", "c"]);
    assert_eq!((tree.len(), files(&tree, "b"), files(&tree, "c")), (9, 5, 4));
    assert_eq!(scope.fit(Some(&path("a"))), Some(many(6)));
}

#[test]
fn of_folders_in_each_other_each_file_counts_once() {
    let archive = archive(&[("apps", 50), ("b", 2), ("c", 3), ("s/f", 5), ("s/f/g", 1), ("s/m", 2)]);
    let (tree, scope) = read(&archive, &["s", "s/f", "s/f/g", "s/m", "b"]);
    let all = ["s", "s/f", "s/f/g", "s/m", "b"].map(|name| scope.fit(folder(name).as_ref()));
    assert_eq!((tree.len(), all), (10, [Some(Fit::Kept); 5]));
    // Where the outer one does not fit, what lies in it is kept.
    let (tree, scope) = read(&archive, &["s", "s/f", "c"]);
    let fits = ["s", "s/f", "c"].map(|name| scope.fit(folder(name).as_ref()));
    assert_eq!(
        (tree.len(), fits),
        (9, [Some(many(8)), Some(Fit::Kept), Some(Fit::Kept)])
    );
}

#[test]
fn a_link_on_the_way_to_a_folder_is_known() {
    let mut archive = Hostile::default().entry(tar::EntryType::Symlink, b"supabase", b"");
    for at in 0..20 {
        archive = archive.file(&format!("apps/{at}"), "");
    }
    let (tree, _) = read(&archive.ended(), &["supabase/functions"]);
    let found = tree.left_out_at("supabase/functions").map(|(path, _)| path.as_str());
    assert_eq!((found, tree.len()), (Some("supabase"), 0));
}

#[test]
fn a_folder_that_a_large_source_has_not_is_told_with_those_that_it_has() {
    let many = archive(&[("apps", 20), ("b", 1), ("c", 1), ("docs", 1)]);
    let says = |archive: &[u8], folders: &[&str]| read(archive, folders).0.missing(&path("nope")).to_string();
    let those = |only: &str| {
        format!("the source has no folder `nope`, only {only}: correct `spec.source.path`, or what the source has")
    };
    let all = "`apps`, `b`, `c`, `docs`";
    assert_eq!(says(&many, &["nope"]), those(all));
    assert_eq!(says(&many, &["nope", "c"]), those(all));
    let more = archive(&[("z", 20), ("b", 1), ("c", 1), ("docs", 1), ("a", 1)]);
    assert_eq!(says(&more, &["nope"]), those("`a`, `b`, `c`, `docs`, …"));
}

#[test]
fn folders_lessen_no_bound_on_the_bytes_that_an_archive_unpacks_to() {
    let whole = archive(&[("a", 1), ("apps", 3_000)]);
    let limits = ArchiveLimits {
        unpacked: 1_000_000,
        ..LIMITS
    };
    let refused = read_for(&whole, &limits, &[folder("a")].into()).unwrap_err();
    assert_eq!(refused, ArchiveError::Unpacked { limit: 1_000_000 });
}

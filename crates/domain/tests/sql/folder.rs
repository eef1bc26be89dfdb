use ace_domain::bundle::{LeftOut, Tree, TreePath};
use ace_domain::sql::{Skipped, Version, read, read_folder, read_readable};

type Files<'t> = &'t [(&'t str, &'t [u8])];

fn tree(files: Files<'_>) -> Tree {
    let files = files
        .iter()
        .map(|(path, bytes)| (TreePath::new(*path).unwrap(), bytes.to_vec().into()));
    Tree::from_files(files).unwrap()
}

fn versions(files: Files<'_>) -> Vec<String> {
    let folder = read_folder(&tree(files), None).unwrap();
    folder.files.into_iter().map(|file| file.version.to_string()).collect()
}

fn error(files: Files<'_>) -> (String, &'static str) {
    let error = read_folder(&tree(files), None).unwrap_err();
    (error.to_string(), error.reason())
}

#[test]
fn a_file_has_its_version_name_digest_and_text() {
    let tree = tree(&[
        ("db/7_add_codes.sql", b"\xef\xbb\xbfselect 1;\r\n"),
        ("db/sub/8_x.sql", b""),
        ("9_y.sql", b""),
    ]);
    let folder = read_folder(&tree, Some(&TreePath::new("db").unwrap())).unwrap();
    let [file] = folder.files.as_slice() else {
        panic!("{folder:?}")
    };
    assert_eq!(
        (
            file.version.as_str(),
            file.name.as_str(),
            file.file_name.as_str(),
            &*file.text
        ),
        ("7", "add_codes", "7_add_codes.sql", "select 1;\r\n")
    );
    // Of `select 1;` and a line feed: neither a byte order mark nor the form of line ends is content.
    assert_eq!(
        file.sha256,
        "sha256:4a45092ccf992ea92250053a80b931b787924ba61648f420555511b84f10ab6c"
    );
}

#[test]
fn versions_are_ordered_as_text_whatever_their_files_are_called() {
    assert_eq!(
        versions(&[
            ("2_b.sql", b""),
            ("10_a.sql", b""),
            ("1_c.sql", b""),
            ("20240101_.sql", b"")
        ]),
        ["1", "10", "2", "20240101"]
    );
}

#[test]
fn what_is_no_migration_is_skipped_with_the_reason() {
    let tree = tree(&[
        (".keep", b""),
        ("1_ä ö.sql", b""),
        ("20200101000000_init.sql", b""),
        ("20240105000000.sql", b""),
        ("3_x.SQL", b""),
        ("foo.sql", b""),
    ]);
    let folder = read_folder(&tree, None).unwrap();
    let why = "migrations are named <digits>_<name>.sql";
    let skipped = [".keep", "20240105000000.sql", "3_x.SQL", "foo.sql"];
    assert_eq!(
        folder.skipped,
        skipped.map(|name| Skipped {
            file_name: name.to_owned(),
            why
        })
    );
    let names: Vec<_> = folder.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["ä ö", "init"]);
}

#[test]
fn an_init_of_an_early_cli_is_skipped_only_as_the_first_entry_of_the_folder() {
    let old: (&str, &[u8]) = ("20211208235959_init.sql", b"");
    let new: (&str, &[u8]) = ("20211209000000_init.sql", b"");
    let other: (&str, &[u8]) = ("30000101000000_x.sql", b"");
    assert_eq!(versions(&[old, other]), ["30000101000000"]);
    assert_eq!(versions(&[new, other]), ["20211209000000", "30000101000000"]);
    assert_eq!(versions(&[("0/readme", b""), old]), ["20211208235959"]);
}

#[test]
fn a_file_in_utf_16_is_refused_with_or_without_a_byte_order_mark() {
    let units = |text: &str, of: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(of).collect::<Vec<u8>>();
    for of in [u16::to_le_bytes, u16::to_be_bytes] {
        let marked = units("\u{feff}select 1;", of);
        let says = "1_a.sql is not UTF-8 (byte 0); save it as UTF-8";
        assert_eq!(error(&[("1_a.sql", &marked)]), (says.to_owned(), "NotUtf8"));
        // It is UTF-8 by chance, with a NUL beside each sign.
        let folder = read_folder(&tree(&[("1_a.sql", &units("select 1;", of))]), None).unwrap();
        let refused = read(&folder.files[0]).unwrap_err().to_string();
        assert!(
            refused.contains("a NUL character, which PostgreSQL does not accept; remove it, or save the file as UTF-8"),
            "{refused}"
        );
    }
}

#[test]
fn folders_that_can_not_be_read_say_what_to_do() {
    let long = format!("{}_x.sql", "1".repeat(65));
    let cases: [(Files<'_>, &str, &str); 5] = [
        (
            &[("1_a.sql", b""), ("1_b.sql", b"")],
            "1_a.sql and 1_b.sql have the same version; give one of them another version",
            "DuplicateVersion",
        ),
        (
            &[("1_a.sql", b"abc\xff")],
            "1_a.sql is not UTF-8 (byte 3); save it as UTF-8",
            "NotUtf8",
        ),
        (
            &[(&long, b"")],
            &format!("the version of {long} is longer than 64 digits; write a shorter one"),
            "InvalidVersion",
        ),
        (
            &[("readme.md", b"")],
            "the folder . has no migrations; their files must be named <digits>_<name>.sql and be at its top level",
            "FolderEmpty",
        ),
        (
            &[],
            "the folder . has no migrations; their files must be named <digits>_<name>.sql and be at its top level",
            "FolderEmpty",
        ),
    ];
    for (files, message, reason) in cases {
        assert_eq!(error(files), (message.to_owned(), reason));
    }
}

#[test]
fn a_folder_that_is_missing_is_told_with_those_that_are_there() {
    let folder = TreePath::new("supabase/migrations").unwrap();
    let says = |files: Files<'_>| read_folder(&tree(files), Some(&folder)).unwrap_err().to_string();
    let begins = "the source has no folder `supabase/migrations`, only ";
    let ends = ": correct `spec.source.path`, or what the source has";
    assert_eq!(
        says(&[("1_a.sql", b""), ("supabase/a.sql", b"")]),
        format!("{begins}`1_a.sql`, `supabase`{ends}")
    );
    let many: Files<'_> = &[("a/x", b""), ("b/x", b""), ("c/x", b""), ("d/x", b""), ("e/x", b"")];
    assert_eq!(says(many), format!("{begins}`a`, `b`, `c`, `d`, …{ends}"));
    assert_eq!(says(&[]), format!("{begins}nothing{ends}"));
}

#[test]
fn all_files_that_have_to_be_changed_are_named_at_once() {
    let long = format!("{}_x.sql", "1".repeat(65));
    let files: Files<'_> = &[
        ("1_a.sql", b""),
        ("1_b.sql", b""),
        ("1_c.sql", b""),
        ("2_a.sql", b""),
        ("2_b.sql", b""),
        ("3_a.down.sql", b""),
        ("3_a.sql", b""),
        ("4_a.sql", b"abc\xff"),
        (&long, b""),
    ];
    let expected = format!(
        "1_a.sql and 1_b.sql, 1_a.sql and 1_c.sql, 2_a.sql and 2_b.sql have the same version; give one of each pair another version; the version of {long} is longer than 64 digits; write a shorter one; 3_a.down.sql has the version of 3_a.sql and undoes it; remove it from the folder: every file there is run; 4_a.sql is not UTF-8 (byte 3); save it as UTF-8"
    );
    assert_eq!(error(files), (expected, "InvalidVersion"));
    let (folder, errors) = read_readable(&tree(files), None);
    let left: Vec<_> = folder.unwrap().files.into_iter().map(|file| file.file_name).collect();
    assert_eq!(
        (left, errors.len()),
        (["1_a.sql", "2_a.sql", "3_a.sql"].map(str::to_owned).into(), 6)
    );
}

#[test]
fn of_many_pairs_five_are_named_and_the_rest_is_counted() {
    let names: Vec<String> = (1..=9)
        .flat_map(|at| [format!("{at}_a.sql"), format!("{at}_b.sql")])
        .collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let (says, reason) = error(&files);
    assert_eq!(reason, "DuplicateVersion");
    assert!(
        says.contains("5_a.sql and 5_b.sql") && !says.contains("6_a.sql"),
        "{says}"
    );
    assert!(says.contains("4 more"), "{says}");
}

#[test]
fn a_migration_that_is_a_link_stops_its_set_and_no_other() {
    let path = |text: &str| TreePath::new(text).unwrap();
    let refused = |link: &str, folder: Option<&str>| {
        let mut tree = tree(&[("db/1_a.sql", b""), ("other/1_a.sql", b"")]);
        tree.leave_out(path(link), LeftOut::Link).unwrap();
        let folder = folder.map(path);
        read_folder(&tree, folder.as_ref()).err().map(|error| error.to_string())
    };
    let says = |at: &str| {
        Some(format!(
            "{at} is a link, which is not followed; put the file itself there (tar --dereference --hard-dereference)"
        ))
    };
    assert_eq!(refused("db/2_b.sql", Some("db")), says("db/2_b.sql"));
    assert_eq!(refused("sets", Some("sets/db")), says("sets"));
    for elsewhere in ["other/2_b.sql", "db/readme.md", "db/old/2_b.sql"] {
        assert_eq!(refused(elsewhere, Some("db")), None, "{elsewhere}");
    }
}

#[test]
fn a_version_is_digits_and_nothing_else() {
    for text in ["", "1a", "-1", "१", &"1".repeat(65)] {
        assert!(text.parse::<Version>().is_err(), "{text}");
    }
    assert_eq!(
        "00000000000000".parse::<Version>().unwrap().to_string(),
        "00000000000000"
    );
}

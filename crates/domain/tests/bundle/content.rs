//! What belongs to a function beside its imports, what bounds it, and how it is kept.

use ace_domain::bundle::{
    ArchiveLimits, CLOSURE_FILES, Closure, ClosureError, ClosureManifest, FunctionSource, RestoreError, Tree,
    TreeIndex, TreePath, read_archive, write_archive,
};
use bytes::Bytes;

use crate::support::{function, path, tree};

/// Each seen with the official CLI 3.1.0: what `functions deploy --use-api` uploads of these files.
#[test]
fn a_static_pattern_names_the_files_that_the_cli_uploads_for_it() {
    const ALL: [&str; 8] = [
        "s/assets/.h/q.html",
        "s/assets/.top.html",
        "s/assets/axhtml",
        "s/assets/one/.hidden.html",
        "s/assets/one/two/three/z.html",
        "s/assets/one/two/y.html",
        "s/assets/one/x.html",
        "s/assets/top.html",
    ];
    let files: Vec<_> = ALL.into_iter().chain(["s/index.ts"]).map(|file| (file, "")).collect();
    let tree = tree(&files);
    for (pattern, expected) in [
        ("s/assets/**/*.html", &[ALL[0], ALL[3], ALL[4], ALL[5], ALL[6]][..]),
        ("s/assets/*.html", &[ALL[1], ALL[7]]),
        ("s/**/*.html", &[ALL[0], ALL[1], ALL[3], ALL[4], ALL[5], ALL[6], ALL[7]]),
        ("s/assets/one/**.html", &ALL[3..7]),
        ("s/assets/one/***.html", &ALL[3..7]),
        ("s/assets/[a-z]*.html", &ALL[7..]),
        ("s/assets/[^t]*.html", &ALL[1..2]),
        ("s/assets/[!t]*.html", &ALL[1..2]),
        ("s/assets/?op.html", &ALL[7..]),
        ("s/assets/**/two/*.html", &ALL[5..6]),
    ] {
        let patterns = [pattern.to_owned()];
        let source = FunctionSource {
            static_files: &patterns,
            ..function("s")
        };
        let closure = Closure::compute(&tree, &source).unwrap();
        let matched: Vec<_> = closure.static_files().iter().map(TreePath::as_str).collect();
        assert_eq!(matched, expected, "{pattern}");
    }
}

/// `tar` of a Mac packs `._p.html` beside `p.html`.
#[test]
fn what_a_mac_keeps_beside_a_file_is_matched_by_a_pattern_that_says_so_only() {
    let tree = tree(&[
        ("hello/index.ts", ""),
        ("hello/._index.ts", ""),
        ("hello/p.html", ""),
        ("hello/._p.html", ""),
        ("hello/only/._q.html", ""),
        ("hello/._deep/r.html", ""),
    ]);
    let matched = |pattern: &str| {
        let patterns = [pattern.to_owned()];
        let source = FunctionSource {
            static_files: &patterns,
            ..function("hello")
        };
        let closure = Closure::compute(&tree, &source)?;
        let matched = closure.static_files().iter().map(ToString::to_string);
        Ok::<_, ClosureError>(matched.collect::<Vec<_>>())
    };
    for pattern in ["hello/*.html", "hello/**.html", "hello/*p.html"] {
        assert_eq!(matched(pattern).unwrap(), ["hello/p.html"], "{pattern}");
    }
    for pattern in ["hello/._p.html", "hello/._*.html"] {
        assert_eq!(matched(pattern).unwrap(), ["hello/._p.html"], "{pattern}");
    }
    let none = matched("hello/only/*").unwrap_err();
    assert!(matches!(none, ClosureError::StaticNothing { .. }), "{none}");
}

#[test]
fn static_files_are_those_that_a_pattern_matches_and_a_pattern_must_match() {
    let tree = tree(&[
        ("hello/index.ts", ""),
        ("hello/a.html", ""),
        ("hello/.b.html", ""),
        ("hello/deep/c.html", ""),
        ("hello/[id].txt", ""),
        ("hello/i.txt", ""),
    ]);
    let with = |patterns: &[&str]| {
        let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        Closure::compute(
            &tree,
            &FunctionSource {
                static_files: &patterns,
                ..function("hello")
            },
        )
    };
    let matched = |patterns: &[&str]| {
        let closure = with(patterns).unwrap();
        closure
            .static_files()
            .iter()
            .map(TreePath::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(matched(&["hello/*.html"]), "hello/.b.html hello/a.html");
    assert_eq!(matched(&["./hello/**/*.html"]), "hello/deep/c.html");
    for folder in ["hello/deep", "hello/deep/"] {
        let error = with(&[folder]).unwrap_err();
        assert_eq!(error.reason(), "StaticFilesMissing", "{folder}: {error}");
    }
    assert_eq!(
        matched(&["./hello/**.html"]),
        "hello/.b.html hello/a.html hello/deep/c.html"
    );
    assert_eq!(
        matched(&["hello/[id].txt", "hello/{i,j}.txt"]),
        "hello/[id].txt hello/i.txt"
    );
    let nothing = ClosureError::StaticNothing {
        pattern: "*.html".to_owned(),
    };
    assert_eq!(with(&["hello/a.html", "*.html"]).unwrap_err(), nothing);
    for wrong in ["/hello/*.html", "../*.html", "hello/[", ""] {
        assert!(
            matches!(with(&[wrong]), Err(ClosureError::StaticPattern { .. })),
            "{wrong}"
        );
    }
}

#[test]
fn a_function_larger_than_the_platform_takes_is_refused() {
    let large = "x".repeat(11 << 20);
    let patterns = ["hello/*.bin".to_owned()];
    let source = FunctionSource {
        static_files: &patterns,
        ..function("hello")
    };
    let files = tree(&[("hello/index.ts", ""), ("hello/a.bin", &large), ("hello/b.bin", &large)]);
    let error = Closure::compute(&files, &source).unwrap_err();
    assert_eq!(
        error,
        ClosureError::TooLarge {
            bytes: 22 << 20,
            limit: 20 << 20
        }
    );
    let many = (0..=CLOSURE_FILES).map(|at| (path(&format!("hello/{at}.bin")), Bytes::new()));
    let files = Tree::from_files(many.chain([(path("hello/index.ts"), Bytes::new())])).unwrap();
    assert_eq!(
        Closure::compute(&files, &source).unwrap_err(),
        ClosureError::TooManyFiles { limit: CLOSURE_FILES }
    );
}

#[test]
fn a_module_nested_to_any_depth_ends_in_an_answer_and_never_in_an_overflow() {
    let nested = |open: &str, inner: &str, close: &str, depth: usize| {
        let source = [open.repeat(depth), inner.to_owned(), close.repeat(depth)].concat();
        Closure::compute(&tree(&[("hello/index.ts", &source)]), &function("hello")).map(|closure| closure.files().len())
    };
    for (open, inner, close) in [
        ("(", "1", ")"),
        ("[", "", "]"),
        ("{", "", "}"),
        ("`${", "1", "}`"),
        ("(a=", "1", ")=>1"),
    ] {
        assert_eq!(nested(open, inner, close, 20_000), Ok(1), "{open}");
        let refused = nested(open, inner, close, 20_001).unwrap_err();
        assert_eq!(refused.reason(), "SyntaxError", "{open}");
    }
    for (open, inner) in [
        ("!", "1"),
        ("a=>", "1"),
        ("new ", "a"),
        ("1**", "1"),
        ("a=", "1"),
        ("1?1:", "1"),
        ("1+", "1"),
    ] {
        assert_eq!(nested(open, inner, "", 100_000 / open.len()), Ok(1), "{open}");
        assert_eq!(
            nested(open, inner, "", 600_000 / open.len()).unwrap_err().reason(),
            "SyntaxError",
            "{open}"
        );
    }
}

#[test]
fn each_file_is_parsed_once_for_all_functions_and_all_revisions() {
    let files = [
        ("a/index.ts", "import '../_shared/x.ts'"),
        ("b/index.ts", "import '../_shared/x.ts'"),
        ("_shared/x.ts", ""),
        ("_shared/y.ts", ""),
    ];
    let index = TreeIndex::new(tree(&files));
    for slug in ["a", "b", "a"] {
        index.closure(&function(slug)).unwrap();
    }
    assert_eq!(index.parsed(), 3);
    let changed = [files[0], ("b/index.ts", "import '../_shared/y.ts'"), files[2], files[3]];
    let next = index.renewed(tree(&changed));
    assert_eq!(next.parsed(), 2);
    assert_eq!(next.closure(&function("a")), index.closure(&function("a")));
    assert_eq!(
        next.closure(&function("b")),
        Closure::compute(&tree(&changed), &function("b"))
    );
}

#[test]
fn an_archived_closure_is_restored_as_the_same_content_or_not_at_all() {
    let patterns = ["hello/*.html".to_owned()];
    let tree = tree(&[
        (
            "hello/index.ts",
            "import type {} from './t.ts'; Deno.env.get('A'); import 'npm:zod';",
        ),
        ("hello/t.ts", ""),
        ("hello/a.html", ""),
        ("hello/deno.json", "{}"),
    ]);
    let closure = Closure::compute(
        &tree,
        &FunctionSource {
            static_files: &patterns,
            ..function("hello")
        },
    )
    .unwrap();
    let text = serde_json::to_string(&closure.manifest()).unwrap();
    let manifest: ClosureManifest = serde_json::from_str(&text).unwrap();
    let files = read_archive(&write_archive(closure.files()), &ArchiveLimits::default()).unwrap();
    let restored = Closure::restore(manifest.clone(), files.clone()).unwrap();
    assert_eq!(restored.manifest(), closure.manifest());
    assert_eq!(
        (restored.files(), restored.digest()),
        (closure.files(), closure.digest())
    );
    let mut more = files;
    more.add(path("hello/more.ts"), Bytes::new()).unwrap();
    let error = Closure::restore(manifest.clone(), more).unwrap_err();
    assert!(
        matches!(error, RestoreError::Digest { expected, .. } if expected == closure.digest()),
        "{error}"
    );
    assert_eq!(
        Closure::restore(manifest, Tree::default()),
        Err(RestoreError::Missing(path("hello/index.ts")))
    );
}

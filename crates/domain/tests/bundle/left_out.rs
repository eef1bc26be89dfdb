//! What the source has and the tree has not stops what reaches it, and nothing else.

use ace_domain::bundle::{Closure, ClosureError, FunctionSource, LeftOut, Tree};

use crate::support::{function, path, tree};

fn refused(tree: &Tree, source: &FunctionSource<'_>) -> String {
    let error = Closure::compute(tree, source).unwrap_err();
    assert_eq!(error.reason(), "FileLeftOut");
    error.to_string()
}

fn with_secrets(index: &str) -> Tree {
    tree(&[
        ("hello/index.ts", index),
        ("hello/.env", "KEY=1"),
        ("hello/pages/a.html", ""),
        ("hello/pages/store.p12", ""),
    ])
    .without_secrets()
}

const SECRET: &str = "holds secrets by its name or its content, so it is neither deployed nor archived; take it out of the source and read its values from the project's secrets, or rename it if it has none";

#[test]
fn a_function_beside_files_with_secrets_is_what_it_is_without_them() {
    let tree = with_secrets("Deno.env.get('KEY')");
    let closure = Closure::compute(&tree, &function("hello")).unwrap();
    let alone = crate::support::tree(&[("hello/index.ts", "Deno.env.get('KEY')")]);
    assert_eq!(closure, Closure::compute(&alone, &function("hello")).unwrap());
}

#[test]
fn an_import_of_a_file_with_secrets_is_refused_with_its_line() {
    let tree = with_secrets("\nimport text from './.env' with { type: 'text' };");
    let expected = format!("hello/index.ts:2 imports \"./.env\": hello/.env {SECRET}");
    assert_eq!(refused(&tree, &function("hello")), expected);
}

#[test]
fn a_static_pattern_that_matches_a_file_with_secrets_is_refused_and_a_narrower_one_is_not() {
    let tree = with_secrets("");
    for (pattern, matched) in [
        ("hello/pages/*", "hello/pages/store.p12"),
        ("./hello/.env", "hello/.env"),
        ("hello/**", "hello/.env"),
    ] {
        let patterns = [pattern.to_owned()];
        let source = FunctionSource {
            static_files: &patterns,
            ..function("hello")
        };
        let expected = format!("the static pattern {pattern:?} can't be used: {matched} {SECRET}");
        assert_eq!(refused(&tree, &source), expected);
    }
    let patterns = ["hello/pages/*.html".to_owned()];
    let source = FunctionSource {
        static_files: &patterns,
        ..function("hello")
    };
    assert_eq!(Closure::compute(&tree, &source).unwrap().files().len(), 2);
}

#[test]
fn an_absent_file_is_absent_whatever_was_left_out_beside_it() {
    let tree = with_secrets("import './.envs';");
    let error = Closure::compute(&tree, &function("hello")).unwrap_err();
    assert!(matches!(error, ClosureError::ImportMissing { .. }), "{error}");
}

/// A tree with a function, and a link at `link`.
fn with_link(index: &str, link: &str) -> Tree {
    let mut tree = tree(&[("hello/index.ts", index), ("hello/a.html", "")]);
    tree.leave_out(path(link), LeftOut::Link).unwrap();
    tree
}

const LINK: &str = "is a link, which is not followed; put the file itself there (tar --dereference --hard-dereference)";

#[test]
fn a_link_that_no_import_reaches_changes_nothing() {
    let linked = with_link("import './b.ts'", "hello/b.ts");
    let without = with_link("", "other/node_modules/.bin/tsc");
    let alone = tree(&[("hello/index.ts", ""), ("hello/a.html", "")]);
    let closure = Closure::compute(&without, &function("hello")).unwrap();
    assert_eq!(closure, Closure::compute(&alone, &function("hello")).unwrap());
    assert!(Closure::compute(&linked, &function("hello")).is_err());
}

#[test]
fn a_link_on_any_way_into_a_function_is_named_with_what_leads_there() {
    let import = "import '../_shared/cors.ts'";
    let cases = [
        (
            import,
            "_shared/cors.ts",
            "hello/index.ts:1 imports \"../_shared/cors.ts\": _shared/cors.ts",
        ),
        (
            import,
            "_shared",
            "hello/index.ts:1 imports \"../_shared/cors.ts\": _shared",
        ),
        ("", "hello/deno.json", "the import map can't be used: hello/deno.json"),
        (
            "",
            "hello/b.html",
            "the static pattern \"hello/*.html\" can't be used: hello/b.html",
        ),
    ];
    for (index, link, says) in cases {
        let patterns = ["hello/*.html".to_owned()];
        let source = FunctionSource {
            static_files: &patterns,
            ..function("hello")
        };
        assert_eq!(refused(&with_link(index, link), &source), format!("{says} {LINK}"));
    }
    let mut tree = tree(&[("a.ts", "")]);
    tree.leave_out(path("hello"), LeftOut::Link).unwrap();
    let says = format!("the entrypoint can't be used: hello {LINK}");
    assert_eq!(refused(&tree, &function("hello")), says);
}

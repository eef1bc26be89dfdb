//! What the source has and the tree has not stops what reaches it, and nothing else.

use ace_domain::bundle::{Closure, ClosureError, FunctionSource, Tree};

use crate::support::{function, tree};

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

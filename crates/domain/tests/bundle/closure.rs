//! What a function needs is what a parser finds, and a missing piece is named with file and line before any upload.

use std::collections::BTreeSet;

use ace_domain::bundle::{Closure, ClosureError, FunctionSource, Tree, TreePath, TreePathError};
use bytes::Bytes;

use crate::support::{function, path, tree};

/// The closure of `hello` whose entrypoint is `source`, over `others`.
pub(crate) fn hello(source: &str, others: &[(&str, &str)]) -> Result<Closure, ClosureError> {
    let files: Vec<_> = [("hello/index.ts", source)].iter().chain(others).copied().collect();
    Closure::compute(&tree(&files), &function("hello"))
}

fn names<'a>(paths: impl IntoIterator<Item = &'a TreePath>) -> Vec<&'a str> {
    paths.into_iter().map(TreePath::as_str).collect()
}

pub(crate) fn files(closure: &Closure) -> Vec<&str> {
    names(closure.files().keys())
}

#[test]
fn every_way_to_name_a_module_reaches_it() {
    let ways = [
        "import \"./x.ts\";",
        "import x from './x.ts';",
        "import x, * as y from './x.ts';",
        "import { a, type B } from './x.ts';",
        "import {} from './x.ts';",
        "import type { B } from './x.ts';",
        "import { type B } from './x.ts';",
        "export * from './x.ts';",
        "export * as y from './x.ts';",
        "export { a as b } from './x.ts';",
        "export type { B } from './x.ts';",
        "export type * from './x.ts';",
        "const x = await import('./x.ts');",
        "const x = () => import(`./x.ts`);",
        "const x = import(('./x.ts' as string));",
        "type B = import('./x.ts').B;",
        "function f(b: typeof import('./x.ts')) {}",
        "import x = require('./x.ts');",
        "import x from './x.ts' with { type: 'text' };",
        "import x from '../hello/./x.ts';",
        "import x from './/x.ts';",
        "import x from '../../../hello/x.ts';",
    ];
    for way in &ways[..ways.len() - 1] {
        let closure = hello(way, &[("hello/x.ts", "export {};"), ("hello/y.ts", "")]).unwrap();
        assert_eq!(files(&closure), ["hello/index.ts", "hello/x.ts"], "{way}");
    }
    let outside = hello(ways[ways.len() - 1], &[("hello/x.ts", "")]).unwrap_err();
    assert_eq!(outside.reason(), "ImportMissing");
}

#[test]
fn words_in_strings_and_comments_are_no_imports() {
    let source = r#"
        // import "./a.ts";
        /* export * from "./b.ts"; */
        const text = "import './c.ts'";
        const template = `import "./d.ts"; ${"export * from './e.ts'"}`;
        const pattern = /import ".\/f.ts"/;
        const computed = import(`./${text}.ts`);
        const other = require("./g.ts");
        const secret = "Deno.env.get('NOT_READ')"; // Deno.env.get("NOR_THIS")
    "#;
    let closure = hello(source, &[]).unwrap();
    assert_eq!(files(&closure), ["hello/index.ts"]);
    assert_eq!(closure.secrets(), &BTreeSet::new());
}

#[test]
fn what_modules_import_is_followed_once_also_in_a_circle() {
    let closure = hello(
        "import '../_shared/a.ts';",
        &[
            ("_shared/a.ts", "import './b.ts'; import '../hello/index.ts';"),
            ("_shared/b.ts", "import './deep/c.tsx';"),
            ("_shared/deep/c.tsx", "import '../a.ts'; export const c = <p>{1}</p>;"),
            ("_shared/unused.ts", "import './missing.ts';"),
        ],
    );
    assert_eq!(
        files(&closure.unwrap()),
        ["_shared/a.ts", "_shared/b.ts", "_shared/deep/c.tsx", "hello/index.ts"]
    );
}

#[test]
fn a_missing_import_is_named_with_file_line_and_what_may_have_been_meant() {
    let others = [
        ("_shared/a.ts", "\r\n// ü\r\nexport *\r\n  from './b';\r\n"),
        ("_shared/b.ts", ""),
    ];
    let error = hello("import '../_shared/a.ts';", &others).unwrap_err();
    let expected = ClosureError::ImportMissing {
        from: path("_shared/a.ts"),
        line: 4,
        specifier: "./b".to_owned(),
        resolved: "_shared/b".to_owned(),
        instead: Some(path("_shared/b.ts")),
    };
    assert_eq!(error, expected);
    assert_eq!(
        error.to_string(),
        "_shared/a.ts:4 imports \"./b\", and _shared/b is not in the source; _shared/b.ts is, and extensions are taken literally"
    );
}

/// On the disk of a Mac it is found.
#[test]
fn a_file_that_is_missed_by_upper_and_lower_case_only_is_named() {
    for (specifier, resolved, there) in [
        ("./Utils.ts", "hello/Utils.ts", "hello/utils.ts"),
        ("../_Shared/cors.ts", "_Shared/cors.ts", "_shared/Cors.ts"),
        ("./ÄRA.ts", "hello/ÄRA.ts", "hello/ära.ts"),
    ] {
        let source = format!("import '{specifier}';");
        let error = hello(&source, &[(there, ""), ("hello/other.ts", "")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "hello/index.ts:1 imports {specifier:?}, and {resolved} is not in the source; {there} is, and upper and lower case differ"
            )
        );
    }
}

#[test]
fn queries_fragments_escapes_and_extensions_are_taken_literally() {
    for specifier in ["./x.ts?v=1", "./x.ts#a", "./%78.ts", "./x", "./x.js", "./x.ts/", "./"] {
        let error = hello(&format!("import '{specifier}';"), &[("hello/x.ts", "")]).unwrap_err();
        assert!(
            matches!(error, ClosureError::ImportMissing { line: 1, .. }),
            "{specifier}: {error}"
        );
    }
    let closure = hello("import './x.ts?v=1';", &[("hello/x.ts?v=1", "")]).unwrap();
    assert_eq!(files(&closure), ["hello/index.ts", "hello/x.ts?v=1"]);
}

#[test]
fn an_import_that_leaves_the_tree_is_refused_although_it_could_come_back() {
    for specifier in [
        "../../x.ts",
        "../../functions/hello/x.ts",
        "/x.ts",
        "file:///x.ts",
        "FILE:///x.ts",
    ] {
        let error = hello(&format!("\nimport '{specifier}';"), &[("hello/x.ts", "")]).unwrap_err();
        let (from, specifier) = (path("hello/index.ts"), specifier.to_owned());
        assert_eq!(
            error,
            ClosureError::ImportOutside {
                from,
                line: 2,
                specifier
            }
        );
    }
}

#[test]
fn what_the_platform_resolves_is_listed_and_never_refused() {
    let source =
        "import 'npm:zod@3'; import 'jsr:@std/path'; import 'node:fs'; import 'https://esm.sh/x?a=1'; import 'react';
        import 'data:text/javascript,1'; import('@scope/name/sub'); import '.'; type A = import('npm:a').A;";
    let remote = [
        ".",
        "@scope/name/sub",
        "data:text/javascript,1",
        "https://esm.sh/x?a=1",
        "jsr:@std/path",
        "node:fs",
        "npm:a",
        "npm:zod@3",
        "react",
    ];
    assert_eq!(hello(source, &[]).unwrap().remote(), &remote.map(str::to_owned).into());
}

#[test]
fn a_file_counts_as_type_only_while_nothing_that_runs_reaches_it() {
    let others = [
        (
            "hello/types.ts",
            "import './deep.ts'; import './both.ts'; Deno.env.get('OF_TYPES');",
        ),
        ("hello/deep.ts", ""),
        ("hello/both.ts", "import './through.ts'; Deno.env.get('OF_BOTH');"),
        ("hello/through.ts", ""),
        ("hello/named.ts", ""),
        ("hello/side.ts", ""),
    ];
    let source =
        "import type { A } from './types.ts'; import { type B } from './named.ts'; import {} from './side.ts';";
    let closure = hello(source, &others).unwrap();
    let unrun = [
        "hello/both.ts",
        "hello/deep.ts",
        "hello/named.ts",
        "hello/through.ts",
        "hello/types.ts",
    ];
    assert_eq!(names(closure.type_only()), unrun);
    assert_eq!(closure.secrets(), &BTreeSet::new());
    // The edge that runs is found after the files were already followed for their types.
    let closure = hello(
        &format!("{source} import './late.ts';"),
        &[&others[..], &[("hello/late.ts", "import './both.ts';")]].concat(),
    );
    let closure = closure.unwrap();
    assert_eq!(
        names(closure.type_only()),
        ["hello/deep.ts", "hello/named.ts", "hello/types.ts"]
    );
    assert_eq!(closure.secrets(), &BTreeSet::from(["OF_BOTH".to_owned()]));
}

#[test]
fn names_are_read_from_the_environment_wherever_running_code_says_them_literally() {
    let source = "const a = Deno.env.get('A') ?? Deno.env.get(\"B\")!; if (Deno.env.has(`C`)) {}
        const d = (globalThis as any).Deno?.env?.get('D'); const e = () => Deno['env'].get('NOT_SEEN');
        const f = Deno.env.get(a!); const g = other.env.get('NOT_DENO'); Deno.env.set('NOT_READ', '');
        class X { y = Deno.env.get('E') } const z = { env: Deno.env.toObject() };";
    let closure = hello(
        &format!("{source} import './x.js'"),
        &[("hello/x.js", "Deno.env.get('F' /* here */)")],
    )
    .unwrap();
    assert_eq!(
        closure.secrets(),
        &["A", "B", "C", "D", "E", "F"].map(str::to_owned).into()
    );
}

#[test]
fn files_that_are_no_modules_are_taken_as_they_are() {
    let others = [
        ("hello/a.json", "not json"),
        ("hello/b.wasm", "\0asm"),
        ("hello/c.css", "import './no.ts'"),
        ("hello/d.ts", "import './missing.ts' (("),
        ("hello/e", "import './no.ts'"),
    ];
    let source = "import a from './a.json' with { type: 'json' }; import './b.wasm'; import './c.css'; import './e';
        const d = await import('./d.ts', { with: { type: 'text' } });";
    let all = [
        "hello/a.json",
        "hello/b.wasm",
        "hello/c.css",
        "hello/d.ts",
        "hello/e",
        "hello/index.ts",
    ];
    assert_eq!(files(&hello(source, &others).unwrap()), all);
    // Imported as text by one and as a module by another, it is parsed.
    let both = format!("{source} import './d.ts';");
    assert!(matches!(
        hello(&both, &others),
        Err(ClosureError::Syntax { line: 1, .. })
    ));
}

#[test]
fn a_syntax_error_is_named_with_line_and_column() {
    let error = hello("import './x.ts';", &[("hello/x.ts", "const ok = 1;\nconst ü = ;\n")]).unwrap_err();
    let ClosureError::Syntax {
        path: at,
        line,
        column,
        problem,
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(
        (at, line, column, problem.as_str()),
        (path("hello/x.ts"), 2, 11, "Unexpected token")
    );
}

#[test]
fn byte_order_mark_line_ends_shebang_and_stray_bytes_do_not_hide_imports() {
    let bytes: &[u8] = b"\xef\xbb\xbf#!/usr/bin/env deno\r\n// caf\xe9\r\nimport './x.ts';\r\nimport './gone.ts';\r\n";
    let tree = |bytes: &'static [u8]| {
        Tree::from_files([
            (path("hello/index.ts"), Bytes::from_static(bytes)),
            (path("hello/x.ts"), Bytes::new()),
        ])
        .unwrap()
    };
    let error = Closure::compute(&tree(bytes), &function("hello")).unwrap_err();
    assert!(matches!(error, ClosureError::ImportMissing { line: 4, .. }), "{error}");
    let whole = tree(&bytes[..bytes.len() - 21]);
    let closure = Closure::compute(&whole, &function("hello")).unwrap();
    assert_eq!(closure.files(), whole.files());
}

#[test]
fn what_lies_beside_an_entrypoint_and_is_no_import_map_is_not_uploaded() {
    let beside = [
        ("hello/package.json", r#"{ "dependencies": { "zod": "4" } }"#),
        ("hello/deno.lock", "{}"),
        ("hello/.npmrc", "registry=https://registry.npmjs.org"),
        ("hello/readme.md", ""),
        ("deno.json", "{}"),
        ("package.json", "{}"),
    ];
    let map = [("hello/deno.json", "{}")];
    let closure = hello("import './x.ts';", &[&beside[..], &map, &[("hello/x.ts", "")]].concat()).unwrap();
    assert_eq!(files(&closure), ["hello/deno.json", "hello/index.ts", "hello/x.ts"]);
}

#[test]
fn syntax_that_few_files_have_hides_no_import() {
    for (name, source) in [
        ("hello/x.js", "// @flow\nimport './y.ts';\nconst x = 1;"),
        (
            "hello/x.ts",
            "class A { accessor x = 1; static accessor #y = '{'; }\nimport './y.ts';",
        ),
        (
            "hello/x.ts",
            "function f<const T extends readonly unknown[]>(t: T) { return t; }\nimport './y.ts';",
        ),
        (
            "hello/x.ts",
            "export default class<in out T> { declare t: T; }\nimport './y.ts';",
        ),
    ] {
        let index = format!("import './{}';", name.trim_start_matches("hello/"));
        let closure = hello(&index, &[(name, source), ("hello/y.ts", "")]).unwrap();
        assert!(files(&closure).contains(&"hello/y.ts"), "{source}");
    }
}

#[test]
fn a_module_that_imports_itself_is_there_once() {
    let closure = hello("import './index.ts'; import '../hello/index.ts';", &[]).unwrap();
    assert_eq!(files(&closure), ["hello/index.ts"]);
}

#[test]
fn hidden_folders_and_odd_names_are_paths_like_any_other() {
    let closure = hello(
        "import '../.lib/ü b.ts';",
        &[(".lib/ü b.ts", "import './.x.ts'"), (".lib/.x.ts", "")],
    )
    .unwrap();
    assert_eq!(files(&closure), [".lib/.x.ts", ".lib/ü b.ts", "hello/index.ts"]);
}

#[test]
fn the_entrypoint_is_the_one_that_is_named_or_the_slug_s_index() {
    let tree = tree(&[
        ("main.js", "import './lib/a.mjs'"),
        ("lib/a.mjs", ""),
        ("hello/index.ts", ""),
    ]);
    let named = FunctionSource {
        entrypoint: Some("./main.js"),
        ..function("hello")
    };
    assert_eq!(
        files(&Closure::compute(&tree, &named).unwrap()),
        ["lib/a.mjs", "main.js"]
    );
    let missing = Closure::compute(&tree, &function("bye")).unwrap_err();
    assert_eq!(
        missing,
        ClosureError::EntrypointMissing {
            path: path("bye/index.ts")
        }
    );
    let outside = FunctionSource {
        entrypoint: Some("../main.js"),
        ..function("hello")
    };
    let expected = ClosureError::EntrypointPath {
        path: "../main.js".to_owned(),
        rule: TreePathError::Segment,
    };
    assert_eq!(Closure::compute(&tree, &outside).unwrap_err(), expected);
}

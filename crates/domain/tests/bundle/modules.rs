//! What a module may be, what it imports without a line for it, and what of its imports can't be resolved.

use std::collections::BTreeSet;

use ace_domain::bundle::ClosureError;

use crate::closure::{files, hello};

#[test]
fn a_large_text_and_many_tags_are_a_module_like_any_other() {
    let tags = "<tr><td class=\"k\">it's</td><td>{0}</td></tr>".repeat(5_000);
    let others = [(
        "hello/page.tsx",
        format!("export const page = <table>{tags}</table>; import './x.ts'"),
    )];
    let text = format!(
        "export const mail = `{}`; import './x.ts'",
        "<b>a < b</b>".repeat(100_000)
    );
    let data = format!(
        "export const rows = [{}]; import './x.ts'",
        "{ id: 1, text: 'one' },".repeat(60_000)
    );
    for (name, text) in [("hello/mail.ts", text), ("hello/data.ts", data)].iter().chain(&others) {
        let source = format!("import '../{name}'");
        let closure = hello(&source, &[(*name, text), ("hello/x.ts", "")]).unwrap();
        let expected = BTreeSet::from(["hello/index.ts", *name, "hello/x.ts"]);
        assert_eq!(BTreeSet::from_iter(files(&closure)), expected);
    }
}

/// The platform takes 20 MB.
#[test]
fn a_module_of_five_megabytes_is_read_to_its_end() {
    let row = "  [\"a text with < and > and ${ in it\", 1, { key: [2, 3] }],\n";
    let source = format!(
        "export const data = [\n{}];\nimport './x.ts';",
        row.repeat(5_000_000 / row.len() + 1)
    );
    assert!(source.len() > 5_000_000);
    let closure = hello(&source, &[("hello/x.ts", "")]).unwrap();
    assert_eq!(closure.files().len(), 2);
}

#[test]
fn a_module_beyond_what_is_read_is_refused_in_words_of_its_own() {
    let imports = |many: usize| {
        (0..many)
            .map(|at| format!("import 'npm:p{at}';\n"))
            .collect::<Vec<_>>()
            .concat()
    };
    assert!(hello(&imports(10_000), &[]).is_ok());
    let error = hello(&imports(10_001), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "hello/index.ts:10001 can't be read: it has more than 10,000 different imports or names of secrets; divide it"
    );
    let error = hello(&"(".repeat(20_001), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "hello/index.ts:1 can't be read: more than 20,000 brackets, tags or templates are open; nest less deeply"
    );
}

#[test]
fn the_runtime_of_jsx_is_imported_though_no_line_says_so() {
    let runtime = ("_kit/jsx-runtime.ts", "import './deep.ts'");
    let deep = ("_kit/deep.ts", "");
    let card = "/** @jsxRuntime automatic */\n/**\n * @jsxImportSource ../_kit\n */\nexport const card = <p>x</p>;";
    let map = r#"{"imports": {"../_kit/jsx-runtime": "../_kit/jsx-runtime.ts"}}"#;
    let others = [runtime, deep, ("hello/card.tsx", card), ("hello/deno.json", map)];
    let all = [
        "_kit/deep.ts",
        "_kit/jsx-runtime.ts",
        "hello/card.tsx",
        "hello/deno.json",
        "hello/index.ts",
    ];
    assert_eq!(files(&hello("import './card.tsx'", &others).unwrap()), all);
    let error = hello("import './card.tsx'", &[("hello/card.tsx", card)]).unwrap_err();
    assert!(matches!(error, ClosureError::ImportMissing { line: 3, .. }), "{error}");
    // A comment behind the first token, and one in a language without JSX, are comments.
    let late = [
        ("hello/card.tsx", "export {}; /** @jsxImportSource ./no */"),
        ("hello/a.ts", "/** @jsxImportSource ./no */"),
    ];
    assert_eq!(
        hello("import './card.tsx'; import './a.ts'", &late)
            .unwrap()
            .files()
            .len(),
        3
    );
}

#[test]
fn the_compiler_s_options_name_the_runtime_of_files_with_jsx() {
    let with = |options: &str| {
        let map = format!(r#"{{"imports": {{"kit/": "./kit/"}}, "compilerOptions": {{{options}}}}}"#);
        let closure = hello(
            "import './card.tsx'",
            &[("hello/card.tsx", "<a/>"), ("hello/deno.json", &map)],
        )?;
        Ok::<_, ClosureError>(closure.remote().iter().cloned().collect::<Vec<_>>().join(" "))
    };
    assert_eq!(
        with(r#""jsx": "react-jsx", "jsxImportSource": "npm:preact""#).unwrap(),
        "npm:preact/jsx-runtime"
    );
    assert_eq!(
        with(r#""jsx": "react-jsxdev", "jsxImportSource": "npm:preact""#).unwrap(),
        "npm:preact/jsx-dev-runtime"
    );
    assert_eq!(with(r#""jsx": "react", "jsxImportSource": "npm:preact""#).unwrap(), "");
    assert_eq!(with(r#""strict": true"#).unwrap(), "");
    let error = with(r#""jsx": "precompile", "jsxImportSource": "kit""#).unwrap_err();
    assert!(matches!(error, ClosureError::ImportMissing { .. }), "{error}");
}

#[test]
fn a_bare_specifier_that_no_map_has_is_named_before_an_upload() {
    let unresolved = |source: &str| {
        let closure = hello(source, &[("hello/x.ts", "\nimport 'zod'")]).unwrap();
        closure.unresolved().map(ToString::to_string)
    };
    assert_eq!(
        unresolved("import './x.ts'").unwrap(),
        "hello/x.ts:2 imports \"zod\", which no import map of the function has; add it there, or write npm:, jsr: or https: before it"
    );
    for fine in [
        "import fs from 'fs'; import 'path/posix'",
        "import type { Z } from 'zod'",
        "import type {} from './x.ts'",
        "const z = await import('zod')",
        "import 'npm:zod'",
    ] {
        assert_eq!(unresolved(fine), None, "{fine}");
    }
}

#[test]
fn an_import_that_is_put_together_when_it_runs_is_named() {
    let source = "\nconst { title } = await import(`../_shared/tenants/${name}/config.ts`); type T = 1;";
    let closure = hello(source, &[]).unwrap();
    let named: Vec<_> = closure.template_imports().collect();
    assert_eq!(named, ["hello/index.ts:2 imports ../_shared/tenants/…"]);
}

#[test]
fn what_is_kept_to_be_shown_of_such_imports_is_bounded_and_counted() {
    let plain = hello("export {};", &[]).unwrap();
    let long = format!("import(`./{}\n{}é${{name}}.ts`);", "a".repeat(100), "b".repeat(1 << 20));
    let closure = hello(&long, &[]).unwrap();
    let named: Vec<_> = closure.template_imports().collect();
    assert_eq!(
        named,
        [format!(
            "hello/index.ts:1 imports ./{}\\n{}…",
            "a".repeat(100),
            "b".repeat(97)
        )]
    );
    let grown = closure.overhead() - plain.overhead();
    assert!((200..1_000).contains(&grown), "{grown}");
    let many: Vec<_> = (0..5_000)
        .map(|number| format!("import(`./{number}${{name}}.ts`);\n"))
        .collect();
    let closure = hello(&many.concat(), &[]).unwrap();
    assert_eq!(closure.template_imports().count(), 1_000);
    assert!(closure.overhead() > plain.overhead() + 1_000 * 50);
}

//! An import map is found where the CLI finds it, and read as Deno reads it.

use ace_domain::bundle::{Closure, ClosureError, FunctionSource, TreePath};

use crate::support::{function, path, tree};

/// The files that `hello` reaches with `source`, its `deno.json` and `others`.
fn reached(source: &str, map: &str, others: &[&str]) -> Result<Vec<String>, ClosureError> {
    let empty = others.iter().map(|path| (*path, ""));
    let files: Vec<_> = [("hello/index.ts", source), ("hello/deno.json", map)]
        .into_iter()
        .chain(empty)
        .collect();
    let closure = Closure::compute(&tree(&files), &function("hello"))?;
    let code = |path: &&TreePath| !matches!(path.as_str(), "hello/index.ts" | "hello/deno.json");
    let local = closure.files().keys().filter(code).map(ToString::to_string);
    Ok(local.chain(closure.remote().iter().cloned()).collect())
}

#[test]
fn the_folder_s_own_map_is_found_in_the_order_of_the_cli() {
    let all = [
        ("hello/index.ts", ""),
        ("hello/deno.json", "{}"),
        ("hello/deno.jsonc", "{}"),
        ("hello/import_map.json", "{}"),
        ("deno.json", "{"),
    ];
    for (skipped, expected) in [
        (0, Some("hello/deno.json")),
        (1, Some("hello/deno.jsonc")),
        (2, Some("hello/import_map.json")),
        (3, None),
    ] {
        let files: Vec<_> = all
            .iter()
            .enumerate()
            .filter(|(at, _)| *at == 0 || *at > skipped)
            .map(|(_, file)| *file)
            .collect();
        let closure = Closure::compute(&tree(&files), &function("hello")).unwrap();
        assert_eq!(closure.import_map().map(TreePath::as_str), expected);
        assert_eq!(closure.files().len(), 1 + usize::from(expected.is_some()));
    }
}

#[test]
fn a_named_map_is_the_only_one_and_resolves_from_its_own_folder() {
    let files = tree(&[
        ("hello/index.ts", "import 'x'; import 'dir/y.ts'"),
        ("hello/deno.json", "{"),
        (
            "maps/map.json",
            r#"{"imports": {"x": "../_shared/x.ts", "dir/": "./dir/"}}"#,
        ),
        ("_shared/x.ts", ""),
        ("maps/dir/y.ts", ""),
    ]);
    let source = FunctionSource {
        import_map: Some("./maps/map.json"),
        ..function("hello")
    };
    let closure = Closure::compute(&files, &source).unwrap();
    let paths: Vec<_> = closure.files().keys().map(TreePath::as_str).collect();
    assert_eq!(
        paths,
        ["_shared/x.ts", "hello/index.ts", "maps/dir/y.ts", "maps/map.json"]
    );
    let missing = FunctionSource {
        import_map: Some("maps/none.json"),
        ..function("hello")
    };
    let expected = ClosureError::ImportMapMissing {
        path: "maps/none.json".to_owned(),
        by: None,
    };
    assert_eq!(Closure::compute(&files, &missing).unwrap_err(), expected);
}

#[test]
fn the_exact_entry_wins_then_the_longest_prefix() {
    let map = r#"{"imports": {"a": "npm:a@1", "a/": "./a/", "a/b/": "./deep/", "a/b/c.ts": "./exact.ts", "./old.ts": "./new.ts", "https://esm.sh/": "./vendor/", "../": "./up/"}}"#;
    let files = [
        "hello/a/x.ts",
        "hello/deep/x.ts",
        "hello/exact.ts",
        "hello/new.ts",
        "hello/vendor/zod",
        "hello/up/x.ts",
    ];
    let cases = [
        ("a", "npm:a@1"),
        ("a/x.ts", "hello/a/x.ts"),
        ("a/b/x.ts", "hello/deep/x.ts"),
        ("a/b/c.ts", "hello/exact.ts"),
        ("./old.ts", "hello/new.ts"),
        ("../hello/old.ts", "hello/new.ts"),
        ("https://esm.sh/zod", "hello/vendor/zod"),
        ("ab", "ab"),
        ("../x.ts", "hello/up/x.ts"),
    ];
    // `../` is the tree's root here, and so a prefix of every file: entries for it come last.
    for (specifier, expected) in cases {
        assert_eq!(
            reached(&format!("import '{specifier}'"), map, &files).unwrap(),
            [expected],
            "{specifier}"
        );
    }
}

#[test]
fn a_scope_holds_for_the_importers_below_it_and_falls_back_to_the_imports() {
    let map = r#"{"imports": {"x": "npm:x@1", "y": "npm:y@1"}, "scopes": {"../_shared/": {"x": "npm:x@2"}, "../_shared/deep/": {"x": "npm:x@3"}, "./one.ts": {"y": "npm:y@9"}}}"#;
    let files = tree(&[
        (
            "hello/index.ts",
            "import 'x'; import './one.ts'; import '../_shared/a.ts';",
        ),
        ("hello/deno.json", map),
        ("hello/one.ts", "import 'y'"),
        ("_shared/a.ts", "import 'x'; import 'y'; import './deep/b.ts'"),
        ("_shared/deep/b.ts", "import 'x'"),
    ]);
    let closure = Closure::compute(&files, &function("hello")).unwrap();
    let remote: Vec<_> = closure.remote().iter().map(String::as_str).collect();
    assert_eq!(remote, ["npm:x@1", "npm:x@2", "npm:x@3", "npm:y@1", "npm:y@9"]);
}

#[test]
fn a_deno_json_without_imports_may_refer_to_a_map_that_joins_the_closure() {
    let with = |name: &str, config: &str| {
        let files = tree(&[
            ("hello/index.ts", "import 'x'"),
            (name, config),
            ("_shared/map.json", r#"{"imports": {"x": "./x.ts"}}"#),
            ("_shared/x.ts", ""),
        ]);
        let closure = Closure::compute(&files, &function("hello"))?;
        Ok::<_, ClosureError>(closure.files().keys().map(ToString::to_string).collect::<Vec<_>>())
    };
    for reference in ["../_shared/map.json", "./../_shared/map.json"] {
        let found = with("hello/deno.jsonc", &format!("{{\"importMap\": \"{reference}\"}}")).unwrap();
        assert_eq!(
            found,
            ["_shared/map.json", "_shared/x.ts", "hello/deno.jsonc", "hello/index.ts"]
        );
    }
    // As in Deno and the CLI, imports of its own switch the reference off, and only a deno.json has one.
    let own = with(
        "hello/deno.json",
        r#"{"imports": {"y": "npm:y"}, "importMap": "../_shared/map.json"}"#,
    )
    .unwrap();
    assert_eq!(own, ["hello/deno.json", "hello/index.ts"]);
    let plain = with("hello/import_map.json", r#"{"importMap": "../_shared/map.json"}"#).unwrap();
    assert_eq!(plain, ["hello/import_map.json", "hello/index.ts"]);
    for reference in [
        "./none.json",
        "https://example.com/map.json",
        "../../map.json",
        "/_shared/map.json",
    ] {
        let error = with("hello/deno.json", &format!("{{\"importMap\": \"{reference}\"}}")).unwrap_err();
        assert_eq!(
            error,
            ClosureError::ImportMapMissing {
                path: reference.to_owned(),
                by: Some(path("hello/deno.json"))
            }
        );
    }
    let itself = with("hello/deno.json", r#"{"importMap": "./deno.json"}"#).unwrap_err();
    assert!(matches!(itself, ClosureError::ImportMap { .. }), "{itself}");
}

#[test]
fn comments_trailing_commas_and_line_ends_of_windows_are_deno_s_dialect() {
    let map = "{ // why\r\n \"imports\": { \"x\": /* here */ \"./x.ts\", },\r\n}\r\n";
    assert_eq!(reached("import 'x'", map, &["hello/x.ts"]).unwrap(), ["hello/x.ts"]);
}

/// As Deno 2.9.6 does. A map whose path it is told may have one.
#[test]
fn a_byte_order_mark_is_refused_where_deno_refuses_it() {
    const MAP: &str = "\u{feff}{\"imports\": {\"x\": \"./x.ts\"}}";
    let with = |name: &str, others: &[(&str, &str)]| {
        let code = [("hello/index.ts", "import 'x'"), ("hello/x.ts", "")];
        Closure::compute(
            &tree(&[&code, others].concat()),
            &FunctionSource {
                import_map: Some(name),
                ..function("hello")
            },
        )
    };
    let refused = |path: &str| {
        format!(
            "the import map {path} can't be read: it begins with a byte order mark, which Deno does not read; save it as UTF-8 without one"
        )
    };
    for name in ["hello/deno.json", "hello/deno.jsonc"] {
        let error = with(name, &[(name, MAP)]).unwrap_err();
        assert_eq!(error.to_string(), refused(name));
    }
    let refers = r#"{"importMap": "./map.json"}"#;
    let error = with(
        "hello/deno.json",
        &[("hello/deno.json", refers), ("hello/map.json", MAP)],
    )
    .unwrap_err();
    assert_eq!(error.to_string(), refused("hello/map.json"));
    assert!(with("hello/import_map.json", &[("hello/import_map.json", MAP)]).is_ok());
}

#[test]
fn a_map_that_cannot_be_read_is_named_with_what_is_wrong() {
    for (map, problem) in [
        ("{", "Unterminated object"),
        ("[]", "it is not an object"),
        ("", "it is not an object"),
        (r#"{"imports": []}"#, "`imports` is not an object"),
        (r#"{"scopes": {"./": 1}}"#, "the scope \"./\" is not an object"),
        ("{'imports': {}}", "Single-quoted strings"),
    ] {
        let error = reached("", map, &[]).unwrap_err();
        assert_eq!(error.reason(), "ImportMapInvalid");
        let text = error.to_string();
        assert!(
            text.starts_with("the import map hello/deno.json can't be read: ") && text.contains(problem),
            "{map}: {text}"
        );
    }
}

#[test]
fn an_entry_that_leads_nowhere_is_refused_only_when_it_is_used() {
    let map = r#"{"imports": {"a": null, "b": "b/mod.ts", "c": 1, "d/": "./d", "e": "./e.ts", "up/": "../../up/", "dir/": "./dir/"}}"#;
    assert_eq!(reached("import 'z'", map, &[]).unwrap(), ["z"]);
    for specifier in ["a", "b", "c", "d/x.ts"] {
        let expected = ClosureError::ImportBlocked {
            from: path("hello/index.ts"),
            line: 1,
            specifier: specifier.to_owned(),
        };
        assert_eq!(
            reached(&format!("import '{specifier}'"), map, &[]).unwrap_err(),
            expected
        );
    }
    for specifier in ["up/x.ts", "dir/../../x.ts", "dir/../x.ts"] {
        let error = reached(&format!("import '{specifier}'"), map, &["hello/x.ts"]).unwrap_err();
        assert!(
            matches!(error, ClosureError::ImportOutside { .. }),
            "{specifier}: {error}"
        );
    }
    let missing = reached("import 'e'", map, &[]).unwrap_err();
    assert!(
        matches!(&missing, ClosureError::ImportMissing { resolved, .. } if resolved == "hello/e.ts"),
        "{missing}"
    );
}

#[test]
fn the_longest_prefix_wins_among_keys_that_lie_between_it_and_what_is_wanted() {
    let map = r#"{"imports": {"a/": "https:outer/", "a/b/": "https:inner/", "a/b/c": "https://no", "a/b/c/d/": "https:nor/", "a/b!": "https://neither"}}"#;
    for (specifier, expected) in [
        ("a/b/c/e", "https:inner/c/e"),
        ("a/b/cc", "https:inner/cc"),
        ("a/b/z", "https:inner/z"),
        ("a/c", "https:outer/c"),
        ("a/b", "https:outer/b"),
        ("b", "b"),
    ] {
        let found = reached(&format!("import '{specifier}'"), map, &[]).unwrap();
        assert_eq!(found, [expected], "{specifier}");
    }
}

#[test]
fn a_map_beyond_what_any_project_has_is_refused() {
    let entries = |many: usize| {
        let entries: Vec<_> = (0..many).map(|at| format!("\"p{at}\": \"npm:p\"")).collect();
        format!("{{\"imports\": {{{}}}}}", entries.join(","))
    };
    assert!(reached("import 'p7'", &entries(10_000), &[]).is_ok());
    for (map, problem) in [
        (entries(10_001), "it has 10001 entries, more than 10000"),
        (" ".repeat((1 << 20) + 1), "it has 1048577 bytes, more than 1048576"),
    ] {
        let text = reached("", &map, &[]).unwrap_err().to_string();
        assert!(text.ends_with(problem), "{text}");
    }
}

/// The configuration that `supabase functions new` of the CLI 3.1.0 writes, and the first import of its entrypoint.
#[test]
fn a_package_in_a_deno_json_stands_for_what_is_below_it() {
    let map = r#"{"imports": {"@supabase/functions-js": "jsr:@supabase/functions-js@^2", "zod": "npm:zod@4/v4",
        "own": "npm:own@1", "own/": "./own/", "far": "https://example.com/far.ts"}, "scopes": {"./lib/": {"zod": "npm:zod@3"}}}"#;
    let unresolved = |source: &str, path: &str, map: &str| {
        let files = [("hello/index.ts", source), (path, map), ("hello/own/x.ts", "")];
        let source = FunctionSource {
            import_map: Some(path),
            ..function("hello")
        };
        let closure = Closure::compute(&tree(&files), &source).unwrap();
        (closure.unresolved().is_some(), closure.remote().first().cloned())
    };
    for (specifier, expected) in [
        (
            "@supabase/functions-js/edge-runtime.d.ts",
            "jsr:/@supabase/functions-js@^2/edge-runtime.d.ts",
        ),
        ("@supabase/functions-js", "jsr:@supabase/functions-js@^2"),
        ("zod/mini", "npm:/zod@4/v4/mini"),
    ] {
        let source = format!("import '{specifier}'");
        for name in ["hello/deno.json", "hello/deno.jsonc"] {
            let found = unresolved(&source, name, map);
            assert_eq!(found, (false, Some(expected.to_owned())), "{specifier}");
        }
    }
    assert_eq!(unresolved("import 'own/x.ts'", "hello/deno.json", map), (false, None));
    for specifier in ["far/x", "zodiac/x"] {
        assert!(
            unresolved(&format!("import '{specifier}'"), "hello/deno.json", map).0,
            "{specifier}"
        );
    }
    // Deno expands its own configuration only.
    assert!(unresolved("import 'zod/mini'", "hello/map.json", map).0);
}

/// The platform resolves by the one map that it is told.
#[test]
fn neither_a_workspace_nor_sloppy_imports_make_an_import_resolve() {
    let files = [
        ("hello/index.ts", "import '@app/lib';"),
        ("hello/deno.json", r#"{ "workspace": ["../lib"], "imports": {} }"#),
        ("lib/deno.json", r#"{ "name": "@app/lib", "exports": "./mod.ts" }"#),
        ("lib/mod.ts", ""),
    ];
    let closure = Closure::compute(&tree(&files), &function("hello")).unwrap();
    assert!(
        closure
            .unresolved()
            .unwrap()
            .to_string()
            .starts_with("hello/index.ts:1 imports \"@app/lib\""),
        "{:?}",
        closure.unresolved()
    );
    let sloppy = r#"{ "unstable": ["sloppy-imports"] }"#;
    let error = reached("import './x';", sloppy, &["hello/x.ts"]).unwrap_err();
    assert!(error.to_string().contains("hello/x.ts is, and extensions"), "{error}");
}

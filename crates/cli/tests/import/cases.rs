//! What people have reported of the CLI and other tools, as this import answers it. What is expected was seen with the CLI 3.1.0.

use super::{directory, import, run};

const CONFIG: &str = "supabase/config.toml";

/// The report has a line that begins so and has these words.
fn says(report: &[String], begins: &str, words: &[&str]) -> bool {
    let has = |line: &String| line.starts_with(begins) && words.iter().all(|word| line.contains(word));
    report.iter().any(has)
}

#[test]
fn a_slug_with_capitals_keeps_its_rule_and_keys_that_nobody_knows_are_named() {
    let config = "[functions.sendEmail]\nverify_jwt = false\n[functions.sendEmail.env]\nKEY = \"1\"\n[functions.plain]\nverfy_jwt = false\n";
    let directory = directory(
        "case-capitals",
        &[
            (CONFIG, config),
            ("supabase/functions/sendEmail/index.ts", ""),
            ("supabase/functions/plain/index.ts", ""),
        ],
    );
    let (functions, report) = import(&directory, &[]);
    let rules: Vec<_> = functions
        .iter()
        .map(|function| (function.slug(), function.spec.verify_jwt))
        .collect();
    assert_eq!(rules, [("plain".to_owned(), true), ("sendEmail".to_owned(), false)]);
    let unknown = "the configuration has keys without a field in the resource";
    assert!(says(&report, "sendEmail: ", &[unknown, "env"]), "{report:?}");
    assert!(says(&report, "plain: ", &[unknown, "verfy_jwt"]), "{report:?}");
}

#[test]
fn variables_of_other_tables_stop_nothing() {
    let config = "project_id = \"env(PROJECT)\"\n[auth.sms.twilio]\nauth_token = \"env(TWILIO)\"\n[functions.hook]\nverify_jwt = false\n";
    let directory = directory(
        "case-variables",
        &[(CONFIG, config), ("supabase/functions/hook/index.ts", "")],
    );
    let (functions, report) = import(&directory, &["--project", "abcdefghijklmnopqrst"]);
    assert!(!functions[0].spec.verify_jwt);
    assert!(
        !says(&report, "", &["TWILIO"]) && !says(&report, "hook", &[]),
        "{report:?}"
    );
}

#[test]
fn a_table_that_is_written_twice_is_refused_with_its_name_and_line() {
    let config = "[functions.a]\nverify_jwt = false\n[functions.a]\nverify_jwt = true\n";
    let directory = directory("case-twice", &[(CONFIG, config), ("supabase/functions/a/index.ts", "")]);
    let output = run(&directory, &[]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(
        message.contains("line 3") && message.contains("duplicate key"),
        "{message}"
    );
}

#[test]
fn a_byte_order_mark_and_line_ends_of_windows_change_no_rule() {
    for (format, config) in [
        (CONFIG, "\u{feff}[functions.hook]\r\nverify_jwt = false\r\n"),
        (
            "supabase/config.json",
            "\u{feff}{\r\n\"functions\": { \"hook\": { \"verify_jwt\": false } }\r\n}\r\n",
        ),
    ] {
        let directory = directory(
            "case-windows",
            &[
                (format, config),
                ("supabase/functions/hook/index.ts", "\u{feff}import './x.ts';\r\n"),
                ("supabase/functions/hook/x.ts", "Deno.env.get('KEY');\r\n"),
            ],
        );
        let (functions, _) = import(&directory, &[]);
        assert!(!functions[0].spec.verify_jwt, "{format}");
        assert!(functions[0].spec.requires.is_some(), "{format}");
    }
}

#[test]
fn two_functions_of_one_entrypoint_keep_each_its_own_rule_and_import_map() {
    let entrypoint = "entrypoint = \"./functions/_both/index.ts\"\n";
    let config = format!(
        "[functions.open]\n{entrypoint}verify_jwt = false\nimport_map = \"./functions/_both/map.json\"\n[functions.shut]\n{entrypoint}"
    );
    let directory = directory(
        "case-both",
        &[
            (CONFIG, &config),
            ("supabase/functions/_both/index.ts", ""),
            ("supabase/functions/_both/map.json", "{}"),
        ],
    );
    let (functions, _) = import(&directory, &[]);
    let seen: Vec<_> = functions
        .iter()
        .map(|function| {
            let spec = &function.spec;
            (
                function.slug(),
                spec.entrypoint.as_deref(),
                spec.verify_jwt,
                spec.import_map.as_deref(),
            )
        })
        .collect();
    let index = Some("_both/index.ts");
    assert_eq!(
        seen,
        [
            ("open".to_owned(), index, false, Some("_both/map.json")),
            ("shut".to_owned(), index, true, None)
        ]
    );
}

#[test]
fn dotted_keys_and_inline_tables_are_settings_and_other_blocks_are_none() {
    let config = "[edge_runtime]\nenabled = true\npolicy = \"oneshot\"\n[functions]\nhook = { verify_jwt = false }\nplain.verify_jwt = false\n";
    let directory = directory(
        "case-dotted",
        &[
            (CONFIG, config),
            ("supabase/functions/hook/index.ts", ""),
            ("supabase/functions/plain/index.ts", ""),
        ],
    );
    let (functions, report) = import(&directory, &[]);
    assert_eq!(functions.len(), 2, "{report:?}");
    assert!(functions.iter().all(|function| !function.spec.verify_jwt));
    assert!(!says(&report, "", &["edge_runtime"]), "{report:?}");
}

#[test]
fn folders_whose_names_are_no_slugs_are_named() {
    let (longest, too_long) = ("l".repeat(64), "l".repeat(70));
    let path = |name: &str| format!("functions/{name}/index.ts");
    let folders = ["a.b", "-x", "a b", &longest, &too_long, "fine-1_B"].map(path);
    let files: Vec<_> = folders.iter().map(|path| (path.as_str(), "")).collect();
    let (functions, report) = import(&directory("case-slugs", &files), &[]);
    let slugs: Vec<_> = functions.iter().map(ace_api::EdgeFunction::slug).collect();
    assert_eq!(slugs, ["fine-1_B".to_owned(), longest]);
    let named = ["not a valid slug, left out: ", "-x", "a b", "a.b", &too_long];
    assert!(says(&report, "4 folders in functions/", &named), "{report:?}");
}

#[test]
fn an_entrypoint_may_be_tsx_and_a_folder_with_another_index_is_no_function() {
    let config = "[functions.page]\nentrypoint = \"./functions/page/index.tsx\"\n";
    let directory = directory(
        "case-index",
        &[
            (CONFIG, config),
            ("supabase/functions/page/index.tsx", "export default <p>1</p>;"),
            ("supabase/functions/plain/index.js", ""),
            ("supabase/functions/module/index.mjs", ""),
        ],
    );
    let (functions, report) = import(&directory, &[]);
    assert_eq!(functions.len(), 1, "{report:?}");
    assert_eq!(functions[0].spec.entrypoint.as_deref(), Some("page/index.tsx"));
    let named = ["without index.ts", "module, plain"];
    assert!(says(&report, "2 folders in functions/", &named), "{report:?}");
}

#[test]
fn the_import_map_beside_an_entrypoint_is_taken_wherever_that_is() {
    let config = "[functions.resize]\nentrypoint = \"functions/public/resize/index.ts\"\n";
    let directory = directory(
        "case-beside",
        &[
            (CONFIG, config),
            ("supabase/functions/public/resize/index.ts", "import 'x';"),
            (
                "supabase/functions/public/resize/deno.json",
                r#"{ "imports": { "x": "./x.ts" } }"#,
            ),
            ("supabase/functions/public/resize/x.ts", "Deno.env.get('OF_X');"),
        ],
    );
    let (functions, report) = import(&directory, &[]);
    let spec = &functions[0].spec;
    assert_eq!(spec.entrypoint.as_deref(), Some("public/resize/index.ts"));
    assert!(spec.requires.is_some() && !says(&report, "resize", &[]), "{report:?}");
}

#[cfg(unix)]
#[test]
fn folders_behind_links_are_named_and_so_is_what_imports_from_them() {
    use std::os::unix::fs::symlink;

    let directory = directory(
        "case-links",
        &[
            (CONFIG, "[functions.linked]\nverify_jwt = false\n"),
            ("supabase/functions/hello/index.ts", "import '../_shared/x.ts';"),
            ("shared/x.ts", ""),
            ("elsewhere/index.ts", ""),
        ],
    );
    symlink("../../shared", directory.join("supabase/functions/_shared")).unwrap();
    symlink("../../elsewhere", directory.join("supabase/functions/linked")).unwrap();
    let (functions, report) = import(&directory, &[]);
    assert_eq!(functions.len(), 1, "{report:?}");
    let links = "2 files in functions/ that a source can't have (links, invalid names), left out: ";
    assert!(says(&report, links, &["_shared", "linked"]), "{report:?}");
    let entry = "1 entry in the configuration without a function, left out: linked";
    assert!(says(&report, entry, &[]), "{report:?}");
    assert!(says(&report, "hello: ", &["\"../_shared/x.ts\""]), "{report:?}");
}

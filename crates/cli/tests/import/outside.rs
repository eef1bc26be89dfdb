//! Projects whose code reaches out of `functions/`, and folders that only look like a project.

use std::path::Path;

use ace_api::EdgeFunction;
use ace_domain::bundle::{FunctionSource, TreeIndex, TreePath};

use super::archive::packed;
use super::{directory, import, of_kind, printed, run};

/// The line of the report that packs, run in a shell: the function's content as the operator would read it.
fn packed_closures(test: &str, arguments: &[&str], directory: &Path) -> Vec<String> {
    let output = run(directory, arguments);
    let (documents, _) = printed(&output);
    let functions: Vec<EdgeFunction> = of_kind(&documents, "EdgeFunction");
    let index = TreeIndex::new(packed("tar", test, &output));
    let mut files: Vec<String> = Vec::new();
    for function in functions {
        let spec = &function.spec;
        let folder = spec
            .source
            .path
            .as_ref()
            .map(|path| TreePath::new(path.clone()).unwrap());
        let below = folder.map(|folder| index.below(&folder).unwrap());
        let source = FunctionSource {
            slug: &function.slug(),
            entrypoint: spec.entrypoint.as_deref(),
            import_map: spec.import_map.as_deref(),
            static_files: &spec.static_files,
        };
        let closure = below.as_ref().unwrap_or(&index).closure(&source).unwrap();
        files.extend(closure.files().keys().map(ToString::to_string));
    }
    files.sort();
    files.dedup();
    files
}

const CONFIG_MAP: [&str; 4] = ["--source-kind", "ConfigMap", "--source-name", "code"];

/// Case 11.
#[test]
fn code_beside_the_project_s_folder_makes_the_repository_s_root_the_root() {
    let directory = directory(
        "outside-root",
        &[
            (
                "supabase/functions/price/index.ts",
                "import '../../../src/money/gross.ts'; import type { A } from '../../types/db.ts';",
            ),
            ("src/money/gross.ts", "import './net.ts';"),
            ("src/money/net.ts", ""),
            ("src/app/unrelated.ts", ""),
            ("supabase/types/db.ts", ""),
        ],
    );
    let (functions, report) = import(&directory, &[]);
    let spec = &functions[0].spec;
    assert_eq!(spec.source.path, None);
    assert_eq!(spec.entrypoint.as_deref(), Some("supabase/functions/price/index.ts"));
    assert_eq!(
        report[0],
        "code reaches out of functions/, so paths begin at the project's root, where the functions are in supabase/functions"
    );
    assert_eq!(
        report.last().unwrap(),
        "1 functions printed; 4 files, 0 of which no function needs"
    );
    let expected = [
        "src/money/gross.ts",
        "src/money/net.ts",
        "supabase/functions/price/index.ts",
        "supabase/types/db.ts",
    ];
    assert_eq!(packed_closures("outside-root", &CONFIG_MAP, &directory), expected);
}

/// D2 and case 12.
#[test]
fn the_lowest_folder_that_has_all_code_is_the_root_and_every_path_is_seen_from_it() {
    let directory = directory(
        "outside-supabase",
        &[
            (
                "supabase/config.toml",
                "[functions.mail]\nverify_jwt = false\nimport_map = \"./import_map.json\"\nstatic_files = [\"./assets/*.html\", \
                 \"./functions/mail/*.txt\"]\n[functions.far]\nverify_jwt = true\nentrypoint = \"./far/main.ts\"\n",
            ),
            (
                "supabase/import_map.json",
                "{\"imports\": {\"shared/\": \"./shared/\"}}",
            ),
            ("supabase/shared/a.ts", ""),
            ("supabase/assets/mail.html", ""),
            ("supabase/far/main.ts", ""),
            ("supabase/functions/mail/index.ts", "import 'shared/a.ts';"),
            ("supabase/functions/mail/note.txt", ""),
            ("supabase/functions/plain/index.ts", ""),
            ("supabase/migrations/1_a.sql", "SELECT 1;"),
        ],
    );
    let (functions, _) = import(&directory, &["--source-path", "app/supabase/functions"]);
    let seen: Vec<_> = functions
        .iter()
        .map(|one| {
            (
                one.slug(),
                one.spec.source.path.as_deref(),
                one.spec.entrypoint.as_deref(),
            )
        })
        .collect();
    let expected = [
        ("far", "far/main.ts"),
        ("mail", "functions/mail/index.ts"),
        ("plain", "functions/plain/index.ts"),
    ];
    let expected = expected.map(|(slug, entrypoint)| (slug.to_owned(), Some("app/supabase"), Some(entrypoint)));
    assert_eq!(seen, expected);
    let mail = &functions[1].spec;
    assert_eq!(mail.import_map.as_deref(), Some("import_map.json"));
    assert_eq!(mail.static_files, ["assets/*.html", "functions/mail/*.txt"]);

    let (documents, report) = printed(&run(&directory, &CONFIG_MAP));
    let sets: Vec<ace_api::MigrationSet> = of_kind(&documents, "MigrationSet");
    assert_eq!(sets[0].spec.source.path.as_deref(), Some("migrations"));
    assert!(
        !report.iter().any(|line| line.contains("one folder of the source")),
        "{report:?}"
    );
    let expected = [
        "assets/mail.html",
        "far/main.ts",
        "functions/mail/index.ts",
        "functions/mail/note.txt",
        "functions/plain/index.ts",
        "import_map.json",
        "shared/a.ts",
    ];
    assert_eq!(packed_closures("outside-supabase", &CONFIG_MAP, &directory), expected);
}

/// Case 14 with the map one folder higher.
#[test]
fn the_import_map_that_a_deno_json_refers_to_may_be_outside() {
    let directory = directory(
        "outside-map",
        &[
            ("supabase/functions/a/index.ts", "import 'b';"),
            (
                "supabase/functions/a/deno.json",
                "{\"importMap\": \"../../maps/all.json\"}",
            ),
            ("supabase/maps/all.json", "{\"imports\": {\"b\": \"../lib/b.ts\"}}"),
            ("supabase/lib/b.ts", ""),
        ],
    );
    let (functions, report) = import(&directory, &[]);
    assert_eq!(functions[0].spec.source.path.as_deref(), Some("supabase"));
    assert_eq!(
        report.last().unwrap(),
        "1 functions printed; 4 files, 0 of which no function needs"
    );
}

#[test]
fn the_shared_import_map_may_lead_out_of_the_functions() {
    let directory = directory(
        "outside-fallback",
        &[
            ("supabase/functions/a/index.ts", "import 'shared/b.ts';"),
            ("supabase/functions/b/index.ts", "import './own.ts';"),
            ("supabase/functions/b/own.ts", ""),
            ("supabase/functions/b/deno.json", "{}"),
            (
                "supabase/functions/import_map.json",
                "{\"imports\": {\"shared/\": \"../shared/\"}}",
            ),
            ("supabase/shared/b.ts", ""),
        ],
    );
    let (functions, report) = import(&directory, &[]);
    let seen = functions.iter().map(|one| one.spec.import_map.as_deref());
    assert_eq!(seen.collect::<Vec<_>>(), [Some("functions/import_map.json"), None]);
    assert_eq!(functions[0].spec.source.path.as_deref(), Some("supabase"));
    assert_eq!(
        report.last().unwrap(),
        "2 functions printed; 6 files, 0 of which no function needs"
    );
}

#[test]
fn static_files_at_the_root_of_the_project_are_found() {
    let config = "[functions.a]\nverify_jwt = true\nstatic_files = [\"../*.html\"]\n[functions.off]\nenabled = false\n\
                  static_files = [\"../docs/*.md\"]\n";
    let directory = directory(
        "outside-statics",
        &[
            ("supabase/config.toml", config),
            ("supabase/functions/a/index.ts", ""),
            ("page.html", ""),
            ("web/other.html", ""),
            ("docs/a.md", ""),
        ],
    );
    let (functions, report) = import(&directory, &[]);
    assert_eq!(functions[0].spec.static_files, ["*.html"]);
    assert_eq!(
        report.last().unwrap(),
        "1 functions printed; 2 files, 0 of which no function needs"
    );
    let expected = ["page.html", "supabase/functions/a/index.ts"];
    assert_eq!(packed_closures("outside-statics", &CONFIG_MAP, &directory), expected);
}

#[test]
fn a_function_that_can_t_be_followed_is_printed_with_what_is_beside_its_folder() {
    let config = "[functions.a]\nverify_jwt = true\nimport_map = \"../maps/a.json\"\nstatic_files = [\"./assets/*.html\"]\n\
                  entrypoint = \"./far/a.ts\"\n";
    let directory = directory(
        "outside-broken",
        &[
            ("supabase/config.toml", config),
            ("supabase/functions/_shared/b.ts", ""),
            ("supabase/far/a.ts", "import './none.ts';"),
            ("supabase/assets/a.html", ""),
            ("maps/a.json", "{}"),
        ],
    );
    let (functions, report) = import(&directory, &[]);
    let spec = &functions[0].spec;
    let seen = (spec.entrypoint.as_deref(), spec.import_map.as_deref());
    assert_eq!(seen, (Some("supabase/far/a.ts"), Some("maps/a.json")));
    assert_eq!(spec.static_files, ["supabase/assets/*.html"]);
    let missing = "a: supabase/far/a.ts:1 imports \"./none.ts\", and supabase/far/none.ts is not in the source";
    assert!(report.contains(&missing.to_owned()), "{report:?}");
}

#[test]
fn a_source_path_that_can_t_be_right_is_said() {
    let directory = directory(
        "outside-path",
        &[
            ("supabase/functions/a/index.ts", "import '../../lib.ts';"),
            ("supabase/lib.ts", ""),
        ],
    );
    let (functions, report) = import(&directory, &["--source-path", "edge"]);
    assert_eq!(functions[0].spec.source.path, None);
    let expected = "--source-path edge does not end in functions, which the code needs, so the root of the source is taken; write the path \
                    of functions in the source";
    assert_eq!(report[0], expected);
}

#[test]
fn what_is_outside_the_project_is_not_read() {
    let directory = directory(
        "outside-all",
        &[
            ("app/supabase/functions/a/index.ts", "import '../../../../lib.ts';"),
            (
                "app/supabase/functions/b/index.ts",
                "import '../../../node_modules/x/index.ts';",
            ),
            ("app/node_modules/x/index.ts", ""),
            ("lib.ts", ""),
        ],
    );
    let (functions, report) = import(&directory.join("app"), &[]);
    assert_eq!(functions.len(), 2);
    assert_eq!(
        report.last().unwrap(),
        "2 functions printed; 2 files, 2 functions can't be followed, so it is not known which of them are needed"
    );
}

/// Cases 53 and 54.
#[test]
fn supabase_is_the_project_and_not_a_folder_that_only_looks_like_it() {
    let others = [
        ("functions/api/index.ts", ""),
        ("migrations/20240101_init/migration.sql", "SELECT 1;"),
    ];
    let own = [
        ("supabase/config.toml", "[functions.hook]\nverify_jwt = false\n"),
        ("supabase/functions/hook/index.ts", ""),
    ];
    for (test, own) in [("other-folders", &own[..]), ("other-folders-only", &own[1..])] {
        let directory = directory(test, &[&others[..], own].concat());
        let (functions, _) = import(&directory, &[]);
        assert_eq!(functions.iter().map(EdgeFunction::slug).collect::<Vec<_>>(), ["hook"]);
        let (documents, _) = printed(&run(&directory, &[]));
        assert!(documents.iter().all(|document| document["kind"] != "MigrationSet"));
        // The folder itself is the same project.
        let (inner, _) = import(&directory.join("supabase"), &[]);
        assert_eq!(inner, functions);
    }
}

/// Case 38.
#[test]
fn a_folder_of_node_modules_is_not_read_at_all() {
    let directory = directory(
        "node-modules",
        &[
            ("functions/a/index.ts", ""),
            ("functions/a/node_modules/x/index.ts", ""),
            ("functions/node_modules/index.ts", ""),
            ("functions/.git/index", ""),
        ],
    );
    let (functions, report) = import(&directory, &[]);
    assert_eq!(functions.len(), 1);
    assert_eq!(
        report.last().unwrap(),
        "1 functions printed; 1 files, 0 of which no function needs"
    );
}

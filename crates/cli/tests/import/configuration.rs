//! A configuration is read as Supabase's CLI 3.1.0 reads it: what is expected here was measured with recorded deploys of it.

use super::{directory, import, import_with, of_kind, printed, run, run_with};
use std::fs;
use std::path::Path;

use ace_api::{EdgeFunction, Platform};

const FUNCTIONS: [(&str, &str); 2] = [
    ("supabase/functions/hook/index.ts", ""),
    ("supabase/functions/plain/index.ts", ""),
];

/// Files with their content, or variables with their values.
type Pairs<'p> = &'p [(&'p str, &'p str)];

/// The rule of each function that is printed, and the report.
fn rules(
    test: &str,
    files: &[(&str, &str)],
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (Vec<(String, bool)>, Vec<String>) {
    let directory = directory(test, &[&FUNCTIONS, files].concat());
    let (functions, report) = import_with(&directory, arguments, variables);
    let rules = functions
        .iter()
        .map(|function| (function.slug(), function.spec.verify_jwt));
    (rules.collect(), report)
}

fn open(hook: bool) -> Vec<(String, bool)> {
    vec![("hook".to_owned(), hook), ("plain".to_owned(), true)]
}

const VARIABLE: &str = "[functions.hook]\nverify_jwt = \"env(HOOK)\"\n[functions.plain]\nverify_jwt = true\n";

/// Cases 01 and 51 of the public reports.
#[test]
fn a_rule_from_a_variable_is_that_of_the_environment_before_that_of_the_env_files() {
    let env = "supabase/.env";
    let cases: [(Pairs, Pairs, bool); 8] = [
        (&[(env, "HOOK=false\n")], &[], false),
        (&[(".env", "HOOK=false\n")], &[], false),
        (
            &[(env, "HOOK=true\n"), ("supabase/.env.local", "HOOK=false\n")],
            &[],
            false,
        ),
        (
            &[(env, "HOOK=true\n"), ("supabase/.env.development", "HOOK=false\n")],
            &[],
            false,
        ),
        (&[(env, "HOOK=false\n"), (".env.local", "HOOK=true\n")], &[], false),
        (
            &[(env, "HOOK=false\n"), ("supabase/.env.production", "HOOK=true\n")],
            &[("SUPABASE_ENV", "production")],
            true,
        ),
        (&[(env, "HOOK=false\n")], &[("HOOK", "true")], true),
        (&[], &[("HOOK", "0")], false),
    ];
    for (number, (files, variables, expected)) in cases.into_iter().enumerate() {
        let files = [&[("supabase/config.toml", VARIABLE)], files].concat();
        let (seen, report) = rules(&format!("variables-{number}"), &files, &[], variables);
        assert_eq!(seen, open(expected), "{files:?} {variables:?}");
        assert!(!report.iter().any(|line| line.contains("HOOK")), "{report:?}");
    }
}

#[test]
fn a_function_whose_rule_can_t_be_known_is_left_out_and_named_and_the_others_are_printed() {
    let text = |value: &str| format!("[functions.hook]\nverify_jwt = {value}\n[functions.plain]\nverify_jwt = true\n");
    let unset = "hook, left out: its verify_jwt is env(HOOK), and HOOK is set neither in the environment nor in a .env file; set it for \
                 this command";
    let kind = "hook, left out: its verify_jwt in the configuration must be true or false";
    let value =
        "hook, left out: its verify_jwt is env(HOOK), and the value of HOOK is not true or false; change the value";
    let line = "hook, left out: its verify_jwt is env(HOOK), and line 2 of supabase/.env, which may set it, can't be read; correct the \
                line";
    let cases: [(&str, Pairs, Pairs, &str); 8] = [
        ("\"env(HOOK)\"", &[], &[], unset),
        (
            "\"env(HOOK)\"",
            &[("supabase/functions/.env", "HOOK=false\n")],
            &[],
            unset,
        ),
        // The process has it, and empty: the files are not asked.
        (
            "\"env(HOOK)\"",
            &[("supabase/.env", "HOOK=false\n")],
            &[("HOOK", "")],
            unset,
        ),
        ("\"env(HOOK)\"", &[], &[("HOOK", "no")], value),
        (
            "\"env(HOOK)\"",
            &[("supabase/.env", "A=1\nnonsense\nHOOK=false\n")],
            &[],
            line,
        ),
        ("\"false\"", &[], &[], kind),
        ("0", &[], &[], kind),
        ("[]", &[], &[], kind),
    ];
    for (number, (rule, files, variables, expected)) in cases.into_iter().enumerate() {
        let config = text(rule);
        let files = [&[("supabase/config.toml", config.as_str())], files].concat();
        let (seen, report) = rules(&format!("unknown-{number}"), &files, &[], variables);
        assert_eq!(seen, [("plain".to_owned(), true)], "{rule}");
        assert!(report.contains(&expected.to_owned()), "{report:?}");
    }
}

#[test]
fn a_file_that_can_t_be_read_comes_before_one_that_can_and_decides_nothing() {
    type Make = fn(&Path);
    let cases: [(Make, &str); 2] = [
        (
            |file| fs::write(file, b"A=1\nB=\xff\nHOOK=true\n").unwrap(),
            "line 2 of supabase/.env.local, which may set it, can't be read; correct the line",
        ),
        (
            |file| fs::create_dir(file).unwrap(),
            "supabase/.env.local, which may set it, can't be read: is a directory; make it a file that you may read",
        ),
    ];
    for (number, (make, says)) in cases.into_iter().enumerate() {
        let files = [("supabase/config.toml", VARIABLE), ("supabase/.env", "HOOK=false\n")];
        let directory = directory(&format!("unreadable-{number}"), &[&FUNCTIONS[..], &files].concat());
        make(&directory.join("supabase/.env.local"));
        let (functions, report) = import(&directory, &[]);
        assert_eq!(functions.iter().map(EdgeFunction::slug).collect::<Vec<_>>(), ["plain"]);
        let expected = format!("hook, left out: its verify_jwt is env(HOOK), and {says}");
        assert!(report.contains(&expected), "{report:?}");
    }
}

#[test]
fn the_value_of_a_variable_is_never_printed() {
    let files = [&FUNCTIONS[..], &[("supabase/config.toml", VARIABLE)]].concat();
    let directory = directory("value", &files);
    let output = run_with(&directory, &[], &[("HOOK", "sbp_secret")]);
    let said = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8(said).unwrap().contains("sbp_secret"));
}

#[test]
fn a_function_that_a_variable_turns_off_is_not_printed_and_one_that_may_be_off_neither() {
    let config = "[functions.hook]\nverify_jwt = true\nenabled = \"env(HOOK)\"\n[functions.plain]\nverify_jwt = true\n";
    let files = [("supabase/config.toml", config)];
    let expected = [
        (
            &[("HOOK", "false")][..],
            "1 function not enabled in the configuration, left out: hook",
        ),
        (
            &[],
            "hook, left out: its enabled is env(HOOK), and HOOK is set neither in the environment nor in a .env file; set it for this \
             command",
        ),
    ];
    for (number, (variables, line)) in expected.into_iter().enumerate() {
        let (seen, report) = rules(&format!("enabled-{number}"), &files, &[], variables);
        assert_eq!(seen, [("plain".to_owned(), true)]);
        assert!(report.contains(&line.to_owned()), "{report:?}");
    }
    let (seen, _) = rules("enabled-on", &files, &[], &[("HOOK", "T")]);
    assert_eq!(seen, open(true));
}

/// Case 02.
#[test]
fn static_files_in_one_text_are_a_list_with_commas_also_from_a_variable() {
    let html = ("supabase/functions/hook/a.html", "");
    let text = ("supabase/functions/hook/b.txt", "");
    for (number, value) in [
        "\"./functions/hook/*.html,./functions/hook/b.txt\"",
        "\"env(FILES)\"",
        "[\"./functions/hook/*.html\", \"env(LAST)\"]",
    ]
    .into_iter()
    .enumerate()
    {
        let config = format!("[functions.hook]\nverify_jwt = true\nstatic_files = {value}\n");
        let files = [
            &FUNCTIONS[..1],
            &[("supabase/config.toml", config.as_str()), html, text],
        ]
        .concat();
        let directory = directory(&format!("statics-{number}"), &files);
        let variables = [
            ("FILES", "./functions/hook/*.html,./functions/hook/b.txt"),
            ("LAST", "functions/hook/b.txt"),
        ];
        let (functions, _) = import_with(&directory, &[], &variables);
        assert_eq!(functions[0].spec.static_files, ["hook/*.html", "hook/b.txt"], "{value}");
    }
}

/// Case 03.
#[test]
fn a_setting_for_all_functions_is_refused_in_words_of_the_configuration() {
    let files = [
        &FUNCTIONS[..],
        &[("supabase/config.toml", "[functions]\nverify_jwt = false\n")],
    ]
    .concat();
    let output = run(&directory("all-functions", &files), &[]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let expected = "functions.verify_jwt is not a function's: settings of a function belong below [functions.NAME], and none holds for all \
                    of them; move it there";
    assert!(message.trim_end().ends_with(expected), "{message}");
}

const REMOTES: &str = "[functions.hook]\nverify_jwt = true\nstatic_files = [\"./functions/hook/a.html\"]\n[functions.nightly]\n\
                       verify_jwt = true\n[functions.plain]\nverify_jwt = true\n[remotes.production]\n\
                       project_id = \"aaaaaaaaaaaaaaaaaaaa\"\n[remotes.production.functions.hook]\nverify_jwt = false\n\
                       [remotes.production.functions.nightly]\nenabled = false\n[remotes.staging]\n\
                       project_id = \"env(STAGING)\"\n[remotes.staging.functions.hook]\nstatic_files = []\n";

fn with_remotes(test: &str, arguments: &[&str], variables: &[(&str, &str)]) -> (Vec<EdgeFunction>, Vec<String>) {
    let files = [
        ("supabase/config.toml", REMOTES),
        ("supabase/functions/nightly/index.ts", ""),
        ("supabase/functions/hook/a.html", ""),
    ];
    let directory = directory(test, &[&FUNCTIONS[..], &files].concat());
    import_with(&directory, arguments, variables)
}

/// Case 04.
#[test]
fn the_block_of_the_imported_project_is_applied_over_the_base_and_no_other() {
    let (functions, report) = with_remotes("remotes-own", &["--project", "aaaaaaaaaaaaaaaaaaaa"], &[]);
    let seen: Vec<_> = functions.iter().map(|one| (one.slug(), one.spec.verify_jwt)).collect();
    assert_eq!(seen, open(false));
    assert_eq!(functions[0].spec.static_files, ["hook/a.html"]);
    assert!(
        report.contains(&"[remotes.production] is for this project, and is applied".to_owned()),
        "{report:?}"
    );

    let (functions, report) = with_remotes("remotes-other", &["--project", "bbbbbbbbbbbbbbbbbbbb"], &[]);
    let seen: Vec<_> = functions.iter().map(|one| (one.slug(), one.spec.verify_jwt)).collect();
    let all = [("hook", true), ("nightly", true), ("plain", true)].map(|(slug, rule)| (slug.to_owned(), rule));
    assert_eq!(seen, all);
    assert!(!report.iter().any(|line| line.contains("remotes")), "{report:?}");

    // A variable by the block's name decides; `env(NAME)` in the block itself is taken literally, as by the CLI.
    let variable = [("SUPABASE_REMOTES_STAGING_PROJECT_ID", "bbbbbbbbbbbbbbbbbbbb")];
    let (functions, _) = with_remotes("remotes-variable", &["--project", "bbbbbbbbbbbbbbbbbbbb"], &variable);
    assert_eq!((functions.len(), functions[0].spec.static_files.len()), (3, 0));
    let literal = [("STAGING", "bbbbbbbbbbbbbbbbbbbb")];
    let (functions, _) = with_remotes("remotes-literal", &["--project", "bbbbbbbbbbbbbbbbbbbb"], &literal);
    assert_eq!(functions[0].spec.static_files.len(), 1);
}

#[test]
fn without_a_project_the_functions_that_a_block_changes_are_left_out_and_named() {
    let (functions, report) = with_remotes("remotes-unknown", &[], &[]);
    let seen: Vec<_> = functions.iter().map(EdgeFunction::slug).collect();
    assert_eq!(seen, ["plain"]);
    let expected = [
        "hook, left out: [remotes.production] and [remotes.staging] would change it for a project of its own; name yours with --project",
        "nightly, left out: [remotes.production] would change it for a project of its own; name yours with --project",
    ];
    for line in expected {
        assert!(report.contains(&line.to_owned()), "{report:?}");
    }
}

#[test]
fn two_blocks_for_one_project_are_refused() {
    let config =
        "[remotes.a]\nproject_id = \"aaaaaaaaaaaaaaaaaaaa\"\n[remotes.b]\nproject_id = \"aaaaaaaaaaaaaaaaaaaa\"\n";
    let files = [&FUNCTIONS[..], &[("supabase/config.toml", config)]].concat();
    let output = run(
        &directory("remotes-twice", &files),
        &["--project", "aaaaaaaaaaaaaaaaaaaa"],
    );
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expected = "[remotes.a] and [remotes.b] are both for project aaaaaaaaaaaaaaaaaaaa; keep one";
    assert!(message.trim_end().ends_with(expected), "{message}");
}

/// Case 06.
#[test]
fn a_configuration_in_json_comes_before_the_one_in_toml_and_two_of_them_are_refused() {
    let toml = ("supabase/config.toml", "[functions.hook]\nverify_jwt = true\n");
    let json = "{\"functions\": {/* open */ \"hook\": {\"verify_jwt\": false,}, \"plain\": {\"verify_jwt\": true}}}";
    for name in ["config.json", "config.jsonc"] {
        let path = format!("supabase/{name}");
        let (seen, report) = rules(name, &[toml, (path.as_str(), json)], &[], &[]);
        assert_eq!(seen, open(false));
        let ignored = format!(
            "config.toml is not read, because {name} comes before it, as for the CLI; delete the one you don't use"
        );
        assert_eq!(report[0], ignored);
    }
    let both = [("supabase/config.json", json), ("supabase/config.jsonc", json)];
    let output = run(&directory("two-json", &[&FUNCTIONS[..], &both].concat()), &[]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        message
            .trim_end()
            .ends_with("has config.json and config.jsonc: keep one"),
        "{message}"
    );
}

#[test]
fn the_platform_is_printed_for_the_project_that_is_named_linked_or_configured() {
    let reference = |test: &str, files: &[(&str, &str)], arguments: &[&str]| {
        let directory = directory(test, &[&FUNCTIONS[..], files].concat());
        let (documents, _) = printed(&run(&directory, arguments));
        let platforms: Vec<Platform> = of_kind(&documents, "Platform");
        assert_eq!(documents[0]["kind"], "Platform");
        platforms[0].spec.project.clone()
    };
    let config = ("supabase/config.toml", "project_id = \"cccccccccccccccccccc\"\n");
    let link = ("supabase/.temp/project-ref", "bbbbbbbbbbbbbbbbbbbb\n");
    assert_eq!(reference("platform-config", &[config], &[]), "c".repeat(20));
    assert_eq!(reference("platform-link", &[config, link], &[]), "b".repeat(20));
    let named = ["--project", "aaaaaaaaaaaaaaaaaaaa"];
    assert_eq!(reference("platform-flag", &[config, link], &named), "a".repeat(20));
    // A name for the machine is none: what is printed instead is refused by the API server.
    let name = ("supabase/config.toml", "project_id = \"demo\"\n");
    assert_eq!(reference("platform-none", &[name], &[]), "PROJECT-REFERENCE");
    let usage = directory("platform-usage", &FUNCTIONS);
    assert_eq!(run(&usage, &["--project", "demo"]).status.code(), Some(1));
}

#[test]
fn a_platform_has_the_database_if_there_are_migrations() {
    let printed_platform = |test: &str, files: &[(&str, &str)]| {
        let directory = directory(test, files);
        let (documents, _) = printed(&run(&directory, &["--project", "aaaaaaaaaaaaaaaaaaaa", "-n", "ace"]));
        of_kind::<Platform>(&documents, "Platform").remove(0)
    };
    let platform = printed_platform("platform-functions", &FUNCTIONS);
    assert_eq!(
        (platform.metadata.namespace.as_deref(), platform.spec.database),
        (Some("ace"), None)
    );
    let platform = printed_platform("platform-database", &[("supabase/migrations/1_a.sql", "SELECT 1;")]);
    let database = platform.spec.database.unwrap();
    assert_eq!(
        (database.host.as_str(), database.port),
        ("db.aaaaaaaaaaaaaaaaaaaa.supabase.co", 5432)
    );
}

#[test]
fn an_entry_with_empty_texts_has_the_defaults() {
    let config = "[functions.hook]\nverify_jwt = false\nenabled = true\nimport_map = \"\"\nentrypoint = \"\"\nstatic_files = []\n";
    let files = [&FUNCTIONS[..1], &[("supabase/config.toml", config)]].concat();
    let (functions, _) = import(&directory("empty-texts", &files), &[]);
    let spec = &functions[0].spec;
    assert_eq!(
        (spec.verify_jwt, &spec.entrypoint, &spec.import_map),
        (false, &None, &None)
    );
}

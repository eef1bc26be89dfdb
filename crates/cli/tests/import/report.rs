//! What is said about a project, besides its resources.

use super::archive::packed;
use super::{directory, import, printed, run};

/// Cases 13, 15, 17 and 52.
#[test]
fn a_bare_import_that_no_map_resolves_is_said_with_file_and_line() {
    let directory = directory(
        "bare",
        &[
            ("functions/deno.json", "{\"imports\": {\"zod\": \"npm:zod\"}}"),
            ("functions/package.json", "{\"dependencies\": {\"zod\": \"3\"}}"),
            (
                "functions/a/index.ts",
                "import 'node:fs';\nimport 'fs';\nimport { z } from 'zod';",
            ),
            ("functions/b/index.ts", "import { z } from 'npm:zod';"),
        ],
    );
    let (functions, report) = import(&directory, &[]);
    assert_eq!(functions.len(), 2);
    let expected = "a: a/index.ts:3 imports \"zod\", which no import map of the function has; add it there, or write npm:, jsr: or https: \
                    before it";
    let said: Vec<_> = report.iter().filter(|line| line.contains("imports")).collect();
    assert_eq!(said, [expected]);
}

/// Case 22.
#[test]
fn imports_that_are_put_together_at_run_time_are_named_and_not_more_than_a_few() {
    let imports: Vec<String> = (0..7)
        .map(|number| format!("await import(`../_shared/{number}/${{name}}.ts`);"))
        .collect();
    let imports = imports.join(
        "
",
    );
    let long = format!("await import(`./{}${{name}}`);", "x".repeat(500));
    let directory = directory(
        "templates",
        &[
            ("functions/many/index.ts", imports.as_str()),
            ("functions/one/index.ts", long.as_str()),
        ],
    );
    let (_, report) = import(&directory, &[]);
    let many: Vec<_> = report
        .iter()
        .skip_while(|line| !line.starts_with("many: "))
        .take(7)
        .collect();
    assert_eq!(
        many[0],
        "many: 7 imports are put together at run time, which leads only to what something else imports by its whole path:"
    );
    assert_eq!(many[1], "  many/index.ts:1 imports ../_shared/0/…");
    assert_eq!(many[6], "  and 2 more");
    let one = report
        .iter()
        .find(|line| line.contains("one/index.ts:1 imports ./xxx"))
        .unwrap();
    assert!(one.chars().count() < 200 && one.ends_with('…'), "{one}");
}

/// Case 16, D3 and case 83.
#[test]
fn files_with_secrets_are_named_and_the_line_that_packs_leaves_them_out() {
    let key = "-----BEGIN PRIVATE KEY-----\nsecret\n";
    let directory = directory(
        "secret-files",
        &[
            ("supabase/functions/.env", "KEY=secret\n"),
            ("supabase/functions/a/.npmrc", "//registry/:_authToken=secret\n"),
            ("supabase/functions/a/sign.pem", key),
            ("supabase/functions/a/ca.pem", "-----BEGIN CERTIFICATE-----\n"),
            ("supabase/functions/a/id_ed25519", key),
            ("supabase/functions/a/push.p8", key),
            ("supabase/functions/a/._index.ts", "secret"),
            ("supabase/functions/a/node_modules/x/index.js", "secret"),
            ("supabase/functions/a/index.ts", ""),
            ("supabase/migrations/1_a.sql", "SELECT 1;"),
        ],
    );
    let arguments = [
        "--source-kind",
        "ConfigMap",
        "--source-name",
        "code",
        "--source-path",
        "functions",
    ];
    let output = run(&directory, &arguments);
    let (_, report) = printed(&output);
    let named = "5 files in functions/ that may hold secrets, left out, and not to be packed either: .env, a/.npmrc, a/id_ed25519, a/push.p8, \
                 a/sign.pem";
    assert!(report.contains(&named.to_owned()), "{report:?}");
    let tree = packed("tar", "secret-files", &output);
    let listed: Vec<_> = tree.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(listed.len(), 3, "{listed:?}");
    for file in ["functions/a/index.ts", "functions/a/ca.pem", "migrations/1_a.sql"] {
        assert!(listed.contains(&file), "{listed:?}");
    }
}

#[test]
fn a_pattern_of_static_files_does_not_take_a_file_with_secrets() {
    let directory = directory(
        "secret-statics",
        &[
            (
                "supabase/config.toml",
                "[functions.a]\nverify_jwt = true\nstatic_files = [\"./functions/a/*\"]\n",
            ),
            ("supabase/functions/a/index.ts", ""),
            ("supabase/functions/a/.env.local", "KEY=secret\n"),
        ],
    );
    let (_, report) = import(&directory, &[]);
    assert_eq!(
        report.last().unwrap(),
        "1 functions printed; 1 files, 0 of which no function needs"
    );
}

#[test]
fn functions_that_read_no_secret_by_its_name_are_named_once() {
    let directory = directory(
        "no-secrets",
        &[
            (
                "functions/a/index.ts",
                "import { getEnv } from '../_shared/env.ts'; getEnv('STRIPE');",
            ),
            ("functions/b/index.ts", "Deno.env.get('OWN')"),
            (
                "functions/_shared/env.ts",
                "export const getEnv = (name) => Deno.env.get(name);",
            ),
        ],
    );
    let (_, report) = printed(&run(&directory, &[]));
    let said: Vec<_> = report.iter().filter(|line| line.contains("Deno.env.get")).collect();
    let expected = "1 function reads no secret by Deno.env.get(\"NAME\"); names that are read in another way can't be seen, so add them to \
                    requires.secrets: a";
    assert_eq!(said, [expected]);
}

#[test]
fn what_to_do_next_is_said_for_the_kind_of_source() {
    let directory = directory("next", &[("supabase/functions/a/index.ts", "")]);
    let next = |arguments: &[&str]| {
        let errors = String::from_utf8(run(&directory, arguments).stderr).unwrap();
        let (_, next) = errors.split_once("next:\n").unwrap();
        next.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    let named = ["-n", "ace", "--project", "aaaaaaaaaaaaaaaaaaaa"];
    let flux = next(&named);
    assert_eq!(
        flux[0],
        "the Platform is for project aaaaaaaaaaaaaaaaaaaa (from --project)"
    );
    assert!(
        flux.contains(&"have the GitRepository prod in the same namespace".to_owned()),
        "{flux:?}"
    );
    let config_map = next(&[&named[..], &["--source-kind", "ConfigMap", "--source-name", "code"]].concat());
    let made = "kubectl -n ace create configmap code --from-file=code.tar.gz --dry-run=client -o yaml | kubectl -n ace apply --server-side \
                --force-conflicts -f -";
    assert!(config_map.contains(&made.to_owned()), "{config_map:?}");
    let unknown = next(&[]);
    assert_eq!(
        unknown[0],
        "write the project's reference into the Platform, instead of PROJECT-REFERENCE, or pass --project"
    );
}

/// D5.
#[test]
fn a_secret_with_a_default_in_the_code_is_listed_as_optional_and_not_waited_for() {
    let directory = directory(
        "optional",
        &[
            (
                "functions/a/index.ts",
                "const p = Deno.env.get('PORT') || '80'; const m = Deno.env.get('RESEND') ?? Deno.env.get('SENDGRID'); \
                 Deno.env.get('STRIPE')!; const u = Deno.env.get('URL') ?? Deno.env.get('SUPABASE_URL');",
            ),
            (
                "functions/b/index.ts",
                "const p = Deno.env.get('LEVEL') ? 1 : 2; Deno.env.get('PORT') ?? 1",
            ),
        ],
    );
    let (functions, report) = import(&directory, &[]);
    let groups = |number: usize| -> Vec<String> {
        let requires = functions[number].spec.requires.as_ref();
        let secrets = requires.iter().flat_map(|requires| &requires.secrets);
        secrets.map(|group| group.any_of.join("|")).collect()
    };
    assert_eq!(groups(0), ["RESEND|SENDGRID", "STRIPE"]);
    assert_eq!(groups(1), [""; 0]);
    let optional = "3 secrets with a default in the code, so not in requires.secrets: LEVEL, PORT, URL";
    assert!(report.contains(&optional.to_owned()), "{report:?}");
    let summary = "2 functions printed; 2 files, 0 of which no function needs; requires.secrets lists 3 that the code reads without a \
                   default: the functions wait for them";
    assert_eq!(report.last().unwrap(), summary);
}

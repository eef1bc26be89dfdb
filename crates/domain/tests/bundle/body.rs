//! A deployed body is compared as what its modules mean, not as where a container unpacked them.

use ace_domain::bundle::{
    BodyFiles, Closure, FileDifference, FunctionSource, Mark, Revision, Upload, differing, proves,
};
use bytes::Bytes;

use crate::support::{function, path, tree};

const INDEX: &str = "import { cors } from '../_shared/cors.ts';\nimport type { T } from './types.ts';\n";
const CORS: &str = "export const cors = {};\n";
const CONTAINER: &str = "user_fn_abcdefghijklmnopqrst_5d0e4f60-0000-4000-8000-000000000001_7";

fn closure() -> Closure {
    let tree = tree(&[
        ("hello/index.ts", INDEX),
        ("_shared/cors.ts", CORS),
        ("hello/types.ts", "export type T = 1;\n"),
    ]);
    Closure::compute(&tree, &function("hello")).unwrap()
}

/// A body whose parts and entrypoint are named as given.
fn body(entrypoint: Option<&str>, parts: &[(&str, &str)]) -> BodyFiles {
    let parts = parts
        .iter()
        .map(|(path, text)| ((*path).to_owned(), Bytes::from((*text).to_owned())));
    BodyFiles::new(parts, entrypoint, &path("hello/index.ts"))
}

/// The body of a deploy of `INDEX` and `CORS` from `folder`, all names beginning with `prefix`.
fn deployed(prefix: &str, folder: &str, listed: &str) -> BodyFiles {
    let at = |file: &str| format!("{prefix}{folder}{file}");
    body(
        Some(&format!("{listed}{folder}hello/index.ts")),
        &[(&at("hello/index.ts"), INDEX), (&at("_shared/cors.ts"), CORS)],
    )
}

fn difference(path: &str, desired: &str, observed: &str) -> FileDifference {
    FileDifference {
        path: path.to_owned(),
        desired: desired.to_owned(),
        observed: observed.to_owned(),
    }
}

#[test]
fn the_same_code_is_the_same_body_whoever_deployed_it_and_however_it_is_named() {
    let listed = format!("file:///tmp/{CONTAINER}/source/");
    let ours = deployed(
        &format!("{CONTAINER}/source/"),
        &format!("ace-{}/", closure().revision()),
        &listed,
    );
    let same = [
        // The CLI at the project's root, the container named relatively, absolutely and as a URL; a later version.
        deployed(&format!("{CONTAINER}/source/"), "supabase/functions/", &listed),
        deployed(&format!("/tmp/{CONTAINER}/source/"), "supabase/functions/", &listed),
        deployed(&listed, "supabase/functions/", &listed),
        deployed(
            "user_fn_abcdefghijklmnopqrst_x_8/source/",
            "supabase/functions/",
            "/tmp/user_fn_abcdefghijklmnopqrst_x_8/source/",
        ),
        // The CLI inside the function's folder: `_shared` lies beside `source`.
        body(
            Some(&format!("{listed}index.ts")),
            &[
                (&format!("{CONTAINER}/source/index.ts"), INDEX),
                (&format!("{CONTAINER}/_shared/cors.ts"), CORS),
            ],
        ),
        // Bundled on a runner.
        deployed(
            "file:///home/runner/work/app/app/",
            "supabase/functions/",
            "file:///home/runner/work/app/app/",
        ),
        // Parts without the container, and no name of the entrypoint.
        deployed("source/", "supabase/functions/", &listed),
        body(
            None,
            &[
                ("source/ace-0123456789ab/hello/index.ts", INDEX),
                ("source/ace-0123456789ab/_shared/cors.ts", CORS),
            ],
        ),
        body(
            Some(""),
            &[
                ("source/hello/../hello/index.ts", INDEX),
                ("source/_shared/cors.ts", CORS),
            ],
        ),
        // Parts named relative to the entrypoint.
        body(
            Some(&format!("{listed}supabase/functions/hello/index.ts")),
            &[("index.ts", INDEX), ("../_shared/cors.ts", CORS)],
        ),
    ];
    for other in same {
        assert_eq!(other, ours);
        assert_eq!(other.digest(), ours.digest());
        assert!(proves(&closure(), &other));
    }
}

#[test]
fn other_code_is_another_body() {
    let same = deployed("source/", "", "source/");
    let others = [
        body(
            Some("source/hello/index.ts"),
            &[
                ("source/hello/index.ts", INDEX),
                ("source/_shared/cors.ts", "export {};\n"),
            ],
        ),
        body(
            Some("source/hello/index.ts"),
            &[("source/hello/index.ts", INDEX), ("source/hello/cors.ts", CORS)],
        ),
        body(Some("source/hello/index.ts"), &[("source/hello/index.ts", INDEX)]),
        body(
            Some("source/hello/main.ts"),
            &[("source/hello/main.ts", INDEX), ("source/_shared/cors.ts", CORS)],
        ),
    ];
    for other in others {
        assert_ne!(other.digest(), same.digest());
        assert!(!proves(&closure(), &other), "{other:?}");
    }
}

#[test]
fn a_changed_a_missing_and_a_strange_file_are_named_by_their_path_in_the_source() {
    let at = |file: &str| format!("{CONTAINER}/source/supabase/functions/{file}");
    let parts = [
        (at("hello/index.ts"), "changed"),
        (at("hello/more.ts"), "more"),
        (at("../../outside.ts"), "far"),
    ];
    let parts: Vec<_> = parts.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let observed = body(Some(&format!("file:///tmp/{}", at("hello/index.ts"))), &parts);
    let expected = vec![
        difference("../../outside.ts", "absent", "sha256:512eea46ceb3"),
        difference("_shared/cors.ts", "sha256:6356cc01450c", "absent"),
        difference("hello/index.ts", "sha256:4caba4b27d01", "sha256:d67e2e944994"),
        difference("hello/more.ts", "absent", "sha256:187897ce0afc"),
    ];
    assert_eq!(differing(&closure(), &observed), expected);
}

#[test]
fn only_a_file_imported_for_its_types_may_be_missing_and_if_it_is_there_it_must_be_ours() {
    let with = |types: &str| {
        body(
            Some("source/hello/index.ts"),
            &[
                ("source/hello/index.ts", INDEX),
                ("source/_shared/cors.ts", CORS),
                ("source/hello/types.ts", types),
            ],
        )
    };
    assert!(proves(&closure(), &with("export type T = 1;\n")));
    let differences = differing(&closure(), &with("export type T = 2;\n"));
    assert_eq!(
        differences.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(),
        ["hello/types.ts"]
    );
}

#[test]
fn an_import_map_that_is_not_in_the_body_leaves_the_source_unproved() {
    let tree = tree(&[("hello/index.ts", "export {};\n"), ("hello/deno.json", "{}")]);
    let closure = Closure::compute(&tree, &function("hello")).unwrap();
    let observed = body(
        Some("source/hello/index.ts"),
        &[("source/hello/index.ts", "export {};\n")],
    );
    let expected = vec![difference("hello/deno.json", "sha256:44136fa355b3", "absent")];
    assert_eq!(differing(&closure, &observed), expected);
}

#[test]
fn a_transpiled_body_proves_nothing_and_is_anchored_where_the_platform_says() {
    let observed = body(
        Some("file:///tmp/user_fn_a_b_1/source/hello/index.ts"),
        &[
            ("user_fn_a_b_1/source/hello/index.js", "x"),
            ("user_fn_a_b_1/source/_shared/index.ts", "y"),
        ],
    );
    let differences = differing(&closure(), &observed);
    let paths: Vec<_> = differences.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "_shared/cors.ts",
            "_shared/index.ts",
            "hello/index.js",
            "hello/index.ts"
        ]
    );
}

#[test]
fn a_body_in_which_nothing_can_be_the_entrypoint_is_not_compared() {
    for parts in [
        &[][..],
        &[("source/main.js", INDEX)][..],
        &[("a/index.ts", INDEX), ("b/index.ts", INDEX)][..],
    ] {
        let body = body(None, parts);
        assert!(!proves(&closure(), &body), "{parts:?}");
        assert_eq!(
            differing(&closure(), &body)[0],
            difference("entrypoint", "hello/index.ts", "absent")
        );
    }
}

#[test]
fn the_platform_runs_another_file_than_it_should() {
    let tree = tree(&[("hello/index.ts", "import './main.ts';"), ("hello/main.ts", "")]);
    let closure = Closure::compute(&tree, &function("hello")).unwrap();
    let observed = body(
        Some("source/hello/main.ts"),
        &[
            ("source/hello/index.ts", "import './main.ts';"),
            ("source/hello/main.ts", ""),
        ],
    );
    let expected = vec![difference("entrypoint", "hello/index.ts", "hello/main.ts")];
    assert_eq!(differing(&closure, &observed), expected);
}

/// As many as a client may send along, and a program as large as the platform takes: read for each of them again, it would
/// take hours.
#[test]
fn files_that_were_sent_along_cost_one_reading_of_the_program() {
    let program = format!("export {{}};\n{}", "// nothing is imported here\n".repeat(300_000));
    let tree = tree(&[("hello/index.ts", &program)]);
    let closure = Closure::compute(&tree, &function("hello")).unwrap();
    let names: Vec<_> = (0..20_000)
        .map(|number| format!("source/hello/more_{number}.ts"))
        .collect();
    let more = names.iter().map(|name| (name.as_str(), "export {};"));
    let mut parts: Vec<_> = more.chain([("source/hello/index.ts", program.as_str())]).collect();
    let sent = |parts: &[(&str, &str)]| body(Some("source/hello/index.ts"), parts);
    assert!(proves(&closure, &sent(&parts)));
    parts.push(("source/hello/package.json", "{}"));
    assert_eq!(differing(&closure, &sent(&parts)).len(), 20_001);
}

#[test]
fn an_upload_lies_under_the_mark_and_the_mark_is_read_back_from_the_list() {
    let patterns = ["hello/*.html".to_owned()];
    let tree = tree(&[
        ("hello/index.ts", ""),
        ("hello/deno.json", "{}"),
        ("hello/[id].html", ""),
    ]);
    let closure = Closure::compute(
        &tree,
        &FunctionSource {
            static_files: &patterns,
            ..function("hello")
        },
    )
    .unwrap();
    let revision = closure.revision();
    let upload = Upload::new(&closure, &revision);
    let at = |file: &str| format!("ace-{revision}/{file}");
    let expected = Upload {
        files: [
            ("hello/[id].html", ""),
            ("hello/deno.json", "{}"),
            ("hello/index.ts", ""),
        ]
        .map(|(file, text)| (at(file), Bytes::from(text)))
        .to_vec(),
        entrypoint_path: at("hello/index.ts"),
        import_map_path: Some(at("hello/deno.json")),
        static_patterns: vec![at("hello/[[]id].html")],
    };
    assert_eq!(upload, expected);
    let listed = format!("file:///tmp/{CONTAINER}/source/{}", upload.entrypoint_path);
    assert_eq!(Mark::in_entrypoint_path(&listed), Some(revision));
}

#[test]
fn a_mark_is_ours_only_where_an_upload_begins() {
    let revision: Revision = "0123456789ab".parse().unwrap();
    for path in [
        "ace-0123456789ab/hello/index.ts",
        "source/ace-0123456789ab/index.ts",
        "file:///tmp/user_fn_a_b_1/source/ace-0123456789ab/x/index.ts",
        "user_fn_a_b_1/source/ace-0123456789ab/index.ts",
    ] {
        assert_eq!(Mark::in_entrypoint_path(path), Some(revision.clone()), "{path}");
    }
    for path in [
        "",
        "ace-0123456789ab",
        "source/supabase/functions/hello/index.ts",
        "source/supabase/ace-0123456789ab/index.ts",
        "source/ace-0123456789AB/index.ts",
        "source/ace-0123456789abc/index.ts",
        "source/xace-0123456789ab/index.ts",
        "file:///home/runner/ace-0123456789ab/index.ts",
    ] {
        assert_eq!(Mark::in_entrypoint_path(path), None, "{path}");
    }
}

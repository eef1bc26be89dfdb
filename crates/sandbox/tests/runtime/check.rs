//! What a deploy is refused for, and what only a call fails for.

use ace_sandbox::runtime::{CheckError, Deployment, Refused};

use crate::support::{Bed, INDEX, bed, failure};

const CONTAINER: &str = "/tmp/user_fn_abcdefghijklmnopqrst_00000000-0000-0000-0000-000000000007_1";

async fn refused(bed: &Bed, function: &Deployment) -> Option<String> {
    match bed.runtime.check(function).await {
        Ok(()) => None,
        Err(CheckError::Refused(refused)) => Some(refused.to_string()),
        Err(error) => panic!("{error:?}"),
    }
}

async fn refused_source(source: &str) -> Option<String> {
    let bed = bed();
    refused(&bed, &bed.function("checked", source)).await
}

#[tokio::test]
async fn a_missing_entrypoint_is_refused_with_the_containers_path() {
    let bed = bed();
    let function = bed.version("checked", 1, &[("source/other.ts", "")]);
    let expected = format!("Entrypoint path does not exist - {CONTAINER}/{INDEX}");
    assert_eq!(refused(&bed, &function).await, Some(expected));
}

#[tokio::test]
async fn a_missing_local_import_is_refused_with_file_and_place() {
    let bed = bed();
    let files = [
        (INDEX, "import '../_shared/a.ts';\nDeno.serve(() => new Response());"),
        ("_shared/a.ts", "\nexport * from './b.ts';"),
    ];
    let seen = match bed.runtime.check(&bed.version("checked", 1, &files)).await {
        Err(CheckError::Refused(refused)) => refused,
        other => panic!("{other:?}"),
    };
    let expected = Refused::ModuleNotFound {
        specifier: format!("file://{CONTAINER}/_shared/b.ts"),
        at: format!("file://{CONTAINER}/_shared/a.ts:2:15"),
    };
    let words = format!(
        "Failed to bundle the function (reason: Module not found \"file://{CONTAINER}/_shared/b.ts\". at file://{CONTAINER}/_shared/a.ts:2:15)."
    );
    assert_eq!((seen.to_string(), seen), (words, expected));
}

#[tokio::test]
async fn a_file_outside_the_deployment_is_not_found() {
    let bed = bed();
    bed.function("other", "export const x = 1;");
    let function = bed.function("checked", "import '../../other-1/source/index.ts';");
    let expected = format!(
        "Failed to bundle the function (reason: Module not found \"file:///tmp/other-1/source/index.ts\". at file://{CONTAINER}/{INDEX}:1:8)."
    );
    assert_eq!(refused(&bed, &function).await, Some(expected));
}

#[tokio::test]
async fn a_syntax_error_is_refused_with_its_place() {
    let expected = format!(
        "Failed to bundle the function (reason: The module's source code could not be parsed: Expression expected at file://{CONTAINER}/{INDEX}:2:12)."
    );
    assert_eq!(refused_source("const a = 1;\nfoo(a, {b: });").await, Some(expected));
}

#[tokio::test]
async fn a_bare_import_without_a_map_is_refused() {
    let expected = format!(
        "Failed to bundle the function (reason: Relative import path \"stripe\" not prefixed with / or ./ or ../ at file://{CONTAINER}/{INDEX}:1:20)."
    );
    assert_eq!(refused_source("import Stripe from \"stripe\";").await, Some(expected));
}

#[tokio::test]
async fn types_and_dynamic_imports_may_be_missing() {
    let source = "import type { A } from './types.ts';\nconst load = () => import('./later.ts');\nDeno.serve(() => new Response());";
    assert_eq!(refused_source(source).await, None);
}

#[tokio::test]
async fn an_import_map_that_does_not_parse_is_refused_with_the_containers_path() {
    let bed = bed();
    let mut function = bed.version("checked", 1, &[(INDEX, ""), ("source/deno.json", "{")]);
    function.import_map = Some("source/deno.json".into());
    let seen = refused(&bed, &function).await.expect("a refusal");
    assert!(
        seen.ends_with(&format!("at file://{CONTAINER}/source/deno.json).")),
        "{seen}"
    );
}

#[tokio::test]
async fn a_remote_import_that_cannot_be_reached_fails_at_the_call_only() {
    let bed = bed();
    // Port 1 on loopback: nobody listens there.
    let function = bed.function(
        "remote",
        "import 'https://127.0.0.1:1/x.ts';\nDeno.serve(() => new Response());",
    );
    let seen = (refused(&bed, &function).await, bed.get(&function).await);
    assert_eq!(
        seen,
        (
            None,
            failure(503, "BOOT_ERROR", "Function failed to start (please check logs)")
        )
    );
    bed.logged(&function, "https://127.0.0.1:1/x.ts").await;
}

#[tokio::test]
async fn an_unknown_package_fails_at_the_call_only() {
    let bed = bed();
    let function = bed.function(
        "package",
        "import 'npm:@supabase/supabase-js@999999';\nDeno.serve(() => new Response());",
    );
    let seen = (refused(&bed, &function).await, bed.get(&function).await);
    assert_eq!(
        seen,
        (
            None,
            failure(503, "BOOT_ERROR", "Function failed to start (please check logs)")
        )
    );
}

/// Deno wants to be told that a file is data.
#[tokio::test]
async fn json_is_refused_without_its_type_and_answered_with_it() {
    let bed = bed();
    let files = |import: &'static str| [(INDEX, import), ("source/data.json", "{ \"answer\": 42 }")];
    let without = "import data from './data.json';\nDeno.serve(() => new Response(data.answer));";
    let seen = refused(&bed, &bed.version("json", 1, &files(without))).await;
    assert!(seen.as_ref().is_some_and(|seen| seen.contains("data.json")), "{seen:?}");
    let with = "import data from './data.json' with { type: 'json' };\nDeno.serve(() => new Response(data.answer));";
    assert_eq!(refused(&bed, &bed.version("json", 2, &files(with))).await, None);
}

/// What Deno 1 wrote is taken, and fails at each call: `docs/functions.md` says so.
#[tokio::test]
async fn an_import_with_assert_is_deployed_and_fails_at_the_call_only() {
    let bed = bed();
    let source =
        "import data from './data.json' assert { type: 'json' };\nDeno.serve(() => new Response(data.answer));";
    let function = bed.version(
        "assert",
        1,
        &[(INDEX, source), ("source/data.json", "{ \"answer\": 42 }")],
    );
    assert_eq!(refused(&bed, &function).await, None);
    assert_eq!(
        bed.get(&function).await,
        failure(503, "BOOT_ERROR", "Function failed to start (please check logs)")
    );
}

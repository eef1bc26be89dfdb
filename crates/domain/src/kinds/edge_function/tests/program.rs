//! All that decides what a function answers is compared, and nothing else.

use std::sync::Arc;

use ace_api::{Applied, FunctionReason, Mode};
use bytes::Bytes;

use super::{
    super::{Decision, LiveFunction, SourceState, Step, StepResult},
    fixture::{Case, settled},
    values::{A, X, body_of, cause, entry, field, foreign, stamp},
};
use crate::{
    bundle::{BodyFiles, Closure, FunctionSource, ListedImportMap, Tree, TreePath},
    reconcile::{
        decision::Requeue,
        fixture::{message, shown},
    },
};

const INDEX: &str = "import { value } from 'value';
// import { old } from './old.ts';
const shown = `import { page } from './page.ts';`;
Deno.serve(() => new Response(value + shown));
";
const MAP: &str = r#"{ "imports": { "value": "./one.ts", "unused": "../_shared/unused.ts" } }"#;

/// A function with an import map beside it, an import in a comment and one in a text, and an entry of the map that nothing uses.
fn files() -> Vec<(&'static str, &'static str)> {
    vec![
        ("hello/index.ts", INDEX),
        ("hello/map_a.json", MAP),
        ("hello/map_b.json", r#"{ "imports": { "value": "./two.ts" } }"#),
        ("hello/one.ts", "export const value = 'one';\n"),
        ("hello/two.ts", "export const value = 'two';\n"),
        ("hello/old.ts", "export const old = 1;\n"),
        ("hello/page.ts", "export const page = 1;\n"),
        ("_shared/unused.ts", "export const unused = 1;\n"),
    ]
}

fn content(files: &[(&str, &str)]) -> Arc<Closure> {
    content_by(files, "hello/map_a.json")
}

fn content_by(files: &[(&str, &str)], import_map: &str) -> Arc<Closure> {
    let files = files
        .iter()
        .map(|(path, text)| (TreePath::new(*path).unwrap(), Bytes::from((*text).to_owned())));
    let source = FunctionSource {
        slug: "hello",
        entrypoint: None,
        import_map: Some(import_map),
        static_files: &[],
    };
    Arc::new(Closure::compute(&Tree::from_files(files).unwrap(), &source).unwrap())
}

/// What a client deployed from its folder `supabase/functions`.
fn deployed(files: &[(&str, &str)]) -> BodyFiles {
    let path = |path: &str| format!("user_fn_x_1/source/supabase/functions/{path}");
    let parts = files
        .iter()
        .map(|(name, text)| (path(name), Bytes::from((*text).to_owned())));
    let entrypoint = TreePath::new("hello/index.ts").unwrap();
    BodyFiles::new(parts, Some(&path("hello/index.ts")), &entrypoint)
}

fn listed(version: i64, import_map: &str) -> LiveFunction {
    LiveFunction {
        import_map: ListedImportMap::At(import_map.to_owned()),
        ..foreign(version)
    }
}

/// The source's own files are applied as version 3, whose body was read.
fn applied() -> Case {
    applied_by(content(&files()), files(), "map_a.json")
}

fn applied_by(content: Arc<Closure>, files: Vec<(&str, &str)>, import_map: &str) -> Case {
    let ours: Vec<_> = files
        .into_iter()
        .filter(|(path, _)| content.files().contains_key(*path))
        .collect();
    settled().mode(Mode::Apply).with(|case| {
        let digest = content.digest().to_string();
        let memo = &mut case.state.memo;
        memo.applied = Some(Applied {
            revision: content.revision().to_string(),
            source_digest: digest.clone(),
            body_digest: Some(deployed(&ours).digest().to_string()),
            import_map: Some(import_map.to_owned()),
            ..super::values::applied(A, 3)
        });
        memo.proven.as_mut().unwrap().source_digest = digest;
        case.state.source = SourceState::Ready {
            content,
            artifact_revision: "main@sha1:4f2c".to_owned(),
            secret_files: None,
        };
    })
}

/// Two lists show this, and its body is these files.
fn redeployed(case: Case, entry: &LiveFunction, files: &[(&str, &str)]) -> Case {
    let mut case = case.sees(Some(entry.clone()));
    let body = body_of(deployed(files), &entry.stamp);
    case.does(Step::ReadBody(entry.stamp.clone()), Ok(StepResult::Body(body)));
    case
}

#[test]
fn the_same_files_under_another_import_map_are_drift_that_is_named() {
    let mut case = redeployed(applied(), &listed(4, "map_b.json"), &files());
    let status = case.status();
    assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=True/OutOfBandChange"]);
    let fields = status.drift.unwrap().fields;
    assert_eq!(fields[0], field("importMap", "map_a.json", "map_b.json"));
    let mut enforced = redeployed(applied().mode(Mode::Enforce), &listed(4, "map_b.json"), &files());
    assert!(matches!(enforced.decide(), Decision::Do(Step::ArchiveForeign(_))));
}

#[test]
fn the_same_files_without_their_import_map_are_drift() {
    let without = LiveFunction {
        import_map: ListedImportMap::Absent,
        ..foreign(4)
    };
    let mut case = redeployed(applied(), &without, &files());
    let fields = case.status().drift.unwrap().fields;
    assert_eq!(fields[0], field("importMap", "map_a.json", "absent"));
}

#[test]
fn an_import_map_that_the_source_does_not_have_is_drift() {
    let mut case = settled().mode(Mode::Apply).sees(Some(listed(4, "deno.json"))).read(A);
    let status = case.status();
    assert_eq!(
        message(&status, "Drifted"),
        "redeployed out of band; importMap is deno.json"
    );
    assert_eq!(
        status.drift.unwrap().fields,
        [field("importMap", "absent", "deno.json")]
    );
}

#[test]
fn the_import_map_is_compared_when_the_source_has_moved_on() {
    let moved = |entry: &LiveFunction| {
        let mut case = applied().wants(X).mode(Mode::Observe);
        let ours: Vec<_> = files().into_iter().filter(|(path, _)| is_ours(path)).collect();
        case = redeployed(case, entry, &ours);
        shown(&case.status())[1].clone()
    };
    assert_eq!(moved(&listed(4, "map_a.json")), "Drifted=False/NoDrift");
    assert_eq!(moved(&listed(4, "map_b.json")), "Drifted=True/OutOfBandChange");
}

#[test]
fn an_import_map_that_the_list_does_not_show_is_no_difference() {
    let unknown = LiveFunction {
        import_map: ListedImportMap::Unknown,
        ..foreign(4)
    };
    let mut case = redeployed(applied(), &unknown, &files());
    assert_eq!(shown(&case.status()), ["Ready=True/Live", "Drifted=False/NoDrift"]);
}

#[test]
fn an_edit_under_our_own_folder_is_drift_whatever_comment_it_ends_in() {
    let mapped = format!("{X}\n//# sourceMappingURL=data:application/json;base64,e30=");
    let edited = BodyFiles::new(
        [
            ("source/ace/hello/index.ts".to_owned(), Bytes::from(mapped)),
            (
                "source/ace/_shared/cors.ts".to_owned(),
                Bytes::from("export const cors = {};\n"),
            ),
        ],
        Some("source/ace/hello/index.ts"),
        &TreePath::new("hello/index.ts").unwrap(),
    );
    for mode in [Mode::Apply, Mode::Enforce] {
        let mut case = settled().mode(mode).sees(Some(entry(A, 4)));
        case.does(
            Step::ReadBody(stamp(4)),
            Ok(StepResult::Body(body_of(edited.clone(), &stamp(4)))),
        );
        let status = case.status();
        assert!(
            shown(&status).contains(&"Drifted=True/OutOfBandChange".to_owned()),
            "{:?}",
            shown(&status)
        );
        assert_eq!(status.drift.unwrap().count, 1);
        let corrects = matches!(case.decide(), Decision::Do(Step::ArchiveForeign(_)));
        assert_eq!(corrects, mode == Mode::Enforce, "{mode:?}");
    }
}

#[test]
fn the_same_files_with_another_entrypoint_are_drift_that_is_named_and_corrected() {
    let content = super::values::content(A);
    let path = |path: &TreePath| format!("source/ace/{path}");
    let parts = content.files().iter().map(|(at, bytes)| (path(at), bytes.clone()));
    let other = TreePath::new("_shared/cors.ts").unwrap();
    let body = BodyFiles::new(parts, Some(&path(&other)), content.entrypoint());
    let entry = LiveFunction {
        entrypoint: Some(path(&other)),
        ..foreign(4)
    };
    for mode in [Mode::Apply, Mode::Enforce] {
        let mut case = settled().mode(mode).sees(Some(entry.clone()));
        let read = StepResult::Body(body_of(body.clone(), &stamp(4)));
        case.does(Step::ReadBody(stamp(4)), Ok(read));
        let status = case.status();
        assert_eq!(
            shown(&status).last().unwrap(),
            "Drifted=True/OutOfBandChange",
            "{mode:?}"
        );
        let fields = status.drift.unwrap().fields;
        assert!(
            fields
                .iter()
                .any(|field| field.path == "files/entrypoint" && field.observed.ends_with("cors.ts")),
            "{fields:?}"
        );
        let corrects = matches!(case.decide(), Decision::Do(Step::ArchiveForeign(_)));
        assert_eq!(corrects, mode == Mode::Enforce, "{mode:?}");
    }
}

fn is_ours(path: &str) -> bool {
    content(&files()).files().contains_key(path)
}

#[test]
fn the_source_has_only_what_its_program_reaches() {
    let ours: Vec<_> = files()
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| is_ours(path))
        .collect();
    assert_eq!(ours, ["hello/index.ts", "hello/map_a.json", "hello/one.ts"]);
}

#[test]
fn files_that_a_client_sent_along_are_no_drift_and_no_conflict() {
    for mode in [Mode::Enforce, Mode::Apply, Mode::Observe] {
        let mut case = redeployed(applied().mode(mode), &listed(4, "map_a.json"), &files());
        assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange), "{mode:?}");
        let status = case.status();
        assert_eq!(shown(&status)[1], "Drifted=False/NoDrift", "{mode:?}");
        assert_eq!(status.live.unwrap().version, 4);
        let mut adopted = redeployed(applied().mode(mode).forgotten(), &listed(4, "map_a.json"), &files());
        match (mode, adopted.decide()) {
            (Mode::Observe, Decision::Settled(_)) | (_, Decision::Do(Step::ArchiveProven { .. })) => {}
            (_, other) => panic!("{mode:?}: {other:?}"),
        }
        assert_eq!(adopted.state.memo.applied.as_ref().unwrap().stamp, stamp(4));
    }
}

/// `functions/import_map.json`, which the CLI takes for a function that has no map of its own; the import names it.
#[test]
fn a_deploy_by_the_common_import_map_is_the_same_program() {
    let common = r#"{ "imports": { "value": "./hello/one.ts", "unused": "./_shared/unused.ts" } }"#;
    let all: Vec<_> = [("import_map.json", common)].into_iter().chain(files()).collect();
    let content = content_by(&all, "import_map.json");
    let source = "file:///tmp/user_fn_x_1/source/supabase/functions";
    let (index, map) = (format!("{source}/hello/index.ts"), format!("{source}/import_map.json"));
    let entry = LiveFunction {
        import_map: ListedImportMap::new(Some(&index), Some(&map), Some(true)),
        ..foreign(4)
    };
    for mode in [Mode::Enforce, Mode::Apply] {
        let applied = || applied_by(content.clone(), all.clone(), "../import_map.json").mode(mode);
        let mut case = redeployed(applied(), &entry, &all);
        assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange), "{mode:?}");
        assert_eq!(shown(&case.status())[1], "Drifted=False/NoDrift", "{mode:?}");
        let mut adopted = redeployed(applied().forgotten(), &entry, &all);
        assert!(matches!(adopted.decide(), Decision::Do(Step::ArchiveProven { .. })));
        let own: Vec<_> = all
            .iter()
            .copied()
            .filter(|(path, _)| *path != "import_map.json")
            .collect();
        let mut without = redeployed(applied(), &entry, &own);
        assert_eq!(shown(&without.status()).last().unwrap(), "Drifted=True/OutOfBandChange");
    }
}

#[test]
fn a_file_that_the_program_reaches_still_differs_among_files_that_were_sent_along() {
    let changed: Vec<_> = files()
        .into_iter()
        .map(|(path, text)| {
            (
                path,
                if path == "hello/one.ts" {
                    "export const value = 'eno';\n"
                } else {
                    text
                },
            )
        })
        .collect();
    let mut case = redeployed(applied(), &listed(4, "map_a.json"), &changed);
    let status = case.status();
    assert_eq!(shown(&status)[1], "Drifted=True/OutOfBandChange");
    assert!(
        status
            .drift
            .unwrap()
            .fields
            .iter()
            .any(|field| field.path == "files/hello/one.ts")
    );
    let mut new = redeployed(applied().forgotten(), &listed(4, "map_a.json"), &changed);
    assert_eq!(cause(new.decide()).0, FunctionReason::AdoptionConflict);
}

#[test]
fn a_configuration_that_was_sent_along_counts() {
    for name in ["hello/deno.json", "hello/package.json", ".npmrc"] {
        let mut more = files();
        more.push((name, "{}"));
        let mut case = redeployed(applied(), &listed(4, "map_a.json"), &more);
        assert_eq!(shown(&case.status())[1], "Drifted=True/OutOfBandChange", "{name}");
    }
}

#[test]
fn a_file_that_a_computed_import_may_reach_counts() {
    let computed = "Deno.serve(async (request) => (await import(`./${request.url}.ts`)).default);\n";
    let mut own = files();
    own[0].1 = computed;
    let content = content(&own);
    let mut case = applied().with(|case| {
        case.state.memo.applied.as_mut().unwrap().source_digest = content.digest().to_string();
        case.state.memo.proven.as_mut().unwrap().source_digest = content.digest().to_string();
        case.state.source = SourceState::Ready {
            content,
            artifact_revision: "main".to_owned(),
            secret_files: None,
        };
    });
    case = redeployed(case, &listed(4, "map_a.json"), &own);
    assert_eq!(shown(&case.status())[1], "Drifted=True/OutOfBandChange");
}

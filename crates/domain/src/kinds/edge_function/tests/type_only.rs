//! Content that differs in files alone that are imported for their types is one program, and deployed once.

use std::sync::Arc;

use ace_api::{Applied, IntentType, Mode};
use bytes::Bytes;

use super::{
    super::{Decision, SourceState, Step, StepResult},
    fixture::{Case, settled},
    values::{A, stamp},
};
use crate::{
    bundle::{Closure, FunctionSource, Tree, TreePath},
    reconcile::{decision::Requeue, fixture::shown},
};

const INDEX: &str = "import type { Row } from './types.ts';\nDeno.serve(() => new Response('a'));\n";

/// A function that takes types from a file.
fn content(index: &str, types: &str) -> Arc<Closure> {
    let files = [("hello/index.ts", index), ("hello/types.ts", types)]
        .map(|(path, text)| (TreePath::new(path).unwrap(), Bytes::from(text.to_owned())));
    let source = FunctionSource {
        slug: "hello",
        entrypoint: None,
        import_map: None,
        static_files: &[],
    };
    Arc::new(Closure::compute(&Tree::from_files(files).unwrap(), &source).unwrap())
}

fn generated(number: u32) -> Arc<Closure> {
    content(INDEX, &format!("export type Row = {number};\n"))
}

/// The first types are applied and proven; the source has these.
fn wants(wanted: &Arc<Closure>) -> Case {
    let first = generated(1);
    settled().with(|case| {
        case.state.memo.applied = Some(Applied {
            revision: first.revision().to_string(),
            source_digest: first.digest().to_string(),
            program_digest: Some(first.program_digest()),
            ..super::values::applied(A, 3)
        });
        case.state.memo.proven.as_mut().unwrap().source_digest = first.digest().to_string();
        case.state.source = SourceState::Ready {
            content: wanted.clone(),
            artifact_revision: "main@sha1:99aa".to_owned(),
            secret_files: None,
        };
    })
}

fn is_deploy(case: &mut Case) -> bool {
    let is_roll_out = |step: &Step| matches!(step, Step::Deploy { intent, .. } if intent.type_ == IntentType::RollOut);
    matches!(case.decide(), Decision::Do(step) if is_roll_out(&step))
}

#[test]
fn a_regenerated_file_of_types_costs_no_upload() {
    let second = generated(2);
    for mode in [Mode::Enforce, Mode::Apply] {
        let mut case = wants(&second).mode(mode);
        let archive = Step::ArchiveProven {
            content: second.clone(),
            verify_jwt: false,
        };
        case.does(archive, Ok(StepResult::Archived("hello-second".to_owned())));
        assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
        let status = case.status();
        assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=False/NoDrift"]);
        let applied = status.applied.unwrap();
        assert_eq!(
            (applied.source_digest, applied.revision, applied.stamp),
            (second.digest().to_string(), second.revision().to_string(), stamp(3))
        );
        assert_eq!(status.proven.unwrap().source_digest, second.digest().to_string());
        assert_eq!(status.intent, None);
    }
}

#[test]
fn what_runs_is_uploaded_whatever_else_changed() {
    let other = INDEX.replace("'a'", "'b'");
    let value = INDEX.replace("import type", "import");
    let types = "export type Row = 2;\n";
    for changed in [content(&other, types), content(&value, types), content(A, types)] {
        assert!(is_deploy(&mut wants(&changed)));
    }
}

#[test]
fn where_the_platform_returns_no_files_types_are_uploaded_too_with_the_mark_that_says_what_is_live() {
    let mut case = wants(&generated(2)).with(|case| {
        case.state.memo.applied.as_mut().unwrap().body_digest = None;
        case.state.memory.body = Some(super::values::bundle(&stamp(3)));
    });
    assert!(is_deploy(&mut case));
    let applied = case.state.memo.applied.unwrap();
    assert_eq!(applied.revision, generated(1).revision().to_string());
}

#[test]
fn content_that_an_older_operator_applied_is_not_deployed_again_while_it_is_desired() {
    let older = |wanted| wants(wanted).with(|case| case.state.memo.applied.as_mut().unwrap().program_digest = None);
    let (first, second) = (generated(1), generated(2));
    let mut same = older(&first);
    assert_eq!(same.decide(), Decision::Settled(Requeue::OnChange));
    let learned = same.status().applied.unwrap().program_digest;
    assert_eq!(learned, Some(first.program_digest()));
    // What it ran is not known any more.
    assert!(is_deploy(&mut older(&second)));
}

#[test]
fn types_are_no_reason_to_take_somebody_elses_deploy_for_ours() {
    let mut case = wants(&generated(2)).sees(Some(super::values::foreign(4)));
    case.decide();
    let applied = case.state.memo.applied.clone().unwrap();
    assert_eq!(applied.source_digest, generated(1).digest().to_string());
}

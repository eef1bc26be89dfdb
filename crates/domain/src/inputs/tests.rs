//! What it means where a Platform or a source can't be used, whatever the kind.

use std::{sync::Arc, time::Duration};

use ace_api::{FunctionReason, LocalReference, Source};
use serde_json::json;

use super::{
    ArtifactState, FunctionParts, PlatformFacts, PlatformState, SourceProblem, SourceState, SourceTree, content, usable,
};
use crate::{
    bundle::{Tree, TreePath},
    reconcile::{
        decision::{Cause, Decision, Requeue},
        timing::Timing,
    },
    sql::read_folder,
};

#[derive(Debug, PartialEq)]
struct Facts {
    is_suspended: bool,
}

impl PlatformFacts for Facts {
    fn interval(&self) -> Duration {
        Duration::from_mins(7)
    }

    fn is_suspended(&self) -> bool {
        self.is_suspended
    }
}

const ACTIVE: PlatformState<Facts> = PlatformState::Present(Facts { is_suspended: false });
const SUSPENDED: PlatformState<Facts> = PlatformState::Present(Facts { is_suspended: true });

fn prod() -> LocalReference {
    LocalReference {
        name: "prod".to_owned(),
    }
}

#[test]
fn a_platform_that_is_missing_is_waited_for_and_one_that_is_suspended_left_alone() {
    let usable = |platform: &'static PlatformState<Facts>, suspend| {
        platform.usable::<(), FunctionReason>(suspend, &prod()).map(|_| ())
    };
    let settled = || Err(Decision::Settled(Requeue::OnChange));
    let message = "there is no Platform `prod` in this namespace";
    let missing = Decision::Wait(
        Cause::new(FunctionReason::WaitingForPlatform, message),
        Requeue::OnChange,
    );
    assert_eq!(usable(&ACTIVE, false), Ok(()));
    assert_eq!(usable(&ACTIVE, true), settled());
    assert_eq!(usable(&SUSPENDED, false), settled());
    assert_eq!(usable(&PlatformState::Absent, false), Err(missing));
    assert_eq!(usable(&PlatformState::Absent, true), settled());
}

#[test]
fn the_object_comes_before_its_platform_where_both_are_suspended() {
    use FunctionReason::{SuspendedByPlatform, SuspendedByUser};
    let says = |platform: PlatformState<Facts>, suspend| {
        let cause: Option<Cause<FunctionReason>> = platform.suspension(suspend, &prod());
        cause.map(|cause| (cause.reason, cause.message))
    };
    let by_user = "`spec.suspend` is true: nothing is checked or changed".to_owned();
    let by_platform = "Platform `prod` is suspended: nothing is checked or changed".to_owned();
    assert_eq!(says(SUSPENDED, true), Some((SuspendedByUser, by_user)));
    assert_eq!(says(SUSPENDED, false), Some((SuspendedByPlatform, by_platform)));
    assert_eq!(says(ACTIVE, false), None);
    assert_eq!(says(PlatformState::Absent, false), None);
}

#[test]
fn the_interval_is_the_platforms_or_the_longest_wait_without_one() {
    let minutes = [ACTIVE, PlatformState::Absent].map(|platform| platform.interval(Timing::default()).as_secs() / 60);
    assert_eq!(minutes, [7, 5]);
}

#[test]
fn a_source_is_waited_for_read_again_or_refused() {
    use FunctionReason::{AccessMissing, Retrying, SourceInvalid, SourceRefused, WaitingForSource};
    use SourceState as State;
    let text = || "says why".to_owned();
    let cause = |reason| Cause::new(reason, text());
    for (state, problem) in [
        (State::Waiting(text()), SourceProblem::Waiting(cause(WaitingForSource))),
        (State::Failed(text()), SourceProblem::Unread(cause(Retrying))),
        (State::Refused(text()), SourceProblem::Refused(cause(SourceRefused))),
        (State::Invalid(text()), SourceProblem::Refused(cause(SourceInvalid))),
        (
            State::AccessMissing(text()),
            SourceProblem::Refused(cause(AccessMissing)),
        ),
    ] {
        assert_eq!(SourceState::<()>::problem(&state), Some(problem));
    }
    let ready = SourceState::Ready {
        content: (),
        artifact_revision: text(),
        secret_files: None,
    };
    assert_eq!(ready.problem::<FunctionReason>(), None);
}

#[test]
fn a_pinned_source_is_waited_for_with_another_digest_and_read_with_its_own() {
    let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
    let artifact = |digit: &str| {
        let tree = Arc::new(SourceTree::new(Tree::default()));
        ArtifactState::ready("main@sha1:4f2c".to_owned(), digest(digit), tree)
    };
    let source = |pin: Option<String>| {
        let source = json!({ "kind": "ConfigMap", "name": "functions", "digest": pin });
        serde_json::from_value::<Source>(source).unwrap()
    };
    let pinned = source(Some(digest("a")));
    let (own, other) = (artifact("a"), artifact("b"));
    let Err(state) = usable::<()>(&pinned, &other) else {
        panic!("another digest is used")
    };
    let message = format!(
        "`spec.source.digest` pins {}, and the source has {}",
        digest("a"),
        digest("b")
    );
    let waiting = SourceProblem::Waiting(Cause::new(FunctionReason::WaitingForSource, message));
    assert_eq!(state.problem(), Some(waiting));
    let read = usable::<()>(&pinned, &own).map(|artifact| content(&pinned, artifact, Ok(())));
    assert_eq!(read.ok().and_then(|read| read.problem::<FunctionReason>()), None);
    assert!(usable::<()>(&pinned, &own).is_ok());
    assert!(usable::<()>(&source(None), &other).is_ok());
}

#[test]
fn a_missing_folder_is_told_in_the_same_words_whatever_is_looked_for() {
    let path = |text: &str| TreePath::new(text).unwrap();
    let tree = || Tree::from_files([(path("functions/a/index.ts"), "".into())]).unwrap();
    let folder = path("supabase");
    let parts = FunctionParts {
        folder: Some(folder.clone()),
        slug: "a".to_owned(),
        entrypoint: None,
        import_map: None,
        static_files: Vec::new(),
    };
    let of_function = SourceTree::new(tree()).closure(parts).unwrap_err();
    let of_migrations = read_folder(&tree(), Some(&folder)).unwrap_err().to_string();
    let expected =
        "the source has no folder `supabase`, only `functions`: correct `spec.source.path`, or what the source has";
    assert_eq!((of_function.as_str(), of_migrations.as_str()), (expected, expected));
}

//! Somebody who may deploy, and who knows how content is recognised, hides nothing.

use ace_api::{Mode, Stamp};
use bytes::Bytes;
use proptest::{
    prelude::{Just, Strategy, any, prop_assert, prop_oneof, proptest},
    test_runner::Config,
};

use super::{
    super::{Body, Decision, LiveFunction, Step, StepResult},
    fixture::{Case, settled},
    values::{A, B, archived, body_of, bundle, content, entry, stamp},
};
use crate::{
    bundle::{BodyFiles, Mark, TreePath},
    reconcile::{
        decision::StepError,
        fixture::{at, shown},
    },
};

/// How content comes to be recognised as ours.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// By the body that was applied.
    AppliedBody,
    /// By the source, where the applied body was never read.
    Source,
    /// By what is left in status when the source has moved on.
    SourceMovedOn,
    /// By the source, while nothing is known to be applied.
    FirstContact,
    /// By an archive, while nothing is known to be applied.
    Archive,
    /// As the desired content that somebody else has deployed.
    Desired,
    /// As the deploy whose answer was lost.
    LostAnswer,
    /// By the stamp of what was applied, in a body that is newer than the list.
    NewerThanTheList,
    /// After a deploy that only its mark suggests.
    Suggested,
}

#[derive(Clone, Debug)]
enum Edit {
    Change { at: usize, by: u8 },
    Insert { at: usize, byte: u8 },
    Remove { at: usize },
}

fn ways() -> impl Strategy<Value = Way> {
    prop_oneof![
        Just(Way::AppliedBody),
        Just(Way::Source),
        Just(Way::SourceMovedOn),
        Just(Way::FirstContact),
        Just(Way::Archive),
        Just(Way::Desired),
        Just(Way::LostAnswer),
        Just(Way::NewerThanTheList),
        Just(Way::Suggested),
    ]
}

fn edits() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<usize>(), 1..=u8::MAX).prop_map(|(at, by)| Edit::Change { at, by }),
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Edit::Insert { at, byte }),
        any::<usize>().prop_map(|at| Edit::Remove { at }),
    ]
}

fn edited(bytes: &Bytes, edit: &Edit) -> Bytes {
    let mut bytes = bytes.to_vec();
    match *edit {
        Edit::Change { at, by } => {
            let at = at % bytes.len();
            bytes[at] ^= by;
        }
        Edit::Insert { at, byte } => bytes.insert(at % (bytes.len() + 1), byte),
        Edit::Remove { at } => {
            bytes.remove(at % bytes.len());
        }
    }
    bytes.into()
}

/// Our own files under our own mark, one of them edited, with whatever comment helps.
fn forged(text: &str, file: usize, edit: &Edit, comment: &str, stamp: &Stamp) -> Body {
    let content = content(text);
    let at = |path: &TreePath| format!("user_fn_x_9/source/{}", Mark::path(&content.revision(), path));
    let parts = content.files().iter().enumerate().map(|(number, (path, bytes))| {
        if number != file % content.files().len() {
            return (at(path), bytes.clone());
        }
        let mut bytes = edited(bytes, edit).to_vec();
        bytes.extend_from_slice(comment.as_bytes());
        (at(path), bytes.into())
    });
    let files = BodyFiles::new(parts, Some(&at(content.entrypoint())), content.entrypoint());
    body_of(files, stamp)
}

/// A function about to recognise content `A` or, where it wants that, `B`; and what a list shows of the forgery.
fn before(way: Way, marked: bool, same_bundle: bool) -> (Case, &'static str, LiveFunction) {
    let text = if matches!(way, Way::Desired | Way::LostAnswer) {
        B
    } else {
        A
    };
    let mut seen = entry(text, 9);
    if !marked {
        seen.mark = None;
    }
    if same_bundle {
        (seen.stamp.version, seen.stamp.bundle_digest) = (3, stamp(3).bundle_digest);
    }
    let unread = |case: &mut Case| case.state.memo.applied.as_mut().unwrap().body_digest = None;
    let case = match way {
        Way::AppliedBody => settled(),
        Way::Source | Way::NewerThanTheList => settled().with(unread),
        Way::SourceMovedOn => settled().wants(B).with(unread),
        Way::FirstContact => settled().forgotten(),
        Way::Archive => settled().forgotten().wants(B).with(|case| {
            case.state.memory.archive = Some((super::values::archive(A), archived(A, false)));
        }),
        Way::Desired => settled().wants(B),
        Way::LostAnswer => settled().wants(B).written(),
        Way::Suggested => {
            let mut case = settled().forgotten();
            case.state.memory.body = Some(bundle(&stamp(3)));
            case.decide();
            case.state.memory.body = None;
            case
        }
    };
    (case.mode(Mode::Apply), text, seen)
}

/// Lists show it until nothing can be on its way any more, and its body is read.
fn looks(case: Case, first: LiveFunction, seen: &LiveFunction, body: &Body) -> Case {
    let mut case = case
        .sees(Some(first))
        .later(600)
        .platform(|platform| platform.seen = at(600));
    let now = case.now;
    let listing = case.state.listing.as_mut().unwrap();
    (listing.started, listing.since, listing.lists) = (now, at(1), vec![at(1), now]);
    for _ in 0..8 {
        let Decision::Do(step) = case.decide() else {
            case = case.later(15);
            case.state.listing = Some(case.shown(Some(seen.clone())));
            continue;
        };
        let result = match &step {
            Step::ReadBody(stamp) => Ok(StepResult::Body(Body {
                stamp: stamp.clone(),
                ..body.clone()
            })),
            Step::LoadArchive(_) => Ok(StepResult::Archive(None)),
            Step::List { .. } => Ok(StepResult::Listed(case.shown(Some(seen.clone())))),
            _ => Err(StepError::Failed("not now".to_owned())),
        };
        case.does(step, result);
    }
    case
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]
    #[test]
    fn no_body_that_differs_in_one_byte_is_no_drift(
        way in ways(),
        (file, edit) in (any::<usize>(), edits()),
        comment in prop_oneof![
            Just(""),
            Just("\n//# sourceMappingURL=x"),
            Just("\n//# sourceMappingURL=data:application/json;base64,e30="),
        ],
        (marked, same_bundle) in (any::<bool>(), any::<bool>()),
    ) {
        let (case, text, seen) = before(way, marked, same_bundle);
        let forged = forged(text, file, &edit, comment, &seen.stamp);
        let first = match way {
            Way::NewerThanTheList => entry(text, 3),
            _ => seen.clone(),
        };
        let mut case = looks(case, first, &seen, &forged);
        let conditions = shown(&case.status());
        prop_assert!(
            !conditions.iter().any(|shown| shown.starts_with("Drifted=False")),
            "{way:?}: {conditions:?}"
        );
        // Whatever it is, it never becomes what later bodies are compared with.
        let known = case.state.memo.applied.and_then(|applied| applied.body_digest);
        let digest = match &forged.content {
            super::super::BodyContent::Files { digest, .. } => digest.to_string(),
            _ => unreachable!("it has files"),
        };
        prop_assert!(known.as_ref() != Some(&digest), "{way:?}");
    }
}

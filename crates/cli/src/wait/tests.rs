use ace_api::{EdgeFunction, MigrationSet};
use serde_json::{Value, json};

use super::judge::{Judge, Judged};
use super::member::{Member, chosen};
use super::subject::Subject;
use super::{End, NAMED};

const NEW: &str = "main@sha1:4f2c000000000000000000000000000000000000";
const OLD: &str = "main@sha1:1111111111111111111111111111111111111111";

fn conditions(all: &[(&str, &str, &str, &str)]) -> Value {
    let one = |(kind, status, reason, message): &(&str, &str, &str, &str)| {
        json!({"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": 3,
            "lastTransitionTime": "2026-11-23T10:00:00Z"})
    };
    all.iter().map(one).collect()
}

fn function(name: &str, revision: &str, all: &[(&str, &str, &str, &str)]) -> EdgeFunction {
    let object = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "EdgeFunction",
        "metadata": {"name": name, "namespace": "ace", "generation": 3},
        "spec": {"platformRef": {"name": "prod"}, "source": {"kind": "GitRepository", "name": "platform"}, "verifyJWT": true},
        "status": {
            "observedGeneration": 3,
            "conditions": conditions(all),
            "source": {"revision": "88ab10cc52e1", "digest": "sha256:88", "files": 1, "bytes": 1, "artifactRevision": revision},
        },
    });
    serde_json::from_value(object).unwrap()
}

const READY: (&str, &str, &str, &str) = ("Ready", "True", "Live", "88ab10cc52e1 is live");

fn judged(objects: &[EdgeFunction]) -> Judged {
    let members: Vec<_> = objects.iter().map(Member::from).collect();
    Judge::new(NEW).judge(&members)
}

fn waiting(message: &str) -> Judged {
    Judged::Waiting(vec![message.to_owned()])
}

fn stalled(message: &str) -> Judged {
    Judged::Stalled(vec![message.to_owned()])
}

#[test]
fn all_have_to_have_taken_the_revision_and_be_ready() {
    let taken = function("a", NEW, &[READY]);
    assert_eq!(judged(&[taken.clone(), function("b", NEW, &[READY])]), Judged::Taken);
    // Ready of the revision before says nothing of this one.
    let old = function("b", OLD, &[READY]);
    assert_eq!(
        judged(&[taken.clone(), old]),
        waiting(&format!("fn/b: is at {OLD}: 88ab10cc52e1 is live"))
    );
    let deploying = [
        ("Ready", "False", "Deploying", "deploying 88ab10cc52e1"),
        ("Reconciling", "True", "Deploying", "…"),
    ];
    assert_eq!(
        judged(&[taken, function("b", NEW, &deploying)]),
        waiting("fn/b: deploying 88ab10cc52e1")
    );
}

#[test]
fn a_status_of_another_generation_says_nothing() {
    let mut object = function("a", NEW, &[READY]);
    object.metadata.generation = Some(4);
    assert_eq!(
        judged(&[object.clone()]),
        waiting("fn/a: its spec was not observed yet")
    );
    object.status = None;
    assert_eq!(judged(&[object]), waiting("fn/a: its spec was not observed yet"));
}

#[test]
fn one_that_is_stalled_with_the_revision_ends_it_also_while_others_wait() {
    let back = [
        ("Ready", "False", "RolledBack", "check preflight got 500"),
        ("Stalled", "True", "RolledBack", "check preflight got 500"),
    ];
    let others = [function("a", OLD, &[READY]), function("b", NEW, &back)];
    assert_eq!(judged(&others), stalled("fn/b: check preflight got 500"));
    // Stalled by the revision before, it may well recover with this one.
    let before = judged(&[function("b", OLD, &back)]);
    assert_eq!(before, waiting(&format!("fn/b: is at {OLD}: check preflight got 500")));
}

#[test]
fn a_revision_that_is_refused_before_it_is_taken_ends_it_if_that_is_news() {
    let refused = |message| {
        [
            ("Ready", "False", "SourceInvalid", message),
            ("Stalled", "True", "SourceInvalid", message),
        ]
    };
    let members = |message| vec![Member::from(&function("a", OLD, &refused(message)))];
    let mut judge = Judge::new(NEW);
    // Nobody knows which revision this is about.
    let seen = judge.judge(&members("a.ts:1 does not parse"));
    assert_eq!(seen, waiting(&format!("fn/a: is at {OLD}: a.ts:1 does not parse")));
    assert_eq!(
        judge.judge(&members("b.ts:2 does not parse")),
        stalled("fn/a: b.ts:2 does not parse")
    );

    let mut judge = Judge::new(NEW);
    judge.judge(&[Member::from(&function("a", OLD, &[READY]))]);
    assert_eq!(
        judge.judge(&members("a.ts:1 does not parse")),
        stalled("fn/a: a.ts:1 does not parse")
    );
}

#[test]
fn a_refusal_of_before_that_is_repeated_for_another_spec_is_no_news() {
    let refused = [
        ("Ready", "False", "SourceInvalid", "a.ts:1 does not parse"),
        ("Stalled", "True", "SourceInvalid", "a.ts:1 does not parse"),
    ];
    let mut object = function("a", OLD, &refused);
    let mut judge = Judge::new(NEW);
    let old = waiting(&format!("fn/a: is at {OLD}: a.ts:1 does not parse"));
    assert_eq!(judge.judge(&[Member::from(&object)]), old);
    object.metadata.generation = Some(4);
    let status = object.status.as_mut().unwrap();
    status.common.observed_generation = Some(4);
    for condition in &mut status.common.conditions {
        condition.observed_generation = Some(4);
    }
    assert_eq!(judge.judge(&[Member::from(&object)]), old);
    // Recovered and refused again in the same words, it is news.
    let status = object.status.as_mut().unwrap();
    let later = serde_json::from_value(json!("2026-11-23T11:00:00Z")).unwrap();
    status.common.conditions[1].last_transition_time = later;
    let seen = judge.judge(&[Member::from(&object)]);
    assert_eq!(seen, stalled("fn/a: a.ts:1 does not parse"));
}

#[test]
fn a_suspended_object_is_not_waited_for_in_vain() {
    let suspended = ("Suspended", "True", "SuspendedByUser", "suspended");
    let expected = "fn/a: it is suspended, so it takes no revision; resume it, or name the others";
    assert_eq!(judged(&[function("a", OLD, &[READY, suspended])]), stalled(expected));
    assert_eq!(judged(&[function("a", NEW, &[READY, suspended])]), Judged::Taken);
}

#[test]
fn a_revision_may_be_written_as_the_status_shows_it_or_by_its_commit() {
    let member = Member::from(&function("a", NEW, &[READY]));
    let is_it = |revision: &str| Judge::new(revision).judge(std::slice::from_ref(&member)) == Judged::Taken;
    for revision in [NEW, "4f2c000000000000000000000000000000000000", "4f2c000", "4F2C000"] {
        assert!(is_it(revision), "{revision}");
    }
    for revision in ["4f2c", "main", "main@sha1", "", "c000000", "4f2c0001"] {
        assert!(!is_it(revision), "{revision}");
    }
}

fn subjects(all: &[&str]) -> Vec<Subject> {
    all.iter().map(|subject| subject.parse().unwrap()).collect()
}

fn set(name: &str, source: &str) -> Member {
    let object = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "MigrationSet",
        "metadata": {"name": name, "namespace": "ace", "generation": 3},
        "spec": {"platformRef": {"name": "prod"}, "source": {"kind": "ConfigMap", "name": source}},
    });
    Member::from(&serde_json::from_value::<MigrationSet>(object).unwrap())
}

#[test]
fn the_objects_of_one_source_are_waited_for_and_which_one_is_asked() {
    let all = || {
        vec![
            Member::from(&function("a", OLD, &[])),
            Member::from(&function("b", OLD, &[])),
            set("main", "migrations"),
        ]
    };
    let names = |of: &[&str], source| -> Result<Vec<String>, String> {
        Ok(chosen(all(), &subjects(of), source)?
            .iter()
            .map(Member::shown)
            .collect())
    };
    let both = Ok(vec!["fn/a".to_owned(), "fn/b".to_owned()]);
    assert_eq!(names(&["fn"], None), both);
    assert_eq!(names(&[], Some("platform")), both);
    assert_eq!(names(&[], Some("gitrepository/platform")), both);
    assert_eq!(names(&["EdgeFunction/b"], None), Ok(vec!["fn/b".to_owned()]));
    assert_eq!(names(&["migs/main"], None), Ok(vec!["migs/main".to_owned()]));
    let several =
        "there is more than one source: choose one of ConfigMap/migrations, GitRepository/platform with --source";
    assert_eq!(names(&[], None), Err(several.to_owned()));
    assert_eq!(names(&["fn/c"], None), Err("there is no fn/c".to_owned()));
    let nothing = "nothing reads from other; there is ConfigMap/migrations, GitRepository/platform";
    assert_eq!(names(&[], Some("other")), Err(nothing.to_owned()));
    assert_eq!(
        chosen(Vec::new(), &subjects(&["migs"]), None).unwrap_err(),
        "there is no MigrationSet to wait for"
    );
    assert!("pods".parse::<Subject>().is_err() && "fn/".parse::<Subject>().is_err());
}

#[test]
fn an_object_that_is_being_deleted_is_not_waited_for() {
    let mut gone = function("b", OLD, &[]);
    gone.metadata.deletion_timestamp = serde_json::from_value(json!("2026-11-23T10:00:00Z")).unwrap();
    let members = [&function("a", OLD, &[]), &gone].map(Member::from).to_vec();
    assert_eq!(chosen(members, &[], None).unwrap().len(), 1);
}

#[test]
fn the_end_names_a_screen_of_objects_and_has_an_exit_code_of_its_own() {
    let many: Vec<String> = (0..NAMED + 5).map(|number| format!("fn/{number}: waits")).collect();
    let text = End::TimeIsUp(many, None).to_string();
    assert_eq!(text.lines().count(), NAMED + 2);
    assert!(text.ends_with("and 5 more"), "{text}");
    let codes = [End::Taken(1), End::Stalled(Vec::new()), End::TimeIsUp(Vec::new(), None)];
    let codes = codes.map(|end| format!("{:?}", end.exit_code()));
    assert_eq!(
        codes,
        [0, 2, 1].map(|code| format!("{:?}", std::process::ExitCode::from(code)))
    );
}

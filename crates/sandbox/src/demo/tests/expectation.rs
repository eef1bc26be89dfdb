use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::environment::Environment;
use super::super::expectation::{Path, Seen, judge};
use super::super::steps::{Part, read};

fn object(name: &str, ready: &str, reason: &str) -> Value {
    json!({
        "metadata": {"name": name, "generation": 2},
        "status": {
            "observedGeneration": 2,
            "conditions": [{"type": "Ready", "status": ready, "reason": reason, "message": "the check failed"}],
            "live": {"version": 7, "revision": "r1"},
            "fields": [{"path": "a", "found": "x"}, {"path": "ab", "found": "y"}],
        },
    })
}

#[test]
fn a_path_finds_what_it_names() {
    let object = object("one", "False", "RolledBack");
    for (path, found) in [
        (".status.live.version", "7"),
        (".status.live", r#"{"revision":"r1","version":7}"#),
        (".status.fields.path", "a ab"),
        (".status.fields[path=ab].found", "y"),
        (".status.fields[path^=a][found=x].path", "a"),
        (".status.other.path", ""),
        ("Ready", "False"),
        ("Ready.reason", "RolledBack"),
        ("Drifted", ""),
    ] {
        assert_eq!(Path::parse(path).unwrap().find(&object), found, "{path}");
    }
    for path in ["", "status", ".a..b", ".a[b]", ".a[b=c"] {
        assert_eq!(Path::parse(path), None, "{path}");
    }
}

/// What is there instead of what an item of a step file says; nothing where it holds.
fn instead(item: &str, seen: &Seen) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let mut environment = Environment::new(directory.path().to_owned()).unwrap();
    environment.keep("LIVE", "r1".to_owned()).unwrap();
    let chapter = format!("# Title\n```sh\ntrue\n```\n- {item}\n");
    let chapter = read("demo/05-x.md", &chapter, &mut BTreeSet::from(["LIVE".to_owned()])).unwrap();
    let [Part::Step(step)] = &chapter.parts[..] else {
        panic!("{chapter:?}");
    };
    let unmet = judge(&[&step.expectations[0]], seen, &environment).err()?;
    assert_eq!(unmet.expected, item.replace("$LIVE", "r1"));
    Some(unmet.instead)
}

#[test]
fn what_a_command_prints_is_what_it_must_print() {
    let seen = Seen {
        output: " r1 lives\n".to_owned(),
        status: "404".to_owned(),
        objects: vec![],
    };
    for (item, expected) in [
        ("prints `$LIVE li`", None),
        ("prints `dies`", Some("r1 lives")),
        ("prints only `$LIVE lives`", None),
        ("prints only `$LIVE`", Some("r1 lives")),
        ("does not print `dies`", None),
        ("does not print `$LIVE`", Some("r1 lives")),
        ("answers `200` or `404`", None),
        ("answers `200` or `40`", Some("404 r1 lives")),
        ("shows `0` objects", None),
        ("shows `1` objects", Some("0 objects")),
    ] {
        assert_eq!(instead(item, &seen).as_deref(), expected, "{item}");
    }
    assert_eq!(instead("answers `200`", &Seen::default()).as_deref(), Some(" "));
}

#[test]
fn a_field_is_what_it_must_be_in_each_object_that_is_meant() {
    let seen = Seen {
        objects: vec![object("one", "True", "Live"), object("two", "False", "RolledBack")],
        ..Seen::default()
    };
    let found = |text: &str| Some(format!("\"{text}\"; Ready=False (RolledBack): the check failed"));
    let other = |text: &str| Some(text.to_owned());
    for (item, expected) in [
        ("`two`: `.status.live.revision` is `r1`", None),
        ("`two`: `.status.live.revision` is `r0` or `$LIVE`", None),
        ("`two`: `.status.live.revision` is `r`", found("r1")),
        ("`two`: `.status.live.revision` is `.status.live.revision`", None),
        ("`two`: `.status.live.revision` is `.status.live.version`", found("r1")),
        ("`two`: `.status.none` is `.status.neither`", found("")),
        ("`two`: `.status.live.revision` is not `r0`", None),
        ("`two`: `.status.live.revision` is not `$LIVE`", found("r1")),
        ("`two`: `.status.none` is not `r0`", found("")),
        ("`two`: `Ready.message` contains `check`", None),
        ("`two`: `Ready.message` contains `$LIVE`", found("the check failed")),
        (
            "`two`: `Ready.message` contains `.status.none`",
            found("the check failed"),
        ),
        ("`two`: `Stalled` is absent", None),
        ("`two`: `Ready` is absent", found("False")),
        ("`two`: `Ready` is there", None),
        ("`two`: `Stalled` is there", found("")),
        ("`one`: `Ready` is `True`", None),
        ("`six`: `Ready` is absent", other("six is not there")),
        ("`.status.live.revision` is `r1`", None),
        ("`Ready` is `True`", other("1 of 2; 1 RolledBack")),
    ] {
        assert_eq!(instead(item, &seen), expected, "{item}");
    }
    let nothing = instead("`Ready` is absent", &Seen::default());
    assert_eq!(nothing, other("an object is not there"));
}

#[test]
fn a_status_of_an_older_spec_shows_nothing() {
    let mut before = object("one", "True", "Live");
    before["metadata"]["generation"] = 3.into();
    let mut seen = Seen {
        objects: vec![before],
        ..Seen::default()
    };
    let older = "its status does not describe its generation yet";
    assert_eq!(instead("`Ready` is `True`", &seen).as_deref(), Some(older));
    seen.objects.push(object("two", "True", "Live"));
    assert_eq!(
        instead("`Ready` is `True`", &seen).as_deref(),
        Some("1 of 2; 1 not yet")
    );
}

#[test]
fn many_objects_are_counted_and_the_one_that_is_stuck_says_why() {
    let mut stuck = object("three", "False", "RolledBack");
    let stalled = json!({"type": "Stalled", "status": "True", "message": "mend it"});
    stuck["status"]["conditions"].as_array_mut().unwrap().push(stalled);
    let live = object("one", "True", "Live");
    let seen = Seen {
        objects: vec![live, object("two", "False", "Deploying"), stuck],
        ..Seen::default()
    };
    let unmet = instead("`Ready` is `True`", &seen);
    let expected = "1 of 3; 1 Deploying, 1 RolledBack; three: mend it";
    assert_eq!(unmet.as_deref(), Some(expected));
}

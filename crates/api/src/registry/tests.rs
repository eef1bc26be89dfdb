use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::{Value, json};

use super::{CARRIERS, COMMON_RIGHTS, KINDS, KindEntry, Right, Scope, Target};
use crate::{
    CATEGORY, ConditionType, GROUP, ListedReason, SharedConditionReason, SharedReason, ShownBy, SourceKind,
    UnobservedReason, VERSION,
};

/// The rule on each field that holds the name of an object.
const NAME_RULE: &str = "self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')";

/// The closed lists of a kind: that of `Ready`, and those of its other conditions.
fn lists(kind: &KindEntry) -> impl Iterator<Item = (ConditionType, &'static [ListedReason])> {
    [(ConditionType::Ready, kind.reasons)]
        .into_iter()
        .chain(kind.conditions.iter().copied())
}

#[test]
fn every_kind_that_is_defined_is_registered() {
    let defined: BTreeSet<String> = sources()
        .iter()
        .flat_map(|source| source.split("#[kube(").skip(1))
        .map(|rest| between(rest, "kind = \"", "\"").to_owned())
        .collect();
    let registered: BTreeSet<String> = KINDS.iter().map(|kind| kind.name.to_owned()).collect();
    assert_eq!((&registered, registered.len()), (&defined, KINDS.len()));
}

#[test]
fn every_list_of_reasons_that_is_written_is_registered_whole() {
    let sources = sources();
    let blocks = sources.iter().flat_map(|source| source.split("\nreasons! {").skip(1));
    let mut written: Vec<(Option<&[ListedReason]>, Vec<String>)> = blocks
        .map(|rest| {
            let block = rest.split("\n}\n").next().unwrap_or_default();
            let entries = block.lines().filter_map(|line| line.split_once(" = \""));
            let entries = entries.map(|(entry, _)| entry.trim().to_owned()).collect();
            let shared = [
                (" + SharedReason {", SharedReason::ALL),
                (" + SharedConditionReason {", SharedConditionReason::ALL),
            ];
            let shared = shared.into_iter().find(|(mark, _)| block.contains(mark));
            (shared.map(|(_, list)| list), entries)
        })
        .collect();
    let entries = |list: &[ListedReason]| -> Vec<String> {
        list.iter()
            .map(|reason| format!("{}: {:?}", reason.name, reason.shown_by))
            .collect()
    };
    // Those of every kind stand behind its own.
    let shared = [SharedReason::ALL, SharedConditionReason::ALL].map(entries);
    let unobserved = entries(UnobservedReason::ALL);
    written.retain(|(_, block)| !shared.contains(block) && *block != unobserved);
    let written: BTreeSet<Vec<String>> = written
        .into_iter()
        .map(|(shared, own)| [own, shared.map(entries).unwrap_or_default()].concat())
        .collect();
    for kind in KINDS {
        assert!(entries(kind.reasons).ends_with(&shared[0]), "{}", kind.name);
        for (type_, reasons) in kind.conditions {
            assert!(entries(reasons).ends_with(&shared[1]), "{type_:?} of {}", kind.name);
        }
    }
    let lists = KINDS.iter().flat_map(lists);
    let registered: BTreeSet<Vec<String>> = lists.map(|(_, list)| entries(list)).collect();
    assert_eq!(registered, written);
}

#[test]
fn each_reason_is_listed_once_and_under_its_own_condition() {
    let is_of_its_own =
        |reason: &ListedReason| [ShownBy::True, ShownBy::False, ShownBy::Unknown].contains(&reason.shown_by);
    for kind in KINDS {
        for (type_, list) in lists(kind) {
            let is_other = type_ != ConditionType::Ready;
            assert!(
                list.iter().all(|reason| is_of_its_own(reason) == is_other),
                "{type_:?} of {}",
                kind.name
            );
            let names: BTreeSet<&str> = list.iter().map(|reason| reason.name).collect();
            assert_eq!(names.len(), list.len(), "{}", kind.name);
        }
    }
}

#[test]
fn a_reason_of_one_name_belongs_to_one_condition_in_every_kind() {
    let mut known: BTreeMap<(&str, &str), (&str, ShownBy)> = BTreeMap::new();
    for kind in KINDS {
        let reasons = lists(kind).flat_map(|(type_, list)| list.iter().map(move |reason| (type_.as_str(), reason)));
        for (type_, reason) in reasons {
            let (first, shown_by) = known
                .entry((reason.name, type_))
                .or_insert((kind.name, reason.shown_by));
            assert_eq!(
                reason.shown_by, *shown_by,
                "{} of {} and {first}",
                reason.name, kind.name
            );
        }
    }
}

#[test]
fn what_is_wrong_with_a_secret_has_the_same_reason_in_every_kind_that_reads_one() {
    let wanted = [
        ("Retrying", ShownBy::Reconciling),
        ("SecretInvalid", ShownBy::Stalled),
        ("SecretNotOffered", ShownBy::Stalled),
        ("AccessMissing", ShownBy::Stalled),
    ];
    // Neither of these two reads one.
    for kind in KINDS
        .iter()
        .filter(|kind| !["EdgeFunction", "Silence"].contains(&kind.name))
    {
        for (name, shown_by) in wanted {
            let listed = kind.reasons.iter().find(|reason| reason.name == name);
            assert_eq!(
                listed.map(|reason| reason.shown_by),
                Some(shown_by),
                "{name} of {}",
                kind.name
            );
        }
    }
}

#[test]
fn every_kind_says_what_was_not_observed() {
    for kind in KINDS {
        for (type_, list) in lists(kind) {
            let names: Vec<(&str, ShownBy)> = list.iter().map(|reason| (reason.name, reason.shown_by)).collect();
            for reason in UnobservedReason::ALL {
                let is_of_ready = reason.shown_by != ShownBy::Unknown;
                assert_eq!(
                    names.contains(&(reason.name, reason.shown_by)),
                    is_of_ready == (type_ == ConditionType::Ready),
                    "{} of {type_:?} of {}",
                    reason.name,
                    kind.name
                );
            }
        }
    }
}

#[test]
fn a_row_names_its_kind_as_the_definition_does() {
    for kind in KINDS {
        let spec = json!(kind.derived().spec);
        let names = &spec["names"];
        let defined = (&names["kind"], &names["plural"], &names["shortNames"]);
        assert_eq!(
            defined,
            (&json!(kind.name), &json!(kind.plural), &json!([kind.short_name]))
        );
        let place = (&spec["group"], &spec["versions"][0]["name"], &spec["scope"]);
        assert_eq!(place, (&json!(GROUP), &json!(VERSION), &json!("Namespaced")));
        assert_eq!(names["categories"], json!([CATEGORY]), "{}", kind.name);
        assert_eq!(kind.resource().plural, kind.plural);
    }
}

#[test]
fn a_status_has_the_common_fields_and_drift_just_where_the_row_has_reasons_for_it() {
    for kind in KINDS {
        let status = schema_of(kind)["properties"]["status"]["properties"].clone();
        for field in ["observedGeneration", "conditions", "lastHandledReconcileAt"] {
            assert!(status[field].is_object(), "{}: {field}", kind.name);
        }
        assert_eq!(status["drift"].is_object(), kind.has_drift(), "{}", kind.name);
        assert!(status["common"].is_null(), "{}", kind.name);
    }
}

#[test]
fn the_references_of_a_row_are_the_fields_of_its_spec_that_hold_an_objects_name() {
    for kind in KINDS {
        let mut found = BTreeSet::new();
        references("spec", &schema_of(kind)["properties"]["spec"], &mut |path, beside| {
            found.insert((path.to_owned(), shape_of(path, beside)));
        });
        let named: BTreeSet<_> = kind
            .references
            .iter()
            .map(|reference| {
                let shape = match reference.target {
                    Target::Source => Shape::Source,
                    Target::Secret => Shape::Secret,
                    Target::Kind(target) => {
                        assert!(KindEntry::named(target).is_some(), "{}: {target}", kind.name);
                        Shape::Name
                    }
                };
                (reference.path.to_owned(), shape)
            })
            .collect();
        assert_eq!(named, found, "{}", kind.name);
    }
}

#[test]
fn the_carriers_are_the_kinds_of_a_source() {
    let schema = schemars::schema_for!(SourceKind);
    let variants = schema.as_value()["oneOf"].as_array().unwrap();
    let kinds: Vec<&str> = variants
        .iter()
        .map(|variant| variant["const"].as_str().unwrap())
        .collect();
    let carriers: Vec<&str> = CARRIERS.iter().map(|carrier| carrier.kind).collect();
    assert_eq!(carriers, kinds);
}

#[test]
fn a_row_reads_its_own_objects_and_asks_for_no_others_of_ours_but_those_it_makes() {
    for kind in KINDS {
        let (own, others): (Vec<&Right>, Vec<&Right>) = kind.rights.iter().partition(|right| right.group == GROUP);
        let (own, made): (Vec<&Right>, Vec<&Right>) = own.into_iter().partition(|right| right.resource == kind.plural);
        let [own] = own[..] else {
            panic!("{}: one right on its objects", kind.name)
        };
        assert_eq!(own.scope, Scope::Cluster);
        assert!(
            made.iter().all(|right| right.verbs.contains(&"create")),
            "{}: what it makes, and nothing else",
            kind.name
        );
        assert!(["list", "watch"].iter().all(|verb| own.verbs.contains(verb)), "{own:?}");
        for right in others.into_iter().chain(made).chain([own]).chain(COMMON_RIGHTS) {
            assert!(!right.why.ends_with('.') && !right.verbs.contains(&"*"), "{right:?}");
        }
    }
}

#[test]
fn what_is_no_kind_of_ours_has_no_row_and_what_is_no_condition_no_reasons() {
    assert!(KindEntry::named("Secret").is_none());
    let kind = KindEntry::named("EdgeFunction").unwrap();
    assert!(kind.reasons_of("Healthy").is_empty());
    assert!(kind.reasons_of("Drifted").iter().any(|reason| reason.name == "NoDrift"));
    assert!(
        kind.reasons_of("Stalled")
            .iter()
            .any(|reason| reason.name == "RolledBack")
    );
}

/// What stands beside a name tells what is named.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Shape {
    Name,
    /// One key of a Secret, or all that it has: the field says so by its name.
    Secret,
    Source,
}

fn shape_of(path: &str, fields: &Value) -> Shape {
    if fields["kind"]["enum"].is_array() {
        Shape::Source
    } else if fields["key"].is_object() || path.ends_with("SecretRef.name") {
        Shape::Secret
    } else {
        Shape::Name
    }
}

/// Calls `found` with the path of each field that holds an object's name, and with the fields beside it.
fn references(path: &str, schema: &Value, found: &mut impl FnMut(&str, &Value)) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let rules = field["x-kubernetes-validations"].as_array().into_iter().flatten();
        if rules.into_iter().any(|rule| rule["rule"] == NAME_RULE) {
            found(&path, &schema["properties"]);
        }
        references(&path, field, found);
        references(&path, &field["items"], found);
    }
}

fn schema_of(kind: &KindEntry) -> Value {
    json!(
        kind.derived().spec.versions[0]
            .schema
            .as_ref()
            .unwrap()
            .open_api_v3_schema
    )
}

/// The sources of this crate but for its tests.
fn sources() -> Vec<String> {
    fn below(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, found);
            } else if !path.ends_with("tests.rs") {
                found.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut found = Vec::new();
    below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split(after).next().unwrap()
}

use std::slice::from_ref;

use sha2::{Digest, Sha256};

use super::{FORM, Fingerprint, ObjectClass, SchemaObject, definition, differences, reading};

fn object(class: ObjectClass, name: &str, attributes: &[&str]) -> SchemaObject {
    let attributes: Vec<_> = attributes.iter().map(|&attribute| attribute.to_owned()).collect();
    SchemaObject {
        class,
        name: name.to_owned(),
        schemas: vec!["public".to_owned()],
        definition: definition::written(&attributes),
    }
}

fn fingerprint(objects: &[SchemaObject]) -> Fingerprint {
    objects.iter().cloned().collect()
}

fn texts(desired: &[SchemaObject], observed: &[SchemaObject]) -> Vec<[String; 3]> {
    let differences = differences(&fingerprint(desired), &fingerprint(observed));
    differences
        .into_iter()
        .map(|it| [it.path, it.desired, it.observed])
        .collect()
}

#[test]
fn stored_objects_make_the_same_fingerprint_in_any_order() {
    let table = object(ObjectClass::Table, "public.a", &["table"]);
    let column = object(ObjectClass::Column, "public.a.b", &["text", "~nullable"]);
    let taken = fingerprint(&[table.clone(), column.clone()]);
    let stored: Fingerprint = taken.objects().collect::<Vec<_>>().into_iter().rev().collect();
    assert_eq!(stored, taken);
    assert_eq!((stored.digest(), stored.len()), (taken.digest(), 2));
    assert_eq!(taken.objects().collect::<Vec<_>>(), [table, column]);
}

#[test]
fn a_digest_tells_where_a_text_ends() {
    let of = |name: &str, definition: &str| {
        let object = SchemaObject {
            class: ObjectClass::Table,
            name: name.to_owned(),
            schemas: Vec::new(),
            definition: definition.to_owned(),
        };
        fingerprint(&[object]).digest()
    };
    assert_ne!(of("ab", "c"), of("a", "bc"));
    assert_eq!(of("ab", "c").len(), "sha256:".len() + 64);
    assert_ne!(of("", ""), fingerprint(&[]).digest());
}

#[test]
fn a_class_is_known_by_its_word() {
    for class in ObjectClass::ALL {
        assert_eq!(class.to_string().parse(), Ok(*class));
    }
    assert!("Table".parse::<ObjectClass>().is_err());
}

#[test]
fn equal_fingerprints_have_no_differences() {
    let column = object(ObjectClass::Column, "public.a.b", &["text", "~nullable"]);
    assert_eq!(texts(from_ref(&column), from_ref(&column)), Vec::<[String; 3]>::new());
}

#[test]
fn an_object_of_one_side_is_shown_without_ordinary_attributes() {
    let column = object(ObjectClass::Column, "public.a.b", &["text", "not null", "~no default"]);
    let path = "column/public.a.b".to_owned();
    let expected = [path.clone(), "absent".to_owned(), "text not null".to_owned()];
    assert_eq!(texts(&[], from_ref(&column)), [expected]);
    let expected = [path, "text not null".to_owned(), "absent".to_owned()];
    assert_eq!(texts(&[column], &[]), [expected]);
}

#[test]
fn of_an_object_of_both_sides_only_what_differs_is_shown() {
    let table = |attributes| object(ObjectClass::Table, "public.a", attributes);
    let desired = table(&["table", "row security enabled", "~not forced"]);
    let observed = table(&["table", "row security disabled", "~not forced"]);
    let expected = ["table/public.a", "row security enabled", "row security disabled"].map(str::to_owned);
    assert_eq!(texts(&[desired], &[observed]), [expected]);
}

#[test]
fn differences_are_ordered_by_class_and_name() {
    let objects = [
        object(ObjectClass::Grant, "table public.a to anon", &["SELECT"]),
        object(ObjectClass::Column, "public.b.x", &["text"]),
        object(ObjectClass::Column, "public.a.x", &["text"]),
        object(ObjectClass::Table, "public.b", &["table"]),
    ];
    let paths: Vec<_> = texts(&[], &objects).into_iter().map(|[path, ..]| path).collect();
    let expected = [
        "table/public.b",
        "column/public.a.x",
        "column/public.b.x",
        "grant/table public.a to anon",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn a_long_attribute_is_compared_whole_and_shown_by_head_and_digest() {
    let policy = |last: &str| {
        object(
            ObjectClass::Policy,
            "public.a.p",
            &[&format!("using {}{last}", "x".repeat(300))],
        )
    };
    let [[_, desired, observed]] = texts(&[policy("1")], &[policy("2")]).try_into().unwrap();
    let head = format!("using {}… sha256:", "x".repeat(54));
    for side in [&desired, &observed] {
        assert_eq!(
            (side.strip_prefix(&head).map(str::len), side.contains("xx")),
            (Some(12), true),
            "{side}"
        );
    }
    assert_ne!(desired, observed);
    assert!(policy("1").definition.chars().count() < 150);
}

#[test]
fn what_is_shown_has_at_most_200_characters() {
    let attributes: Vec<_> = (0..9).map(|number| format!("{number}{}", "ü".repeat(99))).collect();
    let attributes: Vec<_> = attributes.iter().map(String::as_str).collect();
    let long = object(ObjectClass::Function, &"f".repeat(999), &attributes);
    for text in texts(&[], &[long]).concat() {
        assert!(text.chars().count() <= 200, "{text}");
    }
}

#[test]
fn texts_that_differ_only_in_line_breaks_stay_different_on_one_line() {
    let lines = ["a\nb", "a\\nb", "a b", "a\u{85}b", "a\rb", "a\\\nb"].map(definition::one_line);
    for (index, line) in lines.iter().enumerate() {
        assert!(
            !line.contains(char::is_control) && !lines[..index].contains(line),
            "{line}"
        );
    }
    assert_eq!(lines[0], r"a\nb");
    assert_eq!(definition::one_line("Größe ☃"), "Größe ☃");
}

/// A table of these schemas with this definition.
fn table(name: &str, schemas: &[&str], is: &str) -> SchemaObject {
    SchemaObject {
        schemas: schemas.iter().map(|&schema| schema.to_owned()).collect(),
        ..object(ObjectClass::Table, name, &[is])
    }
}

/// The reference after a run, from the reference and the snapshots before and after the run.
fn after(reference: &[(&str, &str)], before: &[(&str, &str)], behind: &[(&str, &str)]) -> Fingerprint {
    let [reference, before, behind] = [reference, before, behind].map(tables);
    let seen = reference.clone().changed(&reference.changes_to(&before));
    assert_eq!(seen, before, "the snapshot before is the reference and its drift");
    reference.changed(&seen.changes_to(&behind))
}

fn tables(named: &[(&str, &str)]) -> Fingerprint {
    named.iter().map(|(name, is)| table(name, &["public"], is)).collect()
}

#[test]
fn what_a_run_changed_enters_the_reference() {
    let next = after(&[("a", "1")], &[("a", "1")], &[("a", "2"), ("b", "1")]);
    assert_eq!(next, tables(&[("a", "2"), ("b", "1")]));
}

#[test]
fn drift_that_stood_before_a_run_stays_drift() {
    let next = after(
        &[("a", "1"), ("gone", "1")],
        &[("a", "by hand"), ("new", "by hand")],
        &[("a", "by hand"), ("new", "by hand"), ("b", "1")],
    );
    assert_eq!(next, tables(&[("a", "1"), ("b", "1"), ("gone", "1")]));
}

#[test]
fn a_run_that_changes_what_had_drifted_settles_it() {
    let next = after(&[("a", "1")], &[("a", "by hand")], &[("a", "2")]);
    assert_eq!(next, tables(&[("a", "2")]));
    let next = after(&[("a", "1")], &[("a", "by hand")], &[]);
    assert_eq!(next, tables(&[]));
}

#[test]
fn objects_of_schemas_that_stay_are_kept_and_all_others_are_as_elsewhere() {
    let kept = fingerprint(&[
        table("changed", &["a"], "1"),
        table("dropped", &["a"], "1"),
        table("of another", &["b"], "1"),
        table("of both", &["b", "a"], "1"),
    ]);
    let live = fingerprint(&[
        table("changed", &["a"], "2"),
        table("made", &["a"], "1"),
        table("of both", &["b", "a"], "2"),
        table("added", &["c"], "1"),
        table("made of both", &["c", "a"], "1"),
    ]);
    let expected = fingerprint(&[
        table("changed", &["a"], "1"),
        table("dropped", &["a"], "1"),
        table("of both", &["b", "a"], "1"),
        table("added", &["c"], "1"),
    ]);
    assert_eq!(kept.clone().keeping(&["a".to_owned()], &live), expected);
    assert_eq!(kept.keeping(&[], &live), live);
}

/// After a change of what is read, or of what is kept of it, `FORM` has to be incremented: otherwise every database with a
/// stored reference shows drift everywhere.
#[test]
fn another_form_has_another_number() {
    let expressions = [
        "\u{1}~default 'x'::text",
        "\u{1}((a AND b) AND c)",
        "\u{3}body (ARRAY[a])::text[]",
    ];
    let attributes = ["~ordinary", "a\nb\\c\u{1b}", &"ü".repeat(500)];
    let attributes = [attributes.as_slice(), &expressions].concat();
    let attributes: Vec<_> = attributes.into_iter().map(str::to_owned).collect();
    let form = [reading::BEGIN, reading::OBJECTS, &definition::written(&attributes)].join("\n");
    let noted = (3, "c3318d55235f4266");
    assert_eq!((FORM, &hex::encode(Sha256::digest(form))[..16]), noted);
}

use serde_json::json;

use super::{Record, Version};

const MISSED: &str = "the watch of EdgeFunction missed versions";

#[test]
fn a_list_in_the_middle_of_a_watch_that_holds_what_is_known_missed_nothing() {
    let mut record = Record::default();
    record.add_list("EdgeFunction", Vec::new());
    record.add(version("Platform", "crm", 5));
    record.add(version("EdgeFunction", "hello", 7));
    record.add(gone("EdgeFunction", "old", 8));
    record.add_list("EdgeFunction", vec![version("EdgeFunction", "hello", 7)]);
    assert_eq!(record.violations, [""; 0]);
    assert_eq!(record.versions.len(), 3);
}

#[test]
fn a_list_with_a_newer_version_or_another_object_or_without_a_known_one_missed_something() {
    for listed in [
        vec![version("EdgeFunction", "hello", 9)],
        vec![version("EdgeFunction", "hello", 7), version("EdgeFunction", "other", 9)],
        Vec::new(),
    ] {
        let mut record = Record::default();
        record.add(version("EdgeFunction", "hello", 7));
        record.add_list("EdgeFunction", listed);
        assert_eq!(record.violations, [MISSED]);
    }
}

fn version(kind: &str, name: &str, number: u64) -> Version {
    let object = json!({
        "kind": kind,
        "metadata": {"uid": name, "name": name, "generation": 1, "resourceVersion": number.to_string()},
        "status": {"observedGeneration": -1},
    });
    let deleted = false;
    Version { deleted, object }
}

fn gone(kind: &str, name: &str, number: u64) -> Version {
    Version {
        deleted: true,
        ..version(kind, name, number)
    }
}

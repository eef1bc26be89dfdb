use jiff::Timestamp;
use serde_json::{Value, json};

use super::within_bounds;
use crate::{
    EdgeFunctionStatus, FunctionCount, KINDS, Live, PlatformStatus, ProjectStatus, Stamp,
    testing::{oversized, status_schema},
};

#[test]
fn whatever_exceeds_the_bounds_of_a_status_is_valid_by_its_definition_once_it_is_cut() {
    for kind in KINDS {
        let schema = status_schema(kind);
        let options = jsonschema::options().should_validate_formats(true);
        let validator = options.build(&schema).unwrap();
        let status = oversized(&schema);
        let wrong: Vec<String> = validator.iter_errors(&status).map(|error| error.to_string()).collect();
        assert!(wrong.len() > 10, "{}: {wrong:?}", kind.name);
        let cut: Value = within_bounds(kind.name, status);
        let wrong: Vec<String> = validator.iter_errors(&cut).map(|error| error.to_string()).collect();
        assert_eq!(wrong, Vec::<String>::new(), "{}", kind.name);
        // All of it is still there: nothing was taken out to make it fit.
        assert_eq!(fields(&cut), fields(&oversized(&schema)), "{}", kind.name);
        assert_eq!(within_bounds(kind.name, cut.clone()), cut, "{}", kind.name);
    }
}

#[test]
fn a_long_slug_or_region_costs_no_more_than_its_own_end() {
    let long = |letter: &str, length| letter.repeat(length);
    let status = |region: String, slugs: Vec<String>| PlatformStatus {
        project: Some(ProjectStatus {
            state: "ACTIVE_HEALTHY".to_owned(),
            region,
        }),
        functions: Some(FunctionCount {
            managed: 1,
            unmanaged_count: 51,
            unmanaged: slugs,
        }),
        ..PlatformStatus::default()
    };
    let within = status(long("ü", 64), vec![long("s", 64); 50]);
    assert_eq!(within_bounds("Platform", within.clone()), within);
    let beyond = status(long("ü", 65), vec![long("s", 70); 51]);
    let cut = status(format!("{}…", long("ü", 63)), vec![format!("{}…", long("s", 63)); 50]);
    assert_eq!(within_bounds("Platform", beyond), cut);
}

#[test]
fn what_is_compared_with_a_status_is_cut_like_it() {
    let stamp = Stamp::new(&"i".repeat(65), 7, Timestamp::MIN, Some(&"d".repeat(129)));
    let status = EdgeFunctionStatus {
        live: Some(Live {
            version: 7,
            updated_time: stamp.updated_time,
            revision: "foreign".to_owned(),
            verify_jwt: None,
            state: None,
            stamp,
        }),
        ..EdgeFunctionStatus::default()
    };
    assert_eq!(within_bounds("EdgeFunction", status.clone()), status);
}

#[test]
fn a_number_beyond_its_range_becomes_the_end_of_it() {
    let generation = |number: i64| json!({ "observedGeneration": number });
    assert_eq!(within_bounds("Platform", generation(-7)), generation(-1));
    assert_eq!(within_bounds("Platform", generation(i64::MAX)), generation(i64::MAX));
}

/// Paths of all fields, without those of the items of lists.
fn fields(value: &Value) -> Vec<String> {
    let Some(object) = value.as_object() else {
        return Vec::new();
    };
    let below = |(name, value): (&String, &Value)| {
        let below = fields(value).into_iter().map(move |field| format!("{name}.{field}"));
        std::iter::once(name.clone())
            .chain(below.collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    object.iter().flat_map(below).collect()
}

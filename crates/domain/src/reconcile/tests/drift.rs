//! How differences are kept in a status, whatever the kind.

use ace_api::{Drift, DriftReason};

use crate::reconcile::{
    decision::Cause,
    drift::{DriftAssessment, field},
    fixture::at,
};

#[test]
fn a_drift_is_the_same_one_until_it_is_over() {
    let found = |before: Option<&Drift>, second| {
        let cause = Cause::new(DriftReason::OutOfBandChange, "differs");
        let fields = vec![field("files/a.ts", "1", "2")];
        DriftAssessment::found(cause, fields, before, at(second)).drift.unwrap()
    };
    let first = found(None, 1);
    assert_eq!((first.detected_time, first.corrected_time), (at(1), None));
    assert_eq!(found(Some(&first), 2), first);
    let over = Drift {
        corrected_time: Some(at(3)),
        ..first
    };
    assert_eq!(found(Some(&over), 4).detected_time, at(4));
}

#[test]
fn sixteen_differences_are_named_within_their_bounds_and_all_are_counted() {
    let long = "x".repeat(300);
    let cause = Cause::new(DriftReason::OutOfBandChange, "differs");
    let found = DriftAssessment::found(cause, vec![field(&long, &long, &long); 40], None, at(0));
    let drift = found.drift.unwrap();
    assert_eq!((drift.count, drift.fields.len()), (40, 16));
    let named = &drift.fields[0];
    let lengths = [&named.path, &named.desired, &named.observed].map(String::len);
    assert_eq!(lengths, [256, 128, 128]);
}

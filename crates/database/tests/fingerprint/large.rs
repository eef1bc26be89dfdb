//! A fingerprint of a schema of the size of a real one.

use std::collections::BTreeMap;

use ace_database::ObjectClass;

use crate::{bed::Bed, schema::schema};

#[tokio::test]
async fn each_object_of_a_large_schema_is_seen_once() {
    let bed = Bed::start("").await;
    let count = async || {
        let mut classes = BTreeMap::new();
        for object in bed.fingerprint().await.objects() {
            *classes.entry(object.class).or_insert(0) += 1;
        }
        classes
    };
    let before = count().await;
    bed.run(&schema(130, 130)).await;
    let mut added = count().await;
    for (class, number) in before {
        *added.get_mut(&class).unwrap() -= number;
    }
    added.retain(|_, number| *number > 0);
    let expected = [
        (ObjectClass::Table, 130),
        (ObjectClass::Column, 12 * 130),
        (ObjectClass::Constraint, 2 * 130),
        (ObjectClass::Index, 5 * 130),
        (ObjectClass::Function, 131),
        (ObjectClass::Trigger, 130),
        (ObjectClass::Policy, 130),
        // To the owner and three roles by default; a function also to everybody.
        (ObjectClass::Grant, 4 * 130 + 5 * 131),
    ];
    assert_eq!(added, BTreeMap::from(expected));
}

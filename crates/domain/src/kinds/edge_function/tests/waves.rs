//! New content waits for the functions of lower waves.

use ace_api::{EdgeFunction, Mode};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    super::{Member, blockers},
    fixture::settled,
    values::{A, B, digest},
};
use crate::reconcile::fixture::{at, message};

#[test]
fn a_lower_wave_blocks_until_it_has_what_it_wants_applied_and_proven() {
    let cases = [
        (member(|_| {}), A, vec![]),
        (member(|_| {}), B, vec!["hello"]),
        (
            member(|object| object.status.as_mut().unwrap().proven = None),
            A,
            vec!["hello"],
        ),
        (member(|object| object.status = None), A, vec!["hello"]),
    ];
    for (object, wants, expected) in cases {
        assert_eq!(blocking(1, &object, Some(wants)), expected);
    }
}

#[test]
fn a_member_whose_content_is_not_in_the_tree_blocks() {
    assert_eq!(blocking(1, &member(|_| {}), None), ["hello"]);
}

#[test]
fn the_same_and_higher_waves_do_not_block() {
    assert_eq!(blocking(0, &member(|_| {}), Some(B)), [""; 0]);
}

#[test]
fn suspended_observing_and_leaving_members_do_not_count() {
    for object in [
        member(|object| object.spec.suspend = true),
        member(|object| object.spec.mode = Mode::Observe),
        member(|object| object.metadata.deletion_timestamp = Some(Time(at(0)))),
    ] {
        assert_eq!(blocking(1, &object, Some(B)), [""; 0]);
    }
}

#[test]
fn a_stalled_member_blocks_and_the_message_says_what_to_do() {
    let stalled = member(|object| {
        let mut case = super::memory::rolled_back();
        object.status = Some(case.status());
    });
    assert_eq!(
        blocking(1, &stalled, Some(B)),
        ["hello (stalled; fix it, or suspend it to continue without it)"]
    );
}

#[test]
fn five_blockers_are_named_and_the_rest_is_counted() {
    let mut case = settled().wants(B).with(|case| {
        case.state.blockers = (1..=7).map(|n| format!("f{n}")).collect();
    });
    assert_eq!(
        message(&case.status(), "Reconciling"),
        "waiting for functions of lower waves: f1, f2, f3, f4, f5 and 2 more"
    );
}

fn blocking(wave: i32, object: &EdgeFunction, wants: Option<&str>) -> Vec<String> {
    let member = Member {
        object,
        wants: wants.map(digest),
    };
    blockers(wave, [member])
}

fn member(change: impl FnOnce(&mut EdgeFunction)) -> EdgeFunction {
    let case = settled();
    let mut object = EdgeFunction {
        status: Some(case.state.memo),
        ..case.object
    };
    change(&mut object);
    object
}

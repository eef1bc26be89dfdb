use ace_api::{ANNOTATION_ACKNOWLEDGE, Acknowledgement, HandledGroup};

use super::super::firing_digest;
use super::fixture::{Case, cards, row};
use crate::reconcile::fixture::at;

#[test]
fn who_takes_care_is_said_after_it_began_to_fire_and_of_this_firing_only() {
    let acknowledged = |case: &Case| case.status.acknowledged.as_ref().map(|by| (by.by.clone(), by.time));
    let says = |mut case: Case, who: &str| {
        case.object.metadata.annotations = Some([(ANNOTATION_ACKNOWLEDGE.to_owned(), who.to_owned())].into());
        case.passes()
    };
    let early = says(cards().asks(1, &[row("Book", 0.0)]), "ann: restocking").asks(10, &[row("Book", 0.0)]);
    assert_eq!(
        (early.says().as_str(), acknowledged(&early)),
        ("Firing critical 1", None)
    );
    let taken = says(early, "bob: ordering").asks(5, &[row("Book", 0.0)]);
    assert_eq!(acknowledged(&taken), Some(("bob: ordering".to_owned(), at(660))));
    let restarted = taken.clone().restarts(60);
    assert_eq!(acknowledged(&restarted), acknowledged(&taken));
    let clear = taken.asks(31, &[row("Book", 50.0)]);
    assert_eq!((clear.says().as_str(), acknowledged(&clear)), ("Inactive - 0", None));
    let again = clear.asks(11, &[row("Book", 0.0)]);
    assert_eq!(
        (again.says().as_str(), acknowledged(&again)),
        ("Firing critical 1", None)
    );
}

#[test]
fn who_handles_all_that_fires_on_the_platforms_page_takes_care_of_the_rule() {
    let handled = |case: &Case, digest: String, by: Option<&str>| {
        let mut case = case.clone();
        let time = at(900);
        let by = by.map(str::to_owned);
        case.channels[0].handled = Some(HandledGroup { digest, by, time });
        case.passes()
    };
    let acknowledged = |case: &Case| case.status.acknowledged.clone();
    let firing = cards().asks(11, &[row("Book", 0.0), row("Tea", 0.0)]);
    let (all, some) = (
        firing_digest(&firing.status.alerts),
        firing_digest(&firing.status.alerts[..1]),
    );
    assert_eq!(acknowledged(&handled(&firing, some, None)), None);
    let taken = handled(&firing, all.clone(), Some("u7"));
    let by = |by: &str| {
        Some(Acknowledgement {
            by: by.to_owned(),
            time: at(900),
        })
    };
    assert_eq!(acknowledged(&taken), by("user u7, on the platform's page"));
    assert_eq!(
        acknowledged(&handled(&firing, all, None)),
        by("somebody, on the platform's page")
    );
    // It stays while more fires, and is of this firing only.
    let more = taken.asks(11, &[row("Book", 0.0), row("Tea", 0.0), row("Soap", 0.0)]);
    assert_eq!(acknowledged(&more), by("user u7, on the platform's page"));
    let again = more.asks(31, &[row("Book", 50.0), row("Tea", 50.0), row("Soap", 50.0)]);
    let again = again.asks(11, &[row("Book", 0.0), row("Tea", 0.0)]);
    assert_eq!(
        (again.says().as_str(), acknowledged(&again)),
        ("Firing critical 2", None)
    );
}

mod assignment;
mod contest;
mod model;
mod world;

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::api::ObjectMeta;

use super::{
    Fence, Terms,
    election::{Action, Election, Write},
    since_boot,
};

fn at(second: u64) -> Duration {
    Duration::from_secs(100 + second)
}

fn lease(version: u64, holder: &str, transitions: i32) -> Lease {
    Lease {
        metadata: ObjectMeta {
            uid: Some("1".to_owned()),
            resource_version: Some(version.to_string()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }),
    }
}

fn election() -> Election {
    Election::new("b".to_owned(), Terms::default())
}

fn write(version: Option<u64>, transitions: i32) -> Action {
    Action::Write(Write {
        version: version.map(|version| version.to_string()),
        holder: "b".to_owned(),
        transitions,
        wanted_by: None,
        kept: None,
    })
}

/// The write that is due now succeeds as this version.
fn writes(election: &mut Election, version: u64, second: u64) {
    let Action::Write(write) = election.next(Duration::ZERO, at(second)) else {
        panic!("nothing is due");
    };
    let answer = lease(version, &write.holder, write.transitions);
    election.written(&write, &answer, at(second));
    election.admit();
}

fn acts(election: &Election, second: u64) -> bool {
    election.fence().is_some_and(|fence| fence.is_open_at(at(second)))
}

#[test]
fn a_lease_of_another_is_free_when_its_version_has_not_moved_for_fifteen_seconds_whatever_times_it_names() {
    let mut election = election();
    assert_eq!(
        election.next(Duration::ZERO, at(0)),
        Action::Watch,
        "nobody has said yet whose it is"
    );
    let mut held = lease(7, "a", 3);
    if let Some(spec) = &mut held.spec {
        spec.renew_time = Some(MicroTime("2001-01-01T00:00:00Z".parse().unwrap()));
        spec.lease_duration_seconds = Some(1);
    }
    election.observe(Some(&held), at(0));
    assert_eq!(election.next(Duration::ZERO, at(14)), Action::Wait(at(15)));
    election.observe(Some(&held), at(14));
    assert_eq!(
        election.next(Duration::ZERO, at(14)),
        Action::Wait(at(15)),
        "it was listed again"
    );
    election.observe(Some(&lease(8, "a", 3)), at(14));
    assert_eq!(election.next(Duration::ZERO, at(28)), Action::Wait(at(29)));
    assert_eq!(election.next(Duration::ZERO, at(29)), write(Some(8), 4));
    writes(&mut election, 9, 29);
    assert!(acts(&election, 38) && !acts(&election, 39));
    assert_eq!(election.fence().map(|fence| fence.epoch()), Some(4));
}

#[test]
fn one_that_was_given_back_and_one_of_its_own_are_free_at_once() {
    for (holder, transitions) in [("", 4), ("b", 4)] {
        let mut election = election();
        election.observe(Some(&lease(7, holder, transitions)), at(0));
        assert_eq!(election.next(Duration::ZERO, at(0)), write(Some(7), 5), "{holder:?}");
        writes(&mut election, 8, 0);
        assert!(acts(&election, 0));
    }
}

#[test]
fn nonsense_in_a_lease_is_a_holder_that_does_not_renew() {
    for nonsense in [lease(7, "\u{0}", -1), lease(7, "a", i32::MAX)] {
        let mut election = election();
        election.observe(Some(&nonsense), at(0));
        assert_eq!(election.next(Duration::ZERO, at(0)), Action::Wait(at(15)));
        let Action::Write(write) = election.next(Duration::ZERO, at(15)) else {
            panic!("it is due");
        };
        assert!(write.transitions > 0, "others are refused: {}", write.transitions);
        writes(&mut election, 8, 15);
        assert!(acts(&election, 15));
    }
    let mut election = election();
    election.observe(
        Some(&Lease {
            spec: None,
            ..lease(7, "", 0)
        }),
        at(0),
    );
    assert_eq!(election.next(Duration::ZERO, at(0)), write(Some(7), 1));
}

#[test]
fn who_creates_a_lease_acts_when_whoever_had_the_one_before_can_not_any_more() {
    let mut election = election();
    election.observe(None, at(0));
    assert_eq!(election.next(Duration::ZERO, at(0)), write(None, 1));
    writes(&mut election, 2, 0);
    for second in [5, 10] {
        writes(&mut election, 2 + second, second);
        assert!(!acts(&election, second));
    }
    writes(&mut election, 20, 15);
    assert!(acts(&election, 15));
}

#[test]
fn it_is_renewed_every_five_seconds_and_who_can_not_for_ten_acts_no_more() {
    let mut election = election();
    election.observe(Some(&lease(7, "", 4)), at(0));
    writes(&mut election, 8, 0);
    assert_eq!(election.next(Duration::ZERO, at(4)), Action::Wait(at(5)));
    writes(&mut election, 9, 5);
    assert!(acts(&election, 14));
    // No answer, again and again.
    election.refused(at(10));
    assert_eq!(election.next(Duration::ZERO, at(10)), Action::Wait(at(11)));
    assert!(!election.has_lost(at(14)));
    assert!(election.has_lost(at(15)));
    assert!(!acts(&election, 15));
}

#[test]
fn who_sees_that_another_has_it_or_that_it_is_gone_acts_no_more() {
    let seen: [Option<Lease>; 4] = [
        Some(lease(9, "a", 6)),
        // The same process in another life.
        Some(lease(9, "b", 6)),
        Some(lease(9, "", 5)),
        None,
    ];
    for seen in seen {
        let mut election = election();
        election.observe(Some(&lease(7, "", 4)), at(0));
        writes(&mut election, 8, 0);
        let fence = election.fence().unwrap();
        // What was sent before its own write arrives after it.
        election.observe(Some(&lease(7, "", 4)), at(1));
        assert!(fence.is_open_at(at(1)));
        election.observe(seen.as_ref(), at(2));
        assert!(!fence.is_open_at(at(2)), "{seen:?}");
        assert!(election.has_lost(at(2)), "{seen:?}");
    }
}

#[test]
fn what_is_given_back_is_free_for_the_next() {
    let mut election = election();
    election.observe(Some(&lease(7, "", 4)), at(0));
    assert_eq!(election.release(), None, "it does not have it");
    writes(&mut election, 8, 0);
    let fence = election.fence().unwrap();
    let released = election.release().unwrap();
    assert_eq!((released.version.as_deref(), released.holder.as_str()), (Some("8"), ""));
    assert!(!fence.is_open_at(at(0)));
}

#[tokio::test]
async fn work_that_is_held_goes_on_only_while_its_process_may_act() {
    let fence = Fence::new(1, since_boot() + Duration::from_hours(1));
    let (go_on, waits) = tokio::sync::oneshot::channel::<()>();
    let work = tokio::spawn(fence.hold(async {
        waits.await.unwrap();
        "it went on"
    }));
    assert_eq!(fence.hold(async { 1 }).await, Some(1));
    fence.revoke();
    go_on.send(()).unwrap();
    assert_eq!(work.await.unwrap(), None);
    assert_eq!(fence.hold(async { 1 }).await, None);
}

//! What is remembered of a project.

use std::{collections::BTreeMap, time::Duration};

use ace_api::Stamp;

use super::super::{Observation, Phase};
use crate::{bundle::ListedImportMap, kinds::edge_function::LiveFunction, reconcile::fixture::at};

#[test]
fn a_platform_is_reachable_failing_or_lost() {
    let lost_after = Duration::from_mins(15);
    let mut observation = Observation::new(at(0));
    let mut phases = vec![observation.phase(lost_after, at(0))];
    observation.failed("503".to_owned());
    phases.push(observation.phase(lost_after, at(1)));
    observation.record_list(at(2), BTreeMap::new());
    phases.push(observation.phase(lost_after, at(2)));
    phases.push(observation.phase(lost_after, at(903)));
    assert_eq!(phases, [Phase::Unlisted, Phase::Failing, Phase::Reachable, Phase::Lost]);
}

#[test]
fn a_listing_has_our_last_write_and_is_fresh_if_its_list_began_after_it() {
    let mut observation = Observation::new(at(0));
    observation.record_list(at(1), [("hello".to_owned(), entry(1))].into());
    observation.wrote("hello", at(2));
    let stale = observation.listing("hello").unwrap();
    observation.record_list(at(2), [("hello".to_owned(), entry(2))].into());
    let fresh = observation.listing("hello").unwrap();
    assert_eq!((stale.is_fresh(), fresh.is_fresh()), (false, true));
    assert!(
        observation.listing("other").unwrap().is_fresh(),
        "a write to one slug makes no other list stale"
    );
}

pub(super) fn entry(version: i64) -> LiveFunction {
    LiveFunction {
        stamp: Stamp {
            id: "id".to_owned(),
            version,
            updated_time: at(version),
            bundle_digest: None,
        },
        verify_jwt: Some(true),
        mark: None,
        entrypoint: None,
        import_map: ListedImportMap::Unknown,
        state: None,
    }
}

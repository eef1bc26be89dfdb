use std::collections::BTreeSet;

use ace_api::DriftField;

use super::{Described, Fingerprint, definition};

/// Value shown for an object that does not exist.
const ABSENT: &str = "absent";

/// The objects that differ, ordered by class and name, in words for the reader: one line each, of at most 200 characters. None: the
/// fingerprints are equal.
///
/// A path is class and name: `column/public.campaigns.x`. Either side is `absent`, the whole object if it is not on the other one,
/// or the attributes that differ: `nullable`, `not null`.
pub fn differences(desired: &Fingerprint, observed: &Fingerprint) -> Vec<DriftField> {
    let keys: BTreeSet<_> = desired.0.keys().chain(observed.0.keys()).collect();
    let differing = keys.into_iter().filter_map(|key @ (class, name)| {
        let (desired, observed) = match (desired.0.get(key), observed.0.get(key)) {
            (desired, observed) if desired == observed => return None,
            (Some(desired), Some(observed)) => definition::differing(*class, &desired.definition, &observed.definition),
            (desired, observed) => {
                let text = |side: Option<&Described>| {
                    side.map_or(ABSENT.to_owned(), |it| definition::whole(*class, &it.definition))
                };
                (text(desired), text(observed))
            }
        };
        let path = definition::shown(&format!("{class}/{name}"));
        Some(DriftField {
            path,
            desired,
            observed,
        })
    });
    differing.collect()
}

use std::sync::Arc;

use ace_api::MigrationSet;
use ace_domain::migration::{Fact, House, LedgerRow, OwnRow, ReferenceState, SchemaLook, Step, View, World};
use ace_domain::script::File;
use jiff::Timestamp;
use kube::ResourceExt;

/// What a step would teach that is not made: the view is changed to what the step would leave, and the next look shows that.
/// Nothing for a step whose effect can't be known, which is to run SQL.
pub(super) fn assume(object: &MigrationSet, world: &mut World, step: &Step, now: Timestamp) -> Option<Fact> {
    let view = Arc::make_mut(world.recall.view.as_mut()?);
    match step {
        Step::Begin | Step::LookAgain => return Some(Fact::Looked(Box::new(view.clone()))),
        Step::LookBehind => {
            refer(object, view, false);
            return Some(Fact::Looked(Box::new(view.clone())));
        }
        Step::Claim => {
            let house = view.house.get_or_insert_with(House::default);
            house.owner = Some((object.namespace().unwrap_or_default(), object.name_any()));
        }
        Step::Adopt(files) => note(view, files, now),
        Step::Baseline(files) => {
            note(view, files, now);
            let versions = files.iter().map(|file| file.version.to_string());
            view.ledger
                .extend(versions.map(|version| (version, LedgerRow::default())));
        }
        Step::SetReference { keep, .. } => refer(object, view, !keep.is_empty()),
        Step::Look | Step::Read(_) | Step::Ask(_) | Step::Prepare { .. } | Step::Run { .. } => return None,
    }
    Some(Fact::Written)
}

/// Our books know these bytes.
fn note(view: &mut View, files: &[File], time: Timestamp) {
    let house = view.house.get_or_insert_with(House::default);
    house.rows.extend(files.iter().map(|file| {
        let row = OwnRow {
            sha256: file.sha256.clone(),
            time,
        };
        (file.version.to_string(), row)
    }));
}

/// The live schema is the reference, but for what it `keeps`: the look has compared with that already.
fn refer(object: &MigrationSet, view: &mut View, keeps: bool) {
    let SchemaLook::Taken {
        digest, differences, ..
    } = &mut view.schema
    else {
        return;
    };
    if !keeps {
        differences.clear();
    }
    let mut schemas = object.spec.schemas.clone();
    schemas.sort_unstable();
    let house = view.house.get_or_insert_with(House::default);
    let before = house.reference.take().filter(|_| !differences.is_empty());
    house.reference = Some(ReferenceState {
        digest: before.map_or_else(|| digest.clone(), |before| before.digest),
        behind: false,
        schemas,
        server_major: view.server_major,
        form: view.form,
    });
}

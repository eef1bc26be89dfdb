use ace_api::MigrationSet;
use ace_domain::kinds::migration_set::{
    Backups, LedgerRow, Observation, OperatorSchema, OwnRow, Owner, ReferenceState, SchemaObservation, State, Step,
    StepResult,
};
use ace_domain::sql::File;
use jiff::Timestamp;

/// What the database would show if the steps that were not made had been.
pub(super) struct Assumed(Option<Observation>);

impl From<&State> for Assumed {
    fn from(state: &State) -> Self {
        Self(state.observation().cloned())
    }
}

impl Assumed {
    /// What a step would return that is not made. Nothing for a step whose effect can't be known, which is to run SQL.
    pub(super) fn make(
        &mut self,
        object: &MigrationSet,
        backups: &Backups,
        step: &Step,
        now: Timestamp,
    ) -> Option<StepResult> {
        let observation = self.0.as_mut()?;
        match step {
            Step::Begin | Step::ObserveAgain => return Some(StepResult::Observed(Box::new(observation.clone()))),
            Step::SnapshotAfterRun => {
                refer(object, observation, false);
                return Some(StepResult::Observed(Box::new(observation.clone())));
            }
            Step::MakeBackup(request) => {
                let made = request.complete(observation, now);
                return Some(StepResult::BackupMade(Box::new(made)));
            }
            Step::CheckBackup(name) => {
                let found = backups.all.iter().find(|backup| backup.known.name == *name);
                return Some(StepResult::BackupChecked(found.cloned().map(Box::new)));
            }
            Step::Claim => {
                let operator_schema = observation.operator_schema.get_or_insert_with(OperatorSchema::default);
                operator_schema.owner = Some(Owner::of(object));
            }
            Step::Adopt(files) => note(observation, files, now),
            Step::Baseline(files) => {
                note(observation, files, now);
                let versions = files.iter().map(|file| file.version.to_string());
                observation
                    .ledger
                    .extend(versions.map(|version| (version, LedgerRow::default())));
            }
            Step::SetReference { keep, .. } => refer(object, observation, !keep.is_empty()),
            Step::Observe
            | Step::Read(_)
            | Step::Assess(_)
            | Step::CheckSyntax(_)
            | Step::Prepare(_)
            | Step::Run { .. } => {
                return None;
            }
        }
        Some(StepResult::Written)
    }
}

/// `ace_ops` has the digest of these bytes.
fn note(observation: &mut Observation, files: &[File], time: Timestamp) {
    let operator_schema = observation.operator_schema.get_or_insert_with(OperatorSchema::default);
    operator_schema.rows.extend(files.iter().map(|file| {
        let row = OwnRow {
            sha256: file.sha256.clone(),
            time,
        };
        (file.version.to_string(), row)
    }));
}

/// The live schema is the reference, except for the schemas in `keep`: the observation was already compared with those.
fn refer(object: &MigrationSet, observation: &mut Observation, keeps: bool) {
    let SchemaObservation::Taken {
        digest, differences, ..
    } = &mut observation.schema
    else {
        return;
    };
    if !keeps {
        differences.clear();
    }
    let mut schemas = object.spec.schemas.clone();
    schemas.sort_unstable();
    let operator_schema = observation.operator_schema.get_or_insert_with(OperatorSchema::default);
    let before = operator_schema.reference.take().filter(|_| !differences.is_empty());
    operator_schema.reference = Some(ReferenceState {
        digest: before.map_or_else(|| digest.clone(), |before| before.digest),
        snapshot_pending: false,
        schemas,
        server_major: observation.target.server_major(),
        form: observation.form,
    });
}

//! The risks of the pending files, by what the files say and what the database held: computed once for both, and off the threads
//! on which decisions are made.

use std::sync::Arc;

use ace_api::MigrationSet;

use super::{
    gates::remembered,
    ledger_diff::{LedgerDiff, ledger_diff},
    state::State,
};
use crate::sql::{Catalogue, Risk, Script, assess};

/// The pending files, and what their risks depend on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unassessed {
    /// With their digests, in the order in which they would run.
    files: Vec<(String, Arc<Script>)>,
    catalogue: Arc<Catalogue>,
}

/// The risks of files that would run one after another.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    files: Vec<String>,
    catalogue: Arc<Catalogue>,
    risks: Vec<Arc<[Risk]>>,
}

impl Unassessed {
    /// Takes time that grows with the files: seconds for tens of thousands of lines.
    pub fn assess(self) -> Assessment {
        let scripts: Vec<&Script> = self.files.iter().map(|(_, script)| &**script).collect();
        let risks = assess(&scripts, &self.catalogue).into_iter().map(Arc::from).collect();
        Assessment {
            files: self.files.into_iter().map(|(digest, _)| digest).collect(),
            catalogue: self.catalogue,
            risks,
        }
    }
}

impl Assessment {
    /// It is of these files and this database.
    fn is_of(&self, ledger_diff: &LedgerDiff<'_>, catalogue: &Arc<Catalogue>) -> bool {
        let files = ledger_diff.pending.iter().map(|pending| &pending.file.sha256);
        self.files.iter().eq(files) && self.catalogue == *catalogue
    }

    /// The catalogue, if it is equal to that of this assessment, is the same: comparing them takes no time then.
    pub(super) fn share(&self, catalogue: &mut Arc<Catalogue>) {
        if self.catalogue == *catalogue {
            catalogue.clone_from(&self.catalogue);
        }
    }
}

/// The risks of the pending files, if they were assessed.
pub(super) fn risks(state: &State, ledger_diff: &LedgerDiff<'_>) -> Option<Vec<Arc<[Risk]>>> {
    if ledger_diff.pending.is_empty() {
        return Some(Vec::new());
    }
    let catalogue = &state.observation()?.catalogue;
    let assessment = state.memory.assessment.as_ref();
    let assessment = assessment.filter(|assessment| assessment.is_of(ledger_diff, catalogue))?;
    Some(assessment.risks.clone())
}

/// What has to be assessed before a plan can be made or shown: every pending file was read and can be run.
pub fn unassessed(object: &MigrationSet, state: &State) -> Option<Unassessed> {
    if state.scripts.is_empty() {
        return None;
    }
    let (folder, observation) = (state.folder()?, state.observation()?);
    let ledger_diff = ledger_diff(object, folder, observation, remembered(state, observation));
    pending(state, &ledger_diff)
}

pub(super) fn pending(state: &State, ledger_diff: &LedgerDiff<'_>) -> Option<Unassessed> {
    if risks(state, ledger_diff).is_some() {
        return None;
    }
    let digests = ledger_diff.pending.iter().map(|pending| &pending.file.sha256);
    let files = digests.map(|digest| Some((digest.clone(), state.scripts.get(digest)?.as_ref().ok()?.clone())));
    Some(Unassessed {
        files: files.collect::<Option<_>>()?,
        catalogue: state.observation()?.catalogue.clone(),
    })
}

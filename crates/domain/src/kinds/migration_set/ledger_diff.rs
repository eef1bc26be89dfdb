//! Compares the files with the ledgers.

use std::collections::BTreeMap;

use ace_api::MigrationSet;
use jiff::Timestamp;

use super::state::{Observation, OperatorSchema};
use crate::sql::{File, Folder, split};

#[derive(Clone, Debug, Default)]
pub struct LedgerDiff<'a> {
    pub head: Option<String>,
    pub applied: usize,
    /// Versions in the ledger without a file.
    pub unknown: usize,
    /// Applied files whose statements are in no ledger.
    pub unverified: usize,
    /// Files that were applied outside this operator, as their recorded statements prove.
    pub adoptable: Vec<&'a File>,
    /// Files that are recorded without being run, when the schema is the one that `spec.baseline` names.
    pub baseline: Vec<&'a File>,
    /// Files to run, in order.
    pub pending: Vec<Pending<'a>>,
    /// Applied versions whose file has changed.
    pub changed: Vec<String>,
    /// Pending versions that are older than the head and were never applied.
    pub late: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
pub struct Pending<'a> {
    pub file: &'a File,
    /// It was applied before and is missing from the ledger.
    pub again: bool,
    /// When it was recorded in `ace_ops`, if it was.
    pub noted: Option<Timestamp>,
}

/// Compares the files with the ledgers. `remembered`: the highest version that the status has of this database.
pub fn ledger_diff<'a>(
    object: &MigrationSet,
    folder: &'a Folder,
    observation: &Observation,
    remembered: Option<&str>,
) -> LedgerDiff<'a> {
    let nobody = BTreeMap::new();
    let own = observation
        .operator_schema
        .as_ref()
        .map_or(&nobody, |operator_schema: &OperatorSchema| &operator_schema.rows);
    let head = observation.ledger.keys().next_back().cloned();
    let through = object.spec.baseline.as_ref().map(|baseline| baseline.through.as_str());
    // The ledger regressed: everything up to `remembered` was run before.
    let lost_until = remembered.filter(|remembered| head.as_deref() < Some(*remembered));
    let mut ledger_diff = LedgerDiff {
        head: head.clone(),
        ..LedgerDiff::default()
    };
    for file in &folder.files {
        let version = file.version.as_str();
        match (observation.ledger.get(version), own.get(version)) {
            (Some(_), Some(row)) if row.sha256 == file.sha256 => ledger_diff.applied += 1,
            (Some(_), Some(_)) => ledger_diff.changed.push(version.to_owned()),
            (Some(row), None) => match &row.statements {
                None => {
                    ledger_diff.applied += 1;
                    ledger_diff.unverified += 1;
                }
                Some(statements) if is_record_of(statements, &file.text) => {
                    ledger_diff.applied += 1;
                    ledger_diff.adoptable.push(file);
                }
                Some(_) => ledger_diff.changed.push(version.to_owned()),
            },
            (None, row) => {
                let again = row.is_some() || lost_until.is_some_and(|until| version <= until);
                if !again && through.is_some_and(|through| version <= through) {
                    ledger_diff.baseline.push(file);
                    continue;
                }
                if !again && head.as_deref().is_some_and(|head| version < head) {
                    ledger_diff.late.push(version.to_owned());
                }
                ledger_diff.pending.push(Pending {
                    file,
                    again,
                    noted: row.map(|row| row.time),
                });
            }
        }
    }
    let without_file = observation
        .ledger
        .keys()
        .filter(|version| folder.file(version).is_none());
    ledger_diff.unknown = without_file.count();
    ledger_diff
}

/// The files of the current run that are not in the ledger. They enter it in order, so a binary search finds the first: it is
/// needed after each of thousands of files.
pub(super) fn left(observation: &Observation) -> &[(String, String)] {
    let items = observation.stored_plan().map_or(&[][..], |plan| &plan.items);
    &items[items.partition_point(|(version, _)| observation.ledger.contains_key(version))..]
}

/// The next file of the current run. Under the lock only the run itself changes the ledger.
pub(super) fn first_pending<'a>(
    folder: &'a Folder,
    observation: &Observation,
    remembered: Option<&str>,
) -> Option<Pending<'a>> {
    let (version, _) = left(observation).first()?;
    let file = folder.file(version)?;
    let row = observation.operator_schema.as_ref()?.rows.get(version);
    let head = observation.ledger.keys().next_back();
    let lost = remembered
        .is_some_and(|remembered| head.map(String::as_str) < Some(remembered) && version.as_str() <= remembered);
    Some(Pending {
        file,
        again: row.is_some() || lost,
        noted: row.map(|row| row.time),
    })
}

/// The recorded statements are those of this file. Dashboards record a whole file as one statement, so both sides are split.
fn is_record_of(statements: &[String], text: &str) -> bool {
    let recorded = statements
        .iter()
        .flat_map(|statement| split(statement).into_iter().map(|piece| &statement[piece]));
    split(text).into_iter().map(|piece| &text[piece]).eq(recorded)
}

//! Compares the files with the ledgers.

use std::collections::{BTreeMap, BTreeSet};

use ace_api::{Baseline, MigrationSet};
use jiff::Timestamp;

use super::state::{LedgerRow, Observation, OperatorSchema, OwnRow};
use crate::sql::{File, Folder, split, with_line_feeds};

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
    /// Pending versions that were applied under a version that has no file, by all that is known.
    pub elsewhere: BTreeMap<String, Elsewhere>,
    /// Pending versions that are older than the head and were never applied.
    pub late: Vec<String>,
}

/// The version under which a pending file was applied, and how that is known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Elsewhere {
    pub version: String,
    pub by: Likeness,
}

/// What a pending file has in common with a version that has no file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Likeness {
    Sql,
    /// A name that no other has, and all statements of one are among those of the other: it was edited since.
    NameAndStatements,
    /// A name that no other has; what ran was not recorded.
    Name,
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
    let through = object.spec.baseline.as_ref().and_then(Baseline::version);
    // The ledger regressed: everything up to `remembered` was run before.
    let lost_until = remembered.filter(|remembered| head.as_deref() < Some(*remembered));
    let unknown = observation
        .ledger
        .keys()
        .filter(|version| folder.file(version).is_none());
    let mut ledger_diff = LedgerDiff {
        head: head.clone(),
        unknown: unknown.count(),
        ..LedgerDiff::default()
    };
    let without_file = WithoutFile::of(folder, observation, own);
    for file in &folder.files {
        let version = file.version.as_str();
        match (observation.ledger.get(version), own.get(version)) {
            (Some(_), Some(row)) if file.has_digest(&row.sha256) => ledger_diff.applied += 1,
            (Some(row), ours) => match &row.statements {
                None if ours.is_none() => {
                    ledger_diff.applied += 1;
                    ledger_diff.unverified += 1;
                }
                // Also where ours has other bytes: `supabase migration repair` records the file as it is.
                Some(statements) if is_record_of(statements, &file.text) => {
                    ledger_diff.applied += 1;
                    ledger_diff.adoptable.push(file);
                }
                _ => ledger_diff.changed.push(version.to_owned()),
            },
            (None, row) => {
                let again = row.is_some() || lost_until.is_some_and(|until| version <= until);
                if !again && through.is_some_and(|through| version <= through) {
                    ledger_diff.baseline.push(file);
                    continue;
                }
                let elsewhere = if again { None } else { without_file.version_of(file) };
                if let Some(elsewhere) = elsewhere {
                    ledger_diff.elsewhere.insert(version.to_owned(), elsewhere);
                } else if !again && head.as_deref().is_some_and(|head| version < head) {
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
    ledger_diff
}

/// Versions whose own digest is not the file's, so that the statements in the CLI's ledger decide.
pub fn doubted(folder: &Folder, ledger: &BTreeMap<String, LedgerRow>, operator_schema: &OperatorSchema) -> Vec<String> {
    let applied = folder
        .files
        .iter()
        .filter(|file| ledger.contains_key(file.version.as_str()));
    let doubted = applied.filter(|file| {
        let row = operator_schema.rows.get(file.version.as_str());
        row.is_some_and(|row| !file.has_digest(&row.sha256))
    });
    doubted.map(|file| file.version.to_string()).collect()
}

/// What the ledgers know of the versions that have no file.
struct WithoutFile<'a> {
    statements: BTreeMap<Vec<String>, &'a str>,
    digests: BTreeMap<&'a str, &'a str>,
    /// Those whose name is that of one file, too, and of nothing else; with the statements that were recorded.
    names: BTreeMap<&'a str, (&'a str, Vec<String>)>,
}

impl<'a> WithoutFile<'a> {
    fn of(folder: &'a Folder, observation: &'a Observation, own: &'a BTreeMap<String, OwnRow>) -> Self {
        let rows = observation.ledger.iter();
        let rows = rows.filter(|(version, _)| folder.file(version).is_none());
        let mut without_file = Self {
            statements: BTreeMap::new(),
            digests: BTreeMap::new(),
            names: BTreeMap::new(),
        };
        let mut used = Names::of(folder);
        for (version, row) in rows {
            let statements = row.statements.iter().flatten();
            let statements: Vec<_> = statements.flat_map(|statement| pieces(statement)).collect();
            match own.get(version) {
                // Of several the lowest version stays.
                Some(own) => {
                    without_file.digests.entry(&own.sha256).or_insert(version);
                }
                None => {
                    if let Some(name) = row.name.as_deref().filter(|name| used.is_of_one_file(name)) {
                        used.count(name);
                        without_file.names.insert(name, (version, statements.clone()));
                    }
                }
            }
            if row.statements.is_some() {
                without_file.statements.insert(statements, version);
            }
        }
        without_file.names.retain(|name, _| used.is_unique(name));
        without_file
    }

    /// The version under which this file was applied.
    fn version_of(&self, file: &File) -> Option<Elsewhere> {
        if self.statements.is_empty() && self.digests.is_empty() && self.names.is_empty() {
            return None;
        }
        let statements = pieces(&file.text);
        // Files without statements are all alike.
        if statements.is_empty() {
            return None;
        }
        // Digests are of the file in several forms.
        let noted = (!self.digests.is_empty())
            .then(|| file.digests().find_map(|digest| self.digests.get(digest.as_str())))
            .flatten();
        let same = noted.or_else(|| self.statements.get(&statements));
        let (version, by) = if let Some(version) = same {
            (version, Likeness::Sql)
        } else {
            let (version, recorded) = self.names.get(file.name.as_str())?;
            (version, likeness(recorded, &statements)?)
        };
        Some(Elsewhere {
            version: (*version).to_owned(),
            by,
        })
    }
}

/// Of a file with the name of what was recorded. People use names again, so the name alone says nothing about other statements.
fn likeness(recorded: &[String], statements: &[String]) -> Option<Likeness> {
    if recorded.is_empty() {
        return Some(Likeness::Name);
    }
    let among = |some: &[String], all: &[String]| {
        let all: BTreeSet<_> = all.iter().collect();
        some.iter().all(|statement| all.contains(statement))
    };
    (among(recorded, statements) || among(statements, recorded)).then_some(Likeness::NameAndStatements)
}

/// How often each name occurs: among the files, and among the versions without one.
struct Names<'a>(BTreeMap<&'a str, (usize, usize)>);

impl<'a> Names<'a> {
    fn of(folder: &'a Folder) -> Self {
        let mut names: BTreeMap<_, (usize, usize)> = BTreeMap::new();
        for file in folder.files.iter().filter(|file| !file.name.is_empty()) {
            names.entry(file.name.as_str()).or_default().0 += 1;
        }
        Self(names)
    }

    fn is_of_one_file(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|(files, _)| *files == 1)
    }

    fn count(&mut self, name: &'a str) {
        self.0.entry(name).or_default().1 += 1;
    }

    fn is_unique(&self, name: &str) -> bool {
        self.0.get(name) == Some(&(1, 1))
    }
}

/// The files of the current run that are not in the ledger. They enter it in order, so a binary search finds the first: it is
/// needed after each of thousands of files.
pub(super) fn left(observation: &Observation) -> &[(String, String)] {
    let items = observation.stored_plan().map_or(&[][..], |plan| &plan.items);
    let applied = items.partition_point(|(version, _)| observation.ledger.contains_key(version));
    items.get(applied..).unwrap_or_default()
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
    statements
        .iter()
        .flat_map(|statement| pieces(statement))
        .eq(pieces(text))
}

/// Statements, with LF as line ends: who has pushed them may have had others.
fn pieces(text: &str) -> Vec<String> {
    let text = with_line_feeds(text);
    let pieces = split(&text).into_iter().filter_map(|piece| text.get(piece));
    pieces.map(str::to_owned).collect()
}

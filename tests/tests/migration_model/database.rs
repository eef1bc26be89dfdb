//! A database in memory: both ledgers, the schema as a map of objects, and what files do to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use ace_api::{DriftField, MigrationTarget};
use ace_domain::{
    bundle::{Tree, TreePath},
    kinds::migration_set::{
        LedgerRow, Observation, OperatorSchema, OwnRow, Owner, ReferenceState, SchemaObservation, StoredPlan,
    },
    sql::{File, Folder, Script, ScriptError, read, read_folder, split},
};
use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub(crate) type Objects = BTreeMap<String, String>;

/// What is restored with the database.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub target: MigrationTarget,
    pub ledger: BTreeMap<String, Option<Vec<String>>>,
    pub bookkeeping: Option<Bookkeeping>,
    pub live: Objects,
    /// What the reference should be by the rules: what was accepted, and what files did to it.
    pub desired: Objects,
}

/// `ace_ops`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bookkeeping {
    pub owner: Option<Owner>,
    pub rows: BTreeMap<String, OwnRow>,
    /// Bytes and number of the parts that are done, of files that stopped half-way.
    pub half: BTreeMap<String, (String, usize)>,
    pub plan: Option<StoredPlan>,
    pub reference: Option<Reference>,
}

#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub objects: Objects,
    pub schemas: Vec<String>,
    pub server_major: i32,
    pub snapshot_pending: bool,
    /// The look before a run.
    pub before: Option<Objects>,
    /// Objects that somebody changed by hand since: nobody can tell that from the run's work.
    pub meanwhile: BTreeSet<String>,
}

/// What a file does, as its text says.
pub(crate) struct Effect {
    object: String,
    drops: bool,
    pub broken: bool,
    pub parts: usize,
}

pub(crate) const BROKEN: usize = 4;
pub(crate) const CONTENTS: usize = 8;

/// Content `number` of the file at `slot`.
pub(crate) fn text(slot: usize, number: usize) -> String {
    let table = slot % 3;
    match number {
        2 => format!("DROP TABLE IF EXISTS public.t{table};\n"),
        3 => format!("SELECT {slot};\nCREATE INDEX CONCURRENTLY i{slot} ON public.t{table} (x);\nSELECT 1;\n"),
        BROKEN => format!("ALTER TABLE public.t{table} ADD COLUMN broken text;\n"),
        5 => "COMMIT;\n".to_owned(),
        6 => format!("FROBNICATE public.t{table};\n"),
        7 => format!("FROBNICATE NICELY public.t{table};\n"),
        _ => format!("ALTER TABLE public.t{table} ADD COLUMN c{number} text;\n"),
    }
}

pub(crate) fn effect(text: &str) -> Effect {
    let index = text.find("CONCURRENTLY ").map(|at| &text[at + "CONCURRENTLY ".len()..]);
    let table = text.find("public.").map(|at| &text[at..]);
    let object = index.or(table).unwrap_or_default();
    Effect {
        object: object.split([' ', ';']).next().unwrap_or_default().to_owned(),
        drops: text.starts_with("DROP"),
        broken: text.contains("broken"),
        parts: if index.is_some() { 3 } else { 1 },
    }
}

impl Database {
    /// With objects that nobody recorded, or bare.
    pub(crate) fn new(bare: bool) -> Self {
        let live: Objects = if bare {
            Objects::new()
        } else {
            [("public.t0".to_owned(), "before".to_owned())].into()
        };
        Self {
            target: MigrationTarget {
                system_identifier: "7300".to_owned(),
                timeline: 1,
                database: "postgres".to_owned(),
                database_oid: 5,
                server_version: "15.8".to_owned(),
            },
            ledger: BTreeMap::new(),
            bookkeeping: None,
            desired: live.clone(),
            live,
        }
    }

    pub(crate) fn look(&self, at: Timestamp, place: &str) -> Observation {
        let (no_rows, no_reference) = (BTreeMap::new(), None);
        let rows = self
            .bookkeeping
            .as_ref()
            .map_or(&no_rows, |bookkeeping| &bookkeeping.rows);
        let reference = self
            .bookkeeping
            .as_ref()
            .map_or(&no_reference, |bookkeeping| &bookkeeping.reference);
        let known = |version: &String| rows.contains_key(version);
        let ledger = self.ledger.iter().map(|(version, statements)| {
            let statements = statements.clone().filter(|_| !known(version));
            (version.clone(), LedgerRow { statements, name: None })
        });
        let compared = reference.as_ref().filter(|reference| !reference.snapshot_pending);
        Observation {
            at,
            place: place.to_owned(),
            target: self.target.clone(),
            server_start: String::new(),
            server_time: at,
            form: 1,
            ledger: ledger.collect(),
            operator_schema: self.bookkeeping.as_ref().map(operator_schema),
            catalogue: std::sync::Arc::default(),
            schema: SchemaObservation::Taken {
                digest: digest(&self.live),
                objects: self.live.len(),
                made: self.live.len(),
                differences: compared.map_or_else(Vec::new, |reference| differences(&reference.objects, &self.live)),
                ignored: 0,
                gate: String::new(),
            },
        }
    }

    /// The effect of a file, or of its part that has one; each time another one.
    pub(crate) fn apply(&mut self, file: &File, run: u32, by_us: bool) {
        let Effect { object, drops, .. } = effect(&file.text);
        let definition = format!("{} run {run}", file.version);
        if drops && self.live.remove(&object).is_some() && by_us {
            self.desired.remove(&object);
        }
        if !drops {
            self.live.insert(object.clone(), definition.clone());
            if by_us {
                self.desired.insert(object.clone(), definition);
            }
        }
        if !by_us {
            self.touched(&object);
        }
    }

    pub(crate) fn edit(&mut self, object: &str, definition: Option<String>) {
        match definition {
            Some(definition) => self.live.insert(object.to_owned(), definition),
            None => self.live.remove(object),
        };
        self.touched(object);
    }

    fn touched(&mut self, object: &str) {
        if let Some(reference) = self.reference().filter(|reference| reference.before.is_some()) {
            reference.meanwhile.insert(object.to_owned());
        }
    }

    pub(crate) fn reference(&mut self) -> Option<&mut Reference> {
        self.bookkeeping.as_mut()?.reference.as_mut()
    }

    /// The live schema becomes the reference; where `public` keeps its own, all of it stays, for there is nothing else.
    pub(crate) fn set_reference(&mut self, schemas: Vec<String>, keep: &[String]) {
        if keep.is_empty() {
            self.desired = self.live.clone();
        }
        let before = self.reference().filter(|_| !keep.is_empty());
        let objects = before.map(|before| before.objects.clone());
        let reference = Reference {
            objects: objects.unwrap_or_else(|| self.live.clone()),
            schemas,
            server_major: self.target.server_major(),
            snapshot_pending: false,
            before: None,
            meanwhile: BTreeSet::new(),
        };
        if let Some(bookkeeping) = &mut self.bookkeeping {
            bookkeeping.reference = Some(reference);
        }
    }

    /// The look before a run. One whose run has changed something stays.
    pub(crate) fn look_before(&mut self) {
        let live = self.live.clone();
        if let Some(reference) = self
            .reference()
            .filter(|reference| !reference.snapshot_pending || reference.before.is_none())
        {
            reference.before = Some(live);
            reference.meanwhile.clear();
        }
    }

    /// The look behind a run: what differs from the look before it enters the reference.
    pub(crate) fn snapshot_after_run(&mut self) {
        let live = self.live.clone();
        let Some(reference) = self.reference() else { return };
        let before = reference.before.take().unwrap_or_else(|| reference.objects.clone());
        let (old, mut meanwhile) = (reference.objects.clone(), std::mem::take(&mut reference.meanwhile));
        // What was gone before a run, was made and dropped by it, is as gone as before: no work of the run.
        let gone = old
            .keys()
            .filter(|name| !before.contains_key(*name) && !live.contains_key(*name));
        meanwhile.extend(gone.cloned());
        let names: BTreeSet<_> = before.keys().chain(live.keys()).cloned().collect();
        let changed = names.into_iter().filter(|name| before.get(name) != live.get(name));
        for name in changed {
            copy(&live, &mut reference.objects, &name);
        }
        reference.snapshot_pending = false;
        for name in meanwhile {
            let from = if live.get(&name) == before.get(&name) {
                &old
            } else {
                &live
            };
            copy(from, &mut self.desired, &name);
        }
    }

    /// A row of the CLI's ledger, as the CLI writes it.
    pub(crate) fn record(&mut self, file: &File) {
        let statements = split(&file.text).into_iter().map(|piece| file.text[piece].to_owned());
        self.ledger.insert(file.version.to_string(), Some(statements.collect()));
    }

    /// A row of our bookkeeping.
    pub(crate) fn note(&mut self, file: &File, time: Timestamp) {
        let row = OwnRow {
            sha256: file.sha256.clone(),
            time,
        };
        if let Some(bookkeeping) = &mut self.bookkeeping {
            bookkeeping.half.remove(file.version.as_str());
            bookkeeping.rows.insert(file.version.to_string(), row);
        }
    }
}

fn copy(from: &Objects, to: &mut Objects, name: &str) {
    match from.get(name) {
        Some(definition) => to.insert(name.to_owned(), definition.clone()),
        None => to.remove(name),
    };
}

fn operator_schema(bookkeeping: &Bookkeeping) -> OperatorSchema {
    let half = bookkeeping.half.iter();
    OperatorSchema {
        newer: false,
        owner: bookkeeping.owner.clone(),
        rows: bookkeeping.rows.clone(),
        half: half
            .map(|(version, (sha256, _))| (version.clone(), sha256.clone()))
            .collect(),
        plan: bookkeeping.plan.clone(),
        reference: bookkeeping.reference.as_ref().map(|reference| ReferenceState {
            digest: digest(&reference.objects),
            snapshot_pending: reference.snapshot_pending,
            schemas: reference.schemas.clone(),
            server_major: reference.server_major,
            form: 1,
        }),
    }
}

pub(crate) fn digest(objects: &Objects) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(format!("{objects:?}"))))
}

fn differences(desired: &Objects, observed: &Objects) -> Vec<DriftField> {
    let names: BTreeSet<_> = desired.keys().chain(observed.keys()).collect();
    let differing = names
        .into_iter()
        .filter(|name| desired.get(*name) != observed.get(*name));
    let said = |side: &Objects, name: &String| side.get(name).cloned().unwrap_or_else(|| "absent".to_owned());
    differing
        .map(|name| DriftField {
            path: format!("table/{name}"),
            desired: said(desired, name),
            observed: said(observed, name),
        })
        .collect()
}

/// The folder with these files. Walks have the same few over and over, so each is read once.
pub(crate) fn folder(files: &BTreeMap<String, String>) -> Arc<Folder> {
    let files = files.iter().map(|(version, text)| file(version, text));
    Arc::new(Folder {
        files: files.collect(),
        skipped: Vec::new(),
    })
}

pub(crate) fn file(version: &str, text: &str) -> File {
    static FILES: Mutex<BTreeMap<(String, String), File>> = Mutex::new(BTreeMap::new());
    let read = || {
        let path = TreePath::new(format!("{version}_x.sql")).unwrap();
        let tree = Tree::from_files([(path, Bytes::from(text.to_owned()))]).unwrap();
        read_folder(&tree, None).unwrap().files.remove(0)
    };
    let key = (version.to_owned(), text.to_owned());
    FILES.lock().unwrap().entry(key).or_insert_with(read).clone()
}

/// What is in a file.
pub(crate) fn script(file: &File) -> Result<Arc<Script>, ScriptError> {
    static SCRIPTS: Mutex<BTreeMap<String, Result<Arc<Script>, ScriptError>>> = Mutex::new(BTreeMap::new());
    let mut scripts = SCRIPTS.lock().unwrap();
    scripts
        .entry(file.sha256.clone())
        .or_insert_with(|| read(file).map(Arc::new))
        .clone()
}

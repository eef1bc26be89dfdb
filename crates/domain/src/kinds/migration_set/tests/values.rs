//! Values of the tables: files, rows, observations, and what decisions and statuses say.

use std::sync::Arc;

use ace_api::{DriftField, MigrationReason, MigrationTarget};
use bytes::Bytes;

use super::{
    super::{Decision, LedgerRow, OwnRow, Owner, SchemaObservation},
    fixture::Case,
};
use crate::{
    bundle::{Tree, TreePath},
    reconcile::{decision::Requeue, fixture::at},
    sql::{File, Folder, Script, read, read_folder},
};

/// Versions, the first two of which are applied.
pub(super) const V1: &str = "20260101000000";
pub(super) const V2: &str = "20260102000000";
pub(super) const V3: &str = "20260103000000";
pub(super) const V4: &str = "20260104000000";

/// Texts of the applied files, of a harmless pending one, and of a dangerous one.
pub(super) const A: &str = "CREATE TABLE public.a (id int);\nALTER TABLE public.a ENABLE ROW LEVEL SECURITY;\n";
pub(super) const B: &str = "ALTER TABLE public.a ADD COLUMN b text;\n";
pub(super) const HARMLESS: &str = "ALTER TABLE public.a ADD COLUMN c text;\n";
pub(super) const DROP: &str = "DROP TABLE public.a;\n";
/// Its parts stay when a later one fails.
pub(super) const CONCURRENT: &str = "SELECT 1;\nCREATE INDEX CONCURRENTLY a_b ON public.a (b);\n";

/// Digests of the schema as it is, and of two others.
pub(super) const LIVE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
pub(super) const OTHER: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";
pub(super) const THIRD: &str = "sha256:3333333333333333333333333333333333333333333333333333333333333333";

/// Files by version, or by version and name.
pub(super) fn folder(files: &[(&str, &str)]) -> Arc<Folder> {
    let files = files.iter().map(|(version, text)| {
        let name = if version.contains('_') { "" } else { "_x" };
        let path = TreePath::new(format!("{version}{name}.sql")).unwrap();
        (path, Bytes::from((*text).to_owned()))
    });
    Arc::new(read_folder(&Tree::from_files(files).unwrap(), None).unwrap())
}

pub(super) fn file(version: &str, text: &str) -> File {
    folder(&[(version, text)]).files[0].clone()
}

pub(super) fn script(text: &str) -> Arc<Script> {
    Arc::new(read(&file(V1, text)).unwrap())
}

pub(super) fn owner(namespace: &str, name: &str) -> Owner {
    Owner {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

/// Our own row for these bytes.
pub(super) fn own(text: &str) -> OwnRow {
    OwnRow {
        sha256: file(V1, text).sha256,
        time: at(-7200),
    }
}

/// A row of the CLI's ledger that has these statements.
pub(super) fn recorded(statements: &[&str]) -> LedgerRow {
    LedgerRow {
        statements: Some(statements.iter().map(|text| (*text).to_owned()).collect()),
        name: None,
    }
}

/// One that has only a name.
pub(super) fn named(name: &str) -> LedgerRow {
    LedgerRow {
        statements: None,
        name: Some(name.to_owned()),
    }
}

pub(super) fn taken(digest: &str, differences: Vec<DriftField>) -> SchemaObservation {
    SchemaObservation::Taken {
        digest: digest.to_owned(),
        objects: 12,
        made: 3,
        differences,
        ignored: 0,
        gate: "gate".to_owned(),
    }
}

/// A schema in which no user has created anything.
pub(super) fn bare() -> SchemaObservation {
    SchemaObservation::Taken {
        digest: LIVE.to_owned(),
        objects: 9,
        made: 0,
        differences: Vec::new(),
        ignored: 0,
        gate: "gate".to_owned(),
    }
}

pub(super) fn target() -> MigrationTarget {
    MigrationTarget {
        system_identifier: "7300000000000000001".to_owned(),
        timeline: 1,
        database: "postgres".to_owned(),
        database_oid: 5,
        server_version: "15.8".to_owned(),
    }
}

pub(super) fn differs(path: &str) -> DriftField {
    DriftField {
        path: path.to_owned(),
        desired: "absent".to_owned(),
        observed: "text".to_owned(),
    }
}

/// Whether it stalls, the reason, the message, and seconds until the next reconcile; `None` if only a change enqueues one.
pub(super) type Said = (bool, MigrationReason, String, Option<u64>);

pub(super) fn said(case: &Case) -> Said {
    let decision = case.decide();
    let (stalls, why, again) = match decision {
        Decision::Refuse(why, again) => (true, why, again),
        Decision::Wait(why, again) => (false, why, again),
        other => panic!("neither waits nor refuses: {other:?}"),
    };
    let seconds = match again {
        Requeue::Backoff => Some(0),
        again => again.wait(case.now).map(|wait| wait.as_secs()),
    };
    (stalls, why.reason, why.message, seconds)
}

pub(super) fn reason(case: &Case) -> MigrationReason {
    said(case).1
}

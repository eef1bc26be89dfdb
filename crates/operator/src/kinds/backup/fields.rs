//! Manifest and status say the same in two forms.

use ace_api::{Archive, Duration, Snapshot};
use ace_archive::{Manifest, RunPath, Table};
use ace_database::{Counted, Point, Proof, TableName};
use ace_domain::kinds::backup::Made;

/// What a manifest says, for the status.
pub(super) fn made(destination: &str, path: &RunPath, manifest: &Manifest) -> Made {
    let Manifest {
        snapshot,
        archive,
        origin,
        tables,
        ..
    } = manifest;
    let took = origin.finished.duration_since(origin.started);
    Made {
        snapshot: Snapshot {
            time: snapshot.time,
            lsn: snapshot.lsn.clone(),
            system_identifier: snapshot.system_identifier.clone(),
            timeline: i64::from(snapshot.timeline),
            database: snapshot.database.clone(),
            server_version: snapshot.server_version.clone(),
            head: snapshot.head.clone(),
            schema_digest: snapshot.schema_digest.map(|digest| digest.to_string()),
        },
        archive: Archive {
            bytes: signed(archive.sealed.bytes),
            raw_bytes: signed(archive.sealed.raw_bytes),
            digest: archive.sealed.digest.to_string(),
            tables: signed(tables.iter().filter(|table| table.rows.is_some()).count() as u64),
            rows: signed(manifest.rows()),
            client: archive.client.clone(),
            duration: Duration::from_secs(took.as_secs().try_into().unwrap_or_default()).to_string(),
            not_covered: archive.not_covered.clone(),
        },
        destination: destination.to_owned(),
        path: path.as_str().to_owned(),
    }
}

/// What is written of the database.
pub(super) fn snapshot(point: &Point) -> ace_archive::Snapshot {
    ace_archive::Snapshot {
        time: point.time,
        lsn: point.lsn.clone(),
        system_identifier: point.system_identifier.clone(),
        timeline: u32::try_from(point.timeline).unwrap_or_default(),
        database: point.database.clone(),
        server_version: point.server_version.clone(),
        head: point.head.clone(),
        schema_digest: point.schema_digest.parse().ok(),
        roles: point.roles.clone(),
    }
}

/// What is written of the tables. Those that an archive may have besides are not counted.
pub(super) fn tables(proof: &Proof) -> Vec<Table> {
    let counted = proof.tables.iter().map(|(name, counted)| Table {
        schema: name.schema.clone(),
        name: name.name.clone(),
        rows: Some(counted.rows),
        hash: counted.hash.clone(),
    });
    let besides = proof.besides.iter().map(|name| Table {
        schema: name.schema.clone(),
        name: name.name.clone(),
        rows: None,
        hash: None,
    });
    counted.chain(besides).collect()
}

/// The proof that a manifest has.
pub(super) fn proof(manifest: &Manifest) -> Proof {
    let mut proof = Proof::default();
    for table in &manifest.tables {
        let name = TableName::new(&table.schema, &table.name);
        match table.rows {
            None => proof.besides.push(name),
            Some(rows) => {
                let hash = table.hash.clone();
                proof.tables.insert(name, Counted { rows, hash });
            }
        }
    }
    proof
}

pub(super) fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

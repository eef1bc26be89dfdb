//! What is written beside the data, last: all that a list, a proof and a restore need, and no value of a row. The bucket and an identity
//! are enough.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::keys::MOST_RECIPIENTS;
use crate::seal::Sealed;

/// The format that this program writes, and the last that it reads.
pub const FORMAT: u32 = 1;

/// Most bytes of a manifest: 20,000 tables take less than half of that.
pub const MOST_BYTES: usize = 8 << 20;

/// Most tables, and most names of another list.
const MOST_TABLES: usize = 20_000;
const MOST_NAMES: usize = 1_000;

/// Most bytes of a text. A name of Kubernetes has up to 253, one of PostgreSQL up to 63.
const LONGEST: usize = 512;

/// What is written beside the data of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// See [`FORMAT`].
    pub format: u32,
    /// The program that wrote it: `ace-operator/0.1.0`.
    pub tool: String,
    pub origin: Origin,
    pub snapshot: Snapshot,
    pub archive: Archive,
    pub scope: Scope,
    /// For whom the data is encrypted: `age1…` each. They open nothing.
    pub recipients: Vec<String>,
    /// Of the dump, with how many rows each has in the snapshot.
    pub tables: Vec<Table>,
    /// Of the manifest before this one of the same schedule: one that is removed or replaced breaks the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
}

/// Whose backup it is, and which attempt of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    pub namespace: String,
    pub platform: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Name and uid of the Backup.
    pub backup: String,
    pub uid: String,
    /// The run's four digits, and which attempt it was, from 1.
    pub run: String,
    pub attempt: u32,
    /// `Scheduled`, `Manual`, `PreMigration` or `Incident`.
    pub class: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub started: Timestamp,
    pub finished: Timestamp,
}

/// Of what database, and as of when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    pub time: Timestamp,
    /// `3A/41F2C8`.
    pub lsn: String,
    /// A number of 64 bits, as text: JSON's readers round it.
    pub system_identifier: String,
    pub timeline: u32,
    pub database: String,
    /// `15.18`.
    pub server_version: String,
    /// The last applied migration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_digest: Option<Digest>,
    /// Roles that policies name: without them the dump can't be restored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Archive {
    #[serde(flatten)]
    pub sealed: Sealed,
    /// The version of `pg_dump`.
    pub client: String,
    /// What a restore does not bring back: `storage files`, `role passwords`, …
    #[serde(default)]
    pub not_covered: Vec<String>,
}

/// What was left out, besides the platform's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    #[serde(default)]
    pub exclude_schemas: Vec<String>,
    /// `schema.table`: the definition is there, the rows are not.
    #[serde(default)]
    pub exclude_data: Vec<String>,
}

/// A table of the dump.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    pub schema: String,
    pub name: String,
    /// Absent where they were left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Of all rows, in no order; absent where rows are counted only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// Why bytes are no manifest that can be used. Holds none of them but the name of a program.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ManifestError {
    #[error(
        "the manifest has format {format}, and this program reads {FORMAT}: use {}, or a later version",
        tool.as_deref().unwrap_or("the program that wrote it")
    )]
    Newer {
        format: u64,
        /// `ace-operator/0.9.0`.
        tool: Option<String>,
    },
    #[error("the manifest is larger than {MOST_BYTES} bytes")]
    TooLarge,
    #[error("the manifest is not what this program writes: {0}")]
    Invalid(&'static str),
}

#[derive(Deserialize)]
struct Version {
    format: u64,
    tool: Option<String>,
}

impl Manifest {
    /// Reads a manifest.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MOST_BYTES {
            return Err(ManifestError::TooLarge);
        }
        let invalid = ManifestError::Invalid;
        let Version { format, tool } =
            serde_json::from_slice(bytes).map_err(|_| invalid("it is no JSON with a `format`"))?;
        if format > u64::from(FORMAT) {
            let tool = tool.filter(|tool| is_tool(tool));
            return Err(ManifestError::Newer { format, tool });
        }
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|_| invalid("a field is missing or of another type"))?;
        manifest.validated()?;
        Ok(manifest)
    }

    /// As it is written; refused where it could not be read back.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        self.validated()?;
        let mut bytes =
            serde_json::to_vec_pretty(self).map_err(|_| ManifestError::Invalid("it can't be written as JSON"))?;
        bytes.push(b'\n');
        if bytes.len() > MOST_BYTES {
            return Err(ManifestError::TooLarge);
        }
        Ok(bytes)
    }

    /// The rows of all tables.
    pub fn rows(&self) -> u64 {
        let rows = self.tables.iter().filter_map(|table| table.rows);
        rows.fold(0, u64::saturating_add)
    }

    fn validated(&self) -> Result<(), ManifestError> {
        let rules = [
            (self.format == FORMAT, "its format is none"),
            (is_tool(&self.tool), "its program is none"),
            (
                (1..=MOST_RECIPIENTS).contains(&self.recipients.len()),
                "it has no recipient, or too many",
            ),
            (self.tables.len() <= MOST_TABLES, "it has more than 20,000 tables"),
            (
                self.lists().iter().all(|list| list.len() <= MOST_NAMES),
                "a list has more than 1,000 entries",
            ),
            (
                self.texts().all(|text| text.len() <= LONGEST),
                "a text is longer than 512 bytes",
            ),
            (self.archive.sealed.bytes > 0, "its data is empty"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, broken)) => Err(ManifestError::Invalid(broken)),
            None => Ok(()),
        }
    }

    fn lists(&self) -> [&Vec<String>; 4] {
        [
            &self.snapshot.roles,
            &self.archive.not_covered,
            &self.scope.exclude_schemas,
            &self.scope.exclude_data,
        ]
    }

    fn texts(&self) -> impl Iterator<Item = &String> {
        let Origin {
            namespace,
            platform,
            backup,
            uid,
            run,
            class,
            schedule,
            reason,
            ..
        } = &self.origin;
        let Snapshot {
            lsn,
            system_identifier,
            database,
            server_version,
            head,
            ..
        } = &self.snapshot;
        let single = [
            namespace,
            platform,
            backup,
            uid,
            run,
            class,
            lsn,
            system_identifier,
            database,
            server_version,
            &self.archive.client,
        ];
        let absent_or = [schedule, reason, head];
        let lists = self.lists().into_iter().chain([&self.recipients]).flatten();
        let tables = self
            .tables
            .iter()
            .flat_map(|table| [&table.schema, &table.name].into_iter().chain(&table.hash));
        let single = single.into_iter().chain(absent_or.into_iter().flatten());
        single.chain(lists).chain(tables)
    }
}

/// Part of a message, so it is a short word.
fn is_tool(tool: &str) -> bool {
    let is_plain = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'/' | b'.' | b'+');
    (1..=64).contains(&tool.len()) && tool.bytes().all(is_plain)
}

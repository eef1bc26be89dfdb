//! `BackupDestination`: where backups are stored. This file is what the user writes; `status` is what the operator answers.

mod reasons;
mod status;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Duration, LocalReference};

pub use reasons::{DestinationDriftReason, DestinationReason};
pub use status::{DestinationStatus, StoreCapabilities, StoredBackups};

/// One prefix of one object store. Exactly one of `s3`, `gcs`, `azure` and `local`.
#[allow(clippy::duplicated_attributes, reason = "each column repeats its keys")]
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "ops.mobulace.com",
    version = "v1alpha1",
    kind = "BackupDestination",
    namespaced,
    status = "DestinationStatus",
    derive = "PartialEq",
    shortname = "bdest",
    category = "ace",
    doc = "BackupDestination is one prefix of one object store, where backups are stored. The operator tries what the store can do, and lists the prefix once per interval, however many backups there are.",
    printcolumn(name = "Store", type_ = "string", json_path = ".status.store"),
    printcolumn(name = "Backups", type_ = "integer", json_path = ".status.stored.backups"),
    printcolumn(name = "Bytes", type_ = "integer", json_path = ".status.stored.bytes"),
    printcolumn(name = "Newest", type_ = "date", json_path = ".status.stored.newest"),
    printcolumn(name = "Prefix", type_ = "string", json_path = ".spec.prefix", priority = 1)
)]
#[x_kube(
    validation = Rule::new("[has(self.s3), has(self.gcs), has(self.azure), has(self.local)].filter(place, place).size() == 1")
        .message("exactly one of `s3`, `gcs`, `azure` and `local` must be set: create another BackupDestination for another place"),
    validation = Rule::new("has(self.s3) == has(oldSelf.s3) && (!has(self.s3) || self.s3 == oldSelf.s3) && has(self.gcs) == has(oldSelf.gcs) && (!has(self.gcs) || self.gcs == oldSelf.gcs) && has(self.azure) == has(oldSelf.azure) && (!has(self.azure) || self.azure == oldSelf.azure) && has(self.local) == has(oldSelf.local) && (!has(self.local) || self.local == oldSelf.local)")
        .message("the place is immutable: create another BackupDestination for another place"),
    validation = Rule::new("self.prefix == oldSelf.prefix")
        .message("`prefix` is immutable: create another BackupDestination for another prefix")
        .field_path(".prefix"),
    validation = Rule::new("!has(self.local) || !has(self.credentialsSecretRef)")
        .message("`credentialsSecretRef` must not be set with `local`: a directory needs no key"),
    validation = Rule::new("self.interval.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.interval) >= duration('1m') && duration(self.interval) <= duration('24h')")
        .message("`interval` must be between '1m' and '24h', such as '1h'")
        .field_path(".interval")
)]
#[serde(rename_all = "camelCase")]
pub struct BackupDestinationSpec {
    /// s3 is a bucket of Amazon S3, or of a store that speaks its protocol. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Store>,
    /// gcs is a bucket of Google Cloud Storage. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcs: Option<GcsStore>,
    /// azure is a container of Azure Blob Storage. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure: Option<AzureStore>,
    /// local is a directory that the operator sees. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalStore>,
    /// prefix of everything that is stored: a relative path that no other BackupDestination has, is above of or below. Immutable.
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_=-][A-Za-z0-9._=-]*(/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)*$')").message("`prefix` must be a relative path of letters, digits, '.', '_', '=' and '-', without '/' at its ends and without names that begin with '.', such as 'prod'"))]
    pub prefix: String,
    /// credentialsSecretRef names the Secret with the store's key: for s3 `accessKeyId`, `secretAccessKey` and, where there is one, `sessionToken`; for gcs `serviceAccount`, the key file in JSON; for azure `accountKey`. The Secret must offer `backup-store` in its label `ops.mobulace.com/use`. Unset, the pod's own identity is used, if the operator's flag `--allow-store-pod-identity` allows that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<LocalReference>,
    /// catalogue says what becomes of backups that are stored and that no Backup of this namespace names: they are counted in the status, or each gets a Backup.
    #[serde(default)]
    pub catalogue: Catalogue,
    /// interval between two lists of the prefix, between `1m` and `24h` (GEP-2257).
    #[serde(default = "BackupDestinationSpec::default_interval")]
    pub interval: Duration,
    /// suspend stops the operator from using the store: nothing is read or written.
    #[serde(default)]
    pub suspend: bool,
}

impl BackupDestinationSpec {
    fn default_interval() -> Duration {
        Duration::from_secs(3_600)
    }
}

/// What becomes of backups that no Backup names.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum Catalogue {
    /// They are counted.
    #[default]
    Report,
    /// Each gets a Backup with `spec.import`, which no retention deletes.
    Import,
}

/// A bucket by the protocol of S3.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct S3Store {
    /// endpoint is the store's origin; the operator's flag `--allow-store-host` must name its host. Two addresses of one store count as two stores, and a prefix of both as two prefixes: name the same one in every BackupDestination.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$')").message("`endpoint` must be an origin without user, path or '/' at its end, such as 'https://s3.eu-central-1.amazonaws.com'"))]
    pub endpoint: String,
    /// region that requests are signed for.
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9-]+$')").message("`region` must be a region's name, such as 'eu-central-1'"))]
    pub region: String,
    /// bucket, which has to be there.
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$')").message("`bucket` must be a bucket's name: 3 to 63 lower-case letters, digits, '-' and '.'"))]
    pub bucket: String,
    /// pathStyle puts the bucket into the path of requests, and not in front of the host.
    #[serde(default)]
    pub path_style: bool,
}

/// A bucket of Google Cloud Storage.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
pub struct GcsStore {
    /// bucket, which has to be there.
    #[schemars(length(max = 222))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$')").message("`bucket` must be a bucket's name: lower-case letters, digits, '-', '_' and '.'"))]
    pub bucket: String,
}

/// A container of Azure Blob Storage.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
pub struct AzureStore {
    /// account of the storage.
    #[schemars(length(max = 24))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]{3,24}$')").message("`account` must be a storage account's name: 3 to 24 lower-case letters and digits"))]
    pub account: String,
    /// container, which has to be there.
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$')").message("`container` must be a container's name: 3 to 63 lower-case letters, digits and '-'"))]
    pub container: String,
}

/// A directory that the operator sees.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
pub struct LocalStore {
    /// path of a directory, which has to be there, below the one that the operator's flag `--store-directory` names.
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$')").message("`path` must be a relative path of letters, digits, '.', '_' and '-', without names that begin with '.', such as 'backups'"))]
    pub path: String,
}

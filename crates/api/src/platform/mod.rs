//! `Platform`: one live project. This file is what the user writes; `status` is what the operator answers.

mod reasons;
mod status;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Duration, SecretKeyReference};

pub use reasons::PlatformReason;
pub use status::{
    DailyBackups, DatabaseStatus, FunctionCount, PlatformRecovery, PlatformStatus, ProjectStatus, RecoveryWindow,
};

/// How to reach one live Supabase project, how often to observe it, and how many requests that may cost.
#[allow(clippy::duplicated_attributes, reason = "each column repeats its keys")]
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "ops.mobulace.com",
    version = "v1alpha1",
    kind = "Platform",
    namespaced,
    status = "PlatformStatus",
    derive = "PartialEq",
    shortname = "plat",
    category = "ace",
    doc = "Platform is one live Supabase project: how to reach it, how often to observe it, and what was observed. Other objects of the namespace refer to it in `platformRef`.",
    printcolumn(name = "Project", type_ = "string", json_path = ".spec.project"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.project.state"),
    printcolumn(name = "Functions", type_ = "integer", json_path = ".status.functions.managed"),
    printcolumn(
        name = "Unmanaged",
        type_ = "integer",
        json_path = ".status.functions.unmanagedCount"
    ),
    printcolumn(name = "Interval", type_ = "string", json_path = ".spec.interval", priority = 1)
)]
#[x_kube(
    validation = Rule::new("self.project == oldSelf.project")
        .message("`project` is immutable: create another Platform for another project")
        .field_path(".project"),
    validation = Rule::new("has(self.url) == has(oldSelf.url) && (!has(self.url) || self.url == oldSelf.url)")
        .message("`url` is immutable: create another Platform for another gateway")
        .field_path(".url"),
    validation = Rule::new("self.interval.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.interval) >= duration('30s') && duration(self.interval) <= duration('24h')")
        .message("`interval` must be between '30s' and '24h', such as '5m'")
        .field_path(".interval")
)]
#[serde(rename_all = "camelCase")]
pub struct PlatformSpec {
    /// project is the reference of the Supabase project: the twenty lower-case letters in its dashboard address. Immutable.
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z]{20}$')").message("`project` must be the twenty lower-case letters in the project's dashboard address, such as 'abcdefghijklmnopqrst'"))]
    pub project: String,
    /// url is the origin of the project's gateway, where functions are called. Defaults to `https://<project>.supabase.co`; the operator's flag `--allow-gateway-host` must name any other. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$')").message("`url` must be an origin without user, path or '/' at its end, such as 'https://abcdefghijklmnopqrst.supabase.co'"))]
    pub url: Option<String>,
    /// api says how to reach the Management API.
    pub api: ApiEndpoint,
    /// anonKeySecretRef names the project's anonymous key; needed only by checks with `auth: Anon`. The Secret must offer `anon-key` in its label `ops.mobulace.com/use`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anon_key_secret_ref: Option<SecretKeyReference>,
    /// database says how to connect to the project's Postgres; needed only by MigrationSets, BackupSchedules and AlertRules with `source.sql`. The connection is checked when the Platform is first reconciled, after failures, every hour, and when the annotation `ops.mobulace.com/reconcile-at` changes. A database that does not answer does not affect functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
    /// scratch is a PostgreSQL server where backups are restored to be proved; needed only by Restores and by BackupSchedules that verify `Content` or have drills. It holds nothing else, and is not the server that is backed up. Its major version is the project's. Databases that are made there are dropped again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scratch: Option<Scratch>,
    /// contacts that AlertRules name, at most sixteen; shown on every message of theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub contacts: Vec<Contact>,
    /// interval between two observations of the project, between `30s` and `24h` (GEP-2257: `90s`, `5m`, `1h30m`). Each is one request that lists all functions of the project, however many objects there are.
    #[serde(default = "PlatformSpec::default_interval")]
    pub interval: Duration,
    /// requestsPerMinute limits the requests that the operator sends to the Management API for this project, in any minute. Supabase allows 120 per user, project and endpoint; leave the rest to people and pipelines.
    #[serde(default = "PlatformSpec::default_requests_per_minute")]
    #[schemars(range(min = 6, max = 120))]
    pub requests_per_minute: i32,
    /// suspend stops reconciliation of this Platform and of all objects that refer to it: nothing is read or written.
    #[serde(default)]
    pub suspend: bool,
}

impl PlatformSpec {
    fn default_interval() -> Duration {
        Duration::from_secs(300)
    }

    fn default_requests_per_minute() -> i32 {
        60
    }

    /// Origin of the project's gateway.
    pub fn gateway(&self) -> String {
        self.url
            .clone()
            .unwrap_or_else(|| format!("https://{}.supabase.co", self.project))
    }
}

/// The Management API and its access token.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiEndpoint {
    /// url is the origin of the Management API; the operator's flag `--allow-api-host` must name its host.
    #[serde(default = "ApiEndpoint::default_url")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$')").message("`url` must be an origin without user, path or '/' at its end, such as 'https://api.supabase.com'"))]
    pub url: String,
    /// tokenSecretRef names the access token (`sbp_…`). Give it a scoped token: functions read and write, secrets read, project read, and backups read where a BackupSchedule counts the platform's points. The Secret must offer `token` in its label `ops.mobulace.com/use`.
    pub token_secret_ref: SecretKeyReference,
}

impl ApiEndpoint {
    fn default_url() -> String {
        "https://api.supabase.com".to_owned()
    }
}

/// How to connect to the project's Postgres.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("self.port != 6543")
        .message("`port` must not be 6543: transaction pooling drops locks and settings; use the direct connection or the session pooler on 5432")
        .field_path(".port"),
    validation = Rule::new("!has(self.reader) || self.reader.user != self.user")
        .message("`reader.user` must not be `user`: queries of rules get a login that can only read; the documentation of AlertRules has the statements that make one")
        .field_path(".reader.user")
)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// host of the direct connection (`db.<project>.supabase.co`) or of Supabase's session pooler, on port 5432 with a `user` that ends in `.<project>`. The operator's flag `--allow-database-host` must name any other.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9.-]+$')").message("`host` must be a host name without port, such as 'db.abcdefghijklmnopqrst.supabase.co'; `port` is a field of its own"))]
    pub host: String,
    /// port of the server.
    #[serde(default = "Database::default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// name of the database.
    #[serde(default = "Database::default_name")]
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// user to connect as.
    #[serde(default = "Database::default_name")]
    #[schemars(length(min = 1, max = 128))]
    pub user: String,
    /// tls is the TLS mode, as in libpq's `sslmode`.
    #[serde(default)]
    pub tls: DatabaseTls,
    /// caSecretRef names the CA certificate, as PEM, that the server's certificate is verified with. Unset, the system's CA certificates are used. The Secret must offer `database` in its label `ops.mobulace.com/use`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyReference>,
    /// passwordSecretRef names the user's password. The Secret must offer `database` in its label `ops.mobulace.com/use`.
    pub password_secret_ref: SecretKeyReference,
    /// reader is the login that queries of AlertRules get; needed only by those. They never get `user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<Reader>,
}

impl Database {
    /// This database, as its reader sees it.
    pub fn as_reader(&self) -> Option<Self> {
        let reader = self.reader.as_ref()?;
        Some(Self {
            user: reader.user.clone(),
            password_secret_ref: reader.password_secret_ref.clone(),
            reader: None,
            ..self.clone()
        })
    }

    fn default_port() -> i32 {
        5432
    }

    fn default_name() -> String {
        "postgres".to_owned()
    }
}

/// The login that queries of AlertRules get: it bypasses row-level security, and may read and do nothing else.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reader {
    /// user to connect as. Through Supabase's session pooler it ends in `.<project>`, as the other one does.
    #[schemars(length(min = 1, max = 128))]
    pub user: String,
    /// passwordSecretRef names the user's password. The Secret must offer `database` in its label `ops.mobulace.com/use`.
    pub password_secret_ref: SecretKeyReference,
    /// connections that are open at most, one to four.
    #[serde(default = "Reader::default_connections")]
    #[schemars(range(min = 1, max = 4))]
    pub connections: i32,
}

impl Reader {
    fn default_connections() -> i32 {
        2
    }
}

/// Whom to ask, or tell.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
pub struct Contact {
    /// name that AlertRules use.
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')").message("`name` must be lower-case letters, digits and '-' within, such as 'devops'"))]
    pub name: String,
    /// address as `mailto:`, `tel:` or `https://`.
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new("self.matches('^(mailto:|tel:|https?://)[!-~]+$')").message("`address` must begin with 'mailto:', 'tel:' or 'https://', such as 'mailto:devops@example.com'"))]
    pub address: String,
}

/// A PostgreSQL server where backups are restored to be proved.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("self.port != 6543")
        .message("`port` must not be 6543: a connection pooler can't make databases; use the server's own port")
        .field_path(".port")
)]
#[serde(rename_all = "camelCase")]
pub struct Scratch {
    /// host of the server. The operator's flag `--allow-scratch-host` must name it.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9.-]+$')").message("`host` must be a host name without port, such as 'scratch.ace.svc'; `port` is a field of its own"))]
    pub host: String,
    /// port of the server.
    #[serde(default = "Database::default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// user to connect as. It may make databases and roles.
    #[serde(default = "Database::default_name")]
    #[schemars(length(min = 1, max = 128))]
    pub user: String,
    /// tls is the TLS mode, as in libpq's `sslmode`.
    #[serde(default)]
    pub tls: DatabaseTls,
    /// caSecretRef names the CA certificate, as PEM, that the server's certificate is verified with. Unset, the system's CA certificates are used. The Secret must offer `database` in its label `ops.mobulace.com/use`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyReference>,
    /// passwordSecretRef names the user's password. The Secret must offer `database` in its label `ops.mobulace.com/use`.
    pub password_secret_ref: SecretKeyReference,
}

impl Scratch {
    /// A database on this server.
    pub fn database(&self, name: &str) -> Database {
        Database {
            host: self.host.clone(),
            port: self.port,
            name: name.to_owned(),
            user: self.user.clone(),
            tls: self.tls,
            ca_secret_ref: self.ca_secret_ref.clone(),
            password_secret_ref: self.password_secret_ref.clone(),
            reader: None,
        }
    }
}

/// TLS mode, as in libpq's `sslmode`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DatabaseTls {
    /// Encrypted; the certificate and the host name in it are verified.
    #[default]
    VerifyFull,
    /// Encrypted; the certificate is not verified.
    Require,
    /// Not encrypted. For a database on the same machine.
    Disable,
}

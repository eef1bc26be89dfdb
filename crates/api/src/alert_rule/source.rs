//! What a rule asks.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CheckAuth, Duration};

/// What is asked: exactly one of these.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("has(self.sql) != has(self.signal)")
        .message("exactly one of `sql` and `signal` must be set: create another AlertRule for another question")
)]
pub struct AlertSource {
    /// sql is a query of the project's database, by the login of `spec.database.reader` of the Platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<SqlSource>,
    /// signal is something that the operator knows or measures itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<Signal>,
}

impl AlertSource {
    /// What is asked: `SQL`, or the name of the signal.
    pub fn name(&self) -> &'static str {
        self.signal.as_ref().map_or("SQL", |signal| signal.name.as_str())
    }
}

/// A query of the project's database. Whoever may write an AlertRule reads what the reader may: values of the columns in `labels` are shown in status, metrics and messages.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("!self.query.trim().endsWith(';')")
        .message("`query` must be one statement without ';' at its end")
        .field_path(".query"),
    validation = Rule::new("!has(self.labels) || self.labels.all(label, label.matches('^_?[a-z][a-z0-9_]{0,61}$') && !(label in ['value', 'samples', 'severity', 'namespace', 'name']))")
        .message("`labels` must be columns of the query: lower-case letters, digits and '_', such as 'brand', without '__' at the beginning, and none of value, samples, severity, namespace, name")
        .field_path(".labels")
)]
pub struct SqlSource {
    /// query is one statement that reads. Its columns: `value` (a number; null: no data), those of `labels`, those that `thresholdFrom` of a level names (numbers; null: not this level), and where it needs them `samples` (a number) and `severity` (`info`, `warning`, `error` or `critical`: the level of that row; the rule has one level then, which serves rows without one). Any other column is refused, and so are more than 50 rows. Each row is a series.
    #[schemars(length(min = 1, max = 8192))]
    pub query: String,
    /// labels are columns that tell series apart, as text of at most 64 characters; at most eight. They are all of a row that is ever shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub labels: Vec<String>,
    /// timeout of the query, between `100ms` and `30s`, at most a quarter of the interval.
    #[serde(default = "SqlSource::default_timeout")]
    pub timeout: Duration,
}

impl SqlSource {
    fn default_timeout() -> Duration {
        Duration::from_secs(5)
    }
}

/// Something that the operator knows or measures itself.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("self.name.startsWith('Probe') == has(self.probe)")
        .message("`probe` must be set for ProbeSuccess and ProbeSeconds, and for no other signal")
        .field_path(".probe"),
    validation = Rule::new("!has(self.match) || ((self.name == 'ObjectCondition' || !(has(self.match.kind) || has(self.match.trouble))) && (self.name == 'ProjectHealth' || !has(self.match.service)) && (self.name == 'SecretAge' || !has(self.match.secret)))")
        .message("`match` must have only what the signal has: `kind` and `trouble` of ObjectCondition, `service` of ProjectHealth, `secret` of SecretAge")
        .field_path(".match")
)]
pub struct Signal {
    /// name of the signal.
    pub name: SignalName,
    /// match says what of it counts.
    #[serde(rename = "match", default, skip_serializing_if = "SignalMatch::is_empty")]
    pub matching: SignalMatch,
    /// probe says what is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
}

/// A signal.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum SignalName {
    /// How many objects of the namespace are in trouble, of this Platform or of none: a series for each kind that there is, with the label `kind`. Suspended ones do not count.
    ObjectCondition,
    /// Whether a call of a function at the project's gateway is answered as expected: 1 or 0, with the label `function`.
    ProbeSuccess,
    /// How many seconds such a call took, with the label `function`. One that is not answered as expected is no data.
    ProbeSeconds,
    /// Whether the platform calls a service of the project healthy: 1 or 0, with the label `service` (auth, db, pooler, realtime, rest, storage).
    ProjectHealth,
    /// How many days ago a secret of the project's functions was set, with the label `secret`. The platform's own (`SUPABASE_*`) do not count.
    SecretAge,
}

impl SignalName {
    /// The word in the spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ObjectCondition => "ObjectCondition",
            Self::ProbeSuccess => "ProbeSuccess",
            Self::ProbeSeconds => "ProbeSeconds",
            Self::ProjectHealth => "ProjectHealth",
            Self::SecretAge => "SecretAge",
        }
    }
}

/// What of a signal counts.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
pub struct SignalMatch {
    /// kind of the objects; all kinds of `ops.mobulace.com` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self in ['Platform', 'EdgeFunction', 'MigrationSet', 'AlertRule', 'NotificationChannel', 'Silence', 'BackupDestination', 'BackupSchedule', 'Backup', 'Restore']").message("`kind` must be a kind of ops.mobulace.com, such as 'EdgeFunction'"))]
    pub kind: Option<String>,
    /// trouble that counts. Defaults to `NotReady`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ObjectTrouble")]
    pub trouble: Option<ObjectTrouble>,
    /// service of the project, in which `*` is any text; all of them without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z_*]+$')").message("`service` must be lower-case letters, '_' and '*', such as 'db'"))]
    pub service: Option<String>,
    /// secret by name, in which `*` is any text; all of them without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_*-]+$')").message("`secret` must be letters, digits, '_', '-' and '*', such as 'STRIPE_*'"))]
    pub secret: Option<String>,
}

impl SignalMatch {
    fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// What an object's conditions say.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ObjectTrouble {
    /// `Ready` is not True.
    #[default]
    NotReady,
    /// `Stalled` is True: a person has to act.
    Stalled,
    /// `Drifted` is True.
    Drifted,
}

/// A call of a function at the project's gateway, by `GET`.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// function is the slug of the function.
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z][A-Za-z0-9_-]*$')").message("`function` must be the slug of a function: letters, digits, '-' and '_', such as 'health'"))]
    pub function: String,
    /// path below the function's URL, with an optional query. Defaults to `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = Rule::new(r"self.matches('^/[!-~]*$') && !self.contains('#') && !self.split('?')[0].matches('(^|/)[.]{1,2}(/|$)|[\\\\]|(?i)%(2e|2f|5c)')").message(r"`path` must start with '/' and stay under the function: no '#', and before a '?' no '.', '..', '\', '%2e', '%2f' or '%5c', such as '/healthz?deep=1'"))]
    pub path: Option<String>,
    /// auth of the request: `None`, or `Anon` to send the key that the Platform's `anonKeySecretRef` names. Defaults to `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "CheckAuth")]
    pub auth: Option<CheckAuth>,
    /// expectStatus lists the HTTP status codes that are expected.
    #[serde(default = "Probe::default_expect_status")]
    #[schemars(length(min = 1, max = 8), inner(range(min = 100, max = 599)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub expect_status: Vec<i32>,
    /// timeoutSeconds of the request, 1 to 30, not longer than the interval.
    #[serde(default = "Probe::default_timeout_seconds")]
    #[schemars(range(min = 1, max = 30))]
    pub timeout_seconds: i32,
}

impl Probe {
    fn default_expect_status() -> Vec<i32> {
        vec![200]
    }

    fn default_timeout_seconds() -> i32 {
        10
    }

    /// How long an answer is waited for.
    pub fn timeout(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.timeout_seconds.try_into().unwrap_or(10))
    }
}

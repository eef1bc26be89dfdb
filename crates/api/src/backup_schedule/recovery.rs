//! What is to be recoverable, and how that is tried out.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::{Assertion, Duration};

/// How much may be lost, and how long it may take to have the rest back.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("self.rpo.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.rpo) >= duration('1m') && duration(self.rpo) <= duration('8784h')")
        .message("`rpo` must be between '1m' and '8784h', such as '26h'")
        .field_path(".rpo"),
    validation = Rule::new("!has(self.rto) || self.rto.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.rto) >= duration('1s') && duration(self.rto) <= duration('8784h')")
        .message("`rto` must be between '1s' and '8784h', such as '4h'")
        .field_path(".rto")
)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryObjective {
    /// rpo is the most time whose changes may be lost: how old the newest point may be that the database can be restored to. It must be longer than the longest time between two slots, and the time that a backup takes.
    pub rpo: Duration,
    /// rto is the most time that it may take to restore the newest backup, from the first request to the last assertion. `Drilled` compares it with what the last drill took, and with what is predicted for the size of today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto: Option<Duration>,
    /// countPlatform counts the platform's own points towards `rpo`: its window of point-in-time recovery, and its daily backups. While it is true, the Platform asks for them at each of its intervals; its token needs the permission to read backups.
    #[serde(default)]
    pub count_platform: bool,
}

/// A restore of the newest complete backup, at times of its own.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
pub struct Drill {
    /// name of the drill.
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')").message("`name` must be lower-case letters, digits and '-', such as 'weekly'"))]
    pub name: String,
    /// schedule of the drill, in the time zone of the backups and written like theirs.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = Rule::new("!self.contains('=') && (self.startsWith('@') || self.split(' ').filter(field, field != '').size() == 5)").message("`schedule` of a drill must have five fields (minute, hour, day of the month, month, day of the week), such as '0 6 * * 1', or be a name such as '@weekly'"))]
    pub schedule: String,
    /// assertions are asked of the restored database, at most eight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub assertions: Vec<Assertion>,
}

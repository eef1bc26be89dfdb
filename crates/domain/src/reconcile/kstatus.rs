//! What pipelines read off conditions.

use ace_api::{
    ConditionType::{Drifted, Ready, Reconciling, Stalled, Suspended},
    MESSAGE_LIMIT,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Panics where conditions of this generation don't tell whether to wait or to act.
#[track_caller]
pub(crate) fn tells_whether_to_wait_or_to_act(conditions: &[Condition], generation: Option<i64>) {
    let ready = Ready.of(conditions).map(|ready| ready.status.as_str());
    let [reconciling, stalled, suspended] =
        [Reconciling, Stalled, Suspended].map(|type_| type_.of(conditions).is_some());
    let rules = [
        ready.is_some() && Drifted.of(conditions).is_some(),
        !(reconciling && stalled),
        ready != Some("True") || !(reconciling || stalled),
        ready != Some("Unknown") || reconciling,
        ready != Some("False") || reconciling || stalled || suspended,
        [Reconciling, Stalled, Suspended]
            .iter()
            .all(|only| only.of(conditions).is_none() || only.is_true(conditions)),
        conditions.iter().all(|c| c.observed_generation == generation),
        conditions
            .iter()
            .all(|c| !c.message.is_empty() && c.message.len() <= MESSAGE_LIMIT),
    ];
    assert_eq!(rules, [true; 8], "{conditions:#?}");
}

//! What waits for a Backup, which does not expire meanwhile.

use std::collections::BTreeMap;

use ace_api::{ConditionType, MigrationSet, Restore};
use kube::ResourceExt;

/// Of these objects of one namespace, those that wait for a Backup, by its name: Restores that have not ended, and MigrationSets
/// with a plan.
pub fn needed<'a>(
    restores: impl IntoIterator<Item = &'a Restore>,
    sets: impl IntoIterator<Item = &'a MigrationSet>,
) -> BTreeMap<String, String> {
    let mut needed = BTreeMap::new();
    for restore in restores {
        let status = restore.status.as_ref();
        let conditions = status.map_or(&[][..], |status| &status.common.conditions);
        if ConditionType::Ready.is_true(conditions) || ConditionType::Stalled.is_true(conditions) {
            continue;
        }
        let point = status.and_then(|status| status.point.as_ref());
        let named = restore.spec.source.backup.as_ref();
        for name in named.into_iter().chain(point.map(|point| &point.backup)) {
            needed.insert(name.clone(), format!("Restore {}", restore.name_any()));
        }
    }
    for set in sets {
        let plan = set.status.as_ref().and_then(|status| status.plan.as_ref());
        if let Some(name) = plan.and_then(|plan| plan.backup.as_ref()) {
            needed.insert(name.clone(), format!("MigrationSet {}", set.name_any()));
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use ace_api::{MigrationSet, Restore};
    use serde_json::{Value, json};

    use super::needed;

    fn restore(status: &Value) -> Restore {
        let spec = json!({ "platformRef": { "name": "prod" }, "source": { "backup": "one" } });
        serde_json::from_value(json!({ "metadata": { "name": "drill" }, "spec": spec, "status": status })).unwrap()
    }

    fn set(plan: &Value) -> MigrationSet {
        let spec =
            json!({ "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "migrations" } });
        let status = json!({ "observedGeneration": 1, "plan": plan });
        serde_json::from_value(json!({ "metadata": { "name": "main" }, "spec": spec, "status": status })).unwrap()
    }

    fn condition(type_: &str) -> Value {
        json!({
            "type": type_, "status": "True", "reason": "Restored", "message": "", "observedGeneration": 1,
            "lastTransitionTime": "2026-11-23T01:00:21Z",
        })
    }

    #[test]
    fn a_backup_is_needed_while_a_restore_or_a_plan_waits_for_it() {
        let by = |restore: &Restore, set: &MigrationSet| {
            let needed = needed([restore], [set]);
            needed.into_iter().collect::<Vec<_>>()
        };
        let ended = restore(&json!({ "observedGeneration": 1, "conditions": [condition("Ready")] }));
        let failed = restore(&json!({ "observedGeneration": 1, "conditions": [condition("Stalled")] }));
        let without = set(&json!({ "digest": "d", "approvalRequired": false, "pending": [] }));
        for restore in [&ended, &failed] {
            assert_eq!(by(restore, &without), []);
        }
        let begun = restore(&json!({ "observedGeneration": 1, "conditions": [] }));
        assert_eq!(by(&begun, &without), [("one".to_owned(), "Restore drill".to_owned())]);
        let waits = set(&json!({ "digest": "d", "approvalRequired": false, "pending": [], "backup": "two" }));
        assert_eq!(by(&ended, &waits), [("two".to_owned(), "MigrationSet main".to_owned())]);
    }
}

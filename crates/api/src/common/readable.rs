//! Lists of a status that a later version of the operator may have written.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// The entries of a list that this version can read. The others are left out: of what only people read, a word that is not known
/// yet must not cost the whole object.
pub(crate) fn readable<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let entries = Vec::<Value>::deserialize(deserializer)?;
    let readable = entries.into_iter().filter_map(|entry| T::deserialize(entry).ok());
    Ok(readable.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{AlertRuleStatus, EdgeFunctionStatus, MigrationSetStatus};

    #[test]
    fn of_a_history_the_entries_that_are_not_known_yet_are_left_out() {
        let known = json!({ "type": "Deployed", "revision": "1", "time": "2026-11-23T10:00:00Z" });
        let unknown = json!({ "type": "Teleported", "revision": "1", "time": "2026-11-23T10:00:00Z" });
        let read = |history| serde_json::from_value::<EdgeFunctionStatus>(json!({ "history": history })).unwrap();
        let all = read(json!([unknown, known, "a line of text", { "type": "Deployed" }]));
        assert_eq!(all, read(json!([known])));
        assert_eq!(all.history.len(), 1);
        let rule: AlertRuleStatus = serde_json::from_value(json!({ "history": [unknown] })).unwrap();
        let set: MigrationSetStatus = serde_json::from_value(json!({ "history": [unknown] })).unwrap();
        assert_eq!((rule.history.len(), set.history.len()), (0, 0));
    }

    #[test]
    fn what_the_operator_goes_by_is_read_whole_or_not_at_all() {
        let intent = json!({ "intent": { "type": "Teleport", "startTime": "2026-11-23T10:00:00Z" } });
        assert!(serde_json::from_value::<EdgeFunctionStatus>(intent).is_err());
    }
}

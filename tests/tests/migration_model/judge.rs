//! What must be true before a file runs that can lose data.

use std::time::Duration;

use ace_api::MigrationSet;
use ace_domain::kinds::migration_set::{Candidate, Item, State, planned};

use super::operator::Model;

impl Model {
    /// What can lose data runs after a backup of what the database holds now.
    pub(crate) fn judge_backup(&mut self, object: &MigrationSet, state: &State) {
        self.run_after = None;
        let (Some(required), Some(plan)) = (&object.spec.requires.backup, planned(object, state)) else {
            return;
        };
        let classes = plan.items.iter().flat_map(Item::classes);
        if plan.without_backup || !classes.into_iter().any(|class| required.classes.contains(&class)) {
            return;
        }
        let rows = self
            .db
            .bookkeeping
            .iter()
            .flat_map(|bookkeeping| bookkeeping.rows.values());
        let last = rows.map(|row| row.time).max();
        let is_good = |backup: &Candidate| {
            backup.snapshot.as_ref().is_some_and(|snapshot| {
                let target = &self.db.target;
                (&snapshot.system_identifier, snapshot.timeline) == (&target.system_identifier, target.timeline)
                    && snapshot.head.as_ref() == self.db.ledger.keys().next_back()
                    && last.is_none_or(|last| last <= snapshot.time)
                    && snapshot.time + required.max_age.get() >= self.now - Duration::from_secs(1)
            })
        };
        let checked = self.checked.take();
        if !checked.as_ref().is_some_and(is_good) {
            self.fault(format!("{} runs without a backup", plan.digest));
        }
        self.run_after = checked.map(|backup| backup.known.name);
    }

    /// Each file of such a run looks at the backup once more.
    pub(crate) fn judge_after(&mut self, after: Option<&String>) {
        if self.run_after.as_ref() != after {
            self.fault(format!(
                "a file runs after {after:?}, and not after {:?}",
                self.run_after
            ));
        }
    }
}

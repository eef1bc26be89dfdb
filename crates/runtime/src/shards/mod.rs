//! What this process does when it gets a shard, and when it lets one go.

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, future::pending};

use crate::{
    index::{Dependents, ObjectId},
    leases::Assigned,
    metrics::Metrics,
    queue::Class,
    reconcile::Scheduler,
};

/// The objects of a kind, each with why its first pass is wanted.
pub(crate) type Cached = Box<dyn Fn() -> Vec<(ObjectId, Class)> + Send + Sync>;

/// What follows from having other shards than before.
pub(crate) struct Shards {
    pub(crate) assigned: Assigned,
    pub(crate) dependents: Dependents,
    pub(crate) scheduler: Scheduler,
    pub(crate) metrics: Metrics,
    pub(crate) cached: Vec<Cached>,
}

impl Shards {
    /// Takes over the shards that this process gets, and lets go those that it must. Never ends.
    pub(crate) async fn follow(mut self) {
        self.assigned.warmed();
        let mut drained = BTreeSet::new();
        loop {
            let holding = self.assigned.holding.borrow_and_update().clone();
            drained.retain(|shard| holding.parts().contains_key(shard));
            self.take_over(&self.scheduler.hold(&holding));
            self.metrics.set_shards(holding.parts().len());
            for shard in self.scheduler.drained() {
                if drained.insert(shard) {
                    self.let_go(shard);
                    self.assigned.drained(shard);
                }
            }
            tokio::select! {
                changed = self.assigned.holding.changed() => if changed.is_err() {
                    // Nobody competes: it stays as it is.
                    return pending().await;
                },
                () = self.scheduler.ended() => {}
            }
        }
    }

    /// As at the start: each gets a first pass.
    fn take_over(&self, gained: &BTreeSet<u32>) {
        if gained.is_empty() {
            return;
        }
        for (object, class) in self.cached.iter().flat_map(|cached| cached()) {
            if gained.contains(&self.dependents.shard(&object)) {
                self.scheduler.wake(&object, class);
            }
        }
    }

    /// What was known here of its objects, another process finds out for itself, and changes.
    fn let_go(&self, shard: u32) {
        self.dependents.depart(self.dependents.of_shard(shard));
    }
}

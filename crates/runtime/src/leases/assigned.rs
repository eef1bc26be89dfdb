//! What a process has of the shards, between whoever competes for them and whoever makes passes.

use std::collections::BTreeMap;

use ace_domain::reconcile::shard::Shards;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Fence;

/// The shards that this process acts on.
#[derive(Clone, Debug, Default)]
pub struct Holding(BTreeMap<u32, Part>);

/// One shard that this process acts on.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) fence: Fence,
    /// Nothing begins there any more.
    pub(crate) is_leaving: bool,
}

impl Holding {
    /// All of them, for a process that competes with nobody.
    pub fn all(shards: Shards) -> Self {
        let mut holding = Self::default();
        for shard in 0..shards.number() {
            holding.hold(shard, Fence::open(), false);
        }
        holding
    }

    pub(crate) fn hold(&mut self, shard: u32, fence: Fence, is_leaving: bool) {
        self.0.insert(shard, Part { fence, is_leaving });
    }

    pub(crate) fn parts(&self) -> &BTreeMap<u32, Part> {
        &self.0
    }

    /// What tells two of them apart: which shards by which epoch, and which of them are being let go.
    fn outline(&self) -> Vec<(u32, i32, bool)> {
        let outline = |(shard, part): (&u32, &Part)| (*shard, part.fence.epoch(), part.is_leaving);
        self.0.iter().map(outline).collect()
    }
}

/// The side of whoever competes.
pub struct Assigner {
    holding: watch::Sender<Holding>,
    drained: mpsc::UnboundedReceiver<u32>,
    warm: CancellationToken,
}

/// The side of whoever makes passes.
pub struct Assigned {
    pub(crate) holding: watch::Receiver<Holding>,
    drained: mpsc::UnboundedSender<u32>,
    warm: CancellationToken,
}

/// Both sides, at first with this.
pub fn assigned(holding: Holding) -> (Assigner, Assigned) {
    let (shown, holding) = watch::channel(holding);
    let (told, drained) = mpsc::unbounded_channel();
    let warm = CancellationToken::new();
    let competes = Assigner {
        holding: shown,
        drained,
        warm: warm.clone(),
    };
    let makes_passes = Assigned {
        holding,
        drained: told,
        warm,
    };
    (competes, makes_passes)
}

impl Assigner {
    /// Says what this process has, if that is news.
    pub(crate) fn show(&self, now: Holding) {
        self.holding.send_if_modified(|shown| {
            let (before, after) = (shown.outline(), now.outline());
            let is_news = before != after;
            if is_news {
                tell(&before, &after);
                *shown = now;
            }
            is_news
        });
    }

    /// The next shard that is being let go and of which nothing goes on.
    pub(crate) async fn drained(&mut self) -> Option<u32> {
        self.drained.recv().await
    }

    /// Returns once passes could begin.
    pub(crate) fn warm(&self) -> impl Future<Output = ()> + use<> {
        self.warm.clone().cancelled_owned()
    }
}

impl Assigned {
    /// Passes could begin: whatever they read is there.
    pub(crate) fn warmed(&self) {
        self.warm.cancel();
    }

    /// Nothing of a shard that is being let go goes on.
    pub(crate) fn drained(&self, shard: u32) {
        // Nobody listens where nobody competes.
        let _ = self.drained.send(shard);
    }
}

fn tell(before: &[(u32, i32, bool)], after: &[(u32, i32, bool)]) {
    for (shard, epoch, is_leaving) in after.iter().filter(|part| !before.contains(part)) {
        if *is_leaving {
            tracing::info!(
                shard,
                epoch,
                "another process asks for this shard: it gets it when passes in progress have ended"
            );
        } else {
            tracing::info!(shard, epoch, "this process acts");
        }
    }
    let is_gone = |shard: &u32| after.iter().all(|(held, ..)| held != shard);
    for (shard, epoch, _) in before.iter().filter(|(shard, ..)| is_gone(shard)) {
        tracing::info!(shard, epoch, "this process does not act any more");
    }
}

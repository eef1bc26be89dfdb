//! The memory of one source. Pure: the clock is an argument.

use std::sync::Arc;

use ace_domain::inputs::{ArtifactState, SourceTree};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::time::Instant;

use super::backoff::Backoff;

/// The result of one read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) artifact_state: ArtifactState,
    /// The object's `resourceVersion`, if it exists.
    pub(super) version: Option<String>,
    /// Whether the object has the label for which it is watched (Flux kinds: always).
    pub(super) labelled: bool,
    pub(super) again: NextRead,
}

/// When to read again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NextRead {
    /// When the object changes.
    OnChange,
    /// After a while: no watch reports when the problem is over.
    Soon,
    /// The API server did not answer, so the state before stays.
    Unanswered,
}

/// The result of a shared read.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    pub(super) artifact_state: ArtifactState,
    /// The state has changed.
    pub(super) changed: bool,
}

pub(super) type Flight = Shared<BoxFuture<'static, Landed>>;

#[derive(Default)]
pub(super) struct Entry {
    pub(super) memo: Option<Memo>,
    pub(super) version: Option<String>,
    pub(super) labelled: bool,
    /// When another read is due.
    pub(super) due: Option<Instant>,
    pub(super) flight: Option<Flight>,
    /// The number of the read that was begun last.
    pub(super) number: u64,
    failures: u32,
}

/// A state without the tree: trees belong to the cache, which may evict them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Memo {
    Ready { revision: String, digest: String },
    Other(ArtifactState),
}

impl Memo {
    fn of(artifact_state: &ArtifactState) -> Self {
        match artifact_state {
            ArtifactState::Ready(artifact) => Self::Ready {
                revision: artifact.revision.clone(),
                digest: artifact.digest.clone(),
            },
            other => Self::Other(other.clone()),
        }
    }

    /// Whether `next` has to be published after `self`. Another text of a failure is no change.
    fn is_changed_by(&self, next: &Self) -> bool {
        !matches!(
            (self, next),
            (
                Self::Other(ArtifactState::Failed(_)),
                Self::Other(ArtifactState::Failed(_))
            )
        ) && self != next
    }
}

impl Entry {
    /// Records a read that was begun.
    pub(super) fn fly(&mut self, number: u64, flight: BoxFuture<'static, Landed>) -> Flight {
        self.number = number;
        let flight = flight.shared();
        self.flight = Some(flight.clone());
        flight
    }

    /// Records the result of a read. `kept` is the tree of the remembered content, if it is still cached.
    pub(super) fn land(
        &mut self,
        reading: Reading,
        kept: Option<Arc<SourceTree>>,
        now: Instant,
        backoff: Backoff,
    ) -> Landed {
        self.flight = None;
        if reading.again == NextRead::OnChange {
            self.failures = 0;
            self.due = None;
        } else {
            self.failures = self.failures.saturating_add(1);
            self.due = Some(now + backoff.after(self.failures));
        }
        if reading.again == NextRead::Unanswered
            && let (Some(Memo::Ready { revision, digest }), Some(tree)) = (&self.memo, kept)
        {
            return Landed {
                artifact_state: ArtifactState::ready(revision.clone(), digest.clone(), tree),
                changed: false,
            };
        }
        let memo = Memo::of(&reading.artifact_state);
        let changed = self.memo.as_ref().is_some_and(|before| before.is_changed_by(&memo));
        self.memo = Some(memo);
        if reading.again != NextRead::Unanswered {
            self.version = reading.version;
            self.labelled = reading.labelled;
        }
        Landed {
            artifact_state: reading.artifact_state,
            changed,
        }
    }
}

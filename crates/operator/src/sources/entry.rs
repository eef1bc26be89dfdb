//! What is remembered of one source. Pure: the clock is an argument.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::{ArtifactState, SourceTree};

/// What one read brought.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) artifact_state: ArtifactState,
    /// The object's `resourceVersion`, when it was there.
    pub(super) version: Option<String>,
    /// Whether the object carries the label that has it watched (of Flux kinds: always).
    pub(super) labelled: bool,
    pub(super) again: Again,
}

/// What makes another read worth while.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Again {
    /// Only a change of the object.
    OnChange,
    /// Time: nobody tells us when this mends itself.
    Soon,
    /// Nothing was learned: the API server did not answer, so that an older sight stands.
    Unanswered,
}

/// What a flight ends with.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    pub(super) artifact_state: ArtifactState,
    /// Something else is seen than before.
    pub(super) changed: bool,
}

pub(super) type Flight = Shared<BoxFuture<'static, Landed>>;

#[derive(Default)]
pub(super) struct Entry {
    pub(super) memo: Option<Memo>,
    pub(super) version: Option<String>,
    pub(super) labelled: bool,
    /// When time alone makes another read due.
    pub(super) due: Option<Instant>,
    pub(super) flight: Option<Flight>,
    /// The number of the flight that was begun last.
    pub(super) number: u64,
    failures: u32,
}

/// A sight without the tree: trees belong to the cache, which may give them up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Memo {
    Ready { revision: String, digest: String },
    Told(ArtifactState),
}

impl Memo {
    fn of(artifact_state: &ArtifactState) -> Self {
        match artifact_state {
            ArtifactState::Ready(artifact) => Self::Ready {
                revision: artifact.revision.clone(),
                digest: artifact.digest.clone(),
            },
            told => Self::Told(told.clone()),
        }
    }

    /// Whether somebody who knew `self` must hear of `next`. How a failure is worded is no news.
    fn is_news(&self, next: &Self) -> bool {
        !matches!(
            (self, next),
            (
                Self::Told(ArtifactState::Failed(_)),
                Self::Told(ArtifactState::Failed(_))
            )
        ) && self != next
    }
}

impl Entry {
    /// Remembers a flight that was begun.
    pub(super) fn fly(&mut self, number: u64, flight: BoxFuture<'static, Landed>) -> Flight {
        self.number = number;
        let flight = flight.shared();
        self.flight = Some(flight.clone());
        flight
    }

    /// Takes in what a read brought. `kept` is the tree of the content that is remembered, if it is still there.
    pub(super) fn land(
        &mut self,
        reading: Reading,
        kept: Option<Arc<SourceTree>>,
        now: Instant,
        backoff: Backoff,
    ) -> Landed {
        self.flight = None;
        if reading.again == Again::OnChange {
            self.failures = 0;
            self.due = None;
        } else {
            self.failures = self.failures.saturating_add(1);
            self.due = Some(now + backoff.after(self.failures));
        }
        if reading.again == Again::Unanswered
            && let (Some(Memo::Ready { revision, digest }), Some(tree)) = (&self.memo, kept)
        {
            let artifact = super::Artifact {
                revision: revision.clone(),
                digest: digest.clone(),
                tree,
            };
            return Landed {
                artifact_state: ArtifactState::Ready(Arc::new(artifact)),
                changed: false,
            };
        }
        let memo = Memo::of(&reading.artifact_state);
        let changed = self.memo.as_ref().is_some_and(|before| before.is_news(&memo));
        self.memo = Some(memo);
        if reading.again != Again::Unanswered {
            self.version = reading.version;
            self.labelled = reading.labelled;
        }
        Landed {
            artifact_state: reading.artifact_state,
            changed,
        }
    }
}

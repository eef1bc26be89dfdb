//! What to do about the Lease, by what was seen of it and when: pure.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::ResourceExt;

use super::Fence;

/// Times of a contest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Terms {
    /// A Lease that was not renewed for so long is free.
    pub duration: Duration,
    /// Who has not renewed it for so long does not act any more. The rest is for what is on its way.
    pub deadline: Duration,
    /// Between two renewals, and the most that one may take.
    pub retry: Duration,
}

impl Default for Terms {
    /// Those of Kubernetes' own controllers, but that a renewal has time to be repeated.
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            deadline: Duration::from_secs(10),
            retry: Duration::from_secs(5),
        }
    }
}

impl Terms {
    /// Terms that are shorter by this factor. For tests only.
    #[must_use]
    pub fn scaled(self, scale: u32) -> Self {
        let scale = scale.max(1);
        Self {
            duration: self.duration / scale,
            deadline: self.deadline / scale,
            retry: self.retry / scale,
        }
    }
}

/// What to do next. Times are since the machine was started.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Action {
    Write(Write),
    /// Nothing before this time.
    Wait(Duration),
    /// Nothing before the Lease changes.
    Watch,
}

/// A Lease to write, in place of the version that was seen; a new one where that is none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Write {
    pub(super) version: Option<String>,
    pub(super) holder: String,
    pub(super) transitions: i32,
}

#[derive(Debug)]
pub(super) struct Election {
    identity: String,
    terms: Terms,
    seen: Seen,
    held: Option<Held>,
    is_lost: bool,
    /// The last write did not succeed: none is tried before this time.
    again: Duration,
}

#[derive(Debug)]
enum Seen {
    /// Nobody has answered yet.
    Nothing,
    /// There is none.
    None,
    Lease {
        uid: Option<String>,
        version: String,
        holder: String,
        transitions: i32,
        /// When this version was seen first.
        since: Duration,
    },
}

#[derive(Debug)]
struct Held {
    fence: Fence,
    uid: Option<String>,
    epoch: i32,
    /// When the last write began that succeeded.
    renewed: Duration,
    /// A Lease that was not there before may have been deleted while somebody held it: who creates it acts from then on only.
    acts_from: Duration,
}

impl Held {
    fn acts(&self) -> bool {
        self.renewed >= self.acts_from
    }
}

impl Election {
    pub(super) fn new(identity: String, terms: Terms) -> Self {
        Self {
            identity,
            terms,
            seen: Seen::Nothing,
            held: None,
            is_lost: false,
            again: Duration::ZERO,
        }
    }

    /// The Lease as a list or a watch shows it.
    pub(super) fn observe(&mut self, lease: Option<&Lease>, now: Duration) {
        let Some(lease) = lease else {
            self.seen = Seen::None;
            self.lose_if(true);
            return;
        };
        if self.is_older(lease) {
            return;
        }
        let spec = lease.spec.as_ref();
        let holder = spec.and_then(|spec| spec.holder_identity.clone()).unwrap_or_default();
        let transitions = spec.and_then(|spec| spec.lease_transitions).unwrap_or_default();
        let version = lease.resource_version().unwrap_or_default();
        let since = match &self.seen {
            Seen::Lease {
                version: before, since, ..
            } if *before == version => *since,
            _ => now,
        };
        let is_ours = self.held.as_ref().is_none_or(|held| {
            (held.uid.as_deref(), held.epoch, self.identity.as_str())
                == (lease.metadata.uid.as_deref(), transitions, holder.as_str())
        });
        self.seen = Seen::Lease {
            uid: lease.metadata.uid.clone(),
            version,
            holder,
            transitions,
            since,
        };
        self.lose_if(!is_ours);
    }

    /// An event may come later than the answer to our own write that followed it.
    fn is_older(&self, lease: &Lease) -> bool {
        let number = |version: &str| version.parse::<u64>().ok();
        let Seen::Lease { uid, version, .. } = &self.seen else {
            return false;
        };
        *uid == lease.metadata.uid && lease.resource_version().as_deref().and_then(number) < number(version)
    }

    fn lose_if(&mut self, is_lost: bool) {
        if is_lost && let Some(held) = self.held.take() {
            held.fence.revoke();
            self.is_lost |= held.acts();
        }
    }

    /// A write has succeeded, which `began` at this time.
    pub(super) fn written(&mut self, write: &Write, answer: &Lease, began: Duration) {
        self.again = Duration::ZERO;
        if write.holder.is_empty() {
            self.held = None;
        } else if let Some(held) = &mut self.held {
            held.renewed = began;
            held.fence.renew(began + self.terms.deadline);
        } else {
            let is_new = write.version.is_none();
            self.held = Some(Held {
                fence: Fence::new(write.transitions, began + self.terms.deadline),
                uid: answer.metadata.uid.clone(),
                epoch: write.transitions,
                renewed: began,
                acts_from: if is_new { began + self.terms.duration } else { began },
            });
        }
        self.observe(Some(answer), began);
    }

    /// A write has not succeeded, or nobody knows.
    pub(super) fn refused(&mut self, now: Duration) {
        // A renewal is tried again sooner: there is time for several before the deadline.
        let wait = if self.held.is_some() {
            self.terms.retry / 5
        } else {
            self.terms.retry
        };
        self.again = now + wait;
    }

    /// The fence behind which this process acts, if it does.
    pub(super) fn fence(&self) -> Option<Fence> {
        let held = self.held.as_ref().filter(|held| held.acts())?;
        Some(held.fence.clone())
    }

    /// It acted, and must not any more.
    pub(super) fn has_lost(&mut self, now: Duration) -> bool {
        let is_over = |held: &Held| now >= held.renewed + self.terms.deadline;
        self.lose_if(self.held.as_ref().is_some_and(is_over));
        self.is_lost
    }

    pub(super) fn next(&self, now: Duration) -> Action {
        let (due, write) = match (&self.seen, &self.held) {
            (Seen::Nothing, _) => return Action::Watch,
            (Seen::None, _) => (now, self.write(None, 1)),
            (Seen::Lease { version, .. }, Some(held)) => {
                let due = (held.renewed + self.terms.retry).max(self.again);
                (due, self.write(Some(version), held.epoch))
            }
            (
                Seen::Lease {
                    version,
                    holder,
                    transitions,
                    since,
                    ..
                },
                None,
            ) => {
                // One that this process held before it was started again is its own.
                let is_free = holder.is_empty() || *holder == self.identity;
                let due = if is_free { now } else { *since + self.terms.duration };
                // The API server takes none below 0, whatever was written there.
                let epoch = transitions.checked_add(1).filter(|epoch| *epoch > 0);
                (due, self.write(Some(version), epoch.unwrap_or(1)))
            }
        };
        let due = due.max(self.again);
        if due <= now {
            Action::Write(write)
        } else {
            Action::Wait(due)
        }
    }

    /// The write that gives the Lease back, if this process has it.
    pub(super) fn release(&mut self) -> Option<Write> {
        let held = self.held.as_ref()?;
        held.fence.revoke();
        let Seen::Lease { version, .. } = &self.seen else {
            return None;
        };
        Some(Write {
            version: Some(version.clone()),
            holder: String::new(),
            transitions: held.epoch,
        })
    }

    fn write(&self, version: Option<&String>, transitions: i32) -> Write {
        Write {
            version: version.cloned(),
            holder: self.identity.clone(),
            transitions,
        }
    }
}

//! What to do about one Lease, by what was seen of it and when: pure.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::ResourceExt;

use super::{Fence, Terms};

/// On a Lease: the identity of who asks its holder for it.
const ANNOTATION_WANTED_BY: &str = "ops.mobulace.com/wanted-by";

/// What to do next. Times are since the machine was started.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    Write(Write),
    /// Nothing before this time.
    Wait(Duration),
    /// Nothing before the Lease changes.
    Watch,
}

/// A Lease to write, in place of the version that was seen; a new one where that is none.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Write {
    pub(super) version: Option<String>,
    pub(super) holder: String,
    pub(super) transitions: i32,
    /// Who asks for it.
    pub(super) wanted_by: Option<String>,
    /// Everything else of it, where another holds it.
    pub(super) kept: Option<LeaseSpec>,
}

impl Write {
    /// The annotations of the Lease.
    pub(super) fn annotations(&self) -> Option<BTreeMap<String, String>> {
        let wanted_by = self.wanted_by.clone()?;
        Some(BTreeMap::from([(ANNOTATION_WANTED_BY.to_owned(), wanted_by)]))
    }
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
    /// There is none, since then.
    None { since: Duration },
    Lease {
        uid: Option<String>,
        version: String,
        holder: String,
        transitions: i32,
        wanted_by: Option<String>,
        spec: Box<LeaseSpec>,
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
    /// The version that made it this process's.
    taken: u64,
    /// Nobody holds a Lease beside which it must not act.
    is_admitted: bool,
    /// What it did behind it has ended.
    is_given_back: bool,
}

impl Held {
    fn acts(&self) -> bool {
        self.is_admitted && !self.is_given_back && self.renewed >= self.acts_from
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
            if !matches!(self.seen, Seen::None { .. }) {
                self.seen = Seen::None { since: now };
            }
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
            wanted_by: wanted_by(lease),
            spec: Box::new(spec.cloned().unwrap_or_default()),
            since,
        };
        self.lose_if(!is_ours);
    }

    /// An event may come later than the answer to our own write that followed it.
    fn is_older(&self, lease: &Lease) -> bool {
        let Seen::Lease { uid, version, .. } = &self.seen else {
            return false;
        };
        *uid == lease.metadata.uid && number(lease) < version.parse().unwrap_or_default()
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
        if write.kept.is_some() {
            // It is another's.
        } else if write.holder.is_empty() {
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
                taken: number(answer),
                is_admitted: false,
                is_given_back: false,
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

    /// The version that made the Lease this process's, as long as that has not been admitted.
    pub(super) fn unadmitted(&self) -> Option<u64> {
        let held = self
            .held
            .as_ref()
            .filter(|held| !held.is_admitted && !held.is_given_back)?;
        Some(held.taken)
    }

    /// It may act as soon as its own Lease lets it.
    pub(super) fn admit(&mut self) {
        if let Some(held) = &mut self.held {
            held.is_admitted = true;
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// It ended to act, and the Lease says so as soon as it can be written.
    pub(super) fn is_given_back(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.is_given_back)
    }

    /// Nothing is written before this time: a write did not succeed.
    pub(super) fn again(&self) -> Duration {
        self.again
    }

    /// Whoever holds it, and renews it; empty where it is free.
    pub(super) fn holder(&self, now: Duration) -> &str {
        match &self.seen {
            _ if self.held.is_some() => &self.identity,
            Seen::Lease { holder, since, .. } if now < *since + self.terms.duration => holder,
            _ => "",
        }
    }

    /// Who asks for it. One that was given back for somebody is theirs for as long as a renewal may take.
    pub(super) fn wanted_by(&self, now: Duration) -> Option<&str> {
        let Seen::Lease {
            holder,
            wanted_by,
            since,
            ..
        } = &self.seen
        else {
            return None;
        };
        let is_over = holder.is_empty() && now >= *since + self.terms.retry;
        wanted_by.as_deref().filter(|_| !is_over)
    }

    /// What to do about it. Where it is free, it is taken so long after it was seen to be.
    pub(super) fn next(&self, patience: Duration, now: Duration) -> Action {
        let (due, write) = match (&self.seen, &self.held) {
            (Seen::Nothing, _) => return Action::Watch,
            (Seen::None { since }, _) => (*since + patience, self.write(None, 1)),
            (Seen::Lease { version, .. }, Some(held)) => {
                let due = (held.renewed + self.terms.retry).max(self.again);
                (due, self.write(Some(version), held.epoch))
            }
            (
                Seen::Lease {
                    version,
                    holder,
                    transitions,
                    wanted_by,
                    since,
                    ..
                },
                None,
            ) => {
                let due = match wanted_by {
                    // One that this process held before it was started again is its own.
                    _ if *holder == self.identity => now,
                    _ if !holder.is_empty() => *since + self.terms.duration + patience,
                    Some(wanted_by) if *wanted_by == self.identity => now,
                    Some(_) => *since + self.terms.retry + patience,
                    None => *since + patience,
                };
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

    /// The write that asks its holder for it.
    pub(super) fn ask(&self) -> Option<Write> {
        let Seen::Lease {
            version,
            holder,
            transitions,
            spec,
            ..
        } = &self.seen
        else {
            return None;
        };
        Some(Write {
            holder: holder.clone(),
            wanted_by: Some(self.identity.clone()),
            kept: Some(LeaseSpec::clone(spec)),
            ..self.write(Some(version), *transitions)
        })
    }

    /// The write that gives the Lease back, if this process has it: to whoever asks for it.
    pub(super) fn release(&mut self) -> Option<Write> {
        let held = self.held.as_mut()?;
        held.fence.revoke();
        held.is_given_back = true;
        let Seen::Lease { version, wanted_by, .. } = &self.seen else {
            return None;
        };
        Some(Write {
            holder: String::new(),
            wanted_by: wanted_by.clone(),
            version: Some(version.clone()),
            transitions: held.epoch,
            kept: None,
        })
    }

    fn write(&self, version: Option<&String>, transitions: i32) -> Write {
        Write {
            version: version.cloned(),
            holder: self.identity.clone(),
            transitions,
            wanted_by: None,
            kept: None,
        }
    }
}

/// The version of a Lease. The API server counts them for all of a kind together.
pub(super) fn number(lease: &Lease) -> u64 {
    lease
        .metadata
        .resource_version
        .as_deref()
        .and_then(|version| version.parse().ok())
        .unwrap_or_default()
}

fn wanted_by(lease: &Lease) -> Option<String> {
    lease
        .annotations()
        .get(ANNOTATION_WANTED_BY)
        .filter(|wanted_by| !wanted_by.is_empty())
        .cloned()
}

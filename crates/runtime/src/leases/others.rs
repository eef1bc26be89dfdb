use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use k8s_openapi::api::coordination::v1::Lease;
use kube::ResourceExt;

use super::{Terms, election::number};

/// The Leases of another number of shards, and who acts by them.
pub(super) struct Others {
    identity: String,
    terms: Terms,
    /// By name.
    leases: BTreeMap<String, Other>,
}

#[derive(Debug)]
struct Other {
    holder: String,
    transitions: Option<i32>,
    /// Nothing where it is gone.
    version: Option<String>,
    /// Before this version nobody had it who may still act. 0 where that was not seen.
    taken: u64,
    /// When this version was seen first.
    since: Duration,
}

impl Others {
    pub(super) fn new(identity: String, terms: Terms) -> Self {
        Self {
            identity,
            terms,
            leases: BTreeMap::new(),
        }
    }

    pub(super) fn see(&mut self, name: String, lease: &Lease, is_listed: bool, now: Duration) {
        let spec = lease.spec.as_ref();
        let holder = spec.and_then(|spec| spec.holder_identity.clone()).unwrap_or_default();
        let transitions = spec.and_then(|spec| spec.lease_transitions);
        let before = self.leases.get(&name);
        let is_same = |before: &&Other| before.holder == holder && before.transitions == transitions;
        // Whoever had it until now may not know yet that somebody else has written it.
        let may_act = |before: &&Other| !before.holder.is_empty() && now < before.since + self.terms.duration;
        let taken = match before.filter(|before| is_same(before) || may_act(before)) {
            Some(before) => before.taken,
            // It may have been renewed since.
            None if is_listed => 0,
            None => number(lease),
        };
        let version = lease.resource_version();
        let since = before.filter(|before| before.version == version);
        let other = Other {
            since: since.map_or(now, |before| before.since),
            holder,
            transitions,
            version,
            taken,
        };
        self.leases.insert(name, other);
    }

    /// It is gone. Whoever held it may not know that yet.
    pub(super) fn lose(&mut self, name: &str, now: Duration) {
        if let Some(other) = self.leases.get_mut(name)
            && other.version.take().is_some()
        {
            other.since = now;
        }
    }

    /// What is not in a list is gone.
    pub(super) fn keep(&mut self, listed: &BTreeSet<String>, now: Duration) {
        let gone: Vec<String> = self
            .leases
            .keys()
            .filter(|name| !listed.contains(*name))
            .cloned()
            .collect();
        for name in gone {
            self.lose(&name, now);
        }
    }

    /// When none of those will be held any more that are, if nothing is seen of them.
    pub(super) fn free_from(&self, now: Duration) -> Option<Duration> {
        self.held(now).map(|other| other.since + self.terms.duration).max()
    }

    /// The version by which the first of those was taken that are held.
    pub(super) fn first_taken(&self, now: Duration) -> Option<u64> {
        self.held(now).map(|other| other.taken).min()
    }

    fn held(&self, now: Duration) -> impl Iterator<Item = &Other> {
        self.leases.values().filter(move |other| {
            // One that this process held before it was started again is its own.
            let is_anothers = !other.holder.is_empty() && other.holder != self.identity;
            is_anothers && now < other.since + self.terms.duration
        })
    }
}

//! Which Leases this process takes, asks for and lets go, by what was seen of all of them and when: pure.
//!
//! A shard is one process's by its Lease alone (`election`). That nobody acts by another number of shards takes all Leases: who has
//! taken one acts once the watch has shown that write, and no Lease of another number that was taken before it and is held. The API
//! server counts the versions of all Leases together and shows them in that order, so of two that take one each the second sees the first.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use ace_domain::reconcile::shard::Shards;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{ResourceExt, runtime::watcher::Event};

use super::{
    Holding, Terms,
    election::{Action, Election, Write, number},
    names::{Names, Place},
    others::Others,
};

/// With so many shards fewer than another a process asks for one: with one fewer, the two would change places for ever.
const UNFAIR: usize = 2;

pub(super) struct Assignment {
    identity: String,
    names: Names,
    terms: Terms,
    /// By number.
    shards: Vec<Shard>,
    others: Others,
    /// Names in the list that is being shown, and its latest version.
    listed: BTreeSet<String>,
    latest: u64,
    /// Everything up to this version was shown; nothing before the first list.
    shown: Option<u64>,
    /// What passes read is there: they could begin.
    is_warm: bool,
    /// No pass begins any more.
    is_ending: bool,
    /// It asks for nothing before this time.
    asks: Duration,
    /// The shard that it begins with, so that several that start together do not meet at each.
    first: u32,
}

struct Shard {
    election: Election,
    /// A write of its Lease is on its way.
    is_writing: bool,
    leaving: Leaving,
}

/// Whether a shard is being let go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Leaving {
    No,
    /// Nothing begins there, and what has begun ends.
    Begun,
    /// Nothing of it goes on.
    Done,
}

/// What to do next.
#[derive(Debug, Default)]
pub(super) struct Next {
    /// Leases to write, each of another shard.
    pub(super) writes: Vec<(u32, Write)>,
    /// Nothing more before this time, if nothing is seen.
    pub(super) at: Option<Duration>,
}

impl Next {
    fn at(&mut self, at: Duration) {
        self.at = Some(self.at.map_or(at, |before| before.min(at)));
    }
}

impl Assignment {
    pub(super) fn new(identity: String, names: Names, shards: Shards, terms: Terms) -> Self {
        let shard = |_| Shard {
            election: Election::new(identity.clone(), terms),
            is_writing: false,
            leaving: Leaving::No,
        };
        Self {
            shards: (0..shards.number()).map(shard).collect(),
            names,
            terms,
            others: Others::new(identity.clone(), terms),
            listed: BTreeSet::new(),
            latest: 0,
            shown: None,
            is_warm: false,
            is_ending: false,
            asks: Duration::ZERO,
            first: first(&identity, shards),
            identity,
        }
    }

    /// The Leases of the namespace, as the watch shows them.
    pub(super) fn observe(&mut self, event: &Event<Lease>, now: Duration) {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(lease) => {
                self.listed.insert(lease.name_any());
                self.latest = self.latest.max(number(lease));
                self.see(lease, true, now);
            }
            Event::InitDone => {
                self.shown = Some(self.latest);
                self.see_missing(now);
            }
            Event::Apply(lease) => {
                self.see(lease, false, now);
                self.show(lease);
            }
            Event::Delete(lease) => {
                match self.names.place(&lease.name_any()) {
                    Some(Place::Own(shard)) => self.election(shard, |election| election.observe(None, now)),
                    Some(Place::Other) => self.others.lose(&lease.name_any(), now),
                    None => {}
                }
                self.show(lease);
            }
        }
    }

    /// What passes read is there.
    pub(super) fn warm(&mut self) {
        self.is_warm = true;
    }

    /// The process ends: it takes nothing more.
    pub(super) fn end(&mut self) {
        self.is_ending = true;
    }

    /// Nothing of a shard that is being let go goes on.
    pub(super) fn drained(&mut self, shard: u32) {
        if let Some(shard) = self.shard(shard).filter(|shard| shard.leaving == Leaving::Begun) {
            shard.leaving = Leaving::Done;
        }
    }

    /// A write of the Lease of a shard has succeeded, which `began` at this time.
    pub(super) fn written(&mut self, shard: u32, write: &Write, answer: &Lease, began: Duration) {
        if let Some(shard) = self.shard(shard) {
            shard.is_writing = false;
            shard.election.written(write, answer, began);
        }
    }

    /// It has not, or nobody knows.
    pub(super) fn refused(&mut self, shard: u32, now: Duration) {
        if let Some(shard) = self.shard(shard) {
            shard.is_writing = false;
            shard.election.refused(now);
        }
    }

    /// It acted on some shard, and must not any more.
    pub(super) fn has_lost(&mut self, now: Duration) -> bool {
        let lost = self.shards.iter_mut().map(|shard| shard.election.has_lost(now));
        // Each is looked at.
        lost.fold(false, |any, lost| any | lost)
    }

    /// What passes may begin on.
    pub(super) fn holding(&self) -> Holding {
        let mut holding = Holding::default();
        for (shard, state) in (0..).zip(&self.shards) {
            if let Some(fence) = state.election.fence() {
                holding.hold(shard, fence, state.leaving != Leaving::No);
            }
        }
        holding
    }

    /// The writes that give everything back.
    pub(super) fn release(&mut self) -> Vec<(u32, Write)> {
        let shards = (0..).zip(&mut self.shards);
        shards
            .filter_map(|(number, shard)| Some((number, shard.election.release()?)))
            .collect()
    }

    pub(super) fn next(&mut self, now: Duration) -> Next {
        self.admit(now);
        self.let_go(now);
        let mut next = Next::default();
        let barred = self.others.free_from(now);
        if let Some(until) = barred {
            next.at(until);
        }
        let may_take = self.shown.is_some() && self.is_warm && !self.is_ending && barred.is_none();
        let is_taking = |shard: &Shard| shard.is_writing && !shard.election.is_held();
        // One after another: somebody else may want some, too.
        let mut takes = self.shards.iter().any(is_taking);
        // Who has more waits a moment longer.
        let has = u32::try_from(self.held()).unwrap_or_default();
        let patience = self.terms.retry / 50 * has;
        let shown = self.shown;
        for number in self.order() {
            let Some(shard) = self.shard(number).filter(|shard| !shard.is_writing) else {
                continue;
            };
            let is_held = shard.election.is_held();
            let is_barred = shard.election.unadmitted().is_some_and(|taken| Some(taken) <= shown);
            if is_held && (shard.leaving == Leaving::Done || is_barred || shard.election.is_given_back()) {
                if shard.election.again() > now {
                    next.at(shard.election.again());
                } else if let Some(write) = shard.election.release() {
                    shard.is_writing = true;
                    next.writes.push((number, write));
                }
                continue;
            }
            if !is_held && (!may_take || takes) {
                continue;
            }
            match shard.election.next(patience, now) {
                Action::Write(mut write) => {
                    if shard.leaving == Leaving::Begun {
                        write.wanted_by = shard.election.wanted_by(now).map(str::to_owned);
                    }
                    takes |= !is_held;
                    shard.is_writing = true;
                    next.writes.push((number, write));
                }
                Action::Wait(until) => next.at(until),
                Action::Watch => {}
            }
        }
        if may_take && !takes {
            self.ask(&mut next, now);
        }
        next
    }

    /// Asks whoever has most for a shard, if that is unfair.
    fn ask(&mut self, next: &mut Next, now: Duration) {
        // Each as it will be once everybody has what they ask for.
        let mut loads: HashMap<&str, usize> = HashMap::new();
        let mut is_asking = false;
        for shard in &self.shards {
            let (holder, wanted_by) = (shard.election.holder(now), shard.election.wanted_by(now));
            is_asking |= wanted_by == Some(&self.identity) && holder != self.identity;
            let whose = wanted_by.unwrap_or(holder);
            if whose.is_empty() {
                // It will be taken; who has few by then is not known.
                return;
            }
            *loads.entry(whose).or_default() += 1;
        }
        let own = loads.remove(self.identity.as_str()).unwrap_or_default();
        let most = loads.into_iter().max_by_key(|(whose, has)| (*has, *whose));
        let Some((most, _)) = most.filter(|(_, has)| *has >= own + UNFAIR && !is_asking) else {
            return;
        };
        if self.asks > now {
            next.at(self.asks);
            return;
        }
        let most = most.to_owned();
        let is_theirs = |shard: &Shard| {
            let election = &shard.election;
            !shard.is_writing && election.holder(now) == most && election.wanted_by(now).is_none()
        };
        for number in self.order() {
            let asked = self.shard(number).filter(|shard| is_theirs(shard));
            let Some((shard, write)) = asked.and_then(|shard| shard.election.ask().map(|write| (shard, write))) else {
                continue;
            };
            shard.is_writing = true;
            next.writes.push((number, write));
            self.asks = now + self.terms.retry / 5;
            break;
        }
    }

    /// Begins to let go what another asks for that has fewer.
    fn let_go(&mut self, now: Duration) {
        for shard in &mut self.shards {
            if !shard.election.is_held() {
                shard.leaving = Leaving::No;
            }
        }
        for number in self.order() {
            let stays = |shard: &&Shard| shard.election.is_held() && shard.leaving == Leaving::No;
            let Some(shard) = self.get(number).filter(stays) else {
                continue;
            };
            let asks = shard.election.wanted_by(now).filter(|asks| *asks != self.identity);
            let Some(asks) = asks else { continue };
            let theirs = self.shards.iter().filter(|shard| shard.election.holder(now) == asks);
            if self.held() < theirs.count() + UNFAIR {
                continue;
            }
            let acts = shard.election.fence().is_some();
            if let Some(shard) = self.shard(number) {
                shard.leaving = if acts { Leaving::Begun } else { Leaving::Done };
            }
        }
    }

    /// Lets act what was taken while nobody had a Lease of another number.
    fn admit(&mut self, now: Duration) {
        let first = self.others.first_taken(now);
        let Some(shown) = self.shown else { return };
        for shard in &mut self.shards {
            let taken = shard.election.unadmitted().filter(|taken| *taken <= shown);
            if taken.is_some_and(|taken| first.is_none_or(|first| first > taken)) {
                shard.election.admit();
            }
        }
    }

    /// Shards that it has and keeps.
    fn held(&self) -> usize {
        let kept = |shard: &&Shard| shard.election.is_held() && shard.leaving == Leaving::No;
        self.shards.iter().filter(kept).count()
    }

    fn see(&mut self, lease: &Lease, is_listed: bool, now: Duration) {
        let name = lease.name_any();
        match self.names.place(&name) {
            Some(Place::Own(shard)) => self.election(shard, |election| election.observe(Some(lease), now)),
            Some(Place::Other) => self.others.see(name, lease, is_listed, now),
            None => {}
        }
    }

    /// What is not in the list is gone.
    fn see_missing(&mut self, now: Duration) {
        for number in self.order() {
            let name = self.names.of(number);
            if !self.listed.contains(&name) {
                self.election(number, |election| election.observe(None, now));
            }
        }
        self.others.keep(&self.listed, now);
    }

    fn show(&mut self, lease: &Lease) {
        self.latest = self.latest.max(number(lease));
        if self.shown.is_some() {
            self.shown = Some(self.latest);
        }
    }

    /// Every shard once.
    fn order(&self) -> impl Iterator<Item = u32> + use<> {
        let number = u32::try_from(self.shards.len()).unwrap_or(u32::MAX).max(1);
        let first = self.first;
        (0..number).map(move |place| (first + place) % number)
    }

    fn election(&mut self, shard: u32, change: impl FnOnce(&mut Election)) {
        if let Some(shard) = self.shard(shard) {
            change(&mut shard.election);
        }
    }

    fn get(&self, shard: u32) -> Option<&Shard> {
        self.shards.get(usize::try_from(shard).ok()?)
    }

    fn shard(&mut self, shard: u32) -> Option<&mut Shard> {
        self.shards.get_mut(usize::try_from(shard).ok()?)
    }
}

/// One of the shards, by who it is.
fn first(identity: &str, shards: Shards) -> u32 {
    let mut digest = DefaultHasher::new();
    identity.hash(&mut digest);
    u32::try_from(digest.finish() % u64::from(shards.number().max(1))).unwrap_or_default()
}

//! What waits, by tenant, and whose turn it is.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::Hash,
};

use super::{Class, Limits, Place};

const CLASSES: usize = Class::ALL.len();

pub(super) struct Tenants<O, T> {
    limits: Limits,
    all: HashMap<T, Tenant<O>>,
    /// By class: those that have something of it, the next one first. One without room is left out until it has some.
    turns: [VecDeque<T>; CLASSES],
}

struct Tenant<O> {
    /// By class; whoever has waited longest is first.
    waiting: [BTreeMap<Place, O>; CLASSES],
    /// What has risen to the most urgent class. It takes turns with what a user changed since: neither waits for all of the other.
    risen: BTreeMap<Place, O>,
    is_turn_of_risen: bool,
    /// Objects of it that wait, run or are due at some time.
    objects: usize,
    running: usize,
    is_unanswered: bool,
    /// By class: it is in `turns`.
    has_turn: [bool; CLASSES],
}

impl<O> Tenant<O> {
    fn new() -> Self {
        Self {
            waiting: [const { BTreeMap::new() }; CLASSES],
            risen: BTreeMap::new(),
            is_turn_of_risen: false,
            objects: 0,
            running: 0,
            is_unanswered: false,
            has_turn: [false; CLASSES],
        }
    }

    fn has_room(&self, limits: Limits) -> bool {
        let most = if self.is_unanswered {
            limits.unanswered
        } else {
            limits.tenant
        };
        self.running < most
    }

    fn list(&mut self, class: Class, is_own: bool) -> Option<&mut BTreeMap<Place, O>> {
        if class == Class::Change && !is_own {
            Some(&mut self.risen)
        } else {
            self.waiting.get_mut(class as usize)
        }
    }

    fn has(&self, class: Class) -> bool {
        let own = self.waiting.get(class as usize);
        own.is_some_and(|own| !own.is_empty()) || class == Class::Change && !self.risen.is_empty()
    }

    fn pop(&mut self, class: Class) -> Option<O> {
        let own = self.waiting.get_mut(class as usize)?;
        if class != Class::Change {
            return own.pop_first().map(|(_, object)| object);
        }
        let is_risen = match (own.first_key_value(), self.risen.first_key_value()) {
            (Some((own, _)), Some((risen, _))) => self.is_turn_of_risen && risen < own,
            (own, _) => own.is_none(),
        };
        self.is_turn_of_risen = !is_risen;
        let list = if is_risen { &mut self.risen } else { own };
        list.pop_first().map(|(_, object)| object)
    }
}

impl<O, T: Clone + Eq + Hash> Tenants<O, T> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            all: HashMap::new(),
            turns: [const { VecDeque::new() }; CLASSES],
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// An object of it waits, runs or is due.
    pub(super) fn enter(&mut self, tenant: &T) {
        self.of(tenant).objects += 1;
    }

    pub(super) fn leave(&mut self, tenant: &T) {
        self.of(tenant).objects -= 1;
    }

    /// Forgets a tenant that has nothing any more. One that still has a turn is removed when that comes.
    pub(super) fn tidy(&mut self, tenant: &T) {
        let Some(state) = self.all.get_mut(tenant).filter(|state| state.objects == 0) else {
            return;
        };
        (state.is_unanswered, state.is_turn_of_risen) = (false, false);
        if state.has_turn == [false; CLASSES] {
            self.all.remove(tenant);
        }
    }

    pub(super) fn insert(&mut self, tenant: &T, class: Class, is_own: bool, place: Place, object: O) {
        if let Some(list) = self.of(tenant).list(class, is_own) {
            list.insert(place, object);
        }
        self.offer(tenant, class);
    }

    pub(super) fn remove(&mut self, tenant: &T, class: Class, is_own: bool, place: Place) {
        if let Some(list) = self.of(tenant).list(class, is_own) {
            list.remove(&place);
        }
    }

    /// Takes out the object whose turn it is: it runs.
    pub(super) fn next(&mut self) -> Option<O> {
        for class in Class::ALL {
            while let Some(tenant) = self.turns.get_mut(class as usize)?.pop_front() {
                let limits = self.limits;
                let state = self.of(&tenant);
                if let Some(has_turn) = state.has_turn.get_mut(class as usize) {
                    *has_turn = false;
                }
                let popped = if state.has_room(limits) { state.pop(class) } else { None };
                let Some(object) = popped else {
                    self.tidy(&tenant);
                    continue;
                };
                state.running += 1;
                self.offer(&tenant, class);
                return Some(object);
            }
        }
        None
    }

    /// A pass of it has ended.
    pub(super) fn done(&mut self, tenant: &T) {
        self.of(tenant).running -= 1;
        self.offer_all(tenant);
    }

    pub(super) fn answered(&mut self, tenant: &T, answered: bool) {
        self.of(tenant).is_unanswered = !answered;
        self.offer_all(tenant);
    }

    fn of(&mut self, tenant: &T) -> &mut Tenant<O> {
        self.all.entry(tenant.clone()).or_insert_with(Tenant::new)
    }

    fn offer_all(&mut self, tenant: &T) {
        for class in Class::ALL {
            self.offer(tenant, class);
        }
    }

    /// Gives a tenant a turn at the end, if it has something of this class and room for it.
    fn offer(&mut self, tenant: &T, class: Class) {
        let limits = self.limits;
        let state = self.of(tenant);
        let is_offered = state.has(class) && state.has_room(limits);
        let has_turn = state.has_turn.get_mut(class as usize);
        if let Some(has_turn) = has_turn.filter(|has_turn| is_offered && !**has_turn) {
            *has_turn = true;
            if let Some(turns) = self.turns.get_mut(class as usize) {
                turns.push_back(tenant.clone());
            }
        }
    }
}

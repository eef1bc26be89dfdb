//! The functions and procedures that a plan defines, moves and opens to every caller.

use super::assess::{Place, Plan, Routine};
use super::effect::{Effect, Granted, Name, PUBLIC, Runs};
use super::exposure::CALLERS;
use super::lookup::{looked_up, qualified};

impl<'c> Plan<'c> {
    pub(super) fn define(&mut self, place: Place, routine: &Name, (runs, definer): (Runs, bool), body: &'c [Effect]) {
        let known = self.routines.entry(qualified(routine)).or_default();
        known.on_writes |= runs == Runs::OnWrites;
        known.definer = definer;
        known.bodies.push(body);
        if runs == Runs::InQueries && definer && routine.is_in(PUBLIC) {
            let says = format!("creates function {routine}, by which every caller has its owner's rights");
            self.open(routine, place, says);
        }
    }

    pub(super) fn move_routine(&mut self, place: Place, from: &Name, to: &Name) {
        let before = self.routines.remove(&qualified(from));
        let definer = match &before {
            Some(before) => before.definer && !before.on_writes,
            None => self.was_definer(from),
        };
        if let Some(open) = self.opened.remove(&qualified(from)) {
            self.opened.insert(qualified(to), open);
        } else if definer && to.is_in(PUBLIC) && !from.is_in(PUBLIC) {
            let says =
                format!("moves function {from} into schema {PUBLIC}, by which every caller has its owner's rights");
            self.open(to, place, says);
        }
        let renamed = Routine {
            definer: true,
            renamed: Some(to.clone()),
            ..Routine::default()
        };
        self.routines.insert(qualified(to), renamed);
    }

    pub(super) fn set_definer(&mut self, place: Place, routine: &Name) {
        let planned = self.routines.get_mut(&qualified(routine));
        let on_writes = planned.is_some_and(|planned| {
            planned.definer = true;
            planned.on_writes
        });
        if routine.is_in(PUBLIC) && !on_writes {
            let says = format!("gives every caller of function {routine} its owner's rights");
            self.open(routine, place, says);
        }
    }

    fn open(&mut self, routine: &Name, place: Place, says: String) {
        if !(routine.is_in(PUBLIC) && self.was_definer(routine)) {
            self.opened.entry(qualified(routine)).or_insert((place, says));
        }
    }

    fn was_definer(&self, routine: &Name) -> bool {
        looked_up(&self.catalogue.routines, routine).any(|known| known.definer)
    }

    /// Callers were shut out, or it looks at who calls and decides by itself.
    pub(super) fn is_closed(&self, routine: &Name) -> bool {
        let revoked = |caller: &str| {
            self.revokes.iter().any(|(on, from)| match on {
                Granted::Routine(revoked) => from == caller && qualified(revoked) == *routine,
                Granted::Schema(schema, "every function") => from == caller && routine.is_in(schema),
                _ => false,
            })
        };
        let planned = self.routines.get(routine);
        planned.is_some_and(|planned| !planned.definer || self.asks_who_calls(planned))
            || CALLERS.iter().all(|caller| revoked(caller))
    }

    fn asks_who_calls(&self, routine: &Routine<'_>) -> bool {
        let mut calls = routine
            .bodies
            .iter()
            .copied()
            .flatten()
            .filter_map(|effect| match effect {
                Effect::Calls { routine, .. } => Some(routine),
                _ => None,
            });
        calls.any(|called| called.is_in("auth") || called.name == "current_setting" || self.is_of_somebody(called))
    }
}

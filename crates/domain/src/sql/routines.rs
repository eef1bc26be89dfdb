//! The functions and procedures that a plan defines, moves and opens to every caller.

use super::assess::{Place, Plan, Routine};
use super::effect::{Effect, Granted, Name, PUBLIC, Runs};
use super::exposure::CALLERS;
use super::lookup::{looked_up, qualified};

/// From here on every caller may run a function with its owner's rights.
pub(super) struct Opening<'c> {
    pub(super) routine: Name,
    pub(super) place: Place,
    pub(super) says: String,
    /// What it runs, as far as the plan says.
    bodies: Vec<&'c [Effect]>,
    /// The REVOKEs of the plan that come before and don't hold for it: it was not there yet.
    missed: usize,
}

impl<'c> Plan<'c> {
    pub(super) fn define(&mut self, place: Place, routine: &Name, (runs, definer): (Runs, bool), body: &'c [Effect]) {
        if runs == Runs::InQueries && definer {
            let says = format!("creates function {routine}, by which every caller has its owner's rights");
            self.open(routine, place, says, vec![body]);
        }
        // Functions of one name are not told apart here.
        let known = self.routines.entry(qualified(routine)).or_default();
        known.on_writes |= runs == Runs::OnWrites;
        known.in_queries |= runs == Runs::InQueries;
        known.definer |= definer;
        known.bodies.push(body);
    }

    /// The old name stays, too: a trigger runs it by that.
    pub(super) fn move_routine(&mut self, place: Place, (from, to): (&Name, &Name), runs: Runs, body: &'c [Effect]) {
        let before = self.routines.get(&qualified(from));
        let opens = match before {
            Some(before) => before.definer && before.in_queries,
            None => runs == Runs::InQueries && self.was_definer(from),
        };
        let bodies = before.map(|before| before.bodies.clone()).unwrap_or_default();
        for opening in &mut self.opened {
            if opening.routine == qualified(from) {
                opening.routine = qualified(to);
            }
        }
        if opens && to.is_in(PUBLIC) && !from.is_in(PUBLIC) {
            let says =
                format!("moves function {from} into schema {PUBLIC}, by which every caller has its owner's rights");
            self.open(to, place, says, bodies);
        }
        let moved = Routine {
            definer: true,
            in_queries: runs == Runs::InQueries,
            bodies: vec![body],
            ..Routine::default()
        };
        self.routines.insert(qualified(to), moved);
    }

    pub(super) fn set_definer(&mut self, place: Place, routine: &Name) {
        let mut bodies = Vec::new();
        if let Some(planned) = self.routines.get_mut(&qualified(routine)) {
            planned.definer = true;
            if !planned.in_queries {
                return;
            }
            bodies.clone_from(&planned.bodies);
        }
        let says = format!("gives every caller of function {routine} its owner's rights");
        self.open(routine, place, says, bodies);
    }

    fn open(&mut self, routine: &Name, place: Place, says: String, bodies: Vec<&'c [Effect]>) {
        if !routine.is_in(PUBLIC) || self.was_definer(routine) {
            return;
        }
        let was_there = self.is_of_somebody(routine);
        self.opened.push(Opening {
            routine: qualified(routine),
            place,
            says,
            bodies,
            missed: if was_there { 0 } else { self.revokes.len() },
        });
    }

    fn was_definer(&self, routine: &Name) -> bool {
        looked_up(&self.catalogue.routines, routine).any(|known| known.definer)
    }

    /// Callers were shut out, or it looks at who calls and decides by itself.
    pub(super) fn is_closed(&self, opening: &Opening<'_>) -> bool {
        let routine = &opening.routine;
        let revoked = |caller: &&str| {
            self.revokes.iter().skip(opening.missed).any(|(on, from)| match on {
                Granted::Routine(revoked) => from == caller && qualified(revoked) == *routine,
                Granted::Schema(schema, "every function") => from == caller && routine.is_in(schema),
                _ => false,
            })
        };
        let asks = !opening.bodies.is_empty() && opening.bodies.iter().all(|body| self.asks_who_calls(body));
        asks || CALLERS.iter().all(revoked)
    }

    fn asks_who_calls(&self, body: &[Effect]) -> bool {
        let mut calls = body.iter().filter_map(|effect| match effect {
            Effect::Calls { routine, .. } => Some(routine),
            _ => None,
        });
        calls.any(|called| called.is_in("auth") || called.name == "current_setting" || self.is_of_somebody(called))
    }
}

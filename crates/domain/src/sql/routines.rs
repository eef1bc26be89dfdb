//! The functions and procedures that a plan defines, calls, moves and opens to every caller.

use std::sync::Arc;

use super::assess::{Place, Plan, Routine};
use super::effect::{Effect, Granted, Name, Origin, PUBLIC, Runs};
use super::exposure::CALLERS;
use super::lookup::{looked_up, qualified};
use super::risk::RiskClass;

/// Deepest chain of routines that call each other.
const CALLS: usize = 16;
/// Most tables and routines that are asked what a routine is given of them.
const GIVEN: usize = 128;
/// Most bodies of one routine that are asked whether they look at who calls.
const BODIES: usize = 16;

/// Enough of them to know that they are too many.
fn some_of<'c>(bodies: &[&'c [Effect]]) -> Vec<&'c [Effect]> {
    bodies.iter().take(BODIES + 1).copied().collect()
}

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
    /// A routine of the plan runs as it is written there; of any other but the server's and extensions' it is not known what
    /// it does.
    pub(super) fn call(&mut self, place: Place, routine: &Name, procedure: bool, given: &[Arc<Origin>]) {
        let carried = self.carries(given);
        if self.run(place, routine, carried) {
            return;
        }
        if carried {
            self.give(routine);
        }
        let of_server = matches!(routine.schema.as_deref(), Some("pg_catalog" | "information_schema"));
        let known = !of_server && looked_up(&self.known.routines, routine).any(|it| it.volatile);
        if procedure || known {
            let what = if procedure { "procedure" } else { "function" };
            self.risk(RiskClass::Opaque, place, &format!("calls {what} {routine}"), None);
            self.fill_all();
        }
    }

    /// Runs what the plan defines by this name; whether there is something. `carried`: its parameters may have something from
    /// before the plan.
    pub(super) fn run(&mut self, place: Place, routine: &Name, carried: bool) -> bool {
        let found: Vec<_> = self.planned(routine).cloned().collect();
        for name in &found {
            let outside = std::mem::replace(&mut self.firing.carried, carried);
            self.enter(place, name);
            self.firing.carried = outside;
        }
        !found.is_empty()
    }

    /// Something from before the plan may be in what a routine is given. Within another one that is what this one was given.
    fn carries(&self, given: &[Arc<Origin>]) -> bool {
        if !self.calls.is_empty() {
            return self.firing.carried;
        }
        let named: usize = given.iter().map(|it| it.tables.len() + it.routines.len()).sum();
        named > GIVEN || !given.iter().all(|from| self.brings_nothing(from))
    }

    /// The plan's routines of this name, without its rules and triggers.
    pub(super) fn planned<'p>(&'p self, routine: &'p Name) -> impl Iterator<Item = &'p Name> {
        let first = Name {
            schema: None,
            name: routine.name.clone(),
        };
        let called = self.routines.range(first..).map(|(name, _)| name);
        let called = called.take_while(|name| name.name == routine.name);
        called.filter(|name| {
            let schema = routine.schema.as_ref();
            schema.map_or(!name.is_in(""), |schema| name.is_in(schema))
        })
    }

    pub(super) fn enter(&mut self, place: Place, routine: &Name) {
        if self.calls.is_empty() {
            self.entered.clear();
        }
        let known = self.routines.get(routine);
        let reads = known.map(|it| it.reads.clone()).unwrap_or_default();
        let carried = self.firing.carried || !reads.into_iter().all(|reads| self.brings_nothing(reads));
        // What it does is known, along whatever path it is called again with no more.
        if self.entered.contains(&(routine.clone(), true)) || !self.entered.insert((routine.clone(), carried)) {
            return;
        }
        if self.calls.len() == CALLS {
            return self.risk(RiskClass::Opaque, place, &format!("calls too much by {routine}"), None);
        }
        let known = self.routines.get(routine);
        let bodies = known.map(|it| it.bodies.as_slice()).unwrap_or_default();
        let effects: usize = bodies.iter().map(|body| body.len() + 1).sum();
        if !self.follow(effects + 1) {
            return self.give_up(place);
        }
        let known = self.routines.get(routine);
        let bodies = known.map(|it| it.bodies.clone()).unwrap_or_default();
        let outside = std::mem::replace(&mut self.firing.carried, carried);
        self.calls.push(routine.clone());
        for effect in bodies.into_iter().flatten() {
            self.take(place, effect);
        }
        self.calls.pop();
        self.firing.carried = outside;
    }

    pub(super) fn define(
        &mut self,
        place: Place,
        routine: &Name,
        on: Option<&Name>,
        (runs, definer): (Runs, bool),
        (body, reads): (&'c [Effect], &'c Origin),
    ) {
        // Where that is not certain, it runs on whatever is written.
        let on = on.filter(|on| self.is_known(on)).map(qualified);
        // Triggers of several tables may have one name.
        let routine = &match &on {
            Some(on) => Name {
                name: format!("{} {on}", routine.name),
                ..routine.clone()
            },
            None => routine.clone(),
        };
        if runs == Runs::InQueries && definer {
            let says = format!("creates function {routine}, by which every caller has its owner's rights");
            self.open(routine, place, says, vec![body]);
        }
        // Functions of one name are not told apart here.
        let missed = self.missed(routine);
        let known = self.routines.entry(qualified(routine)).or_insert_with(|| Routine {
            missed,
            ..Routine::default()
        });
        known.on_writes |= runs == Runs::OnWrites;
        known.in_queries |= runs == Runs::InQueries;
        known.definer |= definer;
        known.on.extend(on);
        // A routine that defines another one may run often.
        if known.defined.insert(body.as_ptr()) {
            known.bodies.push(body);
            known.reads.push(reads);
        }
        self.watch(&qualified(routine));
    }

    /// The old name stays, too: a trigger runs it by that.
    pub(super) fn move_routine(
        &mut self,
        place: Place,
        (from, to): (&Name, &Name),
        runs: Runs,
        (body, reads): (&'c [Effect], &'c Origin),
    ) {
        let before = self.routines.get(&qualified(from));
        let opens = match before {
            Some(before) => before.definer && before.in_queries,
            None => runs == Runs::InQueries && self.was_definer(from),
        };
        let bodies = before.map(|before| some_of(&before.bodies)).unwrap_or_default();
        let moved = self.opened_of.remove(&qualified(from)).unwrap_or_default();
        // Those that are not followed stay open, whatever is revoked.
        if self.follow(moved.len()) {
            for number in &moved {
                if let Some(opening) = self.opened.get_mut(*number) {
                    opening.routine = qualified(to);
                }
            }
            self.opened_of.entry(qualified(to)).or_default().extend(moved);
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
            reads: vec![reads],
            missed: self.revokes.number,
            ..Routine::default()
        };
        self.routines.insert(qualified(to), moved);
        self.watch(&qualified(to));
    }

    pub(super) fn set_definer(&mut self, place: Place, routine: &Name) {
        let mut bodies = Vec::new();
        if let Some(planned) = self.routines.get_mut(&qualified(routine)) {
            planned.definer = true;
            if !planned.in_queries {
                return;
            }
            bodies = some_of(&planned.bodies);
        }
        let says = format!("gives every caller of function {routine} its owner's rights");
        self.open(routine, place, says, bodies);
    }

    fn open(&mut self, routine: &Name, place: Place, says: String, bodies: Vec<&'c [Effect]>) {
        if !routine.is_in(PUBLIC) || self.was_definer(routine) {
            return;
        }
        let missed = self.missed(routine);
        let numbers = self.opened_of.entry(qualified(routine)).or_default();
        numbers.push(self.opened.len());
        self.opened.push(Opening {
            routine: qualified(routine),
            place,
            says,
            bodies,
            missed,
        });
    }

    /// The REVOKEs so far that don't hold for a routine: all of them, if it is not there yet.
    fn missed(&self, routine: &Name) -> usize {
        match self.routines.get(&qualified(routine)) {
            Some(planned) => planned.missed,
            None if looked_up(&self.known.routines, routine).next().is_some() => 0,
            None => self.revokes.number,
        }
    }

    fn was_definer(&self, routine: &Name) -> bool {
        looked_up(&self.known.routines, routine).any(|known| known.definer)
    }

    /// Callers were shut out, or it looks at who calls and decides by itself.
    pub(super) fn is_closed(&self, opening: &Opening<'_>) -> bool {
        let routine = &opening.routine;
        let revoked = |caller: &&str| {
            let schema = routine.schema.clone().unwrap_or_else(|| PUBLIC.to_owned());
            let ons = [
                Granted::Routine(routine.clone()),
                Granted::Schema(schema, "every function"),
            ];
            ons.into_iter().any(|on| self.revokes.has(on, caller, opening.missed))
        };
        let asks = !opening.bodies.is_empty()
            && opening.bodies.len() <= BODIES
            && opening.bodies.iter().all(|body| self.asks_who_calls(body));
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

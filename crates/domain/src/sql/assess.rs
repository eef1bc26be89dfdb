//! The risks of a whole plan.

use std::collections::{BTreeMap, BTreeSet};

use super::effect::{Effect, Granted, Kind, Name, PUBLIC};
use super::firing::Firing;
use super::lookup::{key, looked_up};
use super::made::Made;
use super::risk::{Catalogue, Qualified, Risk, RiskClass, SAYS_CHARACTERS};
use super::routines::Opening;
use super::script::Script;

/// The risks of a plan, script by script, in written order; a script that carries none has an empty list.
///
/// Judged over the whole plan: a table without row security is none when a later file enables it or drops the table, a
/// table that the plan makes is not large, and nothing is lost with it unless rows were copied into it. A table that is
/// named without its schema is taken for one of `public` where the plan's own statements are compared, and for one of any
/// schema where it is looked up in the database, unless that would be to its credit.
pub fn assess(scripts: &[&Script], catalogue: &Catalogue) -> Vec<Vec<Risk>> {
    let mut plan = Plan {
        catalogue,
        made: BTreeMap::new(),
        routines: BTreeMap::new(),
        grants: Vec::new(),
        revokes: Vec::new(),
        opened: Vec::new(),
        extensions: catalogue.extensions.clone(),
        restrictive: catalogue.restrictive.clone(),
        secures_tables: catalogue.securing_trigger.is_some(),
        names_moved: false,
        path_set: false,
        calls: Vec::new(),
        entered: BTreeSet::new(),
        firing: Firing::default(),
        risks: vec![Vec::new(); scripts.len()],
    };
    for (script, effects) in scripts.iter().map(|script| &script.effects).enumerate() {
        plan.path_set = false;
        for (line, effect) in effects {
            plan.take((script, *line), effect);
        }
    }
    plan.finish()
}

/// Script and line.
pub(super) type Place = (usize, u32);

/// The state of the database as far as the plan has made it.
pub(super) struct Plan<'c> {
    pub(super) catalogue: &'c Catalogue,
    /// What the plan itself has made.
    pub(super) made: BTreeMap<(Kind, Name), Made>,
    pub(super) routines: BTreeMap<Name, Routine<'c>>,
    pub(super) grants: Vec<(Place, Granted, String)>,
    pub(super) revokes: Vec<(Granted, String)>,
    pub(super) opened: Vec<Opening<'c>>,
    /// Those that own a table.
    pub(super) extensions: BTreeSet<String>,
    /// Restrictive policies by table.
    pub(super) restrictive: BTreeMap<Qualified, BTreeSet<String>>,
    pub(super) secures_tables: bool,
    /// An unqualified name may mean another object than before.
    pub(super) names_moved: bool,
    /// The same in this script.
    pub(super) path_set: bool,
    /// The routines that run now, the outermost first.
    pub(super) calls: Vec<Name>,
    /// The routines that have run since the outermost one began.
    pub(super) entered: BTreeSet<Name>,
    pub(super) firing: Firing,
    pub(super) risks: Vec<Vec<Risk>>,
}

#[derive(Default)]
pub(super) struct Routine<'c> {
    pub(super) on_writes: bool,
    pub(super) in_queries: bool,
    pub(super) definer: bool,
    /// The tables of a rule or trigger: they may be called something else by now.
    pub(super) on: BTreeSet<Name>,
    /// The REVOKEs of the plan that come before it was there, and don't hold for it.
    pub(super) missed: usize,
    pub(super) bodies: Vec<&'c [Effect]>,
}

impl<'c> Plan<'c> {
    pub(super) fn take(&mut self, place: Place, effect: &'c Effect) {
        match effect {
            Effect::Risk(class, says) => self.risk(*class, place, says, None),
            Effect::Creates {
                table,
                if_not_exists,
                from,
            } => {
                if !(*if_not_exists && self.is_there(table)) {
                    self.create(place, table, from);
                }
            }
            Effect::Makes(kind, name) => {
                let made = Made {
                    empty: self.is_certain(name),
                    ..Made::default()
                };
                self.make(*kind, name, made);
            }
            Effect::Secures(table) => {
                if let Some(made) = self.made.get_mut(&key(Kind::Table, table)) {
                    made.open = None;
                }
            }
            Effect::Loses { kind, of, says } => {
                if !self.is_empty(*kind, of) {
                    self.risk(RiskClass::DataLoss, place, says, None);
                }
            }
            Effect::Drops(table) => self.drop(table),
            Effect::Renames(from, to) => self.rename(place, from, to),
            Effect::RenamesType(from, to) => {
                self.rename_made(Kind::Type, from, to);
            }
            Effect::MovesNames => self.names_moved = true,
            Effect::SetsPath => self.path_set = true,
            Effect::OwnsTables(extension) => {
                self.extensions.insert(extension.clone());
            }
            Effect::Writes {
                table,
                from,
                adds,
                says,
            } => {
                self.risk(RiskClass::DataChange, place, says, None);
                if !(self.calls.is_empty() && self.brings_nothing(from)) {
                    self.fill(table);
                }
                self.fire(place, table, *adds);
            }
            Effect::Copies(routine) => {
                if self.is_of_somebody(routine) {
                    self.fill_all();
                }
            }
            Effect::Reaches { table, others } => {
                if !self.is_empty(Kind::Table, others) {
                    self.fill(table);
                }
            }
            Effect::Relates { from, to, part } => self.relate(from, to, *part),
            Effect::Fires(table) => self.fire(place, table, false),
            Effect::Locks { table, lock, says } => {
                if !self.made.contains_key(&key(Kind::Table, table)) && self.is_large(table) {
                    self.risk(RiskClass::LongLock, place, says, Some(lock));
                }
            }
            Effect::Defines {
                routine,
                runs,
                definer,
                on,
                body,
            } => self.define(place, routine, on.as_ref(), (*runs, *definer), body),
            Effect::Calls { routine, procedure } => self.call(place, routine, *procedure),
            Effect::Stores(routine) => {
                self.run(place, routine);
            }
            Effect::Views { view, invoker, reads } => {
                let says = format!("creates view {view}, which shows what row level security hides from its readers");
                let made = Made {
                    open: (!invoker).then_some((place, says)),
                    reads: Some(reads.clone()),
                    ..Made::default()
                };
                self.make(Kind::Table, view, made);
            }
            Effect::SetsInvoker { view, invoker } => self.set_invoker(place, view, *invoker),
            Effect::Grants { on, to } => self.grants.push((place, on.clone(), to.clone())),
            Effect::MovesRoutine { from, to, runs, body } => self.move_routine(place, (from, to), *runs, body),
            Effect::SetsDefiner(routine) => self.set_definer(place, routine),
            Effect::Revokes { on, from } => self.revokes.push((on.clone(), from.clone())),
            _ => self.look_up(place, effect),
        }
    }

    /// What depends on the database.
    fn look_up(&mut self, place: Place, effect: &Effect) {
        match effect {
            Effect::DropsExtension(name) if self.extensions.contains(name) => {
                let says = format!("drops extension {name} with its tables and their rows");
                self.risk(RiskClass::DataLoss, place, &says, None);
            }
            Effect::Cascades { from, says } => {
                if let Some(lost) = looked_up(&self.catalogue.dependants, from).next() {
                    let says = format!("{says} with what depends on it: {lost}");
                    self.risk(RiskClass::DataLoss, place, &says, None);
                }
            }
            Effect::Attaches { table, to } => {
                self.fill(to);
                self.relate(to, table, true);
                if to.is_in(PUBLIC) && !table.is_in(PUBLIC) {
                    let says = format!("attaches {table} to {to}, through which its rows can be read");
                    self.risk(RiskClass::Exposure, place, &says, None);
                }
            }
            Effect::Loosens { table, policy, says } => self.loosen(place, table, policy, says),
            Effect::RenamesPolicy { table, from, to } => self.rename_policy(table, from, to),
            Effect::StopsEventTrigger(name) if self.catalogue.securing_trigger.as_ref() == Some(name) => {
                self.secures_tables = false;
                let says = format!("stops event trigger {name}, which enables row level security on new tables");
                self.risk(RiskClass::Exposure, place, &says, None);
            }
            _ => {}
        }
    }

    pub(super) fn risk(&mut self, class: RiskClass, (script, line): Place, says: &str, lock: Option<&'static str>) {
        self.firing.runs_unknown |= class == RiskClass::Opaque;
        let by = self
            .calls
            .last()
            .filter(|routine| routine.schema.as_deref() != Some(""));
        let by = by.map(|routine| format!(", by {routine}")).unwrap_or_default();
        let says = says
            .chars()
            .chain(by.chars())
            .map(|it| if it.is_control() { ' ' } else { it })
            .take(SAYS_CHARACTERS)
            .collect();
        let risk = Risk {
            class,
            line,
            says,
            lock,
        };
        // A body that several calls lead to is told once a statement.
        let is_own = self.calls.is_empty();
        if let Some(risks) = self.risks.get_mut(script) {
            let of_statement = risks.iter().rev().take_while(|known| known.line == line);
            if is_own || of_statement.into_iter().all(|known| *known != risk) {
                risks.push(risk);
            }
        }
    }

    pub(super) fn is_large(&self, table: &Name) -> bool {
        match &table.schema {
            Some(schema) => self.catalogue.large.contains(&(schema.clone(), table.name.clone())),
            None => self.catalogue.large.iter().any(|(_, name)| *name == table.name),
        }
    }

    /// Neither the server's nor an extension's.
    pub(super) fn is_of_somebody(&self, routine: &Name) -> bool {
        self.planned(routine).next().is_some() || looked_up(&self.catalogue.routines, routine).next().is_some()
    }

    /// It means one object: a name without its schema does outside of routines, as long as nothing has moved it.
    pub(super) fn is_known(&self, name: &Name) -> bool {
        name.schema.is_some() || self.calls.is_empty() && !self.names_moved && !self.path_set
    }

    /// What is done to it is done. Within a routine nothing is certain: it may be skipped.
    pub(super) fn is_certain(&self, name: &Name) -> bool {
        self.calls.is_empty() && self.is_known(name)
    }
}

//! The risks of a whole plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::effect::{Branch, Effect, Granted, Kind, Name, Origin, PUBLIC};
use super::firing::Firing;
use super::lookup::{Known, is_among, key, looked_up, named, qualified};
use super::made::Made;
use super::policies::Restrictive;
use super::presence::Presence;
use super::risk::{Catalogue, Risk, RiskClass, SAYS_CHARACTERS};
use super::routines::Opening;
use super::script::Script;

/// Most effects of routines, triggers and parts of tables that are followed in one plan: a multiple of what a plan of tens of thousands of
/// lines needs, and seconds of an unoptimised build.
const FOLLOWED: usize = 400_000;
/// Most risks of routines that are told for one line, and in a plan. Beyond those, one of each class is told for a line.
const TOLD_OF_LINE: usize = 64;
const TOLD: usize = 10_000;

/// The risks of a plan, script by script, in written order; a script that carries none has an empty list.
///
/// Judged over the whole plan: a table without row security is none when a later file enables it or drops the table, a
/// table that the plan makes is not large, and nothing is lost with it unless rows were copied into it. A table that is
/// named without its schema is taken for one of `public` where the plan's own statements are compared, and for one of any
/// schema where it is looked up in the database, unless that would be to its credit.
pub fn assess(scripts: &[&Script], catalogue: &Catalogue) -> Vec<Vec<Risk>> {
    let mut plan = Plan {
        catalogue,
        known: Known::of(catalogue),
        quiet: catalogue.quiet.iter().map(named).collect(),
        made: BTreeMap::new(),
        empty: BTreeSet::new(),
        presence: Presence::default(),
        branch: None,
        routines: BTreeMap::new(),
        grants: Vec::new(),
        revokes: Revokes::default(),
        opened: Vec::new(),
        opened_of: BTreeMap::new(),
        extensions: catalogue.extensions.clone(),
        restrictive: Restrictive::of(catalogue),
        secures_tables: catalogue.securing_trigger.is_some(),
        names_moved: false,
        path_set: false,
        calls: Vec::new(),
        entered: BTreeSet::new(),
        firing: Firing::default(),
        left: FOLLOWED,
        told: Told::default(),
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

pub(super) type Place = (usize, u32);

/// The state of the database as far as the plan has made it.
pub(super) struct Plan<'c> {
    pub(super) catalogue: &'c Catalogue,
    pub(super) known: Known,
    /// Of what was there before, the tables with which nothing is written but what the plan relates to them.
    pub(super) quiet: BTreeSet<Name>,
    /// What the plan itself has made.
    pub(super) made: BTreeMap<(Kind, Name), Made>,
    /// What of it holds nothing of what was there before the plan.
    pub(super) empty: BTreeSet<(Kind, Name)>,
    pub(super) presence: Presence,
    /// The branch of a block that runs now, which may be skipped.
    pub(super) branch: Option<Arc<Branch>>,
    pub(super) routines: BTreeMap<Name, Routine<'c>>,
    pub(super) grants: Vec<(Place, Granted, String)>,
    pub(super) revokes: Revokes,
    pub(super) opened: Vec<Opening<'c>>,
    /// Which of them are of a routine.
    pub(super) opened_of: BTreeMap<Name, Vec<usize>>,
    /// Those that own a table.
    pub(super) extensions: BTreeSet<String>,
    pub(super) restrictive: Restrictive,
    pub(super) secures_tables: bool,
    /// An unqualified name may mean another object than before.
    pub(super) names_moved: bool,
    /// The same in this script.
    pub(super) path_set: bool,
    /// The routines that run now, the outermost first.
    pub(super) calls: Vec<Name>,
    /// The routines that have run since the outermost one began, and what was `carried` into each.
    pub(super) entered: BTreeSet<(Name, bool)>,
    pub(super) firing: Firing,
    /// How much may still be followed: see [`FOLLOWED`].
    left: usize,
    told: Told,
    pub(super) risks: Vec<Vec<Risk>>,
}

/// What was told for one line, and how much of routines in all.
#[derive(Default)]
struct Told {
    place: Place,
    risks: BTreeSet<(RiskClass, String, Option<&'static str>)>,
    of_routines: usize,
}

impl Told {
    /// Whether a risk is told: what several calls of a statement lead to, once.
    fn takes(
        &mut self,
        place: Place,
        (class, says, lock): (RiskClass, &str, Option<&'static str>),
        is_own: bool,
    ) -> bool {
        if std::mem::replace(&mut self.place, place) != place {
            self.risks.clear();
        }
        let is_full = self.risks.len() >= TOLD_OF_LINE || self.of_routines >= TOLD;
        let mut of_class = self.risks.range((class, String::new(), None)..);
        if !is_own && is_full && of_class.next().is_some_and(|(told, ..)| *told == class) {
            return false;
        }
        let is_new = self.risks.insert((class, says.to_owned(), lock));
        self.of_routines += usize::from(!is_own && is_new);
        is_own || is_new
    }
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
    pub(super) reads: Vec<&'c Origin>,
    /// Where they are: each is one.
    pub(super) defined: BTreeSet<*const Effect>,
}

/// The REVOKEs of the plan, in order: how many came before and with the last one of each kind.
#[derive(Default)]
pub(super) struct Revokes {
    pub(super) number: usize,
    last: BTreeMap<(Granted, String), usize>,
}

impl Revokes {
    fn add(&mut self, on: &Granted, from: &str) {
        self.number += 1;
        let on = match on {
            Granted::Routine(routine) => Granted::Routine(qualified(routine)),
            on => on.clone(),
        };
        self.last.insert((on, from.to_owned()), self.number);
    }

    /// One of them comes after so many.
    pub(super) fn has(&self, on: Granted, from: &str, after: usize) -> bool {
        self.last.get(&(on, from.to_owned())).is_some_and(|last| *last > after)
    }
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
                let may_be_there = *if_not_exists || self.branch.is_some();
                if !(may_be_there && self.is_there(table)) {
                    self.create(place, table, from, may_be_there);
                }
            }
            Effect::Makes {
                kind,
                name,
                if_not_exists,
            } => self.make_other(*kind, name, *if_not_exists),
            Effect::Perhaps(effect, branch) => {
                let outside = self.branch.replace(Arc::clone(branch));
                self.take(place, effect);
                self.branch = outside;
            }
            Effect::Secures(table) => self.secure(table),
            Effect::Loses { kind, of, says } => {
                if !self.is_empty(*kind, of) {
                    self.risk(RiskClass::DataLoss, place, says, None);
                }
                if *kind == Kind::Schema {
                    self.schema_leaves(of);
                }
            }
            Effect::Drops(table) => self.drop(table),
            Effect::Renames(from, to) => self.rename(place, from, to),
            Effect::RenamesOther(kind, from, to) => self.rename_other(*kind, from, to),
            Effect::MovesNames => self.schemas_move(),
            Effect::SetsPath { usual } => self.set_path(*usual),
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
                let carries = !self.calls.is_empty() && self.firing.carried;
                if carries || !self.brings_nothing(from) {
                    self.fill(table);
                }
                self.fire(place, table, *adds);
            }
            Effect::Relates { from, to, part } => self.relate(from, to, *part),
            Effect::Fires(table) => self.fire(place, table, false),
            Effect::Defines {
                routine,
                runs,
                definer,
                on,
                body,
                reads,
            } => self.define(place, routine, on.as_ref(), (*runs, *definer), (body, reads)),
            Effect::Calls {
                routine,
                procedure,
                given,
            } => self.call(place, routine, *procedure, given),
            Effect::Stores(routine) => {
                // Nobody looks at what it is given there.
                self.run(place, routine, true);
            }
            Effect::Views {
                view,
                invoker,
                reads,
                stored,
            } => self.make_view(place, view, *invoker, (reads, *stored)),
            Effect::SetsInvoker { view, invoker } => self.set_invoker(place, view, *invoker),
            Effect::Grants { on, to } => self.grants.push((place, on.clone(), to.clone())),
            Effect::MovesRoutine {
                from,
                to,
                runs,
                body,
                reads,
            } => self.move_routine(place, (from, to), *runs, (body, reads)),
            Effect::SetsDefiner(routine) => self.set_definer(place, routine),
            Effect::Revokes { on, from } => {
                if self.is_sure() {
                    self.revokes.add(on, from);
                }
            }
            _ => self.look_up(place, effect),
        }
    }

    /// What depends on the database, and on where rows are from.
    fn look_up(&mut self, place: Place, effect: &Effect) {
        match effect {
            Effect::Extends { extension, schema } if !self.extensions.contains(extension) => {
                self.extend(schema);
            }
            Effect::Copies(routine) => {
                let from = Origin {
                    routines: vec![routine.clone()],
                    ..Origin::default()
                };
                if !self.brings_nothing(&from) {
                    self.fill_all();
                }
            }
            Effect::Reaches { table, others } if !self.is_empty(Kind::Table, others) => self.fill(table),
            Effect::Locks { table, lock, says }
                if !self.made.contains_key(&key(Kind::Table, table)) && self.is_large(table) =>
            {
                self.risk(RiskClass::LongLock, place, says, Some(lock));
            }
            Effect::DropsExtension(name) if self.extensions.contains(name) => {
                let says = format!("drops extension {name} with its tables and their rows");
                self.risk(RiskClass::DataLoss, place, &says, None);
            }
            Effect::Cascades { from, says } => {
                let lost = looked_up(&self.known.dependants, from).next().cloned();
                if let Some(lost) = lost {
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

    /// Follows so much more; false when that is too much.
    pub(super) fn follow(&mut self, effects: usize) -> bool {
        self.left = self.left.saturating_sub(effects);
        !self.has_given_up()
    }

    pub(super) fn has_given_up(&self) -> bool {
        self.left == 0
    }

    pub(super) fn risk(&mut self, class: RiskClass, place: Place, says: &str, lock: Option<&'static str>) {
        let by = self
            .calls
            .last()
            .filter(|routine| routine.schema.as_deref() != Some(""));
        let by = by.map(|routine| format!(", by {routine}")).unwrap_or_default();
        let says: String = says
            .chars()
            .chain(by.chars())
            .map(|it| if it.is_control() { ' ' } else { it })
            .take(SAYS_CHARACTERS)
            .collect();
        let is_own = self.calls.is_empty();
        if !self.told.takes(place, (class, &says, lock), is_own) {
            return;
        }
        let (script, line) = place;
        if let Some(risks) = self.risks.get_mut(script) {
            risks.push(Risk {
                class,
                line,
                says,
                lock,
            });
        }
    }

    pub(super) fn is_large(&self, table: &Name) -> bool {
        is_among(&self.known.large, table)
    }

    /// Neither the server's nor an extension's.
    pub(super) fn is_of_somebody(&self, routine: &Name) -> bool {
        self.planned(routine).next().is_some() || looked_up(&self.known.routines, routine).next().is_some()
    }

    /// It means one object: a name without its schema does outside of routines, as long as nothing has moved it.
    pub(super) fn is_known(&self, name: &Name) -> bool {
        name.schema.is_some() || self.calls.is_empty() && !self.names_moved && !self.path_set
    }

    /// What is done to it is done.
    pub(super) fn is_certain(&self, name: &Name) -> bool {
        self.is_sure() && self.is_known(name)
    }
}

//! Which triggers and rules of a plan run when rows are written.

use std::collections::BTreeSet;

use super::assess::{Place, Plan, Routine};
use super::effect::{Kind, Name};
use super::lookup::{key, qualified, temporary};

/// What runs when rows are written, as far as the plan says.
#[derive(Default)]
pub(super) struct Firing {
    /// Tables to which rows were written and whose triggers have not run yet, `None` where that is not known; whether the rows
    /// are only new ones.
    written: Vec<(Option<Name>, bool)>,
    /// Rows are being written, and so what runs on writing runs.
    active: bool,
    /// What is written to the first is written to the second; of new rows, too.
    related: Vec<(Name, Name, bool)>,
    /// Tables whose names are not certain are related.
    relates_anything: bool,
    /// The plan runs what nobody has read: it may make triggers.
    pub(super) runs_unknown: bool,
}

impl Plan<'_> {
    /// Triggers and rules that the plan defines on the table run, and on whatever that write reaches; so do those of what they
    /// write, each once.
    pub(super) fn fire(&mut self, place: Place, table: &Name, adds: bool) {
        // Here, where the name is used: it may mean something else outside of the routine that runs.
        self.firing.written.push((self.meant(table), adds));
        if std::mem::replace(&mut self.firing.active, true) {
            return;
        }
        let (mut fired, mut seen, mut all) = (BTreeSet::new(), BTreeSet::new(), false);
        while let Some((table, adds)) = self.firing.written.pop() {
            if all || !seen.insert((table.clone(), adds)) {
                continue;
            }
            let reached = table.and_then(|table| self.reached(table, adds));
            all = reached.is_none();
            let runs = |(name, routine): &(&Name, &Routine<'_>)| {
                routine.on_writes && self.runs_on(name, routine, reached.as_ref())
            };
            let names: Vec<_> = self
                .routines
                .iter()
                .filter(runs)
                .map(|(name, _)| name.clone())
                .collect();
            for name in names {
                if fired.insert(name.clone()) {
                    self.enter(place, &name);
                }
            }
        }
        self.firing.active = false;
    }

    fn runs_on(&self, name: &Name, routine: &Routine<'_>, tables: Option<&BTreeSet<Name>>) -> bool {
        match (tables, &routine.on) {
            (None, _) => true,
            // A function runs by a trigger, and only the plan makes one on a table of its own.
            (Some(_), on) if on.is_empty() => name.is_in("") || self.firing.runs_unknown,
            (Some(tables), on) => !on.is_disjoint(tables),
        }
    }

    /// The table with its schema; `None` where the plan does not say which it is.
    fn meant(&self, table: &Name) -> Option<Name> {
        let hidden = table.schema.is_none() && self.made.contains_key(&(Kind::Table, temporary(table)));
        (!hidden && self.is_known(table)).then(|| qualified(table))
    }

    /// The tables to which rows are written with this one; `None` where the plan does not say: whatever was there before has
    /// triggers, foreign keys and partitions that it does not show.
    fn reached(&self, table: Name, adds: bool) -> Option<BTreeSet<Name>> {
        let (mut tables, mut left) = (BTreeSet::new(), vec![table]);
        while let Some(table) = left.pop() {
            let plain = self.made.get(&key(Kind::Table, &table)).is_some_and(|made| made.plain);
            if self.firing.relates_anything || !plain {
                return None;
            }
            let related = self
                .firing
                .related
                .iter()
                .filter(|(from, _, part)| *from == table && (*part || !adds));
            left.extend(related.map(|(_, to, _)| to.clone()).filter(|to| !tables.contains(to)));
            tables.insert(table);
        }
        Some(tables)
    }

    pub(super) fn relate(&mut self, from: &Name, to: &Name, part: bool) {
        self.firing.relates_anything |= !self.is_known(from) || !self.is_known(to);
        self.firing.related.push((qualified(from), qualified(to), part));
        if part {
            // A row of the part is a row of the whole, whose triggers the part has, too.
            self.firing.related.push((qualified(to), qualified(from), part));
        }
    }

    /// A table with those that it is a part of and those that are parts of it.
    pub(super) fn parts(&self, table: Name) -> BTreeSet<Name> {
        let (mut tables, mut left) = (BTreeSet::new(), vec![table]);
        while let Some(table) = left.pop() {
            let related = self.firing.related.iter();
            let parts = related
                .filter(|(from, _, part)| *part && *from == table)
                .map(|(_, to, _)| to);
            left.extend(parts.filter(|part| !tables.contains(*part)).cloned());
            tables.insert(table);
        }
        tables
    }

    /// Triggers and foreign keys go along with their table.
    pub(super) fn rename_written(&mut self, from: &Name, to: &Name) {
        let (from, to) = (qualified(from), qualified(to));
        for routine in self.routines.values_mut() {
            if routine.on.remove(&from) {
                routine.on.insert(to.clone());
            }
        }
        let related = self.firing.related.iter_mut().flat_map(|(from, to, _)| [from, to]);
        for name in related.filter(|name| **name == from) {
            name.clone_from(&to);
        }
    }
}

//! Which triggers and rules of a plan run when rows are written.

use std::collections::BTreeSet;

use super::assess::{Place, Plan, Routine};
use super::effect::{Kind, Name};
use super::lookup::{key, qualified, temporary};

/// What runs when rows are written, as far as the plan says.
#[derive(Default)]
pub(super) struct Firing {
    /// Tables to which rows were written and whose triggers have not run yet; whether the rows are only new ones.
    written: Vec<(Name, bool)>,
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
        self.firing.written.push((table.clone(), adds));
        if std::mem::replace(&mut self.firing.active, true) {
            return;
        }
        let (mut fired, mut seen, mut all) = (BTreeSet::new(), BTreeSet::new(), false);
        while let Some((table, adds)) = self.firing.written.pop() {
            if all || !seen.insert((table.clone(), adds)) {
                continue;
            }
            let reached = self.reached(&table, adds);
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
            (Some(tables), Some(on)) => tables.contains(on),
            // A function runs by a trigger, and only the plan makes one on a table of its own.
            (Some(_), None) => name.is_in("") || self.firing.runs_unknown,
        }
    }

    /// The tables to which rows are written with this one; `None` where the plan does not say: whatever was there before has
    /// triggers, foreign keys and partitions that it does not show.
    fn reached(&self, table: &Name, adds: bool) -> Option<BTreeSet<Name>> {
        let (mut tables, mut left) = (BTreeSet::new(), vec![table.clone()]);
        while let Some(table) = left.pop() {
            let hidden = table.schema.is_none() && self.made.contains_key(&(Kind::Table, temporary(&table)));
            let plain = self.made.get(&key(Kind::Table, &table)).is_some_and(|made| made.plain);
            if self.firing.relates_anything || hidden || !plain || !self.is_known(&table) {
                return None;
            }
            let table = qualified(&table);
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
    }

    /// Triggers and foreign keys go along with their table.
    pub(super) fn rename_written(&mut self, from: &Name, to: &Name) {
        let (from, to) = (qualified(from), qualified(to));
        let of_triggers = self.routines.values_mut().filter_map(|routine| routine.on.as_mut());
        let related = self.firing.related.iter_mut().flat_map(|(from, to, _)| [from, to]);
        for name in of_triggers.chain(related).filter(|name| **name == from) {
            name.clone_from(&to);
        }
    }
}

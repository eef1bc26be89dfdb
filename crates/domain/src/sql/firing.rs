//! Which triggers and rules of a plan run when rows are written.

use std::collections::{BTreeMap, BTreeSet};

use super::assess::{Place, Plan};
use super::effect::{Kind, Name};
use super::lookup::{key, qualified, temporary};
use super::risk::RiskClass;

/// What runs when rows are written, as far as the plan says.
#[derive(Default)]
pub(super) struct Firing {
    /// Tables to which rows were written and whose triggers have not run yet, `None` where that is not known; whether the rows
    /// are only new ones.
    written: Vec<(Option<Name>, bool)>,
    /// Rows are being written, and so what runs on writing runs.
    active: bool,
    /// What is written to the first is written to the second; of new rows, too.
    related: BTreeMap<Name, BTreeSet<(Name, bool)>>,
    /// The other way round.
    related_from: BTreeMap<Name, BTreeSet<Name>>,
    /// What runs when rows of a table are written, and what of any.
    on: BTreeMap<Name, BTreeSet<Name>>,
    on_any: BTreeSet<Name>,
    on_writes: BTreeSet<Name>,
    /// Tables whose names are not certain are related.
    relates_anything: bool,
    /// What runs now may have something from before the plan in its parameters and variables.
    pub(super) carried: bool,
}

impl Firing {
    fn relate(&mut self, from: Name, to: Name, part: bool) {
        self.related_from.entry(to.clone()).or_default().insert(from.clone());
        self.related.entry(from).or_default().insert((to, part));
    }

    fn rename(&mut self, from: &Name, to: &Name) {
        let renamed = |name: Name| if name == *from { to.clone() } else { name };
        let forth = self.related.remove(from).unwrap_or_default();
        let back = self.related_from.remove(from).unwrap_or_default();
        for (other, _) in &forth {
            if let Some(names) = self.related_from.get_mut(other) {
                names.remove(from);
            }
        }
        for (other, part) in forth {
            self.relate(to.clone(), renamed(other), part);
        }
        for other in back {
            let related = self.related.get_mut(&other);
            let Some(related) = related else { continue };
            let parts = [true, false].map(|part| (related.remove(&(from.clone(), part)), part));
            for (_, part) in parts.into_iter().filter(|(was, _)| *was) {
                self.relate(other.clone(), to.clone(), part);
            }
        }
    }
}

impl Plan<'_> {
    /// Triggers and rules that the plan defines on the table run, and on whatever that write reaches; so do those of what they
    /// write, each once.
    pub(super) fn fire(&mut self, place: Place, table: &Name, adds: bool) {
        // Here, where the name is used: it may mean something else outside of the routine that runs.
        let written = (self.meant(table), adds);
        if std::mem::replace(&mut self.firing.active, true) {
            self.firing.written.push(written);
            return;
        }
        let outside = self.firing.carried;
        loop {
            let empty = self.empty.len();
            self.firing.written.push(written.clone());
            self.fire_all(place);
            // Nobody knows in which order they run: what one fills, another may have read.
            if self.empty.len() == empty || self.has_given_up() {
                break;
            }
        }
        self.firing.written.clear();
        self.firing.active = false;
        self.firing.carried = outside;
    }

    fn fire_all(&mut self, place: Place) {
        let (mut fired, mut seen, mut all) = (BTreeSet::new(), BTreeSet::new(), false);
        while let Some((table, adds)) = self.firing.written.pop() {
            let filled = table.as_ref().is_none_or(|table| !self.is_empty(Kind::Table, table));
            if all || !seen.insert((table.clone(), adds, filled)) {
                continue;
            }
            let reached = table.and_then(|table| self.reached(table, adds));
            all = reached.is_none();
            // The rows that were written are parameters of what runs.
            let mut written = reached.iter().flatten();
            self.firing.carried = all || written.any(|table| !self.is_empty(Kind::Table, table));
            let runs = self.runs_on(reached.as_ref());
            if !self.follow(runs.len()) {
                return self.give_up(place);
            }
            for name in runs {
                let more = !fired.contains(&(name.clone(), true)) && fired.insert((name.clone(), self.firing.carried));
                if more && !self.has_given_up() {
                    self.enter(place, &name);
                }
            }
        }
    }

    /// There is too much to follow what runs here.
    pub(super) fn give_up(&mut self, place: Place) {
        self.risk(RiskClass::Opaque, place, "runs more than is followed here", None);
        self.fill_all();
    }

    /// What runs when rows of these tables are written; `None`: of tables that the plan does not show.
    fn runs_on(&self, tables: Option<&BTreeSet<Name>>) -> BTreeSet<Name> {
        let Some(tables) = tables else {
            return self.firing.on_writes.clone();
        };
        // A function runs by a trigger, and only the plan makes one on a table of its own. What makes one by SQL that can't be read
        // is opaque, and could as well do itself whatever the trigger does.
        let of_any = self.firing.on_any.iter().filter(|name| name.is_in(""));
        let of_these = tables.iter().filter_map(|table| self.firing.on.get(table)).flatten();
        of_any.chain(of_these).cloned().collect()
    }

    /// The routine runs on what it says that it runs on.
    pub(super) fn watch(&mut self, name: &Name) {
        let Some(routine) = self.routines.get(name).filter(|routine| routine.on_writes) else {
            self.firing.on_writes.remove(name);
            self.firing.on_any.remove(name);
            return;
        };
        self.firing.on_writes.insert(name.clone());
        if routine.on.is_empty() {
            self.firing.on_any.insert(name.clone());
            return;
        }
        self.firing.on_any.remove(name);
        for table in &routine.on {
            self.firing.on.entry(table.clone()).or_default().insert(name.clone());
        }
    }

    /// The table with its schema; `None` where the plan does not say which it is.
    fn meant(&self, table: &Name) -> Option<Name> {
        let hidden = table.schema.is_none() && self.made.contains_key(&(Kind::Table, temporary(table)));
        (!hidden && self.is_known(table)).then(|| qualified(table))
    }

    /// The tables to which rows are written with this one; `None` where the plan does not say: whatever was there before has
    /// triggers, foreign keys and partitions that it does not show.
    fn reached(&mut self, table: Name, adds: bool) -> Option<BTreeSet<Name>> {
        let (mut tables, mut left) = (BTreeSet::new(), vec![table]);
        while let Some(table) = left.pop() {
            let made = self.made.get(&key(Kind::Table, &table));
            let plain = made.map_or_else(
                || self.quiet.contains(&table) || self.of_extension(&table).is_some(),
                |made| made.plain,
            );
            if self.firing.relates_anything || !plain {
                return None;
            }
            let related = self.firing.related.get(&table).into_iter().flatten();
            let related = related
                .filter(|(_, part)| *part || !adds)
                .map(|(to, _)| to.clone())
                .filter(|to| !tables.contains(to));
            let before = left.len();
            left.extend(related);
            let more = left.len() - before;
            tables.insert(table);
            if !self.follow(more) {
                return None;
            }
        }
        Some(tables)
    }

    pub(super) fn relate(&mut self, from: &Name, to: &Name, part: bool) {
        self.firing.relates_anything |= !self.is_known(from) || !self.is_known(to);
        self.firing.relate(qualified(from), qualified(to), part);
        if part {
            // A row of the part is a row of the whole, whose triggers the part has, too.
            self.firing.relate(qualified(to), qualified(from), part);
        }
    }

    /// A table with those that it is a part of and those that are parts of it; `None` where they are too many.
    pub(super) fn parts(&mut self, table: Name) -> Option<BTreeSet<Name>> {
        let (mut tables, mut left) = (BTreeSet::new(), vec![table]);
        while let Some(table) = left.pop() {
            let related = self.firing.related.get(&table).into_iter().flatten();
            let parts = related.filter(|(_, part)| *part).map(|(to, _)| to);
            let before = left.len();
            left.extend(parts.filter(|part| !tables.contains(*part)).cloned());
            let more = left.len() - before;
            tables.insert(table);
            if !self.follow(more) {
                return None;
            }
        }
        Some(tables)
    }

    /// Triggers and foreign keys go along with their table.
    pub(super) fn rename_written(&mut self, from: &Name, to: &Name) {
        let (from, to) = (qualified(from), qualified(to));
        let related = self.firing.related.get(&from).map_or(0, BTreeSet::len);
        let related_from = self.firing.related_from.get(&from).map_or(0, BTreeSet::len);
        let on = self.firing.on.get(&from).map_or(0, BTreeSet::len);
        if !self.follow(related + related_from + on) {
            self.firing.relates_anything = true;
            return;
        }
        for name in self.firing.on.remove(&from).into_iter().flatten() {
            if let Some(routine) = self.routines.get_mut(&name)
                && routine.on.remove(&from)
            {
                routine.on.insert(to.clone());
            }
            self.watch(&name);
        }
        self.firing.rename(&from, &to);
    }
}

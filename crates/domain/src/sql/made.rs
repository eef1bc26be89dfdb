//! What a plan itself has made, and whether rows from before it are in there.

use std::collections::BTreeSet;

use super::assess::{Place, Plan};
use super::effect::{Kind, Name, Origin, PUBLIC};
use super::lookup::{key, looked_up, qualified, temporary};
use super::presence::Scope;

/// Most views and routines that are followed for what one reads.
const READ: usize = 256;

#[derive(Default)]
pub(super) struct Made {
    /// The plan makes it as a table, whatever happens.
    pub(super) plain: bool,
    /// It is not sure that the plan makes it.
    pub(super) perhaps: bool,
    /// What it was made in.
    pub(super) scope: Scope,
    /// Everybody who may select from it sees every row; where that began, and how to say it.
    pub(super) open: Option<(Place, String)>,
    /// Of a view, the tables whose row security is not asked, and what it calls.
    pub(super) reads: Option<Origin>,
    /// Of a view whose rows are always those of what it reads, how many names were moved before it was made.
    shows: Option<usize>,
}

impl Plan<'_> {
    /// A table is there from here on, without row security. `may_be_there`: it may be another one, if there is one.
    pub(super) fn create(&mut self, place: Place, table: &Name, from: &Origin, may_be_there: bool) {
        let says = format!("creates table {table} without row level security");
        let key = key(Kind::Table, table);
        let filled = self.made.contains_key(&key) && !self.empty.contains(&key);
        let plain = self.is_direct(table) && !(may_be_there && (filled || self.was_there(table)));
        let made = Made {
            plain,
            scope: self.scope(),
            open: (!(self.secures_tables && table.is_in(PUBLIC))).then_some((place, says)),
            ..Made::default()
        };
        let empty = plain && self.brings_nothing(from);
        self.make(Kind::Table, table, made, empty);
        if self.is_certain(table) {
            self.comes(table);
        }
    }

    /// A temporary table, a sequence, a type or a schema is there from here on.
    pub(super) fn make_other(&mut self, kind: Kind, name: &Name, if_not_exists: bool) {
        let perhaps = self.branch.is_some();
        let may_be_there = if_not_exists || perhaps;
        if may_be_there && self.made.contains_key(&key(kind, name)) {
            return;
        }
        let remains = match kind {
            Kind::Schema => self.held_something(name),
            Kind::Sequence => self.was_there(name),
            // Nobody else makes a temporary table, and while columns have a type, it can't be dropped.
            Kind::Table | Kind::Type => false,
        };
        let made = Made {
            perhaps: perhaps && kind == Kind::Table,
            ..Made::default()
        };
        self.make(kind, name, made, self.is_direct(name) && !(may_be_there && remains));
    }

    /// A view is there from here on. `stored`: its rows are those of when it was made.
    pub(super) fn make_view(&mut self, place: Place, view: &Name, invoker: bool, (reads, stored): (&Origin, bool)) {
        let key = key(Kind::Table, view);
        let sure = self.is_sure();
        if let Some(before) = self.made.get_mut(&key).filter(|_| invoker && !sure) {
            before.shows = None;
            return;
        }
        let says = format!("creates view {view}, which shows what row level security hides from its readers");
        let hidden = |read: &Name| read.schema.is_none() && self.made.contains_key(&(Kind::Table, temporary(read)));
        let meant = self.is_certain(view) && reads.tables.iter().all(|read| self.is_known(read) && !hidden(read));
        let mut reads = reads.clone();
        if meant {
            reads.tables = reads.tables.iter().map(qualified).collect();
        }
        let made = Made {
            open: (!invoker).then_some((place, says)),
            reads: Some(reads),
            shows: (meant && !stored).then_some(self.presence.moved()),
            ..Made::default()
        };
        self.make(Kind::Table, view, made, false);
    }

    /// What is read through a view of the plan. A view keeps what it reads by whatever name that has later.
    fn read_through(&self, view: &Name) -> Option<&Origin> {
        let hidden = self.made.contains_key(&(Kind::Table, temporary(view))) && view.schema.is_none();
        let made = self
            .made
            .get(&key(Kind::Table, view))
            .filter(|_| !hidden && self.is_known(view))?;
        made.reads
            .as_ref()
            .filter(|_| made.shows == Some(self.presence.moved()))
    }

    /// Outside of routines, and it means one object.
    fn is_direct(&self, name: &Name) -> bool {
        self.calls.is_empty() && self.is_known(name)
    }

    /// Row security decides who reads it from here on, if it surely does.
    pub(super) fn secure(&mut self, table: &Name) {
        let key = key(Kind::Table, table);
        if self.made.get(&key).is_some_and(|made| self.is_as_sure_as(&made.scope))
            && let Some(made) = self.made.get_mut(&key)
        {
            made.open = None;
        }
    }

    /// `empty`: nothing of what was there before the plan is in it.
    pub(super) fn make(&mut self, kind: Kind, name: &Name, made: Made, empty: bool) {
        let holds_rows = kind == Kind::Table && !empty && made.reads.is_none();
        self.made.insert(key(kind, name), made);
        if empty {
            self.empty.insert(key(kind, name));
        } else {
            self.empty.remove(&key(kind, name));
        }
        if holds_rows {
            self.fill(name);
        }
    }

    /// What the plan made is there under this name no more.
    fn unmake(&mut self, key: &(Kind, Name)) -> Option<Made> {
        self.empty.remove(key);
        self.made.remove(key)
    }

    pub(super) fn drop(&mut self, table: &Name) {
        self.leaves(table);
        let temporary = (Kind::Table, temporary(table));
        let dropped = if self.made.contains_key(&temporary) {
            temporary
        } else {
            key(Kind::Table, table)
        };
        let sure = self
            .made
            .get(&dropped)
            .is_none_or(|made| self.is_as_sure_as(&made.scope));
        if sure && self.is_known(table) {
            self.unmake(&dropped);
        } else {
            self.empty.remove(&dropped);
        }
    }

    pub(super) fn rename(&mut self, place: Place, from: &Name, to: &Name) {
        self.presence.moves();
        self.move_policies(from, to);
        self.quiet.remove(&qualified(from));
        self.quiet.remove(&qualified(to));
        // What a schema held before may be dropped with it.
        if let Some(schema) = to.schema.as_ref().filter(|_| to.schema != from.schema) {
            let schema = Name {
                schema: None,
                name: schema.clone(),
            };
            self.unmake(&key(Kind::Schema, &schema));
        }
        self.rename_made(Kind::Sequence, from, to);
        if self.rename_made(Kind::Table, from, to) {
            self.rename_written(from, to);
            return;
        }
        self.arrives(to);
        let protected = || looked_up(&self.known.relations, from).all(|protected| *protected);
        let known = looked_up(&self.known.relations, from).next().is_some();
        if to.is_in(PUBLIC) && !from.is_in(PUBLIC) && !(known && protected()) {
            let says = format!("moves {from} into schema {PUBLIC} without row level security");
            let made = Made {
                open: Some((place, says)),
                ..Made::default()
            };
            self.make(Kind::Table, to, made, false);
        }
    }

    /// What the plan made under a name has another one; whether there is something. Where a name is not certain it may be another
    /// object, of which nothing is known.
    pub(super) fn rename_made(&mut self, kind: Kind, from: &Name, to: &Name) -> bool {
        let direct = self.is_direct(from) && self.is_direct(to);
        let certain = direct && (self.is_sure() || !self.was_there(to) && !self.made.contains_key(&key(kind, to)));
        let empty = self.empty.contains(&key(kind, from));
        self.leaves(from);
        if certain && self.is_sure() {
            self.comes(to);
        } else {
            self.leaves(to);
        }
        let Some(mut made) = self.unmake(&key(kind, from)) else {
            return false;
        };
        made.plain &= certain;
        self.made.insert(key(kind, to), made);
        self.empty.remove(&key(kind, to));
        if empty && certain {
            self.empty.insert(key(kind, to));
        }
        true
    }

    /// Another name of what is neither a table nor a view.
    pub(super) fn rename_other(&mut self, kind: Kind, from: &Name, to: &Name) {
        if !self.rename_made(kind, from, to) {
            self.unmake(&key(kind, to));
            self.arrives(to);
        }
    }

    pub(super) fn set_invoker(&mut self, place: Place, view: &Name, invoker: bool) {
        if invoker && !self.is_sure() {
            return;
        }
        let made = self.made.entry(key(Kind::Table, view)).or_insert_with(|| Made {
            // Nobody knows what it reads.
            reads: Some(Origin::unknown()),
            ..Made::default()
        });
        let says = format!("lets view {view} show what row level security hides from its readers");
        made.open = (!invoker).then_some((place, says));
    }

    /// The plan made it, and nothing from before the plan is in it.
    pub(super) fn is_empty(&self, kind: Kind, name: &Name) -> bool {
        let temporary = (kind, temporary(name));
        if let Some(made) = self.made.get(&temporary) {
            let named = key(kind, name);
            let other = || self.was_there(name) || named != temporary && self.made.contains_key(&named);
            return self.empty.contains(&temporary) && !(made.perhaps && other());
        }
        let extension = kind == Kind::Table && self.of_extension(name) == Some(true);
        extension || self.is_known(name) && self.empty.contains(&key(kind, name))
    }

    /// No row from before the plan comes from there: from none of the tables, whatever views and routines of the plan are between.
    /// The server's functions and those of extensions read no table of a project.
    pub(super) fn brings_nothing(&self, from: &Origin) -> bool {
        let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
        while let Some(from) = left.pop() {
            for table in &from.tables {
                match self.read_through(table) {
                    Some(reads) if seen.insert((false, table)) => left.push(reads),
                    None if !self.is_empty(Kind::Table, table) => return false,
                    _ => {}
                }
            }
            for routine in &from.routines {
                if !seen.insert((true, routine)) {
                    continue;
                }
                if looked_up(&self.known.routines, routine).next().is_some() {
                    return false;
                }
                let planned = self.planned(routine).filter_map(|name| self.routines.get(name));
                left.extend(planned.flat_map(|planned| planned.reads.iter().copied()));
            }
            if seen.len() > READ {
                return false;
            }
        }
        true
    }

    /// Something from before the plan is in it from here on, in what it is a part of or has for parts, and in their schemas.
    pub(super) fn fill(&mut self, table: &Name) {
        if self
            .made
            .get(&key(Kind::Table, table))
            .is_some_and(|made| made.reads.is_some())
        {
            // By a view, a row may come to any table.
            return self.fill_all();
        }
        let known = self.is_known(table);
        let alike = Name {
            schema: None,
            name: table.name.clone(),
        };
        let named = self
            .made
            .range((Kind::Table, alike)..)
            .map(|((kind, name), _)| (kind, name));
        let alike: Vec<_> = named
            .take_while(|(kind, name)| !known && **kind == Kind::Table && name.name == table.name)
            .map(|(_, name)| name.clone())
            .chain([qualified(table)])
            .collect();
        for table in alike {
            let Some(filled) = self.parts(table) else {
                return self.fill_all();
            };
            for table in filled {
                if let Some(schema) = table.schema.clone() {
                    self.fill_extended(&schema);
                    let schema = Name {
                        schema: None,
                        name: schema,
                    };
                    self.empty.remove(&key(Kind::Schema, &schema));
                }
                self.empty.remove(&(Kind::Table, table));
            }
        }
        if !known {
            let schemas = self
                .empty
                .range((Kind::Schema, Name::default())..(Kind::Type, Name::default()));
            for schema in schemas.cloned().collect::<Vec<_>>() {
                self.empty.remove(&schema);
            }
            self.fill_all_extended();
        }
    }

    /// Rows may have been copied from anywhere to anywhere.
    pub(super) fn fill_all(&mut self) {
        self.empty.clear();
        self.fill_all_extended();
    }
}

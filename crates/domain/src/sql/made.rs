//! What a plan itself has made, and whether rows from before it are in there.

use super::assess::{Place, Plan};
use super::effect::{Kind, Name, Origin, PUBLIC};
use super::lookup::{key, looked_up, qualified, temporary};

#[derive(Default)]
pub(super) struct Made {
    /// The plan makes it as a table, whatever happens.
    pub(super) plain: bool,
    /// Everybody who may select from it sees every row; where that began, and how to say it.
    pub(super) open: Option<(Place, String)>,
    /// Of a view, the tables whose row security is not asked.
    pub(super) reads: Option<Vec<Name>>,
}

impl Plan<'_> {
    /// A table is there from here on, without row security.
    pub(super) fn create(&mut self, place: Place, table: &Name, from: &Origin) {
        let says = format!("creates table {table} without row level security");
        let plain = self.is_certain(table);
        let made = Made {
            plain,
            open: (!(self.secures_tables && table.is_in(PUBLIC))).then_some((place, says)),
            reads: None,
        };
        let empty = plain && self.brings_nothing(from);
        self.make(Kind::Table, table, made, empty);
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
        let temporary = temporary(table);
        if self.unmake(&(Kind::Table, temporary)).is_none() {
            self.unmake(&key(Kind::Table, table));
        }
    }

    pub(super) fn rename(&mut self, place: Place, from: &Name, to: &Name) {
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
        if self.rename_made(Kind::Table, from, to) {
            self.rename_written(from, to);
            return;
        }
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
        let certain = self.is_certain(from) && self.is_certain(to);
        let empty = self.empty.contains(&key(kind, from));
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

    pub(super) fn set_invoker(&mut self, place: Place, view: &Name, invoker: bool) {
        let made = self.made.entry(key(Kind::Table, view)).or_insert_with(|| Made {
            // Nobody knows what it reads.
            reads: Some(vec![Name::default()]),
            ..Made::default()
        });
        let says = format!("lets view {view} show what row level security hides from its readers");
        made.open = (!invoker).then_some((place, says));
    }

    /// An extension that the plan makes has made it, or a function of that extension: nothing else has its name.
    pub(super) fn is_extensions(&self, table: &Name) -> bool {
        let extended = table
            .schema
            .as_ref()
            .is_some_and(|schema| self.extended.contains(schema));
        extended && !self.was_there(table) && !self.made.contains_key(&key(Kind::Table, table))
    }

    /// What is in the schemas of extensions may be from before the plan from here on: a routine of theirs was given it.
    pub(super) fn extend(&mut self, routine: &Name) {
        match &routine.schema {
            Some(schema) => {
                self.extended.remove(schema);
            }
            None => self.extended.clear(),
        }
    }

    /// Something from before the plan has its name, or may have it.
    fn was_there(&self, table: &Name) -> bool {
        self.is_large(table) || looked_up(&self.known.relations, table).next().is_some()
    }

    /// `IF NOT EXISTS` asks only for the schema in which the table would be made.
    pub(super) fn is_there(&self, table: &Name) -> bool {
        if !self.is_known(table) {
            return false;
        }
        let table = qualified(table);
        self.made.contains_key(&(Kind::Table, table.clone()))
            || self.is_large(&table)
            || looked_up(&self.known.relations, &table).next().is_some()
    }

    /// The plan made it, and nothing from before the plan is in it.
    pub(super) fn is_empty(&self, kind: Kind, name: &Name) -> bool {
        let temporary = (kind, temporary(name));
        if self.made.contains_key(&temporary) {
            return self.empty.contains(&temporary);
        }
        let is_extensions = kind == Kind::Table && self.is_extensions(name);
        is_extensions || self.is_known(name) && self.empty.contains(&key(kind, name))
    }

    /// No row from before the plan comes from there.
    pub(super) fn brings_nothing(&self, from: &Origin) -> bool {
        let tables = from.tables.iter().all(|table| self.is_empty(Kind::Table, table));
        tables && !from.routines.iter().any(|routine| self.returns_something(routine))
    }

    /// Something from before the plan is in it from here on, in what it is a part of or has for parts, and in their schemas.
    pub(super) fn fill(&mut self, table: &Name) {
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
                    let schema = Name {
                        schema: None,
                        name: schema,
                    };
                    self.extended.remove(&schema.name);
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
            self.extended.clear();
        }
    }

    /// Rows may have been copied from anywhere to anywhere.
    pub(super) fn fill_all(&mut self) {
        self.empty.clear();
        self.extended.clear();
    }
}

//! What of a plan is open to callers when it has run.

use std::collections::{BTreeMap, BTreeSet};

use super::assess::Plan;
use super::effect::{Granted, Kind, Name, PUBLIC};
use super::lookup::{in_schema, key, looked_up, qualified};
use super::made::Made;
use super::risk::{Risk, RiskClass};

impl Plan<'_> {
    pub(super) fn finish(mut self) -> Vec<Vec<Risk>> {
        let (mut told, mut granted) = (BTreeSet::new(), BTreeMap::new());
        for (place, on, to) in std::mem::take(&mut self.grants) {
            let what = granted.entry(on.clone()).or_insert_with(|| self.granted(&on)).clone();
            if let Some(what) = what {
                if let Granted::Routine(routine) = &on {
                    told.insert(qualified(routine));
                }
                let says = format!("grants {to} privileges on {what}");
                self.risk(RiskClass::Exposure, place, &says, None);
            }
        }
        for opening in std::mem::take(&mut self.opened) {
            if !told.contains(&opening.routine) && !self.is_closed(&opening) {
                told.insert(opening.routine.clone());
                self.risk(RiskClass::Exposure, opening.place, &opening.says, None);
            }
        }
        let open = self.made.iter().filter(|((_, name), made)| self.is_open(name, made));
        let open: Vec<_> = open.filter_map(|(_, made)| made.open.clone()).collect();
        for (place, says) in open {
            self.risk(RiskClass::Exposure, place, &says, None);
        }
        for risks in &mut self.risks {
            // Stable: a statement's own order stays.
            risks.sort_by_key(|risk| risk.line);
        }
        self.risks
    }

    /// A view outside of `public` is reached by grants only.
    fn is_open(&self, name: &Name, made: &Made) -> bool {
        let reads = made.reads.as_ref();
        reads.is_none_or(|_| name.is_in(PUBLIC) && self.shows_hidden(made))
    }

    fn shows_hidden(&self, view: &Made) -> bool {
        view.reads
            .iter()
            .flat_map(|reads| &reads.tables)
            .any(|read| self.is_hidden(read))
    }

    /// Whether its rows are not shown to everybody already.
    fn is_hidden(&self, table: &Name) -> bool {
        let of_server = matches!(table.schema.as_deref(), Some("pg_catalog" | "information_schema"));
        let open = match self.made.get(&key(Kind::Table, table)) {
            Some(made) => made.open.is_some() && made.reads.is_none(),
            None => table.is_in(PUBLIC) && looked_up(&self.known.relations, table).next() == Some(&false),
        };
        !of_server && !open
    }

    /// What a privilege gives to read or run beyond what row security decides.
    fn granted(&self, on: &Granted) -> Option<String> {
        match on {
            Granted::Schema(schema, what) if schema == PUBLIC => {
                (*what == "the right to create").then(|| in_schema(what, schema))
            }
            Granted::Schema(schema, what) => Some(in_schema(what, schema)),
            Granted::Routine(routine) => {
                let planned = self.routines.get(&qualified(routine));
                let known = || looked_up(&self.known.routines, routine).next();
                let harmless = match planned {
                    Some(planned) => planned.on_writes || !planned.definer,
                    None => known().is_some_and(|known| !known.definer),
                };
                (!harmless).then(|| format!("function {routine}, which runs with its owner's rights"))
            }
            Granted::Relation(relation) => {
                let planned = self.made.get(&key(Kind::Table, relation));
                let known = || looked_up(&self.known.relations, relation).next();
                let harmless = match planned {
                    // It is told where it was made.
                    Some(made) => made.open.is_none() || !self.shows_hidden(made) || relation.is_in(PUBLIC),
                    None => known() == Some(&true),
                };
                (!harmless).then(|| format!("{relation}, which has no row level security"))
            }
        }
    }
}

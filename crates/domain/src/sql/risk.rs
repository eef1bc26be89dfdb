use std::collections::{BTreeMap, BTreeSet};

pub use ace_api::RiskClass;

use super::effect::{Effect, Name};
use super::script::Script;

/// What can go wrong with a statement that succeeds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Risk {
    /// Of which kind.
    pub class: RiskClass,
    /// Line of the statement in its file, from 1.
    pub line: u32,
    /// What it does, such as `drops table public.old_codes`: names and keywords, no values, at most [`SAYS_CHARACTERS`].
    pub says: String,
    /// The lock that is held while a large table is read or rewritten, such as `ACCESS EXCLUSIVE`.
    pub lock: Option<&'static str>,
}

/// Longest [`Risk::says`], in characters.
pub const SAYS_CHARACTERS: usize = 120;

/// The facts about the database that risks depend on.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Catalogue {
    /// Schema and name of the tables and materialised views that exist and are not small.
    pub large: BTreeSet<(String, String)>,
}

/// The risks of a plan, script by script, in written order; a script that carries none has an empty list.
///
/// Judged over the whole plan: a table without row security is none when a later file enables it or drops the table, and
/// a table that the plan makes is not large. A table that is named without its schema is taken for one of `public` where
/// the plan's own statements are compared, and for one of any schema where it is looked up among the large ones.
pub fn assess(scripts: &[&Script], catalogue: &Catalogue) -> Vec<Vec<Risk>> {
    let mut plan = Plan {
        catalogue,
        made: BTreeMap::new(),
        risks: vec![Vec::new(); scripts.len()],
    };
    for (script, effects) in scripts.iter().map(|script| &script.effects).enumerate() {
        for (line, effect) in effects {
            plan.take(script, *line, effect);
        }
    }
    plan.finish()
}

/// The state of the database as far as the plan has made it.
struct Plan<'c> {
    catalogue: &'c Catalogue,
    /// The plan's own tables, with the place of the statement that made them unless row security is on.
    made: BTreeMap<Name, Option<(usize, u32, String)>>,
    risks: Vec<Vec<Risk>>,
}

impl Plan<'_> {
    fn take(&mut self, script: usize, line: u32, effect: &Effect) {
        match effect {
            Effect::Risk(class, says) => self.risk(script, *class, line, says, None),
            Effect::Creates { table, if_not_exists } if !(*if_not_exists && self.is_there(table)) => {
                let says = format!("creates table {table} without row level security");
                self.made.insert(key(table), Some((script, line, says)));
            }
            Effect::Secures(table) => {
                if let Some(open) = self.made.get_mut(&key(table)) {
                    *open = None;
                }
            }
            Effect::Drops(table) => {
                self.made.remove(&key(table));
            }
            Effect::Renames(from, to) => {
                if let Some(open) = self.made.remove(&key(from)) {
                    self.made.insert(key(to), open);
                }
            }
            Effect::Locks { table, lock, says } if !self.made.contains_key(&key(table)) && self.is_large(table) => {
                self.risk(script, RiskClass::LongLock, line, says, Some(lock));
            }
            Effect::Creates { .. } | Effect::Locks { .. } => {}
        }
    }

    fn finish(mut self) -> Vec<Vec<Risk>> {
        for (script, line, says) in std::mem::take(&mut self.made).into_values().flatten() {
            self.risk(script, RiskClass::Exposure, line, &says, None);
        }
        for risks in &mut self.risks {
            // Stable: a statement's own order stays.
            risks.sort_by_key(|risk| risk.line);
        }
        self.risks
    }

    fn risk(&mut self, script: usize, class: RiskClass, line: u32, says: &str, lock: Option<&'static str>) {
        let says = says
            .chars()
            .map(|it| if it.is_control() { ' ' } else { it })
            .take(SAYS_CHARACTERS)
            .collect();
        self.risks[script].push(Risk {
            class,
            line,
            says,
            lock,
        });
    }

    fn is_there(&self, table: &Name) -> bool {
        self.made.contains_key(&key(table)) || self.is_large(table)
    }

    fn is_large(&self, table: &Name) -> bool {
        match &table.schema {
            Some(schema) => self.catalogue.large.contains(&(schema.clone(), table.name.clone())),
            None => self.catalogue.large.iter().any(|(_, name)| *name == table.name),
        }
    }
}

/// What an unqualified name most likely means on Supabase, whose search path begins with it.
fn key(name: &Name) -> Name {
    Name {
        schema: Some(name.schema.clone().unwrap_or_else(|| "public".to_owned())),
        name: name.name.clone(),
    }
}

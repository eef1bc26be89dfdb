//! Objects whose differences are no drift, by the rules of a set.

use std::collections::BTreeSet;

use ace_api::IgnoredObjects;

use super::{Described, Fingerprint, Key, ObjectClass};

impl Fingerprint {
    /// This fingerprint and the other one without the objects that a rule names. Partitions are those of either.
    pub(crate) fn without(self, rules: &[IgnoredObjects], other: Self) -> (Self, Self) {
        let mut partitions = BTreeSet::new();
        for rule in rules {
            if let Some(parent) = &rule.partitions_of {
                self.partitions(&other, parent, &mut partitions);
            }
        }
        let is_ignored = |key: &Key, is: &Described| {
            rules.iter().any(|rule| rule_names(rule, key)) || belongs_to(&partitions, key, is)
        };
        let kept = |fingerprint: Self| {
            let objects = fingerprint.0.into_iter();
            Self(objects.filter(|(key, is)| !is_ignored(key, is)).collect())
        };
        (kept(self), kept(other))
    }

    /// The partitions of a table, with theirs.
    fn partitions(&self, other: &Self, parent: &str, found: &mut BTreeSet<String>) {
        let mut parents = vec![parent.to_owned()];
        while let Some(parent) = parents.pop() {
            let partition = format!("partition of {parent}");
            let tables = self.0.iter().chain(&other.0);
            let children = tables.filter(|((class, _), is)| {
                *class == ObjectClass::Table && is.definition.lines().any(|line| line == partition)
            });
            for ((_, name), _) in children {
                if found.insert(name.clone()) {
                    parents.push(name.clone());
                }
            }
        }
    }
}

fn rule_names(rule: &IgnoredObjects, (class, name): &Key) -> bool {
    let is_class = rule.class.as_deref().is_none_or(|rule| rule == class.as_str());
    is_class && rule.name.as_deref().is_some_and(|pattern| matches(pattern, name))
}

fn belongs_to(partitions: &BTreeSet<String>, (class, name): &Key, is: &Described) -> bool {
    if partitions.is_empty() {
        return false;
    }
    // A grant's object and a table's part are named with the table.
    let of = |table: &String| {
        let part = |name: &str| {
            name == table
                || name
                    .strip_prefix(table.as_str())
                    .is_some_and(|rest| rest.starts_with('.'))
        };
        match class {
            ObjectClass::Index => is
                .definition
                .lines()
                .any(|line| line.strip_prefix("~of ") == Some(table)),
            ObjectClass::Grant => {
                let object = name.split_once(' ').map_or(name.as_str(), |(_, object)| object);
                object.rsplit_once(" to ").is_some_and(|(object, _)| part(object))
            }
            _ => part(name),
        }
    };
    partitions.iter().any(of)
}

/// Whether a name is like a pattern, in which `*` is any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(pieces.next().unwrap_or_default()) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some((_, after)) = rest.split_once(piece) else {
            return false;
        };
        rest = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_text_and_everything_else_for_itself() {
        for (pattern, name, is) in [
            ("public.events_*", "public.events_2026", true),
            ("public.events_*", "public.events", false),
            ("public.events", "public.events_2026", false),
            ("*_backup", "public.notes_backup", true),
            ("*_backup", "public.notes_backup.id", false),
            ("table public.* to anon", "table public.x to anon", true),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("*", "", true),
            ("public.e[0-9]", "public.e1", false),
        ] {
            assert_eq!(matches(pattern, name), is, "{pattern} {name}");
        }
    }
}

use std::collections::BTreeSet;

/// Which of the names that a file reads from its environment have to be set.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Reads {
    /// Names of which one has to be set: several where the next one is read if the one before is not set.
    groups: BTreeSet<Vec<String>>,
    /// Names that have a default somewhere in the file, which holds for the whole of it: what tests a name often reads it again.
    optional: BTreeSet<String>,
}

impl Reads {
    /// Adds a read: of the first name that is set, or, where none is, of a default.
    pub(super) fn add(&mut self, names: Vec<String>, has_default: bool) {
        if has_default {
            self.optional.extend(names);
        } else {
            self.groups.insert(names);
        }
    }

    /// Number of reads that differ.
    pub(super) fn len(&self) -> usize {
        self.groups.len() + self.optional.len()
    }

    /// All names, once for each of their reads.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.groups.iter().flatten().chain(&self.optional)
    }

    /// The groups of which one name has to be set.
    pub(super) fn required(&self) -> impl Iterator<Item = &Vec<String>> {
        let is_optional = |name: &String| self.optional.contains(name);
        self.groups.iter().filter(move |group| !group.iter().any(is_optional))
    }
}

use ace_domain::reconcile::shard::Shards;

/// What the Leases of one kind of process are called: by the number of shards, so that those of another number are told apart.
#[derive(Clone, Debug)]
pub(super) struct Names {
    base: String,
    shards: Shards,
}

/// What a Lease is to this process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// Of this shard.
    Own(u32),
    /// Of a shard of another number of shards.
    Other,
}

impl Names {
    pub(super) fn new(base: String, shards: Shards) -> Self {
        Self { base, shards }
    }

    pub(super) fn of(&self, shard: u32) -> String {
        let Self { base, shards } = self;
        match shards.number() {
            1 => base.clone(),
            number => format!("{base}-{shard}-of-{number}"),
        }
    }

    /// What a Lease of this name is, if it is one of these processes.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        let (shard, number) = self.parse(name)?;
        let is_own = number == self.shards.number();
        Some(if is_own { Place::Own(shard) } else { Place::Other })
    }

    /// The shard, and of how many.
    fn parse(&self, name: &str) -> Option<(u32, u32)> {
        let rest = name.strip_prefix(&self.base)?;
        if rest.is_empty() {
            return Some((0, 1));
        }
        let (shard, number) = rest.strip_prefix('-')?.split_once("-of-")?;
        let (shard, number): (u32, u32) = (shard.parse().ok()?, number.parse().ok()?);
        // Only as it is written here.
        let is_one = number > 1 && shard < number && rest == format!("-{shard}-of-{number}");
        is_one.then_some((shard, number))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::{Names, Place, Shards};

    fn names(number: u32) -> Names {
        Names::new("ace-operator".to_owned(), Shards::new(NonZeroU32::new(number).unwrap()))
    }

    #[test]
    fn each_number_of_shards_has_names_of_its_own() {
        assert_eq!(names(1).of(0), "ace-operator");
        assert_eq!(names(8).of(3), "ace-operator-3-of-8");
        for (number, name, expected) in [
            (1, "ace-operator", Some(Place::Own(0))),
            (8, "ace-operator", Some(Place::Other)),
            (8, "ace-operator-3-of-8", Some(Place::Own(3))),
            (4, "ace-operator-3-of-8", Some(Place::Other)),
            (1, "ace-operator-0-of-1", None),
            (8, "ace-operator-8-of-8", None),
            (8, "ace-operator-03-of-8", None),
            (8, "ace-operator-", None),
            (8, "ace-worker", None),
        ] {
            assert_eq!(names(number).place(name), expected, "{name} among {number}");
        }
    }
}

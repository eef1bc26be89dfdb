//! Any rules, backups and histories.

use ace_api::{BackupClass, Retention};
use jiff::Timestamp;
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any},
    prop_oneof,
    sample::select,
};

use super::{super::Stored, HOUR, stored};

pub(super) fn any_rules() -> impl Strategy<Value = Retention> {
    (1..5, 0..5, 0..5, 0..5, 0..3, 1..40, 1..4).prop_map(
        |(last, daily, weekly, monthly, yearly, pre_migration_days, min_verified)| Retention {
            last,
            daily,
            weekly,
            monthly,
            yearly,
            pre_migration_days,
            min_verified,
        },
    )
}

pub(super) fn any_stored() -> impl Strategy<Value = Stored> {
    let classes = prop_oneof![
        6 => Just(BackupClass::Scheduled),
        2 => Just(BackupClass::PreMigration),
        1 => Just(BackupClass::Manual),
        1 => Just(BackupClass::Incident)
    ];
    let places = select(vec![
        vec!["primary"],
        vec!["primary", "second"],
        vec!["second"],
        vec!["primary"],
        vec![],
    ]);
    let rarely = || (0..12).prop_map(|of| of == 0);
    // Within two years, often several a day.
    let time = (0_i64..700, 0_i64..6).prop_map(|(day, hours)| {
        Timestamp::from_second(1_790_000_000).unwrap() + HOUR * i32::try_from(day * 24 + hours * 4).unwrap()
    });
    (time, classes, any::<bool>(), any::<bool>(), places, rarely(), rarely()).prop_map(
        |(time, class, verified, too, places, is_held, is_needed)| Stored {
            class,
            is_verified: verified || too,
            is_held,
            needed_by: is_needed.then(|| "Restore bring-back".to_owned()),
            destinations: places.into_iter().map(str::to_owned).collect(),
            ..stored("", time)
        },
    )
}

/// What happens to a database and its backups in a history.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// A backup is made, and passes or does not.
    Backup {
        class: BackupClass,
        is_verified: bool,
        places: Vec<&'static str>,
    },
    /// Every attempt fails.
    Failure,
    /// Nothing happens for so many days.
    Stop(i32),
    /// Somebody's clock is wrong for a moment.
    Clock(i32),
    /// One of those that there are is held, or not any more.
    Hold(usize),
    /// One of those that there are turns out to be damaged.
    Damage(usize),
    /// A copy of one of those is gone.
    Loss(usize),
}

pub(super) fn pick(all: &mut [Stored], which: usize) -> Option<&mut Stored> {
    let count = all.len().max(1);
    all.get_mut(which % count)
}

pub(super) fn any_history() -> impl Strategy<Value = Vec<Happening>> {
    let class = prop_oneof![5 => Just(BackupClass::Scheduled), 1 => Just(BackupClass::PreMigration), 1 => Just(BackupClass::Manual)];
    let places = select(vec![
        vec!["primary"],
        vec!["primary", "second"],
        vec!["primary", "second"],
        vec!["second"],
    ]);
    let happening = prop_oneof![
        12 => (class, (0..5), places).prop_map(|(class, of, places)| Happening::Backup { class, is_verified: of > 0, places }),
        2 => Just(Happening::Failure),
        1 => (1..120).prop_map(Happening::Stop),
        1 => (-4_000..4_000).prop_map(Happening::Clock),
        1 => any::<usize>().prop_map(Happening::Hold),
        1 => any::<usize>().prop_map(Happening::Damage),
        1 => any::<usize>().prop_map(Happening::Loss),
    ];
    vec(happening, 1..30)
}

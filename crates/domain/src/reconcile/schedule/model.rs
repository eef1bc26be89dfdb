//! What slots are, written down a second time and without a library: every minute is looked at.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, Zoned, civil::Date, tz::TimeZone};
use proptest::{
    collection::btree_set,
    prelude::{Just, Strategy, any},
    prop_oneof,
};

/// One field: its text, and the numbers that it means.
#[derive(Clone, Debug)]
pub(super) struct Field {
    text: String,
    values: BTreeSet<i8>,
    /// One number, written as a number.
    is_fixed: bool,
}

/// A schedule that is not read, but put together.
#[derive(Clone, Debug)]
pub(super) struct Model {
    minute: Field,
    hour: Field,
    day: Field,
    month: Field,
    weekday: Field,
}

fn field(first: i8, last: i8) -> impl Strategy<Value = Field> {
    let all: BTreeSet<i8> = (first..=last).collect();
    let every = Field {
        text: "*".to_owned(),
        values: all.clone(),
        is_fixed: false,
    };
    let numbers = btree_set(first..=last, 1..4).prop_map(|values| Field {
        text: values.iter().map(i8::to_string).collect::<Vec<_>>().join(","),
        is_fixed: values.len() == 1,
        values,
    });
    let steps = (2..=(last - first).max(2)).prop_map(move |step| Field {
        text: format!("*/{step}"),
        values: all
            .iter()
            .copied()
            .filter(|value| (value - first) % step == 0)
            .collect(),
        is_fixed: false,
    });
    let ranges = (first..=last, any::<u8>()).prop_map(move |(start, length)| {
        let end = start.saturating_add(i8::try_from(length % 8).unwrap()).min(last);
        Field {
            text: format!("{start}-{end}"),
            values: (start..=end).collect(),
            is_fixed: start == end,
        }
    });
    prop_oneof![3 => Just(every), 4 => numbers, 2 => steps, 1 => ranges]
}

impl Model {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        // Days are mostly left open: a test looks at a few of them.
        let open = |first, last| {
            prop_oneof![4 => field(first, last).prop_map(move |mut field| {
            field.text = "*".to_owned();
            field.values = (first..=last).collect();
            field
        }), 1 => field(first, last)]
        };
        (field(0, 59), field(0, 23), open(1, 31), open(1, 12), open(0, 6)).prop_map(
            |(minute, hour, day, month, weekday)| Self {
                minute,
                hour,
                day,
                month,
                weekday,
            },
        )
    }

    pub(super) fn text(&self) -> String {
        [&self.minute, &self.hour, &self.day, &self.month, &self.weekday]
            .map(|field| field.text.as_str())
            .join(" ")
    }

    /// Every slot from `first` to `last`, both included.
    pub(super) fn slots(&self, zone: &TimeZone, first: Timestamp, last: Timestamp) -> Vec<Timestamp> {
        let is_within = |time: &Timestamp| (first..=last).contains(time);
        if self.minute.is_fixed && self.hour.is_fixed {
            // Once a day: at the first moment that the day has at or behind this time.
            let mut day = first.to_zoned(zone.clone()).date().yesterday().unwrap();
            let end = last.to_zoned(zone.clone()).date();
            let mut slots = Vec::new();
            while day <= end {
                if self.is_day(day) {
                    slots.push(self.once(zone, day));
                }
                day = day.tomorrow().unwrap();
            }
            return slots.into_iter().filter(is_within).collect();
        }
        let mut minute = Timestamp::from_second(first.as_second().div_euclid(60) * 60).unwrap();
        let mut slots = Vec::new();
        while minute <= last {
            let clock = minute.to_zoned(zone.clone());
            if self.minute.values.contains(&clock.minute())
                && self.hour.values.contains(&clock.hour())
                && self.is_day(clock.date())
            {
                slots.push(minute);
            }
            minute += SignedDuration::from_secs(60);
        }
        slots.into_iter().filter(is_within).collect()
    }

    fn once(&self, zone: &TimeZone, day: Date) -> Timestamp {
        let one = |field: &Field| *field.values.first().unwrap();
        let (hour, minute) = (one(&self.hour), one(&self.minute));
        let clock = |time: Zoned| (time.hour(), time.minute());
        // A day begins at most a few hours around this; the clock shows what it shows.
        let mut time = day.to_zoned(zone.clone()).unwrap().timestamp();
        loop {
            let now = time.to_zoned(zone.clone());
            assert_eq!(now.date(), day, "the day has this time, or a later one");
            if clock(now) >= (hour, minute) {
                return time;
            }
            time += SignedDuration::from_secs(60);
        }
    }

    fn is_day(&self, day: Date) -> bool {
        let by_month = self.day.values.contains(&day.day());
        let by_week = self.weekday.values.contains(&day.weekday().to_sunday_zero_offset());
        let is_open = |field: &Field| field.text == "*";
        self.month.values.contains(&day.month())
            && match (is_open(&self.day), is_open(&self.weekday)) {
                (true, _) => by_week,
                (false, true) => by_month,
                (false, false) => by_month || by_week,
            }
    }
}

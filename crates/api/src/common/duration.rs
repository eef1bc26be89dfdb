//! Durations as the Gateway API writes them (GEP-2257): `30s`, `5m`, `1h30m`.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A duration of at most four parts, each a number of at most five digits and a unit of `h`, `m`, `s` or `ms` (GEP-2257).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(std::time::Duration);

/// The text is not a GEP-2257 duration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration such as '30s', '5m' or '1h30m'")]
pub struct InvalidDuration(String);

impl Duration {
    /// `seconds` as a duration.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(std::time::Duration::from_secs(seconds))
    }

    /// The same length as the standard library's type.
    pub const fn get(self) -> std::time::Duration {
        self.0
    }
}

impl From<std::time::Duration> for Duration {
    fn from(duration: std::time::Duration) -> Self {
        Self(duration)
    }
}

impl FromStr for Duration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidDuration(text.chars().take(40).collect());
        let mut rest = text;
        let mut total = std::time::Duration::ZERO;
        let mut parts = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if !(1..=5).contains(&digits) || parts == 4 {
                return Err(invalid());
            }
            let (number, after) = rest.split_at_checked(digits).ok_or_else(invalid)?;
            let number: u64 = number.parse().map_err(|_| invalid())?;
            let (milliseconds, after) = [("ms", 1), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)]
                .into_iter()
                .find_map(|(unit, milliseconds)| Some((milliseconds, after.strip_prefix(unit)?)))
                .ok_or_else(invalid)?;
            total += std::time::Duration::from_millis(number * milliseconds);
            rest = after;
            parts += 1;
        }
        if parts == 0 { Err(invalid()) } else { Ok(Self(total)) }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        let parts = [
            (milliseconds / 3_600_000, "h"),
            (milliseconds / 60_000 % 60, "m"),
            (milliseconds / 1_000 % 60, "s"),
            (milliseconds % 1_000, "ms"),
        ];
        if milliseconds == 0 {
            return f.write_str("0s");
        }
        parts
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .try_for_each(|(number, unit)| write!(f, "{number}{unit}"))
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 32,
            "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Duration;

    #[test]
    fn durations_read_back_as_they_were_written() {
        for (text, milliseconds, canonical) in [
            ("30s", 30_000, "30s"),
            ("5m", 300_000, "5m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("90m", 5_400_000, "1h30m"),
            ("1500ms", 1_500, "1s500ms"),
            ("0s", 0, "0s"),
        ] {
            let duration: Duration = text.parse().unwrap();
            assert_eq!(
                (duration.get().as_millis(), duration.to_string().as_str()),
                (milliseconds, canonical),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "5", "m", "5d", "-5m", "1.5h", "123456s", "1h1m1s1ms1h", "5m ", "٣s"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }
}

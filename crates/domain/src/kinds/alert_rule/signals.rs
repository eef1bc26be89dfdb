//! Signals as rows.

use std::time::Duration;

use ace_api::{ConditionType, ObjectStatus, ObjectTrouble, Probe, SignalMatch, SignalName, clipped};
use globset::Glob;
use jiff::Timestamp;
use kube::core::object::HasStatus;

use super::answer::{LABEL_CHARACTERS, Row};
use crate::{
    kinds::platform,
    reconcile::{dependency::Dependency, key::Key, kind::Kind},
};

/// Secrets that the platform sets itself.
const RESERVED: &str = "SUPABASE_";

/// What of the objects of one kind counts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Count {
    all: usize,
    troubled: usize,
}

impl Count {
    /// Counts those that belong to this Platform, or to none of its namespace: all of them, and those in trouble.
    pub fn of<'a, K: Kind>(objects: impl Iterator<Item = &'a K::Object>, platform: &Key, trouble: ObjectTrouble) -> Self
    where
        K::Object: 'a,
    {
        objects
            .filter(|object| belongs::<K>(object, platform))
            .fold(Self::default(), |count, object| Self {
                all: count.all + 1,
                troubled: count.troubled + usize::from(is_in::<K>(object, trouble)),
            })
    }

    /// A row of the kind that is asked for, or of any of which there are objects.
    pub fn row(self, kind: &str, matching: &SignalMatch) -> Option<Row> {
        #[expect(clippy::cast_precision_loss, reason = "a count of objects in memory")]
        let value = self.troubled as f64;
        let is_there = self.all > 0 || matching.kind.is_some();
        is_there.then(|| row("kind", kind, Some(value)))
    }
}

/// It names this Platform, or none.
fn belongs<K: Kind>(object: &K::Object, platform: &Key) -> bool {
    let key = Key::of(object);
    if K::NAME == platform::Kind::NAME {
        return key == *platform;
    }
    let references = K::references(object);
    let mut platforms = references.iter().filter_map(Dependency::platform);
    key.namespace == platform.namespace && platforms.all(|named| named == platform)
}

/// What is suspended is so on purpose.
fn is_in<K: Kind>(object: &K::Object, trouble: ObjectTrouble) -> bool {
    let conditions = object.status().map(|status| status.common().conditions.as_slice());
    let conditions = conditions.unwrap_or_default();
    let is = |type_: ConditionType| type_.is_true(conditions);
    !K::is_suspended(object)
        && !is(ConditionType::Suspended)
        && match trouble {
            ObjectTrouble::NotReady => !is(ConditionType::Ready),
            ObjectTrouble::Stalled => is(ConditionType::Stalled),
            ObjectTrouble::Drifted => is(ConditionType::Drifted),
        }
}

/// The services of a project that count, and whether each is healthy.
pub fn health<'a>(matching: &SignalMatch, services: impl Iterator<Item = (&'a str, bool)>) -> Vec<Row> {
    let is_wanted = like(matching.service.as_deref());
    let services = services.filter(|(name, _)| is_wanted(name));
    services
        .map(|(name, is_healthy)| row("service", name, Some(f64::from(u8::from(is_healthy)))))
        .collect()
}

/// The secrets of a project that count, and how many days old each is; no data without the time that it was set.
pub fn ages<'a>(
    matching: &SignalMatch,
    secrets: impl Iterator<Item = (&'a str, Option<Timestamp>)>,
    now: Timestamp,
) -> Vec<Row> {
    let days = |set: Timestamp| now.duration_since(set).as_secs_f64().max(0.0) / 86_400.0;
    let own = secrets.filter(|(name, _)| !name.starts_with(RESERVED));
    let is_wanted = like(matching.secret.as_deref());
    let own = own.filter(|(name, _)| is_wanted(name));
    own.map(|(name, set)| row("secret", name, set.map(days))).collect()
}

/// A call of a function; how long one took that was not answered as expected says nothing.
pub fn call(name: SignalName, probe: &Probe, is_expected: bool, took: Duration) -> Vec<Row> {
    let value = match name {
        SignalName::ProbeSeconds => is_expected.then_some(took.as_secs_f64()),
        _ => Some(f64::from(u8::from(is_expected))),
    };
    vec![row("function", &probe.function, value)]
}

fn row(label: &str, text: &str, value: Option<f64>) -> Row {
    Row {
        labels: [(label.to_owned(), clipped(text, LABEL_CHARACTERS))].into(),
        value,
        ..Row::default()
    }
}

/// In a pattern `*` is any text. The API server takes no other sign of a glob.
fn like(pattern: Option<&str>) -> impl Fn(&str) -> bool {
    let matcher = pattern.map(|pattern| Glob::new(pattern).map(|glob| glob.compile_matcher()));
    move |name| match &matcher {
        None => true,
        Some(matcher) => matcher.as_ref().is_ok_and(|matcher| matcher.is_match(name)),
    }
}

#[cfg(test)]
mod tests {
    use ace_api::{Probe, SignalMatch, SignalName};
    use jiff::{SignedDuration, Timestamp};
    use serde_json::json;

    use super::{Row, ages, call, health};

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn shown(rows: &[Row]) -> Vec<(&str, &str, Option<f64>)> {
        rows.iter()
            .map(|row| {
                let (name, value) = row.labels.first_key_value().unwrap();
                (name.as_str(), value.as_str(), row.value)
            })
            .collect()
    }

    fn matching(spec: serde_json::Value) -> SignalMatch {
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn a_service_is_healthy_or_not_and_only_what_matches_counts() {
        let services = || [("db", true), ("realtime", false), ("rest", true)].into_iter();
        let all = health(&SignalMatch::default(), services());
        let expected = [
            ("service", "db", Some(1.0)),
            ("service", "realtime", Some(0.0)),
            ("service", "rest", Some(1.0)),
        ];
        assert_eq!(shown(&all), expected);
        let some = health(&matching(json!({ "service": "re*e" })), services());
        assert_eq!(shown(&some), [("service", "realtime", Some(0.0))]);
        assert_eq!(health(&matching(json!({ "service": "auth" })), services()), []);
    }

    #[test]
    fn a_secret_is_as_old_as_its_value_and_the_platforms_own_do_not_count() {
        let days = |days: i64| Some(NOW - SignedDuration::from_hours(24 * days));
        let secrets = [
            ("STRIPE_KEY", days(90)),
            ("STRIPE_OLD", None),
            // Another clock may be ahead of ours.
            ("TWILIO_TOKEN", days(-1)),
            ("SUPABASE_URL", days(400)),
        ];
        let all = ages(&SignalMatch::default(), secrets.into_iter(), NOW);
        let expected = [
            ("secret", "STRIPE_KEY", Some(90.0)),
            ("secret", "STRIPE_OLD", None),
            ("secret", "TWILIO_TOKEN", Some(0.0)),
        ];
        assert_eq!(shown(&all), expected);
        let some = ages(&matching(json!({ "secret": "STRIPE_*" })), secrets.into_iter(), NOW);
        assert_eq!(shown(&some), expected[..2]);
    }

    #[test]
    fn how_long_a_call_took_counts_only_if_it_was_answered_as_expected() {
        let probe: Probe = serde_json::from_value(json!({ "function": "health" })).unwrap();
        let took = std::time::Duration::from_millis(1_500);
        for (name, is_expected, value) in [
            (SignalName::ProbeSuccess, true, Some(1.0)),
            (SignalName::ProbeSuccess, false, Some(0.0)),
            (SignalName::ProbeSeconds, true, Some(1.5)),
            (SignalName::ProbeSeconds, false, None),
        ] {
            let rows = call(name, &probe, is_expected, took);
            assert_eq!(shown(&rows), [("function", "health", value)], "{name:?} {is_expected}");
        }
    }
}

use std::time::Duration;

use ace_api::{Severity, Silence, SilenceStatus};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Kind, Quiet, State, decide, events, status, window};
use crate::reconcile::{
    decision::Requeue,
    event::Event,
    fixture::{
        does_not_differ_when_only_the_clock_moved, is_not_finished_when_new, is_small, message, shown,
        tells_whether_to_wait_or_to_act,
    },
};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn silence(spec: &Value) -> Silence {
    let mut object = json!({
        "metadata": {"name": "quiet", "namespace": "ace", "generation": 1, "creationTimestamp": "2026-11-01T00:00:00Z"},
        "spec": {"match": {"rules": ["sms-success"]}, "reason": "OPS-12"},
    });
    for (name, value) in spec.as_object().unwrap() {
        object["spec"][name] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

fn nightly(cron: &str, zone: &str, duration: &str) -> Silence {
    silence(&json!({"schedule": {"cron": cron, "timeZone": zone, "duration": duration}}))
}

fn written(object: &Silence, now: &str) -> SilenceStatus {
    let (mut state, now) = (
        State {
            memo: SilenceStatus::default(),
            rules: 1,
        },
        time(now),
    );
    let decision = decide(object, now);
    let written = status(object, &state, &decision, now);
    tells_whether_to_wait_or_to_act::<Kind>(object, &written);
    is_small::<Kind>(&written);
    let later = now + Duration::from_secs(30);
    if window(object, now).is_ok_and(|window| window.turns(now).is_none_or(|turn| later < turn)) {
        does_not_differ_when_only_the_clock_moved::<Kind>(object, &mut state, &decision, now);
    }
    written
}

/// `Active: 2026-11-29T01:00:00Z 2026-11-29T03:00:00Z`, and when it is looked at again.
fn says(object: &Silence, now: &str) -> (String, Option<String>) {
    let written = written(object, now);
    let times = [written.from, written.until].map(|time| time.map(|time| time.to_string()).unwrap_or_default());
    let again = match decide(object, time(now)) {
        super::Decision::Settled(Requeue::At(time)) => Some(time.to_string()),
        _ => None,
    };
    (format!("{:?} {}", written.state.unwrap(), times.join(" ")), again)
}

#[test]
fn a_new_silence_is_not_taken_for_finished() {
    is_not_finished_when_new::<Kind>(&nightly("@daily", "Etc/UTC", "1h"));
}

#[test]
fn a_silence_of_each_week_begins_and_ends_by_the_clock_of_its_zone() {
    let object = nightly("0 2 * * SUN", "Europe/Berlin", "2h");
    let window = "2026-11-29T01:00:00Z 2026-11-29T03:00:00Z";
    let turn = |text: &str| Some(text.to_owned());
    for (now, state, again) in [
        ("2026-11-23T10:00:00Z", "Waiting", turn("2026-11-29T01:00:00Z")),
        ("2026-11-29T00:59:59Z", "Waiting", turn("2026-11-29T01:00:00Z")),
        ("2026-11-29T01:00:00Z", "Active", turn("2026-11-29T03:00:00Z")),
        ("2026-11-29T02:59:59Z", "Active", turn("2026-11-29T03:00:00Z")),
    ] {
        assert_eq!(says(&object, now), (format!("{state} {window}"), again), "{now}");
    }
    assert_eq!(
        says(&object, "2026-11-29T03:00:00Z").0,
        "Waiting 2026-12-06T01:00:00Z 2026-12-06T03:00:00Z"
    );
    let waiting = written(&object, "2026-11-23T10:00:00Z");
    assert_eq!(shown(&waiting), ["Ready=True/Waiting"]);
    assert_eq!(message(&waiting, "Ready"), "next from 2026-11-29T02:00+01:00 to 04:00");
    assert_eq!(
        message(&written(&object, "2026-11-29T02:00:00Z"), "Ready"),
        "until 2026-11-29T04:00+01:00"
    );
}

#[test]
fn in_the_night_without_two_o_clock_it_begins_behind_the_gap_and_lasts_as_long() {
    let object = nightly("30 2 * * *", "Europe/Berlin", "2h");
    for (now, expected) in [
        (
            "2026-03-28T01:29:59Z",
            "Waiting 2026-03-28T01:30:00Z 2026-03-28T03:30:00Z",
        ),
        (
            "2026-03-28T01:30:00Z",
            "Active 2026-03-28T01:30:00Z 2026-03-28T03:30:00Z",
        ),
        (
            "2026-03-28T03:30:00Z",
            "Waiting 2026-03-29T01:00:00Z 2026-03-29T03:00:00Z",
        ),
        (
            "2026-03-29T00:59:59Z",
            "Waiting 2026-03-29T01:00:00Z 2026-03-29T03:00:00Z",
        ),
        (
            "2026-03-29T01:00:00Z",
            "Active 2026-03-29T01:00:00Z 2026-03-29T03:00:00Z",
        ),
        (
            "2026-03-29T02:59:59Z",
            "Active 2026-03-29T01:00:00Z 2026-03-29T03:00:00Z",
        ),
        (
            "2026-03-29T03:00:00Z",
            "Waiting 2026-03-30T00:30:00Z 2026-03-30T02:30:00Z",
        ),
    ] {
        assert_eq!(says(&object, now).0, expected, "{now}");
    }
    let message = message(&written(&object, "2026-03-29T00:00:00Z"), "Ready");
    assert_eq!(message, "next from 2026-03-29T03:00+02:00 to 05:00");
}

#[test]
fn in_the_night_with_two_o_clock_twice_it_begins_once_and_lasts_as_long() {
    let object = nightly("30 2 * * *", "Europe/Berlin", "2h");
    for (now, expected) in [
        (
            "2026-10-25T00:29:59Z",
            "Waiting 2026-10-25T00:30:00Z 2026-10-25T02:30:00Z",
        ),
        (
            "2026-10-25T00:30:00Z",
            "Active 2026-10-25T00:30:00Z 2026-10-25T02:30:00Z",
        ),
        // The second half past two.
        (
            "2026-10-25T01:30:00Z",
            "Active 2026-10-25T00:30:00Z 2026-10-25T02:30:00Z",
        ),
        (
            "2026-10-25T02:29:59Z",
            "Active 2026-10-25T00:30:00Z 2026-10-25T02:30:00Z",
        ),
        (
            "2026-10-25T02:30:00Z",
            "Waiting 2026-10-26T01:30:00Z 2026-10-26T03:30:00Z",
        ),
    ] {
        assert_eq!(says(&object, now).0, expected, "{now}");
    }
    let message = message(&written(&object, "2026-10-24T12:00:00Z"), "Ready");
    assert_eq!(message, "next from 2026-10-25T02:30+02:00 to 2026-10-25T03:30+01:00");
}

#[test]
fn a_silence_that_is_no_schedule_begins_when_it_says_or_was_created_and_is_over_once() {
    let until = json!({"until": "2026-11-02T00:00:00Z"});
    let created = "2026-11-01T00:00:00Z 2026-11-02T00:00:00Z";
    assert_eq!(
        says(&silence(&until), "2026-11-01T00:00:01Z").0,
        format!("Active {created}")
    );
    let over = silence(&until);
    assert_eq!(says(&over, "2026-11-02T00:00:00Z"), (format!("Over {created}"), None));
    let over = written(&over, "2026-11-02T00:00:00Z");
    assert_eq!(
        (shown(&over), message(&over, "Ready")),
        (
            vec!["Ready=True/Over".to_owned()],
            "ended at 2026-11-02T00:00+00:00; delete it".to_owned()
        )
    );
    let later = silence(&json!({"from": "2026-11-05T00:00:00Z", "until": "2026-11-06T00:00:00Z"}));
    assert_eq!(
        says(&later, "2026-11-04T00:00:00Z").0,
        "Waiting 2026-11-05T00:00:00Z 2026-11-06T00:00:00Z"
    );
    let active = written(&later, "2026-11-05T00:00:00Z");
    let began = [Event::normal("SilenceBegan", "what it covers is not told")];
    assert_eq!(events(&written(&later, "2026-11-04T00:00:00Z"), &active), began);
    let ended = [Event::normal("SilenceEnded", "what still fires is told")];
    assert_eq!(events(&active, &written(&later, "2026-11-06T00:00:00Z")), ended);
}

#[test]
fn a_silence_that_can_not_be_says_why_and_holds_nothing_back() {
    for (object, reason, says) in [
        (
            silence(&json!({"until": "2026-12-01T00:00:01Z"})),
            "TooLong",
            "it would last from 2026-11-01T00:00:00Z to 2026-12-01T00:00:01Z, and 30 days are the most: lower `until`",
        ),
        (
            nightly("0 25 * * *", "Europe/Berlin", "2h"),
            "ScheduleInvalid",
            "the hour `25` can't be read: write a number from 0 to 23, a list such as '0,23', a range, '*', or a step such as '*/2'",
        ),
        (
            nightly("0 2 * * *", "Europe/Berlon", "2h"),
            "ScheduleInvalid",
            "there is no time zone `Europe/Berlon`: write a name of the IANA database, such as 'Europe/Berlin'",
        ),
    ] {
        let written = written(&object, "2026-11-01T12:00:00Z");
        assert_eq!(
            shown(&written),
            [format!("Ready=False/{reason}"), format!("Stalled=True/{reason}")]
        );
        assert_eq!((message(&written, "Stalled"), written.state), (says.to_owned(), None));
        assert_eq!(Quiet::of(&object, time("2026-11-01T12:00:00Z")), None);
    }
}

#[test]
fn everything_that_a_silence_names_has_to_agree() {
    let labels = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let (rule, alert) = (
        labels(&[("team", "messaging"), ("tier", "1")]),
        labels(&[("brand", "Book Harbour")]),
    );
    for (matching, expected) in [
        (json!({"rules": ["sms-success"]}), true),
        (json!({"rules": ["sms"]}), false),
        (json!({"severities": ["warning", "error"]}), true),
        (json!({"severities": ["critical"]}), false),
        (json!({"ruleLabels": {"team": "messaging"}}), true),
        (json!({"ruleLabels": {"team": "rewards"}}), false),
        (json!({"ruleLabels": {"squad": "messaging"}}), false),
        (json!({"alertLabels": {"brand": "Book Harbour"}}), true),
        (json!({"alertLabels": {"brand": "Book"}}), false),
        (
            json!({"rules": ["sms-success"], "severities": ["error"], "ruleLabels": {"tier": "1"}, "alertLabels": {"brand": "Book Harbour"}}),
            true,
        ),
        (
            json!({"rules": ["sms-success"], "severities": ["error"], "ruleLabels": {"tier": "2"}}),
            false,
        ),
    ] {
        let object = silence(&json!({"match": matching, "until": "2026-11-02T00:00:00Z"}));
        let quiet = |now: &str| Quiet::of(&object, time(now));
        let covers = |now: &str| {
            quiet("2026-11-01T12:00:00Z")
                .unwrap()
                .covers("sms-success", &rule, (Severity::Error, &alert), time(now))
        };
        assert_eq!(covers("2026-11-01T12:00:00Z"), expected, "{matching}");
        assert!(!covers("2026-11-02T00:00:00Z"), "it is over");
        assert_eq!(quiet("2026-11-02T00:00:00Z"), None);
    }
}

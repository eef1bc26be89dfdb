use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::series::{Act, Count, Series};
use super::{EventType, Events, Publication, clipped, event};
use crate::metrics::Metrics;
use crate::testing::{Answer, api_server};

const MINUTE: Duration = Duration::from_mins(1);

fn object(name: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some("ops.mobulace.com/v1alpha1".into()),
        kind: Some("EdgeFunction".into()),
        namespace: Some("ace".into()),
        name: Some(name.into()),
        uid: Some("0b6a".into()),
        ..ObjectReference::default()
    }
}

fn publication(note: &str) -> Publication {
    Publication {
        regarding: object("send-email"),
        type_: EventType::Warning,
        reason: "DriftDetected".into(),
        action: "Look".into(),
        note: note.into(),
    }
}

/// The series' decision about an event, if every creation succeeds.
fn publish(series: &mut Series, note: &str, now: Instant) -> Act {
    let act = series.publish(&publication(note), now);
    if act == Act::Create {
        series.created(&publication(note), "ace", &format!("send-email.{note}"), now);
    }
    act
}

#[test]
fn an_event_has_everything_that_the_api_server_asks_for() {
    let now = Timestamp::from_microsecond(1_800_000_000_000_001).unwrap();
    let expected = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": { "name": "send-email.6651728988001ff", "namespace": "ace" },
        "action": "Look", "eventTime": "2027-01-15T08:00:00.000001Z", "note": "1 file differs", "reason": "DriftDetected",
        "regarding": {
            "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "EdgeFunction", "name": "send-email", "namespace": "ace", "uid": "0b6a",
        },
        "reportingController": "ops.mobulace.com/ace-operator", "reportingInstance": "pod-1", "type": "Warning",
    });
    assert_eq!(
        serde_json::to_value(event(&publication("1 file differs"), "pod-1", now, 255)).unwrap(),
        expected
    );
}

#[test]
fn the_name_of_an_event_stays_a_name_though_its_object_has_the_longest_one() {
    let mut long = publication("");
    long.regarding.name = Some(format!("{}-{}", "a".repeat(199), "b".repeat(53)));
    let name = event(&long, "pod-1", Timestamp::UNIX_EPOCH, 0).metadata.name.unwrap();
    assert_eq!(name, format!("{}.000", "a".repeat(199)));
}

#[test]
fn a_note_is_cut_between_characters_to_what_the_api_server_takes() {
    let note = clipped(&"ü".repeat(600), 1_024);
    assert!(note.len() <= 1_024 && note.ends_with("ü…"), "{}", note.len());
    assert_eq!(clipped("short", 1_024), "short");
}

#[test]
fn another_note_is_another_event_and_only_the_same_one_is_counted_up() {
    let (mut series, start) = (Series::default(), Instant::now());
    let acts = ["a", "b", "a", "a"].map(|note| publish(&mut series, note, start));
    assert_eq!(acts, [Act::Create, Act::Create, Act::Nothing, Act::Nothing]);
    assert_eq!(series.next_count(), Some(start + MINUTE));
    let count = Count {
        namespace: "ace".into(),
        name: "send-email.a".into(),
        times: 3,
    };
    assert_eq!(series.counts(start + MINUTE), [count]);
    assert_eq!(series.next_count(), None);
}

#[test]
fn counts_are_written_once_a_minute_however_often_an_event_is_published() {
    let (mut series, start) = (Series::default(), Instant::now());
    let mut written = Vec::new();
    for second in 0..=180 {
        let now = start + Duration::from_secs(second);
        publish(&mut series, "a", now);
        written.extend(series.counts(now).into_iter().map(|count| count.times));
    }
    assert_eq!(written, [61, 121, 181]);
}

#[test]
fn an_event_that_is_published_again_much_later_is_a_new_one() {
    let (mut series, start) = (Series::default(), Instant::now());
    assert_eq!(publish(&mut series, "a", start), Act::Create);
    assert_eq!(publish(&mut series, "a", start + 5 * MINUTE), Act::Nothing);
    assert_eq!(publish(&mut series, "a", start + 10 * MINUTE), Act::Nothing);
    assert_eq!(publish(&mut series, "a", start + 17 * MINUTE), Act::Create);
}

#[test]
fn an_object_that_tells_too_much_is_cut_short_and_another_one_is_not() {
    let (mut series, start) = (Series::default(), Instant::now());
    let acts: Vec<Act> = (0..26).map(|n| publish(&mut series, &n.to_string(), start)).collect();
    assert_eq!(acts.iter().filter(|act| **act == Act::Create).count(), 25);
    assert_eq!(acts[25], Act::Drop);
    let other = Publication {
        regarding: object("other"),
        ..publication("x")
    };
    assert_eq!(series.publish(&other, start), Act::Create);
    assert_eq!(publish(&mut series, "later", start + MINUTE), Act::Create);
    assert_eq!(publish(&mut series, "too soon", start + MINUTE), Act::Drop);
}

#[test]
fn an_event_that_the_api_server_lost_is_created_again() {
    let (mut series, start) = (Series::default(), Instant::now());
    publish(&mut series, "a", start);
    series.forget("send-email.a");
    assert_eq!(publish(&mut series, "a", start), Act::Create);
}

#[tokio::test]
async fn events_published_before_shutdown_are_written_and_refused_ones_are_counted() {
    let written = Arc::new(Mutex::new(Vec::new()));
    let server = api_server({
        let written = written.clone();
        move |request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let refused = body["note"] == "refused";
            written
                .lock()
                .unwrap()
                .push((request.method.to_string(), request.path, body["note"].clone()));
            if refused {
                Answer::status(403)
            } else {
                Answer::json(&body)
            }
        }
    })
    .await;
    let metrics = Metrics::new("1.2.3");
    let (events, publisher) = Events::new(server.client(), "pod-1", metrics.clone());
    let stop = CancellationToken::new();
    stop.cancel();
    for note in ["first", "second", "refused"] {
        events.publish(object("send-email"), EventType::Normal, "Deployed", "Deploy", note);
    }
    publisher.run(stop).await;
    let path = "/apis/events.k8s.io/v1/namespaces/ace/events";
    let expected = ["first", "second", "refused"].map(|note| ("POST".to_owned(), path.to_owned(), json!(note)));
    assert_eq!(*written.lock().unwrap(), expected);
    assert!(
        metrics
            .text()
            .unwrap()
            .contains("ace_events_dropped_total{reason=\"Refused\"} 1\n")
    );
}

#[tokio::test]
async fn a_full_queue_drops_and_counts_and_does_not_block() {
    let server = api_server(|_| Answer::status(500)).await;
    let metrics = Metrics::new("1.2.3");
    let (events, publisher) = Events::new(server.client(), "pod-1", metrics.clone());
    for note in 0..super::QUEUE + 3 {
        events.publish(
            object("send-email"),
            EventType::Normal,
            "Deployed",
            "Deploy",
            &note.to_string(),
        );
    }
    assert!(
        metrics
            .text()
            .unwrap()
            .contains("ace_events_dropped_total{reason=\"QueueFull\"} 3\n")
    );
    drop(publisher);
}

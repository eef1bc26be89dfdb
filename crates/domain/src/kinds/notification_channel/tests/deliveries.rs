//! What becomes of messages that do not arrive.

use std::time::Duration;

use ace_api::{ANNOTATION_TEST_AT, DeliveryType, Severity};
use serde_json::json;

use super::{
    Failure,
    fixture::{Case, new},
};

const HOUR: i64 = 3_600;
const BUSY: Failure = Failure::Passing(None);

/// A channel that collects nothing, by rules.
fn prompt() -> Case {
    new("pagerDuty", &json!({"groupWait": "0s"}))
}

#[test]
fn a_message_is_tried_until_it_arrives_and_has_one_id() {
    let mut case = prompt();
    case.outcomes = vec![BUSY, Failure::Unknown, Failure::Passing(Some(Duration::from_mins(10)))];
    case.fires("cards", "a", Severity::Critical);
    case.until(10);
    assert_eq!(case.shown(), "Reconciling=True/Retrying");
    case.until(HOUR);
    let times: Vec<i64> = case.sent.iter().map(|sent| sent.second).collect();
    assert_eq!(times, [0, 15, 45, 645]);
    assert!(
        case.sent.windows(2).all(|two| two[0].id == two[1].id),
        "{:#?}",
        case.sent
    );
    let repeated: Vec<bool> = case.sent.iter().map(|sent| sent.may_have_arrived).collect();
    assert_eq!(repeated, [false, false, true, true]);
    assert_eq!(
        (case.memo.intent.clone(), case.shown()),
        (None, "Ready=True/Accepted".to_owned())
    );
    // Another message has another id.
    let id = case.sent[0].id.clone();
    case.fires("cards", "b", Severity::Critical);
    case.until(2 * HOUR);
    assert_ne!(case.sent.last().unwrap().id, id);
}

#[test]
fn a_later_mail_refers_to_the_first_one_that_may_have_arrived() {
    let mut case = new("email", &json!({"groupWait": "0s", "groupBy": ["rule"]}));
    // What is refused nobody has; of the next one nobody knows.
    case.outcomes = vec![Failure::Refused, Failure::Unknown];
    case.fires("cards", "a", Severity::Critical);
    case.until(10);
    case.fires("cards", "b", Severity::Critical);
    case.until(12 * HOUR);
    case.clears("cards", "a");
    case.clears("cards", "b");
    case.until(13 * HOUR);
    let sent = std::mem::take(&mut case.sent);
    let types: Vec<DeliveryType> = sent.iter().map(|sent| sent.type_).collect();
    let (first, repeats) = (Some(sent[1].id.clone()), &types[3..types.len() - 1]);
    assert_eq!(types[..3], [DeliveryType::Trigger; 3]);
    assert!(
        !repeats.is_empty() && repeats.iter().all(|type_| *type_ == DeliveryType::Repeat),
        "{types:?}"
    );
    assert_eq!(types.last(), Some(&DeliveryType::Resolve));
    assert!(sent[0].id != sent[1].id && sent[1].id == sent[2].id, "{sent:#?}");
    assert_eq!((&sent[0].first, &sent[1].first), (&None, &None));
    assert!(sent[2..].iter().all(|later| later.first == first), "{sent:#?}");
    // What fires afterwards is another conversation.
    case.fires("cards", "a", Severity::Critical);
    case.until(14 * HOUR);
    assert_eq!(case.sent[0].first, None);
    // Others have no use for it, and no room.
    let mut other = prompt();
    other.fires("cards", "a", Severity::Critical);
    other.until(10);
    assert_eq!(other.memo.groups[0].first, None);
}

#[test]
fn the_end_of_what_may_have_arrived_is_told_and_of_what_has_not_is_not() {
    for (failure, expected) in [(Failure::Unknown, vec!["60 Resolve cards critical 0"]), (BUSY, vec![])] {
        let mut case = prompt();
        case.outcomes = vec![failure; 2];
        case.fires("cards", "a", Severity::Critical);
        case.until(20);
        case.second = 60;
        case.clears("cards", "a");
        case.told();
        case.until(HOUR);
        let told: Vec<String> = case.told();
        let severity = |line: &str| line.replace("info", "critical");
        assert_eq!(
            told.iter().map(|line| severity(line)).collect::<Vec<_>>(),
            expected,
            "{failure:?}"
        );
        assert_eq!((case.memo.groups.len(), case.memo.intent.clone()), (0, None));
    }
}

#[test]
fn a_message_that_is_refused_is_not_sent_again_unchanged() {
    let refused = || {
        let mut case = prompt();
        case.outcomes = vec![Failure::Refused];
        case.fires("cards", "a", Severity::Critical);
        case.until(6 * HOUR);
        assert_eq!(case.told(), ["0 Trigger cards critical 1"]);
        assert_eq!(case.shown(), "Stalled=True/Refused");
        case
    };
    // Others are told.
    let mut case = refused();
    case.fires("sms", "a", Severity::Critical);
    case.until(7 * HOUR);
    assert_eq!(case.told(), ["21600 Trigger sms critical 1"]);
    assert_eq!(
        case.shown(),
        "Stalled=True/Refused",
        "somebody has to act on the first one"
    );
    // So is what has changed.
    case.fires("cards", "b", Severity::Critical);
    case.until(8 * HOUR);
    assert_eq!(case.told(), ["25200 Trigger cards critical 2"]);
    assert_eq!(case.shown(), "Ready=True/Accepted");
    // A changed spec, or a test message that arrives.
    let mut case = refused();
    case.object.metadata.generation = Some(2);
    case.until(7 * HOUR);
    assert_eq!(case.told(), ["21600 Trigger cards critical 1"]);
    let mut case = refused();
    case.object.metadata.annotations = Some([(ANNOTATION_TEST_AT.to_owned(), "1".to_owned())].into());
    case.until(7 * HOUR);
    assert_eq!(case.told(), ["21600 Trigger cards critical 1"]);
    // It is over, and nobody knew of it.
    let mut case = refused();
    case.clears("cards", "a");
    case.until(7 * HOUR);
    assert_eq!((case.told(), case.memo.groups.len()), (vec![], 0));
}

#[test]
fn another_process_tells_nothing_again_and_finishes_what_was_announced_under_its_id() {
    let mut case = prompt();
    case.fires("cards", "a", Severity::Critical);
    case.until(60);
    case.restarts();
    case.until(HOUR);
    assert_eq!(case.told(), ["0 Trigger cards critical 1"]);
    // It ended after a message was announced.
    case.outcomes = vec![Failure::Unknown];
    case.fires("cards", "b", Severity::Critical);
    case.until(HOUR + 1);
    let first = case.sent[0].clone();
    let intent = case.memo.intent.as_mut().unwrap();
    intent.delivery.result = ace_api::DeliveryResult::Sending;
    (intent.retry_time, intent.may_have_arrived) = (None, false);
    case.restarts();
    case.until(2 * HOUR);
    let again = case.sent.last().unwrap();
    assert_eq!(
        (&again.id, again.type_, again.may_have_arrived),
        (&first.id, DeliveryType::Update, true)
    );
    assert_eq!(case.sent.len(), 2);
}

/// It tells, and ends before anybody hears what became of it.
fn announced() -> Case {
    let mut case = prompt();
    case.outcomes = vec![Failure::Unknown];
    case.fires("cards", "a", Severity::Critical);
    case.until(1);
    let intent = case.memo.intent.as_mut().unwrap();
    intent.delivery.result = ace_api::DeliveryResult::Sending;
    (intent.retry_time, intent.may_have_arrived) = (None, false);
    // The receiver may have it, but nobody has noted that.
    case.memo.groups.clear();
    case.restarts();
    case
}

#[test]
fn what_another_process_announced_is_left_to_it_until_a_minute_after_its_deadline() {
    let mut case = announced();
    let before = (case.memo.clone(), case.sent.len());
    case.holder = "ace-operator-1".to_owned();
    assert_eq!(case.pass(), Some(70));
    // Also where it is over by then.
    case.clears("cards", "a");
    case.until(69);
    assert_eq!((case.memo.clone(), case.sent.len()), before);
    case.fires("cards", "a", Severity::Critical);
    case.until(HOUR);
    assert_eq!(case.sent.len(), before.1 + 1);
    let (first, again) = (&case.sent[0], &case.sent[1]);
    assert_eq!((again.second, again.may_have_arrived), (85, true));
    assert_eq!(first.key, again.key);
    // One whose clock is ahead by more than that is not waited for.
    let mut ahead = announced();
    ahead.holder = "ace-operator-1".to_owned();
    let began = ahead.memo.intent.as_mut().unwrap().start_time.as_mut().unwrap();
    *began += Duration::from_hours(1);
    ahead.until(20);
    assert_eq!(ahead.sent.len(), 2);
}

#[test]
fn nothing_is_over_while_a_rule_can_not_be_read() {
    let mut case = prompt();
    case.fires("cards", "a", Severity::Critical);
    case.until(60);
    case.told();
    case.clears("cards", "a");
    case.are_rules_known = false;
    case.until(HOUR);
    assert_eq!((case.told(), case.memo.open), (vec![], Some(1)));
    case.are_rules_known = true;
    case.until(HOUR + 1);
    assert_eq!(case.told(), ["3600 Resolve cards critical 0"]);
}

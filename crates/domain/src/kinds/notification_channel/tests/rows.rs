//! The platform's own page: a row for each alert, and what people do about it there.

use ace_api::{ChannelReason, DeliveryType, NotificationChannel, Severity};
use serde_json::json;
use uuid::Uuid;

use super::{
    Failure,
    fixture::{Case, Sent, new, page},
};
use crate::{
    inputs::PlatformState,
    kinds::{
        alert_rule::firing_digest,
        notification_channel::{Cause, Handled, Look, PagePlatform, Rows, handled, is_look_due, open_rows, unsuitable},
    },
    reconcile::fixture::at,
};

const MINUTE: i64 = 60;
const USER: &str = "0b0e6f4c-9f0c-4d9a-8a53-7f3f6a1c2d3e";

fn table() -> Case {
    new("platformTable", &json!({"groupWait": "0s", "groupInterval": "1m"}))
}

fn rows(sent: &Sent) -> &Rows {
    sent.rows.as_ref().expect("a page has rows")
}

fn told(sent: &Sent) -> Vec<Uuid> {
    rows(sent).told.iter().map(|row| row.id).collect()
}

/// The rows that somebody has acknowledged, as they are read in the next passes.
fn handles(case: &mut Case, ids: &[Uuid]) {
    let handled = ids.iter().map(|id| Handled {
        id: *id,
        by: USER.parse().ok(),
        time: at(case.second),
    });
    case.page.as_mut().unwrap().handled = Some(handled.collect());
}

#[test]
fn each_alert_has_a_row_that_ends_with_it_while_others_fire() {
    let mut case = table();
    case.fires("cards", "a", Severity::Error);
    case.fires("cards", "b", Severity::Warning);
    case.until(MINUTE);
    case.clears("cards", "a");
    case.until(5 * MINUTE);
    case.clears("cards", "b");
    case.until(10 * MINUTE);
    let sent = std::mem::take(&mut case.sent);
    let types: Vec<DeliveryType> = sent.iter().map(|sent| sent.type_).collect();
    assert_eq!(
        types,
        [DeliveryType::Trigger, DeliveryType::Update, DeliveryType::Resolve]
    );
    let [a, b] = told(&sent[0]).try_into().unwrap();
    assert_ne!(a, b);
    assert_eq!(rows(&sent[0]).firing, [a, b]);
    assert_eq!((told(&sent[1]), rows(&sent[1]).firing.clone()), (vec![b], vec![b]));
    assert_eq!((told(&sent[2]), rows(&sent[2]).firing.len()), (vec![], 0));
    assert_eq!(case.memo.groups, []);
    // Another firing is another row.
    case.fires("cards", "a", Severity::Error);
    case.until(11 * MINUTE);
    assert_ne!(told(&case.sent[0]), [a]);
}

#[test]
fn a_row_is_the_same_at_each_attempt_and_says_what_a_message_would() {
    let mut case = table();
    case.outcomes = vec![Failure::Unknown, Failure::Passing(None)];
    case.fires("cards", "a", Severity::Critical);
    case.until(5 * MINUTE);
    assert_eq!(case.sent.len(), 3, "{:#?}", case.sent);
    assert!(case.sent.windows(2).all(|two| two[0].rows == two[1].rows));
    let row = &rows(&case.sent[0]).told[0];
    assert_eq!(
        (row.id.get_version_num(), row.uid.as_str(), row.fingerprint.as_str()),
        (5, "uid-cards", "a")
    );
    assert_eq!((row.news.group.as_str(), row.news.alerts.len()), ("cards", 1));
    assert_eq!(row.news.alerts[0].summary, "a: 0 left");
}

#[test]
fn labels_that_are_ids_fill_columns_and_others_do_not() {
    let mut case = table();
    case.fires("cards", "a", Severity::Critical);
    let labels = [
        ("rule_id", USER),
        ("organization_id", "none"),
        ("client_id", ""),
        ("other_id", USER),
    ];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
    case.rule("cards").alerts[0].labels = labels.into();
    case.until(MINUTE);
    assert_eq!(
        rows(&case.sent[0]).told[0].scopes,
        [("rule_id", USER.parse::<Uuid>().unwrap())]
    );
}

#[test]
fn a_graver_alert_is_written_at_once_and_a_milder_one_with_the_next_news() {
    let mut case = table();
    case.fires("cards", "a", Severity::Warning);
    case.until(10);
    case.fires("cards", "a", Severity::Critical);
    case.until(20);
    case.fires("cards", "a", Severity::Warning);
    case.until(5 * MINUTE);
    assert_eq!(
        case.told(),
        [
            "0 Trigger cards warning 1",
            "10 Update cards critical 1",
            "70 Update cards warning 1"
        ]
    );
}

#[test]
fn who_acknowledges_keeps_the_row_and_who_silences_only_keeps_it_from_being_added() {
    let mut case = table();
    case.fires("cards", "a", Severity::Critical);
    case.until(MINUTE);
    case.rule("cards").is_acknowledged = true;
    case.until(30 * MINUTE);
    assert_eq!(case.told(), ["0 Trigger cards critical 1"]);
    case.silenced(&json!({"rules": ["cards"]}), case.second, 60 * MINUTE);
    case.fires("cards", "b", Severity::Critical);
    case.until(59 * MINUTE);
    let sent = std::mem::take(&mut case.sent);
    assert!(sent.iter().all(|sent| told(sent).is_empty()), "{sent:#?}");
    assert!(
        sent.iter().all(|sent| rows(sent).firing.len() == 2),
        "what is silenced is not over: {sent:#?}"
    );
    case.until(70 * MINUTE);
    assert_eq!(told(&case.sent[0]).len(), 2, "{:#?}", case.sent);
}

#[test]
fn a_rule_is_handled_once_people_have_handled_all_that_fires_of_it() {
    let mut case = table();
    case.fires("cards", "a", Severity::Critical);
    case.fires("cards", "b", Severity::Critical);
    case.until(MINUTE);
    let ids = told(&case.sent[0]);
    assert_eq!(open_rows(&case.object, &case.state(), at(case.second)), ids);
    handles(&mut case, &ids[..1]);
    case.until(6 * MINUTE);
    assert_eq!(case.memo.groups[0].handled, None);
    handles(&mut case, &ids);
    case.until(11 * MINUTE);
    let noted = case.memo.groups[0].handled.clone().unwrap();
    assert_eq!(noted.by.as_deref(), Some(USER));
    assert_eq!(noted.digest, firing_digest(&case.rule("cards").alerts));
    // It is found by the rule's name, and by no other.
    let channel = NotificationChannel {
        status: Some(case.memo.clone()),
        ..case.object.clone()
    };
    assert_eq!(handled(&channel, "cards"), Some(&noted));
    assert_eq!(handled(&channel, "sms"), None);
    // Until the next look it stays; then another series has not been handled.
    case.page.as_mut().unwrap().handled = None;
    case.until(12 * MINUTE);
    assert_eq!(case.memo.groups[0].handled, Some(noted));
    case.fires("cards", "c", Severity::Critical);
    case.until(14 * MINUTE);
    handles(&mut case, &ids);
    case.until(16 * MINUTE);
    assert_eq!(case.memo.groups[0].handled, None);
}

#[test]
fn the_table_is_looked_at_once_and_then_each_interval_while_rows_are_open() {
    let of = || (Some(1), Some(1), None);
    let look = |failure| {
        Some(Look {
            at: at(0),
            of: of(),
            failure,
        })
    };
    let is_due = |case: &Case, second| is_look_due(&case.state(), &of(), at(second));
    let mut case = table();
    assert!(is_due(&case, 0));
    case.memory.look = look(None);
    assert!(!is_due(&case, 3_600), "no row is open");
    let edited = (Some(2), Some(1), None);
    assert!(is_look_due(&case.state(), &edited, at(1)));
    case.fires("cards", "a", Severity::Critical);
    assert_eq!(case.pass(), Some(300), "rows are open from now on");
    assert_eq!((is_due(&case, 299), is_due(&case, 300)), (false, true));
    // What a person has to correct is looked at as often; what passes, with each attempt.
    case.memory.look = look(Some(unsuitable("it has no column \"title\"")));
    assert_eq!((is_due(&case, 299), is_due(&case, 300)), (false, true));
    case.memory.look = look(Some(Cause::new(ChannelReason::DatabaseUnreachable, "it is down")));
    assert!(is_due(&case, 1));
    // After a delivery that failed nothing is believed of the table.
    case.memory.look = look(None);
    case.fires("cards", "b", Severity::Critical);
    case.outcomes = vec![Failure::Passing(None)];
    case.until(MINUTE + 1);
    assert_eq!(case.memory.look, None);
}

#[test]
fn what_keeps_rows_from_being_written_is_shown_and_nothing_is_told_meanwhile() {
    let suspended = PagePlatform {
        interval: std::time::Duration::from_mins(5),
        is_suspended: true,
    };
    for (platform, shown) in [
        (PlatformState::Absent, "Reconciling=True/WaitingForPlatform"),
        (PlatformState::Present(suspended), "Suspended=True/SuspendedByPlatform"),
    ] {
        let mut case = table();
        case.fires("cards", "a", Severity::Critical);
        case.page.as_mut().unwrap().platform = platform;
        case.until(MINUTE);
        assert_eq!((case.shown().as_str(), case.told()), (shown, vec![]));
        case.page = Some(page());
        case.until(2 * MINUTE);
        assert_eq!(case.told(), ["60 Trigger cards critical 1"]);
    }
}

#[test]
fn the_platform_is_among_what_a_page_depends_on() {
    use crate::reconcile::{dependency::Dependency, key::Key, kind::Kind as _};
    let kind = |object: &NotificationChannel| super::super::Kind::references(object);
    let of = kind(&table().object);
    let platform = Dependency::Platform(Key {
        namespace: "ace".to_owned(),
        name: "prod".to_owned(),
    });
    assert!(of.contains(&platform), "{of:?}");
    assert!(!kind(&new("slack", &json!({})).object).contains(&platform));
}

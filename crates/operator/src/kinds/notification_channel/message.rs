//! Messages, as they are built for any receiver.

use ace_api::{ANNOTATION_TEST_AT, DeliveryType, NotificationChannel, TestDelivery};
use ace_domain::kinds::notification_channel::{Line, News as Told, Row, Telling};
use ace_notify::{Alert, Change, Contact, Content, Message, MessageId, News, Severity};
use jiff::Timestamp;
use kube::ResourceExt;

/// The test message that was asked for.
pub(super) fn test(object: &NotificationChannel, test: &TestDelivery) -> Message {
    let (uid, time) = (object.uid().unwrap_or_default(), test.delivery.time);
    // With the time, so that a value that comes back is another message.
    let id = MessageId::derived([uid.as_str(), "Test", &test.handled, &time.to_string()]);
    let says = format!("The annotation {ANNOTATION_TEST_AT} was set to {:?}.", test.handled);
    of(object, id, time, Content::Test(says))
}

/// What became of a group of alerts.
pub(super) fn news(object: &NotificationChannel, telling: &Telling) -> Message {
    let Telling {
        intent, news, first, ..
    } = telling;
    let uid = object.uid().unwrap_or_default();
    let id = |id: &str| MessageId::derived([uid.as_str(), "Alerts", id]);
    // Of no generation: an edit of the spec begins no other incident.
    let thread = MessageId::derived([uid.as_str(), "Group", &intent.key]);
    let content = News {
        first: first.as_deref().map(id),
        firing: usize::try_from(intent.firing).unwrap_or_default(),
        // The others drop what they have under the same id or key.
        may_be_repeated: intent.may_have_arrived && object.spec.slack.is_some(),
        ..said(news.clone(), thread, intent.severity, intent.since)
    };
    of(
        object,
        id(&intent.id),
        intent.delivery.time,
        Content::News(Box::new(content)),
    )
}

/// What a row of the platform's page says of its alert.
pub(super) fn of_row(row: &Row) -> News {
    let alert = row.news.alerts.first();
    let (severity, since) = alert.map_or((ace_api::Severity::Info, Timestamp::UNIX_EPOCH), |alert| {
        (alert.severity, alert.since)
    });
    let thread = MessageId::derived([row.uid.as_str(), "Row", &row.fingerprint]);
    said(row.news.clone(), thread, severity, since)
}

fn said(told: Told, thread: MessageId, gravest: ace_api::Severity, since: Timestamp) -> News {
    let contact = |contact: ace_api::Contact| Contact {
        name: contact.name,
        address: contact.address,
    };
    News {
        change: match told.type_ {
            DeliveryType::Update => Change::Grew,
            DeliveryType::Repeat => Change::Lasts,
            DeliveryType::Resolve => Change::Resolved,
            DeliveryType::Trigger | DeliveryType::Test => Change::Fired,
        },
        thread,
        first: None,
        group: told.group,
        source: told.source,
        severity: severity(gravest),
        response: told.response,
        since,
        firing: told.alerts.len(),
        alerts: told.alerts.into_iter().map(alert).collect(),
        runbooks: told.runbooks,
        contacts: told.contacts.into_iter().map(contact).collect(),
        command: told.command,
        may_be_repeated: false,
    }
}

fn of(object: &NotificationChannel, id: MessageId, time: Timestamp, content: Content) -> Message {
    Message {
        id,
        namespace: object.namespace().unwrap_or_default(),
        channel: object.name_any(),
        time,
        content,
    }
}

fn alert(line: Line) -> Alert {
    Alert {
        rule: line.rule,
        severity: severity(line.severity),
        summary: line.summary,
        value: line.value,
        threshold: line.threshold,
        since: line.since,
        labels: line.labels,
    }
}

fn severity(severity: ace_api::Severity) -> Severity {
    match severity {
        ace_api::Severity::Info => Severity::Info,
        ace_api::Severity::Warning => Severity::Warning,
        ace_api::Severity::Error => Severity::Error,
        ace_api::Severity::Critical => Severity::Critical,
    }
}

#[cfg(test)]
mod tests {
    use ace_api::{Delivery, DeliveryIntent, DeliveryResult, DeliveryType, NotificationChannel, Severity};
    use ace_domain::kinds::notification_channel::{News, Telling};
    use ace_notify::{Content, Message};
    use serde_json::json;

    use super::news;

    fn channel(uid: &str, generation: i64) -> NotificationChannel {
        let key = json!({"name": "hook", "key": "url"});
        let object = json!({
            "metadata": {"name": "ops", "namespace": "ace", "uid": uid, "generation": generation},
            "spec": {"slack": {"webhookURLSecretRef": key}},
        });
        serde_json::from_value(object).unwrap()
    }

    fn telling(key: &str, type_: DeliveryType, id: &str, may_have_arrived: bool) -> Telling {
        let time = "2026-11-23T10:14:00Z".parse().unwrap();
        Telling {
            first: None,
            rows: None,
            intent: DeliveryIntent {
                key: key.to_owned(),
                digest: "d".to_owned(),
                severity: Severity::Critical,
                firing: 1,
                since: time,
                id: id.to_owned(),
                holder: None,
                start_time: None,
                may_have_arrived,
                retry_time: None,
                delivery: Delivery {
                    type_,
                    group: None,
                    result: DeliveryResult::Sending,
                    code: None,
                    attempts: 1,
                    time,
                    generation: 1,
                    message: None,
                },
            },
            news: News {
                type_,
                group: "cards".to_owned(),
                source: "prod".to_owned(),
                response: "at once".to_owned(),
                alerts: Vec::new(),
                runbooks: Vec::new(),
                contacts: Vec::new(),
                command: String::new(),
            },
        }
    }

    fn told(message: &Message) -> &ace_notify::News {
        let Content::News(news) = &message.content else {
            panic!("no news: {message:?}");
        };
        news
    }

    #[test]
    fn every_message_of_a_group_has_its_key_whatever_becomes_of_the_spec() {
        let of = |uid: &str, generation, key: &str, type_| {
            let message = news(&channel(uid, generation), &telling(key, type_, "1", false));
            told(&message).thread.clone()
        };
        let first = of("u", 1, "k", DeliveryType::Trigger);
        for type_ in [DeliveryType::Update, DeliveryType::Repeat, DeliveryType::Resolve] {
            assert_eq!(of("u", 2, "k", type_), first);
        }
        assert_ne!(of("u", 1, "other", DeliveryType::Trigger), first);
        assert_ne!(of("other", 1, "k", DeliveryType::Trigger), first);
    }

    #[test]
    fn a_repetition_is_the_same_message_and_slack_hears_that_it_may_be_one() {
        let of = |id: &str, may| news(&channel("u", 1), &telling("k", DeliveryType::Trigger, id, may));
        let (first, again) = (of("1", false), of("1", true));
        assert_eq!((&first.id, first.time), (&again.id, again.time));
        assert_eq!(
            (told(&first).may_be_repeated, told(&again).may_be_repeated),
            (false, true)
        );
        assert_ne!(of("2", false).id, first.id);
    }
}

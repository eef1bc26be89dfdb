//! From a row in a table to what people read.

use ace_api::NotificationChannel;
use ace_tests::{Receiver, Stage};
use serde_json::{Value, json};

use super::{CARDS, becomes, on_cards, page, rule};

ace_tests::tests![stock_that_falls_is_one_page_one_mail_and_one_row_and_refilled_it_is_over_in_all];

const KEY: &str = "CANARY0123456789CANARY0123456789";

async fn channels(stage: &Stage<'_>, pager: &Receiver, mailbox: &Receiver) {
    let file = stage.space.bed.bed.file();
    let data = json!({ "key": KEY, "username": file.mail_user, "password": file.mail_password });
    stage.secret_offering("receivers", "pagerduty.smtp", data).await;
    let port = file
        .mail_url
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse::<i32>().ok());
    let pager_duty = json!({ "routingKeySecretRef": { "name": "receivers", "key": "key" }, "url": pager.base() });
    let email = json!({
        "host": "127.0.0.1", "port": port, "credentialsSecretRef": { "name": "receivers" },
        "from": "ace@example.com", "to": [mailbox.address()],
    });
    for (name, spec) in [
        ("on-call", json!({ "pagerDuty": pager_duty })),
        ("devops", json!({ "email": email })),
    ] {
        stage
            .apply::<NotificationChannel>(json!({ "metadata": { "name": name }, "spec": spec }))
            .await;
    }
}

/// The bodies of what has arrived, which is so many.
async fn received(stage: &Stage<'_>, receiver: &Receiver, count: usize) -> Vec<Value> {
    let there = async || Some(receiver.deliveries().await).filter(|all| all.len() >= count);
    let all = stage
        .space
        .eventually(&format!("{count} messages have arrived"), there)
        .await;
    assert_eq!(all.len(), count, "{all:#?}");
    all.into_iter().map(|mut one| one["body"].take()).collect()
}

async fn stock_that_falls_is_one_page_one_mail_and_one_row_and_refilled_it_is_over_in_all() {
    on_cards(async |stage, database| {
        let (pager, mailbox) = (Receiver::pagerduty(stage.space), Receiver::mail(stage.space));
        channels(stage, &pager, &mailbox).await;
        page::page(stage, database).await;
        let spec =
            json!({ "notify": ["on-call", "devops", "page"], "summary": "{labels.brand}: {value} left, {threshold} wanted" });
        rule(stage, "cards", CARDS, &["brand"], spec).await;
        becomes(stage, "cards", "Inactive").await;
        database.run("UPDATE public.cards SET claimed = true").await;
        becomes(stage, "cards", "Firing").await;
        let page = received(stage, &pager, 1).await.remove(0);
        let mail = received(stage, &mailbox, 1).await.remove(0);
        assert_eq!(
            page["payload"]["summary"],
            "[critical] cards: 1 alert: Book: 0 left, 2 wanted"
        );
        assert_eq!(
            mail["subject"],
            "[critical] prod critical: 1 alert: Book: 0 left, 2 wanted"
        );
        let text = mail["text"].as_str().unwrap_or_default();
        assert!(
            text.contains("critical cards (brand Book): Book: 0 left, 2 wanted; value 0, threshold 2"),
            "{text}"
        );
        assert!(!text.contains("code-canary"), "{text}");

        let row = "cards: Book: 0 left, 2 wanted|critical";
        page::shows(stage, database, "title, severity", &[row]).await;

        database.run("UPDATE public.cards SET claimed = false").await;
        becomes(stage, "cards", "Inactive").await;
        page::shows(stage, database, "title", &[]).await;
        let incidents = received(stage, &pager, 2).await;
        let mails = received(stage, &mailbox, 2).await;
        assert_eq!(
            (&incidents[1]["event_action"], &incidents[1]["dedup_key"]),
            (&json!("resolve"), &incidents[0]["dedup_key"])
        );
        assert_eq!(
            (&mails[1]["subject"], &mails[1]["references"]),
            (&json!("[resolved] prod critical"), &mails[0]["messageId"])
        );
    })
    .await;
}

//! What mails say of alerts, end to end: a mail server of its own takes them, and another library reads them.

use ace_tests::{Operator, Receiver, Space, message_of, reason_of, with_namespace};
use serde_json::{Value, json};

use crate::channels_told::{channel, fires, pagerduty, received, rule, secrets, until};

ace_tests::tests![
    a_mail_is_one_for_each_news_and_a_repetition_has_its_id,
    what_a_mail_server_refuses_is_told_from_what_it_takes_later,
];

fn mail(space: &Space, mailbox: &Receiver) -> Value {
    let url = &space.bed.bed.file().mail_url;
    let port: i32 = url
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok())
        .expect("the mail server has a port");
    json!({
        "email": {
            "host": "127.0.0.1", "port": port, "credentialsSecretRef": { "name": "receivers" },
            "from": "ace@example.com", "to": [mailbox.address()],
        },
        "default": true,
    })
}

async fn a_mail_is_one_for_each_news_and_a_repetition_has_its_id() {
    with_namespace(async |space| {
        let (events, mailbox) = (Receiver::pagerduty(space), Receiver::mail(space));
        secrets(space, &events, &Receiver::webhook(space)).await;
        channel(space, "on-call", pagerduty(&events)).await;
        channel(space, "devops", mail(space, &mailbox)).await;
        rule(space, "cards").await;
        mailbox.fault(json!({ "dropAnswer": {} })).await;
        fires(space, "cards", &[("B\r\nBcc: x@e.io", "critical")]).await;
        let all = received(space, &mailbox, 2).await;
        received(space, &events, 1).await;
        assert_eq!(
            all.iter()
                .map(|one| (&one["status"], &one["repeated"]))
                .collect::<Vec<_>>(),
            [(&Value::Null, &json!(false)), (&json!(204), &json!(true))]
        );
        let first = &all[0]["body"];
        assert_eq!(*first, all[1]["body"]);
        assert_eq!(
            (
                &first["encrypted"],
                &first["user"],
                &first["sender"],
                &first["recipients"]
            ),
            (
                &json!(true),
                &json!("bed"),
                &json!("ace@example.com"),
                &json!([mailbox.address()])
            )
        );
        assert_eq!(
            first["subject"],
            "[critical] prod critical: 1 alert: B Bcc: x@e.io: 0 left"
        );
        assert!(!first["headers"].to_string().contains("bcc"), "{first:#}");
        let text = first["text"].as_str().unwrap_or_default();
        for words in [
            "Act at once.",
            "; value 0, threshold 2",
            "Runbook: https://docs.example.com/runbooks/gift-cards",
        ] {
            assert!(text.contains(words), "{text}");
        }
        let told = until(space, "devops", "has told it", |channel| channel["status"]["open"] == 1).await;
        assert_eq!(
            (reason_of(&told, "Ready"), &told["status"]["type"]),
            ("Accepted", &json!("Email"))
        );

        fires(space, "cards", &[]).await;
        received(space, &events, 2).await;
        let over = received(space, &mailbox, 3).await.remove(2)["body"].take();
        assert_eq!(over["subject"], "[resolved] prod critical");
        assert_eq!(
            (&over["references"], &over["inReplyTo"]),
            (&first["messageId"], &first["messageId"])
        );
        assert_ne!(over["messageId"], first["messageId"]);
        until(space, "devops", "has told the end", |channel| {
            channel["status"]["open"] == 0
        })
        .await;
        let password = &space.bed.bed.file().mail_password;
        assert!(!Operator::shared().log().contains(password));
        let versions = space.watch.versions("NotificationChannel", "devops");
        assert!(
            versions
                .iter()
                .all(|version| !version.object.to_string().contains(password))
        );
    })
    .await;
}

async fn what_a_mail_server_refuses_is_told_from_what_it_takes_later() {
    with_namespace(async |space| {
        let mailbox = Receiver::mail(space);
        secrets(space, &Receiver::slack(space), &Receiver::webhook(space)).await;
        channel(space, "devops", mail(space, &mailbox)).await;
        rule(space, "cards").await;
        mailbox.fault(json!({ "answer": { "status": 451, "words": "4.3.2 busy" } })).await;
        mailbox.fault(json!({ "answer": { "status": 552, "words": "5.3.4 too large" } })).await;
        fires(space, "cards", &[("a", "critical")]).await;
        let refused = |reason: &'static str| move |channel: &Value| reason_of(channel, "Stalled") == reason;
        let stalled = until(space, "devops", "is Stalled/Refused", refused("Refused")).await;
        let says = "the last message was refused (attempt 2): answers 552 5.3.4 too large; correct the mail server, or name another one in \
                    `email.host`. To send a test message, change the annotation `ops.mobulace.com/test-at`";
        assert_eq!(message_of(&stalled, "Ready"), says);
        assert_eq!(received(space, &mailbox, 2).await[0]["status"], 451);

        let merge = async |patch: Value| {
            let patch = patch.to_string();
            space.kubectl(&["patch", "channel", "devops", "--type=merge", "-p", &patch]).await.expect("a channel can be changed");
        };
        // It is sent again, as the spec is another one, and nobody is let in.
        let wrong = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "wrong", "labels": { ace_api::LABEL_USE: "smtp" } },
            "stringData": { "username": "bed", "password": "CANARY" },
        });
        space.apply(&wrong.to_string()).await;
        merge(json!({ "spec": { "email": { "credentialsSecretRef": { "name": "wrong" } } } })).await;
        let login = |channel: &Value| message_of(channel, "Ready").contains("answers 535; check user name and password");
        until(space, "devops", "is refused the login", login).await;
        merge(json!({ "spec": { "email": { "credentialsSecretRef": { "name": "receivers" }, "host": "localhost" } } })).await;
        let closed = until(space, "devops", "may not go there", refused("HostNotAllowed")).await;
        assert!(message_of(&closed, "Ready").contains("add smtp://localhost:"), "{}", message_of(&closed, "Ready"));
        merge(json!({ "spec": { "email": { "host": "127.0.0.1" } } })).await;
        until(space, "devops", "has told it", |channel| channel["status"]["open"] == 1).await;
        received(space, &mailbox, 3).await;
    })
    .await;
}

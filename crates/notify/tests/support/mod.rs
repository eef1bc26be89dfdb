//! The sandbox's receivers, and messages for them.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test binary uses its own part of this, and a test that cannot go on fails"
)]

use std::net::Ipv4Addr;

use ace_egress::{Encryption, MailServer};
use ace_notify::{
    Alert, Change, Contact, Content, Email, Format, Message, MessageId, News, PAGERDUTY_PATH, RoutingKey, Severity,
    SigningSecret,
};
use ace_sandbox::receivers::{self, Secrets};
use jiff::Timestamp;
use reqwest::Client;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// From the tests of Standard Webhooks' libraries.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub struct Receivers {
    pub url: String,
    secrets: Secrets,
    http: Client,
    _stop: DropGuard,
}

pub async fn receivers() -> Receivers {
    // Another test of this process may have been first.
    rustls::crypto::ring::default_provider().install_default().ok();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let secrets = Secrets {
        slack_token: "CANARYslacktoken".to_owned(),
        signing: SECRET.to_owned(),
    };
    let stop = CancellationToken::new();
    tokio::spawn(receivers::serve(listener, secrets.clone(), stop.clone()));
    Receivers {
        url,
        secrets,
        http: Client::builder().no_proxy().build().unwrap(),
        _stop: stop.drop_guard(),
    }
}

impl Receivers {
    /// A Slack webhook, with nothing received yet per `id`.
    pub fn slack(&self, id: &str) -> String {
        self.secrets.slack_url(&self.url, id)
    }

    pub fn webhook(&self) -> String {
        format!("{}/webhooks/CANARYname", self.url)
    }

    /// Where PagerDuty takes events.
    pub fn pagerduty(&self) -> String {
        format!("{}/pagerduty/prod/{PAGERDUTY_PATH}", self.url)
    }

    /// What was received at a URL of these.
    pub async fn received(&self, url: &str) -> Vec<Value> {
        let path = url.strip_prefix(&self.url).unwrap();
        let request = self.http.get(format!("{}/deliveries?path={path}", self.url));
        request.send().await.unwrap().json().await.unwrap()
    }

    pub async fn set_fault(&self, fault: Value) {
        let request = self.http.post(format!("{}/faults", self.url)).json(&fault);
        assert_eq!(request.send().await.unwrap().status(), 204);
    }
}

pub fn webhook() -> Format {
    Format::Webhook(SigningSecret::new(SECRET).unwrap())
}

pub fn pagerduty() -> Format {
    Format::PagerDuty(RoutingKey::new("CANARY0123456789CANARY0123456789").unwrap())
}

/// Mails from `ace@example.com`.
pub fn email(to: &[&str]) -> Email {
    Email {
        server: MailServer {
            host: "smtp.example.com".to_owned(),
            port: 587,
            encryption: Encryption::StartTls,
            login: None,
        },
        from: "ace@example.com".to_owned(),
        to: to.iter().map(|one| (*one).to_owned()).collect(),
    }
}

/// The most that a message can hold.
pub fn news(change: Change) -> Message {
    let alert = Alert {
        rule: "gift-card-inventory".to_owned(),
        severity: Severity::Critical,
        summary: "é\u{1d11e}&\n".repeat(500),
        value: Some("0".to_owned()),
        threshold: None,
        since: "2026-11-23T09:00:00Z".parse().unwrap(),
        labels: vec![("brand".to_owned(), "<!channel>\r\nX: y".to_owned())],
    };
    let news = News {
        change,
        thread: MessageId::derived(["group"]),
        first: None,
        group: "x".repeat(253),
        source: "prod".to_owned(),
        severity: Severity::Critical,
        response: "at once".to_owned(),
        since: alert.since,
        alerts: vec![alert; 10],
        firing: 1_000,
        runbooks: vec!["https://docs.example.com/runbook".to_owned()],
        contacts: Vec::new(),
        command: "kubectl --namespace ace get alertrules".to_owned(),
        may_be_repeated: true,
    };
    Message {
        content: Content::News(Box::new(news)),
        ..message("news")
    }
}

/// News in which every text tries to begin a header of its own.
pub fn forged() -> Message {
    let text = |name: &str| format!("{name} ä\r\nBcc: {name}@evil.example\r\n\r\nbody\u{2028}\u{202e}\0");
    let alert = Alert {
        rule: text("rule"),
        severity: Severity::Critical,
        summary: text("summary"),
        value: Some(text("value")),
        threshold: Some(text("threshold")),
        since: "2026-11-23T09:00:00Z".parse().unwrap(),
        labels: vec![(text("name"), text("label"))],
    };
    let news = News {
        change: Change::Fired,
        thread: MessageId::derived(["group"]),
        first: Some(MessageId::derived(["first"])),
        group: text("group"),
        source: text("source"),
        severity: Severity::Critical,
        response: text("response"),
        since: alert.since,
        alerts: vec![alert],
        firing: 1,
        runbooks: vec![text("runbook")],
        contacts: vec![Contact {
            name: text("contact"),
            address: text("address"),
        }],
        command: text("command"),
        may_be_repeated: false,
    };
    Message {
        namespace: text("namespace"),
        channel: text("channel"),
        content: Content::News(Box::new(news)),
        ..message("forged")
    }
}

pub fn message(text: &str) -> Message {
    Message {
        id: MessageId::derived(["uid", text]),
        namespace: "ace".to_owned(),
        channel: "on-call".to_owned(),
        time: "2026-11-23T09:00:00Z".parse().unwrap(),
        content: Content::Test(text.to_owned()),
    }
}

pub fn now() -> Timestamp {
    Timestamp::now()
}

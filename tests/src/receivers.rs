//! Receivers of notifications as somebody beside the operator meets them: what arrived, and faults.

use serde_json::{Value, json};

use crate::{Space, http::http};

/// Path of PagerDuty's Events API v2.
const PAGERDUTY_PATH: &str = "v2/enqueue";

/// One address of a test's own.
pub struct Receiver {
    /// What a Secret holds.
    pub url: String,
    receivers: String,
}

impl Receiver {
    /// A webhook of Slack.
    pub fn slack(space: &Space) -> Self {
        let file = space.bed.bed.file();
        let channel = format!("B0000{}", space.name.replace('-', "").to_uppercase());
        let mut parts: Vec<&str> = file.slack_webhook_url.split('/').collect();
        let at = parts.len() - 2;
        parts[at] = &channel;
        Self {
            url: parts.join("/"),
            receivers: file.receivers_url.clone(),
        }
    }

    /// An endpoint for Standard Webhooks.
    ///
    /// # Panics
    /// If the bed's address of one has no path.
    pub fn webhook(space: &Space) -> Self {
        let file = space.bed.bed.file();
        let (all, _) = file.webhook_url.rsplit_once('/').expect("an address has a path");
        Self {
            url: format!("{all}/{}", space.name),
            receivers: file.receivers_url.clone(),
        }
    }

    /// Where PagerDuty takes events. Its address, without the path of the API, is that of [`Receiver::base`].
    pub fn pagerduty(space: &Space) -> Self {
        let receivers = space.bed.bed.file().receivers_url.clone();
        Self {
            url: format!("{receivers}/pagerduty/{}/{PAGERDUTY_PATH}", space.name),
            receivers,
        }
    }

    /// A mailbox; its address is that of [`Receiver::address`].
    pub fn mail(space: &Space) -> Self {
        let receivers = space.bed.bed.file().receivers_url.clone();
        Self {
            url: format!("{receivers}/mail/{}", space.name),
            receivers,
        }
    }

    /// The address of a mailbox.
    ///
    /// # Panics
    /// If it is none.
    pub fn address(&self) -> String {
        let (_, name) = self.url.rsplit_once('/').expect("an address has a path");
        format!("{name}@example.com")
    }

    /// What `pagerDuty.url` names.
    ///
    /// # Panics
    /// If it is not PagerDuty's.
    pub fn base(&self) -> &str {
        let base = self.url.strip_suffix(PAGERDUTY_PATH).expect("it takes events");
        base.trim_end_matches('/')
    }

    fn path(&self) -> &str {
        self.url
            .strip_prefix(&self.receivers)
            .expect("the address is one of the receivers'")
    }

    /// What arrived, oldest first.
    ///
    /// # Panics
    /// If the receivers do not answer.
    pub async fn deliveries(&self) -> Vec<Value> {
        let url = format!("{}/deliveries?path={}", self.receivers, self.path());
        let answer = http().get(url).send().await.expect("the receivers answer");
        answer.json().await.expect("deliveries are JSON")
    }

    /// The next message that arrives meets this fault.
    ///
    /// # Panics
    /// If the receivers do not take it.
    pub async fn fault(&self, fault: Value) {
        let fault = json!({ "path": self.path(), "fault": fault, "times": 1 });
        let answer = http().post(format!("{}/faults", self.receivers)).json(&fault).send();
        let status = answer.await.expect("the receivers answer").status();
        assert!(status.is_success(), "{status}");
    }

    /// Takes back the faults of this address that no message has met yet.
    ///
    /// # Panics
    /// If the receivers do not take it.
    pub async fn clear(&self) {
        let answer = http()
            .delete(format!("{}/faults?path={}", self.receivers, self.path()))
            .send();
        let status = answer.await.expect("the receivers answer").status();
        assert!(status.is_success(), "{status}");
    }
}

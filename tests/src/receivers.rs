//! Receivers of notifications as somebody beside the operator meets them: what arrived, and faults.

use serde_json::{Value, json};

use crate::{Space, http::http};

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
}

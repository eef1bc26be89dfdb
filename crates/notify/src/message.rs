//! What is said to a channel, whatever its type.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::news::News;

/// Characters of a message's text that are sent. It is Slack's limit for a section; the same everywhere, so that no channel
/// says less than another.
pub(crate) const LONGEST_TEXT: usize = 3_000;

/// A message to one channel: the same at each attempt to deliver it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Receivers drop what they have seen under it before.
    pub id: MessageId,
    /// Namespace of the channel.
    pub namespace: String,
    /// Name of the channel.
    pub channel: String,
    /// When it came about; not when it is sent.
    pub time: Timestamp,
    /// What it says.
    pub content: Content,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Somebody asked for a message to see whether it arrives. Plain text: control characters but line feeds are left out, and
    /// what exceeds 3,000 characters.
    Test(String),
    /// What became of a group of alerts.
    News(Box<News>),
}

/// Identifies a message at its receiver: 1 to 64 of `A-Z a-z 0-9 _ -`. No full stop: that is what separates id, time and
/// body in the signed text, and with one in the id parts of a signed message could be read as parts of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageId(pub(crate) String);

impl Content {
    /// `type` of the body of a Standard Webhook.
    pub(crate) fn event(&self) -> &'static str {
        match self {
            Self::Test(_) => "channel.test",
            Self::News(news) => news.change.event(),
        }
    }

    /// What a person reads first: one line of at most 150 characters, Slack's limit for a header.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Test(_) => "Test message".to_owned(),
            Self::News(news) => news.title(),
        }
    }

    /// The whole text, as a person reads it where there are no blocks or fields.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Test(text) => text.clone(),
            Self::News(news) => news.text(),
        }
    }
}

impl MessageId {
    /// The id of what `parts` identify together, e.g. a channel's uid and the test that was asked for: `msg_` and the first
    /// 128 bits of a SHA-256.
    pub fn derived<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        let digest = hex::encode(digest.finalize());
        Self(format!("msg_{}", digest.get(..32).unwrap_or_default()))
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Content, Message, MessageId};

    /// A message of a channel.
    pub(crate) fn message(content: Content) -> Message {
        Message {
            id: MessageId("msg_1".to_owned()),
            namespace: "ace".into(),
            channel: "on-call".into(),
            time: "2026-11-23T09:00:00Z".parse().unwrap(),
            content,
        }
    }

    #[test]
    fn an_id_is_the_same_for_the_same_parts_and_for_no_others() {
        let derived = |parts: &[&str]| MessageId::derived(parts.iter().copied());
        assert_eq!(derived(&["uid", "1"]), derived(&["uid", "1"]));
        let ids = [
            derived(&["uid", "1"]),
            derived(&["uid1", ""]),
            derived(&["uid1"]),
            derived(&["1", "uid"]),
            derived(&[]),
        ];
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "{ids:?}");
        }
    }

    #[test]
    fn no_id_can_be_read_as_more_than_an_id() {
        for part in ["", "a.b", "a b", "a\n", "ä", &"x".repeat(65)] {
            let id = MessageId::derived([part]);
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            assert!(id.as_str().len() <= 64 && id.as_str().bytes().all(allowed), "{id:?}");
        }
    }
}

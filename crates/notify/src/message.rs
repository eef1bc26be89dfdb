//! What is said to a channel, whatever its type.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Characters of a message's text that are sent. It is Slack's limit for a section; the same everywhere, so that no channel
/// says less than another.
pub const LONGEST_TEXT: usize = 3_000;

/// A message to one channel: the same at each attempt to deliver it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Receivers drop what they have seen under it before.
    pub id: MessageId,
    /// What it is about.
    pub message_type: MessageType,
    /// Namespace of the channel.
    pub namespace: String,
    /// Name of the channel.
    pub channel: String,
    /// When it came about; not when it is sent.
    pub time: Timestamp,
    /// Plain text. Control characters but line feeds are left out, and what exceeds [`LONGEST_TEXT`].
    pub text: String,
}

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    /// Somebody asked for a message to see whether it arrives.
    Test,
}

/// One attempt to deliver a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Now. Receivers refuse a signature whose time is five minutes off their own clock.
    pub time: Timestamp,
    /// Whether an earlier attempt may have been received. Where no id lets the receiver drop the second one, the message
    /// says so.
    pub may_repeat: bool,
}

/// Identifies a message at its receiver: 1 to 64 of `A-Z a-z 0-9 _ -`. No full stop: that is what separates id, time and
/// body in the signed text, and with one in the id parts of a signed message could be read as parts of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageId(String);

/// A text that is no [`MessageId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message id has 1 to 64 letters, digits, '_' and '-'")]
pub struct MessageIdError;

impl MessageType {
    /// `type` of the body of a Standard Webhook.
    pub(crate) fn event(self) -> &'static str {
        match self {
            Self::Test => "channel.test",
        }
    }

    /// What a person reads first: at most 150 characters, Slack's limit for a header.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Test => "Test message",
        }
    }
}

impl MessageId {
    /// Takes an id as it was recorded.
    pub fn new(text: &str) -> Result<Self, MessageIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(MessageIdError)
        }
    }

    /// The id of what `parts` identify together, e.g. a channel's uid and the test that was asked for: `msg_` and the first
    /// 128 bits of a SHA-256.
    pub fn derived<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        Self(format!("msg_{}", hex::encode(&digest.finalize()[..16])))
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{MessageId, MessageIdError};

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
            assert_eq!(MessageId::new(id.as_str()).as_ref(), Ok(id));
        }
    }

    #[test]
    fn a_text_that_could_be_read_as_more_than_an_id_is_none() {
        for text in ["", "a.b", "a b", "a\n", "ä", &"x".repeat(65)] {
            assert_eq!(MessageId::new(text), Err(MessageIdError), "{text:?}");
        }
        assert_eq!(
            MessageId::new("msg_p5jXN8AQM9LWM0D4loKWxJek").unwrap().as_str(),
            "msg_p5jXN8AQM9LWM0D4loKWxJek"
        );
    }
}

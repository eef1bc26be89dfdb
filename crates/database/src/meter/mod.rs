//! What a server may send, counted under the driver: that has no limits, and keeps what it reads.
//!
//! A server needs no password to answer, so this holds from the first byte. A message is refused by its length, before it is
//! read; messages that end up in memory have one budget for all answers that are waited for at a time, with what the driver
//! keeps beside the bytes. The results of a file's own statements are dropped as they come, and not counted. A server's
//! parameters are dropped here: the driver would keep each name.

mod connect;
mod stream;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use connect::Metering;

/// Most that is kept of the answers that are waited for at a time: bytes, and [`PER_MESSAGE`] and [`PER_COLUMN`]. The pod has
/// 512 MiB, and an answer is held twice while it is taken over.
const ANSWERS: u64 = 64 << 20;
/// Longest single message in a session, which the driver reads whole.
const MESSAGE: u64 = ANSWERS;
/// All messages until there is a session; a real server sends some 1 KiB.
const HANDSHAKE: u64 = 1 << 20;
/// What is kept of a message beside its bytes, in bytes; that of one with a single empty column is 12 bytes long.
const PER_MESSAGE: u64 = 128;
/// The same of a column of a row; a null is 4 bytes long.
const PER_COLUMN: u64 = 32;

/// Why a server was not listened to any longer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Excess {
    /// A handshake of more than 1 MiB.
    #[error("the server's handshake is larger than {} MiB", HANDSHAKE >> 20)]
    Handshake,
    /// A message of more than 64 MiB, such as a row.
    #[error("a single message of the server is larger than {} MiB", MESSAGE >> 20)]
    Message,
    /// An answer that would need more than 64 MiB.
    #[error("the server's answer takes more than {} MiB", ANSWERS >> 20)]
    Answer,
}

/// How a server asks for a password that others could use.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InsecureLogin {
    /// The connection is not encrypted.
    #[error("the connection is not encrypted (`tls: Disable`)")]
    Unencrypted,
    /// The server wants the password itself.
    #[error("the server asks for the password in clear text")]
    ClearText,
    /// The server wants its MD5, which is as good as the password.
    #[error("the server asks for the MD5 of the password")]
    Md5,
}

/// Why the stream ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    Excess(Excess),
    Login(InsecureLogin),
}

/// The count of one connection, shared by its stream and those that wait for answers.
#[derive(Clone)]
pub(crate) struct Meter {
    count: Arc<Mutex<Count>>,
    /// Logins with a password that others could use are answered.
    allows_insecure: bool,
}

#[derive(Default)]
struct Count {
    in_session: bool,
    /// Answers that are waited for and kept.
    keeping: u32,
    kept: u64,
    refusal: Option<Refusal>,
}

/// An answer that is kept.
pub(crate) struct Keeping(Meter);

/// The beginning of a message.
struct Head {
    tag: u8,
    /// Of the whole message.
    length: u64,
    /// Number of columns, if it is a row.
    columns: u64,
    /// The kind of a request for authentication.
    login: Option<u32>,
}

impl Meter {
    pub(crate) fn new(allows_insecure: bool) -> Self {
        Self {
            count: Arc::default(),
            allows_insecure,
        }
    }

    /// Counts what arrives from now on, until the answer was taken: a new budget, unless it is for another answer, too.
    pub(crate) fn keep(&self) -> Keeping {
        let mut count = self.count();
        if count.keeping == 0 {
            count.kept = 0;
        }
        count.keeping += 1;
        Keeping(self.clone())
    }

    /// Why the server was not listened to any longer.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.count().refusal
    }

    /// The stream is a new one: that to the next address of a host.
    fn restart(&self) {
        *self.count() = Count::default();
    }

    fn admit(&self, head: &Head) -> Result<(), Refusal> {
        let mut count = self.count();
        let admitted = count.admit(head, self.allows_insecure);
        if let Err(refusal) = admitted {
            count.refusal = Some(refusal);
        }
        admitted
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    fn admit(&mut self, head: &Head, allows_insecure: bool) -> Result<(), Refusal> {
        match head.login {
            Some(3) if !allows_insecure => return Err(Refusal::Login(InsecureLogin::ClearText)),
            Some(5) if !allows_insecure => return Err(Refusal::Login(InsecureLogin::Md5)),
            _ => {}
        }
        let (limit, excess) = if self.in_session {
            (MESSAGE, Excess::Message)
        } else {
            (HANDSHAKE, Excess::Handshake)
        };
        if head.length > limit {
            return Err(Refusal::Excess(excess));
        }
        if !self.in_session || self.keeping > 0 {
            self.kept += head.length + PER_MESSAGE + PER_COLUMN * head.columns;
        }
        let (budget, excess) = if self.in_session {
            (ANSWERS, Excess::Answer)
        } else {
            (HANDSHAKE, Excess::Handshake)
        };
        if self.kept > budget {
            return Err(Refusal::Excess(excess));
        }
        if head.tag == READY && !self.in_session {
            self.in_session = true;
            self.kept = 0;
        }
        Ok(())
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        let mut count = self.0.count();
        count.keeping = count.keeping.saturating_sub(1);
        if count.keeping == 0 {
            count.kept = 0;
        }
    }
}

const READY: u8 = b'Z';
const PARAMETER: u8 = b'S';
const ROW: u8 = b'D';
const LOGIN: u8 = b'R';

/// What a server may send before there is a session: anything else is another protocol, and its length is none.
const OF_HANDSHAKE: &[u8] = b"RKSNEvZ";

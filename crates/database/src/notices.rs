use std::sync::{Arc, Mutex, PoisonError};

use tokio_postgres::error::{DbError, Severity};

use crate::redact::ServerMessage;

/// Most warnings that are kept, and most characters of each: they end up in a status.
pub(crate) const COUNT: usize = 8;
pub(crate) const CHARACTERS: usize = 200;

/// The warnings of a session that were not taken yet.
#[derive(Clone, Default)]
pub(crate) struct Notices(Arc<Mutex<Vec<ServerMessage>>>);

impl Notices {
    /// Keeps a warning, as long as there is room. Lower levels come from every migration.
    pub(crate) fn hear(&self, notice: &DbError) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notice.parsed_severity() == Some(Severity::Warning) && heard.len() < COUNT {
            heard.push(ServerMessage::of(notice));
        }
    }

    pub(crate) fn take(&self) -> Vec<ServerMessage> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

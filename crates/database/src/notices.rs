use std::sync::{Arc, Mutex, PoisonError};

use tokio_postgres::error::{DbError, Severity};

use crate::redact::Said;

/// How many are kept, and how long each may be: they end up in a status.
pub(crate) const COUNT: usize = 8;
pub(crate) const CHARACTERS: usize = 200;

/// The warnings that a session heard and nobody took yet.
#[derive(Clone, Default)]
pub(crate) struct Notices(Arc<Mutex<Vec<Said>>>);

impl Notices {
    /// Keeps it if it is a warning, as long as there is room. Anything less is what every migration says.
    pub(crate) fn hear(&self, notice: &DbError) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notice.parsed_severity() == Some(Severity::Warning) && heard.len() < COUNT {
            heard.push(Said::of(notice));
        }
    }

    /// Takes what was heard.
    pub(crate) fn take(&self) -> Vec<Said> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

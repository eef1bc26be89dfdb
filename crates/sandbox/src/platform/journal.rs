//! What was asked of the platform: a bounded record for tests that count uploads and looks.

use std::collections::VecDeque;

use serde::Serialize;

/// Requests that are kept.
const KEPT: usize = 100_000;

/// One request, entered when it arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    /// Counts from 0, without gaps.
    pub(super) n: u64,
    /// RFC 3339.
    pub(super) time: String,
    pub(super) method: String,
    /// The template with its method, e.g. `GET /v1/projects/{ref}/functions`; `gateway` for calls of functions.
    pub(super) route: String,
    pub(super) path: String,
    pub(super) query: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slug: Option<String>,
    /// Null while no answer was given: it is under way, hangs, or its answer was dropped.
    pub(super) status: Option<u16>,
    pub(super) user_agent: String,
}

#[derive(Debug, Default)]
pub(super) struct Journal {
    first: u64,
    entries: VecDeque<Entry>,
}

impl Journal {
    /// Enters a request and gives its number.
    pub(super) fn enter(&mut self, mut entry: Entry) -> u64 {
        let n = self.next();
        entry.n = n;
        self.entries.push_back(entry);
        if self.entries.len() > KEPT {
            self.entries.pop_front();
            self.first += 1;
        }
        n
    }

    pub(super) fn answered(&mut self, n: u64, status: u16) {
        let index = n.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        if let Some(entry) = index.and_then(|index| self.entries.get_mut(index)) {
            entry.status = Some(status);
        }
    }

    /// Number of the request to come.
    pub(super) fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// The kept requests from number `n` on.
    pub(super) fn since(&self, n: u64) -> Vec<Entry> {
        self.entries.iter().filter(|entry| entry.n >= n).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Journal, KEPT};

    fn entry() -> Entry {
        let text = String::new;
        Entry {
            n: 0,
            time: text(),
            method: text(),
            route: text(),
            path: text(),
            query: text(),
            project: None,
            slug: None,
            status: None,
            user_agent: text(),
        }
    }

    #[test]
    fn numbers_go_on_when_the_oldest_requests_are_forgotten() {
        let mut journal = Journal::default();
        for _ in 0..KEPT + 2 {
            journal.enter(entry());
        }
        let last = journal.enter(entry());
        journal.answered(last, 204);
        journal.answered(0, 200);
        assert_eq!(
            journal.since(last),
            [Entry {
                n: last,
                status: Some(204),
                ..entry()
            }]
        );
        assert_eq!((journal.since(0).len(), journal.next()), (KEPT, last + 1));
    }
}

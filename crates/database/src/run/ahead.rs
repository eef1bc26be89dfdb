use std::sync::atomic::{AtomicBool, Ordering};

use ace_domain::sql::Statement;
use futures::{StreamExt as _, stream::FuturesOrdered};
use tokio::time::timeout;

use super::{Progress, Run, RunError};

/// Most statements on their way at a time: at a round trip of 20 ms, that is 12,800 a second, and a server takes fewer.
const STATEMENTS: usize = 256;
/// Most bytes of them. A longer statement is alone on its way.
const BYTES: usize = 1 << 20;

/// Statements that end a transaction also where one before them has failed; the server refuses all others there.
const ENDS: [&str; 5] = ["abort", "commit", "end", "prepare", "rollback"];

/// The statements of a transaction, of which some are on their way.
struct Ahead<'a> {
    statements: &'a [Statement],
    /// The one that is answered next.
    first: usize,
    /// The one that is sent next.
    next: usize,
    /// Bytes between the two.
    bytes: usize,
    /// Each waits for all answers: the session is to be, or one that may end the transaction came, behind which something would
    /// be committed though a statement before it fails.
    one_by_one: bool,
}

impl<'a> Ahead<'a> {
    fn new(statements: &'a [Statement], one_by_one: bool) -> Self {
        Self {
            statements,
            first: 0,
            next: 0,
            bytes: 0,
            one_by_one,
        }
    }

    /// The next statement, if it is to be sent before the one that is answered next.
    fn send(&mut self) -> Option<&'a Statement> {
        let statement = self.statements.get(self.next)?;
        self.one_by_one |= may_end(&statement.text);
        let fits = self.next - self.first < STATEMENTS && self.bytes + statement.text.len() <= BYTES;
        if self.next > self.first && (self.one_by_one || !fits) {
            return None;
        }
        self.next += 1;
        self.bytes += statement.text.len();
        Some(statement)
    }

    fn answered(&mut self, statement: &Statement) {
        self.first += 1;
        self.bytes -= statement.text.len();
    }
}

/// By its first word, with which a statement begins.
fn may_end(statement: &str) -> bool {
    let word = statement.split(|sign: char| !sign.is_ascii_alphabetic()).next();
    word.is_some_and(|word| ENDS.iter().any(|end| word.eq_ignore_ascii_case(end)))
}

impl Run<'_> {
    /// Sends the statements of a transaction, each before those in front of it are answered, as far as [`STATEMENTS`] and
    /// [`BYTES`] go. What follows a failed statement the server refuses, so this ends as if each had been waited for.
    pub(super) async fn say_all(&self, statements: &[Statement]) -> Result<(), RunError> {
        let client = self.session.connection.client();
        let renewal = self.session.renewal();
        let failed = AtomicBool::new(false);
        // Both are sent when this is polled first, and answered in order. It waits for that until answers that came together are
        // read, of which one may be a failure: then it is not sent any more.
        let say = async |statement: &Statement| {
            if failed.load(Ordering::Relaxed) {
                return None;
            }
            let (renewed, answer) = tokio::join!(client.batch_execute(&renewal), client.batch_execute(&statement.text));
            Some(renewed.and(answer))
        };
        let mut ahead = Ahead::new(statements, self.session.one_by_one);
        let mut sent = FuturesOrdered::new();
        for statement in statements {
            while let Some(statement) = ahead.send() {
                sent.push_back(say(statement));
            }
            (self.watcher)(Progress::Statement { line: statement.line });
            let answer = async {
                let answer = sent.next().await.flatten();
                answer.expect("a statement is sent before its answer is waited for")
            };
            let answer = self.guarded(answer, self.patience(), Some(statement)).await;
            self.hear();
            if let Err(error) = answer {
                failed.store(true, Ordering::Relaxed);
                if !error.ended() {
                    self.refused(sent.map(drop).collect()).await;
                }
                return Err(error);
            }
            ahead.answered(statement);
        }
        Ok(())
    }

    /// Waits for the answers to what was sent behind a statement that failed. They are refusals, unless the statement was quicker
    /// than the cancel that was meant for it: then the next ones run, until they are cancelled, too.
    async fn refused(&self, rest: impl Future<Output = ()>) {
        let mut rest = std::pin::pin!(rest);
        if timeout(super::watch::BETWEEN_CANCELS, &mut rest).await.is_err() {
            self.stop(rest).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(texts: &[&str]) -> Vec<Statement> {
        let statement = |text: &&str| Statement {
            text: (*text).to_owned(),
            offset: 0,
            line: 1,
        };
        texts.iter().map(statement).collect()
    }

    /// How many are on their way when each is waited for.
    fn on_their_way(texts: &[&str]) -> Vec<usize> {
        sent(texts, false)
    }

    fn sent(texts: &[&str], one_by_one: bool) -> Vec<usize> {
        let statements = statements(texts);
        let mut ahead = Ahead::new(&statements, one_by_one);
        let step = |statement| {
            while ahead.send().is_some() {}
            let sent = ahead.next - ahead.first;
            ahead.answered(statement);
            sent
        };
        statements.iter().map(step).collect()
    }

    #[test]
    fn so_many_statements_are_on_their_way_and_no_more() {
        let sent = on_their_way(&vec!["SELECT 1"; STATEMENTS + 2]);
        assert_eq!(sent[..4], [STATEMENTS, STATEMENTS, STATEMENTS, STATEMENTS - 1]);
        assert_eq!(sent[STATEMENTS..], [2, 1]);
    }

    #[test]
    fn one_by_one_none_is_sent_ahead() {
        assert_eq!(sent(&["x"; 4], true), [1; 4]);
    }

    #[test]
    fn so_many_bytes_are_on_their_way_and_no_more() {
        let half = "x".repeat(BYTES / 2);
        assert_eq!(on_their_way(&[&half, &half, "x", &half]), [2, 2, 2, 1]);
        let long = "x".repeat(BYTES + 1);
        assert_eq!(on_their_way(&["x", &long, "x", "x"]), [1, 1, 2, 1]);
    }

    #[test]
    fn nothing_is_sent_behind_a_statement_that_may_end_the_transaction_nor_that_one_ahead() {
        for end in [
            "COMMIT",
            "end;",
            "Rollback TO SAVEPOINT a",
            "PREPARE TRANSACTION 'a'",
            "ABORT/**/",
        ] {
            assert_eq!(on_their_way(&["x", "x", end, "x", "x"]), [2, 1, 1, 1, 1], "{end}");
        }
        assert_eq!(on_their_way(&["x", "SAVEPOINT a", "ending"]), [3, 2, 1]);
    }
}

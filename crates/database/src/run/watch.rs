use std::{
    pin::pin,
    time::{Duration, Instant},
};

use ace_domain::{kinds::migration_set::Blocker, sql::Statement};
use tokio::time::{MissedTickBehavior, interval_at, timeout};
use tokio_postgres::types::Type;

use super::{Progress, Run, RunError};
use crate::{
    Connection, Limits, QueryError,
    session::{age, blocker},
};

/// Four checks within the lock timeout, and at most twenty per second.
const LOOKS: u32 = 4;
const OFTEN: Duration = Duration::from_millis(50);
const SELDOM: Duration = Duration::from_secs(1);

/// With a shorter lock timeout the server gives up before the watchdog's session is open, and afterwards the holder of the lock
/// is unknown.
const HASTY: Duration = Duration::from_millis(500);

/// Deadline of one query of the watchdog, so that it does not miss the timeouts.
const QUESTION: Duration = Duration::from_secs(5);

/// A statement may catch a cancel (`EXCEPTION WHEN query_canceled`): it is cancelled this often, at this interval, before its
/// session is terminated.
const CANCELS: u32 = 10;
pub(super) const BETWEEN_CANCELS: Duration = Duration::from_millis(500);

/// How long the backend `$1` has waited for a lock, in seconds, and for whom. Names and ages of other roles' transactions are null
/// without `pg_monitor`.
const WAIT: &str = "SELECT extract(epoch FROM pg_catalog.clock_timestamp() - l.waitstart)::float8, b.pid, \
        coalesce(nullif(a.application_name, ''), a.backend_type), \
        extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(a.xact_start, a.backend_start))::float8 \
    FROM pg_catalog.pg_locks l \
    LEFT JOIN LATERAL (SELECT DISTINCT pg_catalog.unnest(pg_catalog.pg_blocking_pids(l.pid)) AS pid) b ON true \
    LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid \
    WHERE l.pid = $1 AND NOT l.granted ORDER BY b.pid";

/// Timeouts of a statement.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// For one lock; `None` for a statement that runs alone: a build of an index waits for transactions, and one that times out
    /// leaves an INVALID index.
    pub(super) lock: Option<Duration>,
    pub(super) statement: Duration,
}

enum Halt {
    Lock,
    Time,
}

impl Run<'_> {
    pub(super) fn patience(&self) -> Patience {
        Patience {
            lock: Some(self.session.settings.lock_timeout),
            statement: self.session.settings.statement_timeout,
        }
    }

    /// Waits for the answer to a statement, and cancels the statement after its timeouts.
    pub(super) async fn guarded<T>(
        &self,
        statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
        patience: Patience,
        of_file: Option<&Statement>,
    ) -> Result<T, RunError> {
        if patience.lock.is_some_and(|lock| lock < HASTY) {
            self.stand_by().await;
        }
        let began = Instant::now();
        let mut blockers = Vec::new();
        let mut statement = pin!(statement);
        let halt = tokio::select! {
            biased;
            answer = &mut statement => Err(answer),
            halt = self.watch(began, patience, &mut blockers) => Ok(halt),
        };
        let error = match halt {
            Err(Ok(answer)) => return Ok(answer),
            Err(Err(error)) => match self.session.connection.excess() {
                Some(excess) => RunError::Excess {
                    excess,
                    line: of_file.map(|of_file| of_file.line),
                },
                None => RunError::of(&error, of_file, self.text())
                    // One that was sent ahead may have begun before the answer to the one in front of it was here.
                    .within(began.elapsed() + Limits::MARGIN, patience.statement),
            },
            Ok(halt) => {
                self.stop(statement).await;
                match halt {
                    Halt::Lock => RunError::LockTimeout { blockers: Vec::new() },
                    Halt::Time => RunError::TimedOut {
                        line: of_file.map(|of_file| of_file.line),
                    },
                }
            }
        };
        Err(match error {
            RunError::LockTimeout { .. } => RunError::LockTimeout { blockers },
            error => error,
        })
    }

    /// Returns when the statement has to be cancelled; the server's own timeouts come first, unless the file has changed them.
    async fn watch(&self, began: Instant, patience: Patience, blockers: &mut Vec<Blocker>) -> Halt {
        let period = patience.lock.map_or(SELDOM, |lock| (lock / LOOKS).clamp(OFTEN, SELDOM));
        // The first check opens the watchdog's session, which takes longer.
        let mut looks = interval_at(tokio::time::Instant::now() + OFTEN, period);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if began.elapsed() >= patience.statement + Limits::MARGIN {
                return Halt::Time;
            }
            let Some(limit) = patience.lock else { continue };
            let (waited, before_us) = self.waits().await.unwrap_or_default();
            *blockers = before_us;
            if waited.is_some() {
                let blockers = blockers.clone();
                (self.watcher)(Progress::Waiting { blockers });
            }
            if waited.is_some_and(|waited| waited >= limit) {
                return Halt::Lock;
            }
        }
    }

    /// How long the session has been waiting for a lock, and for whom. `None` if that can't be queried now.
    async fn waits(&self) -> Option<(Option<Duration>, Vec<Blocker>)> {
        let pid: i32 = self.session.connection.pid().parse().ok()?;
        let rows = self.ask(WAIT, pid).await.ok()?;
        let waited = rows.first().and_then(|row| age(row.try_get(0).ok()?));
        Some((waited, rows.iter().filter_map(|row| blocker(row, 1)).collect()))
    }

    /// Cancels a statement and waits until it has ended. If that can't be queried the main session is dropped: the server
    /// notices within seconds, and no late signal can hit another statement.
    pub(super) async fn stop<T>(&self, mut statement: impl Future<Output = T> + Unpin) {
        let Ok(pid) = self.session.connection.pid().parse::<i32>() else {
            return self.session.connection.abandon();
        };
        for _ in 0..CANCELS {
            if self.ask("SELECT pg_catalog.pg_cancel_backend($1)", pid).await.is_err() {
                break;
            }
            if timeout(BETWEEN_CANCELS, &mut statement).await.is_ok() {
                return;
            }
        }
        self.session.connection.abandon();
    }

    /// Opens the watchdog's session ahead.
    async fn stand_by(&self) {
        let mut watchdog = self.session.watchdog.lock().await;
        if watchdog.is_none() {
            *watchdog = self.session.open_watchdog().await.ok();
        }
    }

    /// Queries on the watchdog's session, which is opened if there is none.
    async fn ask(&self, statement: &str, pid: i32) -> Result<Vec<tokio_postgres::Row>, QueryError> {
        let mut watchdog = self.session.watchdog.lock().await;
        let asked = async {
            let connection = match watchdog.take() {
                Some(connection) => connection,
                None => self.session.open_watchdog().await.map_err(|_| QueryError::Closed)?,
            };
            let rows = connection.query(statement, &[(&pid, Type::INT4)]).await?;
            // One that did not answer is not used again.
            Ok((connection, rows))
        };
        let answer: Result<(Connection, _), QueryError> = timeout(QUESTION, asked)
            .await
            .map_err(|_| QueryError::NoAnswer(QUESTION))?;
        let (connection, rows) = answer?;
        *watchdog = Some(connection);
        Ok(rows)
    }
}

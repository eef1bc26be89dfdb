use std::time::Duration;

use ace_domain::kinds::migration_set::Blocker;
use tokio_postgres::Row;

use crate::{QueryError, Session};

/// Computed by the server, so that the key is the same for all host names of one database.
const KEY: &str = "pg_catalog.hashtextextended('ace-ops:' || pg_catalog.current_database(), 0)";

/// The rows `l` of `pg_locks` that are this lock: a key of 64 bits is stored there in two halves.
fn is_ours() -> String {
    format!(
        "l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted \
         AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) \
         AND l.classid = (({KEY} >> 32) & 4294967295)::pg_catalog.oid AND l.objid = ({KEY} & 4294967295)::pg_catalog.oid"
    )
}

/// An expression: whether this very session holds the lock.
pub(crate) fn held() -> String {
    let ours = is_ours();
    format!("EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid = pg_catalog.pg_backend_pid() AND {ours})")
}

/// The result of trying to take the lock.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Locked {
    /// This session holds it.
    Mine,
    /// Another session holds it; `None` if that session ended meanwhile.
    Held(Option<Blocker>),
}

/// From three columns that begin with this one: process, application, age in seconds.
pub(crate) fn blocker(row: &Row, first: usize) -> Option<Blocker> {
    Some(Blocker {
        pid: row.try_get(first).ok()?,
        application: row.try_get(first + 1).ok()?,
        age: age(row.try_get(first + 2).ok()?),
    })
}

/// Of seconds, as the server counts them.
pub(crate) fn age(seconds: Option<f64>) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds?.max(0.0)).ok()
}

impl Session {
    /// Tries to take the one lock of this database, for as long as the session exists. It never waits: a waiting session holds
    /// a snapshot, and `CREATE INDEX CONCURRENTLY` of the holder would wait for that (a deadlock, measured).
    pub async fn try_lock(&self) -> Result<Locked, QueryError> {
        // Session locks are counted: a second one would have to be released twice.
        let attempt = format!(
            "SELECT CASE WHEN {} THEN true ELSE pg_catalog.pg_try_advisory_lock({KEY}) END",
            held()
        );
        let [mine] = self.connection.row(&attempt).await?;
        if mine == "t" {
            return Ok(Locked::Mine);
        }
        Ok(Locked::Held(self.lock_holder().await?))
    }

    /// The session that has the lock, if one has.
    pub(crate) async fn lock_holder(&self) -> Result<Option<Blocker>, QueryError> {
        let holder = format!(
            "SELECT l.pid, a.application_name, \
                    extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(a.xact_start, a.backend_start))::float8 \
             FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid WHERE {}",
            is_ours()
        );
        let rows = self.connection.query(&holder, &[]).await?;
        Ok(rows.first().and_then(|row| blocker(row, 0)))
    }

    pub(crate) async fn unlock(&self) -> Result<(), QueryError> {
        let statement = format!("SELECT pg_catalog.pg_advisory_unlock({KEY}) WHERE {}", held());
        self.connection.execute(&statement).await
    }
}

use std::time::Duration;

use ace_domain::kinds::migration_set::Blocker;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{MissedTickBehavior, interval};

use super::{Point, Scope, TableName, Tables, schema_of};
use crate::{Access, Locked, OpenError, QueryError, Session, Settings, session::held};

/// How far the server's clock may be from ours: retention and freshness count by its time.
const SKEW: SignedDuration = SignedDuration::from_hours(1);

/// How often the schema is read again if it is changed meanwhile.
const LOOKS: u32 = 5;

/// How often the session is kept awake. The server ends one that is idle in its transaction for 60 s.
const AWAKE: Duration = Duration::from_secs(15);

/// A snapshot that other sessions can read, held by a session that has the database's lock: no migration runs meanwhile.
/// Dropping it ends both.
pub struct Snapshot {
    session: Session,
    id: String,
    scope: Scope,
    tables: Tables,
    point: Point,
}

/// The result of trying to take a snapshot.
pub enum Attempt {
    Taken(Box<Snapshot>),
    /// Another session has the database's lock; `None` if that one ended meanwhile.
    Held(Option<Blocker>),
    /// Other sessions change the schema.
    Busy,
}

/// Why there is no snapshot, or no longer one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SnapshotError {
    /// There is no session.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// A statement failed.
    #[error("{0}")]
    Query(#[from] QueryError),
    /// The server's clock is more than an hour from ours.
    #[error("the server's clock is {} min {} ours: set the clocks first", .0.abs().as_mins(), if .0.is_negative() { "behind" } else { "ahead of" })]
    ClockSkew(SignedDuration),
    /// Tables whose rows are to be left out, and that are not there.
    #[error("there is no table {}: correct `scope.excludeData`", names(.0))]
    Absent(Vec<TableName>),
    /// The session that held lock and snapshot has ended, or lost the lock.
    #[error("the session that held the database's lock has ended")]
    LeaseLost,
}

impl SnapshotError {
    /// The variant as a label of bounded cardinality.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Open(error) => error.reason(),
            Self::Query(error) => error.reason(),
            Self::ClockSkew(_) => "ClockSkew",
            Self::Absent(_) => "TableMissing",
            Self::LeaseLost => "LeaseLost",
        }
    }
}

impl Snapshot {
    /// Takes the database's lock, without waiting for it, and a snapshot. `application` is the name of the session:
    /// `ace-worker/<namespace>/<name>`. `now`: our time.
    pub async fn take(
        access: &Access,
        application: &str,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<Attempt, SnapshotError> {
        let session = Session::open_read_only(access, &Settings::new(application)).await?;
        match attempt(&session, scope, now).await {
            Ok(Found::Taken { id, tables, point }) => Ok(Attempt::Taken(Box::new(Self {
                session,
                id,
                scope: scope.clone(),
                tables,
                point: *point,
            }))),
            other => {
                // The lock is free for the next session at once.
                session.close().await;
                match other? {
                    Found::Held(by) => Ok(Attempt::Held(by)),
                    Found::Busy | Found::Taken { .. } => Ok(Attempt::Busy),
                }
            }
        }
    }

    /// Whether a session of this name has the database's lock: somebody makes that backup now.
    pub async fn is_being_taken(access: &Access, application: &str) -> Result<bool, SnapshotError> {
        let session = Session::open_read_only(access, &Settings::new(application)).await?;
        let holder = session.lock_holder().await;
        session.close().await;
        let name = holder?.and_then(|holder| holder.application);
        // The server keeps the first 63 bytes.
        let kept = application.as_bytes().get(..63).unwrap_or(application.as_bytes());
        Ok(name.is_some_and(|name| name.as_bytes() == kept))
    }

    /// What it is a snapshot of.
    pub fn point(&self) -> &Point {
        &self.point
    }

    /// Proves that this very session still has lock and snapshot, and keeps it awake.
    pub async fn prove_held(&self) -> Result<(), SnapshotError> {
        let proof = format!(
            "SELECT {} AND pg_catalog.pg_backend_pid() = {}",
            held(),
            self.session.connection().pid()
        );
        match self.session.connection().row(&proof).await {
            Ok([held]) if held == "t" => Ok(()),
            Ok(_) | Err(QueryError::Closed) => Err(SnapshotError::LeaseLost),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps the session awake for as long as it is polled, and returns why that is over.
    pub async fn lost(&self) -> SnapshotError {
        let mut awake = interval(AWAKE);
        awake.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            awake.tick().await;
            if let Err(error) = self.prove_held().await {
                return error;
            }
        }
    }

    /// Ends transaction, lock and session.
    pub async fn release(self) {
        // The end of the session ends it too, a moment later.
        let _ = self.session.connection().execute("ROLLBACK").await;
        self.session.close().await;
    }

    /// The name by which other sessions read it.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The arguments of `pg_dump` for this snapshot.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = self.scope.arguments(&self.tables.excluded);
        arguments.push(format!("--snapshot={}", self.id));
        arguments
    }
}

/// What an attempt has found, in a session that remains open.
enum Found {
    Taken {
        id: String,
        tables: Tables,
        point: Box<Point>,
    },
    Held(Option<Blocker>),
    Busy,
}

async fn attempt(session: &Session, scope: &Scope, now: Timestamp) -> Result<Found, SnapshotError> {
    if let Locked::Held(by) = session.try_lock().await? {
        return Ok(Found::Held(by));
    }
    let connection = session.connection();
    // The functions that describe a schema read it as it is now, not as it is in a snapshot: it is read before, and is the
    // snapshot's if the change check in it says so.
    for _ in 0..LOOKS {
        let Some((schema, gate)) = schema_of(connection, scope).await? else {
            continue;
        };
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        connection.execute(begin).await?;
        let [id] = connection.row("SELECT pg_catalog.pg_export_snapshot()").await?;
        if connection.gate_within().await? != gate {
            connection.execute("ROLLBACK").await?;
            continue;
        }
        let tables = Tables::read(connection, scope).await?;
        if !tables.absent.is_empty() {
            return Err(SnapshotError::Absent(tables.absent));
        }
        let mut point = Point::read(connection, scope, &tables).await?;
        let skew = point.ahead_of(now);
        if skew.abs() > SKEW {
            return Err(SnapshotError::ClockSkew(skew));
        }
        point.schema_digest = schema.digest();
        let point = Box::new(point);
        return Ok(Found::Taken { id, tables, point });
    }
    Ok(Found::Busy)
}

pub(crate) fn names(tables: &[TableName]) -> String {
    /// Most names that are shown: a message has at most 1 kB.
    const SHOWN: usize = 5;
    let shown: Vec<String> = tables.iter().take(SHOWN).map(ToString::to_string).collect();
    match tables.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

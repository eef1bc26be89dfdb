//! A session that may run migrations: its settings, its lock, and its catalogue queries.

mod catalogue;
mod lock;
mod read_only;
mod risks;
mod schema;

use std::time::Duration;

use tokio::sync::Mutex;

use crate::{
    Access, Connection, OpenError, QueryError,
    connection::{OUR_PATH, StartUp},
};

pub use lock::Locked;
pub(crate) use lock::{age, blocker, held};
pub use read_only::ReadOnlySession;

/// How often the server checks during a statement whether its client is still connected: after the client was killed, its
/// statement is cancelled and its lock free within this time (0.3 s: 1 s measured; without it the statement commits).
pub(crate) const CONNECTION_CHECK: Duration = Duration::from_secs(2);

/// `application_name` of the watchdog's session.
const WATCHDOG: &str = "ace-operator/watchdog";

/// Settings of a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// `application_name` of the session, which is also recorded with what it applied: `ace-operator/<namespace>/<name>`. The
    /// server keeps 63 bytes.
    pub application: String,
    /// How long a statement of a transactional file waits for one lock. 2 s.
    pub lock_timeout: Duration,
    /// How long a statement of a file may take. 15 min.
    pub statement_timeout: Duration,
    /// Until the server ends an idle session, in a transaction or outside, and with it the lock of a paused operator. 60 s.
    pub idle: Duration,
}

impl Settings {
    /// The values that are named beside the fields.
    pub fn new(application: &str) -> Self {
        Self {
            application: application.to_owned(),
            lock_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_mins(15),
            idle: Duration::from_mins(1),
        }
    }
}

/// A session that may run migrations, and a second one for the watchdog, which is opened when a statement takes long enough to
/// be watched, or at once if the lock timeout is short. Dropping it ends both, and with them the lock.
///
/// After an error that the session has ended, a new session has to be opened.
pub struct Session {
    pub(crate) connection: Connection,
    pub(crate) settings: Settings,
    pub(crate) watchdog: Mutex<Option<Connection>>,
    /// No statement is sent before the one in front of it is answered.
    pub(crate) one_by_one: bool,
    access: Access,
}

impl Session {
    pub async fn open(access: &Access, settings: &Settings) -> Result<Self, OpenError> {
        Self::open_with(access, settings, true, Vec::new()).await
    }

    /// Opens a read-only session.
    pub async fn open_read_only(access: &Access, settings: &Settings) -> Result<Self, OpenError> {
        let read_only = ("default_transaction_read_only", "on".to_owned());
        Self::open_with(access, settings, false, vec![read_only]).await
    }

    async fn open_with(
        access: &Access,
        settings: &Settings,
        runs_files: bool,
        further: Vec<(&'static str, String)>,
    ) -> Result<Self, OpenError> {
        let start_up = StartUp {
            application: &settings.application,
            runs_files,
            settings: [start_up(settings), further].concat(),
        };
        Ok(Self {
            connection: Connection::open_as(access, &start_up).await?,
            settings: settings.clone(),
            watchdog: Mutex::new(None),
            one_by_one: false,
            access: access.clone(),
        })
    }

    /// From here on each statement of a file waits for the answer to the one before it: a session that is lost is lost at the
    /// statement that is named, and not behind it.
    pub fn send_one_by_one(&mut self) {
        self.one_by_one = true;
    }

    /// The underlying connection, for reads.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Releases the lock and closes the session, so that the next session can take it at once.
    pub async fn close(self) {
        // The end of the session releases it too, a moment later.
        let _ = self.unlock().await;
        if let Some(watchdog) = self.watchdog.into_inner() {
            watchdog.close().await;
        }
        self.connection.close().await;
    }

    /// A session of the same role, for the watchdog.
    pub(crate) async fn open_watchdog(&self) -> Result<Connection, OpenError> {
        let start_up = StartUp {
            application: WATCHDOG,
            runs_files: false,
            settings: vec![("idle_session_timeout", self.settings.idle.as_millis().to_string())],
        };
        Connection::open_as(&self.access, &start_up).await
    }

    /// Resets the session to what it was at first, except for its lock: `DISCARD ALL` would release that.
    pub(crate) async fn refresh(&self) -> Result<(), QueryError> {
        let statements = format!(
            "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; SET search_path = {OUR_PATH}; DISCARD TEMP; \
             DISCARD SEQUENCES; CLOSE ALL; DEALLOCATE ALL; UNLISTEN *"
        );
        self.connection.execute(&statements).await
    }

    /// Sets again, until the end of the transaction, how strings are read, so that the server reads a file as we do, and the
    /// timeouts by which a paused or lost operator loses its lock: a dump that is used as a migration begins with
    /// `SET idle_in_transaction_session_timeout = 0`.
    pub(crate) fn renewal(&self) -> String {
        let idle = self.settings.idle.as_millis();
        format!(
            "{LEXING}; SET LOCAL idle_in_transaction_session_timeout = {idle}; \
             SET LOCAL client_connection_check_interval = {}",
            CONNECTION_CHECK.as_millis()
        )
    }
}

/// Until the end of the transaction. A role or a database may have another default.
const LEXING: &str = "SET LOCAL standard_conforming_strings = on; SET LOCAL backslash_quote = safe_encoding; \
    SET LOCAL client_encoding = 'UTF8'";

fn start_up(settings: &Settings) -> Vec<(&'static str, String)> {
    let milliseconds = |duration: Duration| duration.as_millis().to_string();
    vec![
        ("lock_timeout", milliseconds(settings.lock_timeout)),
        ("statement_timeout", milliseconds(settings.statement_timeout)),
        ("idle_in_transaction_session_timeout", milliseconds(settings.idle)),
        ("idle_session_timeout", milliseconds(settings.idle)),
        ("client_connection_check_interval", milliseconds(CONNECTION_CHECK)),
        // A statement outside of a transaction is read by them, and so is one whose syntax is checked.
        ("standard_conforming_strings", "on".to_owned()),
        ("backslash_quote", "safe_encoding".to_owned()),
        // A client whose machine is down answers no probes: 30 s + 3 × 10 s.
        ("tcp_keepalives_idle", "30".to_owned()),
        ("tcp_keepalives_interval", "10".to_owned()),
        ("tcp_keepalives_count", "3".to_owned()),
        ("tcp_user_timeout", milliseconds(settings.idle)),
    ]
}

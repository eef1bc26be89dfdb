//! MigrationSets end to end: the operator's process under its ServiceAccount, the real API server, a real PostgreSQL, and the
//! official CLI beside it. One operator serves all of these tests, each in a namespace and a database of its own; what needs a
//! server that can be stopped has one.

use ace_tests::{Database, Stage, Test};
use tokio_postgres::Client;

mod approval;
mod attempts;
mod backup_gate;
mod baseline;

mod content;
mod drift;
mod observed;
mod operator_schema;
mod outage;
mod quiet;
mod recorded;
mod runs;
mod secrets;
mod waits;

/// The tests of all modules.
pub(crate) fn tests() -> Vec<Test> {
    let modules = [
        approval::tests(),
        attempts::tests(),
        backup_gate::tests(),
        baseline::tests(),
        content::tests(),
        drift::tests(),
        observed::tests(),
        operator_schema::tests(),
        outage::tests(),
        quiet::tests(),
        recorded::tests(),
        runs::tests(),
        secrets::tests(),
        waits::tests(),
    ];
    modules.into_iter().flatten().collect()
}

/// Between two looks, where a test waits for them: 0.5 s at the shared operator's pace.
const OFTEN: &str = "30s";
/// Where nothing depends on a look: 24 minutes at that pace, so that whatever happens was caused.
const RARELY: &str = "24h";

/// A table with row security: one without it needs an approval.
const NOTES: (&str, &str) = (
    "20260101000000_notes.sql",
    "CREATE TABLE public.notes (id bigint PRIMARY KEY, body text);\nALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;\n",
);
/// Something on it.
const INDEX: (&str, &str) = (
    "20260102000000_index.sql",
    "CREATE INDEX notes_body ON public.notes (body);\n",
);

/// A statement that waits while there is a [`Gate`].
const PASS: &str = "SELECT pg_advisory_xact_lock_shared(4711);";

/// Holds up statements of one database until it is opened.
struct Gate(Client);

impl Gate {
    async fn close(database: &Database) -> Self {
        let session = database.session().await;
        session.batch_execute("SELECT pg_advisory_lock(4711)").await.unwrap();
        Self(session)
    }

    /// Waits until somebody stands before it, and answers with the number of their session.
    async fn reached(&self, stage: &Stage<'_>, database: &Database) -> String {
        let waiting = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted \
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let reached = async || database.rows(waiting).await.pop();
        stage.eventually("somebody stands before the gate", reached).await
    }

    async fn open(self) {
        self.0.batch_execute("SELECT pg_advisory_unlock_all()").await.unwrap();
    }
}

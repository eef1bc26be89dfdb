//! What the operator does at the database, in a process of its own: it opens a session, takes the lock, reads the ledgers, looks at
//! the schema, runs what is pending, looks again, and begins anew whenever something fails that passes.

use std::time::Duration;

use ace_database::{
    Access, FORM, Fingerprint, Locked, Password, Prepared, QueryError, Reading, RunError, Session, Settings, Tls,
};
use ace_domain::kinds::migration_set::{Owner, ReferenceState, StoredPlan};
use tokio::time::{sleep, timeout};

use crate::{server::PASSWORD, set::files};

/// By which the process knows what to do: port, database, number of the set, milliseconds of idleness, most milliseconds between
/// two steps.
pub const ORDERS: &str = "ACE_RACE_ORDERS";
/// The test that such a process runs.
pub const NAME: &str = "operator::a_process_of_its_own";
/// It does not outlive the test that forgot it.
const LIFE: Duration = Duration::from_mins(2);
/// Between two attempts to have the lock.
const TURN: Duration = Duration::from_millis(20);

#[test]
#[ignore = "started by the other tests"]
fn a_process_of_its_own() {
    let Ok(orders) = std::env::var(ORDERS) else { return };
    let orders: Vec<&str> = orders.split(' ').collect();
    let [port, database, number, idle, pause] = orders[..] else {
        panic!("{orders:?}")
    };
    let operator = Operator {
        access: access(port.parse().unwrap(), database),
        settings: Settings {
            idle: Duration::from_millis(idle.parse().unwrap()),
            ..Settings::new("ace-operator/ace/main")
        },
        number: number.parse().unwrap(),
        pause: pause.parse().unwrap(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { timeout(LIFE, operator.run()).await.unwrap() });
}

pub fn access(port: u16, database: &str) -> Access {
    Access {
        host: "127.0.0.1".to_owned(),
        port,
        name: database.to_owned(),
        user: "postgres".to_owned(),
        password: Password::new(PASSWORD).unwrap(),
        tls: Tls::Disable,
        limits: ace_database::Limits::default(),
        allow_insecure: true,
    }
}

struct Operator {
    access: Access,
    settings: Settings,
    number: u32,
    pause: u64,
}

/// Why a reconcile ended early.
#[derive(Debug)]
enum WorkError {
    /// The schema can't be read now.
    Busy,
    /// No way to the server now.
    Open,
    Query(QueryError),
    Run(RunError),
}

impl From<QueryError> for WorkError {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl From<RunError> for WorkError {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl Operator {
    /// Until every file is applied and the snapshot after them was taken.
    async fn run(&self) {
        loop {
            match Box::pin(self.pass()).await {
                Ok(()) => return,
                Err(WorkError::Busy | WorkError::Open) => sleep(TURN).await,
                // The next session finds in the ledgers what is done.
                Err(
                    WorkError::Run(
                        RunError::Lost { .. } | RunError::Unknown | RunError::LockLost | RunError::Retry { .. },
                    )
                    | WorkError::Query(QueryError::Closed | QueryError::NoAnswer(_) | QueryError::Unavailable(_)),
                ) => {}
                Err(trouble) => panic!("nobody wrote but those who held the lock: {trouble:?}"),
            }
        }
    }

    async fn pass(&self) -> Result<(), WorkError> {
        let mut session = Session::open(&self.access, &self.settings)
            .await
            .map_err(|_| WorkError::Open)?;
        // No transaction is open meanwhile: an index that is built would wait for it.
        while session.try_lock().await? != Locked::Mine {
            sleep(TURN).await;
        }
        let outcome = self.work(&mut session).await;
        session.close().await;
        outcome
    }

    async fn work(&self, session: &mut Session) -> Result<(), WorkError> {
        session.target().await?;
        self.prepare(session).await?;
        let ledger = session.ledgers().await?.ledger;
        let pending: Vec<_> = files(self.number)
            .into_iter()
            .filter(|(file, _)| !ledger.contains_key(file.version.as_str()))
            .collect();
        if !pending.is_empty() {
            self.look_before(session).await?;
        }
        for (file, script) in &pending {
            self.hesitate().await;
            session.run(file, script, &|_| ()).await?;
        }
        self.hesitate().await;
        self.look_behind(session).await
    }

    /// Our tables, and the first reference.
    async fn prepare(&self, session: &Session) -> Result<(), WorkError> {
        let ledgers = session.ledgers().await?;
        let owner = Owner {
            namespace: "ace".to_owned(),
            name: "main".to_owned(),
        };
        if ledgers
            .operator_schema
            .is_none_or(|operator_schema| operator_schema.owner.is_none())
        {
            assert_eq!(session.prepare_operator_schema(&owner).await?, Prepared::Ours);
        }
        if session.reference_state().await?.is_none() {
            let (objects, state, gate) = self.look(session).await?;
            session.replace_reference(&objects, &state, &gate).await?;
        }
        // The snapshot of an interrupted run is taken before the next begins.
        self.look_behind(session).await
    }

    async fn look_before(&self, session: &Session) -> Result<(), WorkError> {
        session.before_run(&[]).await?;
        let plan = StoredPlan {
            digest: "sha256:plan".to_owned(),
            system_identifier: "1".to_owned(),
            timeline: 1,
            database_oid: 1,
            items: Vec::new(),
        };
        Ok(session.store_plan(&plan).await?)
    }

    /// Nobody but these processes changes the schema, so that all of it is their work; and they drop nothing.
    async fn look_behind(&self, session: &Session) -> Result<(), WorkError> {
        if !session
            .reference_state()
            .await?
            .is_some_and(|state| state.snapshot_pending)
        {
            return Ok(());
        }
        let (objects, state, gate) = self.look(session).await?;
        let changed = Fingerprint::default().changes_to(&objects);
        Ok(session.after_run(&changed, &state.digest, &gate).await?)
    }

    async fn look(&self, session: &Session) -> Result<(Fingerprint, ReferenceState, String), WorkError> {
        let schemas = vec!["public".to_owned()];
        match session.connection().fingerprint(&schemas).await? {
            Reading::Taken { fingerprint, gate, .. } => {
                let state = ReferenceState {
                    digest: fingerprint.digest(),
                    snapshot_pending: false,
                    schemas,
                    server_major: 15,
                    form: FORM,
                };
                Ok((fingerprint, state, gate))
            }
            Reading::Busy => Err(WorkError::Busy),
        }
    }

    async fn hesitate(&self) {
        sleep(Duration::from_millis(rand::random_range(0..=self.pause))).await;
    }
}

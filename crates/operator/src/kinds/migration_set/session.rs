//! Looks at a database, and what its books say.

use ace_api::MigrationSet;
use ace_database::{FORM, House as Found, Limits, Locked, Notes, Session};
use ace_domain::{
    migration::{House, LedgerRow, OwnRow, PlatformSight, StoredPlan, Target, Trouble, View, World},
    platform::DatabaseTrouble,
};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    MigrationSets,
    look::Looker,
    schema::{self, Taken},
    words,
};
use crate::doorman::{Doorman, not_open};

/// Tables with fewer rows are locked for a moment only.
const LARGE: u64 = 10_000;

/// The way to the database that the Platform names.
pub(super) async fn looker(kind: &MigrationSets, object: &MigrationSet, known: &World) -> Result<Looker, Trouble> {
    let PlatformSight::Present(platform) = &known.platform else {
        return Err(no_database());
    };
    let database = platform.database.as_ref().ok_or_else(no_database)?;
    let doorman = Doorman {
        client: &kind.client,
        hosts: &kind.hosts,
        names: &kind.identity,
        limits: Limits::default(),
        pace: kind.pace,
    };
    let namespace = object.namespace().unwrap_or_default();
    let access = doorman.access(&namespace, database).await.map_err(Trouble::Database)?;
    Ok(Looker::new(access, object, "ace-operator"))
}

/// Opens the session that runs migrations.
pub(super) async fn open(kind: &MigrationSets, object: &MigrationSet, known: &World) -> Result<Session, Trouble> {
    let Looker { access, settings } = looker(kind, object, known).await?;
    let session = Session::open(&access, &settings).await;
    session.map_err(|error| Trouble::Database(not_open(&error)))
}

/// No such step is decided on.
fn no_database() -> Trouble {
    Trouble::Database(DatabaseTrouble::Unanswered("none is named".to_owned()))
}

/// Takes the database's lock, or says who has it.
pub(super) async fn lock(session: &Session) -> Result<(), Trouble> {
    match session.try_lock().await.map_err(|error| words::not_said(&error))? {
        Locked::Mine => Ok(()),
        Locked::Held(by) => Err(Trouble::Busy(words::holder(by.as_ref()))),
    }
}

/// One look at everything. Writes nothing. The schema was perhaps seen `just` now.
pub(super) async fn view(
    object: &MigrationSet,
    known: &World,
    session: &Session,
    just: Option<Taken>,
) -> Result<View, Trouble> {
    let at = Timestamp::now();
    let trouble = |error| words::not_said(&error);
    let target = session.target().await.map_err(trouble)?;
    let ledgers = session.ledgers().await.map_err(trouble)?;
    let large = session.large_tables(LARGE).await.map_err(trouble)?;
    let server_major = major(&target);
    let mut house = match ledgers.house {
        Found::Absent => None,
        Found::Newer(_) => Some(House {
            newer: true,
            ..House::default()
        }),
        Found::Present(notes) => Some(own_books(*notes)),
    };
    let seen = schema::look(object, known, session, house.is_some(), just).await?;
    if let Some(house) = &mut house {
        house.reference = seen.reference;
    }
    let rows = ledgers.recorded.unwrap_or_default().into_iter();
    Ok(View {
        at,
        place: match &known.platform {
            PlatformSight::Present(platform) => platform.place.clone(),
            PlatformSight::Absent => String::new(),
        },
        target: Target {
            system_identifier: target.identity.system_identifier,
            timeline: target.identity.timeline,
            database: target.database_name,
            database_oid: i64::from(target.database_oid),
            server_version: target.identity.server_version,
        },
        server_major,
        ledger: rows
            .map(|row| {
                let statements = row.statements;
                (row.version, LedgerRow { statements })
            })
            .collect(),
        form: FORM,
        house,
        large: large.into_iter().collect(),
        schema: seen.schema,
    })
}

/// Major version of the server, e.g. 15.
pub(super) fn major(target: &ace_database::Target) -> i32 {
    i32::try_from(target.server_version_number / 10_000).unwrap_or_default()
}

fn own_books(notes: Notes) -> House {
    let rows = notes.migrations.into_iter().map(|row| {
        let own = OwnRow {
            sha256: row.sha256,
            time: row.applied_at.try_into().unwrap_or_default(),
        };
        (row.version, own)
    });
    House {
        newer: false,
        owner: notes.owner.map(|owner| (owner.namespace, owner.name)),
        rows: rows.collect(),
        half: notes
            .steps
            .into_iter()
            .map(|step| (step.version, step.sha256))
            .collect(),
        plan: notes.plan.map(|plan| StoredPlan {
            digest: plan.digest,
            system_identifier: plan.system_identifier,
            timeline: plan.timeline,
            database_oid: i64::from(plan.database_oid),
            items: plan.files,
        }),
        reference: None,
    }
}

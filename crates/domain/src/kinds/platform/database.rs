//! What the looks at a database show, and what a Platform says of them.

use std::time::Duration;

use ace_api::{Database, DatabaseStatus, Platform, PlatformReason};
use jiff::Timestamp;

use super::{Cause, Decision, State};
use crate::{reconcile::annotations::is_reconcile_requested, reconcile::decision::Requeue};

/// One look at the database.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseCheck {
    /// When it was asked.
    pub at: Timestamp,
    /// Generation of the spec that says how: another one may be about another database.
    pub generation: Option<i64>,
    /// Who it is, or why it did not say so.
    pub outcome: Result<DatabaseStatus, DatabaseFailure>,
}

/// Why a database did not say who it is. None of it holds a password.
#[derive(Clone, Debug, PartialEq)]
pub enum DatabaseFailure {
    /// No answer, or one that says that it can't now: how.
    Unanswered(String),
    /// A Secret or its key is not there.
    SecretMissing(String),
    /// The operator may not read the Secrets; the sentence has the command that allows it.
    AccessMissing(String),
    /// The operator may not call that host and port.
    HostNotAllowed,
    /// What is in the Secret can't be a password: why.
    PasswordInvalid(String),
    /// The server rejects the password, or knows no such user.
    PasswordRejected,
    /// What is in the Secret of the authority can't be one: why.
    AuthorityInvalid(String),
    /// The server's certificate is not believed: why.
    CertificateRefused(String),
    /// TLS is wished, and there is none with this server: why.
    NoTls(String),
    /// A pooler in transaction mode answers.
    Pooler,
    /// The server refuses the user, the database or the question, with this SQLSTATE.
    Refused(String),
}

/// Whether the database is to be asked now.
pub(super) fn is_due(object: &Platform, state: &State, now: Timestamp) -> bool {
    if object.spec.database.is_none() {
        return false;
    }
    let asked = is_reconcile_requested(object, state.memo.common.last_handled_reconcile_at.as_ref());
    state.observation.database().is_none_or(|check| {
        check.generation != object.metadata.generation
            || now >= check.at + patience(object, state, check)
            || asked && check.at < state.began
    })
}

/// How long a look counts.
fn patience(object: &Platform, state: &State, check: &DatabaseCheck) -> Duration {
    match check.outcome.as_ref().map_err(DatabaseFailure::passes) {
        Ok(_) => state.timing.project_look(),
        Err(true) => state.timing.probe(),
        // Until a person has acted. Not more often: Supabase bans addresses that come with wrong passwords.
        Err(false) => state.timing.interval(object.spec.interval.get()),
    }
}

/// What the last look means for the Platform; the API answers. `next_list`: time until the next look at the API.
pub(super) fn judge(object: &Platform, state: &State, next_list: Duration, now: Timestamp) -> Decision {
    let (Some(database), Some(check)) = (&object.spec.database, state.observation.database()) else {
        return Decision::Settled(Requeue::After(next_list));
    };
    let next = check.at + patience(object, state, check);
    let next = next.duration_since(now).try_into().unwrap_or(Duration::ZERO);
    // The lists keep their own pace, whatever the database does.
    let again = Requeue::After(next_list.min(next));
    match &check.outcome {
        Ok(_) => Decision::Settled(again),
        Err(step_error) if step_error.passes() => Decision::Wait(step_error.cause(database), again),
        Err(step_error) => Decision::Refuse(step_error.cause(database), again),
    }
}

impl DatabaseFailure {
    /// It may be over without anybody's doing.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Self::Unanswered(_) | Self::SecretMissing(_))
    }

    pub(crate) fn cause(&self, database: &Database) -> Cause {
        use PlatformReason::{
            AccessMissing, DatabaseCertificateRefused, DatabasePasswordRejected, DatabaseRefused,
            DatabaseSecretMissing, DatabaseUnreachable, HostNotAllowed, PoolerUnsupported,
        };
        let Database {
            host, port, name, user, ..
        } = database;
        let at = format!("{host}:{port}");
        let secret = &database.password_secret_ref;
        let password = format!("key `{}` of Secret `{}`", secret.key, secret.name);
        let (reason, message) = match self {
            Self::Unanswered(how) => (
                DatabaseUnreachable,
                format!("the database at {at} does not answer: {how}"),
            ),
            Self::SecretMissing(message) => (DatabaseSecretMissing, format!("for the database: {message}")),
            Self::AccessMissing(message) => (AccessMissing, message.clone()),
            Self::HostNotAllowed => (
                HostNotAllowed,
                format!(
                    "the operator may not call the database at {at}: its flag `--allow-host` must name `postgres://{at}`"
                ),
            ),
            Self::PasswordInvalid(cause) => (
                DatabasePasswordRejected,
                format!("{password} can't be a password of the database: {cause}"),
            ),
            Self::PasswordRejected => (
                DatabasePasswordRejected,
                format!("the database rejects the password of user `{user}`: put the right one into {password}"),
            ),
            Self::AuthorityInvalid(cause) => (DatabaseCertificateRefused, authority_invalid(database, cause)),
            Self::CertificateRefused(cause) => (DatabaseCertificateRefused, certificate_refused(database, cause)),
            Self::NoTls(cause) => (
                DatabaseCertificateRefused,
                format!("no encrypted connection to the database at {at}: {cause}; turn TLS on there"),
            ),
            Self::Pooler => (
                PoolerUnsupported,
                format!(
                    "a pooler that shares sessions answers at {at}: name the direct connection or the session pooler, on port 5432"
                ),
            ),
            Self::Refused(state) => (DatabaseRefused, refused(state, user, name)),
        };
        Cause::new(reason, message)
    }
}

fn authority_invalid(database: &Database, cause: &str) -> String {
    let secret = database.ca_secret_ref.as_ref();
    let place = secret.map_or_else(
        || "`spec.database.caSecretRef`".to_owned(),
        |secret| format!("key `{}` of Secret `{}`", secret.key, secret.name),
    );
    format!("{place} names no authority for the database: {cause}; put the PEM certificate of its authority there")
}

fn certificate_refused(database: &Database, cause: &str) -> String {
    let remedy = match &database.ca_secret_ref {
        Some(secret) => format!(
            "put its authority's certificate into key `{}` of Secret `{}`",
            secret.key, secret.name
        ),
        None => "name its authority's certificate in `spec.database.caSecretRef`".to_owned(),
    };
    let host = &database.host;
    format!("the certificate of the database at {host} is refused: {cause}; {remedy}, or set the `host` that it is for")
}

fn refused(state: &str, user: &str, name: &str) -> String {
    match state {
        "28000" => format!(
            "the database does not let user `{user}` in (SQLSTATE {state}): check `user` and `tls`, and the network restrictions of the project"
        ),
        "3D000" => format!("there is no database `{name}` (SQLSTATE {state}): correct `spec.database.name`"),
        "42501" => format!(
            "user `{user}` lacks a right (SQLSTATE {state}): it must be allowed to connect to `{name}`, to call pg_control_system() and pg_control_checkpoint(), and, for migrations, to create schemas in it"
        ),
        "XX000" => format!(
            "the database refuses user `{user}` (SQLSTATE {state}): the user of Supabase's pooler has the project behind it, as in `postgres.<project>`"
        ),
        _ => format!(
            "the database refuses user `{user}` or database `{name}` with SQLSTATE {state}: correct `spec.database`"
        ),
    }
}

//! Checks of the Platform's database, and their effect on its conditions.

use std::time::Duration;

use ace_api::{Database, DatabaseStatus, Platform, PlatformReason};
use jiff::Timestamp;

use super::{Cause, Decision, State};
use crate::{
    inputs::SecretProblem,
    reconcile::{annotations::is_reconcile_requested, decision::Requeue, refusals::Refusals},
};

#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseCheck {
    pub at: Timestamp,
    /// Generation of the spec that it was made for: another one may name another database.
    pub generation: Option<i64>,
    /// How often in a row the operator was refused to read the Secrets, this check included.
    pub refusals: Refusals,
    /// Identity of the server, or why it could not be read.
    pub outcome: Result<DatabaseStatus, DatabaseFailure>,
}

/// Why the check of a database failed. No text contains a password.
#[derive(Clone, Debug, PartialEq)]
pub enum DatabaseFailure {
    /// No answer, or a temporary refusal: its description.
    Unanswered(String),
    SecretMissing(String),
    /// The API server did not return a Secret.
    SecretUnanswered(String),
    /// What is in a Secret is not what it should be.
    SecretInvalid(String),
    /// The operator is not allowed to read the Secrets; the message has the command that allows it.
    AccessMissing(String),
    /// The Secret does not offer this use; the message has the command that adds it.
    SecretNotOffered(String),
    /// It is not the project's own, and no flag names it.
    HostNotAllowed,
    /// The Secret's content is not a valid password: why.
    PasswordInvalid(String),
    /// The server rejects the password, or knows no such user.
    PasswordRejected,
    /// The Secret of the CA has no valid certificate: why.
    AuthorityInvalid(String),
    /// The verification of the server's certificate failed: why.
    CertificateRefused(String),
    /// TLS is required, and no TLS connection is possible: why.
    NoTls(String),
    /// The password would go to whoever answers, which the operator's flag does not allow: how.
    Insecure(String),
    /// The server sent more than is read of it: what.
    Excess(String),
    /// A pooler in transaction mode answers.
    Pooler,
    /// The server refuses the user, the database or the query, with this SQLSTATE.
    Refused(String),
    /// A table that the operator keeps there, or the ledger, was changed so that it can't be used: which, and how.
    Damaged(String),
}

pub(super) fn is_due(object: &Platform, state: &State, now: Timestamp) -> bool {
    if object.spec.database.is_none() {
        return false;
    }
    let requested = is_reconcile_requested(object, state.memo.common.last_handled_reconcile_at.as_ref());
    state.memory.database.as_ref().is_none_or(|check| {
        check.generation != object.metadata.generation
            || now >= check.at + patience(object, state, check)
            || requested && check.at < state.began
    })
}

/// How long a check is valid.
fn patience(object: &Platform, state: &State, check: &DatabaseCheck) -> Duration {
    if check.refusals.are_doubted() {
        return state.timing.rights();
    }
    match check.outcome.as_ref().map_err(DatabaseFailure::passes) {
        Ok(_) => state.timing.project_interval(),
        Err(true) => state.timing.probe(),
        // A person has to act. Not more often: Supabase bans addresses that send wrong passwords.
        Err(false) => state.timing.interval(object.spec.interval.get()),
    }
}

/// The decision by the last check, while the API answers. `next_list`: when the functions are listed next.
pub(super) fn judge(object: &Platform, state: &State, next_list: Timestamp) -> Decision {
    let (Some(database), Some(check)) = (&object.spec.database, state.memory.database.as_ref()) else {
        return Decision::Settled(Requeue::At(next_list));
    };
    let next = check.at + patience(object, state, check);
    // The lists keep their own interval, whatever the database does.
    let requeue = Requeue::At(next_list.min(next));
    match &check.outcome {
        Ok(_) => Decision::Settled(requeue),
        Err(step_error) if step_error.passes() => Decision::Wait(step_error.cause(database), requeue),
        Err(step_error) => Decision::Refuse(step_error.cause(database), requeue),
    }
}

impl DatabaseCheck {
    /// This check, after those `before` it.
    pub(super) fn following(mut self, before: Option<&Self>) -> Self {
        let so_far = before.map(|check| check.refusals).unwrap_or_default();
        self.refusals = so_far.after(matches!(self.outcome, Err(DatabaseFailure::AccessMissing(_))));
        self
    }
}

impl From<SecretProblem> for DatabaseFailure {
    fn from(problem: SecretProblem) -> Self {
        match problem {
            SecretProblem::Missing(message) => Self::SecretMissing(message),
            SecretProblem::Invalid(message) => Self::SecretInvalid(message),
            SecretProblem::NotOffered(message) => Self::SecretNotOffered(message),
            SecretProblem::AccessMissing(message) => Self::AccessMissing(message),
            SecretProblem::Unanswered(message) => Self::SecretUnanswered(message),
        }
    }
}

impl DatabaseFailure {
    /// It may be over without a person acting.
    pub(crate) fn passes(&self) -> bool {
        matches!(
            self,
            Self::Unanswered(_) | Self::SecretUnanswered(_) | Self::SecretMissing(_)
        )
    }

    pub(crate) fn cause(&self, database: &Database) -> Cause {
        use PlatformReason::{
            AccessMissing, DatabaseCertificateRefused, DatabaseInsecure, DatabasePasswordRejected, DatabaseRefused,
            DatabaseSecretMissing, DatabaseUnreachable, HostNotAllowed, PoolerUnsupported, Retrying, SecretInvalid,
            SecretNotOffered,
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
            Self::SecretMissing(message) => (DatabaseSecretMissing, no_connection(message)),
            Self::SecretUnanswered(message) => (Retrying, no_connection(message)),
            Self::SecretInvalid(message) => (SecretInvalid, no_connection(message)),
            Self::AccessMissing(message) => (AccessMissing, message.clone()),
            Self::SecretNotOffered(message) => (SecretNotOffered, message.clone()),
            Self::HostNotAllowed => (
                HostNotAllowed,
                format!(
                    "{at} with user `{user}` is not the project's own database: use `db.<project>.supabase.co`, or a session pooler with a user that ends in `.<project>`, on port 5432; or add `postgres://{at}` to the operator's flag `--allow-database-host`"
                ),
            ),
            Self::PasswordInvalid(cause) => (
                SecretInvalid,
                format!("{password} is not a valid database password: {cause}"),
            ),
            Self::PasswordRejected => (
                DatabasePasswordRejected,
                format!("the database rejects the password of user `{user}`: put the correct one into {password}"),
            ),
            Self::AuthorityInvalid(cause) => (SecretInvalid, authority_invalid(database, cause)),
            Self::CertificateRefused(cause) => (DatabaseCertificateRefused, certificate_refused(database, cause)),
            Self::NoTls(cause) => (
                DatabaseCertificateRefused,
                format!("no encrypted connection to the database at {at}: {cause}; turn TLS on there"),
            ),
            Self::Insecure(how) => (
                DatabaseInsecure,
                format!(
                    "the password of the database at {at} would be given to whoever answers there: {how}; use TLS and \
                     scram-sha-256, or start the operator with `--allow-insecure-database`"
                ),
            ),
            Self::Excess(what) => (
                DatabaseRefused,
                format!(
                    "{what}, and the operator reads no more of it: check that {at} is the project's own database, and that ledger \
                     and schemas there are not larger than that"
                ),
            ),
            Self::Pooler => (
                PoolerUnsupported,
                format!(
                    "a pooler in transaction mode answers at {at}: use the direct connection or the session pooler, on port 5432"
                ),
            ),
            Self::Refused(state) => (DatabaseRefused, refused(state, user, name)),
            Self::Damaged(what) => (
                DatabaseRefused,
                format!(
                    "{what}; restore it from a backup, or, if it is in schema `ace_ops`, run `DROP SCHEMA ace_ops CASCADE`: the \
                     operator makes it anew, and learns from the ledger what was applied"
                ),
            ),
        };
        Cause::new(reason, message)
    }
}

fn no_connection(message: &str) -> String {
    format!("can't connect to the database: {message}")
}

fn authority_invalid(database: &Database, cause: &str) -> String {
    let secret = database.ca_secret_ref.as_ref();
    let place = secret.map_or_else(
        || "`spec.database.caSecretRef`".to_owned(),
        |secret| format!("key `{}` of Secret `{}`", secret.key, secret.name),
    );
    format!("{place} has no valid CA certificate for the database: {cause}; put the PEM certificate of its CA there")
}

fn certificate_refused(database: &Database, cause: &str) -> String {
    let remedy = match &database.ca_secret_ref {
        Some(secret) => format!(
            "put the certificate of its CA into key `{}` of Secret `{}`",
            secret.key, secret.name
        ),
        None => "set `spec.database.caSecretRef` to the certificate of its CA".to_owned(),
    };
    let host = &database.host;
    format!(
        "verification of the certificate of the database at {host} failed: {cause}; {remedy}, or set `spec.database.host` to a name in the certificate"
    )
}

fn refused(state: &str, user: &str, name: &str) -> String {
    match state {
        "28000" => format!(
            "the database refuses a session to user `{user}` (SQLSTATE {state}): check `user` and `tls`, and the network restrictions of the project"
        ),
        "3D000" => format!("there is no database `{name}` (SQLSTATE {state}): correct `spec.database.name`"),
        "42501" => format!(
            "user `{user}` lacks a right (SQLSTATE {state}): it must be allowed to connect to `{name}`, to call pg_control_system() and pg_control_checkpoint(), and, for migrations, to create schemas in it"
        ),
        "XX000" => format!(
            "the database refuses user `{user}` (SQLSTATE {state}): with Supabase's pooler the user name ends with the project, as in `postgres.<project>`"
        ),
        _ => format!(
            "the database refuses user `{user}` or database `{name}` with SQLSTATE {state}: correct `spec.database`"
        ),
    }
}

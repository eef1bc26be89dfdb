use std::time::Duration;

use ace_api::{Database, DatabaseTls, SecretKeyReference};
use ace_domain::kinds::platform::DatabaseFailure;

use crate::{Authority, Password, Tls};

/// Address and credentials of one database.
#[derive(Clone, Debug)]
pub struct Access {
    /// Name or address of the server; with [`Tls::VerifyFull`], the name that its certificate must have.
    pub host: String,
    /// Port of the server.
    pub port: u16,
    /// Name of the database.
    pub name: String,
    /// Role to connect as.
    pub user: String,
    pub password: Password,
    /// TLS mode of the connection.
    pub tls: Tls,
    pub limits: Limits,
    /// Also without encryption, and where the server asks for the password in clear text or as MD5: whoever answers has it then.
    pub allow_insecure: bool,
}

impl Access {
    /// The access to this database, with the content of its Secrets. Does not check whether its host is allowed, nor whether the
    /// connection must be safe.
    pub fn new(
        database: &Database,
        password: &str,
        authority: Option<&str>,
        limits: Limits,
    ) -> Result<Self, DatabaseFailure> {
        let password = Password::new(password).map_err(|error| DatabaseFailure::PasswordInvalid(error.to_string()))?;
        let authority = authority.map(Authority::from_pem).transpose();
        let authority = authority.map_err(|error| DatabaseFailure::AuthorityInvalid(error.to_string()))?;
        Ok(Self {
            host: database.host.clone(),
            // The CRD allows only ports; no server listens on 0.
            port: u16::try_from(database.port).unwrap_or_default(),
            name: database.name.clone(),
            user: database.user.clone(),
            password,
            tls: match database.tls {
                DatabaseTls::Disable => Tls::Disable,
                DatabaseTls::Require => Tls::Require,
                DatabaseTls::VerifyFull => Tls::VerifyFull(authority),
            },
            limits,
            allow_insecure: true,
        })
    }

    /// The Secret with the CA certificate, if the server's certificate is verified by one.
    pub fn authority(database: &Database) -> Option<&SecretKeyReference> {
        let verified = database.tls == DatabaseTls::VerifyFull;
        database.ca_secret_ref.as_ref().filter(|_| verified)
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// For opening a session: name look-up, every address of the name, TLS and authentication together. 10 s.
    pub open: Duration,
    /// Per statement, at the server (`statement_timeout`); we wait [`Limits::MARGIN`] longer, for its answer. 10 s.
    pub statement: Duration,
    /// Until the server ends a session that is idle in a transaction. 60 s, so that a paused operator loses its locks.
    pub idle_in_transaction: Duration,
}

impl Limits {
    /// How much longer than the server we wait for a statement, so that its own refusal arrives. 2 s.
    pub const MARGIN: Duration = Duration::from_secs(2);
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open: Duration::from_secs(10),
            statement: Duration::from_secs(10),
            idle_in_transaction: Duration::from_mins(1),
        }
    }
}

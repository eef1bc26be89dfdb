use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::pki_types::CertificateDer;
use tokio::task::spawn_blocking;

use super::{ClientError, Handed};
use crate::{Access, Tls};

/// The first major whose library takes a list of ways to log in.
const NAMES_LOGINS: u32 = 16;

/// Where no file is: what the user of this process has in a home directory is not for these programs.
const NOWHERE: &str = "/nonexistent";

/// The whole environment of a program, by which it reaches a database as our own sessions do. What is in it, the password too,
/// can be read by processes of our own user only.
pub(crate) struct Environment {
    pub(super) variables: Vec<(&'static str, String)>,
    /// What it names, kept for as long as the program runs.
    _authorities: Option<Handed>,
}

impl Environment {
    /// For a program that reaches no database.
    pub(crate) fn of_none() -> Self {
        Self {
            // Messages are recognised in English.
            variables: vec![("LC_ALL", "C".to_owned()), ("HOME", NOWHERE.to_owned())],
            _authorities: None,
        }
    }

    /// For a program of this major, which calls its session `application`.
    pub(crate) async fn of(
        access: &Access,
        application: &str,
        program: &'static str,
        major: u32,
    ) -> Result<Self, ClientError> {
        let mut variables = Self::of_none().variables;
        variables.extend([
            ("PGHOST", access.host.clone()),
            ("PGPORT", access.port.to_string()),
            ("PGUSER", access.user.clone()),
            ("PGDATABASE", access.name.clone()),
            ("PGPASSWORD", access.password.reveal().to_owned()),
            ("PGAPPNAME", application.to_owned()),
            ("PGCONNECT_TIMEOUT", access.limits.open.as_secs().max(2).to_string()),
            // After the program was killed, its statement ends within this time.
            ("PGOPTIONS", "-c client_connection_check_interval=2000".to_owned()),
            ("PGGSSENCMODE", "disable".to_owned()),
            ("PGCLIENTENCODING", "UTF8".to_owned()),
        ]);
        let mut authorities = None;
        let mode = match &access.tls {
            Tls::Disable => "disable",
            Tls::Require => "require",
            Tls::VerifyFull(authority) => {
                let trusted = match authority {
                    Some(authority) => pem(authority.certificates()),
                    None => of_the_system().await?,
                };
                let handed = Handed::new(trusted.as_bytes());
                let handed = handed.map_err(|error| ClientError::NotHanded {
                    program,
                    kind: error.kind(),
                })?;
                variables.push(("PGSSLROOTCERT", handed.path()));
                authorities = Some(handed);
                "verify-full"
            }
        };
        variables.push(("PGSSLMODE", mode.to_owned()));
        if !access.allow_insecure {
            variables.extend(secure_login(&access.tls, major));
        }
        Ok(Self {
            variables,
            _authorities: authorities,
        })
    }
}

/// No login with a password that others could use. An older library can only demand one that is bound to the connection; of a
/// server that is verified it is not needed.
fn secure_login(tls: &Tls, major: u32) -> Option<(&'static str, String)> {
    if major >= NAMES_LOGINS {
        return Some(("PGREQUIREAUTH", "scram-sha-256,none".to_owned()));
    }
    matches!(tls, Tls::Require).then(|| ("PGCHANNELBINDING", "require".to_owned()))
}

/// Read each time again, as our own sessions do, so that a replaced bundle is used.
async fn of_the_system() -> Result<String, ClientError> {
    let loaded = spawn_blocking(rustls_native_certs::load_native_certs).await;
    let certificates = loaded.map(|loaded| loaded.certs).unwrap_or_default();
    if certificates.is_empty() {
        return Err(ClientError::NoAuthorities);
    }
    Ok(pem(&certificates))
}

fn pem(certificates: &[CertificateDer<'_>]) -> String {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        // A line of PEM has 64 characters: those of 48 bytes.
        for line in certificate.chunks(48) {
            writeln!(text, "{}", STANDARD.encode(line)).expect("writing to a String succeeds");
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use ace_api::{Database, DatabaseTls, SecretKeyReference};
use ace_egress::{SecretString, Url};
use percent_encoding::percent_decode_str;

use super::PlanError;

/// The URL of a database. It has a password in it, so its `Debug` shows nothing, and it is parsed only after the arguments:
/// clap's message about a bad argument repeats its value.
#[derive(Clone)]
pub(crate) struct DatabaseUrl(String);

/// The parts of the URL.
#[derive(Clone, PartialEq)]
pub(super) struct Address {
    host: String,
    port: u16,
    name: String,
    user: String,
    tls: Option<DatabaseTls>,
    pub(super) password: SecretString,
}

impl FromStr for DatabaseUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DatabaseUrl(..)")
    }
}

impl DatabaseUrl {
    pub(super) fn address(&self) -> Result<Address, PlanError> {
        let form =
            "is not of the form postgresql://USER:PASSWORD@HOST:PORT/DATABASE; write %40 for an @ in the password";
        let url = Url::parse(&self.0).map_err(|_| PlanError::Url(form))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(PlanError::Url(form));
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(Into::into);
        let decoded = |text: &str| -> Result<String, PlanError> { decoded(text).map_err(|_| PlanError::Url(form)) };
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or(PlanError::Url(form))?;
        let or_postgres = |text: String| if text.is_empty() { "postgres".to_owned() } else { text };
        let mut tls = None;
        for (key, value) in url.query_pairs() {
            tls = match (&*key, &*value) {
                ("sslmode", "disable") => Some(DatabaseTls::Disable),
                ("sslmode", "require") => Some(DatabaseTls::Require),
                ("sslmode", "verify-full") => Some(DatabaseTls::VerifyFull),
                _ => {
                    return Err(PlanError::Url(
                        "allows no parameter but sslmode, which is disable, require or verify-full",
                    ));
                }
            };
        }
        Ok(Address {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port().unwrap_or(5432),
            name: or_postgres(decoded(url.path().trim_start_matches('/'))?),
            user: or_postgres(decoded(url.username())?),
            tls,
            password: SecretString::new(decoded(url.password().ok_or(PlanError::Url("names no password"))?)?),
        })
    }
}

impl Address {
    /// The Platform's database, with the access of the URL.
    pub(super) fn database(&self, named: Option<Database>) -> Database {
        let nobody = || SecretKeyReference {
            name: String::new(),
            key: String::new(),
        };
        let tls = named.as_ref().map(|named| named.tls).unwrap_or_default();
        Database {
            host: self.host.clone(),
            port: self.port.into(),
            name: self.name.clone(),
            user: self.user.clone(),
            tls: self.tls.unwrap_or(tls),
            ca_secret_ref: named.as_ref().and_then(|named| named.ca_secret_ref.clone()),
            password_secret_ref: named.map_or_else(nobody, |named| named.password_secret_ref),
            reader: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use ace_api::DatabaseTls;
    use ace_egress::SecretString;

    use super::{Address, DatabaseUrl};

    fn usual() -> Address {
        Address {
            host: "db.example.com".to_owned(),
            port: 5432,
            name: "postgres".to_owned(),
            user: "postgres".to_owned(),
            tls: None,
            password: SecretString::new("canary"),
        }
    }

    fn read(text: &str) -> Result<Address, String> {
        let url: DatabaseUrl = text.parse().unwrap();
        url.address().map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_supabase() {
        let cases = [
            ("postgresql://postgres:canary@db.example.com:5432/postgres", usual()),
            ("postgres://:canary@db.example.com", usual()),
            (
                "postgres://a.b:can%40ry%2F@[::1]:6000/x%20y?sslmode=require",
                Address {
                    host: "::1".to_owned(),
                    port: 6000,
                    name: "x y".to_owned(),
                    user: "a.b".to_owned(),
                    tls: Some(DatabaseTls::Require),
                    password: SecretString::new("can@ry/"),
                },
            ),
        ];
        for (text, expected) in cases {
            assert!(read(text) == Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_refused_text_is_never_shown() {
        for text in [
            "canary",
            "https://postgres:canary@db.example.com",
            "postgres://postgres:canary@:5432/x",
            "postgres://postgres:canary@db.example.com:port/x",
            "postgres://postgres:canary@db.example.com?sslmode=canary",
            "postgres://canary@db.example.com",
            "postgres://postgres:canary%ff@db.example.com",
        ] {
            let message = read(text).err().unwrap();
            assert!(
                message.starts_with("--database-url ") && !message.contains("canary"),
                "{text}: {message}"
            );
        }
        assert_eq!(
            format!("{:?}", "canary".parse::<DatabaseUrl>().unwrap()),
            "DatabaseUrl(..)"
        );
    }
}

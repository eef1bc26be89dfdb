//! What the platform says of its objects. Tolerant: nulls, fields and enum values that we do not know are no error.

use std::fmt;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::Deserialize;

/// A function as lists, reads and changes show it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Function {
    /// A UUID so far; kept as text. Another id under the same slug is another function.
    pub id: String,
    /// As the platform has it; parse it as a [`crate::Slug`] before asking for it.
    pub slug: String,
    #[serde(default)]
    pub name: Option<String>,
    pub status: FunctionStatus,
    /// Goes up by one with each deploy, whoever makes it.
    pub version: i64,
    /// Milliseconds since 1970, UTC. The answer to a deploy may leave it out.
    #[serde(default)]
    pub created_at: Option<i64>,
    /// Milliseconds since 1970, UTC. The answer to a deploy may leave it out.
    #[serde(default)]
    pub updated_at: Option<i64>,
    /// Whether the gateway wants a valid JWT.
    #[serde(default)]
    pub verify_jwt: Option<bool>,
    /// Whether it was deployed with an import map.
    #[serde(default)]
    pub import_map: Option<bool>,
    /// As deployed, under the container's path: `file:///tmp/user_fn_<ref>_<id>_<version>/source/…`.
    #[serde(default)]
    pub entrypoint_path: Option<String>,
    #[serde(default)]
    pub import_map_path: Option<String>,
    /// Of the bundle: changes with each deploy, even of the same source. Hex.
    #[serde(default)]
    pub ezbr_sha256: Option<String>,
}

/// An open enum: the platform adds values.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum FunctionStatus {
    Active,
    /// It is gone, and may still be listed.
    Removed,
    /// The platform slows it down.
    Throttled,
    /// A value that we do not know: at most 64 printable ASCII characters of it.
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Project {
    /// Twenty letters. (`id` says the same, and is deprecated.)
    #[serde(rename = "ref")]
    pub reference: String,
    #[serde(default)]
    pub name: Option<String>,
    /// Such as `us-east-1`.
    #[serde(default)]
    pub region: Option<String>,
    /// Its state of life.
    pub status: ProjectStatus,
}

/// An open enum: the platform adds values.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum ProjectStatus {
    /// `ACTIVE_HEALTHY`: the only one in which changes can be expected to work.
    ActiveHealthy,
    /// Every other value, as the platform writes it (`INACTIVE`, `PAUSING`, …): at most 64 printable ASCII characters.
    Other(String),
}

/// One service of the project.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ServiceHealth {
    /// `auth`, `db`, `rest`, …
    pub name: String,
    pub status: ServiceStatus,
    /// The platform's words: at most 300 characters, one line.
    #[serde(default)]
    pub error: Option<String>,
}

/// An open enum: the platform adds values.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum ServiceStatus {
    ActiveHealthy,
    ComingUp,
    Unhealthy,
    /// A value that we do not know: at most 64 printable ASCII characters of it.
    Other(String),
}

/// What the platform itself can restore the database to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Backups {
    /// Point-in-time recovery; the platform makes no daily backups while it is enabled.
    pub pitr_enabled: bool,
    pub backups: Vec<DailyBackup>,
    /// Of point-in-time recovery, and of physical backups without it, too.
    #[serde(default)]
    pub physical_backup_data: PhysicalBackups,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DailyBackup {
    pub id: i64,
    pub status: BackupStatus,
    /// As the platform writes it; times without a zone are UTC.
    pub inserted_at: String,
}

/// Seconds since 1970, UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct PhysicalBackups {
    #[serde(default)]
    pub earliest_physical_backup_date_unix: Option<i64>,
    #[serde(default)]
    pub latest_physical_backup_date_unix: Option<i64>,
}

/// An open enum: the platform adds values.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum BackupStatus {
    /// The only one that can be restored.
    Completed,
    /// Every other value, as the platform writes it (`FAILED`, `REMOVED`, …): at most 64 printable ASCII characters.
    Other(String),
}

/// A secret's name, and a digest of its value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SecretDigest {
    /// The platform's own (`SUPABASE_*`) are listed too.
    pub name: String,
    /// Not for printing.
    #[serde(rename = "value", deserialize_with = "digest")]
    pub digest: Digest,
    /// When it was set; nothing where the platform does not say so, or in other words.
    #[serde(default, deserialize_with = "time")]
    pub updated_at: Option<Timestamp>,
}

/// The digest that the platform shows instead of a secret's value: lower-case hex of SHA-256, unsalted, so it gives a short
/// value away. It can be compared, not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Digest(String);

fn digest<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    String::deserialize(deserializer).map(Digest)
}

fn time<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.as_deref().and_then(when))
}

/// A time as the platform writes it: one without a zone is UTC.
pub fn when(text: &str) -> Option<Timestamp> {
    let zoned = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    text.parse().ok().or_else(|| Some(zoned()?.timestamp()))
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Digest(..)")
    }
}

impl FunctionStatus {
    /// As the platform writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "ACTIVE",
            Self::Removed => "REMOVED",
            Self::Throttled => "THROTTLED",
            Self::Other(text) => text,
        }
    }
}

impl ProjectStatus {
    /// As the platform writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::ActiveHealthy => "ACTIVE_HEALTHY",
            Self::Other(text) => text,
        }
    }
}

impl ServiceStatus {
    /// As the platform writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::ActiveHealthy => "ACTIVE_HEALTHY",
            Self::ComingUp => "COMING_UP",
            Self::Unhealthy => "UNHEALTHY",
            Self::Other(text) => text,
        }
    }
}

impl From<String> for BackupStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "COMPLETED" => Self::Completed,
            other => Self::Other(word(other)),
        }
    }
}

impl From<String> for FunctionStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "ACTIVE" => Self::Active,
            "REMOVED" => Self::Removed,
            "THROTTLED" => Self::Throttled,
            other => Self::Other(word(other)),
        }
    }
}

impl From<String> for ProjectStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "ACTIVE_HEALTHY" => Self::ActiveHealthy,
            other => Self::Other(word(other)),
        }
    }
}

impl From<String> for ServiceStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "ACTIVE_HEALTHY" => Self::ActiveHealthy,
            "COMING_UP" => Self::ComingUp,
            "UNHEALTHY" => Self::Unhealthy,
            other => Self::Other(word(other)),
        }
    }
}

/// These texts go into conditions and logs, so they are bounded where they come in.
fn word(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(64).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Function, FunctionStatus, Project, ProjectStatus, SecretDigest};

    #[test]
    fn a_function_is_read_though_everything_optional_is_null_and_something_new_is_there() {
        let read: Function = serde_json::from_str(
            r#"{"id":"i","slug":"s","name":null,"status":"FROZEN\u0007 \u00e9","version":3,"created_at":null,
                "updated_at":null,"verify_jwt":null,"import_map":null,"entrypoint_path":null,"import_map_path":null,
                "ezbr_sha256":null,"brand_new":{"x":1}}"#,
        )
        .unwrap();
        let expected = Function {
            id: "i".into(),
            slug: "s".into(),
            name: None,
            status: FunctionStatus::Other("FROZEN".into()),
            version: 3,
            created_at: None,
            updated_at: None,
            verify_jwt: None,
            import_map: None,
            entrypoint_path: None,
            import_map_path: None,
            ezbr_sha256: None,
        };
        assert_eq!(read, expected);
        assert_eq!(
            serde_json::from_str::<Function>(r#"{"id":"i","slug":"s","status":"FROZEN","version":3}"#).unwrap(),
            expected
        );
    }

    #[test]
    fn a_digest_never_shows_itself() {
        let read: SecretDigest = serde_json::from_str(r#"{"name":"KEY","value":"canary"}"#).unwrap();
        assert_eq!(
            format!("{read:?}"),
            r#"SecretDigest { name: "KEY", digest: Digest(..), updated_at: None }"#
        );
    }

    #[test]
    fn a_secret_is_read_whatever_is_said_of_its_time() {
        let set: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            (r#""2026-03-01T12:00:00Z""#, Some(set)),
            (r#""2026-03-01T13:00:00.000+01:00""#, Some(set)),
            (r#""2026-03-01T12:00:00""#, Some(set)),
            (r#""last spring""#, None),
            ("null", None),
        ] {
            let read = format!(r#"{{"name":"KEY","value":"v","updated_at":{text}}}"#);
            let read: SecretDigest = serde_json::from_str(&read).unwrap();
            assert_eq!(read.updated_at, expected, "{text}");
        }
    }

    #[test]
    fn a_function_without_identity_is_not_read() {
        for text in [
            r#"{"slug":"s","status":"ACTIVE","version":3}"#,
            r#"{"id":"i","status":"ACTIVE","version":3}"#,
            r#"{"id":"i","slug":"s","status":"ACTIVE"}"#,
            r#"{"id":"i","slug":"s","version":3}"#,
        ] {
            assert!(serde_json::from_str::<Function>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_status_survives_being_written_again() {
        for text in ["ACTIVE", "REMOVED", "THROTTLED", "NEW"] {
            assert_eq!(FunctionStatus::from(text.to_owned()).as_str(), text);
        }
        let project: Project =
            serde_json::from_str(r#"{"ref":"r","name":"n","region":"eu-west-1","status":"PAUSING"}"#).unwrap();
        assert_eq!(project.status, ProjectStatus::Other("PAUSING".into()));
        assert_eq!(project.reference, "r");
    }
}

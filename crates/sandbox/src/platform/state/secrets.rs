//! Secrets: names and values in, digests out.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Project, Refusal};

/// Items that one request may hold, and secrets that one project may have (both from the platform's contract).
const SECRET_LIMIT: usize = 100;
/// Characters of a name.
const NAME_LIMIT: usize = 256;
/// Characters of a value.
const VALUE_LIMIT: usize = 24_576;
/// Names that belong to the platform: listed, never set or deleted.
const RESERVED: &str = "SUPABASE_";

/// A value with the time it was set. Never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    value: String,
    updated: i64,
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

/// What the platform tells of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Name of the environment variable.
    pub name: String,
    /// SHA-256 of the value in UTF-8, lower-case hexadecimal.
    pub digest: String,
    /// Milliseconds since 1970.
    pub updated: i64,
}

impl Project {
    /// The digests of the project's own secrets and of the platform's (`reserved`), by name.
    pub fn secrets(&self, reserved: &BTreeMap<String, String>) -> Vec<Digest> {
        let own = self
            .secrets
            .iter()
            .map(|(name, secret)| digest(name, &secret.value, secret.updated));
        let reserved = reserved.iter().map(|(name, value)| digest(name, value, self.created));
        let mut all: Vec<Digest> = own.chain(reserved).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// The environment that functions get of the project's own secrets.
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.secrets
            .iter()
            .map(|(name, secret)| (name.clone(), secret.value.clone()))
            .collect()
    }

    /// Sets all items or none; of two with the same name the later wins.
    pub fn set_secrets(&mut self, items: Vec<(String, String)>, now: i64) -> Result<(), Refusal> {
        if items.len() > SECRET_LIMIT {
            return Err(Refusal::TooManyItems);
        }
        let mut next = self.secrets.clone();
        for (name, value) in items {
            if name.starts_with(RESERVED) {
                return Err(Refusal::ReservedSecret);
            }
            if name.is_empty() || name.chars().count() > NAME_LIMIT || name.contains(['=', '\0']) {
                return Err(Refusal::BadSecretName);
            }
            if value.chars().count() > VALUE_LIMIT || value.contains('\0') {
                return Err(Refusal::BadSecretValue);
            }
            next.insert(name, Secret { value, updated: now });
        }
        if next.len() > SECRET_LIMIT {
            return Err(Refusal::TooManySecrets);
        }
        self.secrets = next;
        Ok(())
    }

    /// Removes secrets; a name that is not there is no error, a reserved one is.
    pub fn unset_secrets(&mut self, names: &[String]) -> Result<(), Refusal> {
        if names.iter().any(|name| name.starts_with(RESERVED)) {
            return Err(Refusal::ReservedSecret);
        }
        for name in names {
            self.secrets.remove(name);
        }
        Ok(())
    }
}

fn digest(name: &str, value: &str, updated: i64) -> Digest {
    Digest {
        name: name.to_owned(),
        digest: hex::encode(Sha256::digest(value.as_bytes())),
        updated,
    }
}

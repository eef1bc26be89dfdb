//! From a BackupDestination to its store: which may be used, and what its Secret holds.

use std::path::PathBuf;

use ace_api::{BackupDestination, DestinationReason, LocalReference, SecretKeyReference, SecretUse};
use ace_archive::{Azure, Gcs, S3, S3Credentials, Settings, SettingsError, Store};
use ace_domain::{
    inputs::{SecretProblem, secret_text},
    kinds::backup_destination::Cause,
};
use ace_egress::{AllowedHosts, HostPatternError, HttpClient, SecretString};
use k8s_openapi::api::core::v1::Secret;
use kube::{Client, ResourceExt};

use super::{grants::Installation, secrets::Secrets};

/// The flags about stores.
#[derive(Debug, clap::Args)]
pub struct StoreArguments {
    /// Hosts of object stores that a BackupDestination may name, in the same form; requests that are signed with its key go there. Tokens for
    /// Google's key are asked for at `oauth2.googleapis.com`. May be repeated.
    #[arg(long = "allow-store-host", value_name = "HOST", default_values = ["*.amazonaws.com", "storage.googleapis.com", "oauth2.googleapis.com", "*.blob.core.windows.net"])]
    hosts: Vec<String>,
    /// Directory below which a BackupDestination may name one in `spec.local`.
    #[arg(long = "store-directory", value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
    /// Lets BackupDestinations without a Secret use the pod's own identity: whoever may write one reads and writes what that may.
    #[arg(long = "allow-store-pod-identity")]
    pod_identity: bool,
}

/// Which object stores may be used.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// Hosts of stores, and of what hands out tokens for them.
    pub hosts: AllowedHosts,
    /// The directory below which a destination may be one.
    pub directory: Option<PathBuf>,
    /// Destinations without a Secret use the pod's own identity.
    pub pod_identity: bool,
}

impl StoreArguments {
    pub fn parse(&self) -> Result<StoreSettings, HostPatternError> {
        Ok(StoreSettings {
            hosts: AllowedHosts::parse(&self.hosts)?,
            directory: self.directory.clone(),
            pod_identity: self.pod_identity,
        })
    }
}

/// Reads the Secrets of destinations.
#[derive(Clone)]
pub struct StoreConnector {
    /// Client of the API server, to read Secrets.
    pub client: Client,
    /// HTTP client of the stores.
    pub http: HttpClient,
    /// Which stores may be used.
    pub settings: StoreSettings,
    /// Names in the commands of messages.
    pub names: Installation,
}

impl StoreConnector {
    /// Reads the Secret of a destination, and sets its store up. Asks the store nothing.
    pub async fn open(&self, object: &BackupDestination) -> Result<Store, Cause> {
        let settings = settings(self, object).await?;
        Store::new(&settings, &object.spec.prefix, &self.http).map_err(|error| cause(&error))
    }
}

/// What of spec or Secret can't be used, and what to do.
fn cause(error: &SettingsError) -> Cause {
    let (reason, advice) = match error {
        SettingsError::HostNotAllowed(_) => (
            DestinationReason::HostNotAllowed,
            ": correct the address, or add the host to its flag `--allow-store-host`",
        ),
        SettingsError::NoDirectory(_) => (
            DestinationReason::BucketMissing,
            ": create it, or correct `spec.local.path`",
        ),
        SettingsError::Invalid(_) => (
            DestinationReason::AddressInvalid,
            "; the place is immutable, so do that in another BackupDestination",
        ),
        SettingsError::Credentials => (DestinationReason::SecretInvalid, ": correct the Secret"),
    };
    Cause::new(reason, format!("{error}{advice}"))
}

async fn settings(connector: &StoreConnector, object: &BackupDestination) -> Result<Settings, Cause> {
    let spec = &object.spec;
    if let Some(local) = &spec.local {
        let below = connector.settings.directory.as_ref().ok_or_else(|| {
            let message = "the operator's flag `--store-directory` names no directory for `spec.local`";
            Cause::new(DestinationReason::HostNotAllowed, message)
        })?;
        return Ok(Settings::Local(below.join(&local.path)));
    }
    let key = match &spec.credentials_secret_ref {
        Some(reference) => Some(Key::read(connector, object, reference).await?),
        None if connector.settings.pod_identity => None,
        None => {
            let message = "the spec names no Secret in `credentialsSecretRef`, and the operator's flag `--allow-store-pod-identity` \
                           does not let objects use the pod's own identity";
            return Err(Cause::new(DestinationReason::AccessMissing, message));
        }
    };
    let key = key.as_ref();
    let text = |name: &str| key.map(|key| key.text(name)).transpose();
    if let Some(s3) = &spec.s3 {
        return Ok(Settings::S3(S3 {
            endpoint: s3.endpoint.clone(),
            region: s3.region.clone(),
            bucket: s3.bucket.clone(),
            path_style: s3.path_style,
            credentials: key.map(Key::s3).transpose()?,
        }));
    }
    if let Some(gcs) = &spec.gcs {
        return Ok(Settings::Gcs(Gcs {
            bucket: gcs.bucket.clone(),
            service_account: text("serviceAccount")?,
        }));
    }
    let azure = spec.azure.as_ref().ok_or_else(|| {
        // Never happens: the API server refuses such a spec.
        Cause::new(DestinationReason::AddressInvalid, "the spec names no place")
    })?;
    Ok(Settings::Azure(Azure {
        account: azure.account.clone(),
        container: azure.container.clone(),
        account_key: text("accountKey")?,
    }))
}

/// The Secret of a destination, as it was at one time.
struct Key {
    secret: Option<Secret>,
    namespace: String,
    name: String,
}

impl Key {
    async fn read(
        connector: &StoreConnector,
        object: &BackupDestination,
        reference: &LocalReference,
    ) -> Result<Self, SecretProblem> {
        let namespace = object.namespace().unwrap_or_default();
        let secrets = Secrets {
            client: &connector.client,
            names: &connector.names,
            namespace: &namespace,
        };
        Ok(Self {
            secret: secrets.whole(&reference.name).await?,
            namespace,
            name: reference.name.clone(),
        })
    }

    fn text(&self, key: &str) -> Result<SecretString, SecretProblem> {
        let reference = SecretKeyReference {
            name: self.name.clone(),
            key: key.to_owned(),
        };
        let text = secret_text(self.secret.clone(), &self.namespace, &reference, SecretUse::BackupStore);
        text.map(SecretString::new)
    }

    fn s3(&self) -> Result<S3Credentials, SecretProblem> {
        Ok(S3Credentials {
            access_key_id: self.text("accessKeyId")?,
            secret_access_key: self.text("secretAccessKey")?,
            session_token: match self.text("sessionToken") {
                // Keys that do not end have none.
                Err(SecretProblem::Missing(_)) => None,
                token => Some(token?),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use ace_api::DestinationReason::{AddressInvalid, BucketMissing, HostNotAllowed, SecretInvalid};
    use ace_archive::SettingsError;

    use super::{Cause, cause};

    #[test]
    fn what_can_not_be_set_up_is_told_as_what_it_is_with_what_to_do() {
        let pathless = "the endpoint can't have the bucket in front of its host: set `pathStyle`";
        for (error, reason, message) in [
            (
                SettingsError::Invalid(pathless.to_owned()),
                AddressInvalid,
                "the endpoint can't have the bucket in front of its host: set `pathStyle`; the place is immutable, so do that \
                 in another BackupDestination",
            ),
            (
                SettingsError::Credentials,
                SecretInvalid,
                "the credentials are not of the form that the store wants: correct the Secret",
            ),
            (
                SettingsError::HostNotAllowed("s3.example.com".to_owned()),
                HostNotAllowed,
                "the operator's flags do not allow the host `s3.example.com`: correct the address, or add the host to its flag \
                 `--allow-store-host`",
            ),
            (
                SettingsError::NoDirectory("/backups/prod".to_owned()),
                BucketMissing,
                "there is no directory `/backups/prod`: create it, or correct `spec.local.path`",
            ),
        ] {
            assert_eq!(cause(&error), Cause::new(reason, message));
        }
    }
}

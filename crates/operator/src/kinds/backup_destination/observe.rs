use ace_api::{BackupDestination, DestinationReason, LocalReference, SecretKeyReference, SecretUse};
use ace_archive::{Azure, Gcs, S3, S3Credentials, Settings, SettingsError, Store};
use ace_domain::{
    inputs::{SecretProblem, secret_text},
    kinds::backup_destination::{Cause, Memory, State, claim, is_due},
};
use ace_egress::SecretString;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;

use super::BackupDestinations;
use crate::connections::secrets::Secrets;

/// Reads the Secret where a request is due, and sets the store up. Asks it nothing.
pub(super) async fn observe(
    kind: &BackupDestinations,
    object: &BackupDestination,
    memory: Memory,
    now: Timestamp,
) -> (State, Option<Store>) {
    let others = kind.cache.state();
    let others = others.iter().filter_map(|other| other.0.as_ref().ok());
    let mut state = State {
        timing: kind.timing,
        began: now,
        memo: object.status.clone().unwrap_or_default(),
        obstacle: None,
        claim: claim(object, others),
        memory,
        step_error: None,
    };
    state.memory.first.get_or_insert(now);
    if object.spec.suspend || !is_due(object, &state, now) {
        return (state, None);
    }
    let opened = open(kind, object).await;
    let is_refused = matches!(&opened, Err(cause) if cause.reason == DestinationReason::AccessMissing);
    state.memory.refusals = state.memory.refusals.after(is_refused);
    match opened {
        Ok(store) => (state, Some(store)),
        Err(cause) => {
            state.obstacle = Some(cause);
            (state, None)
        }
    }
}

async fn open(kind: &BackupDestinations, object: &BackupDestination) -> Result<Store, Cause> {
    let settings = settings(kind, object).await?;
    Store::new(&settings, &object.spec.prefix, &kind.http).map_err(|error| match error {
        SettingsError::HostNotAllowed(_) => {
            let message = format!("{error}: correct the address, or add the host to its flag `--allow-store-host`");
            Cause::new(DestinationReason::HostNotAllowed, message)
        }
        SettingsError::NoDirectory(_) => Cause::new(
            DestinationReason::BucketMissing,
            format!("{error}: create it, or correct `spec.local.path`"),
        ),
        SettingsError::Credentials | SettingsError::Invalid(_) => {
            Cause::new(DestinationReason::SecretInvalid, error.to_string())
        }
    })
}

async fn settings(kind: &BackupDestinations, object: &BackupDestination) -> Result<Settings, Cause> {
    let spec = &object.spec;
    if let Some(local) = &spec.local {
        let below = kind.stores.directory.as_ref().ok_or_else(|| {
            let message = "the operator's flag `--store-directory` names no directory for `spec.local`";
            Cause::new(DestinationReason::HostNotAllowed, message)
        })?;
        return Ok(Settings::Local(below.join(&local.path)));
    }
    let key = match &spec.credentials_secret_ref {
        Some(reference) => Some(Key::read(kind, object, reference).await?),
        None if kind.stores.pod_identity => None,
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
        Cause::new(DestinationReason::SecretInvalid, "the spec names no place")
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
        kind: &BackupDestinations,
        object: &BackupDestination,
        reference: &LocalReference,
    ) -> Result<Self, SecretProblem> {
        let namespace = object.namespace().unwrap_or_default();
        let secrets = Secrets {
            client: &kind.client,
            names: &kind.installation,
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

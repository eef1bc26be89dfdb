//! Which store, and with which key.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ace_egress::{HttpClient, SecretString, Url};
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};

use crate::connector::Connector;
use crate::uploads::{S3Uploads, Uploads};

/// Where a store is. Where credentials are absent, the process's own identity is used.
#[derive(Clone, Debug)]
pub enum Settings {
    /// Amazon S3, and what speaks its protocol.
    S3(S3),
    Gcs(Gcs),
    Azure(Azure),
    /// A directory, which has to be there.
    Local(PathBuf),
}

/// A bucket by the protocol of S3.
#[derive(Clone, Debug)]
pub struct S3 {
    /// `https://s3.eu-central-1.amazonaws.com`.
    pub endpoint: String,
    pub region: String,
    pub bucket: String,
    /// The bucket is part of the path, not of the host.
    pub path_style: bool,
    pub credentials: Option<S3Credentials>,
}

/// A key of S3.
#[derive(Clone, Debug)]
pub struct S3Credentials {
    pub access_key_id: SecretString,
    pub secret_access_key: SecretString,
    pub session_token: Option<SecretString>,
}

/// A bucket of Google Cloud Storage.
#[derive(Clone, Debug)]
pub struct Gcs {
    pub bucket: String,
    /// The key of a service account, in JSON.
    pub service_account: Option<SecretString>,
}

/// A container of Azure Blob Storage.
#[derive(Clone, Debug)]
pub struct Azure {
    pub account: String,
    pub container: String,
    /// The account's key, in base64.
    pub account_key: Option<SecretString>,
}

/// Why a store can't be set up: it was asked nothing. The texts are the settings' own, without a secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SettingsError {
    #[error("{0}")]
    Invalid(String),
    #[error("the credentials are not of the form that the store wants")]
    Credentials,
    #[error("the operator's flags do not allow the host `{0}`")]
    HostNotAllowed(String),
    #[error("there is no directory `{0}`")]
    NoDirectory(String),
}

/// What the library is set up for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    /// A pass repeats the whole.
    Requests,
    /// The same, with a checksum beside each upload.
    WithChecksums,
    /// Data that comes from a snapshot, which is gone when the stream ends.
    Streams,
}

impl Purpose {
    fn retries(self) -> RetryConfig {
        match self {
            Self::Requests | Self::WithChecksums => RETRIES,
            Self::Streams => PATIENT,
        }
    }
}

/// The repetitions of one request of a stream. What does not pass, such as a store that is full, is not repeated.
const PATIENT: RetryConfig = RetryConfig {
    backoff: BackoffConfig {
        init_backoff: Duration::from_millis(200),
        max_backoff: Duration::from_secs(15),
        base: 2.0,
    },
    max_retries: 20,
    retry_timeout: Duration::from_mins(3),
};

/// The library's repetitions of one request.
const RETRIES: RetryConfig = RetryConfig {
    backoff: BackoffConfig {
        init_backoff: Duration::from_millis(200),
        max_backoff: Duration::from_secs(5),
        base: 2.0,
    },
    max_retries: 3,
    retry_timeout: Duration::from_secs(20),
};

impl Settings {
    pub(crate) fn open(&self, http: &HttpClient, purpose: Purpose) -> Result<Arc<dyn ObjectStore>, SettingsError> {
        match self {
            Self::S3(settings) => Ok(Arc::new(settings.open(http, purpose)?)),
            Self::Gcs(settings) => settings.open(http, purpose),
            Self::Azure(settings) => settings.open(http, purpose),
            Self::Local(path) => local(path),
        }
    }

    /// Where uploads that were not finished can be listed.
    pub(crate) fn uploads(&self, http: &HttpClient) -> Result<Uploads, SettingsError> {
        Ok(match self {
            Self::S3(settings) => {
                let objects = settings.open(http, Purpose::Requests)?;
                Uploads::S3(Arc::new(S3Uploads::new(settings, objects, http)?))
            }
            Self::Local(path) => Uploads::Directory(path.clone()),
            Self::Gcs(_) | Self::Azure(_) => Uploads::Unlisted,
        })
    }
}

impl S3 {
    pub fn url(&self) -> Result<Url, SettingsError> {
        let invalid = |problem: &str| SettingsError::Invalid(format!("the endpoint {problem}"));
        let mut url: Url = self
            .endpoint
            .parse()
            .map_err(|_| invalid("is not a URL: write an origin, such as `https://s3.eu-central-1.amazonaws.com`"))?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("has more than a scheme, a host and a port: leave the rest out"));
        }
        if !self.path_style {
            let host = url.host_str().ok_or_else(|| invalid("has no host"))?;
            let host = format!("{}.{host}", self.bucket);
            let named = url.set_host(Some(&host));
            named.map_err(|_| invalid("can't have the bucket in front of its host: set `pathStyle`"))?;
        }
        Ok(url)
    }

    fn open(&self, http: &HttpClient, purpose: Purpose) -> Result<AmazonS3, SettingsError> {
        let url = self.url()?;
        allowed(http, &url)?;
        let mut builder = match self.credentials {
            Some(_) => AmazonS3Builder::new(),
            None => AmazonS3Builder::from_env(),
        };
        builder = builder
            .with_endpoint(url.as_str().trim_end_matches('/'))
            .with_virtual_hosted_style_request(!self.path_style)
            .with_region(&self.region)
            .with_bucket_name(&self.bucket)
            // The list of allowed hosts says where that may be.
            .with_allow_http(true)
            // Not every store has it.
            .with_disable_bulk_delete(true)
            .with_retry(purpose.retries())
            .with_http_connector(Connector::new(http));
        if purpose == Purpose::WithChecksums {
            builder = builder.with_checksum_algorithm(Checksum::SHA256);
        }
        if let Some(S3Credentials {
            access_key_id,
            secret_access_key,
            session_token,
        }) = &self.credentials
        {
            builder = builder
                .with_access_key_id(access_key_id.reveal())
                .with_secret_access_key(secret_access_key.reveal());
            if let Some(token) = session_token {
                builder = builder.with_token(token.reveal());
            }
        }
        builder.build().map_err(|_| SettingsError::Credentials)
    }
}

impl Gcs {
    fn open(&self, http: &HttpClient, purpose: Purpose) -> Result<Arc<dyn ObjectStore>, SettingsError> {
        allowed_host(http, "https://storage.googleapis.com")?;
        let mut builder = match self.service_account {
            Some(_) => GoogleCloudStorageBuilder::new(),
            None => GoogleCloudStorageBuilder::from_env(),
        };
        builder = builder
            .with_bucket_name(&self.bucket)
            .with_retry(purpose.retries())
            .with_http_connector(Connector::new(http));
        if let Some(key) = &self.service_account {
            builder = builder.with_service_account_key(key.reveal());
        }
        opened(builder.build())
    }
}

impl Azure {
    fn open(&self, http: &HttpClient, purpose: Purpose) -> Result<Arc<dyn ObjectStore>, SettingsError> {
        allowed_host(http, &format!("https://{}.blob.core.windows.net", self.account))?;
        let mut builder = match self.account_key {
            Some(_) => MicrosoftAzureBuilder::new(),
            None => MicrosoftAzureBuilder::from_env(),
        };
        builder = builder
            .with_account(&self.account)
            .with_container_name(&self.container)
            .with_retry(purpose.retries())
            .with_http_connector(Connector::new(http));
        if let Some(key) = &self.account_key {
            builder = builder.with_access_key(key.reveal());
        }
        opened(builder.build())
    }
}

fn local(path: &Path) -> Result<Arc<dyn ObjectStore>, SettingsError> {
    let store = LocalFileSystem::new_with_prefix(path);
    let store = store.map_err(|_| SettingsError::NoDirectory(path.display().to_string()))?;
    Ok(Arc::new(store.with_fsync(true).with_automatic_cleanup(true)))
}

/// The address is what the API server and [`allowed`] have checked: what is left to be wrong are the credentials.
fn opened<S: ObjectStore>(store: object_store::Result<S>) -> Result<Arc<dyn ObjectStore>, SettingsError> {
    let store = store.map_err(|_| SettingsError::Credentials)?;
    Ok(Arc::new(store))
}

fn allowed_host(http: &HttpClient, url: &str) -> Result<(), SettingsError> {
    let url = url
        .parse()
        .map_err(|_| SettingsError::Invalid("the account's name is none: write a storage account's".to_owned()))?;
    allowed(http, &url)
}

fn allowed(http: &HttpClient, url: &Url) -> Result<(), SettingsError> {
    if http.allows(url) {
        return Ok(());
    }
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Err(SettingsError::HostNotAllowed(format!("{host}{port}")))
}

//! Which object stores may be used.

use std::path::PathBuf;

use ace_egress::{AllowedHosts, HostPatternError};

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

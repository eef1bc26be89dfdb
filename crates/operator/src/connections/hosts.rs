//! Which hosts get a Platform's credentials: those that are its project's own by their name, and those that a flag names. The access
//! token goes to the Management API, the anonymous key to the project's gateway, the password to its database.

use ace_api::{Database, PlatformSpec, Scratch};
use ace_domain::kinds::platform::{is_own_database, is_own_gateway};
use ace_egress::{AllowedHosts, HostPatternError, Url};

/// Every gateway that can be a project's own.
const GATEWAYS: &str = "*.supabase.co";

/// The flags, each a list of `host`, `*.domain`, or an origin such as `http://127.0.0.1:54321`.
#[derive(Debug, clap::Args)]
pub struct HostArguments {
    /// Hosts that a Platform may name in `spec.api.url`, and that get its access token: `host`, `*.domain`, or an origin such as
    /// `http://127.0.0.1:54321`. May be repeated.
    #[arg(long = "allow-api-host", value_name = "HOST", default_values = ["api.supabase.com"])]
    api: Vec<String>,
    /// Hosts that any Platform may name in `spec.url`, in the same form, and that get its anonymous key; the gateway of its own
    /// project, `https://<spec.project>.supabase.co`, is always allowed. May be repeated.
    #[arg(long = "allow-gateway-host", value_name = "HOST")]
    gateway: Vec<String>,
    /// Hosts that any Platform may name in `spec.database`, and that get its password: `host` (port 5432), `host:port`, `*.domain`.
    /// The database of its own project is always allowed: `db.<spec.project>.supabase.co:5432`, and `*.pooler.supabase.com:5432` with
    /// a user that ends in `.<spec.project>`. May be repeated.
    #[arg(long = "allow-database-host", value_name = "HOST")]
    database: Vec<String>,
    /// Hosts that any Platform may name in `spec.scratch`, in the same form, and that get its password. No other is allowed. May be
    /// repeated.
    #[arg(long = "allow-scratch-host", value_name = "HOST")]
    scratch: Vec<String>,
}

/// The hosts that the flags name, each list for one credential.
#[derive(Clone, Debug)]
pub struct CredentialHosts {
    api: AllowedHosts,
    gateway: AllowedHosts,
    database: AllowedHosts,
    scratch: AllowedHosts,
    over_http: AllowedHosts,
}

/// The flag for receivers of notifications.
#[derive(Debug, clap::Args)]
pub struct NotifyArguments {
    /// Hosts to which messages of a NotificationChannel may be sent, in the same form, and mail servers, `smtp://host` (port 587) or
    /// `smtp://host:port`. May be repeated.
    #[arg(long = "allow-notify-host", value_name = "HOST", default_values = ["events.pagerduty.com", "events.eu.pagerduty.com", "hooks.slack.com"])]
    notify: Vec<String>,
}

impl NotifyArguments {
    pub fn parse(&self) -> Result<AllowedHosts, HostPatternError> {
        AllowedHosts::parse(&self.notify)
    }
}

impl HostArguments {
    pub fn parse(&self) -> Result<CredentialHosts, HostPatternError> {
        let hosts = CredentialHosts::parse(&self.api, &self.gateway, &self.database)?;
        Ok(CredentialHosts {
            scratch: AllowedHosts::parse(&self.scratch)?,
            ..hosts
        })
    }
}

impl CredentialHosts {
    /// Understands the patterns of the first three flags; see [`AllowedHosts`] for their form. No scratch server is allowed.
    pub fn parse<S: AsRef<str>>(api: &[S], gateway: &[S], database: &[S]) -> Result<Self, HostPatternError> {
        let named = api.iter().chain(gateway).map(AsRef::as_ref);
        Ok(Self {
            api: AllowedHosts::parse(api)?,
            gateway: AllowedHosts::parse(gateway)?,
            database: AllowedHosts::parse(database)?,
            scratch: AllowedHosts::parse::<[&str; 0], &str>([])?,
            over_http: AllowedHosts::parse(named.chain([GATEWAYS]))?,
        })
    }

    /// The Management API that gets the Platform's access token; else what to do.
    pub fn api(&self, spec: &PlatformSpec) -> Result<Url, String> {
        let text = &spec.api.url;
        let url = Url::parse(text).ok().filter(|url| self.api.allows(url));
        url.ok_or_else(|| {
            format!(
                "the access token is not sent to {text}: correct `spec.api.url`, or add the host to the operator's flag `--allow-api-host`"
            )
        })
    }

    /// The gateway that gets the Platform's anonymous key; else what to do.
    pub fn gateway(&self, spec: &PlatformSpec) -> Result<Url, String> {
        let (text, project) = (spec.gateway(), &spec.project);
        let is_own = |url: &Url| is_own_gateway(project, &url.origin().ascii_serialization());
        let url = Url::parse(&text)
            .ok()
            .filter(|url| is_own(url) || self.gateway.allows(url));
        url.ok_or_else(|| {
            format!(
                "{text} is not the gateway of project `{project}`: create the Platform without `spec.url`, or add the host to the \
                 operator's flag `--allow-gateway-host`"
            )
        })
    }

    /// Whether this database gets the password of a Platform of the project.
    pub fn allows_database(&self, project: &str, database: &Database) -> bool {
        // Port 0 is allowed nowhere.
        let port = u16::try_from(database.port).unwrap_or_default();
        let is_named = port != 0 && self.database.allows_database(&database.host, port);
        is_named || is_own_database(project, database)
    }

    /// Whether this scratch server gets its password.
    pub fn allows_scratch(&self, scratch: &Scratch) -> bool {
        let port = u16::try_from(scratch.port).unwrap_or_default();
        port != 0 && self.scratch.allows_database(&scratch.host, port)
    }

    /// Every host that may be called over HTTP for some Platform: the last check before a request is sent.
    pub fn over_http(&self) -> &AllowedHosts {
        &self.over_http
    }
}

#[cfg(test)]
mod tests;

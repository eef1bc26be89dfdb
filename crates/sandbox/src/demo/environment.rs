//! What the commands of the demo run with: the bed's addresses and keys under names, programs, and nothing of the viewer's own
//! configuration.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ace_sandbox::bed::{BedError, BedFile, tools};
use age::{secrecy::ExposeSecret as _, x25519::Identity};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::error::DemoError;
use super::steps::name_at;

const EXAMPLE: &str = "examples/ace-engage";

/// curl is silent but for the answer, and says its status on standard error. A function starts at its first call, which
/// fetches packages when they are not cached.
const CURL: &str = r#"silent
show-error
max-time = 60
write-out = "%{stderr}%{http_code}\n"
"#;

/// What keeps the viewer's configuration out. Not for the viewer's own terminal.
const APART: [(&str, &str); 6] = [
    ("LC_ALL", "C"),
    ("SUPABASE_TELEMETRY_DISABLED", "1"),
    ("DO_NOT_TRACK", "1"),
    ("SUPABASE_NO_KEYRING", "1"),
    ("SUPABASE_NO_UPDATE_NOTIFIER", "1"),
    ("NO_COLOR", "1"),
];

/// Names and their values, and where commands run. Holds secrets: not printable.
pub(super) struct Environment {
    directory: PathBuf,
    names: BTreeMap<String, String>,
}

/// The checkout that holds the example: here, or the nearest above.
pub(super) fn checkout() -> Result<PathBuf, DemoError> {
    let here = std::env::current_dir().map_err(DemoError::file("find", "."))?;
    let mut above = here.ancestors();
    let found = above.find(|folder| folder.join(EXAMPLE).is_dir() && folder.join("deploy").is_dir());
    found.map(Path::to_owned).ok_or(DemoError::NoCheckout)
}

/// Host, port and password of the project's database.
pub(super) fn database(bed: &BedFile) -> Result<(String, u16, String), DemoError> {
    let config: Config = bed.database_url.parse().map_err(|_| DemoError::DatabaseAddress)?;
    let password = String::from_utf8_lossy(config.get_password().unwrap_or_default()).into_owned();
    match (config.get_hosts(), config.get_ports()) {
        ([Host::Tcp(host)], [port]) => Ok((host.clone(), *port, password)),
        _ => Err(DemoError::DatabaseAddress),
    }
}

impl Environment {
    /// What a bed gives, for commands in a directory that is made afresh. `log` is the operator's.
    pub(super) fn of(bed: &BedFile, checkout: &Path, directory: PathBuf, log: &Path) -> Result<Environment, DemoError> {
        if directory.exists() {
            fs::remove_dir_all(&directory).map_err(DemoError::file("remove", &directory))?;
        }
        let mut environment = Environment::new(directory)?;
        for (name, value) in values(bed, checkout, &environment.directory, log)? {
            environment.keep(name, value)?;
        }
        environment.keep("PATH", programs(bed)?)?;
        Ok(environment)
    }

    pub(super) fn new(directory: PathBuf) -> Result<Environment, DemoError> {
        let home = directory.join("home");
        fs::create_dir_all(&home).map_err(DemoError::file("create", &home))?;
        let configuration = directory.join(".curlrc");
        fs::write(&configuration, CURL).map_err(DemoError::file("write", &configuration))?;
        Ok(Environment {
            directory,
            names: BTreeMap::new(),
        })
    }

    /// Gives a value to all commands that follow, and to the viewer's terminal by [`Environment::file`].
    pub(super) fn keep(&mut self, name: &str, value: String) -> Result<(), DemoError> {
        let path = self.file();
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).mode(0o600).open(&path);
        let line = format!("export {name}={}", crate::hints::shell(Path::new(&value)));
        file.and_then(|mut file| writeln!(file, "{line}"))
            .map_err(DemoError::file("write", &path))?;
        self.names.insert(name.to_owned(), value);
        Ok(())
    }

    /// The names, as a shell reads them.
    pub(super) fn file(&self) -> PathBuf {
        self.directory.join("environment")
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// What there is a value for.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.names.keys()
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.names.get(name).map(String::as_str)
    }

    /// Puts values in the place of `$NAME`. That each has one was made sure of when the step file was read.
    pub(super) fn expand(&self, text: &str) -> String {
        let Some((first, rest)) = text.split_once('$') else {
            return text.to_owned();
        };
        let (name, rest) = name_at(rest);
        let value = self.value(name).map_or_else(|| format!("${name}"), str::to_owned);
        format!("{first}{value}{}", self.expand(rest))
    }

    /// `sh` with a command that stops at the first part that fails, and at a name without a value.
    pub(super) fn shell(&self, command: &str) -> tokio::process::Command {
        let mut shell = tokio::process::Command::new("sh");
        shell
            .args(["-euc", command])
            .current_dir(&self.directory)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.directory.join("home"))
            .envs(APART)
            .envs(&self.names);
        shell
    }
}

/// What commands may name, but for their `PATH`.
fn values(
    bed: &BedFile,
    checkout: &Path,
    directory: &Path,
    log: &Path,
) -> Result<[(&'static str, String); 33], DemoError> {
    let (host, port, password) = database(bed)?;
    let path = |path: &Path| path.display().to_string();
    let mail_port = bed.mail_url.rsplit_once(':').map_or("", |(_, port)| port);
    // What opens the backups of this demo.
    let identity = Identity::generate();
    Ok([
        ("ADMIN", bed.admin_url.clone()),
        ("ANON_KEY", bed.anon_key.clone()),
        ("API", bed.api_url.clone()),
        ("BACKUP_IDENTITY", identity.to_string().expose_secret().to_owned()),
        ("BACKUP_RECIPIENT", identity.to_public().to_string()),
        ("CHECKOUT", path(checkout)),
        ("CURL_HOME", path(directory)),
        ("DATABASE_HOST", host),
        ("DATABASE_PASSWORD", password),
        ("DATABASE_PORT", port.to_string()),
        ("DATABASE_URL", bed.database_url.clone()),
        ("F", format!("{}/functions/v1", bed.functions_url)),
        ("FUNCTIONS_URL", bed.functions_url.clone()),
        ("KUBECACHEDIR", path(&bed.kubeconfig.with_file_name("kubectl-cache"))),
        ("KUBECONFIG", path(&bed.kubeconfig)),
        ("MAIL_PASSWORD", bed.mail_password.clone()),
        ("MAIL_PORT", mail_port.to_owned()),
        ("MAIL_USER", bed.mail_user.clone()),
        ("OPERATOR_LOG", path(log)),
        ("PROJECT", bed.project.clone()),
        ("RECEIVERS_URL", bed.receivers_url.clone()),
        ("S", bed.service_role_key.clone()),
        ("SLACK_WEBHOOK_URL", bed.slack_webhook_url.clone()),
        ("STORE_BUCKET", bed.store_bucket.clone()),
        (
            "STORE_DIRECTORY",
            path(&directory.with_file_name("store").join("objects")),
        ),
        ("STORE_KEY", bed.store_secret_access_key.clone()),
        ("STORE_KEY_ID", bed.store_access_key_id.clone()),
        ("STORE_REGION", bed.store_region.clone()),
        ("STORE_URL", bed.store_url.clone()),
        ("SUPABASE_ACCESS_TOKEN", bed.token.clone()),
        ("SUPABASE_PROFILE", path(&bed.supabase_profile)),
        ("WEBHOOK_SECRET", bed.webhook_secret.clone()),
        ("WEBHOOK_URL", bed.webhook_url.clone()),
    ])
}

/// The bed's kubectl and the official CLI, then what the viewer has, then PostgreSQL's programs.
fn programs(bed: &BedFile) -> Result<String, DemoError> {
    let bin = bed.kubectl.with_file_name("");
    let own = std::env::var_os("PATH").unwrap_or_default();
    let postgres = tools::postgres_bin_dir().map_err(BedError::from)?;
    let all = [bin].into_iter().chain(std::env::split_paths(&own)).chain([postgres]);
    let path = std::env::join_paths(all).map_err(|_| DemoError::ProgramPath)?;
    Ok(path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::demo::steps;

    fn bed() -> BedFile {
        let name = |name: &str| (name.to_owned(), name.into());
        let others = [
            "apiUrl",
            "functionsUrl",
            "adminUrl",
            "token",
            "anonKey",
            "serviceRoleKey",
            "jwtSecret",
            "project",
            "kubeconfig",
            "kubectl",
            "auditLog",
            "artifactsUrl",
            "artifactsDirectory",
            "supabaseProfile",
            "receiversUrl",
            "mailUrl",
            "mailUser",
            "mailPassword",
            "mailAuthority",
            "slackWebhookUrl",
            "webhookUrl",
            "webhookSecret",
            "storeUrl",
            "storeBucket",
            "storeRegion",
            "storeAccessKeyId",
            "storeSecretAccessKey",
        ];
        let mut bed: serde_json::Map<_, _> = others.into_iter().map(name).collect();
        bed.insert(
            "databaseUrl".to_owned(),
            "postgresql://postgres:secret@127.0.0.1:5/postgres".into(),
        );
        serde_json::from_value(bed.into()).unwrap()
    }

    #[test]
    fn the_step_files_are_well_formed_and_name_only_what_is_known() {
        let names = values(&bed(), Path::new("/"), Path::new("/"), Path::new("/")).unwrap();
        let names: Vec<String> = names.into_iter().map(|(name, _)| name.to_owned()).collect();
        let chapters = steps::read_all(names.iter()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(chapters[0].title, "The operator");
    }

    #[test]
    fn a_value_stands_for_its_name_and_a_terminal_can_have_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut environment = Environment::new(directory.path().join("demo")).unwrap();
        environment.keep("NAME", "it's".to_owned()).unwrap();
        assert_eq!(
            environment.expand("$NAME ${NAME}_x $NAMEx 5$ ${no} $"),
            "it's it's_x it'sx 5$ ${no} $"
        );
        let file = environment.file();
        assert_eq!(fs::read_to_string(&file).unwrap(), "export NAME='it'\\''s'\n");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

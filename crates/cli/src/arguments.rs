use std::path::PathBuf;

use ace_api::{Duration, LocalReference, Mode, Source, SourceKind, VerificationLevel};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::alerts::AlertsArguments;
use crate::config::is_reference;
use crate::evaluate::EvaluateArguments;
use crate::import::Settings;
use crate::plan::DatabaseUrl;
use crate::told::{AckArguments, NotifyTestArguments, SilenceArguments};
use crate::wait::Subject;

/// Path of the functions' folder in a repository of the Supabase CLI.
const FUNCTIONS: &str = "supabase/functions";
/// Name of the folder beside it.
const MIGRATIONS: &str = "migrations";

/// Tools around the custom resources of ace-ops.
#[derive(Debug, Parser)]
#[command(name = "kubectl ace", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the resources for a Supabase project directory.
    ///
    /// Prints the Platform, a MigrationSet for its migrations and one EdgeFunction for each function, as YAML on standard output,
    /// and on standard error what is unusual about the directory and what to do next. Reads the configuration as Supabase's CLI
    /// 3.1.0 does, with `env(NAME)` from the environment and the project's .env files. A function of which something can't be
    /// known is left out, and named. Exit code 0: printed, with or without warnings; 1: the directory can't be read, has neither
    /// function nor migration, or the usage is wrong.
    Import(ImportArguments),
    /// Show what a MigrationSet would run, and what needs an approval. Writes nothing anywhere.
    ///
    /// Decides as the operator does, in a read-only session with the database, and with your own rights: you need to `get` the
    /// MigrationSet, its Platform, the Secrets that the Platform names, and the source object; where the set requires a backup also its
    /// BackupSchedule, and to `list` Backups. The operator's flag
    /// `--allow-database-host` does not apply here. Exit code 0: the operator would run this, or has nothing to run; 2: an approval is needed, and nothing
    /// else; 1: a refusal, a state that can't be determined now, an error, or wrong usage.
    Plan(PlanArguments),
    /// Wait until all objects that read from a source have taken a revision of it and are Ready.
    ///
    /// For pipelines: a change of content changes no generation, so `kubectl wait` and Flux's `wait: true` see the objects as they
    /// were before. You need to `list` edgefunctions and migrationsets in the namespace, or the ones that you name. Exit code 0:
    /// all have taken it and are Ready; 2: one of them is Stalled, and its message is printed; 1: the time is up, or they can't be
    /// read.
    Wait(WaitArguments),
    /// Show what fires in a namespace, the gravest first, and which rules are not answered.
    ///
    /// One line for each alert: since when it fires (UTC), who has acknowledged it, until when a Silence holds it back. You need to
    /// `list` alertrules and silences. Exit code 0: shown, whatever fires; 1: they can't be read, or the usage is wrong.
    Alerts(AlertsArguments),
    /// Ask an AlertRule once, as it is or as a manifest has it. Writes nothing anywhere, and nobody is told.
    ///
    /// Asks as the operator does, and with your own rights: you need to `get` the AlertRule and its Platform, and the Secrets that the
    /// Platform names for it: of `database.reader` for a query, the token (and the anonymous key) for a signal; for `ObjectCondition` to
    /// `list` the kinds that count. The operator's flags about hosts do not apply here. `for` and what was before are not looked at.
    /// Exit code 0: nothing is beyond a threshold; 2: something is; 1: it could not be asked, or the usage is wrong.
    Evaluate(EvaluateArguments),
    /// Print the Backup that makes one now, as a BackupSchedule says.
    ///
    /// As YAML on standard output: `kubectl ace backup before-the-import --schedule nightly | kubectl create -f -`. Reads nothing and
    /// writes nothing else. Exit code 0: printed; 1: wrong usage.
    Backup(BackupArguments),
    /// Print the Restore that tries a backup: into the Platform's scratch server, compared with the source, and dropped again.
    ///
    /// As YAML on standard output: `kubectl ace drill november --platform prod --schedule nightly | kubectl create -f -`. Reads nothing
    /// and writes nothing else. Exit code 0: printed; 1: wrong usage.
    Drill(DrillArguments),
    /// Print the Silence that keeps alerts from being told, from now on.
    ///
    /// As YAML on standard output: `kubectl ace silence maintenance --rule sms-success --for 2h --reason OPS-12 | kubectl create -f -`.
    /// Reads nothing and writes nothing else. Exit code 0: printed; 1: wrong usage.
    Silence(SilenceArguments),
    /// Print the annotation by which somebody takes care of what fires.
    ///
    /// As YAML on standard output: `kubectl ace ack gift-cards --by ann --why restocking | kubectl apply --server-side
    /// --force-conflicts -f -`. Reads nothing and writes nothing else. Exit code 0: printed; 1: wrong usage.
    Ack(AckArguments),
    /// Print the annotation that has a channel send a test message.
    ///
    /// As YAML on standard output: `kubectl ace notify-test on-call | kubectl apply --server-side --force-conflicts -f -`. Reads nothing
    /// and writes nothing else. Exit code 0: printed; 1: wrong usage.
    NotifyTest(NotifyTestArguments),
    /// Print what a shell proposes: `kubectl_complete-ace` calls it.
    #[command(name = "__complete", hide = true)]
    Complete(CompleteArguments),
}

#[derive(Args, Debug)]
pub(crate) struct CompleteArguments {
    /// The words so far; the last one is being typed.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) words: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct BackupArguments {
    /// Name of the Backup. Each is made once; another one has another name.
    #[arg(value_name = "NAME", value_parser = object_name)]
    pub(crate) name: String,
    /// BackupSchedule that says what is backed up, where to and for whom.
    #[arg(long, value_name = "SCHEDULE", value_parser = object_name)]
    pub(crate) schedule: String,
    /// Why it is made, in words.
    #[arg(long, value_name = "WORDS")]
    pub(crate) reason: Option<String>,
    /// Why it must be kept, such as an incident's name: while the Backup has it, it does not expire.
    #[arg(long, value_name = "WHY")]
    pub(crate) hold: Option<String>,
    /// Its class is Incident, not Manual.
    #[arg(long)]
    pub(crate) incident: bool,
    /// Namespace of the Backup. Left out, it is not written, and `kubectl create` decides.
    #[arg(long, short, value_name = "NS")]
    pub(crate) namespace: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct DrillArguments {
    /// Name of the Restore. Each is made once; another one has another name.
    #[arg(value_name = "NAME", value_parser = object_name)]
    pub(crate) name: String,
    /// Platform whose scratch server is used.
    #[arg(long, value_name = "PLATFORM", value_parser = object_name)]
    pub(crate) platform: String,
    /// Backup to restore.
    #[arg(long, value_name = "BACKUP", value_parser = object_name, required_unless_present = "schedule", conflicts_with = "schedule")]
    pub(crate) backup: Option<String>,
    /// BackupSchedule whose newest Backup is restored.
    #[arg(long, value_name = "SCHEDULE", value_parser = object_name)]
    pub(crate) schedule: Option<String>,
    /// Time that the newest Backup's snapshot must not be after, such as `2026-11-23T09:14:00Z`.
    #[arg(long, value_name = "TIME", conflicts_with = "backup")]
    pub(crate) before: Option<Timestamp>,
    /// Level that the newest Backup must have passed.
    #[arg(long, default_value = "Archive", conflicts_with = "backup", value_parser = one_of::<VerificationLevel>(&["Bytes", "Archive", "Restored", "Content"]))]
    pub(crate) level: VerificationLevel,
    /// Namespace of the Restore. Left out, it is not written, and `kubectl create` decides.
    #[arg(long, short, value_name = "NS")]
    pub(crate) namespace: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct WaitArguments {
    /// Revision of the source's artifact, as `status.source.artifactRevision` shows it: `main@sha1:…` of a GitRepository,
    /// `sha256:…` of a ConfigMap, which is what `sha256sum` says of its tar.gz. The part behind the colon will do, and so will
    /// the beginning of a commit.
    #[arg(long, value_name = "ARTIFACT")]
    pub(crate) revision: String,
    /// Kinds (`fn`, `migs`) or objects (`fn/hello`). Defaults to all of both kinds.
    #[arg(value_name = "KIND[/NAME]")]
    pub(crate) subjects: Vec<Subject>,
    /// The source, such as `functions` or `ConfigMap/functions`, if not all objects read from the same one.
    #[arg(long, value_name = "[KIND/]NAME")]
    pub(crate) source: Option<String>,
    /// How long to wait, such as `90s` or `10m`.
    #[arg(long, default_value = "10m", value_name = "DURATION")]
    pub(crate) timeout: Duration,
    /// Namespace of the objects. Defaults to that of your context.
    #[arg(long, short, value_name = "NS")]
    pub(crate) namespace: Option<String>,
    /// Context of your kubeconfig. Defaults to the current one.
    #[arg(long, value_name = "CONTEXT")]
    pub(crate) context: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct PlanArguments {
    /// Name of the MigrationSet; with `-f`, which one of the manifest.
    #[arg(value_name = "NAME", required_unless_present = "manifest")]
    pub(crate) name: Option<String>,
    /// File with the MigrationSet as it would be applied, `-` for standard input. A Platform in it is used instead of the
    /// cluster's.
    #[arg(long, short = 'f', value_name = "MANIFEST")]
    pub(crate) manifest: Option<PathBuf>,
    /// Directory with the files, used instead of the source object: a checkout that has `spec.source.path`, or the folder of
    /// migrations itself.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Namespace of the MigrationSet. Defaults to the manifest's, then to that of your context.
    #[arg(long, short, value_name = "NS")]
    pub(crate) namespace: Option<String>,
    /// Context of your kubeconfig. Defaults to the current one.
    #[arg(long, value_name = "CONTEXT")]
    pub(crate) context: Option<String>,
    /// Database URL for users who may not read its Secret: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, with
    /// `?sslmode=disable|require|verify-full` if it differs from the Platform's. Prefer the environment variable, because other
    /// users of the machine can read command lines.
    #[arg(long, env = "ACE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: Option<DatabaseUrl>,
    /// Output format: `text` for people, `json` for programs.
    #[arg(long, short, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

/// Output format of a plan.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Output {
    Text,
    Json,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArguments {
    /// Project directory: the one that has a folder `supabase`, or the one with `config.toml` and `functions/` itself.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Name of the Platform that the functions belong to.
    #[arg(long, value_name = "NAME")]
    platform: String,
    /// Reference of the project: the twenty lower-case letters in its dashboard's address. Decides which `[remotes.*]` block is
    /// applied, as for the CLI. Defaults to the project that the CLI is linked to here, then to `project_id`, if that is one.
    #[arg(long, value_name = "REFERENCE", value_parser = reference)]
    pub(crate) project: Option<String>,
    /// `spec.mode` of the resources, `Enforce` by default; of a MigrationSet `Apply`, unless it is `Observe`. In `Observe` the
    /// operator writes nothing to the project.
    #[arg(long, value_parser = one_of::<Mode>(&["Enforce", "Apply", "Observe"]))]
    mode: Option<Mode>,
    /// Kind of the source object.
    #[arg(long, default_value = "GitRepository", value_parser = one_of::<SourceKind>(&["GitRepository", "OCIRepository", "Bucket", "ExternalArtifact", "ConfigMap"]))]
    source_kind: SourceKind,
    /// Name of the source object. Defaults to that of the Platform.
    #[arg(long, value_name = "NAME")]
    source_name: Option<String>,
    /// Path of the functions' folder in the source. Defaults to `supabase/functions`, and to the root for a ConfigMap. `.` is the
    /// root.
    #[arg(long, value_name = "PATH")]
    source_path: Option<String>,
    /// Path of the migrations' folder in the source. Defaults to `migrations` beside the functions' folder, and to the root if that
    /// is the root.
    #[arg(long, value_name = "PATH")]
    migrations_path: Option<String>,
    /// Namespace of the resources. Left out, it is not written, and `kubectl apply` decides.
    #[arg(long, short, value_name = "NS")]
    namespace: Option<String>,
}

impl ImportArguments {
    pub(crate) fn settings(&self) -> Settings {
        let default = (self.source_kind != SourceKind::ConfigMap).then_some(FUNCTIONS);
        let functions = folder(self.source_path.as_deref().or(default));
        let beside = functions.as_deref().map(|path| match path.rsplit_once('/') {
            Some((parent, _)) => format!("{parent}/{MIGRATIONS}"),
            None => MIGRATIONS.to_owned(),
        });
        let source = |path| Source {
            kind: self.source_kind,
            name: self.source_name.clone().unwrap_or_else(|| self.platform.clone()),
            path,
            digest: None,
        };
        Settings {
            platform: LocalReference {
                name: self.platform.clone(),
            },
            mode: self.mode,
            source: source(functions),
            migrations: source(folder(self.migrations_path.as_deref().or(beside.as_deref()))),
            migrations_path: self.migrations_path.is_some(),
            namespace: self.namespace.clone(),
        }
    }
}

/// What the API server takes for the name of an object.
pub(crate) fn object_name(text: &str) -> Result<String, &'static str> {
    let is_part = |part: &str| {
        let is_of = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
        !part.is_empty() && part.chars().all(is_of) && !part.starts_with('-') && !part.ends_with('-')
    };
    if text.len() <= 253 && text.split('.').all(is_part) {
        return Ok(text.to_owned());
    }
    Err("it must be an object's name: lower-case letters, digits, '-' and '.', such as 'before-the-import'")
}

fn reference(text: &str) -> Result<String, &'static str> {
    if is_reference(text) {
        return Ok(text.to_owned());
    }
    Err("it must be the twenty lower-case letters in the project's dashboard address")
}

/// A folder of a source; `None` is the root.
fn folder(path: Option<&str>) -> Option<String> {
    let path = path.map(|path| path.trim_matches('/'));
    path.filter(|path| !matches!(*path, "" | ".")).map(str::to_owned)
}

/// A parser for an enum of the API, whose names are only known to serde.
fn one_of<T: Clone + DeserializeOwned + Send + Sync + 'static>(
    names: &'static [&'static str],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(names).try_map(|name| serde_json::from_value::<T>(Value::String(name)))
}

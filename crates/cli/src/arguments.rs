use std::path::PathBuf;

use ace_api::{LocalReference, Mode, Source, SourceKind};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::import::Wish;

/// Where the functions' folder lies in a repository that the CLI was used in.
const FUNCTIONS: &str = "supabase/functions";

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
    /// One EdgeFunction for each function, as YAML on standard output; what is odd about the directory, on standard error.
    /// Exit code 0: printed, oddities or not; 1: the directory can't be read, or has no function; 2: wrong usage.
    Import(ImportArguments),
}

#[derive(Args, Debug)]
pub(crate) struct ImportArguments {
    /// The project directory: the one with `config.toml` and `functions/`, or the one that has it as `supabase/`.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Name of the Platform that the functions belong to.
    #[arg(long, value_name = "NAME")]
    platform: String,
    /// What the operator may do: by default `Enforce`, as for a resource that does not say. `Observe` only looks.
    #[arg(long, value_parser = one_of::<Mode>(&["Enforce", "Apply", "Observe"]))]
    mode: Option<Mode>,
    /// Kind of the object that carries the code.
    #[arg(long, default_value = "GitRepository", value_parser = one_of::<SourceKind>(&["GitRepository", "OCIRepository", "Bucket", "ExternalArtifact", "ConfigMap"]))]
    source_kind: SourceKind,
    /// Name of the object that carries the code; by default that of the Platform.
    #[arg(long, value_name = "NAME")]
    source_name: Option<String>,
    /// Path of the functions' folder in what that object carries; by default `supabase/functions`, and the root for a ConfigMap.
    /// `.` is the root.
    #[arg(long, value_name = "PATH")]
    source_path: Option<String>,
    /// Namespace of the resources; left out, that of `kubectl apply` holds.
    #[arg(long, short, value_name = "NS")]
    namespace: Option<String>,
}

impl ImportArguments {
    /// What the arguments ask for.
    pub(crate) fn wish(&self) -> Wish {
        let default = (self.source_kind != SourceKind::ConfigMap).then_some(FUNCTIONS);
        let path = self
            .source_path
            .as_deref()
            .map(|path| path.trim_matches('/'))
            .or(default);
        Wish {
            platform: LocalReference {
                name: self.platform.clone(),
            },
            mode: self.mode,
            source: Source {
                kind: self.source_kind,
                name: self.source_name.clone().unwrap_or_else(|| self.platform.clone()),
                path: path.filter(|path| !matches!(*path, "" | ".")).map(str::to_owned),
                digest: None,
            },
            namespace: self.namespace.clone(),
        }
    }
}

/// A parser of the names of an enum of the API, which knows them by serde alone.
fn one_of<T: Clone + DeserializeOwned + Send + Sync + 'static>(
    names: &'static [&'static str],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(names).try_map(|name| serde_json::from_value::<T>(Value::String(name)))
}

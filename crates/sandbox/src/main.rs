//! `ace-dev`: the bed, the platform alone, and the demo.

mod demo;
mod hints;

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use ace_sandbox::bed::{
    self, Bed, BedConfig, BedError, BedFile, PlatformBackups, Progress, Publication, SandboxConfig, SourceKind, node,
    testing,
    tools::{self, ToolError},
};
use clap::{Args, Parser, Subcommand};
use demo::DemoConfig;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a Supabase platform and a Kubernetes control plane on this machine.
#[derive(Parser)]
#[command(name = "ace-dev", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Control plane, PostgreSQL, platform and receivers of notifications, until Ctrl-C.
    Up {
        #[command(flatten)]
        place: Place,
        /// Reference of a project (20 lower-case letters); may be given more than once.
        #[arg(long = "project", value_name = "REF")]
        projects: Vec<String>,
        /// What the platform lists as its own backups of the database.
        #[arg(long, value_enum, default_value_t)]
        platform_backups: PlatformBackups,
        /// A second PostgreSQL, for `spec.scratch` of a Platform: backups are restored there.
        #[arg(long)]
        scratch: bool,
        /// A node on which pods run (kubelet, scheduler, containerd), in a network of its own. Takes Linux and root; builds the
        /// kubelet once, and installs containerd, runc and network plugins by apt.
        #[arg(long)]
        node: bool,
    },
    /// A bed with the operator and a team's functions and migrations in it: rolled out, changed by others, broken and mended.
    Demo {
        #[command(flatten)]
        place: Place,
        /// Ends by itself, with an error when something did not happen.
        #[arg(long)]
        once: bool,
        /// The operator's program [default: the `ace-operator` beside this one]
        #[arg(long, value_name = "FILE")]
        operator: Option<PathBuf>,
    },
    /// The platform alone, for any other client. Prints its access as JSON once it answers.
    Sandbox {
        /// Address of the Management API.
        #[arg(long, value_name = "ADDR")]
        listen: SocketAddr,
        /// Keeps its state; that of a bed which is down will do.
        #[arg(long)]
        dir: PathBuf,
        /// A PostgreSQL, as the role that the project's owner would have.
        #[arg(long, value_name = "URL", env = "ACE_DATABASE_URL", hide_env_values = true)]
        database_url: Option<String>,
        /// Loopback address of the admin listener.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
        admin: SocketAddr,
        /// Reference of a project (20 lower-case letters); may be given more than once.
        #[arg(long = "project", value_name = "REF")]
        projects: Vec<String>,
    },
    /// Packs a directory and publishes it as a Flux source of the bed that is up.
    Publish {
        #[command(flatten)]
        place: Place,
        /// Directory to pack.
        #[arg(value_name = "SRC_DIR")]
        source: PathBuf,
        /// Kind of the source.
        #[arg(long, default_value = "GitRepository")]
        kind: SourceKind,
        /// Namespace of the source.
        #[arg(long, default_value = "default")]
        namespace: String,
        /// Name of the source.
        #[arg(long)]
        name: String,
        /// Revision to name; made from the content when absent.
        #[arg(long)]
        revision: Option<String>,
    },
    /// Prints the CRDs of Flux's sources, or installs them into the bed that is up.
    FluxCrds {
        #[command(flatten)]
        place: Place,
        /// Install them.
        #[arg(long)]
        apply: bool,
    },
    /// Writes a kubeconfig that acts as a ServiceAccount of the bed that is up, for 24 hours, and prints its path.
    Kubeconfig {
        #[command(flatten)]
        place: Place,
        /// Namespace of the ServiceAccount.
        #[arg(long, default_value = "default")]
        namespace: String,
        /// Name of the ServiceAccount.
        name: String,
    },
    /// Installs what the bed and the tests need (PostgreSQL, Deno, Supabase CLI, control plane, Flux's kustomize-controller), fetches
    /// small extensions of the distribution and other versions of PostgreSQL, and prints where it is.
    Tools {
        /// Also what `up --node` needs.
        #[arg(long)]
        node: bool,
    },
}

#[derive(Args)]
struct Place {
    /// Directory of the bed.
    #[arg(long = "dir", value_name = "DIR", default_value = ".cache/bed", env = "ACE_BED")]
    directory: PathBuf,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    if matches!(command, Command::Up { node: true, .. }) && !node::is_inside() {
        return fail(&*go_inside());
    }
    let executor = match tokio::runtime::Runtime::new() {
        Ok(executor) => executor,
        Err(error) => return fail(&error),
    };
    let result = executor.block_on(run(command));
    // A compiler that is at work in the background is not waited for: it ends with us.
    executor.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error),
    }
}

/// Fetches and builds what a bed with a node needs, as long as there is a network to fetch from, and becomes the same program in
/// namespaces of its own.
fn go_inside() -> Box<dyn std::error::Error> {
    let become_it = || -> Result<Infallible, Box<dyn std::error::Error>> {
        node::ensure(Progress::Lines)?;
        tools::ensure(Progress::Lines)?;
        let mut inside = node::namespaces(&std::env::current_exe()?);
        Err(inside.args(std::env::args_os().skip(1)).exec().into())
    };
    match become_it() {
        Err(error) => error,
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("ace-dev: {}", testing::explain(error));
    ExitCode::FAILURE
}

async fn run(command: Command) -> Result<(), Box<dyn std::error::Error>> {
    match command {
        Command::Up {
            place,
            projects,
            platform_backups,
            scratch,
            node,
        } => {
            let config = BedConfig {
                directory: place.directory,
                projects,
                platform_backups,
                scratch,
                node,
                progress: Progress::Lines,
            };
            Ok(up(config).await?)
        }
        Command::Demo { place, once, operator } => {
            let config = DemoConfig {
                directory: place.directory,
                once,
                operator,
            };
            let bring_up = async |directory| {
                let progress = Progress::Lines;
                bring_up(BedConfig {
                    directory,
                    progress,
                    ..BedConfig::default()
                })
                .await
            };
            Ok(demo::run(config, bring_up, asked_to_end).await?)
        }
        Command::Sandbox {
            listen,
            dir,
            database_url,
            admin,
            projects,
        } => {
            let config = SandboxConfig {
                listen,
                admin,
                directory: dir,
                database_url,
                projects,
            };
            Ok(sandbox(config).await?)
        }
        Command::Publish {
            place,
            source,
            kind,
            namespace,
            name,
            revision,
        } => {
            let bed = BedFile::read(&place.directory)?;
            let published = bed::publish(
                &bed,
                &Publication {
                    directory: source,
                    kind,
                    namespace,
                    name,
                    revision,
                },
            )
            .await?;
            println!(
                "{} {} {} ({} bytes)",
                published.url, published.digest, published.revision, published.size
            );
            Ok(())
        }
        Command::FluxCrds { place, apply: true } => {
            Ok(bed::install_flux_crds(&BedFile::read(&place.directory)?).await?)
        }
        Command::FluxCrds { apply: false, .. } => {
            let crds = bed::flux_crds().await?;
            // A reader that has seen enough (`| head`) is no failure.
            let _ = std::io::stdout().write_all(crds.as_bytes());
            Ok(())
        }
        Command::Kubeconfig { place, namespace, name } => {
            let path = bed::service_account_kubeconfig(&place.directory, &namespace, &name).await?;
            println!("{}", path.display());
            Ok(())
        }
        Command::Tools { node } => Ok(install(node)?),
    }
}

/// Installs and builds what is missing, and prints where all of it is.
fn install(node: bool) -> Result<(), ToolError> {
    let mut all = tools::ensure_for_tests(Progress::Lines)?;
    if node {
        all.extend(node::ensure(Progress::Lines)?);
    }
    for (name, path) in all {
        println!("{name:<20} {}", path.display());
    }
    Ok(())
}

/// Installs what is missing and starts a bed; none when that was no longer wanted.
async fn bring_up(config: BedConfig) -> Result<Option<Bed>, BedError> {
    let progress = config.progress;
    progress.say(format_args!("bringing a bed up in {}", config.directory.display()));
    let start = async {
        // Installing takes minutes, during which Ctrl-C must be heard.
        let installed = tokio::task::spawn_blocking(move || tools::ensure(progress)).await;
        installed.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        Bed::start(config).await
    };
    tokio::select! {
        bed = start => bed.map(Some),
        () = asked_to_end() => Ok(None),
    }
}

async fn up(config: BedConfig) -> Result<(), BedError> {
    let (started, progress) = (Instant::now(), config.progress);
    let Some(mut bed) = bring_up(config).await? else {
        return Ok(());
    };
    progress.say(format_args!(
        "up after {:.1} s\n{}",
        started.elapsed().as_secs_f64(),
        hints::how_to_go_on(&bed)
    ));
    let failure = tokio::select! {
        error = bed.ended() => Err(error),
        () = asked_to_end() => Ok(()),
    };
    progress.say("taking the bed down");
    let stopped = bed.stop().await;
    failure.and(stopped)
}

async fn sandbox(config: SandboxConfig) -> Result<(), BedError> {
    let sandbox = tokio::select! {
        sandbox = bed::start_sandbox(config) => sandbox?,
        () = asked_to_end() => return Ok(()),
    };
    println!("{}", sandbox.access());
    asked_to_end().await;
    sandbox.stop().await;
    Ok(())
}

/// Returns at Ctrl-C, SIGTERM, or when the terminal is closed.
async fn asked_to_end() {
    let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    let waits = signals
        .into_iter()
        .flatten()
        .map(|mut signal| Box::pin(async move { signal.recv().await }));
    futures::future::select_all(waits).await;
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}

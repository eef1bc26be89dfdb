//! `ace-operator`: flags and wiring.

#![cfg_attr(not(test), deny(clippy::string_slice, clippy::indexing_slicing))]

use std::{error::Error, io::Write, net::TcpListener, num::NonZeroU32, process::ExitCode};

use ace_api::Process;
use ace_database::Clients;
use ace_domain::reconcile::{shard::Shards, timing::Timing};
use ace_egress::AllowedHosts;
use ace_operator::{
    check::{Finding, Subject, check},
    connections::{
        grants::Installation,
        hosts::{HostArguments, NotifyArguments},
        stores::StoreArguments,
    },
    metrics::Metrics,
    operator::{GRACE, Operator, Settings},
    processes::{KindsError, processes},
};
use ace_runtime::{
    causes::with_causes,
    health::Health,
    leases::{Contest, Lost, Terms, names},
    listener::{self, ListenArguments},
    reconcile::note_places,
    request::{self, SILENCE, given_up_after},
    shutdown::Shutdown,
    telemetry::{self, LogArguments},
};
use clap::{ArgAction, Parser, Subcommand};
use kube::{Client, Config};

/// Returns memory after a burst, which glibc's allocator does not: 37 MiB instead of 47 for 1,000 settled functions. Its
/// settings are in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Reconciles Supabase projects with the custom resources of the cluster.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    hosts: HostArguments,
    /// Hosts from which artifacts of sources may be downloaded, in the same form. May be repeated.
    #[arg(long = "allow-source-host", default_values = ["http://source-controller.flux-system.svc.cluster.local", "http://source-controller.flux-system.svc.cluster.local."])]
    source_hosts: Vec<String>,
    /// Allows databases without encryption (`tls: Disable`), and those that ask for the password in clear text or as MD5: whoever
    /// answers at their address has the password then.
    #[arg(long)]
    allow_insecure_database: bool,
    #[command(flatten)]
    notify: NotifyArguments,
    #[command(flatten)]
    stores: StoreArguments,
    /// Where `pg_dump` and `pg_restore` are: an absolute directory, with `<major>` in the place of PostgreSQL's major version.
    #[arg(long, value_name = "DIRECTORY", default_value = "/usr/lib/postgresql/<major>/bin")]
    postgres_clients: String,
    /// How many backups and restores are made at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    runs_at_once: usize,
    /// Kinds that this process reconciles: those of the operator (Platform, EdgeFunction, MigrationSet, AlertRule,
    /// NotificationChannel, Silence, BackupDestination, BackupSchedule), those of its worker (Backup, Restore), or all. The kinds of one of them are not divided.
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    kinds: Vec<String>,
    /// Name under which this process is installed: of its Lease, and of its roles and bindings in the commands of messages. That of
    /// its Deployment in `deploy/` where it is not given: `ace-operator` or `ace-worker`.
    #[arg(long)]
    name: Option<String>,
    /// Its ServiceAccount; it is part of the commands in messages. `--name` where it is not given.
    #[arg(long, env = "POD_SERVICE_ACCOUNT", value_name = "NAME")]
    service_account: Option<String>,
    /// Namespaces whose objects are reconciled, each watched by itself; nothing is asked for in another but the operator's own.
    /// All where none is given. May be repeated.
    #[arg(long = "watch-namespace", value_name = "NAMESPACE")]
    watch_namespaces: Vec<String>,
    /// Namespace that the operator is installed in; it is part of the commands in messages.
    #[arg(long, env = "POD_NAMESPACE", default_value = "ace-system")]
    namespace: String,
    /// Name of this process, for events.
    #[arg(long, env = "POD_NAME", default_value = "ace-operator")]
    instance: String,
    /// Reconciles only while this process has the Lease of its `--name` in its namespace, so that of several processes one acts and
    /// the others wait. `false` is for one that is alone by other means: nothing guards against a second one then.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    leader_elect: bool,
    /// Divides the projects among the pods of the operator: each of so many parts has a Lease, and the pods have equally many of
    /// them. With 1 one pod reconciles everything, and the others wait. All pods need the same number; those of a new one wait until
    /// none acts by the old one.
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = shards)]
    shards: Shards,
    /// What no other process has at the same time, and one that is started again in the same pod has again; of the Lease. The
    /// name of the process where it is not given.
    #[arg(long, env = "POD_UID")]
    identity: Option<String>,
    /// Divides the times of the Lease, for tests only.
    #[arg(long, default_value_t = 1)]
    test_lease_scale: u32,
    /// Divides every interval and wait, for tests and benchmarks only.
    #[arg(long, default_value_t = 1)]
    test_time_scale: u32,
    #[command(flatten)]
    listen: ListenArguments,
    #[command(flatten)]
    log: LogArguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Command {
    /// Says whether the operator can do its work here: definitions, rights and the Lease, asked under the account that runs it. The
    /// flags before it are those of the operator; each thing that is missing is printed with what mends it, and makes the exit code 1.
    Check,
}

#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Log(#[from] telemetry::LogError),
    #[error("a flag has an invalid host: {0}")]
    Hosts(#[from] ace_egress::HostPatternError),
    #[error("can't install signal handlers: {0}")]
    Signals(#[source] std::io::Error),
    #[error("can't listen on the address of --listen: {0}")]
    Listen(#[source] std::io::Error),
    #[error(transparent)]
    Lost(#[from] Lost),
    #[error("can't configure a client of the API server: {0}")]
    Kubernetes(#[source] Box<dyn Error + Send + Sync>),
    #[error("the flag --postgres-clients names no directory of clients: {0}")]
    Clients(#[from] ace_database::ClientsError),
    #[error(transparent)]
    Kinds(#[from] KindsError),
    #[error("the flag --shards divides no backups and restores: name the other kinds by --kinds, or leave it at 1")]
    Divided,
    #[error(transparent)]
    Setup(#[from] ace_operator::operator::SetupError),
    #[error("something is missing: see above")]
    Checked,
}

impl StartError {
    fn client(error: kube::Error) -> Self {
        Self::Kubernetes(Box::new(error))
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error),
    };
    let done = match arguments.command {
        Some(Command::Check) => runtime.block_on(look(arguments)),
        None => runtime.block_on(run(arguments)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // What another process may do by now is not waited for.
            runtime.shutdown_background();
            refuse(&error)
        }
    }
}

/// Prints an error with its causes.
fn refuse(error: &dyn Error) -> ExitCode {
    eprintln!("ace-operator: {}", with_causes(error));
    ExitCode::FAILURE
}

/// Names under which this process is installed.
fn installation(arguments: &Arguments, processes: &[Process]) -> Installation {
    let deployed = Installation::of(processes);
    let name = arguments.name.clone().unwrap_or(deployed.name);
    Installation {
        namespace: arguments.namespace.clone(),
        service_account: arguments.service_account.clone().unwrap_or_else(|| name.clone()),
        name,
        is_limited: !arguments.watch_namespaces.is_empty(),
    }
}

async fn look(arguments: Arguments) -> Result<(), StartError> {
    let config = config().await.map_err(StartError::Kubernetes)?;
    let client = request::client(config).map_err(StartError::client)?;
    let processes = processes(&arguments.kinds)?;
    let installation = installation(&arguments, &processes);
    // Those of one name compete.
    let leases = arguments
        .leader_elect
        .then(|| names(&installation.name, arguments.shards));
    let subject = Subject {
        installation,
        leases: leases.unwrap_or_default(),
        namespaces: arguments.watch_namespaces,
        processes,
    };
    let findings = check(&client, &subject).await;
    let mut output = std::io::stdout().lock();
    for finding in &findings {
        // Whoever does not read it has the exit code.
        let _ = writeln!(output, "{finding}");
    }
    let is_failed = |finding: &Finding| finding.problem.is_some();
    if findings.iter().any(is_failed) {
        return Err(StartError::Checked);
    }
    Ok(())
}

async fn run(arguments: Arguments) -> Result<(), StartError> {
    telemetry::init(&arguments.log)?;
    note_places();
    let shutdown = Shutdown::on_signals(GRACE).map_err(StartError::Signals)?;
    let (metrics, health) = (Metrics::new(env!("CARGO_PKG_VERSION")), Health::default());
    let listener = TcpListener::bind(arguments.listen.listen).map_err(StartError::Listen)?;
    let config = config().await.map_err(StartError::Kubernetes)?;
    let client = request::client(config.clone()).map_err(StartError::client)?;
    let processes = processes(&arguments.kinds)?;
    if arguments.shards != Shards::ONE && processes.contains(&Process::Worker) {
        return Err(StartError::Divided);
    }
    let installation = installation(&arguments, &processes);
    let contest = Contest {
        client: Client::try_from(config).map_err(StartError::client)?,
        namespace: arguments.namespace,
        name: installation.name.clone(),
        shards: arguments.shards,
        identity: arguments.identity.unwrap_or_else(|| arguments.instance.clone()),
        terms: Terms::default().scaled(arguments.test_lease_scale),
    };
    let settings = Settings {
        hosts: arguments.hosts.parse()?,
        source_hosts: AllowedHosts::parse(&arguments.source_hosts)?,
        allow_insecure_database: arguments.allow_insecure_database,
        notify_hosts: arguments.notify.parse()?,
        stores: arguments.stores.parse()?,
        clients: Clients::new(&arguments.postgres_clients)?,
        runs_at_once: arguments.runs_at_once,
        timing: Timing::scaled(arguments.test_time_scale),
        scale: arguments.test_time_scale,
        installation,
        namespaces: arguments.watch_namespaces,
        processes,
        shards: arguments.shards,
        instance: arguments.instance,
    };
    let operator = Operator::new(&client, settings, &metrics)?;
    let server = listener::serve(listener, metrics.runtime, health.clone(), shutdown.stop());
    let server = server.map_err(StartError::Listen)?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
    let contest = arguments.leader_elect.then_some(contest);
    Box::pin(operator.run(contest, health, shutdown.clone())).await?;
    if server.join().is_err() {
        tracing::warn!("the HTTP server panicked");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Passes wait for others, mostly. One for each core of the node would cost the memory of as many.
const THREADS: usize = 2;

/// More of them than there will be pods for help nobody: each costs 12 requests a minute.
const MOST_SHARDS: u32 = 64;

fn shards(text: &str) -> Result<Shards, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number: &NonZeroU32| number.get() <= MOST_SHARDS);
    number
        .map(Shards::new)
        .ok_or_else(|| format!("write a number from 1 to {MOST_SHARDS}"))
}

/// From `KUBECONFIG`, else from the pod's ServiceAccount.
async fn config() -> Result<Config, Box<dyn std::error::Error + Send + Sync>> {
    // An error means that the process already has a provider, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(given_up_after(SILENCE, Config::infer().await?))
}

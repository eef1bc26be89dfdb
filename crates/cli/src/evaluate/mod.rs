//! `kubectl ace evaluate`: asks an AlertRule once, as the operator would, with the caller's rights. Nothing is written, and nobody is
//! told.

mod ask;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use ace_api::{AlertRule, Platform};
use ace_domain::kinds::alert_rule::compared;
use clap::Args;
use jiff::Timestamp;
use kube::ResourceExt;

use crate::cluster::Cluster;
use crate::documents::Documents;
use crate::plan::PlanError;
pub(crate) use report::Report;

#[derive(Args, Debug)]
pub(crate) struct EvaluateArguments {
    /// Name of the AlertRule; with `-f`, which one of the manifest.
    #[arg(value_name = "NAME", required_unless_present = "manifest")]
    name: Option<String>,
    /// Manifest with the AlertRule as it would be applied, and the Platform if it is not in the cluster yet; `-` is standard input.
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Namespace of the AlertRule. Defaults to that of the manifest, then to that of your context.
    #[arg(long, short, value_name = "NS")]
    namespace: Option<String>,
    /// Context of your kubeconfig. Defaults to the current one.
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
}

/// The AlertRule, and the Platform that it names.
struct Subject {
    rule: AlertRule,
    namespace: String,
    platform: Option<Platform>,
}

/// Asks once.
pub(crate) async fn evaluate(arguments: &EvaluateArguments, now: Timestamp) -> Result<Report, PlanError> {
    let cluster = Cluster::connect(arguments.context.as_deref()).await?;
    let subject = Subject::read(arguments, &cluster).await?;
    let answer = ask::ask(&cluster, &subject, now).await?;
    let Subject { rule, namespace, .. } = subject;
    Ok(Report {
        answer: answer.map(|rows| compared(&rule.spec, &rows)),
        rule,
        namespace,
    })
}

impl Subject {
    async fn read(arguments: &EvaluateArguments, cluster: &Cluster) -> Result<Self, PlanError> {
        let (rule, platforms) = if let Some(path) = &arguments.manifest {
            Documents::<AlertRule>::read(path)?.choose(path, arguments.name.as_deref())?
        } else {
            let namespace = arguments.namespace.as_ref().unwrap_or(&cluster.namespace);
            let name = arguments.name.as_deref().unwrap_or_default();
            let rule = cluster.find::<AlertRule>(namespace, name).await?;
            let absent = || PlanError::Absent(format!("AlertRule {namespace}/{name}"));
            (rule.ok_or_else(absent)?, Vec::new())
        };
        let namespace = arguments.namespace.clone().or_else(|| rule.namespace());
        let namespace = namespace.unwrap_or_else(|| cluster.namespace.clone());
        let name = &rule.spec.platform_ref.name;
        let named = platforms.into_iter().find(|platform| platform.name_any() == *name);
        let platform = match named {
            Some(platform) => Some(platform),
            None => cluster.find::<Platform>(&namespace, name).await?,
        };
        Ok(Self {
            rule,
            namespace,
            platform,
        })
    }
}

impl Report {
    /// 0: nothing is beyond a threshold; 2: something is; 1: it could not be asked.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match &self.answer {
            Ok(rows) if rows.iter().any(|row| row.severity.is_some()) => ExitCode::from(2),
            Ok(_) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        }
    }
}

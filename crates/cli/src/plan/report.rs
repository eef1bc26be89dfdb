use ace_api::{
    Approval, ConditionType, Drift, MigrationMode, MigrationReason, MigrationSource, MigrationTarget, Reason,
    RiskClass, SchemaStatus,
};
use ace_domain::kinds::migration_set::{Decision, Item, Step, StepError, status};
use ace_domain::kinds::platform::DatabaseFailure;
use ace_domain::reconcile::decision::Requeue;
use ace_domain::reconcile::drift::uncorrected;
use ace_domain::reconcile::kind::Step as _;
use ace_domain::sql::Risk;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use serde::Serialize;

use super::rehearsal::Rehearsal;
use super::subject::{Carried, Subject};

/// The plan. Its JSON is for programs: fields are added, and not renamed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) mode: MigrationMode,
    /// Why nothing runs whatever the plan is: suspended, deleted, or mode `Observe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) idle: Option<String>,
    pub(super) platform: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) project: Option<String>,
    /// Host, port, database and user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) database: Option<String>,
    /// The source object, or `--dir`.
    pub(super) carrier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<MigrationSource>,
    /// Files of `--dir` that a source can't have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) left_out: Vec<String>,
    /// The observation of the database; `None` if it could not be observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seen: Option<Seen>,
    pub(super) pending: Vec<Pending>,
    /// What would be written, in order.
    pub(super) steps: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<String>,
    /// The digest that has to be added to `spec.approvals`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) approval: Option<Approval>,
    pub(super) outcome: Outcome,
    /// The reason and message of the condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
}

/// The observation of the database, as in a status.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seen {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<MigrationTarget>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) head: Option<String>,
    pub(super) applied: i32,
    pub(super) unknown_applied: i32,
    pub(super) unverified: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schema: Option<SchemaStatus>,
    /// `True`, `False` or `Unknown`, and why.
    pub(super) drifted: String,
    pub(super) drift_message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) drift: Option<Drift>,
}

/// A file that would run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pending {
    pub(super) version: String,
    pub(super) name: String,
    pub(super) file: String,
    /// It was applied before and is missing from the ledger.
    pub(super) again: bool,
    pub(super) classes: Vec<RiskClass>,
    pub(super) needs_approval: bool,
    pub(super) risks: Vec<Danger>,
}

/// A risk of a statement.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Danger {
    pub(super) class: RiskClass,
    pub(super) line: u32,
    pub(super) says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lock: Option<&'static str>,
    pub(super) needs_approval: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(crate) enum Outcome {
    /// No file would be run.
    Nothing,
    /// The pending files would be run.
    Runs,
    /// They would be run after an approval of the plan.
    ApprovalRequired,
    /// A person has to act.
    Refused,
    /// A dependency is not ready or does not answer.
    Waits,
}

impl Report {
    pub(super) fn of(subject: &Subject, files: &Carried, rehearsal: &Rehearsal, by_url: bool) -> Self {
        let Subject { written, namespace, .. } = subject;
        let platform = subject.platform.as_ref().map(|platform| &platform.spec);
        let database = platform.and_then(|platform| platform.database.as_ref());
        let (outcome, reason, message) = end(&rehearsal.end);
        let shown = status(
            written,
            &rehearsal.seen,
            &Decision::Settled(Requeue::OnChange),
            Timestamp::now(),
        );
        let plan = rehearsal.plan.as_ref().filter(|plan| !plan.items.is_empty());
        let policy = &written.spec.policy.approve;
        let asked = plan.filter(|plan| plan.needs_approval && outcome == Outcome::ApprovalRequired);
        Self {
            namespace: namespace.clone(),
            name: written.name_any(),
            mode: written.spec.mode,
            idle: idle(subject),
            platform: written.spec.platform_ref.name.clone(),
            project: platform.map(|platform| platform.project.clone()),
            database: database.map(|it| format!("{} on {}:{} as {}", it.name, it.host, it.port, it.user)),
            carrier: files.by.clone(),
            left_out: files.left_out.clone(),
            source: rehearsal.seen.folder().and(shown.source.clone()),
            seen: rehearsal.seen.observation().map(|_| Seen {
                applied: shown.applied.unwrap_or_default(),
                unknown_applied: shown.unknown_applied.unwrap_or_default(),
                unverified: shown.unverified.unwrap_or_default(),
                head: shown.head,
                target: shown.target,
                schema: shown.schema,
                drift: uncorrected(shown.drift.as_ref()).cloned(),
                drifted: drifted(&shown.common.conditions, |condition| &condition.status),
                drift_message: drifted(&shown.common.conditions, |condition| &condition.message),
            }),
            pending: plan.map_or_else(Vec::new, |plan| {
                plan.items.iter().map(|item| pending(item, policy)).collect()
            }),
            steps: rehearsal.steps.iter().map(described).collect(),
            digest: plan.map(|plan| plan.digest.clone()),
            approval: asked.map(|plan| Approval {
                plan: plan.digest.clone(),
                without_backup: false,
                reason: None,
            }),
            outcome,
            reason: reason.map(Reason::as_str),
            message: message.map(|message| at_the_url(rehearsal.step_error.as_ref(), by_url).unwrap_or(message)),
        }
    }
}

fn end(end: &Decision) -> (Outcome, Option<MigrationReason>, Option<String>) {
    let (outcome, cause) = match end {
        Decision::Do(_) => return (Outcome::Runs, None, None),
        Decision::Settled(_) | Decision::Release { .. } => return (Outcome::Nothing, None, None),
        Decision::Wait(cause, _) => (Outcome::Waits, cause),
        Decision::Refuse(cause, _) if cause.reason == MigrationReason::ApprovalRequired => {
            (Outcome::ApprovalRequired, cause)
        }
        // A file that would run twice needs more than an approval: its message says what to check first.
        Decision::Refuse(cause, _) => (Outcome::Refused, cause),
    };
    (outcome, Some(cause.reason), Some(cause.message.clone()))
}

/// The operator's message names the Secret; here the password comes from the URL.
fn at_the_url(step_error: Option<&StepError>, by_url: bool) -> Option<String> {
    match step_error {
        Some(StepError::Database(DatabaseFailure::PasswordRejected)) if by_url => {
            Some("the database rejects the user or password of --database-url".to_owned())
        }
        Some(StepError::Database(DatabaseFailure::PasswordInvalid(cause))) if by_url => {
            Some(format!("--database-url: {cause}"))
        }
        _ => None,
    }
}

fn idle(subject: &Subject) -> Option<String> {
    let Subject { written, .. } = subject;
    let name = &written.spec.platform_ref.name;
    if written.metadata.deletion_timestamp.is_some() {
        Some("it is being deleted".to_owned())
    } else if written.spec.suspend {
        Some("it is suspended".to_owned())
    } else if subject.platform_suspended {
        Some(format!("Platform {name} is suspended"))
    } else if written.spec.mode == MigrationMode::Observe {
        Some("its mode is Observe".to_owned())
    } else {
        None
    }
}

fn drifted(conditions: &[Condition], field: impl Fn(&Condition) -> &String) -> String {
    let condition = conditions
        .iter()
        .find(|condition| condition.type_ == ConditionType::Drifted.as_str());
    condition.map(field).cloned().unwrap_or_default()
}

fn pending(item: &Item, policy: &[RiskClass]) -> Pending {
    let danger = |risk: &Risk| Danger {
        class: risk.class,
        line: risk.line,
        says: risk.says.clone(),
        lock: risk.lock,
        needs_approval: policy.contains(&risk.class),
    };
    let risks: Vec<_> = item.risks.iter().map(danger).collect();
    Pending {
        version: item.file.version.to_string(),
        name: item.file.name.clone(),
        file: item.file.file_name.clone(),
        again: item.runs_twice(),
        classes: item.classes(),
        needs_approval: item.runs_twice() || risks.iter().any(|danger| danger.needs_approval),
        risks,
    }
}

fn described(step: &Step) -> String {
    let files = |number: usize| format!("{number} file{}", if number == 1 { "" } else { "s" });
    match step {
        Step::Claim => "claims the database for this MigrationSet, in schema ace_ops".to_owned(),
        Step::Adopt(adopted) => format!("records {} as applied outside this operator", files(adopted.len())),
        Step::Baseline(recorded) => format!("records {} as applied, without running SQL", files(recorded.len())),
        Step::SetReference { digest, keep } if keep.is_empty() => {
            format!("stores the live schema, {digest}, as the reference")
        }
        Step::SetReference { keep, .. } => {
            format!(
                "stores the schemas that are new in `spec.schemas` as they are; the reference of {} stays",
                keep.join(", ")
            )
        }
        Step::MakeBackup(request) => format!(
            "has Backup {} made as BackupSchedule {} says, and waits for it",
            request.name, request.schedule
        ),
        Step::Prepare(plan) => format!("runs {}", files(plan.items.len())),
        other => other.name().to_owned(),
    }
}

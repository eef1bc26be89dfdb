//! What would run, and the digest by which it is approved.

use std::sync::Arc;

use ace_api::{Approval, MigrationSet, MigrationTarget, RiskClass};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    assessment,
    ledger_diff::{Elsewhere, LedgerDiff},
    state::{Observation, State, StoredPlan},
};
use crate::sql::{File, Risk, Script};

/// What would run, in order.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Digest by which an approval names the plan.
    pub digest: String,
    pub items: Vec<Item>,
    /// A file in it needs an approval, and there is none.
    pub needs_approval: bool,
    /// It is approved to run without the backup that would be required.
    pub without_backup: bool,
}

#[derive(Clone, Debug)]
pub struct Item {
    pub file: File,
    pub script: Arc<Script>,
    pub risks: Arc<[Risk]>,
    /// It was applied before and is missing from the ledger.
    pub again: bool,
    /// When it was recorded in `ace_ops`, if it was.
    pub noted: Option<Timestamp>,
    /// The version without a file under which it was applied, by all that is known.
    pub elsewhere: Option<Elsewhere>,
}

impl Item {
    /// What would run: the file's digest. If it ran before, also when, so that an approval to run it once more does not
    /// hold for ever.
    pub fn mark(&self) -> String {
        let digest = &self.file.sha256;
        match (&self.elsewhere, self.noted) {
            (Some(elsewhere), _) => format!("{digest} although applied as {}", elsewhere.version),
            _ if !self.again => digest.clone(),
            (None, None) => format!("{digest} again"),
            (None, Some(time)) => format!("{digest} again after {time}"),
        }
    }

    /// Classes of its risks, each once, in their order.
    pub fn classes(&self) -> Vec<RiskClass> {
        let mut classes: Vec<_> = self.risks.iter().map(|risk| risk.class).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    /// Its SQL was applied before, under this version or another one.
    pub fn runs_twice(&self) -> bool {
        self.again || self.elsewhere.is_some()
    }

    fn guarded(&self, policy: &[RiskClass]) -> Vec<RiskClass> {
        let classes = self.classes().into_iter();
        classes.filter(|class| policy.contains(class)).collect()
    }
}

impl Plan {
    /// The plan of the pending files; `None` while one of them was not read or can't be, or they were not assessed.
    pub(super) fn of(
        object: &MigrationSet,
        state: &State,
        observation: &Observation,
        ledger_diff: &LedgerDiff<'_>,
        project: &str,
    ) -> Option<Self> {
        let scripts = ledger_diff.pending.iter();
        let scripts: Option<Vec<_>> = scripts
            .map(|pending| state.scripts.get(&pending.file.sha256)?.as_ref().ok().cloned())
            .collect();
        let scripts = scripts?;
        let risks = assessment::risks(state, ledger_diff)?;
        let items: Vec<Item> = ledger_diff
            .pending
            .iter()
            .zip(scripts)
            .zip(risks)
            .map(|((pending, script), risks)| Item {
                file: pending.file.clone(),
                script,
                risks,
                again: pending.again,
                noted: pending.noted,
                elsewhere: ledger_diff.elsewhere.get(pending.file.version.as_str()).cloned(),
            })
            .collect();
        let policy = &object.spec.policy.approve;
        let digest = plan_digest(
            project,
            &observation.target,
            ledger_diff.head.as_deref(),
            &items,
            policy,
        );
        let guarded = items
            .iter()
            .any(|item| item.runs_twice() || !item.guarded(policy).is_empty());
        let approvals = approvals(object, observation, &digest, &items);
        Some(Self {
            needs_approval: guarded && approvals.is_empty(),
            without_backup: approvals.iter().any(|approval| approval.without_backup),
            digest,
            items,
        })
    }

    /// As it is stored before its first file.
    pub(super) fn stored(&self, target: &MigrationTarget) -> StoredPlan {
        StoredPlan {
            digest: self.digest.clone(),
            system_identifier: target.system_identifier.clone(),
            timeline: target.timeline,
            database_oid: target.database_oid,
            items: list(&self.items),
        }
    }

    /// The risks that need an approval, in order.
    pub(super) fn guarded<'a>(&'a self, policy: &'a [RiskClass]) -> impl Iterator<Item = (&'a Item, &'a Risk)> {
        let risks = self
            .items
            .iter()
            .flat_map(|item| item.risks.iter().map(move |risk| (item, risk)));
        risks.filter(|(_, risk)| policy.contains(&risk.class))
    }
}

fn list(items: &[Item]) -> Vec<(String, String)> {
    let items = items.iter();
    items.map(|item| (item.file.version.to_string(), item.mark())).collect()
}

/// The approvals of the plan, or of the plan that was begun on this database and of which it is exactly the rest.
fn approvals<'a>(
    object: &'a MigrationSet,
    observation: &Observation,
    digest: &str,
    items: &[Item],
) -> Vec<&'a Approval> {
    let of = |digest: &str| object.spec.approvals.iter().find(|approval| approval.plan == digest);
    let begun = observation.stored_plan().filter(|stored| {
        let left = stored
            .items
            .iter()
            .filter(|(version, _)| !observation.ledger.contains_key(version));
        is_of(stored, &observation.target) && left.eq(&list(items))
    });
    of(digest)
        .into_iter()
        .chain(begun.and_then(|stored| of(&stored.digest)))
        .collect()
}

/// The plan was made for this database and this timeline.
fn is_of(stored: &StoredPlan, target: &MigrationTarget) -> bool {
    (&stored.system_identifier, stored.timeline, stored.database_oid)
        == (&target.system_identifier, target.timeline, target.database_oid)
}

/// Digest of a plan: of the database but not of its server's version, which an upgrade in place changes, its head, and for each file its version, its mark and those of its classes that need an
/// approval by this policy. Every part is preceded by its length, so that no two plans have one text.
pub fn plan_digest(
    project: &str,
    target: &MigrationTarget,
    head: Option<&str>,
    items: &[Item],
    policy: &[RiskClass],
) -> String {
    let mut digest = Lengthened::default();
    digest.add(project);
    digest.add(&target.system_identifier);
    digest.add(&target.timeline.to_string());
    digest.add(&target.database_oid.to_string());
    digest.add(&target.database);
    digest.add(head.unwrap_or_default());
    for item in items {
        digest.add(item.file.version.as_str());
        digest.add(&item.mark());
        let classes: Vec<_> = item.guarded(policy).into_iter().map(RiskClass::as_str).collect();
        digest.add(&classes.join(","));
    }
    digest.finish()
}

/// Digest of files, whatever the database: a failed run is retried when it changes.
pub(super) fn pending_digest<'a>(files: impl Iterator<Item = &'a File>) -> String {
    let mut digest = Lengthened::default();
    for file in files {
        digest.add(file.version.as_str());
        digest.add(&file.sha256);
    }
    digest.finish()
}

/// SHA-256 over parts, each preceded by its length.
#[derive(Default)]
struct Lengthened(Sha256);

impl Lengthened {
    fn add(&mut self, part: &str) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part.as_bytes());
    }

    fn finish(self) -> String {
        format!("sha256:{}", hex::encode(self.0.finalize()))
    }
}

//! What a step of the loop does to the database.

use std::{sync::Arc, time::Duration};

use ace_api::MigrationSet;
use ace_domain::{
    kinds::backup_schedule::Known,
    kinds::migration_set::{
        Blocker, Candidate, Owner, Ran, Refusal, Request, State, Step, StepError, StepResult, SyntaxCheck,
    },
    sql::{File, Script},
};

use super::{
    database::{Bookkeeping, effect, script},
    operator::{Loss, Model, PLACE},
};

impl Model {
    pub(crate) fn act(&mut self, object: &MigrationSet, state: &State, step: &Step) -> Result<StepResult, StepError> {
        self.judge_step(object, state, step);
        if let Step::Read(files) = step {
            let read = files.iter().map(|file| (file.sha256.clone(), script(file)));
            return Ok(StepResult::Read(read.collect()));
        }
        if let Step::Assess(unassessed) = step {
            return Ok(StepResult::Assessed(Arc::new(unassessed.clone().assess())));
        }
        match step {
            Step::MakeBackup(request) => return Ok(self.make_backup(request)),
            Step::CheckBackup(name) => {
                let found = self.backups.iter().find(|backup| backup.known.name == *name);
                self.checked = found.cloned();
                return Ok(StepResult::BackupChecked(self.checked.clone().map(Box::new)));
            }
            _ => self.unanswered()?,
        }
        match step {
            Step::CheckSyntax(statements) => {
                let answers = statements.iter().map(|text| (text.clone(), answer(text)));
                return Ok(StepResult::SyntaxChecked(answers.collect()));
            }
            Step::Begin if self.now < self.busy_until => return Err(StepError::Busy(None)),
            Step::Observe
            | Step::Begin
            | Step::ObserveAgain
            | Step::Read(_)
            | Step::Assess(_)
            | Step::MakeBackup(_)
            | Step::CheckBackup(_) => {}
            Step::SnapshotAfterRun => self.db.snapshot_after_run(),
            Step::Claim => {
                let bookkeeping = self.db.bookkeeping.get_or_insert_default();
                let owner = bookkeeping.owner.get_or_insert_with(|| Owner::of(object));
                if *owner != Owner::of(object) {
                    return Err(StepError::Claimed(owner.clone()));
                }
                return Ok(StepResult::Written);
            }
            Step::Adopt(files) => {
                for file in files {
                    self.db.note(file, self.now);
                }
                return Ok(StepResult::Written);
            }
            Step::Baseline(files) => {
                for file in files {
                    self.db.record(file);
                    self.db.note(file, self.now);
                }
                return Ok(StepResult::Written);
            }
            Step::SetReference { digest, keep } => {
                if *digest != super::database::digest(&self.db.live) {
                    return Err(StepError::Passing("the schema is being changed".to_owned()));
                }
                let mut schemas = object.spec.schemas.clone();
                schemas.sort_unstable();
                self.db.set_reference(schemas, keep);
                return Ok(StepResult::Written);
            }
            Step::Prepare(plan) => {
                self.db.look_before();
                self.db.bookkeeping.get_or_insert_with(Bookkeeping::default).plan = Some(plan.clone());
                return Ok(StepResult::Prepared);
            }
            Step::Run {
                file,
                script,
                again,
                after,
            } => {
                self.is_there(after.as_ref())?;
                return self.run_file(object, file, script, *again);
            }
        }
        Ok(StepResult::Observed(Box::new(self.db.look(self.now, PLACE))))
    }

    /// It is complete a moment later.
    fn make_backup(&mut self, request: &Request) -> StepResult {
        let complete = request.complete(&self.db.look(self.now, PLACE), self.now);
        let begun = Candidate {
            known: Known {
                class: complete.known.class,
                ..Known::made(&request.name, String::new(), self.now)
            },
            ..complete.clone()
        };
        self.backups.push(complete);
        self.set.enqueue(self.now + Duration::from_secs(20));
        StepResult::BackupMade(Box::new(begun))
    }

    /// The Backup after which a file runs.
    fn is_there(&self, after: Option<&String>) -> Result<(), StepError> {
        let Some(name) = after else { return Ok(()) };
        let found = self.backups.iter().find(|backup| backup.known.name == *name);
        if found.is_some_and(Candidate::is_there) {
            return Ok(());
        }
        Err(StepError::BackupLost {
            name: name.clone(),
            found: found.cloned().map(Box::new),
        })
    }

    fn run_file(
        &mut self,
        object: &MigrationSet,
        file: &File,
        script: &Script,
        again: bool,
    ) -> Result<StepResult, StepError> {
        let (version, effect) = (file.version.to_string(), effect(&file.text));
        let passing = || {
            Err(StepError::Passing(
                "nothing was applied, or the ledger will show it".to_owned(),
            ))
        };
        let refused = |half| {
            Err(StepError::Refused(Refusal {
                version: file.version.clone(),
                half,
                message: "the database refuses it".to_owned(),
            }))
        };
        let noted = self
            .db
            .bookkeeping
            .as_ref()
            .is_some_and(|bookkeeping| bookkeeping.rows.contains_key(&version));
        if self.db.ledger.contains_key(&version) || noted && !again {
            return passing();
        }
        let half = self
            .db
            .bookkeeping
            .as_ref()
            .and_then(|bookkeeping| bookkeeping.half.get(&version).cloned());
        if half.as_ref().is_some_and(|(sha256, _)| *sha256 != file.sha256) {
            return refused(true);
        }
        self.judge_run(object, file, script);
        if self.now < self.blocked_until {
            let blockers = vec![Blocker {
                pid: 17,
                application: Some("psql".to_owned()),
                age: None,
            }];
            let version = file.version.clone();
            return Err(StepError::Blocked { version, blockers });
        }
        if effect.broken {
            return refused(false);
        }
        self.now += Duration::from_secs(1);
        let loss = self.loss.take();
        if loss == Some(Loss::Before) {
            return passing();
        }
        for part in half.map_or(0, |(_, done)| done)..effect.parts - 1 {
            self.fall_behind();
            // The part in the middle is the one that changes the schema.
            if part == 1 {
                self.runs += 1;
                self.db.apply(file, self.runs, true);
            }
            if let Some(bookkeeping) = &mut self.db.bookkeeping {
                bookkeeping
                    .half
                    .insert(version.clone(), (file.sha256.clone(), part + 1));
            }
            if loss == Some(Loss::Part(part)) {
                return passing();
            }
        }
        if effect.parts == 1 {
            self.runs += 1;
            self.db.apply(file, self.runs, true);
        }
        self.fall_behind();
        self.db.record(file);
        self.db.note(file, self.now);
        *self.ever.entry(version).or_default() += 1;
        if loss == Some(Loss::SyntaxCheck) {
            return passing();
        }
        Ok(StepResult::Ran(Ran {
            duration: Duration::from_secs(1),
            warnings: Vec::new(),
        }))
    }

    fn fall_behind(&mut self) {
        if let Some(reference) = self.db.reference() {
            reference.snapshot_pending = true;
        }
    }

    /// Everything that must hold of a file that is about to run.
    fn judge_run(&mut self, object: &MigrationSet, file: &File, script: &Script) {
        let version = file.version.as_str();
        let mut wrong = Vec::new();
        let pending: Vec<&String> = self
            .files
            .keys()
            .filter(|other| !self.db.ledger.contains_key(*other))
            .collect();
        if pending.first().is_some_and(|first| first.as_str() != version) {
            wrong.push(format!("{version} runs before {}", pending[0]));
        }
        let ran = self.ever.get(version).copied().unwrap_or_default();
        let head = self.db.ledger.keys().next_back();
        for (other, text) in &self.files {
            let row = self
                .db
                .bookkeeping
                .as_ref()
                .and_then(|bookkeeping| bookkeeping.rows.get(other));
            let sha256 = self.file(other).map(|file| file.sha256);
            if self.db.ledger.contains_key(other) && row.is_some_and(|row| Some(&row.sha256) != sha256.as_ref()) {
                wrong.push(format!("{version} runs while {other} is edited: {text}"));
            }
        }
        let approved = object
            .spec
            .approvals
            .iter()
            .filter_map(|approval| self.plans.get(&approval.plan))
            .flatten();
        let named: Vec<_> = approved
            .filter(|(named, sha256, _)| named == version && *sha256 == file.sha256)
            .collect();
        let refuses = object.spec.policy.out_of_order == ace_api::OutOfOrder::Refuse;
        // Where the ledger went back, nobody knows what it had: then a person has decided.
        if refuses && named.is_empty() && head.is_some_and(|head| version < head.as_str()) {
            wrong.push(format!("{version} runs behind {head:?}"));
        }
        if ran > 0 && !named.iter().any(|(_, _, times)| *times == ran) {
            wrong.push(format!(
                "{version} ran {ran} times, and runs again without an approval that says so"
            ));
        }
        if file.text.starts_with("DROP") && named.is_empty() {
            wrong.push(format!("{version} drops a table without an approval"));
        }
        if script.segments.is_empty() {
            wrong.push(format!("{version} has nothing to run"));
        }
        self.faults.extend(wrong);
    }
}

fn answer(statement: &str) -> SyntaxCheck {
    if statement.contains("NICELY") || !statement.contains("FROBNICATE") {
        SyntaxCheck::Parses
    } else {
        SyntaxCheck::Fault {
            line: 0,
            message: "syntax error at or near \"FROBNICATE\"".to_owned(),
        }
    }
}

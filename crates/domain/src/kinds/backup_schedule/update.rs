//! What a step taught.

use ace_api::{BackupResult, BackupSchedule, LastBackup};
use jiff::Timestamp;

use super::{
    Known, State, Step, StepError, StepResult, Victim, drills,
    slots::{begun, due},
};

/// Updates the state by the result of a step, or by its error.
pub fn update(
    object: &BackupSchedule,
    state: &mut State,
    step: &Step,
    outcome: Result<StepResult, StepError>,
    now: Timestamp,
) {
    state.steps += 1;
    let result = match outcome {
        Ok(result) => result,
        Err(error) => {
            state.step_error = Some(error);
            return;
        }
    };
    match (step, result) {
        (Step::Start { name, slot }, StepResult::Started(made)) => {
            if let Some(due) = due(object, state, now).filter(|due| due.slot == *slot) {
                begun(state, due);
            }
            state.memo.last = Some(LastBackup {
                name: name.clone(),
                slot: *slot,
                result: BackupResult::Running,
            });
            state.memory.made = Some((*made).clone());
            state.learn(*made);
        }
        (Step::Drill { slot, drills, .. }, StepResult::Drilled(made)) => {
            drills::begun(state, *slot, drills);
            state.drilled.retain(|known| known.name != made.name);
            state.drilled.push(*made);
        }
        (Step::DeleteDrill(victim), _) => {
            if let Some(run) = state.drilled.iter_mut().find(|run| run.name == victim.name) {
                run.is_leaving = true;
            }
        }
        (Step::Expire(victim), _) => change(state, victim, |backup| backup.is_expiring = true),
        (Step::Delete(victim), _) => change(state, victim, |backup| backup.is_leaving = true),
        (Step::Start { .. } | Step::Drill { .. }, _) => {}
    }
}

fn change(state: &mut State, victim: &Victim, change: impl FnOnce(&mut Known)) {
    if let Some(backup) = state.backups.iter_mut().find(|backup| backup.name == victim.name) {
        change(backup);
    }
}

impl State {
    /// Adds a Backup that the cache does not have yet.
    pub fn learn(&mut self, made: Known) {
        if self.backups.iter().all(|backup| backup.name != made.name) {
            self.backups.push(made);
        }
    }
}

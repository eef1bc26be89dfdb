//! Passes over one Backup in a small world: an API server, stores, and a process that can end anywhere.

use std::{collections::BTreeSet, sync::Arc};

use ace_api::{Backup, BackupStatus, ConditionType};
use jiff::{SignedDuration, Timestamp};

use super::{
    super::{Done, Found, Job, Kind, Memory, Outcome, State, Step, StepResult, Task, may_be_finished},
    fixture::{made, new, path},
};
use crate::reconcile::{
    fixture::at,
    pass::{Effect, End, Pass},
};

/// Far above the passes of any history here.
const PASSES: usize = 200;

struct World {
    object: Backup,
    now: Timestamp,
    /// Destination and path of each manifest.
    manifests: BTreeSet<(String, String)>,
    /// Of the process.
    memory: Memory,
    task: Option<(String, Job, u8)>,
    ids: u32,
    /// What has happened that can be cut, and where it is: the process ends there.
    points: usize,
    cuts: Vec<Cut>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cut {
    /// The process ends.
    Kill(usize),
    /// A write takes place, and its answer is lost.
    Lose(usize),
}

/// The process was killed.
struct Killed;

impl World {
    fn new(cuts: &[Cut]) -> Self {
        Self {
            object: new().object,
            now: at(0),
            manifests: BTreeSet::new(),
            memory: Memory::default(),
            task: None,
            ids: 0,
            points: 0,
            cuts: cuts.to_vec(),
        }
    }

    /// A point at which something of the outside has happened, or is about to.
    fn point(&mut self) -> Result<(), Killed> {
        self.points += 1;
        if self.cuts.contains(&Cut::Kill(self.points)) {
            return Err(Killed);
        }
        Ok(())
    }

    fn is_lost(&self) -> bool {
        self.cuts.contains(&Cut::Lose(self.points))
    }

    fn observe(&mut self) -> State {
        let memory = self.memory.clone();
        let memo = memory.memo(self.object.status.as_ref());
        let run = memo.run.as_ref().map(|run| run.id.clone());
        self.ids += 1;
        let task = match &self.task {
            Some((of, job, stage)) if Some(of) == run.as_ref() => Some((job.clone(), *stage)),
            _ => None,
        };
        let task = task.map(|(job, stage)| match self.ended(&job, stage) {
            None => Task::Running(job, None),
            Some(outcome) => {
                self.task = None;
                Task::Ended(job, outcome)
            }
        });
        State {
            began: self.now,
            memo,
            fresh_id: format!("{:04x}", self.ids),
            task,
            memory,
            ..new().state
        }
    }

    fn ended(&self, job: &Job, stage: u8) -> Option<Outcome> {
        let id = self.task.as_ref().map(|(of, ..)| of.clone()).unwrap_or_default();
        Some(Ok(match job {
            Job::Make if stage >= 2 => Done::Made(Box::new(made(&id))),
            Job::Verify(level) if stage >= 1 => Done::Verified(*level, self.now),
            Job::Copy(destination) if stage >= 2 => Done::Copied {
                destination: destination.clone(),
                path: path(&id),
            },
            _ => return None,
        }))
    }

    /// The task of the process goes on by a stage.
    fn work(&mut self) -> Result<(), Killed> {
        self.point()?;
        let Some((id, job, stage)) = self.task.clone() else {
            return Ok(());
        };
        match (&job, stage) {
            // The object is read afresh before the manifest is written.
            (Job::Make, 0) => {
                let run = self
                    .object
                    .status
                    .as_ref()
                    .and_then(|status| status.run.clone())
                    .unwrap();
                assert!(
                    may_be_finished(&self.object, &run) && run.id == id,
                    "nobody else is there"
                );
            }
            (Job::Make, 1) => {
                self.manifests.insert(("primary".to_owned(), path(&id)));
            }
            (Job::Copy(destination), 1) => {
                self.manifests.insert((destination.clone(), path(&id)));
            }
            _ => {}
        }
        self.task = Some((id, job, stage + 1));
        self.point()
    }

    fn act(&mut self, state: &State, step: &Step) -> Result<StepResult, Killed> {
        self.point()?;
        let run = state.memo.run.as_ref().map(|run| run.id.clone());
        let result = match step {
            Step::Begin(run) => {
                self.task = Some((run.id.clone(), Job::Make, 0));
                StepResult::Started
            }
            Step::Start(job) => {
                self.task = Some((run.unwrap(), job.clone(), 0));
                StepResult::Started
            }
            Step::Look => {
                let id = run.unwrap();
                let is_there = self.manifests.contains(&("primary".to_owned(), path(&id)));
                StepResult::Looked(if is_there {
                    Found::Made(Box::new(made(&id)))
                } else {
                    Found::Nothing
                })
            }
            Step::Stop | Step::Check(_) | Step::Audit | Step::Expire(_) => panic!("nobody asks for {step:?}"),
        };
        self.point()?;
        Ok(result)
    }

    fn write(&mut self, status: BackupStatus) -> Result<bool, Killed> {
        self.point()?;
        self.object.status = Some(status);
        self.point()?;
        Ok(!self.is_lost())
    }

    /// A pass as the operator makes it; how it ended, if it did.
    fn pass(&mut self) -> Result<Option<End>, Killed> {
        let mut pass = Pass::<Kind>::new(Arc::new(self.object.clone()), self.now + SignedDuration::from_hours(1));
        let end = loop {
            match pass.next(self.now) {
                Effect::Observe => {
                    let state = self.observe();
                    pass.observed(state, self.now);
                }
                Effect::Admit(_) => pass.admitted(Ok(()), self.now),
                Effect::Record(status) | Effect::Report(status) => {
                    if !self.write(status)? {
                        break None;
                    }
                    let object = self.object.clone();
                    pass.status_written(&object);
                }
                Effect::Act(step) => {
                    let state = pass.state().unwrap().clone();
                    let result = self.act(&state, &step)?;
                    pass.acted(Ok(result), self.now);
                }
                Effect::Publish(_) => {}
                Effect::SetFinalizer(_) => panic!("it wants none"),
                Effect::End(end) => break Some(end),
            }
        };
        if let Some((state, decision)) = pass.into_parts() {
            self.memory = <Kind as crate::reconcile::kind::Kind>::into_memory(state, &decision);
        }
        Ok(end)
    }

    /// The next process knows nothing.
    fn restart(&mut self) {
        self.task = None;
        self.memory = Memory::default();
    }

    fn is_settled(&self) -> bool {
        let status = self.object.status.as_ref();
        status.is_some_and(|status| ConditionType::Ready.is_true(&status.common.conditions)) && self.task.is_none()
    }

    /// Runs until the backup is complete everywhere; the number of points that there were.
    fn run(mut self) -> (Self, usize) {
        for _ in 0..PASSES {
            let went_on = self.pass().and_then(|_| self.work());
            if went_on.is_err() {
                self.restart();
            }
            self.now += SignedDuration::from_secs(20);
            if self.is_settled() && self.copies() == ["Complete", "Complete"] {
                let points = self.points;
                return (self, points);
            }
        }
        panic!("not complete after {PASSES} passes: {:#?}", self.object.status);
    }

    fn copies(&self) -> Vec<String> {
        let copies = self.object.status.iter().flat_map(|status| &status.copies);
        copies.map(|copy| format!("{:?}", copy.state)).collect()
    }
}

#[track_caller]
fn has_one_complete_backup(world: &World, cuts: &[Cut]) {
    let status = world.object.status.as_ref().unwrap();
    let id = &status.run.as_ref().unwrap().id;
    let expected = ["primary", "second"].map(|destination| (destination.to_owned(), path(id)));
    assert_eq!(world.manifests, expected.into(), "{cuts:?}");
    assert_eq!(status.verified.len(), 1, "{cuts:?}");
}

#[test]
fn a_process_that_ends_anywhere_leaves_exactly_one_complete_backup() {
    let (world, points) = World::new(&[]).run();
    has_one_complete_backup(&world, &[]);
    assert!(points > 20, "{points}");
    for point in 1..=points {
        for cuts in [[Cut::Kill(point)], [Cut::Lose(point)]] {
            let (world, _) = World::new(&cuts).run();
            has_one_complete_backup(&world, &cuts);
        }
    }
}

#[test]
fn two_ends_and_lost_answers_in_one_history_do_not_add_up() {
    let (_, points) = World::new(&[]).run();
    // A run that was cut has more points than one that was not.
    for first in 1..=points {
        for second in first + 1..=points * 2 {
            for cuts in [
                [Cut::Kill(first), Cut::Kill(second)],
                [Cut::Lose(first), Cut::Kill(second)],
                [Cut::Kill(first), Cut::Lose(second)],
            ] {
                let (world, _) = World::new(&cuts).run();
                has_one_complete_backup(&world, &cuts);
            }
        }
    }
}

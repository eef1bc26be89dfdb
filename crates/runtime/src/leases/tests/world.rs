//! Processes that share the Leases of several shards, on an API server that counts its versions.

use std::{
    collections::{BTreeMap, VecDeque},
    num::NonZeroU32,
    time::Duration,
};

use ace_domain::reconcile::shard::Shards;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{api::ObjectMeta, runtime::watcher::Event as Seen};

use super::super::{Terms, assignment::Assignment, election::Write, names::Names};

/// Between two turns of processes that are left alone.
pub(super) const TURN: Duration = Duration::from_millis(100);

pub(super) struct World {
    pub(super) now: Duration,
    /// What became of Leases, in the order of versions: name and Lease, which is none where it was deleted.
    pub(super) log: Vec<(String, Lease, bool)>,
    pub(super) leases: BTreeMap<String, Lease>,
    pub(super) processes: Vec<Process>,
    /// Writes of which nobody waits for the answer any more.
    pub(super) late: VecDeque<(String, Write)>,
    lives: u64,
}

pub(super) struct Process {
    identity: String,
    pub(super) number: u32,
    pub(super) assignment: Assignment,
    /// Its clock is so far ahead of the others'.
    ahead: Duration,
    /// How much of the log it has seen; nothing where it has not listed.
    seen: Option<usize>,
    /// Writes on their way.
    sent: VecDeque<(u32, Write, Duration)>,
    /// Answers on their way.
    answers: VecDeque<(u32, Write, Duration, Option<Lease>)>,
}

fn names(number: u32) -> Names {
    Names::new("ace-operator".to_owned(), shards(number))
}

fn shards(number: u32) -> Shards {
    Shards::new(NonZeroU32::new(number).unwrap())
}

impl Process {
    pub(super) fn new(identity: String, number: u32, ahead: Duration) -> Self {
        let assignment = Assignment::new(identity.clone(), names(number), shards(number), Terms::default());
        Self {
            identity,
            number,
            assignment,
            ahead,
            seen: None,
            sent: VecDeque::new(),
            answers: VecDeque::new(),
        }
    }

    /// The shards that it acts on.
    pub(super) fn acts(&self, now: Duration) -> Vec<u32> {
        let holding = self.assignment.holding();
        let now = now + self.ahead;
        let open = holding.parts().iter().filter(|(_, part)| part.fence.is_open_at(now));
        open.map(|(shard, _)| *shard).collect()
    }
}

impl World {
    /// So many processes by this number of shards.
    pub(super) fn new(processes: usize, number: u32) -> Self {
        let mut world = Self {
            now: Duration::from_secs(100),
            log: Vec::new(),
            leases: BTreeMap::new(),
            processes: Vec::new(),
            late: VecDeque::new(),
            lives: 0,
        };
        for _ in 0..processes {
            world.start(number);
        }
        world
    }

    pub(super) fn start(&mut self, number: u32) {
        self.start_cold(number);
        if let Some(started) = self.processes.last_mut() {
            started.assignment.warm();
        }
    }

    /// It could not begin a pass yet.
    pub(super) fn start_cold(&mut self, number: u32) {
        self.lives += 1;
        let identity = format!("process-{}", self.lives);
        // An hour apart, one from the next.
        let ahead = Duration::from_hours(self.lives % 3);
        self.processes.push(Process::new(identity, number, ahead));
    }

    /// Its pod is gone; what it has sent may still arrive.
    pub(super) fn kill(&mut self, process: usize) {
        let killed = self.processes.remove(process);
        let names = names(killed.number);
        self.late.extend(
            killed
                .sent
                .into_iter()
                .map(|(shard, write, _)| (names.of(shard), write)),
        );
    }

    /// Its container is started again, in the same pod or in another one.
    pub(super) fn restart(&mut self, process: usize, number: u32, is_same_pod: bool) {
        let (identity, ahead) = (self.processes[process].identity.clone(), self.processes[process].ahead);
        self.kill(process);
        if !is_same_pod {
            return self.start(number);
        }
        let mut process = Process::new(identity, number, ahead);
        process.assignment.warm();
        self.processes.push(process);
    }

    pub(super) fn put(
        &mut self,
        name: &str,
        spec: Option<LeaseSpec>,
        annotations: Option<BTreeMap<String, String>>,
    ) -> Lease {
        let version = self.log.len() + 1;
        let uid = self.leases.get(name).and_then(|lease| lease.metadata.uid.clone());
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                uid: uid.or_else(|| Some(version.to_string())),
                resource_version: Some(version.to_string()),
                annotations,
                ..ObjectMeta::default()
            },
            spec,
        };
        self.log.push((name.to_owned(), lease.clone(), true));
        self.leases.insert(name.to_owned(), lease.clone());
        lease
    }

    pub(super) fn write(&mut self, name: &str, write: &Write) -> Option<Lease> {
        let version = self
            .leases
            .get(name)
            .and_then(|lease| lease.metadata.resource_version.clone());
        if version != write.version {
            return None;
        }
        let spec = write.kept.clone().unwrap_or_else(|| LeaseSpec {
            holder_identity: Some(write.holder.clone()),
            lease_transitions: Some(write.transitions),
            ..LeaseSpec::default()
        });
        Some(self.put(name, Some(spec), write.annotations()))
    }

    pub(super) fn delete(&mut self, name: &str) {
        if let Some(mut lease) = self.leases.remove(name) {
            lease.metadata.resource_version = Some((self.log.len() + 1).to_string());
            self.log.push((name.to_owned(), lease, false));
        }
    }

    pub(super) fn turn(&mut self, process: usize) {
        let state = &mut self.processes[process];
        let now = self.now + state.ahead;
        if state.assignment.has_lost(now) {
            // It ends, and its container is started again.
            let number = state.number;
            return self.restart(process, number, true);
        }
        let next = state.assignment.next(now);
        state
            .sent
            .extend(next.writes.into_iter().map(|(shard, write)| (shard, write, now)));
    }

    /// A write of it reaches the API server.
    pub(super) fn reach(&mut self, process: usize) {
        let state = &mut self.processes[process];
        let Some((shard, write, began)) = state.sent.pop_front() else {
            return;
        };
        let name = names(state.number).of(shard);
        let answer = self.write(&name, &write);
        self.processes[process].answers.push_back((shard, write, began, answer));
    }

    /// It has waited long enough for an answer. The write may arrive later.
    pub(super) fn give_up(&mut self, process: usize) {
        let state = &mut self.processes[process];
        let now = self.now + state.ahead;
        if let Some((shard, write, _)) = state.sent.pop_front() {
            state.assignment.refused(shard, now);
            let name = names(state.number).of(shard);
            self.late.push_back((name, write));
        } else if let Some((shard, ..)) = state.answers.pop_front() {
            state.assignment.refused(shard, now);
        }
    }

    /// All that it has sent is answered.
    pub(super) fn answered(&mut self, process: usize) {
        while !self.processes[process].sent.is_empty() {
            self.reach(process);
        }
        while !self.processes[process].answers.is_empty() {
            self.answer(process);
        }
    }

    pub(super) fn answer(&mut self, process: usize) {
        let state = &mut self.processes[process];
        let now = self.now + state.ahead;
        match state.answers.pop_front() {
            Some((shard, write, began, Some(lease))) => state.assignment.written(shard, &write, &lease, began),
            Some((shard, _, _, None)) => state.assignment.refused(shard, now),
            None => {}
        }
    }

    /// It is shown so many more changes; a list, where it has had none.
    pub(super) fn watch(&mut self, process: usize, most: usize) {
        let state = &mut self.processes[process];
        let Some(seen) = state.seen else {
            return self.list(process);
        };
        for (_, lease, is_there) in self.log.iter().skip(seen).take(most) {
            let event = if *is_there {
                Seen::Apply(lease.clone())
            } else {
                Seen::Delete(lease.clone())
            };
            state.assignment.observe(&event, self.now + state.ahead);
        }
        state.seen = Some(self.log.len().min(seen.saturating_add(most)));
    }

    pub(super) fn list(&mut self, process: usize) {
        let state = &mut self.processes[process];
        let all = self.leases.values().cloned().map(Seen::InitApply);
        for event in [Seen::Init].into_iter().chain(all).chain([Seen::InitDone]) {
            state.assignment.observe(&event, self.now + state.ahead);
        }
        state.seen = Some(self.log.len());
    }

    /// Passes on what it lets go have ended.
    pub(super) fn drain(&mut self, process: usize) {
        let state = &mut self.processes[process];
        let holding = state.assignment.holding();
        for (shard, _) in holding.parts().iter().filter(|(_, part)| part.is_leaving) {
            state.assignment.drained(*shard);
        }
    }

    /// Nothing is late for this time.
    pub(super) fn left_alone(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            for process in 0..self.processes.len() {
                self.watch(process, usize::MAX);
                self.drain(process);
                self.turn(process);
                self.answered(process);
            }
            self.now += TURN;
            self.two_act().unwrap();
        }
    }

    pub(super) fn two_act(&self) -> Result<(), String> {
        let mut whose = BTreeMap::new();
        let mut number = None;
        for process in &self.processes {
            for shard in process.acts(self.now) {
                if let Some(other) = whose.insert(shard, &process.identity) {
                    return Err(format!("{other} and {} act on shard {shard}", process.identity));
                }
                if *number.get_or_insert(process.number) != process.number {
                    return Err(format!("{} acts beside another number of shards", process.identity));
                }
            }
        }
        Ok(())
    }

    /// How many shards each has, the most first.
    pub(super) fn loads(&self) -> Vec<usize> {
        let mut loads: Vec<usize> = self
            .processes
            .iter()
            .map(|process| process.acts(self.now).len())
            .collect();
        loads.sort_unstable_by(|one, other| other.cmp(one));
        loads
    }

    pub(super) fn epochs(&self) -> Vec<Option<i32>> {
        let spec = |lease: &Lease| lease.spec.as_ref().and_then(|spec| spec.lease_transitions);
        self.leases.values().map(spec).collect()
    }
}

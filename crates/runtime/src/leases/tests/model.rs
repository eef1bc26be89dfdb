//! Processes that compete for a Lease, with anything late, lost or paused: never two act.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use proptest::{collection::vec, prelude::*};

use super::{
    super::{
        Terms,
        election::{Action, Election, Write},
    },
    lease,
};

const PROCESSES: usize = 3;

#[derive(Clone, Debug)]
enum Event {
    /// A process looks what to do; a write of its reaches the API server now, or after so many events, or never.
    Turn(usize, Option<usize>),
    /// What the API server has answered arrives.
    Answer(usize),
    /// The answer is lost.
    Lost(usize),
    /// A process sees the Lease as it is.
    Watch(usize),
    /// A process sees it as it was so many versions before.
    Late(usize, usize),
    Deleted,
    Nonsense,
    /// So many tenths of a second pass; for a process that has no turn meanwhile it was stopped.
    Later(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let process = || 0..PROCESSES;
    prop_oneof![
        8 => (process(), prop::option::of(0_usize..6)).prop_map(|(process, after)| Event::Turn(process, after)),
        6 => process().prop_map(Event::Answer),
        1 => process().prop_map(Event::Lost),
        6 => process().prop_map(Event::Watch),
        1 => (process(), 1_usize..4).prop_map(|(process, before)| Event::Late(process, before)),
        1 => Just(Event::Deleted),
        1 => Just(Event::Nonsense),
        4 => (1_u64..60).prop_map(Event::Later),
        1 => (100_u64..400).prop_map(Event::Later),
    ]
}

struct Process {
    election: Election,
    /// A write on its way: when it began, and after how many events it reaches the API server.
    sent: Option<(Write, Duration, usize)>,
    /// What the API server has said to it.
    said: Option<(Write, Duration, Option<Lease>)>,
}

#[derive(Default)]
struct Server {
    /// Every version, `None` where it was deleted.
    versions: Vec<Option<Lease>>,
    uids: u64,
}

impl Server {
    fn now(&self) -> Option<&Lease> {
        self.versions.last()?.as_ref()
    }

    fn put(&mut self, holder: &str, transitions: i32) -> Lease {
        let mut next = lease(self.versions.len() as u64 + 1, holder, transitions);
        if self.now().is_none() {
            self.uids += 1;
        }
        next.metadata.uid = Some(self.uids.to_string());
        self.versions.push(Some(next.clone()));
        next
    }

    fn write(&mut self, write: &Write) -> Option<Lease> {
        let version = self.now().and_then(|lease| lease.metadata.resource_version.clone());
        (version == write.version).then(|| self.put(&write.holder, write.transitions))
    }
}

proptest! {
    #[test]
    fn whatever_is_late_lost_or_paused_never_two_act(events in vec(event(), 1..400)) {
        let mut server = Server::default();
        let mut now = Duration::from_secs(100);
        let mut processes: Vec<Process> = (0..PROCESSES)
            .map(|number| Process {
                election: Election::new(format!("process-{number}"), Terms::default()),
                sent: None,
                said: None,
            })
            .collect();
        for event in events {
            // Writes that were on their way arrive.
            for process in &mut processes {
                match process.sent.take() {
                    Some((write, began, 0)) => {
                        let answer = server.write(&write);
                        process.said = Some((write, began, answer));
                    }
                    Some((write, began, left)) => process.sent = Some((write, began, left - 1)),
                    None => {}
                }
            }
            match event {
                Event::Turn(number, after) => {
                    let process = &mut processes[number];
                    // A process that has lost it begins anew, as nobody.
                    if process.election.has_lost(now) {
                        process.election = Election::new(format!("process-{number}"), Terms::default());
                        (process.sent, process.said) = (None, None);
                    }
                    if process.sent.is_none() && process.said.is_none()
                        && let Action::Write(write) = process.election.next(Duration::ZERO, now)
                    {
                        match after {
                            Some(after) => process.sent = Some((write, now, after)),
                            None => process.election.refused(now),
                        }
                    }
                }
                Event::Answer(number) => {
                    let process = &mut processes[number];
                    match process.said.take() {
                        Some((write, began, Some(answer))) => {
                            process.election.written(&write, &answer, began);
                            process.election.admit();
                        }
                        Some((_, _, None)) => process.election.refused(now),
                        None => {}
                    }
                }
                Event::Lost(number) => {
                    if processes[number].said.take().is_some() {
                        processes[number].election.refused(now);
                    }
                }
                Event::Watch(number) => processes[number].election.observe(server.now(), now),
                Event::Late(number, before) => {
                    let place = server.versions.len().checked_sub(1 + before);
                    if let Some(Some(late)) = place.map(|place| &server.versions[place]) {
                        processes[number].election.observe(Some(late), now);
                    }
                }
                Event::Deleted => {
                    if server.now().is_some() {
                        server.versions.push(None);
                    }
                }
                Event::Nonsense => {
                    if server.now().is_some() {
                        server.put("nobody\u{7}", -7);
                    }
                }
                Event::Later(tenths) => now += Duration::from_millis(100 * tenths),
            }
            let act = processes.iter().filter(|process| {
                process.election.fence().is_some_and(|fence| fence.is_open_at(now))
            });
            prop_assert!(act.count() <= 1);
        }
    }
}

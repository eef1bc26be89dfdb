//! Processes that share the Leases of several shards, with anything late, lost or paused: never two act on one shard, or by two
//! numbers of shards; and once they are left alone each has as many as the others.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use proptest::{collection::vec, prelude::*};

use super::{
    super::Terms,
    world::{TURN, World},
};

/// Long enough for whatever was lost to expire, and for shards to go where they belong.
const SETTLE: Duration = Duration::from_mins(2);

#[test]
fn three_have_three_three_and_two_of_eight_whoever_comes_and_goes() {
    let mut world = World::new(3, 8);
    world.left_alone(SETTLE);
    assert_eq!(world.loads(), [3, 3, 2]);
    world.kill(0);
    world.left_alone(SETTLE);
    assert_eq!(world.loads(), [4, 4]);
    world.start(8);
    world.left_alone(SETTLE);
    assert_eq!(world.loads(), [3, 3, 2]);
    for _ in 0..6 {
        world.start(8);
    }
    world.left_alone(SETTLE);
    assert_eq!(world.loads(), [1, 1, 1, 1, 1, 1, 1, 1, 0]);
}

#[test]
fn once_all_have_what_is_theirs_nothing_is_written_but_twelve_renewals_a_minute() {
    let mut world = World::new(3, 8);
    world.left_alone(SETTLE);
    let (before, epochs) = (world.log.len(), world.epochs());
    world.left_alone(Duration::from_mins(10));
    assert_eq!(world.epochs(), epochs, "none goes from one to another");
    let written = world.log.len() - before;
    // A turn late at each.
    assert!((8 * 10 * 11..=8 * 10 * 12).contains(&written), "{written}");
}

#[test]
fn those_of_another_number_wait_until_nobody_acts_by_the_old_one() {
    let mut world = World::new(2, 1);
    world.left_alone(SETTLE);
    assert_eq!(world.loads(), [1, 0]);
    // As a Deployment does: a new pod is ready before an old one ends.
    world.start(8);
    world.left_alone(SETTLE);
    assert_eq!(world.processes[2].acts(world.now), [0; 0]);
    for _ in 0..2 {
        world.kill(0);
        world.start(8);
        world.left_alone(SETTLE);
    }
    assert_eq!(world.loads(), [3, 3, 2]);
}

#[test]
fn who_has_not_been_shown_its_own_write_does_not_act() {
    let mut world = World::new(1, 1);
    world.start(4);
    for process in 0..2 {
        world.list(process);
    }
    let began = world.now;
    while world.now < began + Terms::default().duration * 2 {
        for process in 0..2 {
            world.turn(process);
            world.answered(process);
        }
        world.now += TURN;
        assert_eq!(world.loads(), [0, 0], "neither knows that the other has taken one");
    }
    world.left_alone(SETTLE);
    assert!(world.loads()[0] > 0, "{:?}", world.loads());
}

#[test]
fn who_is_started_again_in_its_pod_goes_on_at_once_by_the_next_epoch() {
    let mut world = World::new(2, 2);
    world.left_alone(SETTLE);
    let (before, epochs) = (world.now, world.epochs());
    world.restart(0, 2, true);
    while world.loads() != [1, 1] {
        world.left_alone(TURN);
    }
    assert!(world.now < before + Terms::default().deadline, "it waits for nothing");
    let after: i32 = world.epochs().into_iter().flatten().sum();
    assert_eq!(after, epochs.into_iter().flatten().sum::<i32>() + 1);
}

#[test]
fn a_shard_that_was_let_go_for_one_that_died_is_taken_by_the_others() {
    let mut world = World::new(1, 2);
    world.left_alone(SETTLE);
    world.start(2);
    let asks = |world: &World| {
        let is_asked = |lease: &Lease| lease.metadata.annotations.is_some();
        world.leases.values().any(is_asked)
    };
    while !asks(&world) {
        world.left_alone(TURN);
    }
    world.kill(1);
    world.left_alone(SETTLE);
    assert_eq!(world.loads(), [2]);
}

#[test]
fn who_could_not_begin_a_pass_takes_nothing() {
    let mut world = World::new(0, 2);
    world.start_cold(2);
    world.left_alone(SETTLE);
    assert_eq!(world.loads(), [0]);
    world.processes[0].assignment.warm();
    world.left_alone(SETTLE);
    assert_eq!(world.loads(), [2]);
    // Nor does who ends take more.
    world.processes[0].assignment.end();
    world.start(2);
    world.left_alone(SETTLE);
    assert_eq!(world.loads(), [1, 1]);
    world.kill(1);
    world.left_alone(SETTLE);
    assert_eq!(world.loads(), [1]);
}

#[derive(Clone, Debug)]
enum Event {
    Turn(usize),
    Reach(usize),
    Answer(usize),
    GiveUp(usize),
    /// A write arrives for whose answer nobody waits.
    Late,
    Watch(usize, usize),
    List(usize),
    Drain(usize),
    /// A container is started again; in another pod, or by another number of shards.
    Restart(usize, bool, Option<u32>),
    Deleted(usize),
    Nonsense(usize),
    /// So many tenths of a second pass; for a process that has no turn meanwhile it was stopped.
    Later(u64),
}

const NUMBERS: [u32; 3] = [1, 3, 4];

fn event() -> impl Strategy<Value = Event> {
    let process = || 0_usize..3;
    let number = prop::option::weighted(0.4, prop::sample::select(NUMBERS.to_vec()));
    prop_oneof![
        12 => process().prop_map(Event::Turn),
        16 => process().prop_map(Event::Reach),
        16 => process().prop_map(Event::Answer),
        1 => process().prop_map(Event::GiveUp),
        1 => Just(Event::Late),
        12 => (process(), 1_usize..6).prop_map(|(process, most)| Event::Watch(process, most)),
        1 => process().prop_map(Event::List),
        4 => process().prop_map(Event::Drain),
        1 => (process(), any::<bool>(), number).prop_map(|(process, same, number)| Event::Restart(process, same, number)),
        1 => (0_usize..8).prop_map(Event::Deleted),
        1 => (0_usize..8).prop_map(Event::Nonsense),
        6 => (1_u64..30).prop_map(Event::Later),
        1 => (100_u64..400).prop_map(Event::Later),
    ]
}

impl World {
    fn happens(&mut self, event: &Event) {
        match *event {
            Event::Turn(process) => self.turn(process),
            Event::Reach(process) => self.reach(process),
            Event::Answer(process) => self.answer(process),
            Event::GiveUp(process) => self.give_up(process),
            Event::Late => {
                if let Some((name, write)) = self.late.pop_front() {
                    self.write(&name, &write);
                }
            }
            Event::Watch(process, most) => self.watch(process, most),
            Event::List(process) => self.list(process),
            Event::Drain(process) => self.drain(process),
            Event::Restart(process, is_same_pod, number) => {
                // Whoever had a Lease that was deleted knows by then: one that starts anew can't see that there was one.
                for process in 0..self.processes.len() {
                    self.watch(process, usize::MAX);
                }
                let number = number.unwrap_or(self.processes[process].number);
                self.restart(process, number, is_same_pod);
            }
            Event::Deleted(place) => {
                if let Some(name) = self.leases.keys().nth(place).cloned() {
                    self.delete(&name);
                }
            }
            Event::Nonsense(place) => {
                if let Some(name) = self.leases.keys().nth(place).cloned() {
                    let spec = LeaseSpec {
                        holder_identity: Some("nobody\u{7}".to_owned()),
                        lease_transitions: Some(-7),
                        ..LeaseSpec::default()
                    };
                    self.put(&name, Some(spec), None);
                }
            }
            Event::Later(tenths) => self.now += Duration::from_millis(100 * tenths),
        }
    }
}

fn replaced_and_left_alone(world: &mut World) {
    for _ in 0..3 {
        world.restart(0, 4, false);
    }
    world.left_alone(SETTLE);
    assert_eq!(world.loads(), [2, 1, 1]);
    let epochs = world.epochs();
    world.left_alone(SETTLE);
    assert_eq!(world.epochs(), epochs, "none goes from one to another");
}

fn chaos(world: &mut World, events: &[Event]) -> Result<(), TestCaseError> {
    for event in events {
        world.happens(event);
        world.two_act().map_err(TestCaseError::fail)?;
    }
    Ok(())
}

#[test]
fn who_does_not_know_that_somebody_wrote_nonsense_into_its_lease_is_waited_for() {
    use Event::{Answer, Later, Nonsense, Reach, Restart, Turn, Watch};
    let events = [
        Restart(0, false, Some(1)),
        Watch(2, 1),
        Turn(2),
        Restart(0, false, None),
        Reach(1),
        Turn(0),
        Later(1),
        Answer(1),
        Turn(0),
        Reach(0),
        Later(100),
        Answer(0),
        Turn(1),
        Reach(1),
        Turn(0),
        Reach(0),
        Answer(1),
        Restart(2, false, None),
        Nonsense(0),
        Watch(0, 1),
        Answer(0),
        Turn(1),
        Turn(0),
    ];
    chaos(&mut World::new(3, 4), &events).unwrap();
}

proptest! {
    #[test]
    fn whatever_is_late_lost_or_paused_never_two_act_on_one_project(events in vec(event(), 1..600)) {
        chaos(&mut World::new(3, 4), &events)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn whatever_has_happened_once_left_alone_each_has_as_many_as_the_others(events in vec(event(), 1..400)) {
        let mut world = World::new(3, 4);
        chaos(&mut world, &events)?;
        replaced_and_left_alone(&mut world);
    }
}

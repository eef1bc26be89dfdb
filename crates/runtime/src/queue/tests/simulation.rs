//! Hours of passes, in which the clock goes on by itself.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    time::{Duration, Instant},
};

use ace_domain::reconcile::timing::Timing;

use super::super::{Class, Limits, Queue};

/// An object of a tenant.
type Object = (u32, u32);

/// Passes that take some time, one after another.
struct Simulation {
    queue: Queue<Object, u32>,
    start: Instant,
    now: Duration,
    ends: BinaryHeap<Reverse<(Duration, Object)>>,
    /// When each pass over these objects began.
    began: HashMap<Object, Vec<Duration>>,
    passes: u32,
}

impl Simulation {
    fn new() -> Self {
        Self {
            queue: Queue::new(Limits::new(Timing::default())),
            start: Instant::now(),
            now: Duration::ZERO,
            ends: BinaryHeap::new(),
            began: HashMap::new(),
            passes: 0,
        }
    }

    fn wake(&mut self, object: Object, class: Class) {
        self.queue.wake(&object, &object.0, class, self.start + self.now);
    }

    /// Lets passes of about this length begin and end until then. `due`: when an object is due again after one.
    fn run_until(&mut self, until: Duration, length: Duration, due: Option<(Duration, Class)>) {
        loop {
            while let Some(object) = self.queue.next(self.start + self.now) {
                // No two end at once: a tenth more or less.
                self.passes = self.passes.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                let length = length.mul_f64(0.9 + f64::from(self.passes >> 16) / f64::from(1 << 16) * 0.2);
                self.began.entry(object).or_default().push(self.now);
                self.ends.push(Reverse((self.now + length, object)));
            }
            let next_end = self.ends.peek().map(|Reverse((at, _))| *at);
            let next_due = self.queue.due().map(|due| due - self.start);
            let Some(next) = next_end.into_iter().chain(next_due).min().filter(|next| *next <= until) else {
                self.now = until;
                return;
            };
            self.now = next;
            while let Some(Reverse((at, object))) = self.ends.peek().copied()
                && at <= self.now
            {
                self.ends.pop();
                let due = due.map(|(after, class)| (self.start + self.now + after, class));
                self.queue.done(&object, due);
            }
        }
    }
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() * 99 / 100]
}

#[test]
fn behind_a_hundred_thousand_a_change_takes_at_most_twice_as_long_as_in_quiet() {
    // Passes so long that what waits rises to the class of changes.
    let length = Duration::from_secs(4);
    let mut simulation = Simulation::new();
    let (tenants, each) = (100, 1_000);
    for number in 0..each {
        for tenant in 0..tenants {
            simulation.wake((tenant, number), Class::StartUp);
        }
    }
    let mut waited = Vec::new();
    let mut changes = 0;
    while simulation.queue.waiting() > 0 {
        let object = (changes % tenants, each + changes);
        let asked = simulation.now;
        simulation.wake(object, Class::Change);
        changes += 1;
        simulation.run_until(asked + Duration::from_secs(1), length, None);
        waited.push((asked, object));
    }
    assert!(
        simulation.now > Duration::from_mins(25),
        "it rises all the way: {:?}",
        simulation.now
    );
    let times = waited
        .iter()
        .map(|(asked, object)| simulation.began[object][0].abs_diff(*asked) + length);
    let p99 = p99(times.collect());
    assert!(p99 <= 2 * length, "{p99:?} of {changes} changes");
    assert_eq!(
        simulation.began.len(),
        (tenants * each + changes) as usize,
        "each had its turn"
    );
}

#[test]
fn more_than_can_be_done_is_done_evenly() {
    // A thousand objects of one project that answers nothing for ten seconds, each due again after a minute; and some of others.
    let mut simulation = Simulation::new();
    for number in 0..1_000 {
        simulation.wake((0, number), Class::Retry);
    }
    for tenant in 1..20 {
        simulation.wake((tenant, 0), Class::Retry);
    }
    let due = Some((Duration::from_mins(1), Class::Retry));
    simulation.run_until(Duration::from_hours(6), Duration::from_secs(10), due);
    let runs = |tenant: u32, number: u32| simulation.began.get(&(tenant, number)).map_or(0, Vec::len);
    let of_slow: Vec<usize> = (0..1_000).map(|number| runs(0, number)).collect();
    let (least, most) = (of_slow.iter().min().unwrap(), of_slow.iter().max().unwrap());
    assert!(*least > 0 && *most * 2 <= *least * 3, "{least} to {most} runs");
    // The others have theirs as if they were alone: every seventy seconds.
    for tenant in 1..20 {
        assert!(runs(tenant, 0) >= 6 * 3_600 / 72, "{} runs", runs(tenant, 0));
    }
}

#[test]
fn each_of_sixty_is_tried_before_any_is_tried_twice() {
    let mut simulation = Simulation::new();
    for number in 0..60 {
        simulation.wake((0, number), Class::Change);
    }
    // A deploy that hangs for a minute, and is tried again after fifteen seconds.
    simulation.run_until(Duration::from_secs(1), Duration::from_mins(1), None);
    simulation.queue.answered(&(0, 0), false);
    let due = Some((Duration::from_secs(15), Class::Retry));
    simulation.run_until(Duration::from_hours(2), Duration::from_mins(1), due);
    let last_first = simulation.began.values().map(|began| began[0]).max();
    let first_second = simulation
        .began
        .values()
        .filter_map(|began| began.get(1))
        .min()
        .copied();
    assert_eq!(simulation.began.len(), 60);
    assert!(last_first < first_second, "{last_first:?} and {first_second:?}");
}

mod model;
mod simulation;

use std::time::{Duration, Instant};

use super::{Class, Limits, Queue};

const LIMITS: Limits = Limits {
    all: 8,
    tenant: 4,
    unanswered: 1,
    patience: Duration::from_mins(5),
};

/// Objects and tenants are words: `a1` is the first of tenant `a`.
struct Case {
    queue: Queue<&'static str, &'static str>,
    start: Instant,
    second: u64,
}

fn new() -> Case {
    Case {
        queue: Queue::new(LIMITS),
        start: Instant::now(),
        second: 0,
    }
}

impl Case {
    fn now(&self) -> Instant {
        self.start + Duration::from_secs(self.second)
    }

    fn at(&mut self, second: u64) {
        self.second = second;
    }

    fn wakes(&mut self, class: Class, objects: &[&'static str]) {
        for object in objects {
            self.queue.wake(object, &&object[..1], class, self.now());
        }
    }

    /// Those that begin now, in their order.
    fn begin(&mut self) -> Vec<&'static str> {
        std::iter::from_fn(|| self.queue.next(self.now())).collect()
    }

    fn end(&mut self, objects: &[&'static str]) {
        for object in objects {
            self.queue.done(object, None);
        }
    }

    fn end_until(&mut self, object: &'static str, class: Class, second: u64) {
        let due = self.start + Duration::from_secs(second);
        self.queue.done(&object, Some((due, class)));
    }
}

#[test]
fn tenants_take_turns_and_the_longest_waiting_of_each_is_first() {
    let mut case = new();
    case.wakes(Class::Poll, &["a1", "a2", "a3", "b1", "c1", "b2"]);
    assert_eq!(case.begin(), ["a1", "b1", "c1", "a2", "b2", "a3"]);
}

#[test]
fn the_more_urgent_is_first_and_keeps_its_place_when_it_becomes_so() {
    let mut case = new();
    case.wakes(Class::StartUp, &["a1", "a2", "a3"]);
    case.wakes(Class::Retry, &["a4"]);
    case.wakes(Class::Change, &["a3", "a2"]);
    // A less urgent reason changes nothing.
    case.wakes(Class::Poll, &["a3"]);
    assert_eq!(case.begin(), ["a2", "a3", "a4", "a1"]);
}

#[test]
fn a_tenant_has_four_passes_and_one_while_it_gives_no_answer() {
    let mut case = new();
    case.wakes(Class::Change, &["a1", "a2", "a3", "a4", "a5", "a6", "b1"]);
    assert_eq!(case.begin(), ["a1", "b1", "a2", "a3", "a4"]);
    case.queue.answered(&"a1", false);
    case.end(&["a1", "a2", "a3"]);
    assert_eq!(case.begin(), [""; 0], "the fourth still runs");
    case.end(&["a4"]);
    assert_eq!(case.begin(), ["a5"]);
    case.queue.answered(&"a5", true);
    assert_eq!(case.begin(), ["a6"]);
    case.end(&["a5", "a6", "b1"]);
    assert_eq!(case.queue.tenants.len(), 0, "nothing is kept of who has nothing");
}

#[test]
fn all_together_have_a_limit() {
    let mut case = new();
    case.wakes(
        Class::Poll,
        &["a1", "a2", "a3", "a4", "b1", "b2", "b3", "b4", "c1", "c2"],
    );
    assert_eq!(case.begin().len(), LIMITS.all);
    case.wakes(Class::Change, &["d1"]);
    assert_eq!(case.begin(), [""; 0]);
    case.end(&["a1"]);
    assert_eq!(case.begin(), ["d1"]);
}

#[test]
fn what_is_woken_during_its_pass_has_one_more_and_no_two_at_once() {
    let mut case = new();
    case.wakes(Class::Poll, &["a1"]);
    assert_eq!(case.begin(), ["a1"]);
    case.wakes(Class::Poll, &["a1"]);
    case.wakes(Class::Change, &["a1"]);
    assert_eq!(case.begin(), [""; 0]);
    // Also where the pass says that nothing is due for long.
    case.end_until("a1", Class::Poll, 600);
    assert_eq!(case.begin(), ["a1"]);
    case.end(&["a1"]);
    assert_eq!(case.begin(), [""; 0]);
}

#[test]
fn what_is_due_waits_from_then_on_and_what_is_woken_before_is_not_due_any_more() {
    let mut case = new();
    case.wakes(Class::Change, &["a1", "a2"]);
    case.begin();
    case.end_until("a1", Class::Poll, 60);
    case.end_until("a2", Class::Retry, 30);
    assert_eq!(case.queue.due(), Some(case.start + Duration::from_secs(30)));
    case.at(29);
    assert_eq!(case.begin(), [""; 0]);
    case.wakes(Class::Dependency, &["a1"]);
    assert_eq!(case.begin(), ["a1"]);
    case.end(&["a1"]);
    case.at(61);
    assert_eq!(case.begin(), ["a2"]);
    assert_eq!(case.queue.due(), None);
}

#[test]
fn an_object_that_goes_is_not_passed_over_again_and_another_of_its_name_is() {
    let mut case = new();
    case.wakes(Class::Poll, &["a1", "a2", "a3"]);
    case.queue.forget(&"a2");
    assert_eq!(case.begin(), ["a1", "a3"]);
    case.end_until("a3", Class::Poll, 10);
    case.queue.forget(&"a3");
    case.wakes(Class::Poll, &["a1"]);
    case.queue.forget(&"a1");
    case.end_until("a1", Class::Poll, 10);
    case.at(20);
    assert_eq!(case.begin(), [""; 0]);
    case.wakes(Class::Change, &["a1"]);
    assert_eq!(case.begin(), ["a1"]);
    case.queue.forget(&"a1");
    case.wakes(Class::Change, &["a1"]);
    case.end(&["a1"]);
    assert_eq!(case.begin(), ["a1"]);
}

#[test]
fn what_has_waited_for_five_minutes_is_a_class_more_urgent() {
    let mut case = new();
    case.wakes(Class::Change, &["a1", "a2", "a3", "a4"]);
    case.begin();
    case.wakes(Class::Poll, &["a5"]);
    case.at(300);
    case.wakes(Class::Retry, &["a6"]);
    case.end(&["a1"]);
    assert_eq!(case.begin(), ["a5"]);
    // Its class is the same, and it has waited for longer.
    case.at(599);
    case.wakes(Class::Dependency, &["a7"]);
    case.end(&["a2"]);
    assert_eq!(case.begin(), ["a7"]);
    case.at(600);
    case.wakes(Class::Dependency, &["a8"]);
    case.end(&["a3"]);
    assert_eq!(case.begin(), ["a6"]);
}

#[test]
fn what_has_risen_to_the_class_of_a_change_takes_turns_with_later_changes_only() {
    let mut case = new();
    case.wakes(Class::Change, &["a1", "a2", "a3", "a4"]);
    case.begin();
    // Changes that nobody has tried yet, and what was tried before and waits since later.
    case.wakes(Class::Change, &["a5"]);
    case.at(1);
    case.wakes(Class::Dependency, &["a6", "a7"]);
    case.at(301);
    assert_eq!(case.begin(), [""; 0]);
    case.wakes(Class::Change, &["a8", "a9"]);
    let mut order = Vec::new();
    for ends in ["a1", "a2", "a3", "a4", "a5"] {
        case.end(&[ends]);
        order.extend(case.begin());
    }
    assert_eq!(order, ["a5", "a6", "a8", "a7", "a9"]);
}

#[test]
fn an_object_whose_platform_serves_another_project_now_waits_among_those() {
    let mut case = new();
    case.wakes(Class::Change, &["a1", "a2", "a3", "a4"]);
    case.begin();
    case.wakes(Class::Poll, &["a5"]);
    case.queue.wake(&"a5", &"b", Class::Poll, case.now());
    assert_eq!(case.begin(), ["a5"]);
}

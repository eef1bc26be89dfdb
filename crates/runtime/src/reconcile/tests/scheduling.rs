//! Passes as tasks: who begins beside whom, and how one ends.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use ace_domain::reconcile::{dependency::Dependency, shard::Shards, timing::Timing};
use futures::FutureExt;
use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    super::{Due, Runner, Scheduler},
    Hanging, key,
};
use crate::{
    index::{Dependents, ObjectId},
    leases::Holding,
    queue::{Class, Limits},
};

/// A scheduler of passes that wait for `go_on`; one over an object of a name with `panic` panics.
struct Fixture {
    scheduler: Scheduler,
    began: Arc<Mutex<Vec<String>>>,
    go_on: Arc<Semaphore>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

fn scheduling(due: Due) -> Fixture {
    let dependents = Dependents::new().0;
    for platform in ["prod", "other"] {
        for number in 0..10 {
            let object = ObjectId::of::<Hanging>(key(&format!("{platform}-{number}")));
            dependents.apply(&object, vec![Dependency::Platform(key(platform))], Vec::new());
        }
    }
    let (began, go_on) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(Semaphore::new(0)));
    let (noted, waits) = (began.clone(), go_on.clone());
    let runner: Runner = Box::new(move |key| {
        noted.lock().unwrap().push(key.name.clone());
        let waits = waits.clone();
        async move {
            assert!(!key.name.contains("panic"), "canary");
            waits.acquire().await.unwrap().forget();
            due
        }
        .boxed()
    });
    let (scheduler, stop) = (Scheduler::new(dependents, Timing::default()), CancellationToken::new());
    let runners = HashMap::from([("Hanging", runner)]);
    scheduler.hold(&Holding::all(Shards::ONE));
    let running = tokio::spawn(scheduler.clone().run(runners, stop.clone()));
    Fixture {
        scheduler,
        began,
        go_on,
        stop,
        running,
    }
}

impl Fixture {
    fn wakes(&self, names: &[&str]) {
        for name in names {
            self.scheduler.wake(&ObjectId::of::<Hanging>(key(name)), Class::Change);
        }
    }

    /// Those that began since, once nothing begins any more.
    async fn began(&self) -> Vec<String> {
        // The clock of these tests goes on by itself when everybody waits.
        tokio::time::sleep(Duration::from_millis(1)).await;
        std::mem::take(&mut self.began.lock().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn passes_that_hang_hold_up_their_own_tenant_only() {
    let fixture = scheduling(Due::ON_CHANGE);
    fixture.wakes(&["prod-0", "prod-1", "prod-2", "prod-3", "prod-4", "prod-5"]);
    assert_eq!(fixture.began().await.len(), Limits::new(Timing::default()).tenant);
    fixture.wakes(&["other-0"]);
    assert_eq!(fixture.began().await, ["other-0"]);
    fixture.go_on.add_permits(1);
    assert_eq!(fixture.began().await, ["prod-4"]);
    // No answer: no more of them than one.
    fixture
        .scheduler
        .answered(&ObjectId::of::<Hanging>(key("prod-4")), false);
    fixture.go_on.add_permits(2);
    assert_eq!(fixture.began().await, [""; 0]);
    fixture
        .scheduler
        .answered(&ObjectId::of::<Hanging>(key("prod-4")), true);
    assert_eq!(fixture.began().await, ["prod-5"]);
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_panics_ends_no_other_and_is_repeated() {
    let fixture = scheduling(Due::ON_CHANGE);
    fixture.wakes(&["panic", "prod-0"]);
    assert_eq!(fixture.began().await, ["panic", "prod-0"]);
    fixture.go_on.add_permits(1);
    fixture.wakes(&["prod-1"]);
    assert_eq!(fixture.began().await, ["prod-1"]);
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(fixture.began().await, ["panic"]);
    assert!(!fixture.running.is_finished());
}

#[tokio::test(start_paused = true)]
async fn an_object_is_due_again_when_its_pass_says_so() {
    let due = Due {
        wait: Some(Duration::from_secs(30)),
        class: Class::Poll,
    };
    let fixture = scheduling(due);
    fixture.go_on.add_permits(1);
    fixture.wakes(&["prod-0"]);
    assert_eq!(fixture.began().await, ["prod-0"]);
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(fixture.began().await, [""; 0]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(fixture.began().await, ["prod-0"]);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_nothing_begins_and_what_has_begun_is_completed() {
    // What is ready at the same time is looked at in any order.
    for _ in 0..32 {
        let mut fixture = scheduling(Due::ON_CHANGE);
        fixture.wakes(&["prod-0"]);
        assert_eq!(fixture.began().await, ["prod-0"]);
        fixture.stop.cancel();
        fixture.wakes(&["prod-1"]);
        assert_eq!(fixture.began().await, [""; 0]);
        assert!(!fixture.running.is_finished());
        fixture.go_on.add_permits(1);
        (&mut fixture.running).await.unwrap();
        assert_eq!(fixture.began().await, [""; 0]);
    }
}
